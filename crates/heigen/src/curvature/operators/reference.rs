//! References to operators are operators, so that one chosen at run time can be restricted or shifted.

use crate::curvature::SymmetricOperator;
use crate::linalg::{Matrix, Scalar};

impl<T: Scalar, O: SymmetricOperator<T> + ?Sized> SymmetricOperator<T> for &O {
    fn n_params(&self) -> usize {
        (**self).n_params()
    }

    fn apply(&self, directions: &Matrix<T>, out: &mut Matrix<T>) {
        (**self).apply(directions, out);
    }
}

//! An operator with a multiple of the identity added.

use crate::curvature::SymmetricOperator;
use crate::linalg::{Matrix, Scalar};

/// A + mu I, e.g. the Hessian of the loss with weight decay.
///
/// The Hessian of L(theta) + mu/2 |theta|^2 is H + mu I; mu is `weight_decay` of PyTorch's optimizers, which add
/// mu theta to the gradient. Every eigenvalue of A grows by mu; eigenvectors stay.
///
/// # Shapes
/// As `operator`.
///
/// # Cost
/// Beyond that of `operator`, 2 P K operations for K products.
#[derive(Clone, Copy, Debug)]
pub struct Shifted<O, T> {
    /// A.
    pub operator: O,
    /// mu.
    pub shift: T,
}

impl<T: Scalar, O: SymmetricOperator<T>> SymmetricOperator<T> for Shifted<O, T> {
    fn n_params(&self) -> usize {
        self.operator.n_params()
    }

    fn exact_trace(&self) -> Option<f64> {
        self.operator.exact_trace().map(|trace| trace + self.shift.to_f64() * self.n_params() as f64)
    }

    fn rounding(&self) -> f64 {
        self.operator.rounding()
    }

    fn apply(&self, directions: &Matrix<T>, out: &mut Matrix<T>) {
        self.operator.apply(directions, out);
        out.data.iter_mut().zip(&directions.data).for_each(|(out, &v)| *out += self.shift * v);
    }
}

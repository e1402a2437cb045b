//! The block of an operator that belongs to some parameters.

use super::{ParamSelection, ParamSelectionError};
use crate::curvature::SymmetricOperator;
use crate::linalg::{Matrix, Scalar};

/// An operator with all but some parameters held fixed: S^T A S, S the P_sub columns of the identity of the chosen ones.
///
/// # Shapes
/// Symmetric, [P_sub, P_sub]; products take [P_sub, K] to [P_sub, K]. Sub-vectors follow the order of theta;
/// [`ParamSelection::embed`] takes eigenvectors back to theta's space.
///
/// # Cost
/// That of K products of the whole operator, and two blocks [P, K] of memory.
#[derive(Clone, Debug)]
pub struct Restricted<O> {
    operator: O,
    selection: ParamSelection,
}

impl<O> Restricted<O> {
    /// The block of `operator` that belongs to the parameters of `selection`.
    ///
    /// # Errors
    /// [`ParamSelectionError::Size`] if the choice was made among another number of parameters.
    pub fn new<T: Scalar>(operator: O, selection: ParamSelection) -> Result<Self, ParamSelectionError>
    where
        O: SymmetricOperator<T>,
    {
        if operator.n_params() != selection.n_params() {
            let (selection, operator) = (selection.n_params(), operator.n_params());
            return Err(ParamSelectionError::Size { selection, operator });
        }
        Ok(Self { operator, selection })
    }

    /// The chosen parameters.
    pub fn selection(&self) -> &ParamSelection {
        &self.selection
    }
}

impl<T: Scalar, O: SymmetricOperator<T>> SymmetricOperator<T> for Restricted<O> {
    /// P_sub.
    fn n_params(&self) -> usize {
        self.selection.len()
    }

    fn rounding(&self) -> f64 {
        self.operator.rounding()
    }

    fn apply(&self, directions: &Matrix<T>, out: &mut Matrix<T>) {
        let all = self.operator.product(&self.selection.embed(directions));
        self.selection.extract(&all, out);
    }
}

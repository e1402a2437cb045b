//! An operator with a multiple of the identity added.

use crate::operator::Split;
use crate::{Failure, Space, SymmetricOperator};

/// The operator A + mu I, e.g. the Hessian of the loss with weight decay.
///
/// The Hessian of L(theta) + mu/2 |theta|^2 is H + mu I; mu is `weight_decay` of PyTorch's optimizers, which add
/// mu theta to the gradient. Every eigenvalue of A grows by mu; eigenvectors stay.
///
/// # Shapes
/// The shape of `operator`.
///
/// # Cost
/// The cost of `operator`, and 2 P K operations for K products.
#[derive(Clone, Copy, Debug)]
pub struct Shifted<O> {
    /// A.
    pub operator: O,
    /// mu.
    pub shift: f64,
}

impl<S: Space, O: SymmetricOperator<S>> SymmetricOperator<S> for Shifted<O> {
    fn space(&self) -> S {
        self.operator.space()
    }

    fn exact_trace(&self) -> Option<f64> {
        self.operator.exact_trace().map(|trace| trace + self.shift * self.n_params() as f64)
    }

    fn rounding(&self) -> f64 {
        self.operator.rounding()
    }

    fn split(&self) -> Result<Option<Split<'_, S>>, Failure> {
        let all = 0..self.n_params();
        Ok(Some(Split { rest: Box::new(&self.operator), shift: self.shift, coordinates: vec![all] }))
    }

    fn recomputed(&self, directions: &S::Block, trial: u32) -> Result<Option<S::Block>, Failure> {
        let Some(mut out) = self.operator.recomputed(directions, trial)? else { return Ok(None) };
        let space = self.space();
        space.add_scaled(&vec![self.shift; space.columns(directions)], space.all(directions), &mut out)?;
        Ok(Some(out))
    }

    fn apply(&self, directions: &S::Block, out: &mut S::Block) -> Result<(), Failure> {
        self.operator.apply(directions, out)?;
        let space = self.space();
        let shifts = vec![self.shift; space.columns(directions)];
        space.add_scaled(&shifts, space.all(directions), out)
    }
}

//! The sum of two operators.

use crate::{Failure, Space, SymmetricOperator};

/// The operator A + B of two operators on the same space; sums of more operators are sums of sums.
///
/// # Shapes
/// The shape of both operators, which must have the same P.
///
/// # Cost
/// The cost of both operators, P K operations for K products, and one more block [P, K].
#[derive(Clone, Copy, Debug)]
pub struct Summed<A, B> {
    /// A.
    pub first: A,
    /// B.
    pub second: B,
}

impl<S: Space, A: SymmetricOperator<S>, B: SymmetricOperator<S>> SymmetricOperator<S> for Summed<A, B> {
    fn space(&self) -> S {
        self.first.space()
    }

    fn apply(&self, directions: &S::Block, out: &mut S::Block) -> Result<(), Failure> {
        self.first.apply(directions, out)?;
        let space = self.space();
        let second = self.second.product(directions)?;
        space.add_scaled(&vec![1.0; space.columns(directions)], space.all(&second), out)
    }

    fn exact_trace(&self) -> Option<f64> {
        self.first.exact_trace().zip(self.second.exact_trace()).map(|(a, b)| a + b)
    }

    fn recomputed(&self, directions: &S::Block, trial: u32) -> Result<Option<S::Block>, Failure> {
        let (first, second) = (self.first.recomputed(directions, trial)?, self.second.recomputed(directions, trial)?);
        let (Some(mut out), Some(second)) = (first, second) else { return Ok(None) };
        let space = self.space();
        space.add_scaled(&vec![1.0; space.columns(directions)], space.all(&second), &mut out)?;
        Ok(Some(out))
    }

    fn rounding(&self) -> f64 {
        self.first.rounding() + self.second.rounding()
    }
}

//! A multiple of an operator.

use crate::operator::Split;
use crate::{Failure, Space, SymmetricOperator, Watch};

/// The operator c A. Every eigenvalue of A is multiplied by c; eigenvectors stay.
///
/// # Shapes
/// The shape of `operator`.
///
/// # Cost
/// The cost of `operator`, and P K operations for K products.
#[derive(Clone, Copy, Debug)]
pub struct Scaled<O> {
    /// A.
    pub operator: O,
    /// c.
    pub factor: f64,
}

impl<S: Space, O: SymmetricOperator<S>> SymmetricOperator<S> for Scaled<O> {
    fn space(&self) -> S {
        self.operator.space()
    }

    fn apply(&self, directions: &S::Block, out: &mut S::Block) -> Result<(), Failure> {
        self.operator.apply(directions, out)?;
        let space = self.space();
        space.scale_columns(out, &vec![self.factor; space.columns(directions)])
    }

    fn written_out(
        &self,
        limit_bytes: f64,
        watch: &mut dyn Watch,
    ) -> Result<Option<Box<dyn SymmetricOperator<S> + '_>>, Failure> {
        let operator = self.operator.written_out(limit_bytes, watch)?;
        Ok(operator.map(|operator| {
            let scaled: Box<dyn SymmetricOperator<S> + '_> = Box::new(Scaled { operator, factor: self.factor });
            scaled
        }))
    }

    fn exact_trace(&self) -> Option<f64> {
        self.operator.exact_trace().map(|trace| self.factor * trace)
    }

    fn split(&self) -> Result<Option<Split<'_, S>>, Failure> {
        let Some(Split { rest, shift, coordinates }) = self.operator.split()? else { return Ok(None) };
        let rest = Scaled { operator: rest, factor: self.factor };
        Ok(Some(Split { rest: Box::new(rest), shift: self.factor * shift, coordinates }))
    }

    fn recomputed(&self, directions: &S::Block, trial: u32) -> Result<Option<S::Block>, Failure> {
        let Some(mut out) = self.operator.recomputed(directions, trial)? else { return Ok(None) };
        let space = self.space();
        space.scale_columns(&mut out, &vec![self.factor; space.columns(directions)])?;
        Ok(Some(out))
    }

    fn rounding(&self) -> f64 {
        self.factor.abs() * self.operator.rounding()
    }
}

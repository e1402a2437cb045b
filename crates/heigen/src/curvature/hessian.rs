//! The Hessian of the mean loss as an operator.

use super::factored::Factored;
use super::passes::{Reverse, forward_and_back};
use super::{Failure, Host, Problem, SymmetricOperator, Watch};
use crate::linalg::{Matrix, Scalar};

/// H = d^2 L / d theta^2 of a [`Problem`], [P, P]: its products are derivatives of the gradient along K directions
/// together.
///
/// Exact for piecewise-linear networks wherever no unit sits on its kink (where PyTorch's convention ReLU'(0) = 0 holds).
/// Cost of K products: about 12 N P K operations (Pearlmutter, Neural Computation 6 (1994), 147).
#[derive(Clone, Copy, Debug)]
pub struct Hessian<'a, T>(pub &'a Problem<'a, T>);

impl<T: Scalar> SymmetricOperator<Host<T>> for Hessian<'_, T> {
    fn space(&self) -> Host<T> {
        self.0.space().clone()
    }

    fn apply(&self, directions: &Matrix<T>, out: &mut Matrix<T>) -> Result<(), Failure> {
        forward_and_back(self.0, &self.0.delta(), Reverse::Everything, directions, out);
        Ok(())
    }

    fn exact_trace(&self) -> Option<f64> {
        self.0.hessian_trace()
    }

    fn rounding(&self) -> f64 {
        self.0.rounding()
    }

    fn written_out(
        &self,
        limit_bytes: f64,
        watch: &mut dyn Watch,
    ) -> Result<Option<Box<dyn SymmetricOperator<Host<T>> + '_>>, Failure> {
        let factored = Factored::of(self.0, limit_bytes, watch)?;
        Ok(factored.map(|f| Box::new(f) as Box<dyn SymmetricOperator<Host<T>>>))
    }
}

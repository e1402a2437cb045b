//! The functional remainder: the Hessian minus the Gauss-Newton matrix.

use super::of_problem;
use crate::curvature::passes::{Destination, Reverse, delta_at_logits, forward_and_back, weight_of_samples};
use crate::curvature::{Failure, Problem};
use crate::linalg::{Matrix, Scalar};
use crate::loss::LossDelta;
use crate::model::ColumnMap;
use std::num::NonZeroUsize;

/// The functional remainder H - G of the mean loss: the curvature of the network itself, weighted by the residuals.
///
/// R = 1/N sum_n sum_c delta_nc d^2 f_nc / d theta^2, with f_n the outputs of sample n and delta_n the derivative of its
/// loss with respect to them. H = G + R exactly, with G as [`GaussNewton`](super::GaussNewton) defines it.
///
/// R is computed from this formula and not by subtraction, so that it keeps its digits where the residuals are small,
/// at a minimum. In a piecewise-linear network only its blocks between different layers differ from zero.
///
/// The penalty of weight decay belongs to G wholly, so that R is the same with and without it.
///
/// # Shapes
/// Symmetric, indefinite, [P, P]; products take [P, K] to [P, K].
///
/// # Cost
/// About 12 N P K operations for K products, as for the Hessian.
///
/// # References
/// Papyan, *The full spectrum of deepnet Hessians at scale*, arXiv:1811.07062;
/// Sagun, Evci, Guney, Dauphin, Bottou, arXiv:1706.04454.
#[derive(Clone, Copy, Debug)]
pub struct FunctionalRemainder<'a, T>(pub &'a Problem<'a, T>);

of_problem!(FunctionalRemainder, FunctionalRemainder);

/// The product with the operator of the samples alone.
pub(super) fn apply<T: Scalar>(
    problem: &Problem<'_, T>,
    batch: Option<NonZeroUsize>,
    directions: &Matrix<T>,
    to: Destination<'_, T>,
) -> Result<(), Failure> {
    let constant = Constant(delta_at_logits(problem, weight_of_samples(problem)));
    forward_and_back(problem, &constant, Reverse::Everything, batch, directions, to)
}

/// The delta as a constant. Its change with the outputs is left out, because it gives the Gauss-Newton part of the
/// Hessian.
struct Constant<'a, T>(LossDelta<'a, T>);

impl<T: Scalar> ColumnMap<T, 1> for Constant<'_, T> {
    fn value(&self, n: usize, o: [&[T]; 1], out: &mut [T]) {
        self.0.value(n, o, out);
    }
    fn tangents(&self, _: usize, _: [&[T]; 1], _: [Option<&[T]>; 1], _: &mut [T]) -> bool {
        false
    }
}

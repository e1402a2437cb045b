//! The Hessian of the mean loss as an operator.

use super::operators::of_problem;
use super::passes::{Destination, Reverse, forward_and_back};
use super::{Failure, Problem};
use crate::linalg::{Matrix, Scalar};
use std::num::NonZeroUsize;

/// H = d^2 L / d theta^2 of a [`Problem`], [P, P], with mu on the diagonal for parameters that decay: its products are derivatives of the gradient along K directions
/// together.
///
/// Exact for piecewise-linear networks wherever no unit sits on its kink (where PyTorch's convention ReLU'(0) = 0 holds).
/// Cost of K products: about 12 N P K operations (Pearlmutter, Neural Computation 6 (1994), 147).
#[derive(Clone, Copy, Debug)]
pub struct Hessian<'a, T>(pub &'a Problem<'a, T>);

of_problem!(Hessian, Hessian);

/// The product with the Hessian of the samples' loss.
pub(super) fn apply<T: Scalar>(
    problem: &Problem<'_, T>,
    batch: Option<NonZeroUsize>,
    directions: &Matrix<T>,
    to: Destination<'_, T>,
) -> Result<(), Failure> {
    forward_and_back(problem, &problem.delta(), Reverse::Everything, batch, directions, to)
}

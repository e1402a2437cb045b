//! The Hessian of the mean loss as an operator.

use super::{Problem, SymmetricOperator};
use crate::linalg::{Matrix, Scalar};
use crate::model::{Algebra, Dual, Pool, Tape};
use faer::Par;
use rayon::prelude::*;

/// H = d^2 L / d theta^2 of a [`Problem`], [P, P], by the derivative of the gradient along K directions at once.
///
/// Exact for piecewise-linear networks wherever no unit sits on its kink (where PyTorch's convention ReLU'(0) = 0 holds).
/// Cost of K products: about 12 N P K operations (Pearlmutter, Neural Computation 6 (1994), 147).
#[derive(Clone, Copy, Debug)]
pub struct Hessian<'a, T>(pub &'a Problem<'a, T>);

/// Directions that one task takes through the network together.
const DIRECTIONS: usize = 8;

impl<T: Scalar> SymmetricOperator<T> for Hessian<'_, T> {
    fn n_params(&self) -> usize {
        self.0.n_params()
    }

    /// Groups of directions run in parallel, each sequential in itself: the result does not depend on the threads.
    fn apply(&self, directions: &Matrix<T>, out: &mut Matrix<T>) {
        let group = (self.n_params() * DIRECTIONS).max(1);
        let groups = out.data.par_chunks_mut(group).zip(directions.data.par_chunks(group));
        groups.for_each_init(Workspace::default, |workspace, (out, v)| self.few_products(workspace, v, out));
    }
}

#[derive(Debug)]
struct Workspace<T> {
    pool: Pool<T>,
}

impl<T: Scalar> Default for Workspace<T> {
    fn default() -> Self {
        Self { pool: Pool::new() }
    }
}

impl<T: Scalar> Hessian<'_, T> {
    fn few_products(self, workspace: &mut Workspace<T>, directions: &[T], out: &mut [T]) {
        let problem = self.0;
        let mut tape = Tape::recording();
        let mut dual = Dual::new(problem.theta(), directions, Some(out), &mut workspace.pool, Par::Seq);
        let x = dual.input(problem.inputs());
        let outputs = problem.network().forward(&mut dual, x, &mut tape);
        let delta = dual.per_sample([&outputs], &problem.delta());
        dual.recycle(outputs);
        problem.network().reverse(&mut dual, delta, &mut tape);
    }
}

//! Operators as sums over mini-batches.

use super::{EmpiricalFisher, FunctionalRemainder, GaussNewton};
use crate::curvature::{Failure, Hessian, Host, Problem, SymmetricOperator};
use crate::linalg::{Matrix, Scalar};
use std::num::NonZeroUsize;

/// The operators of a [`Problem`]; each is a mean over its samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperatorKind {
    /// The Hessian, [`Hessian`].
    Hessian,
    /// The generalized Gauss-Newton matrix, [`GaussNewton`].
    GaussNewton,
    /// The empirical Fisher matrix, [`EmpiricalFisher`].
    EmpiricalFisher,
    /// The functional remainder, [`FunctionalRemainder`].
    FunctionalRemainder,
}

impl OperatorKind {
    fn apply<T: Scalar>(
        self,
        problem: &Problem<'_, T>,
        directions: &Matrix<T>,
        out: &mut Matrix<T>,
    ) -> Result<(), Failure> {
        match self {
            Self::Hessian => Hessian(problem).apply(directions, out),
            Self::GaussNewton => GaussNewton(problem).apply(directions, out),
            Self::EmpiricalFisher => EmpiricalFisher(problem).apply(directions, out),
            Self::FunctionalRemainder => FunctionalRemainder(problem).apply(directions, out),
        }
    }
}

impl OperatorKind {
    fn exact_trace<T: Scalar>(self, problem: &Problem<'_, T>) -> Option<f64> {
        match self {
            Self::Hessian => Hessian(problem).exact_trace(),
            Self::GaussNewton => GaussNewton(problem).exact_trace(),
            Self::EmpiricalFisher => EmpiricalFisher(problem).exact_trace(),
            Self::FunctionalRemainder => FunctionalRemainder(problem).exact_trace(),
        }
    }
}

/// The operator of all N samples, taken over mini-batches of `batch_size` samples one after another.
///
/// A = sum_b (N_b / N) A_b, with A_b the mean over the N_b samples of batch b; the last batch holds the remaining
/// samples. The result equals the operator of that kind up to rounding; with a `batch_size` of N or more, it is the
/// same to the byte.
///
/// # Shapes
/// Symmetric, [P, P]; products take [P, K] to [P, K].
///
/// # Cost
/// The operations of the operator's kind, and 2 P K for every batch. Memory beside the samples: the activations of one
/// batch with their tangents, which grow with `batch_size`, and one more block [P, K]. Batches are added in order, so
/// the result does not depend on the threads.
#[derive(Clone, Copy, Debug)]
pub struct Batched<'a, T> {
    /// The network, its point and all samples.
    pub problem: &'a Problem<'a, T>,
    /// The operator: the Hessian, the Gauss-Newton matrix or another one.
    pub kind: OperatorKind,
    /// Number of samples whose activations are held in memory at a time.
    pub batch_size: NonZeroUsize,
}

impl<T: Scalar> SymmetricOperator<Host<T>> for Batched<'_, T> {
    fn space(&self) -> Host<T> {
        self.problem.space().clone()
    }

    fn exact_trace(&self) -> Option<f64> {
        self.kind.exact_trace(self.problem)
    }

    fn rounding(&self) -> f64 {
        self.problem.rounding()
    }

    fn apply(&self, directions: &Matrix<T>, out: &mut Matrix<T>) -> Result<(), Failure> {
        let (n, batch) = (self.problem.n_samples(), self.batch_size.get());
        if batch >= n {
            return self.kind.apply(self.problem, directions, out);
        }
        out.data.fill(T::ZERO);
        let mut part_out = Matrix::zeros(out.rows, out.columns);
        for start in (0..n).step_by(batch) {
            let range = start..(start + batch).min(n);
            let weight = T::from_f64(range.len() as f64 / n as f64);
            let labels = self.problem.labels()[range.clone()].to_vec();
            let part = self.problem.with_samples(self.problem.inputs().columns(range), labels);
            self.kind.apply(&part, directions, &mut part_out)?;
            out.data.iter_mut().zip(&part_out.data).for_each(|(out, &a)| *out += weight * a);
        }
        Ok(())
    }
}

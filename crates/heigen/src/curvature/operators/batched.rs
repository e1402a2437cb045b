//! Operators as sums over mini-batches.

use super::forward;
use super::of_samples::OfSamples;
use crate::curvature::{Failure, Host, Problem, SymmetricOperator};
use crate::linalg::{Matrix, Scalar};
use crate::vocabulary::Reduction;
use std::num::NonZeroUsize;

/// The operators of a [`Problem`]; each is a mean over its samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperatorKind {
    /// The Hessian, [`Hessian`](crate::curvature::Hessian).
    Hessian,
    /// The generalized Gauss-Newton matrix, [`GaussNewton`](super::GaussNewton).
    GaussNewton,
    /// The empirical Fisher matrix, [`EmpiricalFisher`](super::EmpiricalFisher).
    EmpiricalFisher,
    /// The functional remainder, [`FunctionalRemainder`](super::FunctionalRemainder).
    FunctionalRemainder,
}

/// The operator of all N samples with the activations of at most `batch_size` samples in memory at a time.
///
/// Where samples do not depend on each other, this is the operator of its kind up to rounding. Where batch normalisation takes the
/// statistics of the batch, it is that of mini-batches, one after another: A = sum_b (N_b / N) A_b, with A_b the mean over the N_b
/// samples of batch b; the last batch holds the remaining samples. (The loss that belongs to it is that of
/// [`Problem::in_batches`].) Where the mean has another divisor than N, such as the number of targets that are not ignored, that of
/// all samples divides every batch. With a `batch_size` of N or more, it is the operator of its kind to the byte.
///
/// # Shapes
/// Symmetric, [P, P]; products take [P, K] to [P, K].
///
/// # Cost
/// The operations of the operator's kind. Memory beside the samples: the activations of `batch_size` samples with their tangents, and
/// the sums of some leaves, blocks [P, K]. Sums are added in a fixed order, so the result does not depend on the threads.
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
    forward!(this, OfSamples { problem: this.problem, kind: this.kind, batch: Some(this.batch_size) });
}

/// The product with the operator of the samples alone, one mini-batch of fewer than N samples after another, each with its own
/// statistics.
pub(super) fn apply<T: Scalar>(
    problem: &Problem<'_, T>,
    kind: OperatorKind,
    size: NonZeroUsize,
    directions: &Matrix<T>,
    out: &mut Matrix<T>,
) -> Result<(), Failure> {
    let (n, batch) = (problem.n_samples(), size.get());
    out.data.fill(T::ZERO);
    let mut part_out = Matrix::zeros(out.rows, out.columns);
    for start in (0..n).step_by(batch) {
        let range = start..(start + batch).min(n);
        let (inputs, targets) = (problem.inputs().columns(range.clone()), problem.targets().in_range(range.clone()));
        // Where samples do not count alike, every batch has the divisor of all: N_b / N would give the samples of a batch
        // with few targets too much weight.
        let (weight, part) = match problem.objective().reduction {
            Reduction::Mean if problem.counts_samples() => {
                (T::from_f64(range.len() as f64 / n as f64), problem.with_samples(inputs, targets))
            }
            Reduction::Mean | Reduction::Sum => (T::ONE, problem.part(inputs, targets)),
        };
        OfSamples::of(&part, kind).apply(directions, &mut part_out)?;
        out.data.iter_mut().zip(&part_out.data).for_each(|(out, &a)| *out += weight * a);
    }
    Ok(())
}

//! One forward and one reverse pass with K directions, which all operators of a loss share.

use super::{Failure, Problem, Space};
use crate::linalg::{Matrix, Scalar};
use crate::loss::{LossDelta, Rounding};
use crate::model::{Algebra, ColumnMap, Dual, Network, Perturbed, Pool, Tape, squared_weights};
use crate::vocabulary::{LossKind, Targets};
use faer::Par;
use heigen_spectra::{Columns, Spread};
use std::num::NonZeroUsize;
use std::ops::Range;

/// The largest number of directions that go through the network together, and have its values in common: so few that their
/// tangents stay in the cache.
const DIRECTIONS: usize = 4;
/// Where the samples in memory are bounded, they are in this many tiles at least, which threads may work on.
const AT_ONCE: usize = 2;

/// The quantities that the reverse pass differentiates; all others are constants for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reverse {
    /// The delta alone: weights and activations are constants.
    Delta,
    /// The whole gradient: delta, weights and activations all vary.
    Everything,
}

/// Where the product of an operator with directions goes, [P, K] as they are.
pub(super) enum Destination<'a, T> {
    /// Directions and product are on every piece of the computation, with all their rows.
    Everyone(&'a mut Matrix<T>),
    /// Directions and product are spread by their rows.
    Owners(&'a Spread<T>, &'a mut Matrix<T>),
}

/// Computes a product [P, K] from `directions` [P, K]: a forward pass gives the outputs and their tangents J V, `seed` is
/// applied at the outputs, and a reverse pass goes back.
///
/// Directions go through the network in groups, which have its values in common: of the 2 + 6 K multiplications of each weight
/// and sample with K directions, the 2 of the values are done once for a group. Groups run in parallel, and so do the leaves of
/// the sum over samples ([`Problem::summed`]). Each task takes one tile of samples after another; `batch` bounds the number of
/// samples whose activations are in memory at a time. Leaves follow from the number of samples, and tiles within them from the
/// network and the size of a group: none of this depends on the threads.
///
/// Where vectors are spread by rows, groups go one after the other: the directions of a group are gathered, this piece's samples take them
/// through the network, and each row of the sum goes to its owner alone. No more than a group has all its rows in memory.
///
/// # Errors
/// [`Failure`] of the connection between the pieces of a computation.
pub(super) fn forward_and_back<T: Scalar>(
    problem: &Problem<'_, T>,
    seed: &(impl ColumnMap<T, 1> + Sync),
    reverse: Reverse,
    batch: Option<NonZeroUsize>,
    directions: &Matrix<T>,
    to: Destination<'_, T>,
) -> Result<(), Failure> {
    let (network, theta, order) = problem.in_patch_order();
    let groups = directions.columns.div_ceil(DIRECTIONS).max(1);
    let columns = directions.columns.div_ceil(groups).max(1);
    let group = columns * theta.len().max(1);
    let tile = network.tile(problem.largest_leaf(), 1 + columns);
    let (tile, together) = if network.couples_samples() { (tile, None) } else { within_batch(tile, batch) };
    let trial = problem.trial().map(|trial| (u64::from(trial), squared_weights(network, theta)));
    let pass = |number: usize, v: &[T], samples: Range<usize>, pool: &mut Pool<T>, out: &mut [T]| {
        out.fill(T::ZERO);
        let mut tape = Tape::recording();
        for first in samples.clone().step_by(tile) {
            let mut dual = match reverse {
                Reverse::Delta => Dual::linearized(theta, v, Some(out), pool, Par::Seq),
                Reverse::Everything => Dual::new(theta, v, Some(out), pool, Par::Seq),
            };
            let x = dual.input_columns(problem.inputs(), first..(first + tile).min(samples.end));
            let seed = StartingAt { seed, first };
            match &trial {
                None => there_and_back(network, &mut dual, x, &seed, &mut tape),
                Some((trial, squares)) => {
                    // Groups, and tiles counted by their first sample among those of all pieces, are a function of the problem
                    // alone, so that the numbers are the same for any threads and pieces.
                    let place = (number as u64) << 32 | (problem.first_sample() + first) as u64;
                    let mut other = Perturbed::new(dual, squares, [*trial, place]);
                    there_and_back(network, &mut other, x, &seed, &mut tape);
                }
            }
        }
    };
    let threads = problem.space().threads();
    let ordered = |v: &[T]| order.map(|order| threads.run(|| order.there(v)));
    let reordered = |out: &mut [T]| {
        if let Some(order) = order {
            threads.run(|| order.back(out));
        }
    };
    match to {
        Destination::Everyone(out) => {
            let ordered = ordered(&directions.data);
            let v = ordered.as_deref().unwrap_or(&directions.data);
            let one = |number: usize, samples: Range<usize>, pool: &mut Pool<T>, out: &mut [T]| {
                pass(number, &v[number * group..][..out.len()], samples, pool, out);
            };
            problem.summed(&mut out.data, group, together, &one)?;
            reordered(&mut out.data);
        }
        Destination::Owners(space, out) => {
            let all = (0..directions.columns).step_by(columns).enumerate();
            for (number, first) in all {
                let range = first..(first + columns).min(directions.columns);
                let mut v = space.gathered(&Columns { block: directions, range: range.clone() })?.data;
                if let Some(other) = ordered(&v) {
                    v = other;
                }
                let one = |_: usize, samples: Range<usize>, pool: &mut Pool<T>, out: &mut [T]| {
                    pass(number, &v, samples, pool, out);
                };
                let mut parts = problem.parts(v.len(), group, together, &one);
                drop(v);
                parts.iter_mut().for_each(|part| reordered(part));
                let mut sum = space.zeros(range.len())?;
                space.sum_to_owners(&problem.leaves(), parts, &mut sum)?;
                out.data[range.start * sum.rows..range.end * sum.rows].copy_from_slice(&sum.data);
            }
        }
    }
    Ok(())
}

/// The number of samples in a tile, `tile` if memory is not scarce, and how many tiles may be worked on at a time, where no more than
/// `batch` samples are to be in memory.
fn within_batch(tile: usize, batch: Option<NonZeroUsize>) -> (usize, Option<usize>) {
    let Some(batch) = batch else { return (tile, None) };
    let tile = tile.min(batch.get().div_ceil(AT_ONCE)).max(1);
    (tile, Some(batch.get() / tile))
}

/// The forward pass of the samples `x`, the derivative of the loss at the outputs, and the reverse pass.
fn there_and_back<A: Algebra>(
    network: &Network,
    carrier: &mut A,
    x: A::Tensor,
    seed: &impl ColumnMap<A::Real, 1>,
    tape: &mut Tape<A::Tensor>,
) {
    let outputs = network.forward(carrier, x, tape);
    let delta = carrier.per_sample([&outputs], seed);
    carrier.recycle(outputs);
    network.reverse(carrier, delta, tape);
}

/// The map `M` applied to the samples from number `first` on.
pub(super) struct StartingAt<'a, M> {
    pub(super) seed: &'a M,
    pub(super) first: usize,
}

impl<T, M: ColumnMap<T, 1>> ColumnMap<T, 1> for StartingAt<'_, M> {
    fn value(&self, n: usize, x: [&[T]; 1], out: &mut [T]) {
        self.seed.value(self.first + n, x, out);
    }

    fn tangents(&self, n: usize, x: [&[T]; 1], dx: [Option<&[T]>; 1], out: &mut [T]) -> bool {
        self.seed.tangents(self.first + n, x, dx, out)
    }
}

/// The `tile` samples from number `first` on, or as many as are left.
pub(super) fn tile_of<T: Scalar>(inputs: &Matrix<T>, first: usize, tile: usize) -> Matrix<T> {
    inputs.columns(first..(first + tile).min(inputs.columns))
}

/// The derivative of every sample's loss with respect to the outputs, times `weight`, in the form that splits the
/// Hessian in the usual way.
///
/// A network that ends in log-softmax under `nll` is a network of logits under cross-entropy: with respect to its
/// log-probabilities o the loss is linear, with respect to its logits z it is not. No layer needs to be removed for
/// that. Cross-entropy of o is the same function, as softmax(o) = softmax(z), and with B = do/dz = I - 1 p^T and A =
/// diag(p) - p p^T, A 1 = 0 gives B^T A B = A: the operators of cross-entropy at o are those at z.
pub(super) fn delta_at_logits<'a, T: Scalar>(problem: &'a Problem<'_, T>, weight: T) -> LossDelta<'a, T> {
    let mut loss = problem.sample_loss();
    if loss.kind == LossKind::Nll && ends_in_log_probabilities(problem) {
        loss.kind = LossKind::CrossEntropy;
    }
    LossDelta { loss, targets: problem.targets().view(), weight, rounding: Rounding::Exact }
}

/// Whether the outputs of the network are the log-probabilities of the classes of a sample, or of its only position.
pub(super) fn ends_in_log_probabilities<T: Scalar>(problem: &Problem<'_, T>) -> bool {
    let of_positions = matches!(problem.targets(), &Targets::Positions { positions, .. } if positions != 1);
    !of_positions && problem.network().ends_in_log_softmax()
}

/// The weight of a sample in the objective: 1/N of a mean, 1 of a sum.
pub(super) fn weight_of_samples<T: Scalar>(problem: &Problem<'_, T>) -> T {
    T::from_f64(problem.sample_weight())
}

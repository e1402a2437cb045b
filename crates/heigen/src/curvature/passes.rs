//! One forward and one reverse pass with K directions, which all operators of a loss share.

use super::{Problem, Space};
use crate::linalg::{Matrix, Scalar};
use crate::loss::{LossDelta, Rounding};
use crate::model::{Algebra, ColumnMap, Dual, Network, Perturbed, Pool, Tape, squared_weights};
use crate::vocabulary::{LossKind, Targets};
use faer::Par;
use rayon::prelude::*;
use std::ops::Range;

/// The largest number of directions that go through the network together, and have its values in common: so few that their
/// tangents stay in the cache.
const DIRECTIONS: usize = 4;
/// A block of few directions is cut into this many tasks by its samples.
const TASKS: usize = 4;
/// The fewest samples of a task.
const SAMPLES: usize = 16;
/// If the products have more numbers than this, they are cut into two tasks only, because every task has its own sum.
const NUMBERS: usize = 1 << 22;

/// The quantities that the reverse pass differentiates; all others are constants for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reverse {
    /// The delta alone: weights and activations are constants.
    Delta,
    /// The whole gradient: delta, weights and activations all vary.
    Everything,
}

/// Computes `out` [P, K] from `directions` [P, K]: a forward pass gives the outputs and their tangents J V, `seed` is
/// applied at the outputs, and a reverse pass goes back.
///
/// Directions go through the network in groups, which have its values in common: of the 2 + 6 K multiplications of each weight
/// and sample with K directions, the 2 of the values are done once for a group. Groups run in parallel, and where there
/// are few of them, parts of the samples, whose sums are added up in a fixed tree ([`leaves`]). Each task takes one tile of
/// samples after another. None of this depends on the threads.
pub(super) fn forward_and_back<T: Scalar>(
    problem: &Problem<'_, T>,
    seed: &(impl ColumnMap<T, 1> + Sync),
    reverse: Reverse,
    directions: &Matrix<T>,
    out: &mut Matrix<T>,
) {
    let (theta, network) = (problem.theta(), problem.network());
    let groups = directions.columns.div_ceil(DIRECTIONS).max(1);
    let columns = directions.columns.div_ceil(groups).max(1);
    let group = columns * theta.len().max(1);
    let parts = leaves(problem, groups, out.data.len());
    let tile = network.tile(parts.iter().map(Range::len).max().unwrap_or(1), 1 + columns);
    let tiles: Vec<Vec<_>> = parts.iter().map(|part| tiles_of(problem.inputs(), part, tile)).collect();
    let other = problem.trial().map(|trial| (u64::from(trial), squared_weights(network, theta)));
    let one_part = |group: usize, v: &[T], tiles: &[(usize, Matrix<T>)], out: &mut [T]| {
        out.fill(T::ZERO);
        let (mut tape, mut pool) = (Tape::recording(), Pool::new());
        for (first, inputs) in tiles {
            let mut dual = match reverse {
                Reverse::Delta => Dual::linearized(theta, v, Some(out), &mut pool, Par::Seq),
                Reverse::Everything => Dual::new(theta, v, Some(out), &mut pool, Par::Seq),
            };
            let (x, seed) = (dual.input(inputs), StartingAt { seed, first: *first });
            match &other {
                None => there_and_back(network, &mut dual, x, &seed, &mut tape),
                Some((trial, squares)) => {
                    // Groups and tiles are a function of the problem alone, so that the numbers are the same for any threads.
                    let mut other = Perturbed::new(dual, squares, [*trial, (group as u64) << 32 | *first as u64]);
                    there_and_back(network, &mut other, x, &seed, &mut tape);
                }
            }
        }
    };
    problem.space().threads().run(|| {
        let groups = out.data.par_chunks_mut(group).zip(directions.data.par_chunks(group));
        groups.enumerate().for_each(|(number, (out, v))| {
            summed(&tiles, out, &|tiles: &Vec<_>, out: &mut [T]| one_part(number, v, tiles, out));
        });
    });
}

/// The parts of the samples whose sums are computed as tasks of their own where there are `groups` groups of directions and
/// `numbers` numbers in the sums. They follow from the problem alone.
fn leaves<T: Scalar>(problem: &Problem<'_, T>, groups: usize, numbers: usize) -> Vec<Range<usize>> {
    let samples = problem.n_samples();
    let tasks = if numbers > NUMBERS { TASKS / 2 } else { TASKS };
    let wanted = (tasks / groups).min(samples / SAMPLES).max(1);
    let count = if problem.network().couples_samples() { 1 } else { wanted };
    (0..count).map(|i| i * samples / count..(i + 1) * samples / count).collect()
}

/// The samples `part` in tiles of nearly equal size, each with the number of its first sample.
fn tiles_of<T: Scalar>(inputs: &Matrix<T>, part: &Range<usize>, tile: usize) -> Vec<(usize, Matrix<T>)> {
    part.clone().step_by(tile).map(|n| (n, inputs.columns(n..(n + tile).min(part.end)))).collect()
}

/// The sum of what `one` computes of each part, in `out`: halves are summed by themselves, in parallel, and then added.
fn summed<P: Sync, T: Scalar>(parts: &[P], out: &mut [T], one: &(impl Fn(&P, &mut [T]) + Sync)) {
    if let [part] = parts {
        return one(part, out);
    }
    let (left, right) = parts.split_at(parts.len() / 2);
    let mut other = vec![T::ZERO; out.len()];
    rayon::join(|| summed(left, out, one), || summed(right, &mut other, one));
    out.iter_mut().zip(&other).for_each(|(out, &other)| *out += other);
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

//! One forward and one reverse pass with K directions, which all operators of a loss share.

use super::{Problem, Space};
use crate::linalg::{Matrix, Scalar};
use crate::loss::{LossDelta, Rounding};
use crate::model::{Algebra, ColumnMap, Dual, Network, Perturbed, Pool, Tape, squared_weights};
use crate::vocabulary::{LossKind, Targets};
use faer::Par;
use rayon::prelude::*;

/// The largest number of directions that one task takes through the network together: so few that their tangents stay
/// in the cache.
const DIRECTIONS: usize = 4;
/// Even a narrow block of directions is cut into this many tasks, as far as it has so many directions.
const TASKS: usize = 4;

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
/// Groups of directions run in parallel. Each group takes one tile of samples after another, so the result does not
/// depend on the threads.
pub(super) fn forward_and_back<T: Scalar>(
    problem: &Problem<'_, T>,
    seed: &(impl ColumnMap<T, 1> + Sync),
    reverse: Reverse,
    directions: &Matrix<T>,
    out: &mut Matrix<T>,
) {
    let (theta, network) = (problem.theta(), problem.network());
    // The size of a group follows from K alone, never from the number of threads.
    let group = directions.columns.div_ceil(TASKS).clamp(1, DIRECTIONS) * theta.len().max(1);
    let samples = problem.n_samples();
    let tile = network.tile(samples, 1 + group / theta.len().max(1));
    let inputs: Vec<_> = (0..samples).step_by(tile).map(|n| tile_of(problem.inputs(), n, tile)).collect();
    let other = problem.trial().map(|trial| (u64::from(trial), squared_weights(network, theta)));
    let one_group = |pool: &mut Pool<T>, (group, (out, v)): (usize, (&mut [T], &[T]))| {
        out.fill(T::ZERO);
        let mut tape = Tape::recording();
        for (i, inputs) in inputs.iter().enumerate() {
            let mut dual = match reverse {
                Reverse::Delta => Dual::linearized(theta, v, Some(out), pool, Par::Seq),
                Reverse::Everything => Dual::new(theta, v, Some(out), pool, Par::Seq),
            };
            let (x, seed) = (dual.input(inputs), StartingAt { seed, first: i * tile });
            match &other {
                None => there_and_back(network, &mut dual, x, &seed, &mut tape),
                Some((trial, squares)) => {
                    // Groups and tiles are a function of the problem alone, so that the numbers are the same for any threads.
                    let mut other = Perturbed::new(dual, squares, [*trial, (group as u64) << 32 | i as u64]);
                    there_and_back(network, &mut other, x, &seed, &mut tape);
                }
            }
        }
    };
    problem.space().threads().run(|| {
        let groups = out.data.par_chunks_mut(group).zip(directions.data.par_chunks(group));
        groups.enumerate().for_each_init(Pool::new, one_group);
    });
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

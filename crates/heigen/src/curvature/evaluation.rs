//! Outputs, loss, accuracy and gradient of a problem.

use super::passes::{StartingAt, tile_of};
use super::problem::Penalty;
use super::{Problem, Space};
use crate::linalg::{Matrix, Scalar, par};
use crate::model::{Algebra, Plain, Pool, Sink, Tape};
use faer::Par;
use std::ops::Range;

impl<T: Scalar> Problem<'_, T> {
    /// The outputs of the network, [C, N].
    pub fn outputs(&self) -> Matrix<T> {
        self.outputs_of(self.theta())
    }

    /// The outputs of the network at other weights `theta` `[P]`, [C, N].
    pub(crate) fn outputs_of(&self, theta: &[T]) -> Matrix<T> {
        let n = self.n_samples();
        let size = self.batch_of_statistics();
        self.space().threads().run(|| {
            if size >= n {
                return self.network().outputs(theta, self.inputs());
            }
            let mut data = Vec::with_capacity(self.network().n_outputs() * n);
            for first in (0..n).step_by(size) {
                data.extend_from_slice(&self.network().outputs(theta, &tile_of(self.inputs(), first, size)).data);
            }
            Matrix { data, rows: self.network().n_outputs(), columns: n }
        })
    }

    /// Number of samples that share statistics: all, unless there are mini-batches and the network takes their statistics.
    fn batch_of_statistics(&self) -> usize {
        let n = self.n_samples();
        self.batch().filter(|_| self.network().couples_samples()).map_or(n, |size| size.get().min(n))
    }

    /// The objective L(theta), with its penalty; NaN where the other pieces of a computation cannot be reached.
    pub fn loss(&self) -> f64 {
        self.loss_of(self.theta())
    }

    /// The objective at other weights `theta` `[P]`.
    pub(crate) fn loss_of(&self, theta: &[T]) -> f64 {
        let outputs = self.outputs_of(theta);
        let sum = self.summed_numbers(1, |samples, sum| {
            let targets = self.targets().view().from(samples.start);
            sum[0] = self.sample_loss().sum(&outputs.columns(samples), targets);
        });
        let loss = self.reduced(sum.map_or(f64::NAN, |sum| sum.iter().sum()));
        match self.penalty() {
            None => loss,
            Some(Penalty { mu, on }) => {
                let squares = on.ranges().iter().flat_map(|range| &theta[range.clone()]).map(|w| w.to_f64().powi(2));
                loss + 0.5 * mu * squares.sum::<f64>()
            }
        }
    }

    /// The fraction of samples, or of positions, whose largest output is that of their label; `None` where there are no
    /// classes. What is ignored does not count. NaN where the other pieces of a computation cannot be reached.
    pub fn accuracy(&self) -> Option<f64> {
        let outputs = self.outputs();
        let answers = |samples: Range<usize>| {
            let targets = self.targets().view().from(samples.start);
            self.sample_loss().answers(&outputs.columns(samples), targets)
        };
        answers(0..0)?;
        let sums = self.summed_numbers(2, |samples, sums| {
            let own = answers(samples).unwrap_or_default();
            (sums[0], sums[1]) = (own.right as f64, own.counted as f64);
        });
        let sums = sums.unwrap_or_else(|_| vec![f64::NAN; 2]);
        Some(if sums[1] == 0.0 { 0.0 } else { sums[0] / sums[1] })
    }

    /// The gradient of L, with that of its penalty, `[P]`; NaN where the other pieces of a computation cannot be reached.
    pub fn gradient(&self) -> Vec<T> {
        let (network, theta, order) = self.in_patch_order();
        let mut gradient = vec![T::ZERO; self.n_params()];
        let coupled = network.couples_samples();
        let tile = if coupled { self.batch_of_statistics() } else { network.tile(self.largest_leaf(), 1) }.max(1);
        // A batch that has statistics of its own is one task, whose products threads share.
        let par = if coupled { par() } else { Par::Seq };
        let one = |_: usize, samples: Range<usize>, pool: &mut Pool<T>, out: &mut [T]| {
            out.fill(T::ZERO);
            let mut tape = Tape::recording();
            for first in samples.clone().step_by(tile) {
                let mut plain = Plain::new(theta, Sink::Add(out), pool, par);
                let x = plain.input_columns(self.inputs(), first..(first + tile).min(samples.end));
                let outputs = network.forward(&mut plain, x, &mut tape);
                let delta = plain.per_sample([&outputs], &StartingAt { seed: &self.delta(), first });
                plain.recycle(outputs);
                network.reverse(&mut plain, delta, &mut tape);
            }
        };
        if self.summed(&mut gradient, self.n_params(), None, &one).is_err() {
            gradient.fill(T::from_f64(f64::NAN));
        }
        if let Some(order) = order {
            self.space().threads().run(|| order.back(&mut gradient));
        }
        self.add_penalty(self.theta(), &mut gradient);
        gradient
    }
}

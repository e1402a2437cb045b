//! Outputs, loss, accuracy and gradient of a problem.

use super::passes::{StartingAt, tile_of};
use super::problem::Penalty;
use super::{Problem, Space};
use crate::linalg::{Matrix, Scalar, par};
use crate::model::{Algebra, Plain, Pool, Sink, Tape};
use faer::Par;
use heigen_spectra::Failure;
use rayon::prelude::*;
use std::ops::Range;

/// Sums of a point: the losses, the right answers, and all that count.
const SUMS: usize = 3;

/// The fraction `right` of `counted`; 0 where nothing counts.
fn fraction(right: f64, counted: f64) -> f64 {
    if counted == 0.0 { 0.0 } else { right / counted }
}

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
        self.loss_from(theta, &self.outputs_of(theta))
    }

    /// The objective and the accuracy at other weights `at(k)` `[P]`, for every k of `points`, from one forward pass for each. The points
    /// are worked on in parallel; of several pieces of a computation each works on its samples.
    ///
    /// # Errors
    /// [`Failure`] of the connection between pieces.
    pub(crate) fn losses_and_accuracies_at(
        &self,
        points: Range<usize>,
        at: impl Fn(usize) -> Vec<T> + Sync,
    ) -> Result<Vec<(f64, Option<f64>)>, Failure> {
        let of_point = |k: usize| {
            let theta = at(k);
            let outputs = self.outputs_of(&theta);
            let parts = self.parts_of_numbers(SUMS, |samples, sums| {
                let targets = self.targets().view().from(samples.start);
                let outputs = outputs.columns(samples);
                let answers = self.sample_loss().answers(&outputs, targets).unwrap_or_default();
                sums.copy_from_slice(&[
                    self.sample_loss().sum(&outputs, targets),
                    answers.right as f64,
                    answers.counted as f64,
                ]);
            });
            (parts, self.penalty_at(&theta))
        };
        let n = SUMS * points.len();
        let own: Vec<_> = self.space().threads().run(|| points.into_par_iter().map(of_point).collect());
        // Part by part the sums of all points, one after another.
        let mut parts: Vec<Vec<f64>> = vec![];
        for (k, (of_point, _)) in own.iter().enumerate() {
            parts.resize(of_point.len(), vec![0.0; n]);
            let place = SUMS * k..SUMS * (k + 1);
            parts.iter_mut().zip(of_point).for_each(|(part, sums)| part[place.clone()].copy_from_slice(sums));
        }
        let has_answers = self.has_answers();
        let sums = self.joined_numbers(parts, n)?;
        let one = |(sums, (_, penalty)): (&[f64], &(_, f64))| {
            (self.reduced(sums[0]) + penalty, has_answers.then(|| fraction(sums[1], sums[2])))
        };
        Ok(sums.chunks_exact(SUMS).zip(&own).map(one).collect())
    }

    /// The penalty at weights `theta` `[P]`.
    fn penalty_at(&self, theta: &[T]) -> f64 {
        let Some(Penalty { mu, on }) = self.penalty() else { return 0.0 };
        let squares = on.ranges().iter().flat_map(|range| &theta[range.clone()]).map(|w| w.to_f64().powi(2));
        0.5 * mu * squares.sum::<f64>()
    }

    /// The objective at weights `theta` `[P]` whose outputs are known.
    fn loss_from(&self, theta: &[T], outputs: &Matrix<T>) -> f64 {
        let sum = self.summed_numbers(1, |samples, sum| {
            let targets = self.targets().view().from(samples.start);
            sum[0] = self.sample_loss().sum(&outputs.columns(samples), targets);
        });
        self.reduced(sum.map_or(f64::NAN, |sum| sum.iter().sum())) + self.penalty_at(theta)
    }

    /// The fraction of samples, or of positions, whose largest output is that of their label; `None` where there are no
    /// classes. What is ignored does not count. NaN where the other pieces of a computation cannot be reached.
    pub fn accuracy(&self) -> Option<f64> {
        if !self.has_answers() {
            return None;
        }
        let outputs = self.outputs();
        let sums = self.summed_numbers(2, |samples, sums| {
            let targets = self.targets().view().from(samples.start);
            let own = self.sample_loss().answers(&outputs.columns(samples), targets).unwrap_or_default();
            (sums[0], sums[1]) = (own.right as f64, own.counted as f64);
        });
        let sums = sums.unwrap_or_else(|_| vec![f64::NAN; 2]);
        Some(fraction(sums[0], sums[1]))
    }

    /// Whether the targets are classes, so that outputs answer right or wrong.
    fn has_answers(&self) -> bool {
        let none: Matrix<T> = Matrix::zeros(self.network().n_outputs(), 0);
        self.sample_loss().answers(&none, self.targets().view()).is_some()
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

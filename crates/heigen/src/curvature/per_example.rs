//! Gradients of single samples, and their products with directions without forming them.
//!
//! They are gradients of the sample's own loss through [`Problem::classifier`]: without the penalty of weight decay, which
//! belongs to no sample, and with the statistics of batch normalisation held fixed, since a sample has no batch.

use super::passes::{StartingAt, tile_of};
use super::{Failure, Problem, Space};
use crate::linalg::{Matrix, Scalar};
use crate::loss::{LossDelta, Rounding};
use crate::model::{Algebra, ColumnMap, Dual, Plain, Pool, Sink, Tape};
use crate::vocabulary::{Targets, TargetsView};
use faer::Par;
use rayon::prelude::*;
use std::ops::Range;

/// The class against which the loss of a single sample is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExampleLabels {
    /// The class that the network itself predicts; this gives the paper's reinforcing gradient. Where samples have other
    /// targets than classes, what the network says in their place: the class of every position, or the outputs themselves.
    Predicted,
    /// The sample's own target.
    True,
    /// One class for all samples.
    Fixed(usize),
    /// A class for each sample, e.g. drawn at random.
    Given(Vec<usize>),
}

/// The largest number of samples that one task takes through the network together, and the largest number of values in
/// their activations.
const SAMPLES: usize = 128;
const NUMBERS: usize = 1 << 24;

/// The derivative of one output with respect to the outputs: a unit vector, the seed of a logit gradient.
struct Logit(usize);

impl<T: Scalar> ColumnMap<T, 1> for Logit {
    fn value(&self, _: usize, _: [&[T]; 1], out: &mut [T]) {
        out.fill(T::ZERO);
        out[self.0] = T::ONE;
    }
    fn tangents(&self, _: usize, _: [&[T]; 1], _: [Option<&[T]>; 1], _: &mut [T]) -> bool {
        false
    }
}

impl<T: Scalar> Problem<'_, T> {
    /// The gradient of each sample's own loss (without 1/N), [P, N], of this piece's samples where the problem was dealt to several.
    pub fn example_gradients(&self, labels: &ExampleLabels) -> Matrix<T> {
        let targets = self.resolve_own(0..self.n_samples(), self.inputs(), labels);
        self.for_own_samples(|pool, samples, out| {
            let delta = self.unit_delta(targets.view().from(samples.start));
            self.reverse_from(pool, Sink::PerSample(out), &self.inputs().columns(samples), &delta);
        })
    }

    /// A column for each of this piece's samples, [P, N], written by `work(pool, samples, columns)` for one tile of them after another. No
    /// tile has samples of two leaves, so that the bytes do not depend on the pieces.
    fn for_own_samples(&self, work: impl Fn(&mut Pool<T>, Range<usize>, &mut [T]) + Sync) -> Matrix<T> {
        let p = self.n_params();
        let mut columns = Matrix::zeros(p, self.n_samples());
        let mut rest = &mut columns.data[..];
        let mut tiles = Vec::new();
        for samples in self.own_tiles(self.samples_together(1)) {
            let (out, others) = rest.split_at_mut(p * samples.len());
            tiles.push((samples, out));
            rest = others;
        }
        self.space().threads().run(|| {
            tiles.into_par_iter().for_each_init(Pool::new, |pool, (samples, out)| work(pool, samples, out));
        });
        columns
    }

    /// The gradient of the loss of each of other inputs [d, M] on its own, [P, M]. `True` labels exist for the
    /// problem's own samples only.
    pub fn example_gradients_at(&self, inputs: &Matrix<T>, labels: &ExampleLabels) -> Matrix<T> {
        self.example_gradients_with(inputs, &self.resolve(inputs, labels))
    }

    fn example_gradients_with(&self, inputs: &Matrix<T>, targets: &Targets) -> Matrix<T> {
        let p = self.n_params();
        let mut gradients = Matrix::zeros(p, inputs.columns);
        let samples = self.samples_together(1);
        self.in_chunks(&mut gradients.data, p * samples, |pool, i, out| {
            let tile = tile_of(inputs, i * samples, samples);
            let delta = self.unit_delta(targets.view().from(i * samples));
            self.reverse_from(pool, Sink::PerSample(out), &tile, &delta);
        });
        gradients
    }

    /// The gradient of output `class` of every sample, [P, N].
    pub fn logit_gradients(&self, class: usize) -> Matrix<T> {
        self.seeded_gradients(&Logit(class))
    }

    /// The vectors J_n^T s_n of all samples, [P, N]; `seed` gives s_n at the outputs.
    pub(super) fn seeded_gradients(&self, seed: &(impl ColumnMap<T, 1> + Sync)) -> Matrix<T> {
        self.for_own_samples(|pool, samples, out| {
            let seed = StartingAt { seed, first: samples.start };
            self.reverse_from(pool, Sink::PerSample(out), &self.inputs().columns(samples), &seed);
        })
    }

    /// The sum sum_n |J_n^T s_n|^2, without forming a gradient; `seed` gives s_n at the outputs. `None` where the other pieces of a
    /// computation cannot be reached.
    pub(super) fn squared_norms(&self, seed: &(impl ColumnMap<T, 1> + Sync)) -> Option<f64> {
        let samples = self.samples_together(1);
        let mut norms = vec![T::ZERO; self.n_samples()];
        self.in_chunks(&mut norms, samples, |pool, i, norms| {
            let tile = tile_of(self.inputs(), i * samples, samples);
            let seed = StartingAt { seed, first: i * samples };
            self.reverse_from(pool, Sink::SquaredNorms(norms), &tile, &seed);
        });
        self.summed_number(|n| norms[n].to_f64())
    }

    /// The gradient of the loss of each of some of the problem's samples on its own, [P, M].
    pub fn example_gradients_of(&self, samples: Range<usize>, labels: &ExampleLabels) -> Matrix<T> {
        let inputs = self.inputs().columns(samples.clone());
        self.example_gradients_with(&inputs, &self.resolve_own(samples, &inputs, labels))
    }

    /// Alignments of the example gradients g(x) of `inputs` [d, M] with the columns v_i of `vectors` [P, k]:
    /// A_i(x) = <g(x), v_i> / |g(x)|, 0 where |g| <= 1e-20; [k, M]. (arXiv:2306.07104, section 3)
    ///
    /// No g is formed: <g(x), v> is the derivative of the loss of x along v (one forward pass with k tangents), and
    /// |g(x)|^2 follows from the layers' inputs and deltas. Cost about 4 M P k operations.
    pub fn alignments_at(&self, inputs: &Matrix<T>, labels: &ExampleLabels, vectors: &Matrix<T>) -> Matrix<T> {
        let targets = self.resolve(inputs, labels);
        let k = vectors.columns;
        let mut alignments = Matrix::zeros(k, inputs.columns);
        let samples = self.samples_together(1 + k);
        self.in_chunks(&mut alignments.data, k * samples, |pool, i, out| {
            let tile = tile_of(inputs, i * samples, samples);
            self.alignments_of_tile(pool, &tile, targets.view().from(i * samples), vectors, out);
        });
        alignments
    }

    /// [`Problem::alignments_at`] of the samples of all pieces that the problem was dealt to, [k, N], or of its own where there are no
    /// others. The bytes do not depend on the pieces. Every piece takes its own samples, and tells the others.
    ///
    /// # Errors
    /// [`Failure`] of the connection between pieces.
    pub fn alignments(&self, labels: &ExampleLabels, vectors: &Matrix<T>) -> Result<Matrix<T>, Failure> {
        let targets = self.resolve_own(0..self.n_samples(), self.inputs(), labels);
        let k = vectors.columns;
        let mut own = vec![T::ZERO; k * self.n_samples()];
        let mut rest = &mut own[..];
        let mut tiles = Vec::new();
        for samples in self.own_tiles(self.samples_together(1 + k)) {
            let (out, others) = rest.split_at_mut(k * samples.len());
            tiles.push((samples, out));
            rest = others;
        }
        self.space().threads().run(|| {
            tiles.into_par_iter().for_each_init(Pool::new, |pool, (samples, out)| {
                let targets = targets.view().from(samples.start);
                self.alignments_of_tile(pool, &self.inputs().columns(samples), targets, vectors, out);
            });
        });
        self.of_all_samples(&own, k)
    }

    /// The alignments [k, M] of a tile of M inputs with `targets`.
    fn alignments_of_tile(
        &self,
        pool: &mut Pool<T>,
        tile: &Matrix<T>,
        targets: TargetsView<'_>,
        vectors: &Matrix<T>,
        out: &mut [T],
    ) {
        let k = vectors.columns;
        let mut norms = vec![T::ZERO; tile.columns];
        let delta = self.reverse_from(pool, Sink::SquaredNorms(&mut norms), tile, &self.unit_delta(targets));
        let mut dual = Dual::new(self.theta(), &vectors.data, None, pool, Par::Seq);
        let x = dual.input(tile);
        let outputs = self.classifier().forward(&mut dual, x, &mut Tape::forgetting());
        let classes = delta.rows;
        for (n, (delta, &norm)) in delta.iter_columns().zip(&norms).enumerate() {
            let norm = norm.sqrt();
            let out = &mut out[n * k..(n + 1) * k];
            let Some(tangents) = &outputs.tangents else { continue };
            let tangents = &tangents[n * classes * k..(n + 1) * classes * k];
            for (a, tangent) in out.iter_mut().zip(tangents.chunks_exact(classes)) {
                let slope: T = delta.iter().zip(tangent).map(|(&d, &t)| d * t).sum();
                *a = if norm.to_f64() > SMALLEST_NORM { slope / norm } else { T::ZERO };
            }
        }
        dual.recycle(outputs);
        pool.give(delta.data);
    }

    /// Calls `work` with every chunk of `numbers` and its index, in the problem's threads; every thread has its own
    /// buffers.
    pub(super) fn in_chunks(
        &self,
        numbers: &mut [T],
        chunk: usize,
        work: impl Fn(&mut Pool<T>, usize, &mut [T]) + Sync + Send,
    ) {
        self.space().threads().run(|| {
            let chunks = numbers.par_chunks_mut(chunk.max(1)).enumerate();
            chunks.for_each_init(Pool::new, |pool, (i, chunk)| work(pool, i, chunk));
        });
    }

    /// A forward and a reverse pass of the plain carrier; returns the delta at the outputs.
    pub(super) fn reverse_from(
        &self,
        pool: &mut Pool<T>,
        sink: Sink<'_, T>,
        inputs: &Matrix<T>,
        map: &impl ColumnMap<T, 1>,
    ) -> Matrix<T> {
        let mut tape = Tape::recording();
        let mut plain = Plain::new(self.theta(), sink, pool, Par::Seq);
        let x = plain.input(inputs);
        let outputs = self.classifier().forward(&mut plain, x, &mut tape);
        let delta = plain.per_sample([&outputs], map);
        plain.recycle(outputs);
        let kept = plain.input(&delta);
        self.classifier().reverse(&mut plain, delta, &mut tape);
        kept
    }

    /// Number of samples that a task takes together.
    pub(super) fn samples_together(&self, copies: usize) -> usize {
        // Where weights are tied, the gradients themselves are formed even if only their norms are asked for.
        let ties = self.classifier().layout().has_ties();
        let most = if ties { (NUMBERS / self.n_params().max(1)).clamp(1, SAMPLES) } else { SAMPLES };
        self.classifier().tile_within(NUMBERS, most, copies)
    }

    /// The outputs of every sample on its own, [C, M], by [`Problem::classifier`].
    fn outputs_apart(&self, inputs: &Matrix<T>) -> Matrix<T> {
        self.space().threads().run(|| self.classifier().outputs(self.theta(), inputs))
    }

    pub(super) fn resolve(&self, inputs: &Matrix<T>, labels: &ExampleLabels) -> Targets {
        match labels {
            ExampleLabels::Predicted => self.predictions(&self.outputs_apart(inputs)),
            ExampleLabels::True => self.targets().clone(),
            ExampleLabels::Fixed(class) => Targets::Classes(vec![*class; inputs.columns]),
            ExampleLabels::Given(labels) => Targets::Classes(labels.clone()),
        }
    }

    /// [`Problem::resolve`] for some of the problem's own samples, whose inputs are given.
    fn resolve_own(&self, samples: Range<usize>, inputs: &Matrix<T>, labels: &ExampleLabels) -> Targets {
        match labels {
            ExampleLabels::True => self.targets().in_range(samples),
            ExampleLabels::Given(labels) => Targets::Classes(labels[samples].to_vec()),
            ExampleLabels::Predicted | ExampleLabels::Fixed(_) => self.resolve(inputs, labels),
        }
    }

    /// The targets that outputs [C, M] name themselves, in the form of the problem's.
    pub(super) fn predictions(&self, outputs: &Matrix<T>) -> Targets {
        self.sample_loss().predictions(outputs, self.targets().view())
    }

    /// The derivative of every sample's own loss against `targets`, without the factor 1/N.
    pub(super) fn unit_delta<'b>(&'b self, targets: TargetsView<'b>) -> LossDelta<'b, T> {
        LossDelta { loss: self.sample_loss(), targets, weight: T::ONE, rounding: Rounding::Exact }
    }
}

/// Below this norm a gradient has no direction and its alignments are 0 (the reference's threshold).
pub const SMALLEST_NORM: f64 = 1e-20;

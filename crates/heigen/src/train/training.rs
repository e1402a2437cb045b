//! The state of a training run and one epoch of it.

use super::parts::Samples;
use super::{Optimizer, Parts, TrainError, learning_rate};
use crate::config::{BatchSize, MultiStepLr, OptimizerSpec};
use crate::linalg::{Matrix, par};
use crate::loss::{Answers, LossDelta, Rounding, SampleLoss};
use crate::model::{Algebra, Network, ParamEntry, Plain, Pool, Sink, Tape};
use crate::rng::{DataLoaderOrder, TorchGenerator};
use crate::vocabulary::{Objective, Reduction, Targets};
use faer::Par;
use heigen_spectra::{Communicator, Failure, Threads};
use rayon::prelude::*;
use std::ops::Range;
use std::sync::Arc;

/// Mean loss and accuracy over one part; `None` where the part is empty.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evaluation {
    /// Mean loss.
    pub loss: f64,
    /// The fraction of samples that are classified correctly; `None` where there are no classes.
    pub accuracy: Option<f64>,
}

/// A training run: weights, optimizer state, order of the samples, and workspace that is used again, so that no epoch
/// after the first allocates memory.
#[derive(Debug)]
pub struct Training<'a> {
    network: &'a Network,
    parts: &'a Parts,
    loss: Objective,
    /// The loss by which samples are compared with their targets: that of two logits in place of one.
    by: Objective,
    spec: OptimizerSpec,
    scheduler: Option<MultiStepLr>,
    batch_size: usize,
    epochs_done: usize,
    theta: Vec<f32>,
    gradient: Vec<f32>,
    pub(super) optimizer: Optimizer,
    loader: DataLoaderOrder,
    order: Vec<usize>,
    batch: Samples,
    /// The workers, one for every tile of a batch.
    workers: Vec<Worker>,
    /// Number of samples in a tile.
    tile: usize,
    par: Par,
    threads: Threads,
    /// The connection with other pieces that share every batch.
    pieces: Option<Arc<dyn Communicator>>,
}

/// The buffers with which one thread takes a tile of a batch through the network, and the results of the tile.
#[derive(Debug)]
struct Worker {
    pool: Pool<f32>,
    tape: Tape<Matrix<f32>>,
    /// The gradient of the tile; used only where a batch has several tiles.
    gradient: Vec<f32>,
    /// The sum of the losses over the tile.
    loss: f64,
}

/// Number of samples of an image network that one thread takes at a time. They are few, so that their activations stay
/// in the cache; the number is constant, so that sums do not depend on the number of threads.
const TILE: usize = 8;

/// From this many multiplications per sample on, it pays to use several threads.
const LARGE: usize = 1 << 17;

impl<'a> Training<'a> {
    /// A run from weights `theta` `[P]`; the order of batches is that of `torch.manual_seed(shuffle_seed)` called right
    /// before the first epoch.
    ///
    /// # Errors
    /// [`TrainError::Empty`] without training samples, [`TrainError::Network`] if the network lacks numbers.
    #[allow(clippy::too_many_arguments, reason = "each is one line of an experiment")]
    pub fn new(
        network: &'a Network,
        parts: &'a Parts,
        theta: Vec<f32>,
        loss: impl Into<Objective>,
        spec: OptimizerSpec,
        scheduler: Option<MultiStepLr>,
        batch_size: BatchSize,
        shuffle_seed: u64,
    ) -> Result<Self, TrainError> {
        network.check_complete()?;
        let loss: Objective = loss.into();
        let by = loss.for_outputs_of(network, &parts.train.y).unwrap_or_else(|| loss.clone());
        let n = parts.train.x.columns;
        if n == 0 {
            return Err(TrainError::Empty);
        }
        let batch_size = match batch_size {
            BatchSize::Full => n,
            BatchSize::Samples(b) => b.clamp(1, n),
        };
        let d = parts.train.x.rows;
        let large = network.multiplications() >= LARGE;
        let tile = if large && !network.couples_samples() { TILE.min(batch_size) } else { batch_size };
        let tiles = batch_size.div_ceil(tile);
        let worker = || Worker {
            pool: Pool::new(),
            tape: Tape::recording(),
            gradient: if tiles > 1 { vec![0.0; theta.len()] } else { vec![] },
            loss: 0.0,
        };
        Ok(Self {
            workers: (0..tiles).map(|_| worker()).collect(),
            tile,
            par: if large && tiles == 1 { par() } else { Par::Seq },
            threads: Threads::current(),
            pieces: None,
            network,
            parts,
            by,
            loss,
            spec,
            scheduler,
            batch_size,
            epochs_done: 0,
            gradient: vec![0.0; theta.len()],
            optimizer: Optimizer::new(&spec, theta.len()),
            theta,
            loader: DataLoaderOrder::new(TorchGenerator::new(shuffle_seed)),
            order: vec![0; n],
            batch: Samples { x: Matrix::zeros(d, batch_size), y: parts.train.y.none_of_this_kind(batch_size) },
        })
    }

    /// The run with the work of large networks done in `threads` instead of rayon's current pool; small networks are
    /// trained by the caller's thread. The weights do not depend on the threads.
    pub fn on(mut self, threads: Threads) -> Self {
        self.threads = threads;
        self
    }

    /// The run as one of several pieces that share every batch: each takes some of its tiles through the network, and the gradients of the
    /// tiles are added in the order in which one piece alone adds them, so that weights and losses have the same bytes. All pieces make the
    /// same run and do the same steps.
    ///
    /// Batches of a small network are one tile each, whose sums belong to one product: every piece computes them by itself.
    ///
    /// # Errors
    /// [`TrainError::Coupled`] if the network takes the statistics of its batch.
    pub fn among(mut self, communicator: Arc<dyn Communicator>) -> Result<Self, TrainError> {
        if communicator.size() < 2 {
            return Ok(self);
        }
        if self.network.couples_samples() {
            return Err(TrainError::Coupled);
        }
        // A piece has no more tiles than this.
        self.workers.truncate(self.workers.len().div_ceil(communicator.size()));
        self.pieces = Some(communicator);
        Ok(self)
    }

    /// The weights, `[P]`.
    pub fn theta(&self) -> &[f32] {
        &self.theta
    }

    /// The numbers by which the next steps are divided, [`Optimizer::preconditioner`].
    pub fn preconditioner(&self) -> Option<Vec<f64>> {
        self.optimizer.preconditioner()
    }

    /// Number of finished epochs.
    pub fn epochs_done(&self) -> usize {
        self.epochs_done
    }

    /// Takes over weights, and draws the order of the batches of `epochs` epochs, which are done already.
    pub(super) fn continue_from(&mut self, theta: &[f32], epochs: usize) {
        self.theta.copy_from_slice(theta);
        for _ in 0..epochs {
            self.loader.next_epoch(&mut self.order);
        }
        self.epochs_done = epochs;
    }

    /// One pass over the training samples; returns the sum of the batch losses (each a mean over its batch).
    ///
    /// # Errors
    /// [`TrainError::Diverged`] as soon as the loss of a batch is infinite or NaN; [`TrainError::DivergedWeights`] if
    /// weights are infinite or NaN at the end of the epoch.
    pub fn run_epoch(&mut self) -> Result<f64, TrainError> {
        self.run_epoch_seen(|_, _| Ok::<(), TrainError>(()))
    }

    /// Number of steps in an epoch: one for each batch.
    pub fn steps_per_epoch(&self) -> usize {
        self.order.len().div_ceil(self.batch_size)
    }

    /// One pass over the training samples, as [`Training::run_epoch`], in which `seen` is called after every step with the number of steps of this pass.
    ///
    /// # Errors
    /// As [`Training::run_epoch`], and those of `seen`, after which the run cannot go on.
    pub fn run_epoch_seen<E: From<TrainError>>(
        &mut self,
        mut seen: impl FnMut(&Self, usize) -> Result<(), E>,
    ) -> Result<f64, E> {
        let lr = learning_rate(&self.spec, self.scheduler.as_ref(), self.epochs_done);
        let mut order = std::mem::take(&mut self.order);
        self.loader.next_epoch(&mut order);
        let mut sum = 0.0;
        for (step, indices) in order.chunks(self.batch_size).enumerate() {
            self.gather(indices);
            let loss = match self.spec {
                OptimizerSpec::Sam { rho, .. } => self.sharpness_aware_gradient(rho),
                _ => self.batch_gradient(),
            };
            let loss = loss.map_err(|failure| TrainError::Apart(failure.to_string()))?;
            if !loss.is_finite() {
                return Err(TrainError::Diverged { epoch: self.epochs_done + 1, lr, loss }.into());
            }
            self.optimizer.step(&mut self.theta, &self.gradient, lr);
            sum += loss;
            seen(self, step + 1)?;
        }
        self.order = order;
        let finite = |e: &&ParamEntry| self.theta[e.range.clone()].iter().all(|w| w.is_finite());
        if let Some(entry) = self.network.layout().entries().iter().find(|e| !finite(e)) {
            let tensor = entry.name.clone();
            return Err(TrainError::DivergedWeights { epoch: self.epochs_done + 1, lr, tensor }.into());
        }
        self.epochs_done += 1;
        Ok(sum)
    }

    fn gather(&mut self, indices: &[usize]) {
        let Samples { x, y } = &mut self.batch;
        x.columns = indices.len();
        x.data.clear();
        y.clear();
        for &n in indices {
            x.data.extend_from_slice(self.parts.train.x.column(n));
            y.push_from(&self.parts.train.y, n);
        }
    }

    /// Computes the gradient of the batch's mean loss, and returns that loss.
    fn batch_gradient(&mut self) -> Result<f64, Failure> {
        let Self { network, theta, gradient, batch, workers, tile, pieces, .. } = self;
        let loss = SampleLoss::from(&self.by);
        let divisor = divisor(&self.loss, &batch.y);
        let pass = Pass { network, theta, loss, divisor, batch, par: self.par };
        let n = batch.x.columns;
        if n <= *tile {
            let mut whole = || pass.run(0..n, &mut workers[0], Sink::Sum(gradient)) / divisor;
            return Ok(if self.par.degree() > 1 { self.threads.run(whole) } else { whole() });
        }
        let all = n.div_ceil(*tile);
        let own = pieces.as_ref().map_or(0..all, |pieces| tiles_of(pieces.rank(), all, pieces.size()));
        let tiles = own.len();
        self.threads.run(|| {
            workers[..tiles].par_iter_mut().zip(own.clone()).for_each(|(worker, i)| {
                let mut own = std::mem::take(&mut worker.gradient);
                let range = i * *tile..((i + 1) * *tile).min(n);
                worker.loss = pass.run(range, worker, Sink::Sum(&mut own));
                worker.gradient = own;
            });
        });
        if let Some(pieces) = pieces {
            let parts: Vec<&[f32]> = workers[..tiles].iter().map(|worker| &worker.gradient[..]).collect();
            pieces.sum_in_order(pieces.size().min(all) - 1, &parts, gradient)?;
            let mut losses = vec![0.0; all];
            let own: Vec<f64> = workers[..tiles].iter().map(|worker| worker.loss).collect();
            pieces.gather(&own, |rank| tiles_of(rank, all, pieces.size()), &mut losses)?;
            return Ok(losses.iter().sum::<f64>() / divisor);
        }
        gradient.copy_from_slice(&workers[0].gradient);
        for worker in &workers[1..tiles] {
            gradient.iter_mut().zip(&worker.gradient).for_each(|(sum, &g)| *sum += g);
        }
        Ok(workers[..tiles].iter().map(|w| w.loss).sum::<f64>() / divisor)
    }

    /// Computes the gradient of the batch's mean loss at theta + rho g / |g|, where g is that at theta; returns the loss
    /// at theta. (arXiv:2010.01412, equations 2 and 3, with the authors' 1e-12 against a gradient of 0.)
    fn sharpness_aware_gradient(&mut self, rho: f64) -> Result<f64, Failure> {
        let loss = self.batch_gradient()?;
        let norm = self.gradient.iter().map(|&g| f64::from(g).powi(2)).sum::<f64>().sqrt();
        let scale = (rho / (norm + 1e-12)) as f32;
        let theta = self.theta.clone();
        self.theta.iter_mut().zip(&self.gradient).for_each(|(w, &g)| *w += scale * g);
        let there = self.batch_gradient()?;
        self.theta = theta;
        Ok(if there.is_finite() { loss } else { there })
    }

    /// Mean loss and accuracy over the training samples.
    pub fn evaluate_train(&mut self) -> Option<Evaluation> {
        let parts = self.parts;
        self.evaluate(&parts.train)
    }

    /// Mean loss and accuracy over the validation samples.
    pub fn evaluate_validation(&mut self) -> Option<Evaluation> {
        let parts = self.parts;
        self.evaluate(&parts.validation)
    }

    /// Mean loss and accuracy over the test samples.
    pub fn evaluate_test(&mut self) -> Option<Evaluation> {
        let parts = self.parts;
        self.evaluate(&parts.test)
    }

    /// The outputs for some of the samples, of which every piece computes some.
    fn outputs(&self, x: &Matrix<f32>, range: Range<usize>) -> Matrix<f32> {
        let (network, tile) = (self.network, self.network.tile(range.len(), 1));
        let of = |own: Range<usize>| self.threads.run(|| network.outputs_by_tiles(&self.theta, &x.columns(own), tile));
        let Some(pieces) = &self.pieces else { return of(range) };
        let tiles = range.len().div_ceil(tile.max(1));
        let samples_of = |piece: usize| {
            let own = tiles_of(piece, tiles, pieces.size());
            (own.start * tile).min(range.len())..(own.end * tile).min(range.len())
        };
        let own = samples_of(pieces.rank());
        let outputs = of(range.start + own.start..range.start + own.end);
        let mut all = Matrix::zeros(network.n_outputs(), range.len());
        let place = |piece: usize| {
            let samples = samples_of(piece);
            samples.start * network.n_outputs()..samples.end * network.n_outputs()
        };
        // Where the others cannot be reached, this piece has all samples; the next step tells that they cannot.
        if pieces.gather(&outputs.data, place, &mut all.data).is_ok() { all } else { of(range) }
    }

    fn evaluate(&mut self, samples: &Samples) -> Option<Evaluation> {
        let n = samples.x.columns;
        if n == 0 {
            return None;
        }
        let measure = SampleLoss::from(&self.by);
        let of = |outputs: &Matrix<f32>, first: usize| {
            let targets = samples.y.view().from(first);
            (measure.sum(outputs, targets), measure.answers(outputs, targets))
        };
        let (loss, answers) = if self.network.multiplications() < LARGE {
            let mut plain = Plain::new(&self.theta, Sink::None, &mut self.workers[0].pool, self.par);
            let input = plain.input(&samples.x);
            let outputs = self.network.forward(&mut plain, input, &mut Tape::forgetting());
            let found = of(&outputs, 0);
            plain.recycle(outputs);
            found
        } else {
            // Where samples depend on each other, they are evaluated in batches of the size of training.
            let batch = if self.network.couples_samples() { self.batch_size } else { n };
            let (mut loss, mut answers) = (0.0, None);
            for start in (0..n).step_by(batch) {
                let end = (start + batch).min(n);
                let outputs = self.outputs(&samples.x, start..end);
                let found = of(&outputs, start);
                loss += found.0;
                answers = Answers::together(answers, found.1);
            }
            (loss, answers)
        };
        let accuracy = answers.map(|answers| answers.accuracy());
        Some(Evaluation { loss: loss / divisor(&self.loss, &samples.y), accuracy })
    }
}

/// The tiles of a piece, out of `tiles` that are dealt to `pieces` pieces: the first ones to the last piece that gets some, so that the
/// sum over all is complete at piece 0, which tells the others.
fn tiles_of(piece: usize, tiles: usize, pieces: usize) -> Range<usize> {
    let sharing = pieces.min(tiles);
    let first = |i: usize| i * tiles / sharing.max(1);
    sharing.checked_sub(piece + 1).map_or(0..0, |i| first(i)..first(i + 1))
}

/// The divisor of the sum of the losses of samples with these targets; 1 where all are ignored, whose sum is 0.
fn divisor(loss: &Objective, targets: &Targets) -> f64 {
    match (loss.reduction, SampleLoss::from(loss).count(targets)) {
        (Reduction::Mean, count) if count > 0.0 => count,
        _ => 1.0,
    }
}

/// A pass of a batch through the network at the present weights.
struct Pass<'a> {
    network: &'a Network,
    theta: &'a [f32],
    loss: SampleLoss<'a>,
    /// The divisor of the sum of the losses.
    divisor: f64,
    batch: &'a Samples,
    par: Par,
}

impl Pass<'_> {
    /// Adds the contribution of the samples in `range` to the gradient of the batch's mean loss to `sink`; returns the
    /// sum of their losses.
    fn run(&self, range: Range<usize>, worker: &mut Worker, sink: Sink<'_, f32>) -> f64 {
        let Samples { x, y } = self.batch;
        let mut plain = Plain::new(self.theta, sink, &mut worker.pool, self.par);
        let input = plain.input_columns(x, range.clone());
        let outputs = self.network.forward(&mut plain, input, &mut worker.tape);
        // A tile has as many columns as there are samples in it; targets beyond them are not looked at.
        let targets = y.view().from(range.start);
        let loss = self.loss.sum(&outputs, targets);
        let weight = 1.0 / self.divisor as f32;
        let delta = LossDelta { loss: self.loss, targets, weight, rounding: Rounding::PyTorch };
        let delta = plain.per_sample([&outputs], &delta);
        plain.recycle(outputs);
        self.network.reverse(&mut plain, delta, &mut worker.tape);
        loss
    }
}

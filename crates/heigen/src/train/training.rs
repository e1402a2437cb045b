//! The state of a training run and one epoch of it.

use super::dealing::{Ahead, Batches, LARGE, tile_of};
use super::evaluation::{Divisors, counts};
use super::parts::Samples;
use super::{Optimizer, Parts, TrainError, learning_rate};
use crate::config::{BatchSize, MultiStepLr, OptimizerSpec};
use crate::linalg::{Matrix, par};
use crate::loss::{LossDelta, Rounding, SampleLoss};
use crate::model::{Algebra, Network, ParamEntry, Plain, Pool, Sink, Tape};
use crate::rng::{DataLoaderOrder, TorchGenerator};
use crate::vocabulary::{Objective, Reduction};
use faer::Par;
use heigen_spectra::{Communicator, Failure, Threads};
use rayon::prelude::*;
use std::ops::Range;

/// A training run: weights, optimizer state, order of the samples, and workspace that is used again, so that no epoch
/// after the first allocates memory.
#[derive(Debug)]
pub struct Training<'a> {
    pub(super) network: &'a Network,
    pub(super) parts: &'a Parts,
    loss: Objective,
    /// The loss by which samples are compared with their targets: that of two logits in place of one.
    pub(super) by: Objective,
    spec: OptimizerSpec,
    scheduler: Option<MultiStepLr>,
    pub(super) batches: Batches,
    epochs_done: usize,
    pub(super) theta: Vec<f32>,
    gradient: Vec<f32>,
    pub(super) optimizer: Optimizer,
    loader: DataLoaderOrder,
    order: Vec<usize>,
    /// The counts that training samples add to the divisor of the mean loss of their batch.
    counts: Vec<f64>,
    pub(super) divisors: Divisors,
    batch: Batch,
    /// The samples that other pieces have and this one needs next.
    ahead: Ahead,
    /// The workers, one for every tile of a batch.
    pub(super) workers: Vec<Worker>,
    pub(super) par: Par,
    pub(super) threads: Threads,
}

/// The samples of a batch that this piece takes through the network: all of them where there is one piece.
#[derive(Debug)]
struct Batch {
    own: Samples,
    /// Number of samples of the batch, those of other pieces included.
    samples: usize,
    /// The divisor of its mean loss.
    divisor: f64,
}

/// The buffers with which one thread takes a tile of a batch through the network, and the results of the tile.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) pool: Pool<f32>,
    tape: Tape<Matrix<f32>>,
    /// The gradient of the tile; used only where a batch has several tiles.
    gradient: Vec<f32>,
    /// The sum of the losses over the tile.
    loss: f64,
}

impl<'a> Training<'a> {
    /// A run from weights `theta` `[P]`; the order of batches is that of `torch.manual_seed(shuffle_seed)` called right
    /// before the first epoch. Where the parts are the share of one of several pieces ([`Parts::dealt`]), all of them make the same run
    /// and do the same steps.
    ///
    /// # Errors
    /// [`TrainError::Empty`] without training samples, [`TrainError::Network`] if the network lacks numbers, [`TrainError::Coupled`] if
    /// several pieces were to share batches whose statistics it takes, [`TrainError::Apart`] if they cannot be reached.
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
        let (train, connection) = (&parts.train, parts.pieces.as_deref());
        let by = loss.for_outputs_of(network, &train.own.y).unwrap_or_else(|| loss.clone());
        let n = train.tiles.samples;
        if n == 0 {
            return Err(TrainError::Empty);
        }
        if connection.is_some() && network.couples_samples() {
            return Err(TrainError::Coupled);
        }
        let size = match batch_size {
            BatchSize::Full => n,
            BatchSize::Samples(b) => b.clamp(1, n),
        };
        let pieces = connection.map_or(1, Communicator::size);
        let batches = Batches { size, tile: tile_of(network, size), pieces };
        let tiles = batches.tiles(size);
        // No piece has more tiles of a batch than this.
        let most = tiles.count().div_ceil(tiles.sharing());
        let apart = tiles.count() > 1 || pieces > 1;
        let worker = || Worker {
            pool: Pool::new(),
            tape: Tape::recording(),
            gradient: if apart { vec![0.0; theta.len()] } else { vec![] },
            loss: 0.0,
        };
        let counts = counts(&loss, train, connection)?;
        Ok(Self {
            workers: (0..most).map(|_| worker()).collect(),
            par: if network.multiplications() >= LARGE && tiles.count() == 1 { par() } else { Par::Seq },
            threads: Threads::current(),
            network,
            parts,
            by,
            spec,
            scheduler,
            batches,
            epochs_done: 0,
            gradient: vec![0.0; theta.len()],
            optimizer: Optimizer::new(&spec, theta.len()),
            theta,
            loader: DataLoaderOrder::new(TorchGenerator::new(shuffle_seed)),
            order: vec![0; n],
            divisors: Divisors::of(&loss, parts, &counts)?,
            counts,
            loss,
            batch: Batch { own: train.own.none_of_this_kind(size.div_ceil(pieces)), samples: 0, divisor: 1.0 },
            ahead: Ahead::new(train, pieces),
        })
    }

    /// The run with the work of large networks done in `threads` instead of rayon's current pool; small networks are
    /// trained by the caller's thread. The weights do not depend on the threads.
    pub fn on(mut self, threads: Threads) -> Self {
        self.threads = threads;
        self
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
        self.parts.train.tiles.samples.div_ceil(self.batches.size)
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
        for step in 0..self.steps_per_epoch() {
            self.gather(&order, step).map_err(TrainError::from)?;
            let loss = match self.spec {
                OptimizerSpec::Sam { rho, .. } => self.sharpness_aware_gradient(rho),
                _ => self.batch_gradient(),
            };
            let loss = loss.map_err(TrainError::from)?;
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

    /// Puts the samples of a step of an epoch in this `order` together.
    fn gather(&mut self, order: &[usize], step: usize) -> Result<(), Failure> {
        let (batches, train) = (self.batches, &self.parts.train);
        let own = self.parts.pieces.as_deref().map_or(0, Communicator::rank);
        if let Some(pieces) = self.parts.pieces.as_deref() {
            self.ahead.prepare(pieces, train, batches, order, step)?;
        }
        let end = ((step + 1) * batches.size).min(order.len());
        let indices = &order[step * batches.size..end];
        let Batch { own: samples, samples: all, divisor: of_mean } = &mut self.batch;
        samples.clear();
        for &n in &indices[batches.tiles(indices.len()).samples_of(own)] {
            self.ahead.take(train, n, samples);
        }
        *all = indices.len();
        *of_mean = divisor(&self.loss, indices.iter().map(|&n| self.counts[n]).sum());
        Ok(())
    }

    /// Computes the gradient of the batch's mean loss, and returns that loss.
    fn batch_gradient(&mut self) -> Result<f64, Failure> {
        let Self { network, theta, gradient, batch, workers, batches, parts, .. } = self;
        let (loss, divisor) = (SampleLoss::from(&self.by), batch.divisor);
        let pass = Pass { network, theta, loss, divisor, batch: &batch.own, par: self.par };
        let (tile, own) = (batches.tile, batch.own.x.columns);
        let pieces = parts.pieces.as_deref();
        if pieces.is_none() && own <= tile {
            let mut whole = || pass.run(0..own, &mut workers[0], Sink::Sum(gradient)) / divisor;
            return Ok(if self.par.degree() > 1 { self.threads.run(whole) } else { whole() });
        }
        let tiles = own.div_ceil(tile);
        self.threads.run(|| {
            workers[..tiles].par_iter_mut().enumerate().for_each(|(i, worker)| {
                let mut sum = std::mem::take(&mut worker.gradient);
                worker.loss = pass.run(i * tile..((i + 1) * tile).min(own), worker, Sink::Sum(&mut sum));
                worker.gradient = sum;
            });
        });
        if let Some(pieces) = pieces {
            let all = batches.tiles(batch.samples);
            let parts: Vec<&[f32]> = workers[..tiles].iter().map(|worker| &worker.gradient[..]).collect();
            pieces.sum_in_order(all.sharing() - 1, &parts, gradient)?;
            let mut losses = vec![0.0; all.count()];
            let own: Vec<f64> = workers[..tiles].iter().map(|worker| worker.loss).collect();
            pieces.gather(&own, |rank| all.of(rank), &mut losses)?;
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
}

/// The divisor of the sum of losses of samples whose count is this ([`SampleLoss::count`]); 1 where all are ignored, whose sum is 0.
pub(super) fn divisor(loss: &Objective, count: f64) -> f64 {
    if loss.reduction == Reduction::Mean && count > 0.0 { count } else { 1.0 }
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

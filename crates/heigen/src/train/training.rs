//! The state of a training run and one epoch of it.

use super::{Optimizer, learning_rate};
use crate::config::{BatchSize, LossKind, MultiStepLr, OptimizerSpec};
use crate::data::{Dataset, Split};
use crate::linalg::Matrix;
use crate::loss::{LossDelta, Rounding};
use crate::model::{Algebra, Network, ParamEntry, Plain, Pool, Sink, Tape, argmax};
use crate::rng::{DataLoaderOrder, TorchGenerator};
use faer::Par;

/// Samples as a matrix [d, N] with their classes [N].
#[derive(Clone, Debug)]
struct Samples {
    x: Matrix<f32>,
    y: Vec<usize>,
}

impl Samples {
    fn of(data: &Dataset, indices: &[usize]) -> Self {
        let part = data.subset(indices);
        Self { x: Matrix::from_f32(&part.features, part.n_features()), y: part.labels }
    }
}

/// Training, test and validation samples.
#[derive(Clone, Debug)]
pub struct Parts {
    train: Samples,
    validation: Samples,
    test: Samples,
}

impl Parts {
    /// The parts of `data` that `split` names.
    pub fn new(data: &Dataset, split: &Split) -> Self {
        Self {
            train: Samples::of(data, &split.train),
            validation: Samples::of(data, &split.validation),
            test: Samples::of(data, &split.test),
        }
    }
}

/// Mean loss and accuracy over one part; `None` where the part is empty.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evaluation {
    /// Mean loss.
    pub loss: f64,
    /// Fraction of samples classified right.
    pub accuracy: f64,
}

/// Why training stopped before its end.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum TrainError {
    /// The loss of a batch became infinite or NaN.
    #[error(
        "training diverged in epoch {epoch} at learning rate {lr:?}: the loss of a batch is {loss}; lower `optimizer.args.lr`"
    )]
    Diverged {
        /// Epoch, from 1.
        epoch: usize,
        /// Learning rate of that epoch.
        lr: f64,
        /// The loss.
        loss: f64,
    },
    /// The weights became infinite or NaN, by a step after which no loss was looked at.
    #[error(
        "training diverged in epoch {epoch} at learning rate {lr:?}: {tensor} has a weight that is infinite or NaN; \
         lower `optimizer.args.lr`"
    )]
    DivergedWeights {
        /// Epoch, from 1.
        epoch: usize,
        /// Learning rate of that epoch.
        lr: f64,
        /// Name of the tensor.
        tensor: String,
    },
    /// There are no training samples.
    #[error("the training part is empty; raise `train_fraction`")]
    Empty,
}

/// A training run: weights, optimizer state, order of the samples, and workspace that is used again, so that no epoch
/// after the first allocates.
#[derive(Debug)]
pub struct Training<'a> {
    network: &'a Network,
    parts: &'a Parts,
    loss: LossKind,
    spec: OptimizerSpec,
    scheduler: Option<MultiStepLr>,
    batch_size: usize,
    epochs_done: usize,
    theta: Vec<f32>,
    gradient: Vec<f32>,
    optimizer: Optimizer,
    loader: DataLoaderOrder,
    order: Vec<usize>,
    batch: Samples,
    pool: Pool<f32>,
    tape: Tape<Matrix<f32>>,
    par: Par,
}

impl<'a> Training<'a> {
    /// From weights `theta` `[P]`; `shuffle_seed` is `torch.manual_seed` right before the first epoch.
    ///
    /// # Errors
    /// [`TrainError::Empty`] without training samples.
    #[allow(clippy::too_many_arguments, reason = "each is one line of an experiment")]
    pub fn new(
        network: &'a Network,
        parts: &'a Parts,
        theta: Vec<f32>,
        loss: LossKind,
        spec: OptimizerSpec,
        scheduler: Option<MultiStepLr>,
        batch_size: BatchSize,
        shuffle_seed: u64,
    ) -> Result<Self, TrainError> {
        let n = parts.train.y.len();
        if n == 0 {
            return Err(TrainError::Empty);
        }
        let batch_size = match batch_size {
            BatchSize::Full => n,
            BatchSize::Samples(b) => b.clamp(1, n),
        };
        let d = parts.train.x.rows;
        Ok(Self {
            network,
            parts,
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
            batch: Samples { x: Matrix::zeros(d, batch_size), y: Vec::with_capacity(batch_size) },
            pool: Pool::new(),
            tape: Tape::recording(),
            par: Par::Seq,
        })
    }

    /// The weights, `[P]`.
    pub fn theta(&self) -> &[f32] {
        &self.theta
    }

    /// Number of finished epochs.
    pub fn epochs_done(&self) -> usize {
        self.epochs_done
    }

    /// One pass over the training samples; returns the sum of the batch losses (each a mean over its batch).
    ///
    /// # Errors
    /// [`TrainError::Diverged`] as soon as the loss of a batch is not finite, [`TrainError::DivergedWeights`] if the
    /// weights are not at the end.
    pub fn run_epoch(&mut self) -> Result<f64, TrainError> {
        let lr = learning_rate(&self.spec, self.scheduler.as_ref(), self.epochs_done);
        let mut order = std::mem::take(&mut self.order);
        self.loader.next_epoch(&mut order);
        let mut sum = 0.0;
        for indices in order.chunks(self.batch_size) {
            self.gather(indices);
            let loss = self.batch_gradient();
            if !loss.is_finite() {
                return Err(TrainError::Diverged { epoch: self.epochs_done + 1, lr, loss });
            }
            self.optimizer.step(&mut self.theta, &self.gradient, lr);
            sum += loss;
        }
        self.order = order;
        let finite = |e: &&ParamEntry| self.theta[e.range.clone()].iter().all(|w| w.is_finite());
        if let Some(entry) = self.network.layout().entries().iter().find(|e| !finite(e)) {
            let tensor = entry.name.clone();
            return Err(TrainError::DivergedWeights { epoch: self.epochs_done + 1, lr, tensor });
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
            y.push(self.parts.train.y[n]);
        }
    }

    /// The gradient of the batch's mean loss; returns that loss.
    fn batch_gradient(&mut self) -> f64 {
        let Samples { x, y } = &self.batch;
        let sink = Sink::Sum(&mut self.gradient);
        let mut plain = Plain::new(&self.theta, sink, &mut self.pool, self.par);
        let input = plain.input(x);
        let outputs = self.network.forward(&mut plain, input, &mut self.tape);
        let loss = self.loss.mean(&outputs, y);
        let delta = LossDelta { loss: self.loss, labels: y, weight: 1.0 / y.len() as f32, rounding: Rounding::PyTorch };
        let delta = plain.per_sample([&outputs], &delta);
        plain.recycle(outputs);
        self.network.reverse(&mut plain, delta, &mut self.tape);
        loss
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

    fn evaluate(&mut self, samples: &Samples) -> Option<Evaluation> {
        if samples.y.is_empty() {
            return None;
        }
        let mut plain = Plain::new(&self.theta, Sink::None, &mut self.pool, self.par);
        let input = plain.input(&samples.x);
        let outputs = self.network.forward(&mut plain, input, &mut Tape::forgetting());
        let loss = self.loss.mean(&outputs, &samples.y);
        let right = outputs.iter_columns().zip(&samples.y).filter(|&(o, &y)| argmax(o) == y).count();
        plain.recycle(outputs);
        Some(Evaluation { loss, accuracy: right as f64 / samples.y.len() as f64 })
    }
}

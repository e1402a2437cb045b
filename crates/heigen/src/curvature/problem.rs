//! A network at a point theta, with samples and a loss: together they define the function whose curvature is computed.

use super::passes::{StartingAt, tile_of};
use super::{Host, Space, Threads};
use crate::data::Dataset;
use crate::linalg::{Matrix, Scalar, par};
use crate::loss::{LossDelta, Rounding};
use crate::model::{Algebra, Network, Plain, Pool, Sink, Tape};
use crate::vocabulary::LossKind;

/// The mean loss L(theta) = 1/N sum_n l(f(x_n; theta), y_n) of a network over N samples, at one theta.
#[derive(Clone, Debug)]
pub struct Problem<'a, T> {
    network: &'a Network,
    theta: Vec<T>,
    inputs: Matrix<T>,
    labels: Vec<usize>,
    loss: LossKind,
    /// Theta's space R^P, with the threads in which the work is done.
    space: Host<T>,
}

/// Why network, weights and samples do not fit together.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ProblemError {
    /// Theta has the wrong number of parameters.
    #[error("the network has {wanted} parameters, theta has {got}")]
    Parameters {
        /// Length of theta.
        got: usize,
        /// P of the network.
        wanted: usize,
    },
    /// The samples have the wrong number of features.
    #[error("the network takes {wanted} features, the samples have {got}")]
    Features {
        /// Number of features of a sample.
        got: usize,
        /// Number of inputs of the network.
        wanted: usize,
    },
    /// There are no samples.
    #[error("there are no samples: the mean loss over none is undefined")]
    NoSamples,
    /// A label is out of range.
    #[error("sample {sample} has label {label}, but the network has {classes} outputs")]
    Label {
        /// The index of the sample.
        sample: usize,
        /// The label of the sample.
        label: usize,
        /// Number of outputs.
        classes: usize,
    },
    /// A weight is infinite or NaN.
    #[error("the weight {index} of theta, in {tensor}, is infinite or NaN; the training that made it has diverged")]
    Weight {
        /// The index of the weight in theta.
        index: usize,
        /// The name of the tensor that the weight belongs to.
        tensor: String,
    },
    /// A feature is infinite or NaN.
    #[error("sample {sample} has a feature that is infinite or NaN")]
    Input {
        /// The index of the sample.
        sample: usize,
    },
}

impl<'a, T: Scalar> Problem<'a, T> {
    /// A network at `theta` `[P]` (float32 or float64) with the samples of `data` and their mean `loss`. Features are
    /// float32; where T is float64 both are converted exactly.
    ///
    /// # Errors
    /// [`ProblemError`] if sizes disagree, there are no samples, or a number is infinite or NaN.
    pub fn new<W: Copy + Into<f64>>(
        network: &'a Network,
        theta: &[W],
        data: &Dataset,
        loss: LossKind,
    ) -> Result<Self, ProblemError> {
        let (n, d) = (data.labels.len(), network.n_inputs());
        if n > 0 && data.features.len() != n * d {
            return Err(ProblemError::Features { got: data.features.len() / n, wanted: d });
        }
        let theta = theta.iter().map(|&w| T::from_f64(w.into())).collect();
        Self::at(network, theta, Matrix::from_f32(&data.features, d), data.labels.clone(), loss)
    }

    /// A network at `theta` `[P]` with `inputs` [d, N] and their `labels` `[N]`, all numbers of type T.
    ///
    /// # Errors
    /// [`ProblemError`] as for [`Problem::new`].
    pub fn at(
        network: &'a Network,
        theta: Vec<T>,
        inputs: Matrix<T>,
        labels: Vec<usize>,
        loss: LossKind,
    ) -> Result<Self, ProblemError> {
        let (n, d) = (labels.len(), network.n_inputs());
        if theta.len() != network.n_params() {
            return Err(ProblemError::Parameters { got: theta.len(), wanted: network.n_params() });
        }
        if n == 0 {
            return Err(ProblemError::NoSamples);
        }
        if inputs.data.len() != n * d {
            return Err(ProblemError::Features { got: inputs.data.len() / n, wanted: d });
        }
        if let Some(sample) = labels.iter().position(|&y| y >= network.n_outputs()) {
            return Err(ProblemError::Label { sample, label: labels[sample], classes: network.n_outputs() });
        }
        if let Some(index) = theta.iter().position(|w| !w.is_finite()) {
            let entry = network.layout().entries().iter().find(|e| e.range.contains(&index));
            return Err(ProblemError::Weight { index, tensor: entry.map_or_else(String::new, |e| e.name.clone()) });
        }
        if let Some(i) = inputs.data.iter().position(|x| !x.is_finite()) {
            return Err(ProblemError::Input { sample: i / d });
        }
        let space = Host::new(theta.len());
        Ok(Self { network, theta, inputs, labels, loss, space })
    }

    /// A problem with the same network, point and loss over other samples: `inputs` [d, M] and their `labels` `[M]`, M
    /// at least 1.
    pub(super) fn with_samples(&self, inputs: Matrix<T>, labels: Vec<usize>) -> Self {
        let (network, theta, loss, space) = (self.network, self.theta.clone(), self.loss, self.space.clone());
        Self { network, theta, inputs, labels, loss, space }
    }

    /// The problem with its work done in `threads` instead of rayon's current pool.
    pub fn on(mut self, threads: Threads) -> Self {
        self.space = Host::on(self.theta.len(), threads);
        self
    }

    /// Theta's space R^P in host memory: the home of the directions that operators take.
    pub fn space(&self) -> &Host<T> {
        &self.space
    }

    /// The network.
    pub fn network(&self) -> &'a Network {
        self.network
    }

    /// The point theta, `[P]`.
    pub fn theta(&self) -> &[T] {
        &self.theta
    }

    /// The samples, [d, N].
    pub fn inputs(&self) -> &Matrix<T> {
        &self.inputs
    }

    /// The classes of the samples, `[N]`.
    pub fn labels(&self) -> &[usize] {
        &self.labels
    }

    /// The loss.
    pub fn loss_kind(&self) -> LossKind {
        self.loss
    }

    /// N, the number of samples.
    pub fn n_samples(&self) -> usize {
        self.labels.len()
    }

    /// P, the number of parameters.
    pub fn n_params(&self) -> usize {
        self.theta.len()
    }

    /// The outputs of the network, [C, N].
    pub fn outputs(&self) -> Matrix<T> {
        self.space.threads().run(|| self.network.outputs(&self.theta, &self.inputs))
    }

    /// The mean loss L(theta).
    pub fn loss(&self) -> f64 {
        self.loss.mean(&self.outputs(), &self.labels)
    }

    /// The fraction of samples whose largest output is that of their label.
    pub fn accuracy(&self) -> f64 {
        let predicted = crate::model::predict(&self.outputs());
        let right = predicted.iter().zip(&self.labels).filter(|(a, b)| a == b).count();
        right as f64 / self.n_samples() as f64
    }

    /// The gradient of L, `[P]`.
    pub fn gradient(&self) -> Vec<T> {
        self.space.threads().run(|| self.gradient_of_tiles())
    }

    fn gradient_of_tiles(&self) -> Vec<T> {
        let mut gradient = vec![T::ZERO; self.n_params()];
        let (mut pool, mut tape) = (Pool::new(), Tape::recording());
        let tile = self.network.tile(self.n_samples(), 1);
        for first in (0..self.n_samples()).step_by(tile) {
            let mut plain = Plain::new(&self.theta, Sink::Add(&mut gradient), &mut pool, par());
            let x = tile_of(&self.inputs, first, tile);
            let outputs = self.network.forward(&mut plain, x, &mut tape);
            let delta = plain.per_sample([&outputs], &StartingAt { seed: &self.delta(), first });
            plain.recycle(outputs);
            self.network.reverse(&mut plain, delta, &mut tape);
        }
        gradient
    }

    /// The derivative of L with respect to the outputs.
    pub(super) fn delta(&self) -> LossDelta<'_, T> {
        LossDelta {
            loss: self.loss,
            labels: &self.labels,
            weight: T::from_f64(1.0 / self.n_samples() as f64),
            rounding: Rounding::Exact,
        }
    }
}

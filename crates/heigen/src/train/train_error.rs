//! Why a training ends without its result.

use crate::model::ModelError;
use heigen_spectra::Failure;

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
    /// The weights became infinite or NaN in the last step of an epoch, after which no loss was computed.
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
    /// Several pieces were to share the batches of a network that takes their statistics.
    #[error(
        "batch normalisation takes the statistics of a whole batch, which no piece of a computation has; \
         train this network in one process"
    )]
    Coupled,
    /// The other pieces of the computation cannot be reached.
    #[error("{0}")]
    Apart(String),
    /// There are no training samples.
    #[error("the training part is empty; raise `train_fraction`")]
    Empty,
    /// The network has not been given all of its numbers besides theta.
    #[error(transparent)]
    Network(#[from] ModelError),
}

impl From<Failure> for TrainError {
    fn from(failure: Failure) -> Self {
        Self::Apart(failure.to_string())
    }
}

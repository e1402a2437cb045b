//! Why there is no problem to compute derivatives of.

use super::UnknownParameters;
use crate::model::ModelError;
use crate::vocabulary::ObjectiveError;

/// Why network, weights and samples do not fit together.
#[derive(Debug, thiserror::Error, PartialEq)]
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
    /// The samples are to be dealt to several pieces, but depend on each other.
    #[error(
        "batch normalisation takes the statistics of all samples together, which no piece of a computation has; \
         hold the statistics fixed (evaluation mode) to deal samples to several"
    )]
    Coupled,
    /// A share of the samples is to have another objective.
    #[error(
        "the samples are dealt to several pieces of a computation, which would not agree on another objective; \
         choose the objective before the samples are dealt"
    )]
    Dealt,
    /// The objective is not known.
    #[error(transparent)]
    Objective(#[from] ObjectiveError),
    /// The network has not been given all of its numbers besides theta.
    #[error(transparent)]
    Network(#[from] ModelError),
    /// No parameter has the name of those that decay.
    #[error("the parameters that decay: {0}")]
    Decay(#[from] UnknownParameters),
}

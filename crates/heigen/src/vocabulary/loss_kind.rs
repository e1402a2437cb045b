//! Losses of a classifier.

use serde::Serialize;

/// The training loss; it is the mean over the samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LossKind {
    /// Cross-entropy of the softmax of the logits.
    CrossEntropy,
    /// Squared error against one-hot labels, averaged over all entries (samples and classes).
    Mse,
    /// Negative log-likelihood of outputs that are log-probabilities already.
    Nll,
    /// Multi-class margin loss, p = 1, margin 1, divided by the number of classes.
    Hinge,
}

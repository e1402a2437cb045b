//! Why a network from elsewhere cannot be taken in.

use super::Renaming;
use crate::LabError;
use std::path::PathBuf;

/// Why a network from elsewhere cannot be taken in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// An architecture or renamings beside a file that has both.
    #[error("{} brings its architecture and names along; expected no others", path.display())]
    BringsArchitecture {
        /// The file.
        path: PathBuf,
    },
    /// Weights without an architecture.
    #[error("{} holds weights only; expected the architecture of their network beside it", path.display())]
    NoArchitecture {
        /// The file.
        path: PathBuf,
    },
    /// A file of another kind.
    #[error("{} is no network by its name; expected .onnx, .safetensors, .pt, .pth or .npz", path.display())]
    UnknownKind {
        /// The file.
        path: PathBuf,
    },
    /// A renaming that renames nothing.
    #[error("no tensor begins with `{}`; there are {}, ...", renaming.from, names.join(", "))]
    Renaming {
        /// The renaming.
        renaming: Renaming,
        /// Some of the names that there are.
        names: Vec<String>,
    },
    /// Renamings that give one name twice.
    #[error("the renamings give two tensors the name {name}")]
    NamedTwice {
        /// The name.
        name: String,
    },
    /// The weights lack a tensor that tells a width.
    #[error("the architecture {arch}: the weights have no {tensor}; expected {}", if *reference { "the reference's names" } else { "its names" })]
    NoTensor {
        /// The architecture.
        arch: String,
        /// The tensor.
        tensor: String,
        /// Whether the architecture is one of the reference's.
        reference: bool,
    },
    /// An architecture that is neither known nor a file.
    #[error("the architecture {arch} is neither {} nor a file that can be read", alternatives(known))]
    Architecture {
        /// The name or path that was given.
        arch: String,
        /// The names that are known.
        known: &'static [&'static str],
        /// The reason why the file cannot be read.
        source: std::io::Error,
    },
    /// A network that ends in another layer than a linear one.
    #[error("the architecture {arch}: the last layer is {last}; expected linear, one output for each class")]
    LastLayer {
        /// The architecture.
        arch: String,
        /// The kind of its last layer.
        last: String,
    },
    /// The loss takes log-probabilities, and the network gives none.
    #[error(
        "the loss nll takes log-probabilities, and the last layer of {} is no log_softmax; cross_entropy takes logits",
        model.display()
    )]
    NoLogSoftmax {
        /// The network.
        model: PathBuf,
    },
    /// Weights, architecture and samples that do not fit together.
    #[error("{} on samples of {features} features, {}", model.display(), data.display())]
    Fit {
        /// The network.
        model: PathBuf,
        /// Features of a sample.
        features: usize,
        /// The samples.
        data: PathBuf,
        /// The tensors that do not fit.
        source: Box<LabError>,
    },
    /// A network that one sample makes too large.
    #[error(
        "the layers make {numbers} numbers of one sample, which need {gib:.0} GiB; expected images and paddings that fit in memory"
    )]
    TooLarge {
        /// Numbers between all layers.
        numbers: usize,
        /// Memory that they need.
        gib: f64,
    },
    /// Weights that are no numbers.
    #[error("{}: {tensor} has a number that is infinite or NaN; expected trained weights", model.display())]
    NotFinite {
        /// The network.
        model: PathBuf,
        /// The tensor.
        tensor: String,
    },
    /// Something else stands under the experiment's name.
    #[error("{} is {by}", path.display())]
    Occupied {
        /// The file that stands there.
        path: PathBuf,
        /// Its kind.
        by: Occupant,
    },
}

/// The owner of the name that an import would have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Occupant {
    /// An experiment without weights.
    #[error("there, without weights")]
    Experiment,
    /// Weights that were imported from another file.
    #[error("an import of {0}")]
    Import(String),
    /// Weights that were trained, or that somebody put there.
    #[error("no earlier import")]
    Other,
}

/// The names as alternatives of a sentence.
fn alternatives(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

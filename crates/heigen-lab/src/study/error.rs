//! The reasons why a network from elsewhere cannot be taken in.

use super::Renaming;
use crate::LabError;
use heigen_formats::foreign_text::{listed, shown};
use std::path::PathBuf;

/// Why a network from elsewhere cannot be taken in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// An architecture or renamings were given with a file that has its own.
    #[error("{} brings its architecture and names along; expected no others", path.display())]
    BringsArchitecture {
        /// The file.
        path: PathBuf,
    },
    /// Weights were given without an architecture.
    #[error("{} holds weights only; expected the architecture of their network beside it", path.display())]
    NoArchitecture {
        /// The file.
        path: PathBuf,
    },
    /// The file is of a kind that holds no network.
    #[error(
        "{} is no network by its name; expected .onnx, .safetensors, .pt, .pth or .npz{}",
        path.display(),
        content.map_or_else(String::new, |kind| format!("; its content is {kind}, so another ending may do"))
    )]
    UnknownKind {
        /// The file.
        path: PathBuf,
        /// The kind of its content, if that may be a network.
        content: Option<&'static str>,
    },
    /// The file has the ending of a network, and the content of something else.
    #[error("{} is {content}; expected an ONNX model or weights: safetensors, PyTorch's .pt, or .npz", path.display())]
    OtherContent {
        /// The file.
        path: PathBuf,
        /// The kind of its content.
        content: &'static str,
    },
    /// A beginning of names to leave out matches no tensor.
    #[error("no tensor begins with `{}`; there are {}", shown(start), listed(names.iter().map(String::as_str)))]
    LeaveOut {
        /// The beginning.
        start: String,
        /// The names that the tensors have.
        names: Vec<String>,
    },
    /// Two tensors of the architecture have numbers in common and cannot be one.
    #[error(
        "{}: `{}` and `{}` have numbers in common in the file, but are not the same tensor of linear layers or convolutions; \
         expected tensors of their own (save copies, `tensor.clone()`), or one tensor in both places",
        model.display(),
        shown(&names[0]),
        shown(&names[1])
    )]
    Tied {
        /// The network.
        model: PathBuf,
        /// The names of the tensors.
        names: [String; 2],
    },
    /// Several parts of the file fit the architecture.
    #[error(
        "{} holds several networks of this architecture: names begin with {}; expected one, or the choice of one",
        model.display(),
        listed(starts.iter().map(String::as_str))
    )]
    Several {
        /// The network.
        model: PathBuf,
        /// The beginnings of the names.
        starts: Vec<String>,
    },
    /// A renaming matches no tensor.
    #[error("no tensor begins with `{}`; there are {}", shown(&renaming.from), listed(names.iter().map(String::as_str)))]
    Renaming {
        /// The renaming.
        renaming: Renaming,
        /// Some of the names that the tensors have.
        names: Vec<String>,
    },
    /// Two tensors get one name by the renamings.
    #[error("the renamings give two tensors the name {}", shown(name))]
    NamedTwice {
        /// The name that both get.
        name: String,
    },
    /// The weights lack a tensor that is needed to find a layer's width.
    #[error("the architecture {arch}: the weights have no {tensor}; expected {}", if *reference { "the reference's names" } else { "its names" })]
    NoTensor {
        /// The architecture.
        arch: String,
        /// The tensor that is missing.
        tensor: String,
        /// Whether the architecture is one of the reference's.
        reference: bool,
    },
    /// The architecture is neither known by name nor a file.
    #[error("the architecture {arch} is neither {} nor a file that can be read", alternatives(known))]
    Architecture {
        /// The name or path that was given.
        arch: String,
        /// The names that are known.
        known: &'static [&'static str],
        /// The reason why the file cannot be read.
        source: std::io::Error,
    },
    /// A graph of operations among the layers cannot be built.
    #[error("the architecture {arch}: {error}")]
    Graph {
        /// The name of the architecture.
        arch: String,
        /// The reason.
        error: heigen::model::ModelError,
    },
    /// The network does not end in a linear layer.
    #[error("the architecture {arch}: the last layer is {last}; expected linear, one output for each class")]
    LastLayer {
        /// The architecture.
        arch: String,
        /// The kind of its last layer.
        last: String,
    },
    /// The loss takes log-probabilities, and the network gives none.
    #[error(
        "the loss nll takes log-probabilities, and the outputs of {} are none; cross_entropy takes logits",
        model.display()
    )]
    NoLogProbabilities {
        /// The network.
        model: PathBuf,
    },
    /// The network has a single output, and the loss is not the one that heigen has for it.
    #[error(
        "{} has a single output, for which {loss} is not defined: take the binary cross-entropy (cross_entropy), a loss of real \
         targets (mse, l1, huber, smooth_l1), or a network with one output for each class",
        model.display()
    )]
    SingleOutput {
        /// The network.
        model: PathBuf,
        /// The loss.
        loss: &'static str,
    },
    /// The network has a single output, and the samples are not labelled by two classes.
    #[error(
        "{} has a single output, which is taken as the logit of the second of two classes, for labels 0 and 1; for real targets \
         name a loss of a regression: mse, l1, huber or smooth_l1",
        model.display()
    )]
    LabelsOfSingleOutput {
        /// The network.
        model: PathBuf,
        /// The error of the samples.
        source: Box<LabError>,
    },
    /// The samples are arrays of another shape than the network takes.
    #[error(
        "{} takes samples of the shape {wanted:?}, and those of {} have {got:?}; expected the same order of axes: transpose \
         them, as by numpy.moveaxis(X, 1, -1) or numpy.moveaxis(X, -1, 1)",
        model.display(),
        data.display()
    )]
    SampleShape {
        /// The network.
        model: PathBuf,
        /// The samples.
        data: PathBuf,
        /// The shape of a sample.
        got: Vec<usize>,
        /// The shape that the network's file asks for.
        wanted: Vec<usize>,
    },
    /// Weights, architecture and samples do not fit together.
    #[error("{} on samples of {features} features, {}", model.display(), data.display())]
    Fit {
        /// The network.
        model: PathBuf,
        /// Number of features of a sample.
        features: usize,
        /// The samples.
        data: PathBuf,
        /// Renamings under which the tensors would fit, by their order and shapes; empty if there are none.
        renamings: Vec<Renaming>,
        /// Names of the tensors that the architecture lacks, where all that it needs are there.
        unused: Vec<String>,
        /// The tensors that do not fit.
        source: Box<LabError>,
    },
    /// One sample needs more memory in the network than there is.
    #[error(
        "the layers make {numbers} numbers of one sample, which need {}; expected images and paddings that fit in memory",
        crate::words::bytes(gib * 2f64.powi(30))
    )]
    TooLarge {
        /// Number of values between all layers.
        numbers: usize,
        /// Memory that the values need, in GiB.
        gib: f64,
    },
    /// The weights contain an infinite number or NaN.
    #[error("{}: {} has a number that is infinite or NaN; expected trained weights", model.display(), shown(tensor))]
    NotFinite {
        /// The network.
        model: PathBuf,
        /// The tensor.
        tensor: String,
    },
    /// A tensor besides the parameters contains NaN.
    #[error(
        "{}: {}, which is no parameter, has a number that is NaN; expected numbers, which may be infinite",
        model.display(),
        shown(tensor)
    )]
    NotANumber {
        /// The network.
        model: PathBuf,
        /// The tensor.
        tensor: String,
    },
    /// A folder of networks holds none.
    #[error("{} holds no file that may be a network; expected {}", folder.display(), endings.join(", "))]
    NoNetworks {
        /// The folder.
        folder: PathBuf,
        /// The endings of files that may be networks.
        endings: &'static [&'static str],
    },
    /// The experiment's name is taken by other results.
    #[error("{} is {by}", path.display())]
    Occupied {
        /// The file that stands there.
        path: PathBuf,
        /// The kind of results that are there.
        by: Occupant,
    },
}

/// The results that have the name that an import would get.
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

/// The names joined as alternatives in a sentence.
fn alternatives(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

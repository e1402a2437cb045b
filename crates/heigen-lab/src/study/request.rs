//! Requests of a study: the network with its samples, or an experiment, and the results that are wanted.

use crate::analysis::Asked;
use crate::drawing::Figure;
use crate::explorable::LiveCommand;
use crate::{Making, Store};
use heigen::config::{FileArgs, LossKind};
use heigen::vocabulary::LossArgs;
use heigen_store::catalogue::Loaded;
use heigen_store::own_data;
use heigen_store::weights::NamedTensor;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A request to take in a network from elsewhere as an experiment with its weights.
#[derive(Clone, Debug)]
pub struct ImportRequest {
    /// The file of the network or of its weights.
    pub model: PathBuf,
    /// The architecture, where the file holds weights only: a JSON file, or a name that is known.
    pub arch: Option<String>,
    /// Renamings that turn the names of tensors in the file into those of the architecture; the longest beginning
    /// counts.
    pub renamings: Vec<Renaming>,
    /// Beginnings of names in the file, after the renamings: tensors with such a name are left out.
    pub leave_out: Vec<String>,
    /// The dictionary of tensors inside of a checkpoint of PyTorch's; found by its usual names if not given.
    pub weights_key: Option<String>,
    /// Parts of the network and the samples that are handed over in memory.
    pub given: Given,
    /// The samples; the number of classes is the network's.
    pub data: FileArgs,
    /// The loss.
    pub loss: LossKind,
    /// The options of the loss.
    pub loss_args: LossArgs,
    /// The experiment's name; `own/<name of the model's file>` if there is none.
    pub name: Option<String>,
    /// Whether results of that name are replaced, whatever they are.
    pub force: bool,
}

impl ImportRequest {
    /// A network from a file on these samples under the cross-entropy, everything else as it is where nothing is said of it.
    pub fn new(model: PathBuf, data: FileArgs) -> Self {
        Self {
            model,
            arch: None,
            renamings: vec![],
            leave_out: vec![],
            weights_key: None,
            given: Given::default(),
            data,
            loss: LossKind::CrossEntropy,
            loss_args: LossArgs::default(),
            name: None,
            force: false,
        }
    }
}

/// Parts of a network and its samples that are handed over in memory, each in the place of a file. Names of files stay what
/// messages and records call them by.
#[derive(Clone, Debug, Default)]
pub struct Given {
    /// The text of the architecture, as its file would have it, in place of [`ImportRequest::arch`].
    pub architecture: Option<String>,
    /// The tensors, in place of the content of [`ImportRequest::model`].
    pub tensors: Option<Arc<Vec<NamedTensor<f64>>>>,
    /// The samples, in place of the files of [`ImportRequest::data`]. They are stored beside the experiment that is about
    /// them.
    pub samples: Option<Arc<own_data::Opened>>,
    /// Whether the architecture says of all tensors which are one, as the parameters of a module in memory do: then tensors
    /// with the same numbers are two.
    pub ties_are_known: bool,
}

/// A renaming: names of tensors that begin with `from` begin with `to` instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renaming {
    /// The beginning of names in the file.
    pub from: String,
    /// The beginning of names in the architecture.
    pub to: String,
}

/// A function that words the command that draws a figure again, given the figure, the experiment's file, its weights
/// and the folder of the results.
pub type PictureCommand = fn(&Figure, &Path, &Path, &Path) -> String;

/// A request for a study of a network from elsewhere: everything that can be computed about it.
#[derive(Clone, Debug)]
pub struct StudyRequest {
    /// The store of the results.
    pub store: Store,
    /// The network and its samples.
    pub import: ImportRequest,
    /// The analysis that is asked for; its weights are always those of the network.
    pub asked: Asked,
    /// Whether the margin is measured also if the network is large.
    pub margin: bool,
    /// Folder of the figures.
    pub figures: PathBuf,
    /// Folder of the report.
    pub report: PathBuf,
    /// The options of making the analysis, the measures and the figures.
    pub making: Making,
    /// A function that words the command that draws a figure of the experiment again, if the face has such a command.
    pub command: Option<PictureCommand>,
    /// A function that words the command that opens a live page at the weights, if the face has such a command.
    pub live: Option<LiveCommand>,
}

/// A request for the study of an experiment: all that [`StudyRequest`] asks for, without a network from elsewhere.
#[derive(Clone, Debug)]
pub struct ExperimentStudyRequest {
    /// The store of the results.
    pub store: Store,
    /// The experiment; it is trained if need be.
    pub experiment: Loaded,
    /// The analysis that is asked for.
    pub asked: Asked,
    /// Whether the margin is measured also if the network is large.
    pub margin: bool,
    /// Folder of the figures.
    pub figures: PathBuf,
    /// Folder of the report.
    pub report: PathBuf,
    /// Sentences that the page repeats: about how network and samples were read.
    pub notes: Vec<String>,
    /// Sentences that the page repeats: reasons why the numbers may mislead.
    pub warnings: Vec<String>,
    /// The options of making the model, the analysis, the measures and the figures.
    pub making: Making,
    /// A function that words the command that draws a figure of the experiment again, if the face has such a command.
    pub command: Option<PictureCommand>,
    /// A function that words the command that opens a live page at the weights, if the face has such a command.
    pub live: Option<LiveCommand>,
}

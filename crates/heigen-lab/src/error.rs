//! The errors of requests. Each says what failed, where, what was there and what was expected. How to mend it depends
//! on the face, which says that in its own words.

use crate::words::bytes as in_words;
use heigen::config::ExperimentName;
use heigen_store::StoreError;
use std::error::Error;
use std::path::PathBuf;

/// Why a request failed.
///
/// No text names an option of a program: where the remedy depends on the face, the variant holds enough for the face to
/// word it. The errors of other crates are either the source of a variant or shown as they are.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LabError {
    /// The watch asked to stop. Nothing is left half done.
    #[error("stopped before it was done; nothing was written")]
    Stopped,
    /// The request ended without an answer, because its thread panicked.
    #[error("the request ended without an answer")]
    Lost,
    /// The process that leads a computation of several could not go on; it says why.
    #[error("the process of rank 0 could not go on")]
    Elsewhere,
    /// One of the processes of a computation does not see a file that another sees.
    #[error("{} is as it should be for the process of rank 0, and not for this one; expected a folder that all share", path.display())]
    Apart {
        /// The path of the file.
        path: PathBuf,
    },
    /// Samples have changed while something was computed from them.
    #[error(
        "{name}: the files of the samples have changed since the analysis began; expected them to stay as they are until it ends"
    )]
    SamplesChanged {
        /// The experiment.
        name: ExperimentName,
    },
    /// The processes of a computation were given different experiments under one name.
    #[error(
        "the experiment is another one for the process of rank 0 than for this one; expected the same file for all"
    )]
    OtherExperiment,
    /// A task failed in another process.
    #[error("in the process of rank {rank}: {what}")]
    InProcess {
        /// The rank of the process.
        rank: usize,
        /// Its error, with all causes.
        what: String,
    },
    /// A result is not there, and the request was to make none.
    #[error("is not done")]
    NotDone,
    /// A task of a reproduction panicked.
    #[error("internal error: {0}")]
    Panicked(String),
    /// Tasks of a reproduction wait for each other.
    #[error("waits for a task that waits for it")]
    Circle,
    /// Something went wrong in a job.
    #[error("{job}")]
    Of {
        /// The experiment, the figure or the file in question.
        job: String,
        /// The error that stopped the job.
        source: Box<LabError>,
    },
    /// A part of the parameters, samples or weights was chosen that is not there.
    #[error("{part}")]
    Choice {
        /// The part that was chosen.
        part: Choice,
        /// The reason why there is no such part.
        source: Box<LabError>,
    },

    /// Options of an analysis that contradict each other.
    #[error(transparent)]
    Contradiction(#[from] Contradiction),
    /// The weights of a stored model are not those that its record describes.
    #[error("{what}")]
    WeightsChanged {
        /// The experiment.
        name: ExperimentName,
        /// A sentence about the change.
        what: String,
    },
    /// Weights stand where a model would be trained, and no record says that they were trained here.
    #[error("{} has no record beside it that heigen trained it", path.display())]
    WeightsForeign {
        /// The experiment.
        name: ExperimentName,
        /// The path of the weights.
        path: PathBuf,
    },
    /// Weights that were imported from elsewhere stand where a model would be trained.
    #[error("{} are weights that were imported, and no training makes them again", path.display())]
    WeightsImported {
        /// The path of the weights.
        path: PathBuf,
    },
    /// The architecture takes statistics from given weights, so that it cannot be trained.
    #[error("{name} cannot be trained: `model.args.batchnorm` is \"running\": its statistics come with given weights")]
    Untrainable {
        /// The experiment.
        name: ExperimentName,
    },
    /// The experiment starts from pretrained weights, and none were given.
    #[error("{name} starts from a ResNet18 pretrained on ImageNet, and no weights were given")]
    NoPretrained {
        /// The experiment.
        name: ExperimentName,
    },
    /// The pretrained weights lack a tensor.
    #[error("{} has no {tensor}; expected ResNet18 under torchvision's names", file.display())]
    NotPretrained {
        /// The file of the weights.
        file: PathBuf,
        /// The tensor that is missing.
        tensor: String,
    },
    /// A model that an experiment starts from has another number of parameters.
    #[error("{name} has {wanted} parameters, but {from}, which it starts from, has {got}; use the same model in both")]
    StartSize {
        /// The experiment.
        name: Box<ExperimentName>,
        /// The experiment that it starts from.
        from: Box<ExperimentName>,
        /// P of the experiment's network.
        wanted: usize,
        /// P of the network that it starts from.
        got: usize,
    },
    /// A model that an experiment starts from is not there.
    #[error("{name}: no model of {from}")]
    NoStart {
        /// The experiment.
        name: ExperimentName,
        /// The experiment that it starts from.
        from: ExperimentName,
    },
    /// A variance is negative.
    #[error("{tensor} has a negative number; expected variances, 0 or more")]
    NegativeVariance {
        /// The tensor that holds the variance.
        tensor: String,
    },
    /// There are no weights along a training.
    #[error("{name} has no weights along its training: no snapshots were kept, or no files of weights were named")]
    NothingToFollow {
        /// The experiment.
        name: ExperimentName,
    },
    /// Memory does not hold what was asked for.
    #[error(
        "{what} need {} of memory, of which {} may be used{}{instead}",
        in_words(*bytes), in_words(*limit), if instead.is_empty() { "" } else { "; " }
    )]
    Memory {
        /// The numbers that were asked for, in words.
        what: String,
        /// Bytes that they need.
        bytes: f64,
        /// Bytes that may be used.
        limit: f64,
        /// A sentence about what would fit; empty if there is none.
        instead: String,
    },
    /// Cosines of all pairs of gradients that an analysis left out because of their size.
    #[error("{name}: the analysis left out the cosines of all pairs of {side} gradients, because of their size")]
    CoherenceLeftOut {
        /// The experiment.
        name: ExperimentName,
        /// Number of gradients.
        side: usize,
    },
    /// An array of a stored analysis stands in another order of axes than this program writes.
    #[error("{} is an array in C order; expected one in Fortran order, as this program writes it", path.display())]
    ArrayOrder {
        /// The path of the array.
        path: PathBuf,
    },
    /// There is no analysis that can be used where one was looked for.
    #[error("{} is no analysis that can be used: {why}", path.display())]
    NoAnalysis {
        /// The path of the record.
        path: PathBuf,
        /// The fault, in words.
        why: String,
    },
    /// A figure needs the whole spectrum of a network that is too large for it.
    #[error("{name}: its figure needs a whole spectrum, for which its network is too large")]
    NeedsWhole {
        /// The experiment.
        name: ExperimentName,
    },
    /// Something that tells classes apart was asked for of samples that have none.
    #[error(
        "{name}: its samples have no classes, so that there is no boundary between them and nothing to tell them apart by"
    )]
    NoClasses {
        /// The experiment.
        name: ExperimentName,
    },
    /// There are no eigenvectors to draw.
    #[error("{name}: its Hessian has no positive eigenvalue, so there are no eigenvectors to draw")]
    NoPositiveEigenvalue {
        /// The experiment.
        name: ExperimentName,
    },
    /// A loss surface needs two directions.
    #[error("the Hessian has one positive eigenvalue only; a loss surface needs v_1 and v_2")]
    OnePositiveEigenvalue,
    /// There is no such classic experiment.
    #[error("there is no classic experiment `{name}`; there are {known}")]
    NoClassic {
        /// The name.
        name: String,
        /// The names of those that there are.
        known: String,
    },
    /// A figure cannot show networks of this number of features.
    #[error("{name} has {got} features; {wanted}")]
    Features {
        /// The experiment.
        name: ExperimentName,
        /// The number of features that the experiment has.
        got: usize,
        /// A sentence about the networks that the figure shows.
        wanted: String,
    },
    /// A figure has fewer markers than the experiment has classes.
    #[error("{name} has {got} classes; Figure {figure} can tell {most} apart")]
    TooManyClasses {
        /// The experiment.
        name: ExperimentName,
        /// The number of classes that the experiment has.
        got: usize,
        /// The figure.
        figure: String,
        /// The number of classes that the figure can tell apart.
        most: usize,
    },
    /// A margin was asked for something else than all classes at the trained weights in float64.
    #[error("{name}: the margin is that of all classes at the trained weights in float64")]
    VariedMargin {
        /// The experiment.
        name: ExperimentName,
    },
    /// A margin was asked for a network that has none.
    #[error("{name}: its network has no boundary, or no margin to show")]
    NoMargin {
        /// The experiment.
        name: ExperimentName,
    },

    /// The file of a study is wrong, or a choice of its levels.
    #[error(transparent)]
    StudyFile(Box<crate::factorial::StudyFileError>),
    /// There is no study of this name.
    #[error("there is no file {name} and no shipped study of that name; there are {known}")]
    NoStudy {
        /// The name that was asked for.
        name: String,
        /// The names of the shipped studies.
        known: String,
    },
    /// An error that several tasks had in common.
    #[error(transparent)]
    Shared(std::sync::Arc<LabError>),
    /// A table could not be written.
    #[error(transparent)]
    Table(#[from] heigen_formats::table::TableError),
    /// A network from elsewhere cannot be taken in.
    #[error(transparent)]
    Import(#[from] crate::study::ImportError),
    /// A file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The reason that the system gives.
        source: std::io::Error,
    },

    /// A file of the store cannot be read or written.
    #[error(transparent)]
    Store(Box<StoreError>),
    /// An experiment's or architecture's file is wrong.
    #[error(transparent)]
    Config(Box<heigen::config::ConfigError>),
    /// A name of results is wrong.
    #[error(transparent)]
    Name(#[from] heigen::config::NameError),
    /// A file of another program cannot be read.
    #[error(transparent)]
    Format(#[from] heigen_formats::FormatError),
    /// An ONNX file cannot be read.
    #[error(transparent)]
    Onnx(#[from] heigen_onnx::OnnxError),
    /// A network cannot be built.
    #[error(transparent)]
    Model(#[from] heigen::model::ModelError),
    /// Weights do not fit the network.
    #[error(transparent)]
    Layout(#[from] heigen::model::LayoutError),
    /// The other minimum of the same function that was asked for does not exist.
    #[error(transparent)]
    Reparameterize(#[from] heigen::model::ReparameterizeError),
    /// A training failed.
    #[error(transparent)]
    Train(#[from] heigen::train::TrainError),
    /// Network, weights and samples do not fit together.
    #[error(transparent)]
    Problem(#[from] heigen::curvature::ProblemError),
    /// A choice of parameters is wrong.
    #[error(transparent)]
    Parameters(#[from] heigen::curvature::UnknownParameters),
    /// A product with an operator, or an operation on vectors, failed.
    #[error(transparent)]
    Failure(heigen::curvature::Failure),
    /// A choice of samples is wrong.
    #[error(transparent)]
    Samples(#[from] heigen::curvature::SampleSelectionError),
    /// A spectrum, eigenpairs, or an estimate could not be computed.
    #[error(transparent)]
    Solver(Box<dyn Error + Send + Sync>),
    /// An eigenproblem could not be solved.
    #[error(transparent)]
    Eigen(#[from] heigen::linalg::EigenError),
    /// A margin could not be computed.
    #[error(transparent)]
    Margin(heigen::analysis::MarginError),
    /// The way of a training has no plane.
    #[error(transparent)]
    Trajectory(#[from] heigen::analysis::TrajectoryError),
    /// A loss surface could not be computed.
    #[error(transparent)]
    Surface(heigen::analysis::SurfaceError),
    /// An embedding could not be computed.
    #[error(transparent)]
    Embedding(heigen::analysis::EmbeddingError),
    /// A boundary could not be put together from alignments.
    #[error(transparent)]
    Reconstruct(#[from] heigen::analysis::ReconstructError),
    /// A figure could not be drawn.
    #[error(transparent)]
    Figure(#[from] heigen_figures::FigureError),
    /// The report's page could not be written.
    #[error("the report")]
    Report(#[from] heigen_report::ReportError),
    /// JSON cannot express a number or text.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// Threads could not be started.
    #[error("cannot start threads")]
    Threads(#[from] rayon::ThreadPoolBuildError),
}

/// A part of a problem that a request can choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Choice {
    /// The choice of layers or tensors.
    #[error("the chosen layers")]
    Layers,
    /// The choice of classes.
    #[error("the chosen classes")]
    Classes,
    /// The choice of samples.
    #[error("the chosen samples")]
    Samples,
    /// The factors of the layers.
    #[error("the factors of the layers")]
    Factors,
}

/// Two options of an analysis that contradict each other.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum Contradiction {
    /// A number of eigenpairs is given with a way that finds all of them.
    #[error("a number of eigenpairs is for Lanczos; the other ways find all eigenpairs anyway")]
    CountOfWhole,
    /// An end of the spectrum is given with a way that finds all of it.
    #[error("an end of the spectrum is chosen among some eigenpairs; the whole spectrum has both ends")]
    EndOfWhole,
    /// A full basis is asked of a part of the spectrum.
    #[error("a full basis completes a whole spectrum; some eigenpairs are a part of one")]
    BasisOfPart,
    /// The matrix is to be kept, and the way avoids forming it.
    #[error("keeping the matrix forms it, which looking for some eigenpairs is there to avoid")]
    MatrixOfPart,
    /// The weight decay is infinite or NaN.
    #[error("the weight decay is {0}; expected a finite number")]
    Decay(f64),
    /// The exact way is asked for in single precision.
    #[error("the exact way needs float64: float32 leaves too few digits")]
    ExactInSingle,
    /// A margin is asked for, and only a part of the spectrum.
    #[error("a margin needs v_1 of a whole spectrum")]
    MarginOfPart,
}

impl LabError {
    /// Whether the request was stopped by its watch.
    pub fn is_stopped(&self) -> bool {
        match self {
            Self::Stopped => true,
            Self::Of { source, .. } | Self::Choice { source, .. } => source.is_stopped(),
            Self::Shared(error) => error.is_stopped(),
            _ => false,
        }
    }

    /// Whether the error may be that of one process alone: only one writes, and only one may see that others are gone or look elsewhere.
    pub(crate) fn is_of_one_process(&self) -> bool {
        match self {
            Self::Of { source, .. } | Self::Choice { source, .. } => source.is_of_one_process(),
            Self::Shared(error) => error.is_of_one_process(),
            Self::Store(error) => matches!(**error, StoreError::Write { .. }),
            Self::Failure(_) | Self::Apart { .. } => true,
            _ => false,
        }
    }

    /// The error with all its causes, in one line.
    pub fn in_full(&self) -> String {
        let mut text = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            text = format!("{text}: {error}");
            cause = error.source();
        }
        text
    }

    /// Wraps the error of a solver.
    pub(crate) fn solver(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Solver(error.into())
    }
}

impl From<StoreError> for LabError {
    fn from(error: StoreError) -> Self {
        Self::Store(Box::new(error))
    }
}

impl From<heigen::config::ConfigError> for LabError {
    fn from(error: heigen::config::ConfigError) -> Self {
        Self::Config(Box::new(error))
    }
}

impl From<crate::factorial::StudyFileError> for LabError {
    fn from(error: crate::factorial::StudyFileError) -> Self {
        Self::StudyFile(Box::new(error))
    }
}

impl From<heigen_spectra::Stopped> for LabError {
    fn from(_: heigen_spectra::Stopped) -> Self {
        Self::Stopped
    }
}

/// Implements the conversion of an error of `heigen` that may stand for a stop by the watch.
macro_rules! unless_stopped {
    ($variant:ident, $($error:ident)::+) => {
        impl From<$($error)::+> for LabError {
            fn from(error: $($error)::+) -> Self {
                match error {
                    $($error)::+::Stopped(_) => Self::Stopped,
                    other => Self::$variant(other),
                }
            }
        }
    };
}
unless_stopped!(Margin, heigen::analysis::MarginError);
unless_stopped!(Surface, heigen::analysis::SurfaceError);
unless_stopped!(Embedding, heigen::analysis::EmbeddingError);
unless_stopped!(Failure, heigen::curvature::Failure);

/// Adds to an error the job or the choice that it belongs to.
pub(crate) trait OfJob<T> {
    /// The result with the job's name put before its error; a stop stays a stop.
    fn of(self, job: impl ToString) -> Result<T, LabError>;
    /// The result with the choice put before its error.
    fn chosen(self, part: Choice) -> Result<T, LabError>;
}

impl<T, E: Into<LabError>> OfJob<T> for Result<T, E> {
    fn of(self, job: impl ToString) -> Result<T, LabError> {
        self.map_err(|error| match error.into() {
            LabError::Stopped => LabError::Stopped,
            error => LabError::Of { job: job.to_string(), source: Box::new(error) },
        })
    }

    fn chosen(self, part: Choice) -> Result<T, LabError> {
        self.map_err(|error| LabError::Choice { part, source: Box::new(error.into()) })
    }
}

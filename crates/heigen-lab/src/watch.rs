//! Events and notes that a request gives while it is under way, and how it is stopped.

use crate::LabError;
use heigen::config::ExperimentName;
use heigen_spectra::Progress;
use heigen_store::record::Unusable;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

/// How far one step of a job has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Name of the job: that of an experiment, or `figure 2`.
    pub job: String,
    /// Name of the step: one of the constants of [`heigen_spectra::stage`] or of [`stage`].
    pub stage: &'static str,
    /// Finished units of this step.
    pub done: u64,
    /// All units of this step, where that is known beforehand.
    pub total: Option<u64>,
    /// Name of the units, in the plural.
    pub unit: &'static str,
}

impl Event {
    /// The event that says what `progress` says, of a job.
    pub fn of(job: &str, progress: Progress) -> Self {
        let Progress { stage, done, total, unit } = progress;
        Self { job: job.to_owned(), stage, done, total, unit }
    }
}

/// The steps that the lab reports beyond those of the solvers, as they stand in [`Event::stage`].
pub mod stage {
    /// Epochs of a training.
    pub const TRAINING: &str = "training";
    /// Waiting until another process has finished the same result.
    pub const WAITING: &str = "waiting";
    /// Alignments of the samples' gradients with eigenvectors.
    pub const ALIGNMENTS: &str = "alignments";
    /// Measures of a decision boundary.
    pub const BOUNDARY: &str = "boundary";
    /// A figure that is drawn.
    pub const DRAWING: &str = "drawing";
    /// Tasks of a reproduction that have ended.
    pub const REPRODUCTION: &str = "reproduction";
}

/// Follows a request and may stop it.
///
/// The lab asks from the thread that called it; a reproduction, which does several things at once, asks from one thread
/// for each. A watch that answers `Break` ends the request with [`LabError::Stopped`](crate::LabError::Stopped): no file
/// is left behind that was not there before.
pub trait LabWatch: Sync {
    /// Takes notice of how far a step has come; `Break` stops the request.
    fn event(&self, _event: &Event) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    /// Takes notice of something that people want to know.
    fn note(&self, _note: &Note) {}
}

/// Hears nothing and stops nothing.
impl LabWatch for () {}

/// A kind of result that is kept and reused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Product {
    /// A trained model; `needed_by` is the experiment that starts from it, where it was not asked for itself.
    Model {
        /// The experiment that starts from it.
        needed_by: Option<ExperimentName>,
    },
    /// A spectrum or part of one, with all that follows from it.
    Analysis {
        /// The weights that are analysed.
        weights: String,
    },
    /// Measures of a decision boundary.
    Boundary,
    /// The files of a figure.
    Figure,
}

/// Why a result is made although there might be one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// There is none, or none worth a word where a new one was asked for.
    Absent,
    /// One stands and holds, but a new one was asked for.
    Asked,
    /// One stands, but it does not hold.
    Unusable(Unusable),
    /// One stands and holds by its record, but its arrays are damaged.
    Damaged,
}

/// Why a task of a reproduction did not end well.
#[derive(Clone, Debug)]
pub enum Problem {
    /// It failed.
    Failed(Arc<LabError>),
    /// A task that it needs did not end well.
    Needs(String),
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Failed(why) => write!(f, "{}", why.in_full()),
            Self::Needs(task) => write!(f, "needs `{task}`"),
        }
    }
}

/// Something that people want to know of a job, as a value; the face puts it into words.
#[derive(Clone, Debug)]
pub struct Note {
    /// Name of the job, as in [`Event::job`]; of a reproduction's tasks, the name of the task.
    pub job: String,
    /// The content.
    pub kind: NoteKind,
}

/// The content of a [`Note`].
#[derive(Clone, Debug)]
pub enum NoteKind {
    /// A result that stands was reused.
    Reused {
        /// The kind of result.
        what: Product,
        /// Where it stands.
        path: PathBuf,
    },
    /// A result is being made.
    Making {
        /// The kind of result.
        what: Product,
        /// Why it is made.
        reason: Reason,
    },
    /// A result was made and written.
    Made {
        /// The kind of result.
        what: Product,
        /// Seconds that it took.
        seconds: f64,
        /// Where it stands.
        path: PathBuf,
    },
    /// A model was trained and written.
    Trained {
        /// Finished epochs.
        epochs: usize,
        /// Whether training ended early, at 100 % training accuracy.
        early: bool,
        /// Seconds that it took.
        seconds: f64,
        /// Where the weights stand.
        path: PathBuf,
    },
    /// A reused model was evaluated less often than is asked for now.
    EvaluatedLess,
    /// An interrupted training goes on.
    GoingOn {
        /// Epochs that are done already.
        done: usize,
        /// All epochs.
        of: usize,
    },
    /// Training starts from weights of a file, except for some tensors.
    StartsFrom {
        /// The file.
        file: PathBuf,
        /// The tensors that stay fresh, each with both shapes, in words.
        fresh: Vec<String>,
    },
    /// The network is too large for the whole spectrum, so that some eigenpairs are looked for.
    TooLarge {
        /// P.
        n_params: usize,
        /// How many eigenpairs are looked for.
        eigenpairs: usize,
    },
    /// Where samples come from, in one sentence; to be said once.
    Samples(String),
    /// Only some of the samples are embedded; to be said once.
    Embedded {
        /// How many are.
        chosen: usize,
        /// N.
        of: usize,
    },
    /// Something about how an imported network or its samples were read, or what could not be drawn of it, in one
    /// sentence.
    Remark(String),
    /// Why numbers of an analysis may mislead, in one sentence.
    Warning(String),
    /// A network from elsewhere was written down as an experiment.
    Imported {
        /// The network's file.
        from: PathBuf,
        /// The experiment's file.
        experiment: PathBuf,
    },
    /// A report was written.
    Reported {
        /// The page.
        path: PathBuf,
    },
    /// A task of a reproduction has begun.
    TaskBegun {
        /// Its place in the plan.
        task: usize,
    },
    /// A task of a reproduction has ended.
    TaskEnded {
        /// Its place in the plan.
        task: usize,
        /// Why it did not end well; none where it did.
        problem: Option<Problem>,
    },
    /// A figure of a reproduction was drawn.
    Drew {
        /// The first of its files.
        path: PathBuf,
    },
    /// Another process is making the same result; this one waits for it.
    Waiting {
        /// Where the result will stand.
        path: PathBuf,
    },
}

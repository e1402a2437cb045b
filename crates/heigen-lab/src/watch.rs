//! Progress and notes that a request reports while it is under way, and the way to stop it.

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
    /// Name of the job: the name of an experiment, or `figure 2`.
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
    /// The event that reports `progress` of the job named `job`.
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
    /// Cosines of all pairs of gradients.
    pub const COHERENCE: &str = "coherence";
    /// Measures of a decision boundary.
    pub const BOUNDARY: &str = "boundary";
    /// The attribution of eigenvectors to classes and to pieces of the boundary.
    pub const ATTRIBUTION: &str = "attribution";
    /// Moments of a training that were looked at.
    pub const FOLLOWING: &str = "following";
    /// A figure that is drawn.
    pub const DRAWING: &str = "drawing";
    /// Tasks of a reproduction that have ended.
    pub const REPRODUCTION: &str = "reproduction";
    /// Cells of a study that have ended.
    pub const CELLS: &str = "cells";
}

/// Follows a request and may stop it.
///
/// The lab asks from the thread that called it, also where it does several things at once. A watch that answers `Break`
/// ends the request with [`LabError::Stopped`](crate::LabError::Stopped): no file is left behind that was not there before.
pub trait LabWatch {
    /// Takes notice of how far a step has come; `Break` stops the request.
    fn event(&self, _event: &Event) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    /// Takes notice of something that people want to know.
    fn note(&self, _note: &Note) {}
}

/// The watch that ignores everything and never stops a request.
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
    /// Spectra along a training.
    Along,
    /// The attribution of eigenvectors to classes and to pieces of the boundary.
    Attribution,
    /// A classic experiment.
    Classic,
    /// A cell of a study over factors and seeds.
    Cell,
    /// The files of a figure.
    Figure,
}

/// The reason why a result is made although an earlier one might exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// There is no earlier result, or a new one was asked for and there is nothing to say about the old one.
    Absent,
    /// There is an earlier result that is up to date, but a new one was asked for.
    Asked,
    /// There is an earlier result, but it cannot be used.
    Unusable(Unusable),
    /// There is an earlier result that is up to date by its record, but its files are not as they were written.
    Damaged(String),
}

/// The reason why a task of a reproduction did not end well.
#[derive(Clone, Debug)]
pub enum Problem {
    /// The task failed.
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

/// Something that people may want to know about a job. It is a value; the face puts it into words.
#[derive(Clone, Debug)]
pub struct Note {
    /// Name of the job, as in [`Event::job`]; for a task of a reproduction, the name of the task.
    pub job: String,
    /// The content.
    pub kind: NoteKind,
}

/// The content of a [`Note`].
#[derive(Clone, Debug)]
pub enum NoteKind {
    /// A stored result was reused.
    Reused {
        /// The kind of result.
        what: Product,
        /// The path of the result.
        path: PathBuf,
    },
    /// A result is being made.
    Making {
        /// The kind of result.
        what: Product,
        /// The reason why it is made.
        reason: Reason,
    },
    /// A result was made and written.
    Made {
        /// The kind of result.
        what: Product,
        /// Seconds that the result took.
        seconds: f64,
        /// The path of the result.
        path: PathBuf,
    },
    /// A model was trained and written.
    Trained {
        /// Finished epochs.
        epochs: usize,
        /// Whether training ended early, at 100 % training accuracy.
        early: bool,
        /// Seconds that the training took.
        seconds: f64,
        /// The path of the weights.
        path: PathBuf,
    },
    /// The model that is reused was evaluated less often than the request asks for.
    EvaluatedLess,
    /// An interrupted training is continued.
    GoingOn {
        /// Number of epochs that are done already.
        done: usize,
        /// Number of all epochs.
        of: usize,
    },
    /// Moments of a training are known from an earlier request that was interrupted.
    MomentsKnown {
        /// Number of moments that are known already.
        done: usize,
        /// Number of all moments.
        of: usize,
    },
    /// Training starts from weights of a file, except for some tensors.
    StartsFrom {
        /// The file.
        file: PathBuf,
        /// The tensors that stay fresh, each with the shapes in the file and in the network, in words.
        fresh: Vec<String>,
    },
    /// The network is too large for the whole spectrum, so only some eigenpairs are computed.
    TooLarge {
        /// P, the number of parameters.
        n_params: usize,
        /// Number of eigenpairs that are computed.
        eigenpairs: usize,
        /// The reason, in words.
        why: String,
        /// Operations that the eigenpairs take, estimated; clustered eigenvalues take several times as many.
        operations: f64,
        /// Bytes that their vectors take.
        bytes: f64,
    },
    /// The margin of a boundary is about to be measured, or left out because it takes long and was not asked for.
    Margin {
        /// Operations that it takes, counted.
        operations: f64,
        /// Whether it is measured.
        measured: bool,
    },
    /// The cosines of all pairs of gradients are large and were not asked for, so they are left out.
    CoherenceLeftOut {
        /// The kind of gradients: those of the samples' losses, or those of their logits.
        of: &'static str,
        /// Number of gradients.
        side: usize,
        /// Bytes that the cosines would take.
        bytes: f64,
    },
    /// A sentence about the origin of the samples, which should be shown only once.
    Samples(String),
    /// Only some of the samples are embedded. The note should be shown only once.
    Embedded {
        /// Number of samples that are embedded.
        chosen: usize,
        /// N, the number of all samples.
        of: usize,
    },
    /// A sentence about how an imported network or its samples were read, or about a picture that could not be drawn.
    Remark(String),
    /// A sentence about a reason why the numbers of an analysis may mislead.
    Warning(String),
    /// A network from elsewhere was taken in as an experiment.
    Imported {
        /// The network's file.
        from: PathBuf,
        /// The experiment's file.
        experiment: PathBuf,
    },
    /// A report was written.
    Reported {
        /// The path of the page.
        path: PathBuf,
    },
    /// A task of a reproduction has begun.
    TaskBegun {
        /// The index of the task in the plan.
        task: usize,
    },
    /// A task of a reproduction has ended.
    TaskEnded {
        /// The index of the task in the plan.
        task: usize,
        /// The reason why it did not end well; `None` if it did.
        problem: Option<Problem>,
    },
    /// A figure of a reproduction was drawn.
    Drew {
        /// The path of the first of its files.
        path: PathBuf,
    },
    /// Another process is making the same result; this one waits for it.
    Waiting {
        /// The path that the result will have.
        path: PathBuf,
    },
}

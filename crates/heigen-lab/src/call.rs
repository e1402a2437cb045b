//! The context of one request while it is worked on.

use crate::cache::{Memo, WeightsFile};
use crate::watch::{Event, LabWatch, Note, NoteKind};
use crate::{Lab, LabError, Making, Store};
use heigen::curvature::{Problem, ProblemError};
use heigen::data::Dataset;
use heigen::linalg::Scalar;
use heigen::model::Network;
use heigen::vocabulary::Objective;
use heigen_spectra::{Progress, Threads, Watch};
use heigen_store::catalogue::Loaded;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

/// The lab, the store, the memo, the threads and the watch that every step of a request works with.
///
/// Every step runs on the thread of the face that made the request, which alone may be asked by the watch. Only operations
/// on numbers enter the threads, by [`Call::run`], [`Call::problem`] and the homes of vectors.
#[derive(Clone, Copy)]
pub(crate) struct Call<'a> {
    pub(crate) lab: &'a Lab,
    pub(crate) store: &'a Store,
    pub(crate) making: &'a Making,
    pub(crate) memo: &'a Memo,
    pub(crate) threads: &'a Threads,
    pub(crate) watch: &'a dyn LabWatch,
}

impl<'a> Call<'a> {
    /// Runs an operation on numbers in the threads of the request and waits for it.
    pub(crate) fn run<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        self.threads.run(work)
    }

    /// The problem of a network at `theta` `[P]` over samples, which works in the threads of the request.
    pub(crate) fn problem<'n, T: Scalar, W: Copy + Into<f64>>(
        &self,
        network: &'n Network,
        theta: &[W],
        samples: &Dataset,
        objective: impl Into<Objective>,
    ) -> Result<Problem<'n, T>, ProblemError> {
        Ok(Problem::new(network, theta, samples, objective)?.on(self.threads.clone()))
    }

    /// Fails if `what` takes more bytes of memory than may be used. It is asked before the work begins; `instead` is a
    /// sentence about what would fit, empty if there is none.
    pub(crate) fn room(
        &self,
        what: impl Into<String>,
        bytes: f64,
        instead: impl FnOnce() -> String,
    ) -> Result<(), LabError> {
        let limit = self.lab.memory;
        if bytes <= limit {
            return Ok(());
        }
        Err(LabError::Memory { what: what.into(), bytes, limit, instead: instead() })
    }

    /// This request continued in another store, with other options of making results.
    pub(crate) fn at(&self, store: &'a Store, making: &'a Making) -> Self {
        Self { store, making, ..*self }
    }

    /// The file of weights at `path`, which the leading one of several processes reads for all. All of them have to ask for it.
    pub(crate) fn weights_for_all(&self, path: &Path) -> Result<Arc<WeightsFile>, LabError> {
        self.memo.weights_for_all(&self.lab.cache, &self.lab.together, path)
    }

    /// Tells the watch something about a job.
    pub(crate) fn note(&self, job: &(impl ToString + ?Sized), kind: NoteKind) {
        self.watch.note(&Note { job: job.to_string(), kind });
    }

    /// A watch for the solvers that work on `job`.
    pub(crate) fn job(&self, job: &(impl ToString + ?Sized)) -> JobWatch<'a> {
        JobWatch { job: job.to_string(), watch: self.watch, stopped: false }
    }

    /// The experiment with the seed that the request asks for.
    pub(crate) fn seeded(&self, mut loaded: Loaded) -> Loaded {
        if let Some(seed) = self.making.seed {
            loaded.experiment.seed = seed;
        }
        loaded
    }
}

/// A watch for one job, which tells the face how far the job is.
pub(crate) struct JobWatch<'a> {
    job: String,
    watch: &'a dyn LabWatch,
    /// Whether the face has asked the job to stop.
    stopped: bool,
}

impl JobWatch<'_> {
    /// Says that a step of unknown length begins.
    pub(crate) fn begin(&mut self, stage: &'static str) -> Result<(), LabError> {
        Ok(self.tell(stage, 0, None, "")?)
    }
}

impl Watch for JobWatch<'_> {
    fn progress(&mut self, progress: Progress) -> ControlFlow<()> {
        if self.stopped {
            return ControlFlow::Break(());
        }
        let flow = self.watch.event(&Event::of(&self.job, progress));
        self.stopped = flow.is_break();
        flow
    }
}

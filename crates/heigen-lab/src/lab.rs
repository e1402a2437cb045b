//! The lab: the threads, the memory limit, the image folder and the cache that requests share.

use crate::cache::{Cache, Counts, Memo};
use crate::call::Call;
use crate::crew::Crew;
use crate::prepare::Prepared;
use crate::together::Together;
use crate::training::imported;
use crate::watch::LabWatch;
use crate::{LabError, Making, Store};
use heigen::config::Experiment;
use heigen_spectra::{Communicator, Threads};
use heigen_store::catalogue::Loaded;
use heigen_store::image_folder::ImageFolder;
use rayon::ThreadPoolBuilder;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Resources that a lab may use.
#[derive(Clone, Debug)]
pub struct LabOptions {
    /// Folder of the image sets, which need not exist.
    pub images: PathBuf,
    /// Number of threads of one request; 0 means all cores. Results do not depend on it.
    pub threads: usize,
    /// Bytes that one analysis may take.
    pub memory: f64,
    /// The machine as reports name it, e.g. its processor.
    pub machine: String,
}

/// Answers requests. Several requests may run at the same time, from several threads, and several labs may exist side
/// by side.
#[derive(Debug)]
pub struct Lab {
    pub(crate) images: ImageFolder,
    pub(crate) memory: f64,
    pub(crate) machine: String,
    pub(crate) cache: Cache,
    pub(crate) together: Together,
    pub(crate) crew: Crew,
    threads: usize,
    /// Thread pools that no request uses at the moment.
    idle: Mutex<Vec<Threads>>,
}

impl Lab {
    /// A lab with its threads started.
    ///
    /// # Errors
    /// [`LabError::Threads`] if the system does not start so many threads.
    pub fn new(options: LabOptions) -> Result<Self, LabError> {
        let (first, threads) = pool(options.threads)?;
        Ok(Self {
            images: ImageFolder::new(options.images),
            memory: options.memory,
            machine: options.machine,
            cache: Cache::default(),
            together: Together::default(),
            crew: Crew::default(),
            threads,
            idle: Mutex::new(vec![first]),
        })
    }

    /// The lab as one of several processes that answer the same requests together: each does the same, but for the sums over
    /// samples, of which it computes its share. The process of rank 0 decides what is reused, and the others read what it has
    /// written, so that all have to see the same files; all but that one have to call
    /// [`leave_writing_to_another`](heigen_store::files::leave_writing_to_another) before. Results are the same bytes for any
    /// number of processes.
    ///
    /// # Errors
    /// [`LabError::Failure`] if the processes cannot reach each other.
    pub fn among(mut self, communicator: Arc<dyn Communicator>) -> Result<Self, LabError> {
        self.together = Together::by(communicator);
        self.memory = self.together.agreed(self.memory)?;
        Ok(self)
    }

    /// The lab as one of several processes among which whole tasks of a reproduction or of a study are dealt. All ask for the same
    /// [`Lab::reproduce`] or [`Lab::factorial`], and write their results to a folder that they share; the process of rank 0 hands out the
    /// tasks, and does what is left when all are done. Any other request is answered by each for itself.
    pub fn dealing(mut self, communicator: Arc<dyn Communicator>) -> Self {
        self.crew = Crew::by(communicator);
        self
    }

    /// Whether this process leads the others, or is alone: what concerns a whole computation is said and written by it.
    pub fn leads(&self) -> bool {
        self.crew.leads() && self.together.leads()
    }

    /// Whether other requests may follow one that has ended with this error: not after a stop, and not where another process may wait
    /// for what this one could not do.
    pub fn goes_on_after(&self, error: &LabError) -> bool {
        !error.is_stopped() && !self.together.has_parted()
    }

    /// Number of threads of one request.
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// Counts of how often samples were prepared and weights were read from their files so far.
    pub fn counts(&self) -> Counts {
        self.cache.counts()
    }

    /// Runs `work` on this thread, with threads that no other request uses meanwhile, so that no request waits for a piece
    /// of another's work; the system shares the cores among the pools.
    pub(crate) fn work<R>(&self, work: impl FnOnce(&Threads) -> Result<R, LabError>) -> Result<R, LabError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let threads = idle.map_or_else(|| pool(self.threads).map(|(threads, _)| threads), Ok)?;
        let outcome = work(&threads);
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(threads);
        outcome
    }
}

/// One thread, for work of which many pieces are done side by side.
pub(crate) fn single_thread() -> Result<Threads, LabError> {
    Ok(pool(1)?.0)
}

/// A pool of `threads` threads, or of as many as there are cores for 0, and their number.
fn pool(threads: usize) -> Result<(Threads, usize), LabError> {
    let pool = ThreadPoolBuilder::new().num_threads(threads).thread_name(|i| format!("heigen-lab-{i}")).build()?;
    let number = pool.current_num_threads();
    Ok((Threads::of(Arc::new(pool)), number))
}

impl Lab {
    /// Runs `work` as one request.
    pub(crate) fn call<R>(
        &self,
        store: &Store,
        making: &Making,
        watch: &dyn LabWatch,
        work: impl FnOnce(&Call) -> Result<R, LabError>,
    ) -> Result<R, LabError> {
        let memo = Memo::default();
        self.work(|threads| work(&Call { lab: self, store, making, memo: &memo, threads, watch }))
    }

    /// The samples and the network of an experiment.
    ///
    /// # Errors
    /// [`LabError`] if the samples cannot be read, or no such network can be built for them.
    pub fn prepared(&self, experiment: &Experiment, watch: &dyn LabWatch) -> Result<Prepared, LabError> {
        let (store, making) = (Store::folder(""), Making::default());
        self.call(&store, &making, watch, |call| Prepared::new(call, experiment))
    }

    /// The samples and the network of an experiment, and theta `[P]` from a file of weights, which also gives the network the
    /// statistics of batch normalisation where its architecture takes them from there.
    ///
    /// # Errors
    /// As [`Lab::prepared`], or [`LabError`] if the weights cannot be read, or are those of another network.
    pub fn prepared_at(
        &self,
        experiment: &Experiment,
        weights: &Path,
        watch: &dyn LabWatch,
    ) -> Result<(Prepared, Vec<f64>), LabError> {
        let (store, making) = (Store::folder(""), Making::default());
        self.call(&store, &making, watch, |call| {
            let mut prepared = Prepared::new(call, experiment)?;
            let theta = prepared.load(weights, &*call.memo.weights(&self.cache, weights)?)?;
            Ok((prepared, theta))
        })
    }

    /// The file of the weights of an experiment that stands for a network from elsewhere, in the store where that was taken in; none
    /// for any other experiment.
    ///
    /// # Errors
    /// [`LabError`] if there is a file of weights that cannot be read.
    pub fn taken_in(&self, store: &Store, loaded: &Loaded, watch: &dyn LabWatch) -> Result<Option<PathBuf>, LabError> {
        self.call(store, &Making::default(), watch, |call| imported(call, loaded))
    }
}

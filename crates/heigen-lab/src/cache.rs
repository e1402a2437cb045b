//! Samples and weights, which requests need again and again. They are read once within a request, and parsed once for
//! each content.

use crate::LabError;
use crate::prepare::Samples;
use crate::together::Together;
use heigen_store::own_data;
use heigen_store::weights::{self, Weights};
use heigen_store::{StoreError, bounded};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// Sets of samples that a lab keeps from one request to the next.
const KEPT: usize = 4;

/// Counts of work that a lab should do only once for each content; tests compare them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Sets of samples that were generated, or parsed from their files.
    pub samples_prepared: usize,
    /// Files of weights that were read and hashed.
    pub weights_read: usize,
}

/// The samples of earlier requests, found by the data that they were made from, the hash of their files included.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    samples: Mutex<Vec<(String, Arc<Samples>)>>,
    samples_prepared: AtomicUsize,
    weights_read: AtomicUsize,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A value is put in complete, so a panic in another thread leaves nothing half done.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Cache {
    pub(crate) fn counts(&self) -> Counts {
        Counts {
            samples_prepared: self.samples_prepared.load(Ordering::Relaxed),
            weights_read: self.weights_read.load(Ordering::Relaxed),
        }
    }

    /// The bytes of a network's file that another program wrote.
    pub(crate) fn read_weights(&self, path: &Path) -> Result<Vec<u8>, LabError> {
        self.weights_read.fetch_add(1, Ordering::Relaxed);
        Ok(bounded::read(path, bounded::LONGEST)?)
    }

    /// The samples that belong to `key`; `make` makes them where they are not in the cache. Without a key they are not
    /// kept.
    fn samples(
        &self,
        key: Option<String>,
        make: impl FnOnce() -> Result<Samples, LabError>,
    ) -> Result<Arc<Samples>, LabError> {
        let known = locked(&self.samples).iter().find(|(k, _)| key.as_ref() == Some(k)).map(|(_, s)| Arc::clone(s));
        if let Some(samples) = known {
            return Ok(samples);
        }
        self.samples_prepared.fetch_add(1, Ordering::Relaxed);
        let samples = Arc::new(make()?);
        let Some(key) = key else { return Ok(samples) };
        let mut kept = locked(&self.samples);
        if kept.len() == KEPT {
            kept.remove(0);
        }
        kept.push((key, Arc::clone(&samples)));
        Ok(samples)
    }
}

/// A file of weights that the request has read or written.
#[derive(Debug)]
pub(crate) struct WeightsFile {
    hash: String,
    /// The bytes of the file until they are parsed; `None` where the request wrote the file itself.
    opened: Option<weights::Opened>,
    parsed: OnceLock<Weights<f64>>,
}

impl WeightsFile {
    /// The BLAKE3 hash of the file.
    pub(crate) fn hash(&self) -> &str {
        &self.hash
    }

    /// The tensors.
    pub(crate) fn weights(&self) -> Result<&Weights<f64>, LabError> {
        if let (None, Some(opened)) = (self.parsed.get(), &self.opened) {
            let parsed = opened.parse()?;
            return Ok(self.parsed.get_or_init(|| parsed));
        }
        self.parsed.get().ok_or(LabError::Lost)
    }
}

/// Everything that one request has read and written so far. If somebody else changes a file meanwhile, the request goes
/// on with the content that it read first.
#[derive(Debug, Default)]
pub(crate) struct Memo {
    samples: Mutex<BTreeMap<String, Arc<Samples>>>,
    weights: Mutex<BTreeMap<PathBuf, Arc<WeightsFile>>>,
    /// Samples that the request was handed in memory, by the path that their features will have.
    given: Mutex<BTreeMap<String, Arc<own_data::Opened>>>,
    /// Files of samples that the leading one of several processes has read for all, until they are parsed.
    read: Mutex<BTreeMap<String, Files>>,
}

/// Files with their content.
pub(crate) type Files = Vec<(PathBuf, Vec<u8>)>;

impl Memo {
    /// The samples that `spec` describes. Where the request does not have them yet, `content` gives the key under which
    /// the lab's cache may know them, and `make` makes them.
    pub(crate) fn samples<C>(
        &self,
        cache: &Cache,
        spec: &str,
        content: impl FnOnce() -> Result<(Option<String>, C), LabError>,
        make: impl FnOnce(C) -> Result<Samples, LabError>,
    ) -> Result<Arc<Samples>, LabError> {
        if let Some(samples) = locked(&self.samples).get(spec) {
            return Ok(Arc::clone(samples));
        }
        let (key, content) = content()?;
        let samples = cache.samples(key, || make(content))?;
        locked(&self.samples).insert(spec.to_owned(), Arc::clone(&samples));
        Ok(samples)
    }

    /// Takes note of samples that the request was handed, which will stand at `path`.
    pub(crate) fn give(&self, path: String, samples: Arc<own_data::Opened>) {
        locked(&self.given).insert(path, samples);
    }

    /// The samples at `path` that the request was handed.
    pub(crate) fn given(&self, path: &str) -> Option<Arc<own_data::Opened>> {
        locked(&self.given).get(path).cloned()
    }

    /// Whether the request has the samples that `spec` describes, or their files.
    pub(crate) fn has_samples(&self, spec: &str) -> bool {
        locked(&self.samples).contains_key(spec) || locked(&self.read).contains_key(spec)
    }

    /// Forgets the samples that `spec` describes.
    pub(crate) fn forget_samples(&self, spec: &str) {
        locked(&self.samples).remove(spec);
    }

    /// Takes note of the files of the samples that `spec` describes.
    pub(crate) fn have_read(&self, spec: String, files: Files) {
        locked(&self.read).insert(spec, files);
    }

    /// The files of the samples that `spec` describes, if they were read for all processes; to be parsed.
    pub(crate) fn take_read(&self, spec: &str) -> Option<Files> {
        locked(&self.read).remove(spec)
    }

    /// The file of weights at `path`, which the leading one of several processes reads for all. All of them have to ask for it.
    pub(crate) fn weights_for_all(
        &self,
        cache: &Cache,
        together: &Together,
        path: &Path,
    ) -> Result<Arc<WeightsFile>, LabError> {
        let known = locked(&self.weights).contains_key(path);
        if together.communicator().is_none() || together.all(known)? {
            return Ok(self.weights(cache, path)?);
        }
        // Somebody may have changed the file since one of them has read it: all take the same weights.
        let bytes = together.read(|| Ok(bounded::read(path, bounded::LONGEST)?))?;
        Ok(self.opened(cache, path, weights::Opened::of(path.to_owned(), bytes)))
    }

    /// The file of weights at `path`.
    pub(crate) fn weights(&self, cache: &Cache, path: &Path) -> Result<Arc<WeightsFile>, StoreError> {
        if let Some(file) = locked(&self.weights).get(path) {
            return Ok(Arc::clone(file));
        }
        Ok(self.opened(cache, path, weights::open(path)?))
    }

    fn opened(&self, cache: &Cache, path: &Path, opened: weights::Opened) -> Arc<WeightsFile> {
        cache.weights_read.fetch_add(1, Ordering::Relaxed);
        let file = WeightsFile { hash: opened.hash().to_owned(), opened: Some(opened), parsed: OnceLock::new() };
        let file = Arc::new(file);
        locked(&self.weights).insert(path.to_owned(), Arc::clone(&file));
        file
    }

    /// Lets go of the samples that the request has read, once they are no longer needed. Whoever asks for them again reads them anew.
    pub(crate) fn let_go_of_samples(&self, cache: &Cache) {
        locked(&self.samples).clear();
        locked(&self.read).clear();
        locked(&cache.samples).clear();
    }

    /// Lets go of the samples and weights that the request has read.
    pub(crate) fn let_go(&self, cache: &Cache) {
        self.let_go_of_samples(cache);
        locked(&self.weights).clear();
    }

    /// Forgets the weights at `path`, which somebody else may have replaced.
    pub(crate) fn forget(&self, path: &Path) {
        locked(&self.weights).remove(path);
    }

    /// Takes note of weights that the request wrote to `path`.
    pub(crate) fn wrote(&self, path: PathBuf, hash: String, weights: Weights<f64>) {
        let file = WeightsFile { hash, opened: None, parsed: OnceLock::from(weights) };
        locked(&self.weights).insert(path, Arc::new(file));
    }
}

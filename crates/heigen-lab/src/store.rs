//! The place of results, as the lab sees it.

use crate::LabError;
use crate::study::{ImportError, Occupant};
use heigen::config::ExperimentName;
use heigen_store::StoreError;
use heigen_store::atomic::{self, Staged};
use heigen_store::files::{self, MemoryFolder};
use heigen_store::layout::{ExperimentPaths, Results};
use heigen_store::record::{AnalysisRecord, hash_file};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The results that a request reads and writes: a folder on disk, or in memory.
///
/// A store in memory holds results, and figures and reports too where their folder lies below [`dir`](Store::dir), until
/// its last clone is dropped; [`heigen_store::files`] reads them. It is shared by the threads of one process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    results: Results,
    /// Keeps a folder in memory alive.
    memory: Option<Arc<MemoryFolder>>,
}

impl Store {
    /// The results below a folder, which need not exist.
    pub fn folder(folder: impl Into<PathBuf>) -> Self {
        Self { results: Results::new(folder), memory: None }
    }

    /// A new store in memory, without results.
    pub fn memory() -> Self {
        let folder = MemoryFolder::new();
        Self { results: Results::new(folder.dir()), memory: Some(Arc::new(folder)) }
    }

    /// The folder that holds the results.
    pub fn dir(&self) -> &Path {
        self.results.dir()
    }

    /// The paths of all files of a store in memory; `None` for a store on disk.
    pub fn files(&self) -> Option<Vec<PathBuf>> {
        self.memory.as_ref().map(|folder| folder.paths())
    }

    /// The paths of an experiment's results.
    ///
    /// # Errors
    /// [`StoreError::Name`] if a part of the name cannot be part of a path.
    pub fn of(&self, name: &ExperimentName) -> Result<ExperimentPaths, StoreError> {
        self.results.of(name)
    }

    /// Copies the model, the experiment and all analyses of `name` to another store. Records and experiments that name files
    /// of this store name those of the other one there, so that everything is found up to date.
    ///
    /// # Errors
    /// [`ImportError::Occupied`] if other weights stand there under that name, unless `force` says that they may be
    /// replaced; else whatever keeps files from being read or written.
    pub fn copy(&self, name: &ExperimentName, to: &Self, force: bool) -> Result<(), LabError> {
        let (ours, theirs) = (self.of(name)?, to.of(name)?);
        let there = theirs.weights();
        if !force && files::is_file(&there) && hash_file(&there).ok() != hash_file(&ours.weights()).ok() {
            return Err(ImportError::Occupied { path: there, by: Occupant::Other }.into());
        }
        let mut staged = vec![];
        for path in ours.all() {
            let target = to.dir().join(path.strip_prefix(self.dir()).unwrap_or(&path));
            let record = AnalysisRecord::<serde_json::Map<String, Value>>::load(&path);
            staged.push(if let (true, Ok(mut record)) = (is_json(&path), record) {
                if self.stands_at(&record.weights, &ours.weights()) {
                    record.weights = theirs.weights().display().to_string();
                }
                record.stage(&target)?
            } else {
                let mut bytes = files::read(&path).map_err(|source| LabError::Read { path: path.clone(), source })?;
                if path == ours.experiment() {
                    bytes = self.moved(&bytes, &ours, &theirs)?;
                }
                atomic::stage_with(&target, |file| file.write_all(&bytes))?
            });
        }
        // Records get their names last, so that wherever one stands the others are complete.
        staged.sort_by_key(|staged| is_json(staged.path()));
        Ok(replace(&[], staged)?)
    }

    /// Whether `named` in an experiment or a record is the file `ours` of this store, also where the store has been moved
    /// since.
    pub(crate) fn stands_at(&self, named: &str, ours: &Path) -> bool {
        ours.strip_prefix(self.dir()).is_ok_and(|below| Path::new(named).ends_with(below)) && files::is_file(ours)
    }

    /// The file of an experiment whose samples stand beside it, where it will stand in another store.
    fn moved(&self, bytes: &[u8], ours: &ExperimentPaths, theirs: &ExperimentPaths) -> Result<Vec<u8>, LabError> {
        let mut experiment: Value = serde_json::from_slice(bytes)?;
        let pairs = [(ours.features(), theirs.features()), (ours.labels(), theirs.labels())];
        for (key, (ours, theirs)) in ["path", "labels_path"].into_iter().zip(pairs) {
            if let Some(path) = experiment.pointer_mut(&format!("/dataset/args/{key}"))
                && path.as_str().is_some_and(|named| self.stands_at(named, &ours))
            {
                *path = theirs.display().to_string().into();
            }
        }
        Ok(format!("{experiment:#}\n").into_bytes())
    }

    /// The store for results of the same experiments at another seed.
    #[must_use]
    pub fn at_seed(&self, seed: u64) -> Self {
        self.below(&self.dir().join("seeds").join(seed.to_string()))
    }

    /// The store of results in a folder below the one of this store, on disk or in memory as this one.
    #[must_use]
    pub(crate) fn below(&self, folder: &Path) -> Self {
        Self { results: Results::new(folder), memory: self.memory.clone() }
    }
}

fn is_json(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "json")
}

/// Removes the files of `earlier` results, which would contradict the new ones; then gives the new files their names,
/// in the given order.
pub(crate) fn replace(earlier: &[PathBuf], staged: Vec<Staged>) -> Result<(), StoreError> {
    earlier.iter().try_for_each(|path| atomic::remove(path))?;
    staged.into_iter().try_for_each(Staged::commit)
}

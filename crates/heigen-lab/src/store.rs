//! The place of results, as the lab sees it.

use heigen::config::ExperimentName;
use heigen_store::StoreError;
use heigen_store::atomic::{self, Staged};
use heigen_store::files::MemoryFolder;
use heigen_store::layout::{ExperimentPaths, Results};
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

    /// The store for results of the same experiments at another seed.
    #[must_use]
    pub fn at_seed(&self, seed: u64) -> Self {
        let folder = self.dir().join("seeds").join(seed.to_string());
        Self { results: Results::new(folder), memory: self.memory.clone() }
    }
}

/// Removes the files of `earlier` results, which would contradict the new ones; then gives the new files their names,
/// in the given order.
pub(crate) fn replace(earlier: &[PathBuf], staged: Vec<Staged>) -> Result<(), StoreError> {
    earlier.iter().try_for_each(|path| atomic::remove(path))?;
    staged.into_iter().try_for_each(Staged::commit)
}

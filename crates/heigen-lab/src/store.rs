//! The place of results, as the lab sees it.

use heigen::config::ExperimentName;
use heigen_store::StoreError;
use heigen_store::atomic::{self, Staged};
use heigen_store::layout::{ExperimentPaths, Results};
use std::path::{Path, PathBuf};

/// The results that a request reads and writes: a folder.
///
/// Everything that the lab stores goes through this type and through the formats of `heigen-store`, which take paths. A
/// store in memory would be a second kind of store, with paths that only it understands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    results: Results,
}

impl Store {
    /// The results below a folder, which need not exist.
    pub fn folder(folder: impl Into<PathBuf>) -> Self {
        Self { results: Results::new(folder) }
    }

    /// The folder that holds the results.
    pub fn dir(&self) -> &Path {
        self.results.dir()
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
        Self::folder(self.dir().join("seeds").join(seed.to_string()))
    }
}

/// Removes the files of `earlier` results, which would contradict the new ones; then gives the new files their names,
/// in the given order.
pub(crate) fn replace(earlier: &[PathBuf], staged: Vec<Staged>) -> Result<(), StoreError> {
    earlier.iter().try_for_each(|path| atomic::remove(path))?;
    staged.into_iter().try_for_each(Staged::commit)
}

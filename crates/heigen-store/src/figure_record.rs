//! The record beside a figure, which says from which results it was drawn.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::StoreError;
use crate::atomic::Staged;
use crate::document::{self, Kind, Unusable};
use crate::record::hash_file;

/// The kind of document that the record is.
const KIND: Kind = Kind { format: "heigen figure record", version: 1, what: "the record of a figure", mend: "draw" };

/// The record of one figure: the results it was drawn from and the files it became.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FigureRecord {
    /// Its number in the paper, or its name.
    pub figure: String,
    /// The experiments that it shows, from top to bottom.
    pub experiments: Vec<String>,
    /// [`stamp`](crate::record::stamp) of everything that determines it.
    pub stamp: String,
    /// [`hash_file`] of each of its files, by name.
    pub files: BTreeMap<String, String>,
}

impl FigureRecord {
    /// The record of a figure whose files are not there yet.
    pub fn new(figure: &str, stamp: String, experiments: impl Iterator<Item = String>) -> Self {
        Self { figure: figure.to_owned(), experiments: experiments.collect(), stamp, files: BTreeMap::new() }
    }

    /// The record with the hashes of the figure's files, which are complete but wait for their names `paths`.
    #[must_use]
    pub fn of_files(mut self, staged: &[Staged], paths: &[PathBuf]) -> Self {
        for (staged, path) in staged.iter().zip(paths) {
            self.files.insert(name(path), staged.hash().to_owned());
        }
        self
    }

    /// Whether the files at `paths` are those of this record, and were drawn from what `wanted` is.
    pub fn matches(&self, wanted: &Self, paths: &[PathBuf]) -> bool {
        let whole = |path: &PathBuf| hash_file(path).is_ok_and(|hash| self.files.get(&name(path)) == Some(&hash));
        self.stamp == wanted.stamp && paths.iter().all(whole)
    }

    /// Writes the record; it waits for [`Staged::commit`] to get its name.
    ///
    /// # Errors
    /// As [`crate::atomic::stage_with`].
    pub fn stage(&self, path: &Path) -> Result<Staged, StoreError> {
        document::stage(path, &KIND, self)
    }

    /// Reads the record at `path`.
    ///
    /// # Errors
    /// As [`ModelRecord::load`](crate::record::ModelRecord::load).
    pub fn load(path: &Path) -> Result<Self, Unusable> {
        document::load(path, &KIND)
    }
}

fn name(path: &Path) -> String {
    path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

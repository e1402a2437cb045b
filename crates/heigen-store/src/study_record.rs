//! The record of a study whose rows have been judged, beside its tables and figures.

use std::collections::BTreeMap;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::StoreError;
use crate::atomic::Staged;
use crate::document::{self, Kind, Unusable};

/// The kind of document that the record is.
const KIND: Kind = Kind { format: "heigen study", version: 1, what: "the record of a study", mend: "run the study" };

/// A study over factors and seeds, with its claims judged; `J` is the judgement of one claim.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StudyRecord<J> {
    /// The title.
    pub title: String,
    /// The paragraphs that open the study's report.
    pub text: Vec<String>,
    /// The command that runs the study.
    pub command: String,
    /// Version of the program that judged.
    pub code_version: String,
    /// Number of cells of the whole study.
    pub cells: usize,
    /// Number of rows that were there.
    pub rows: usize,
    /// Number of rows by their state: `converged`, `not converged`, `failed`.
    pub states: BTreeMap<String, usize>,
    /// The claims, judged.
    pub claims: Vec<J>,
    /// The BLAKE3 hashes of the figures that were written with the record, by the names of their files.
    pub files: BTreeMap<String, String>,
}

impl<J: Serialize + DeserializeOwned> StudyRecord<J> {
    /// Writes the record; it waits for [`Staged::commit`] to get its name.
    ///
    /// # Errors
    /// As [`crate::atomic::stage_with`], and [`StoreError::Values`] for a number that JSON cannot say.
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

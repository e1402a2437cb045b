//! The record of one cell of a study: one training at one combination of the study's factors and one seed, measured.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::StoreError;
use crate::atomic::Staged;
use crate::document::{self, Kind, Unusable};

/// The kind of document that the record is.
pub(crate) const KIND: Kind =
    Kind { format: "heigen cell", version: 1, what: "a cell of a study", mend: "run the study" };

/// The training of a cell of a study, and the measures of its end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CellRecord {
    /// [`stamp`](crate::record::stamp) of everything that determines the numbers.
    pub stamp: String,
    /// Version of the program that measured.
    pub code_version: String,
    /// Wall-clock time, in seconds.
    pub seconds: f64,
    /// The experiment, as its file would hold it.
    pub experiment: Value,
    /// The experiment whose trained weights it starts from, where there is one.
    pub first: Option<Value>,
    /// Why there are no measures, e.g. that the training diverged.
    pub failure: Option<String>,
    /// The measures by name. One that could not be taken is absent.
    pub measures: BTreeMap<String, f64>,
}

impl CellRecord {
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

    /// Whether it is the one that `stamp` asks for.
    ///
    /// # Errors
    /// [`Unusable::Stale`] if not.
    pub fn check_stamp(&self, stamp: &str) -> Result<(), Unusable> {
        document::check_stamp(&self.stamp, stamp, "the cell of a study", "experiment or program version")
    }
}

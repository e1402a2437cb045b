//! The summary of an analysis, beside its arrays.

use std::collections::BTreeMap;
use std::path::Path;

use heigen::analysis::Summary;
use heigen::config::ExperimentName;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::StoreError;
use crate::analysed_matrix::Subject;
use crate::atomic::Staged;
use crate::document::{self, Kind, Unusable};
use crate::estimates::Estimates;
use crate::files;
use crate::record::hash_file;

/// The kind of document that the record is.
pub(crate) const KIND: Kind =
    Kind { format: "heigen analysis", version: 1, what: "the summary of an analysis", mend: "analyse" };

/// The record of one analysis: which matrix of which network was analysed, and the numbers that were found, those of a
/// whole spectrum ([`Summary`]) or of some eigenpairs ([`TopKSummary`](crate::record::TopKSummary)).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AnalysisRecord<S = Summary> {
    /// The experiment.
    pub name: ExperimentName,
    /// Stamp of everything that determines the results.
    pub stamp: String,
    /// Version of the program that analysed.
    pub code_version: String,
    /// The weights file.
    pub weights: String,
    /// The hash of the weights file.
    pub weights_hash: String,
    /// Wall-clock time, in seconds.
    pub seconds: f64,
    /// The matrix whose spectrum it is.
    pub of: Subject,
    /// Estimates that were asked for besides.
    #[serde(default, skip_serializing_if = "Estimates::is_empty")]
    pub estimates: Estimates,
    /// The BLAKE3 hashes of the arrays that were written with the record, by the names of their files.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
    /// The numbers that were found.
    #[serde(flatten)]
    pub summary: S,
}

impl<S: Serialize + DeserializeOwned> AnalysisRecord<S> {
    /// Writes the record.
    ///
    /// # Errors
    /// As [`crate::atomic::write_with`].
    pub fn save(&self, path: &Path) -> Result<(), StoreError> {
        self.stage(path)?.commit()
    }

    /// As [`Self::save`], but the file waits for [`Staged::commit`] to get its name.
    ///
    /// # Errors
    /// As [`Self::save`].
    pub fn stage(&self, path: &Path) -> Result<Staged, StoreError> {
        document::stage(path, &KIND, self)
    }

    /// Reads the record at `path`.
    ///
    /// # Errors
    /// [`Unusable`], as for the record of a training.
    pub fn load(path: &Path) -> Result<Self, Unusable> {
        document::load(path, &KIND)
    }

    /// Whether the arrays in `folder` have the content that was written with the record. Arrays that are not there are
    /// passed over.
    ///
    /// # Errors
    /// [`Unusable::Changed`] for an array with another content, [`Unusable::Unreadable`] for one that cannot be read.
    pub fn check_files(&self, folder: &Path) -> Result<(), Unusable> {
        for (name, written) in &self.files {
            let path = folder.join(name);
            if !files::is_file(&path) {
                continue;
            }
            let found = hash_file(&path).map_err(|e| Unusable::Unreadable(e.to_string()))?;
            if found != *written {
                return Err(Unusable::Changed(format!(
                    "{} is not as it was written: its content has the hash {}, the record says {}",
                    path.display(),
                    document::short(&found),
                    document::short(written)
                )));
            }
        }
        Ok(())
    }

    /// Whether the analysis is the one that `stamp` asks for.
    ///
    /// # Errors
    /// [`Unusable::Stale`] if not.
    pub fn check_stamp(&self, stamp: &str) -> Result<(), Unusable> {
        let made_from = "configuration, options, weights, data, number type or program version";
        document::check_stamp(&self.stamp, stamp, &format!("the analysis of {}", self.name), made_from)
    }
}

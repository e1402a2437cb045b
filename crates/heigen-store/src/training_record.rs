//! The record of a training: the JSON document beside the weights.

use std::io;
use std::path::Path;

use heigen::config::{AnyName, ConfigError, Experiment, ExperimentName};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::StoreError;
use crate::atomic::Staged;
use crate::document::{self, Kind, Unusable, short};
use crate::stamp::hash_file;

/// The kind of document that the record is.
pub(crate) const KIND: Kind =
    Kind { format: "heigen model record", version: 1, what: "the record of a training", mend: "train" };

/// The record of one training: from what, how and when the weights were made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelRecord {
    /// The experiment.
    pub name: ExperimentName,
    /// The experiment with every default written out, as from [`Experiment::to_json`].
    pub config: Value,
    /// Seed of the fresh weights, and of the order of the batches unless `shuffle_seed` is given.
    pub seed: u64,
    /// Seed of the order of the batches, if it is not `seed`.
    pub shuffle_seed: Option<u64>,
    /// Version of the program that trained.
    pub code_version: String,
    /// [`stamp`](crate::record::stamp) of everything that determines the weights.
    pub stamp: String,
    /// Stamp of the model that training started from.
    pub start_stamp: Option<String>,
    /// Where the samples came from, e.g. a generator or the files read.
    pub data_source: String,
    /// Losses and accuracies at the reported epochs, ascending.
    pub epochs: Vec<EpochReport>,
    /// Epochs trained; fewer than asked for after an early stop.
    pub epochs_trained: usize,
    /// Wall-clock time of the training, in seconds.
    pub seconds: f64,
    /// [`hash_file`] of the weights file.
    pub weights_hash: String,
}

/// Losses and accuracies after an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpochReport {
    /// Epochs trained so far; 0 is before the first.
    pub epoch: usize,
    /// Mean loss and accuracy on the training part.
    pub train: PartReport,
    /// Mean loss and accuracy on the validation part, unless it is empty.
    pub validation: Option<PartReport>,
    /// Mean loss and accuracy on the test part, unless it is empty.
    pub test: Option<PartReport>,
}

/// Mean loss and accuracy on one part of the samples.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartReport {
    /// Mean loss over the samples.
    pub loss: f64,
    /// Fraction of samples predicted right, from 0 to 1; none where samples have no class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<f64>,
}

impl ModelRecord {
    /// Writes the record.
    ///
    /// # Errors
    /// [`StoreError::Values`] if a number is not finite, which JSON cannot say; else as [`crate::atomic::write_with`].
    pub fn save(&self, path: &Path) -> Result<(), StoreError> {
        self.stage(path)?.commit()
    }

    /// As [`Self::save`], but the file waits for [`Staged::commit`] to get its name.
    ///
    /// # Errors
    /// As [`Self::save`].
    pub fn stage(&self, path: &Path) -> Result<Staged, StoreError> {
        let numbers = |report: &EpochReport| {
            let parts = [Some(report.train), report.validation, report.test];
            parts.into_iter().flatten().all(|part| part.loss.is_finite() && part.accuracy.is_none_or(f64::is_finite))
        };
        if let Some(report) = self.epochs.iter().find(|report| !numbers(report)) {
            let reason = format!("a loss or accuracy after epoch {} is not finite", report.epoch);
            return Err(StoreError::values(path, reason));
        }
        if !self.seconds.is_finite() {
            return Err(StoreError::values(path, "its seconds are not finite"));
        }
        document::stage(path, &KIND, self)
    }

    /// Reads the record at `path`.
    ///
    /// # Errors
    /// [`Unusable::Missing`] without a file, [`Unusable::Unreadable`] if it is truncated or foreign,
    /// [`Unusable::Stale`] if another version of the program wrote it in another form.
    pub fn load(path: &Path) -> Result<Self, Unusable> {
        document::load(path, &KIND)
    }

    /// The experiment that was trained.
    ///
    /// # Errors
    /// [`ConfigError`] if the stored configuration is not one that this program reads.
    pub fn experiment(&self) -> Result<Experiment, ConfigError> {
        let origin = format!("the record of {}", self.name);
        Experiment::parse(&self.config.to_string(), self.name.clone(), &origin, &AnyName)
            .map(|parsed| parsed.experiment)
    }

    /// Whether the model is the one that `stamp` asks for.
    ///
    /// # Errors
    /// [`Unusable::Stale`] if not.
    pub fn check_stamp(&self, stamp: &str) -> Result<(), Unusable> {
        let made_from = "configuration, seed, data, start or program version";
        document::check_stamp(&self.stamp, stamp, &format!("the trained model of {}", self.name), made_from)
    }

    /// Whether the weights at `path` are the ones this record was written for.
    ///
    /// # Errors
    /// [`Unusable::Missing`] without a file, [`Unusable::Changed`] if its bytes are others,
    /// [`Unusable::Unreadable`] if they cannot be read.
    pub fn check_weights(&self, path: &Path) -> Result<(), Unusable> {
        self.check_weights_hash(path, hash_file(path))
    }

    /// [`Self::check_weights`] of a file whose hash was taken already, or could not be.
    ///
    /// # Errors
    /// As [`Self::check_weights`].
    pub fn check_weights_hash(&self, path: &Path, hash: Result<String, StoreError>) -> Result<(), Unusable> {
        match hash {
            Ok(hash) if hash == self.weights_hash => Ok(()),
            Ok(hash) => Err(Unusable::Changed(format!(
                "{} has changed since it was trained (its hash is {}, the record says {})",
                path.display(),
                short(&hash),
                short(&self.weights_hash),
            ))),
            Err(StoreError::Read { cause, .. }) if cause.kind() == io::ErrorKind::NotFound => {
                Err(Unusable::Missing(path.to_owned()))
            }
            Err(e) => Err(Unusable::Unreadable(e.to_string())),
        }
    }
}

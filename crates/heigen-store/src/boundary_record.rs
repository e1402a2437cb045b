//! The record of the measures of a decision boundary.

use std::path::Path;

use heigen::analysis::{BoundaryComplexity, BoundaryPoint, ClassSwitches, MarginEstimate, SignEncoding};
use heigen::config::ExperimentName;
use serde::{Deserialize, Serialize};

use crate::StoreError;
use crate::atomic::Staged;
use crate::document::{self, Kind, Unusable};

/// The kind of document that the record is.
pub(crate) const KIND: Kind =
    Kind { format: "heigen boundary", version: 1, what: "the measures of a decision boundary", mend: "measure" };

/// The decision boundary of a trained model, measured beside its curvature.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BoundaryRecord {
    /// The experiment.
    pub name: ExperimentName,
    /// [`stamp`](crate::record::stamp) of everything that determines the numbers.
    pub stamp: String,
    /// Version of the program that measured.
    pub code_version: String,
    /// Wall-clock time, in seconds.
    pub seconds: f64,
    /// On planes: number of pieces, linear pieces, length, total curvature.
    pub complexity: Option<BoundaryComplexity>,
    /// Changes of the predicted class along segments between training samples.
    pub switches: ClassSwitches,
    /// How well the signs of alignments with the outlying eigenvectors tell the class, on the plane's grid or the
    /// training samples.
    pub encoding: SignEncoding,
    /// How well as many random directions tell the class by the signs of their alignments, the mean over several draws.
    pub encoding_random: f64,
    /// The margin estimated by v_1; absent for networks for which it would take too long, unless it was asked for.
    pub margin: Option<MarginEstimate>,
    /// The training sample nearest to the boundary, and where; none where there is but one class, or none was looked at.
    pub nearest: Option<BoundaryPoint>,
    /// How many training samples were looked at: all; of large networks, if asked for, those whose two largest outputs are
    /// closest.
    pub nearest_among: usize,
}

impl BoundaryRecord {
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
        let what = format!("the measured boundary of {}", self.name);
        document::check_stamp(&self.stamp, stamp, &what, "analysis or program version")
    }
}

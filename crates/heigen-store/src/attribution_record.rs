//! The record of what the eigenvectors of a spectrum carry: classes, pieces of the boundary.

use std::path::Path;

use heigen::analysis::{BoundaryPiece, PieceFate};
use heigen::config::ExperimentName;
use heigen::curvature::{ClassShares, ClassSpectra};
use serde::{Deserialize, Serialize};

use crate::StoreError;
use crate::atomic::Staged;
use crate::document::{self, Kind, Unusable};

/// The kind of document that the record is.
pub(crate) const KIND: Kind =
    Kind { format: "heigen attribution", version: 1, what: "what eigenvectors carry", mend: "attribute" };

/// The attribution of the leading eigenvectors of a trained model's spectrum.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AttributionRecord {
    /// The experiment.
    pub name: ExperimentName,
    /// [`stamp`](crate::record::stamp) of everything that determines the numbers.
    pub stamp: String,
    /// Version of the program that attributed.
    pub code_version: String,
    /// Wall-clock time, in seconds.
    pub seconds: f64,
    /// The names of the classes.
    pub class_names: Vec<String>,
    /// The spectra of the class part and of the cross-class part of the Gauss-Newton matrix.
    pub spectra: Option<ClassSpectra>,
    /// Why the Gauss-Newton matrix was not taken apart by classes.
    pub without_classes: Option<String>,
    /// The pieces of the boundary, longest first; none where inputs do not lie in a plane.
    pub pieces: Vec<BoundaryPiece>,
    /// The rise of the loss up to which weights were moved.
    pub rise: f64,
    /// The eigenvectors, largest eigenvalue first.
    pub vectors: Vec<VectorAttribution>,
}

/// What one eigenvector carries.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VectorAttribution {
    /// Its number, from 1 for the largest eigenvalue.
    pub index: usize,
    /// Its eigenvalue.
    pub eigenvalue: f64,
    /// The parts of v^T G v.
    pub shares: Option<ClassShares>,
    /// The fates of the pieces of the boundary as the weights move along v and along -v, on planes.
    pub moved: Vec<Move>,
}

/// Weights moved along a vector until the loss had risen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Move {
    /// The factor of the eigenvector that was added to theta; none where the loss does not rise so far.
    pub step: Option<f64>,
    /// The fate of every piece of the boundary, in the order of the record's pieces; none without a step.
    pub fates: Vec<PieceFate>,
}

impl AttributionRecord {
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
        let what = format!("what the eigenvectors of {} carry", self.name);
        document::check_stamp(&self.stamp, stamp, &what, "analysis, settings or program version")
    }
}

//! The record of a classic experiment of the field, done again.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::StoreError;
use crate::atomic::Staged;
use crate::document::{self, Kind, Unusable};

/// The kind of document that the record is.
pub(crate) const KIND: Kind =
    Kind { format: "heigen classic", version: 1, what: "a classic experiment", mend: "reproduce" };

/// A classic experiment: what was claimed, what was measured, and the curves of its figure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassicRecord {
    /// Its name, e.g. `edge-of-stability`.
    pub name: String,
    /// [`stamp`](crate::record::stamp) of everything that determines the numbers.
    pub stamp: String,
    /// Version of the program that measured.
    pub code_version: String,
    /// Wall-clock time, in seconds.
    pub seconds: f64,
    /// A description of the networks and samples, in one paragraph.
    pub setup: String,
    /// The claims.
    pub claims: Vec<ClassicClaim>,
    /// The panels of the figure.
    pub panels: Vec<PanelRecord>,
}

/// A published claim and the findings about it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassicClaim {
    /// The statement.
    pub statement: String,
    /// Where it was published.
    pub source: String,
    /// The rule by which findings were sorted into those for and those against it.
    pub rule: String,
    /// The findings.
    pub findings: Vec<Finding>,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Whether it speaks for the claim; none where it does not tell.
    pub supports: Option<bool>,
    /// The finding in words, with its numbers.
    pub text: String,
}

/// A panel of curves.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PanelRecord {
    /// The title above it.
    pub title: String,
    /// The labels of its axes.
    pub axes: [String; 2],
    /// Whether an axis is logarithmic.
    pub logarithmic: [bool; 2],
    /// Its curves.
    pub curves: Vec<CurveRecord>,
    /// Names and places of horizontal lines.
    pub levels: Vec<(String, f64)>,
}

/// A curve of a panel.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CurveRecord {
    /// Its name in the legend.
    pub name: String,
    /// Its points.
    pub points: Vec<[f64; 2]>,
    /// Whether its points are markers instead of a line.
    pub markers: bool,
}

impl ClassicRecord {
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
        document::check_stamp(&self.stamp, stamp, &format!("the classic {}", self.name), "settings or program version")
    }
}

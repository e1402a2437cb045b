//! The one form in which results are told to programs: by the command line, by other faces, and by the files themselves.

use crate::along_record::{self, AlongRecord};
use crate::attribution_record::{self, AttributionRecord};
use crate::boundary_record::BoundaryRecord;
use crate::document::{self, Unusable};
use crate::record::{AnalysisRecord, EstimatesSummary, ModelRecord, TopKSummary};
use crate::{analysis_record, boundary_record, training_record};
use serde_json::Value;

/// A result as programs get it: a JSON object that says by `format` and `version` what it is, followed by the numbers.
/// It is the object that stands in the result's file, so that what reads the one reads the other. A version is raised
/// whenever the meaning of an object changes; keys may be added within a version.
///
/// ```
/// use heigen_store::record::Summary;
/// assert!(Summary::parse(r#"{"format": "heigen analysis", "version": 99}"#).unwrap_err().to_string().contains("99"));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Summary {
    /// A training: `heigen model record`.
    Model(Box<ModelRecord>),
    /// A whole spectrum with all that follows from it: `heigen analysis`.
    Spectrum(Box<AnalysisRecord>),
    /// Some eigenpairs: `heigen analysis` with the key `which`.
    Eigenpairs(Box<AnalysisRecord<TopKSummary>>),
    /// Estimates alone: `heigen analysis` with neither `which` nor `rank`.
    Estimates(Box<AnalysisRecord<EstimatesSummary>>),
    /// The attribution of the leading eigenvectors: `heigen attribution`.
    Attribution(Box<AttributionRecord>),
    /// The measures of a decision boundary: `heigen boundary`.
    Boundary(Box<BoundaryRecord>),
    /// The spectra along a training: `heigen along`.
    Along(Box<AlongRecord>),
}

impl From<ModelRecord> for Summary {
    fn from(record: ModelRecord) -> Self {
        Self::Model(Box::new(record))
    }
}

impl From<AttributionRecord> for Summary {
    fn from(record: AttributionRecord) -> Self {
        Self::Attribution(Box::new(record))
    }
}

impl From<BoundaryRecord> for Summary {
    fn from(record: BoundaryRecord) -> Self {
        Self::Boundary(Box::new(record))
    }
}

impl From<AlongRecord> for Summary {
    fn from(record: AlongRecord) -> Self {
        Self::Along(Box::new(record))
    }
}

impl Summary {
    /// The stamp of everything that the result was made from.
    pub fn stamp(&self) -> &str {
        match self {
            Self::Model(record) => &record.stamp,
            Self::Spectrum(record) => &record.stamp,
            Self::Eigenpairs(record) => &record.stamp,
            Self::Estimates(record) => &record.stamp,
            Self::Attribution(record) => &record.stamp,
            Self::Boundary(record) => &record.stamp,
            Self::Along(record) => &record.stamp,
        }
    }

    /// The JSON object.
    ///
    /// # Errors
    /// [`serde_json::Error`] for numbers that JSON cannot say.
    pub fn to_json(&self) -> Result<Value, serde_json::Error> {
        match self {
            Self::Model(record) => document::to_value(&training_record::KIND, record),
            Self::Spectrum(record) => document::to_value(&analysis_record::KIND, record),
            Self::Eigenpairs(record) => document::to_value(&analysis_record::KIND, record),
            Self::Estimates(record) => document::to_value(&analysis_record::KIND, record),
            Self::Attribution(record) => document::to_value(&attribution_record::KIND, record),
            Self::Boundary(record) => document::to_value(&boundary_record::KIND, record),
            Self::Along(record) => document::to_value(&along_record::KIND, record),
        }
    }

    /// The result in the text of a JSON object.
    ///
    /// # Errors
    /// [`Unusable`] for a text of another kind or version.
    pub fn parse(text: &str) -> Result<Self, Unusable> {
        let value: Value = serde_json::from_str(text)
            .map_err(|e| Unusable::Unreadable(format!("the text is no summary of a result: it is not JSON ({e})")))?;
        let (format, bytes, name) = (value["format"].as_str().unwrap_or_default(), text.as_bytes(), "the summary");
        if format == training_record::KIND.format {
            return document::parse(name, bytes, &training_record::KIND).map(Self::Model);
        }
        if format == attribution_record::KIND.format {
            return document::parse(name, bytes, &attribution_record::KIND).map(Self::Attribution);
        }
        if format == boundary_record::KIND.format {
            return document::parse(name, bytes, &boundary_record::KIND).map(Self::Boundary);
        }
        if format == along_record::KIND.format {
            return document::parse(name, bytes, &along_record::KIND).map(Self::Along);
        }
        if value.get("which").is_some() {
            return document::parse(name, bytes, &analysis_record::KIND).map(Self::Eigenpairs);
        }
        if format == analysis_record::KIND.format && value.get("rank").is_none() {
            return document::parse(name, bytes, &analysis_record::KIND).map(Self::Estimates);
        }
        document::parse(name, bytes, &analysis_record::KIND).map(Self::Spectrum)
    }
}

//! Labelled samples from the files that other programs write.
//!
//! Labels that are numbers from 0 are the indices of the classes as they are, and texts become classes in the order of their
//! first occurrence. Labels that are written in another usual way (1 to C, -1 and +1, one-hot) are recognised, and
//! [`Samples::order`] says by which rule they were read.
//!
//! Where the number of classes is known from a network, any samples of any of its classes will do: the mean loss over them
//! is defined. Where it is not, there is something to be trained, and every class must have two samples or more, so that
//! both training and test can have one.

mod arrays;
mod columns;
mod csv;
mod idx;
mod labels;
mod number;
mod pandas;
mod parquet;

pub use arrays::{npy_pair, npz};
pub use csv::{csv, csv_from, tsv, tsv_from};
pub use idx::idx_pair;
pub use labels::ClassOrder;
pub use parquet::parquet;

use crate::error::Cell;
use crate::{DEFAULT_LIMIT, FormatError, Remedy};
use labels::{Labels, Place};

/// Labelled samples.
#[derive(Clone, Debug, PartialEq)]
pub struct Samples {
    /// Sample after sample, [N, d], row-major: sample n at `n * d ..`. All are finite.
    pub features: Vec<f64>,
    /// Shape of one sample, e.g. `[4]` or `[28, 28]`; its product is d.
    pub shape: Vec<usize>,
    /// Class of every sample.
    pub labels: Vec<usize>,
    /// Name of every class: its label in the file, or its index.
    pub classes: Vec<String>,
    /// The rule by which labels became classes.
    pub order: ClassOrder,
    /// Name of every feature; empty if the file names none.
    pub feature_names: Vec<String>,
    /// Whether the features are images of bytes, 0 to 255, which networks are often trained on as numbers from 0 to 1.
    pub bytes: bool,
    /// Sentences about how the file was read, where it could have been read otherwise, and about columns that may be no
    /// features.
    pub notes: Vec<String>,
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Column {
    /// By its name in the header.
    Name(String),
    /// By its position: 0 is the first, -1 the last.
    Position(i64),
}

/// The places of features and labels in a file. Settings that do not apply to a format are ignored by its reader.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SampleOptions {
    /// Array of the features in an `.npz`; `X` if not given.
    pub features_key: Option<String>,
    /// Array of the labels in an `.npz`; `y` if not given.
    pub labels_key: Option<String>,
    /// Column of the labels in a table; if not given, the one named `label`, `class`, `target` or `y`, else the last.
    pub label_column: Option<Column>,
    /// Columns of a table that are no features.
    pub drop: Vec<Column>,
    /// Whether the first line of a CSV names the columns; if not given, it does unless its features are numbers.
    pub header: Option<bool>,
    /// Number of classes where it is known: some may then have no samples, and a label beyond is an error.
    pub n_classes: Option<usize>,
    /// The labels of the classes in the order of the network's outputs; if not given, the order is found from the file.
    pub class_names: Option<Vec<String>>,
    /// The most bytes that the file may unpack to, and that the samples may take; [`DEFAULT_LIMIT`] if not given.
    pub limit: Option<usize>,
}

impl SampleOptions {
    /// The most bytes that the file may unpack to, and that the samples may take.
    pub(crate) fn limit(&self) -> usize {
        self.limit.unwrap_or(DEFAULT_LIMIT)
    }

    /// Fails if `numbers` take more memory than the limit allows.
    fn check_room(&self, numbers: usize, origin: &str) -> Result<(), FormatError> {
        if numbers.saturating_mul(size_of::<f64>()) > self.limit() { Err(self.too_much(origin)) } else { Ok(()) }
    }

    /// The error for samples that take more memory than the limit allows.
    fn too_much(&self, origin: &str) -> FormatError {
        let limit = self.limit() as f64 / 2f64.powi(30);
        let (found, wanted) = (format!("more than {limit} GiB of samples"), "what fits in that limit");
        FormatError::holds(origin, found, wanted, "take a part of them, or raise the limit").mended_by(Remedy::Limit)
    }
}

/// The samples as a format's reader found them, before they are checked.
struct Found {
    features: Vec<f64>,
    /// Shape of one sample.
    shape: Vec<usize>,
    feature_names: Vec<String>,
    labels: Labels,
    /// The name of the labels' column in messages, if they have a column.
    label_name: Option<String>,
    /// The number of every row in messages; if empty, rows are counted from 1.
    rows: Vec<u64>,
    /// Whether the samples come from a table with columns.
    table: bool,
    /// Whether the features are bytes.
    bytes: bool,
    notes: Vec<String>,
}

impl Found {
    /// Checks counts, features and labels; `origins` name the files of the features and of the labels.
    fn check(self, origins: [&str; 2], options: &SampleOptions) -> Result<Samples, FormatError> {
        let [origin, labels_origin] = origins;
        let (n, d) = (self.labels.len(), self.shape.iter().fold(1, |d: usize, &n| d.saturating_mul(n)));
        if n == 0 || n == 1 && options.n_classes.is_none() {
            let found = if n == 0 { "no samples" } else { "only one sample" };
            return Err(FormatError::holds(origin, found, "2 or more", "add samples"));
        }
        if d == 0 {
            let mend = "check the separator, and which column has the labels";
            return Err(FormatError::holds(origin, "no features", "1 or more besides the label", mend));
        }
        let row = |n: usize| self.rows.get(n).copied().unwrap_or(n as u64 + 1);
        if let Some(place) = self.features.iter().position(|value| !value.is_finite()) {
            let number = (place % d + 1).to_string();
            let column = self.feature_names.get(place % d).map_or(number, |name| columns::quoted(name));
            let cell = Cell {
                origin: origin.to_owned(),
                row: row(place / d),
                column: Some(column),
                found: self.features[place].to_string(),
                wanted: "a finite number".to_owned(),
                mend: columns::FILL.to_owned(),
                remedy: None,
            };
            return Err(cell.into());
        }
        let bytes = self.bytes && self.shape.len() > 1;
        let mut notes = self.notes;
        if self.table {
            notes.extend(columns::suspicious(&self.features, d, &self.feature_names, origin));
        }
        let place = Place { origin: labels_origin, column: self.label_name.as_deref(), row };
        let found = self.labels.classes(&place, options)?;
        Ok(Samples {
            features: self.features,
            shape: self.shape,
            labels: found.labels,
            classes: found.names,
            order: found.order,
            feature_names: self.feature_names,
            bytes,
            notes,
        })
    }
}

//! Labelled samples from the files that other programs write.
//!
//! Numeric labels are the indices of the classes as they are, from 0; texts become classes in the order of their first
//! occurrence. Every class must have two samples or more, so that both training and test can have one.

mod arrays;
mod columns;
mod csv;
mod idx;
mod labels;
mod parquet;

pub use arrays::{npy_pair, npz};
pub use csv::{csv, tsv};
pub use idx::idx_pair;
pub use parquet::parquet;

use crate::FormatError;
use crate::error::Cell;
use labels::Labels;

/// Labelled samples.
#[derive(Clone, Debug, PartialEq)]
pub struct Samples {
    /// Sample after sample, [N, d], row-major: sample n at `n * d ..`. All are finite.
    pub features: Vec<f64>,
    /// Shape of one sample, e.g. `[4]` or `[28, 28]`; its product is d.
    pub shape: Vec<usize>,
    /// Class of every sample.
    pub labels: Vec<usize>,
    /// Name of every class: the text of its labels, or its index.
    pub classes: Vec<String>,
    /// Name of every feature; empty if the file names none.
    pub feature_names: Vec<String>,
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
    /// Whether the first line of a CSV names the columns; if not given, it does unless its features are numbers.
    pub header: Option<bool>,
    /// Number of classes where it is known: some may then have no samples, and a label beyond is an error.
    pub n_classes: Option<usize>,
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
}

impl Found {
    /// Checks counts, features and labels; `origins` name the files of the features and of the labels.
    fn check(self, origins: [&str; 2], n_classes: Option<usize>) -> Result<Samples, FormatError> {
        let [origin, labels_origin] = origins;
        let (n, d) = (self.labels.len(), self.shape.iter().fold(1, |d: usize, &n| d.saturating_mul(n)));
        if n < 2 {
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
                mend: "remove the row or fill the value in".to_owned(),
                remedy: None,
            };
            return Err(cell.into());
        }
        let (labels, classes) = self.labels.classes(labels_origin, self.label_name.as_deref(), row, n_classes)?;
        Ok(Samples { features: self.features, shape: self.shape, labels, classes, feature_names: self.feature_names })
    }
}

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
mod targets;

pub use arrays::{npy_pair, npz};
pub use csv::{csv, csv_from, tsv, tsv_from};
pub use idx::idx_pair;
pub use labels::ClassOrder;
pub use parquet::parquet;
pub use targets::{Numbers, TargetKind};

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
    /// Class of every sample; all 0 where the labels are `numbers`.
    pub labels: Vec<usize>,
    /// The labels as they are, where they are numbers or classes of positions and not classes of samples.
    pub numbers: Option<Numbers>,
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
    /// The form of the labels.
    pub targets: TargetKind,
    /// Further columns of labels of a table whose targets are numbers, by their names.
    pub more_label_columns: Vec<Column>,
    /// The label of samples that are left out; classes of positions keep it.
    pub ignore_index: Option<i64>,
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
    /// Leaves out the samples with a label, and notes how many they are.
    fn leave_out(&mut self, label: i64, origin: &str) {
        let Labels::Numbers(numbers) = &mut self.labels else { return };
        let is_kept: Vec<bool> = numbers.iter().map(|&number| number != label as f64).collect();
        let left_out = is_kept.iter().filter(|kept| !**kept).count();
        if left_out == 0 {
            return;
        }
        let d = self.features.len() / is_kept.len().max(1);
        let mut place = 0..;
        self.features.retain(|_| place.next().is_some_and(|i: usize| is_kept[i / d.max(1)]));
        let mut place = is_kept.iter();
        numbers.retain(|_| *place.next().unwrap_or(&true));
        // Rows that count from 1 have no numbers of their own yet.
        let rows = (0..is_kept.len()).map(|n| self.rows.get(n).copied().unwrap_or(n as u64 + 1));
        self.rows = rows.zip(&is_kept).filter(|(_, kept)| **kept).map(|(row, _)| row).collect();
        self.notes.push(format!(
            "{left_out} samples of {origin} with the label {label}, which the loss ignores, are left out"
        ));
    }

    /// Checks counts, features and labels; `origins` name the files of the features and of the labels.
    fn check(mut self, origins: [&str; 2], options: &SampleOptions) -> Result<Samples, FormatError> {
        let [origin, labels_origin] = origins;
        if options.targets == TargetKind::Numbers && self.table {
            let columns = (&mut self.features, &mut self.feature_names);
            self.labels = targets::further(columns, self.labels, options, origin)?;
            self.shape = vec![self.feature_names.len().max(self.features.len() / self.labels.len().max(1))];
        }
        if let (Some(index), TargetKind::Classes) = (options.ignore_index, options.targets) {
            self.leave_out(index, origin);
        }
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
        if options.targets != TargetKind::Classes {
            let numbers = self.labels.numbers(&place)?;
            return Ok(Samples {
                features: self.features,
                shape: self.shape,
                labels: vec![0; n],
                numbers: Some(numbers),
                classes: vec![],
                order: ClassOrder::Index,
                feature_names: self.feature_names,
                bytes,
                notes,
            });
        }
        let found = self.labels.classes(&place, options)?;
        Ok(Samples {
            features: self.features,
            shape: self.shape,
            labels: found.labels,
            numbers: None,
            classes: found.names,
            order: found.order,
            feature_names: self.feature_names,
            bytes,
            notes,
        })
    }
}

//! Samples in text: comma-separated and tab-separated values.

use csv::{ByteRecord, ReaderBuilder};

use super::columns::{USUAL, column_name, label_column};
use super::labels::{Labels, Texts};
use super::{Column, Found, SampleOptions, Samples};
use crate::error::{Cell, kind, shown};
use crate::{FormatError, Remedy};

/// The words by which programs write that there is no value.
const MISSING: [&str; 8] = ["", "na", "n/a", "nan", "null", "none", "-", "?"];
/// The words for no value that cannot be the name of a class either.
const NO_LABELS: [&str; 5] = ["", "na", "n/a", "nan", "null"];

/// Reads comma-separated values (RFC 4180): one sample a line, one column with its label, all others numbers.
///
/// If all labels are numbers they are the indices of classes, else texts. Spaces around values are ignored, and so are
/// empty lines.
///
/// # Errors
/// [`FormatError`] that names the line and the column: a missing value, a text among the features, a line with another
/// number of values, a label that is no class; or what else makes the samples unusable.
pub fn csv(bytes: &[u8], origin: &str, options: &SampleOptions) -> Result<Samples, FormatError> {
    separated(bytes, b',', origin, options)
}

/// Reads tab-separated values; otherwise as [`csv()`].
///
/// # Errors
/// As [`csv()`].
pub fn tsv(bytes: &[u8], origin: &str, options: &SampleOptions) -> Result<Samples, FormatError> {
    separated(bytes, b'\t', origin, options)
}

/// One line with its number.
struct Line {
    number: u64,
    record: ByteRecord,
}

impl Line {
    fn cell(&self, i: usize) -> Option<&str> {
        std::str::from_utf8(self.record.get(i)?).ok().map(str::trim)
    }
}

fn separated(bytes: &[u8], separator: u8, origin: &str, options: &SampleOptions) -> Result<Samples, FormatError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if bytes.is_empty() || bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") || bytes.contains(&0) {
        let mend = "save it as text in UTF-8";
        return Err(FormatError::content(origin, kind(bytes), "a table in text", mend));
    }
    let mut reader = ReaderBuilder::new().delimiter(separator).has_headers(false).flexible(true).from_reader(bytes);
    let mut line = Line { number: 1, record: ByteRecord::new() };
    let mut next = |line: &mut Line| {
        let more = reader.read_byte_record(&mut line.record);
        line.number = line.record.position().map_or(0, csv::Position::line);
        more.map_err(|cause| FormatError::damaged(origin, cause, "a table in text"))
    };
    let mut more = next(&mut line)?;
    let width = line.record.len();
    let names = more.then(|| header(&line, options)).flatten();
    let names = names.as_deref();
    let label = label_column(names, width, options, origin)?;
    if width == 1 {
        let mend = if bytes.contains(&b';') {
            "write commas between values, not semicolons"
        } else if separator == b',' && bytes.contains(&b'\t') {
            "read it as tab-separated values"
        } else {
            "check what separates its values"
        };
        return Err(FormatError::holds(origin, "one column", "features and a label", mend));
    }
    if let Some(unnamed) = names.and_then(|names| (0..width).find(|&i| i != label && names[i].is_empty())) {
        let found = format!("no name for column {} in its first line", unnamed + 1);
        let mend = "leave out the column if it only numbers the rows (pandas: index=False), else name it";
        return Err(FormatError::holds(origin, found, "a name for every feature", mend));
    }
    let feature_names = names.map_or(Vec::new(), |names| without(names, label));
    let (mut features, mut texts, mut rows) = (Vec::new(), Texts::default(), Vec::new());
    if names.is_some() {
        more = next(&mut line)?;
    }
    while more {
        if line.record.len() != width {
            let found = format!("a line of {} cells", line.record.len());
            let wanted = format!("{width}, as in the first line");
            return Err(cell_error(
                origin,
                line.number,
                None,
                found,
                &wanted,
                "quote values that contain the separator",
            ));
        }
        for i in 0..width {
            let column = || Some(column_name(names, i));
            let Some(cell) = line.cell(i) else {
                let found = "no text in UTF-8".to_owned();
                return Err(cell_error(origin, line.number, column(), found, "text", "save the file as UTF-8"));
            };
            let missing = if i == label { &NO_LABELS[..] } else { &MISSING };
            if missing.iter().any(|missing| cell.eq_ignore_ascii_case(missing)) {
                let mend = "fill it in or remove the line";
                return Err(cell_error(origin, line.number, column(), "missing".to_owned(), "a value", mend));
            }
            if i == label {
                texts.push(cell);
            } else if let Ok(number) = cell.parse() {
                features.push(number);
            } else {
                let found = format!("the text `{}`", shown(cell));
                let mend = "encode texts as numbers, leave the column out, or say which one has the labels";
                let error = cell_error(origin, line.number, column(), found, "a number", mend);
                return Err(error.mended_by(Remedy::LabelColumn));
            }
        }
        rows.push(line.number);
        more = next(&mut line)?;
    }
    let labels = numbers(&texts).map_or(Labels::Texts(texts), Labels::Numbers);
    let label_name = Some(column_name(names, label));
    Found { features, shape: vec![width - 1], feature_names, labels, label_name, rows }
        .check([origin; 2], options.n_classes)
}

/// The names of the columns, if the first line has them.
fn header(first: &Line, options: &SampleOptions) -> Option<Vec<String>> {
    let width = first.record.len();
    let is_name = |i: usize| {
        let cell = first.cell(i).unwrap_or_default();
        let usual = USUAL.iter().any(|usual| cell.eq_ignore_ascii_case(usual));
        let chosen = matches!(&options.label_column, Some(Column::Name(name)) if name == cell);
        let is_label = label_column(None, width, options, "").is_ok_and(|label| label == i);
        let is_value = is_label || cell.parse::<f64>().is_ok() || MISSING.iter().any(|m| cell.eq_ignore_ascii_case(m));
        usual || chosen || !is_value
    };
    let has_names = options.header.unwrap_or_else(|| (0..width).any(is_name));
    has_names.then(|| (0..width).map(|i| first.cell(i).unwrap_or_default().to_owned()).collect())
}

/// The labels as numbers, if all of them are numbers.
fn numbers(texts: &Texts) -> Option<Vec<f64>> {
    let values = texts.names.iter().map(|name| name.parse().ok()).collect::<Option<Vec<f64>>>()?;
    Some(texts.labels.iter().map(|&place| values[place]).collect())
}

fn without(names: &[String], label: usize) -> Vec<String> {
    names.iter().enumerate().filter(|&(i, _)| i != label).map(|(_, name)| name.clone()).collect()
}

fn cell_error(origin: &str, row: u64, column: Option<String>, found: String, wanted: &str, mend: &str) -> FormatError {
    let (origin, wanted, mend) = (origin.to_owned(), wanted.to_owned(), mend.to_owned());
    Cell { origin, row, column, found, wanted, mend, remedy: None }.into()
}

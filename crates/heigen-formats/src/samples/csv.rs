//! Samples in text: values separated by commas, semicolons, tabs or bars.

use std::borrow::Cow;
use std::io::{self, Cursor, ErrorKind, Read};

use csv::{ByteRecord, ReaderBuilder};

use super::columns::{FILL, USUAL, column_name, dropped, label_column};
use super::labels::{Labels, Texts};
use super::number::{Numbers, with_comma};
use super::{Column, Found, SampleOptions, Samples};
use crate::error::{Cell, kind, shown};
use crate::{FormatError, Remedy};

/// The words by which programs write that there is no value.
const MISSING: [&str; 8] = ["", "na", "n/a", "nan", "null", "none", "-", "?"];
/// The words for no value that cannot be the name of a class either.
const NO_LABELS: [&str; 5] = ["", "na", "n/a", "nan", "null"];
/// The characters that may separate the values of a line, the likeliest first.
const SEPARATORS: [(u8, &str); 4] = [(b',', "commas"), (b';', "semicolons"), (b'\t', "tabs"), (b'|', "bars")];
/// Bytes at the beginning of a file from which its separator is told.
const HEAD: u64 = 1 << 16;
/// Lines from which the separator is told.
const HEAD_LINES: usize = 20;

/// Reads separated values (RFC 4180): one sample a line, one column with its label, all others numbers.
///
/// If all labels are numbers they are the indices of classes, else texts. Spaces around values are ignored, and so are
/// empty lines. The separator is told from the first lines: commas, semicolons, tabs or bars; where it is no comma, numbers
/// may have decimal commas. Text that is no UTF-8 is taken as Latin-1. [`Samples::notes`] says what was found.
///
/// # Errors
/// [`FormatError`] that names the line and the column: a missing value, a text among the features, a line with another
/// number of values, a label that is no class; or what else makes the samples unusable.
pub fn csv(bytes: &[u8], origin: &str, options: &SampleOptions) -> Result<Samples, FormatError> {
    csv_from(bytes, origin, options)
}

/// As [`csv()`], from a stream, of which no more than a line is kept.
///
/// # Errors
/// As [`csv()`]; if the stream fails.
pub fn csv_from(stream: impl Read, origin: &str, options: &SampleOptions) -> Result<Samples, FormatError> {
    separated(stream, None, origin, options)
}

/// Reads tab-separated values; otherwise as [`csv()`].
///
/// # Errors
/// As [`csv()`].
pub fn tsv(bytes: &[u8], origin: &str, options: &SampleOptions) -> Result<Samples, FormatError> {
    tsv_from(bytes, origin, options)
}

/// As [`tsv()`], from a stream.
///
/// # Errors
/// As [`csv_from`].
pub fn tsv_from(stream: impl Read, origin: &str, options: &SampleOptions) -> Result<Samples, FormatError> {
    separated(stream, Some(b'\t'), origin, options)
}

/// One line with its number.
struct Line {
    number: u64,
    record: ByteRecord,
}

impl Line {
    fn cell(&self, i: usize) -> Cow<'_, str> {
        let bytes = self.record.get(i).unwrap_or_default();
        match std::str::from_utf8(bytes) {
            Ok(text) => Cow::Borrowed(text.trim()),
            Err(_) => Cow::Owned(bytes.iter().map(|&byte| char::from(byte)).collect::<String>().trim().to_owned()),
        }
    }

    fn is_utf8(&self) -> bool {
        std::str::from_utf8(self.record.as_slice()).is_ok()
    }
}

/// A stream that fails behind `left` bytes.
struct Limited<R> {
    inner: R,
    left: usize,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.left = self.left.checked_sub(read).ok_or(ErrorKind::FileTooLarge)?;
        Ok(read)
    }
}

/// The separator that splits the first lines into equally many values, of which the most are numbers.
fn told(head: &[u8]) -> u8 {
    let score = |separator: u8| -> Option<usize> {
        let mut reader = ReaderBuilder::new().delimiter(separator).has_headers(false).flexible(true).from_reader(head);
        let mut lines: Vec<ByteRecord> = reader.byte_records().take(HEAD_LINES).map_while(Result::ok).collect();
        // The last line may be cut.
        if head.len() as u64 == HEAD && lines.len() > 1 {
            lines.pop();
        }
        // The first line may have one cell less: that of the rows' names.
        let widths = lines.iter().skip(usize::from(lines.len() > 1)).map(ByteRecord::len);
        let width = lines.last()?.len();
        (width > 1 && widths.into_iter().all(|w| w == width)).then_some(())?;
        let is_number = |cell: &[u8]| {
            let text = std::str::from_utf8(cell).unwrap_or_default().trim();
            text.parse::<f64>().is_ok() || separator != b',' && with_comma(text).is_some()
        };
        Some(lines.last()?.iter().filter(|cell| is_number(cell)).count())
    };
    let scored = SEPARATORS.iter().rev().filter_map(|&(separator, _)| Some((score(separator)?, separator)));
    // Of equals the last one counts, which is the likeliest.
    scored.max_by_key(|&(score, _)| score).map_or(b',', |(_, separator)| separator)
}

fn separated(
    mut stream: impl Read,
    separator: Option<u8>,
    origin: &str,
    options: &SampleOptions,
) -> Result<Samples, FormatError> {
    let mut head = Vec::new();
    let begun = Read::by_ref(&mut stream).take(HEAD).read_to_end(&mut head);
    begun.map_err(|cause| FormatError::damaged(origin, cause, "a table in text"))?;
    if head.starts_with(b"\xef\xbb\xbf") {
        head.drain(..3);
    }
    if head.is_empty() || head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff") || head.contains(&0) {
        return Err(FormatError::content(origin, kind(&head), "a table in text", "save it as text in UTF-8"));
    }
    let separator = separator.unwrap_or_else(|| told(&head));
    let limited = Limited { inner: Cursor::new(head).chain(stream), left: options.limit() };
    let mut reader = ReaderBuilder::new().delimiter(separator).has_headers(false).flexible(true).from_reader(limited);
    let mut line = Line { number: 1, record: ByteRecord::new() };
    let mut latin = false;
    let mut next = |line: &mut Line| {
        let more = reader.read_byte_record(&mut line.record);
        line.number = line.record.position().map_or(0, csv::Position::line);
        latin |= !line.is_utf8();
        more.map_err(|cause| match cause.kind() {
            csv::ErrorKind::Io(cause) if cause.kind() == ErrorKind::FileTooLarge => options.too_much(origin),
            _ => FormatError::damaged(origin, cause, "a table in text"),
        })
    };
    let mut more = next(&mut line)?;
    let mut numbers = Numbers::new(separator);
    let width = line.record.len();
    let names = more.then(|| header(&line, options, numbers)).flatten();
    if names.is_some() {
        more = next(&mut line)?;
    }
    // R's write.table names the rows in a column that the first line does not count.
    let row_names = names.is_some() && more && line.record.len() == width + 1;
    let Columns { names, width, label, left_out } = columns(names, width, row_names, origin, options)?;
    let names = names.as_deref();
    let is_feature = |i: usize| i != label && !left_out[i];
    let feature_names: Vec<String> =
        names.map_or(Vec::new(), |names| (0..width).filter(|&i| is_feature(i)).map(|i| names[i].clone()).collect());
    let d = (0..width).filter(|&i| is_feature(i)).count();
    let (mut features, mut texts, mut rows) = (Vec::new(), Texts::default(), Vec::new());
    while more {
        if line.record.len() != width {
            let found = format!("a line of {} cells", line.record.len());
            let wanted = format!("{width}, as in the first line");
            let mend = "quote values that contain the separator";
            return Err(cell_error(origin, line.number, None, found, &wanted, mend));
        }
        // The label and the number of the row take a word each.
        options.check_room(features.len() + d + 2 * (rows.len() + 1), origin)?;
        for i in (0..width).filter(|&i| !left_out[i]) {
            let column = || Some(column_name(names, i));
            let cell = line.cell(i);
            let missing = if i == label { &NO_LABELS[..] } else { &MISSING };
            if missing.iter().any(|missing| cell.eq_ignore_ascii_case(missing)) {
                return Err(cell_error(origin, line.number, column(), "missing".to_owned(), "a value", FILL));
            }
            if i == label {
                texts.push(&cell);
            } else if let Some(number) = numbers.read(&cell) {
                features.push(number);
            } else {
                if names.is_some_and(|names| names[i] == cell) {
                    let found = "the first line again".to_owned();
                    let mend = "several tables stand one after the other: write the line of names once";
                    return Err(cell_error(origin, line.number, None, found, "a sample", mend));
                }
                return Err(no_number(origin, line.number, column(), &cell));
            }
        }
        rows.push(line.number);
        more = next(&mut line)?;
    }
    if numbers.mixed() {
        let found = "numbers with commas and numbers with points";
        let mend = "write decimal points, and nothing between thousands";
        return Err(FormatError::holds(origin, found, "one kind of decimal mark", mend));
    }
    let notes = notes(row_names, separator, numbers, latin, origin);
    let labels = label_numbers(&texts).map_or(Labels::Texts(texts), Labels::Numbers);
    let label_name = Some(column_name(names, label));
    Found { features, shape: vec![d], feature_names, labels, label_name, rows, table: true, bytes: false, notes }
        .check([origin; 2], options)
}

/// The columns of a table.
struct Columns {
    names: Option<Vec<String>>,
    width: usize,
    /// The place of the labels.
    label: usize,
    /// Whether each column is left out.
    left_out: Vec<bool>,
}

/// The columns of a table whose first line has these names, if any, and `width` cells; a column of rows' names, which the
/// first line does not count, may stand before them.
fn columns(
    mut names: Option<Vec<String>>,
    mut width: usize,
    row_names: bool,
    origin: &str,
    options: &SampleOptions,
) -> Result<Columns, FormatError> {
    if let Some(names) = names.as_mut().filter(|_| row_names) {
        names.insert(0, "rows' names".to_owned());
        width += 1;
    }
    let mut left_out = dropped(names.as_deref(), width, options, origin)?;
    if row_names {
        left_out[0] = true;
    }
    let label = label_column(names.as_deref(), width, options, &left_out, origin)?;
    left_out[label] = false;
    if width == 1 {
        let mend = "check what separates its values";
        return Err(FormatError::holds(origin, "one column", "features and a label", mend));
    }
    let is_unnamed = |&i: &usize| i != label && !left_out[i] && names.as_ref().is_some_and(|names| names[i].is_empty());
    if let Some(unnamed) = (0..width).find(is_unnamed) {
        let found = format!("no name for column {} in its first line", unnamed + 1);
        let mend = "leave out the column if it only numbers the rows (pandas: index=False), else name it";
        let error = FormatError::holds(origin, found, "a name for every feature", mend);
        return Err(error.mended_by(Remedy::Drop));
    }
    Ok(Columns { names, width, label, left_out })
}

/// Sentences about how a table was read.
fn notes(row_names: bool, separator: u8, numbers: Numbers, latin: bool, origin: &str) -> Vec<String> {
    let mut notes = Vec::new();
    if row_names {
        notes.push(format!("the first column of {origin} names the rows, and is left out"));
    }
    if let Some((_, name)) = SEPARATORS.iter().find(|&&(s, _)| s == separator && !matches!(s, b',' | b'\t')) {
        let decimal = if numbers.had_commas() { ", and numbers have decimal commas" } else { "" };
        notes.push(format!("values of {origin} are separated by {name}{decimal}"));
    }
    if latin {
        notes.push(format!("text in {origin} that is no UTF-8 is taken as Latin-1"));
    }
    notes
}

/// The names of the columns, if the first line has them.
fn header(first: &Line, options: &SampleOptions, numbers: Numbers) -> Option<Vec<String>> {
    let width = first.record.len();
    let label = label_column(None, width, options, &[], "");
    let is_name = |i: usize| {
        let cell = first.cell(i);
        let usual = USUAL.iter().any(|usual| cell.eq_ignore_ascii_case(usual));
        let chosen = matches!(&options.label_column, Some(Column::Name(name)) if *name == *cell);
        let is_label = label.as_ref().is_ok_and(|&label| label == i);
        let is_missing = || MISSING.iter().any(|m| cell.eq_ignore_ascii_case(m));
        usual || chosen || !(is_label || is_missing() || { numbers }.read(&cell).is_some())
    };
    let has_names = options.header.unwrap_or_else(|| (0..width).any(is_name));
    has_names.then(|| (0..width).map(|i| first.cell(i).into_owned()).collect())
}

/// The labels as numbers, if all of them are numbers.
fn label_numbers(texts: &Texts) -> Option<Vec<f64>> {
    let values = texts.names.iter().map(|name| name.parse().ok()).collect::<Option<Vec<f64>>>()?;
    Some(texts.labels.iter().map(|&place| values[place]).collect())
}

/// The error for a feature that is a text.
fn no_number(origin: &str, row: u64, column: Option<String>, cell: &str) -> FormatError {
    let found = format!("the text `{}`", shown(cell));
    if with_comma(cell).is_some() {
        let mend = "its number has a decimal comma: write decimal points (pandas: read_csv(..., decimal=\",\")), or \
                    semicolons between values";
        return cell_error(origin, row, column, found, "a number", mend);
    }
    let mend = "encode texts as numbers, leave the column out, or say which one has the labels";
    cell_error(origin, row, column, found, "a number", mend).mended_by(Remedy::LabelColumn)
}

fn cell_error(origin: &str, row: u64, column: Option<String>, found: String, wanted: &str, mend: &str) -> FormatError {
    let (origin, wanted, mend) = (origin.to_owned(), wanted.to_owned(), mend.to_owned());
    Cell { origin, row, column, found, wanted, mend, remedy: None }.into()
}

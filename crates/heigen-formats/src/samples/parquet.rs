//! Samples in Parquet: columns of numbers are features, one column has the labels.

use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use parquet::basic::{Compression, ConvertedType, LogicalType, Type};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, DataType};
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::metadata::{ColumnChunkMetaData, RowGroupMetaData};
use parquet::file::reader::{ChunkReader, FileReader, Length, SerializedFileReader};
use parquet::schema::types::ColumnDescriptor;

use super::columns::{FILL, column_name, dropped, label_column, quoted};
use super::labels::{Labels, Texts};
use super::pandas::index_columns;
use super::{Found, SampleOptions, Samples};
use crate::error::{Cell, kind as kind_of_file, listed};
use crate::{ByteOrder, Dtype, FormatError, Remedy};

const WANTED: &str = "a Parquet file";
/// Records taken from a column at a time.
const BATCH: usize = 4096;
/// Values that every file may have, however short it is.
const ALWAYS: usize = 1 << 26;
/// Values per byte that a longer file may have: in a column of few different values each takes a few bits only.
const PER_BYTE: usize = 100;

/// Reads a Parquet file: columns of integers, floats and booleans are features; the labels are integers or texts.
///
/// # Errors
/// [`FormatError`] that names the column: nested, of texts that are no labels, of dates, times or decimals, with a missing
/// value; if the file is no Parquet file or damaged, or the samples cannot be used.
pub fn parquet(bytes: &[u8], origin: &str, options: &SampleOptions) -> Result<Samples, FormatError> {
    if !bytes.starts_with(b"PAR1") {
        return Err(FormatError::content(origin, kind_of_file(bytes), WANTED, "write it by DataFrame.to_parquet"));
    }
    // The library checks its input, but promises nothing about broken files.
    let read = catch_unwind(AssertUnwindSafe(|| read(bytes, origin, options)));
    let found =
        read.unwrap_or_else(|_| Err(FormatError::damaged(origin, "its columns contradict themselves", WANTED)))?;
    found.check([origin; 2], options)
}

/// The kind of a column's values.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Number { unsigned: bool },
    Half,
    Text,
}

fn read(bytes: &[u8], origin: &str, options: &SampleOptions) -> Result<Found, FormatError> {
    let damaged = |cause: ParquetError| FormatError::damaged(origin, cause, WANTED);
    let file = SerializedFileReader::new(Source(Bytes::copy_from_slice(bytes))).map_err(damaged)?;
    let schema = file.metadata().file_metadata().schema_descr();
    let columns = schema.columns();
    let names: Vec<String> = columns.iter().map(|column| column.name().to_owned()).collect();
    let mut left_out = dropped(Some(&names), columns.len(), options, origin)?;
    let pairs = file.metadata().file_metadata().key_value_metadata();
    let of_pandas = pairs.and_then(|pairs| pairs.iter().find(|pair| pair.key == "pandas")?.value.as_deref());
    let index = of_pandas.map_or(Vec::new(), index_columns);
    let is_index = |name: &String| index.contains(name) || name.starts_with("__index_level_");
    let mut notes = Vec::new();
    let of_index: Vec<&str> = names.iter().filter(|name| is_index(name)).map(String::as_str).collect();
    if !of_index.is_empty() {
        notes.push(format!(
            "the index of the pandas frame in {origin} is no feature and left out: {}",
            listed(of_index)
        ));
    }
    names.iter().zip(&mut left_out).for_each(|(name, left_out)| *left_out |= is_index(name));
    let label = label_column(Some(&names), columns.len(), options, &left_out, origin)?;
    left_out[label] = false;
    let kept: Vec<usize> = (0..columns.len()).filter(|&i| !left_out[i]).collect();
    let mut kinds = Vec::with_capacity(kept.len());
    for &i in &kept {
        let column = &columns[i];
        kinds.push(kind(column, i == label).map_err(|(found, mend, remedy)| {
            let found = format!("a column {} {found}", quoted(&column.path().string()));
            FormatError::holds(origin, found, "columns of numbers and one of labels", mend).mended_by(remedy)
        })?);
    }
    let rows: usize = (0..file.num_row_groups()).fold(0, |rows: usize, i| {
        rows.saturating_add(usize::try_from(file.metadata().row_group(i).num_rows()).unwrap_or(usize::MAX))
    });
    file.metadata()
        .row_groups()
        .iter()
        .flat_map(RowGroupMetaData::columns)
        .try_for_each(|part| check_part(part, origin))?;
    let most = bytes.len().saturating_mul(PER_BYTE).max(ALWAYS);
    if rows.saturating_mul(columns.len()) > most {
        let found = format!("{rows} rows of {} values, which so short a file cannot honestly hold", columns.len());
        return Err(FormatError::holds(origin, found, format!("at most {most} values"), "write it as .npz"));
    }
    options.check_room(rows.saturating_mul(kept.len()), origin)?;
    let mut table = Table { numbers: vec![Vec::new(); columns.len()], texts: Texts::default(), text_bytes: most };
    for group in 0..file.num_row_groups() {
        let group = file.get_row_group(group).map_err(damaged)?;
        let rows = usize::try_from(group.metadata().num_rows()).unwrap_or_default();
        for (&i, &kind) in kept.iter().zip(&kinds) {
            let before = table.height(i, kind);
            let reader = group.get_column_reader(i).map_err(damaged)?;
            let missing = table.take(i, kind, reader, rows).map_err(damaged)?;
            let height = table.height(i, kind);
            let column = column_name(Some(&names), i);
            if let Some(missing) = missing {
                let cell = Cell {
                    origin: origin.to_owned(),
                    row: missing as u64 + 1,
                    column: Some(column),
                    found: "missing".to_owned(),
                    wanted: "a value".to_owned(),
                    mend: FILL.to_owned(),
                    remedy: None,
                };
                return Err(cell.into());
            }
            if height - before != rows {
                let what = format!("column {column} has {} of {rows} values", height - before);
                return Err(FormatError::damaged(origin, what, WANTED));
            }
        }
    }
    let is_text = kept.iter().zip(&kinds).any(|(&i, &kind)| i == label && kind == Kind::Text);
    let labels =
        if is_text { Labels::Texts(table.texts) } else { Labels::Numbers(std::mem::take(&mut table.numbers[label])) };
    let height = labels.len();
    let chosen: Vec<usize> = kept.into_iter().filter(|&i| i != label).collect();
    let mut features = Vec::with_capacity(height * chosen.len());
    for row in 0..height {
        features.extend(chosen.iter().map(|&i| table.numbers[i][row]));
    }
    let label_name = Some(column_name(Some(&names), label));
    let feature_names: Vec<String> = chosen.into_iter().map(|i| names[i].clone()).collect();
    let (shape, rows) = (vec![feature_names.len()], Vec::new());
    Ok(Found { features, shape, feature_names, labels, label_name, rows, table: true, bytes: false, notes })
}

/// Checks what a group of rows says about its part of a column.
fn check_part(part: &ColumnChunkMetaData, origin: &str) -> Result<(), FormatError> {
    let start = part.dictionary_page_offset().unwrap_or(0).min(part.data_page_offset());
    if start.min(part.compressed_size()) < 0 {
        return Err(FormatError::damaged(origin, "a column begins before the file or has a negative length", WANTED));
    }
    let codec = match part.compression() {
        Compression::BROTLI(_) => "brotli",
        Compression::LZO => "lzo",
        _ => return Ok(()),
    };
    let mend = "write it with compression=\"zstd\"";
    Err(FormatError::holds(origin, format!("columns compressed by {codec}"), "snappy, gzip, lz4, zstd or none", mend))
}

/// The reason why a column cannot be used, how to mend it, and the setting that mends it.
type Unusable = (&'static str, &'static str, Option<Remedy>);

/// The kind of values that a column holds.
fn kind(column: &ColumnDescriptor, is_label: bool) -> Result<Kind, Unusable> {
    let nested = column.path().parts().len() > 1 || column.max_rep_level() > 0 || column.max_def_level() > 1;
    if nested {
        return Err(("that is nested", "make a column of every element, or leave it out", None));
    }
    let logical = column.logical_type_ref();
    let converted = column.converted_type();
    let whole = match logical {
        None => matches!(
            converted,
            ConvertedType::NONE
                | ConvertedType::INT_8
                | ConvertedType::INT_16
                | ConvertedType::INT_32
                | ConvertedType::INT_64
                | ConvertedType::UINT_8
                | ConvertedType::UINT_16
                | ConvertedType::UINT_32
                | ConvertedType::UINT_64
        ),
        Some(logical) => matches!(logical, LogicalType::Integer(_)),
    };
    let unsigned = matches!(
        converted,
        ConvertedType::UINT_8 | ConvertedType::UINT_16 | ConvertedType::UINT_32 | ConvertedType::UINT_64
    );
    let text = match logical {
        None => matches!(converted, ConvertedType::NONE | ConvertedType::UTF8 | ConvertedType::ENUM),
        Some(logical) => matches!(logical, LogicalType::String | LogicalType::Enum),
    };
    match column.physical_type() {
        Type::BOOLEAN | Type::FLOAT | Type::DOUBLE => Ok(Kind::Number { unsigned: false }),
        Type::INT32 | Type::INT64 if whole => Ok(Kind::Number { unsigned }),
        Type::INT32 | Type::INT64 | Type::INT96 => {
            Err(("of dates, times or decimals", "convert it to floats, or leave it out", None))
        }
        Type::FIXED_LEN_BYTE_ARRAY if logical == Some(&LogicalType::Float16) => Ok(Kind::Half),
        Type::BYTE_ARRAY if text && is_label => Ok(Kind::Text),
        Type::BYTE_ARRAY if text => Err((
            "of texts",
            "encode them as numbers, leave it out, or say which column has the labels",
            Some(Remedy::LabelColumn),
        )),
        _ => Err(("of bytes", "convert it to floats, or leave it out", None)),
    }
}

/// The values of the file, column by column.
struct Table {
    numbers: Vec<Vec<f64>>,
    /// The labels, if they are texts.
    texts: Texts,
    /// Bytes of labels that may still be read: a text can be repeated as often as the file likes.
    text_bytes: usize,
}

impl Table {
    fn height(&self, i: usize, kind: Kind) -> usize {
        if kind == Kind::Text { self.texts.labels.len() } else { self.numbers[i].len() }
    }

    /// Appends `rows` values of column `i`. If one is missing, its row is returned, counted from 0 over the whole file.
    fn take(&mut self, i: usize, kind: Kind, reader: ColumnReader, rows: usize) -> ParquetResult<Option<usize>> {
        let Self { numbers, texts, text_bytes } = self;
        let column = &mut numbers[i];
        let unsigned = kind == Kind::Number { unsigned: true };
        match reader {
            ColumnReader::BoolColumnReader(r) => values(r, rows, column, |&v| Ok(f64::from(u8::from(v)))),
            ColumnReader::Int32ColumnReader(r) if unsigned => {
                values(r, rows, column, |v| Ok(f64::from(v.cast_unsigned())))
            }
            ColumnReader::Int32ColumnReader(r) => values(r, rows, column, |&v| Ok(f64::from(v))),
            ColumnReader::Int64ColumnReader(r) if unsigned => values(r, rows, column, |v| Ok(v.cast_unsigned() as f64)),
            ColumnReader::Int64ColumnReader(r) => values(r, rows, column, |&v| Ok(v as f64)),
            ColumnReader::FloatColumnReader(r) => values(r, rows, column, |&v| Ok(f64::from(v))),
            ColumnReader::DoubleColumnReader(r) => values(r, rows, column, |&v| Ok(v)),
            ColumnReader::FixedLenByteArrayColumnReader(r) if kind == Kind::Half => values(r, rows, column, |v| {
                let bytes: [u8; 2] = v.data().try_into().map_err(|_| general("a float16 has not two bytes"))?;
                Ok(Dtype::Float16.decode(&bytes, ByteOrder::LeastFirst))
            }),
            ColumnReader::ByteArrayColumnReader(r) if kind == Kind::Text => {
                let mut places = Vec::new();
                let before = texts.labels.len();
                let missing = values(r, rows, &mut places, |text: &ByteArray| {
                    *text_bytes =
                        text_bytes.checked_sub(text.len()).ok_or_else(|| general("its labels are too long"))?;
                    texts.push(text.as_utf8()?);
                    Ok(())
                })?;
                Ok(missing.map(|row| row + before))
            }
            _ => Err(general("a column is of another type than the schema says")),
        }
    }
}

fn general(what: &str) -> ParquetError {
    ParquetError::General(what.to_owned())
}

/// Appends `rows` values of a flat column. If one is missing, the place in the column of the first such is returned.
fn values<T: DataType, V>(
    mut reader: ColumnReaderImpl<T>,
    rows: usize,
    column: &mut Vec<V>,
    mut convert: impl FnMut(&T::T) -> ParquetResult<V>,
) -> ParquetResult<Option<usize>> {
    let (mut batch, mut levels) = (Vec::new(), Vec::new());
    let mut left = rows;
    while left > 0 {
        batch.clear();
        levels.clear();
        let (records, _, _) = reader.read_records(left.min(BATCH), Some(&mut levels), None, &mut batch)?;
        if records == 0 {
            break;
        }
        if let Some(missing) = levels.iter().position(|&level| level == 0).filter(|_| batch.len() < records) {
            return Ok(Some(column.len() + missing));
        }
        for value in batch.iter().take(left) {
            column.push(convert(value)?);
        }
        left -= records.min(left);
    }
    Ok(None)
}

/// The file's bytes; ranges outside of them are errors.
struct Source(Bytes);

impl Length for Source {
    fn len(&self) -> u64 {
        self.0.len() as u64
    }
}

impl ChunkReader for Source {
    type T = bytes::buf::Reader<Bytes>;

    fn get_read(&self, start: u64) -> ParquetResult<Self::T> {
        use bytes::Buf;
        let start = usize::try_from(start).ok().filter(|&start| start <= self.0.len());
        let start = start.ok_or_else(|| general("a part begins behind the end of the file"))?;
        Ok(self.0.slice(start..).reader())
    }

    fn get_bytes(&self, start: u64, length: usize) -> ParquetResult<Bytes> {
        let start = usize::try_from(start).ok();
        let range = start.and_then(|start| Some(start..start.checked_add(length)?)).filter(|r| r.end <= self.0.len());
        range.map(|range| self.0.slice(range)).ok_or_else(|| general("a part reaches behind the end of the file"))
    }
}

//! Tables that this program writes for others: CSV for people and spreadsheets, Parquet for programs.

use csv::{QuoteStyle, Terminator, WriterBuilder};
use parquet::basic::{Compression, ConvertedType, LogicalType, Repetition, Type as Physical};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::Result as ParquetResult;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::{Type, TypePtr};
use std::sync::Arc;

/// A table with a row for each thing and a column for each of its properties.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    columns: Vec<(String, Values)>,
    rows: usize,
}

/// The values of a column; `None` where a row has none.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// Words.
    Text(Vec<Option<String>>),
    /// Whole numbers.
    Whole(Vec<Option<i64>>),
    /// Numbers. Those that are not finite are written as if there were none.
    Number(Vec<Option<f64>>),
}

impl Values {
    fn len(&self) -> usize {
        match self {
            Self::Text(values) => values.len(),
            Self::Whole(values) => values.len(),
            Self::Number(values) => values.len(),
        }
    }
}

/// Why a table could not be made or written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    /// A column is longer or shorter than those before it.
    #[error("the column {name} has {got} rows; expected {wanted}, as in the columns before it")]
    Rows {
        /// The column.
        name: String,
        /// The number of its rows.
        got: usize,
        /// The number of rows of the table.
        wanted: usize,
    },
    /// A name stands over two columns.
    #[error("the table has two columns named {0}")]
    Twice(String),
    /// The library that writes the format refused the table.
    #[error("the table could not be written: {0}")]
    Writing(String),
}

impl Table {
    /// The table with another column at its end.
    ///
    /// # Errors
    /// [`TableError::Rows`] for a column of another length, [`TableError::Twice`] for a name that is there.
    pub fn with(mut self, name: impl Into<String>, values: Values) -> Result<Self, TableError> {
        let name = name.into();
        if self.columns.is_empty() {
            self.rows = values.len();
        }
        if values.len() != self.rows {
            return Err(TableError::Rows { name, got: values.len(), wanted: self.rows });
        }
        if self.columns.iter().any(|(known, _)| *known == name) {
            return Err(TableError::Twice(name));
        }
        self.columns.push((name, values));
        Ok(self)
    }

    /// The names of the columns.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|(name, _)| name.as_str())
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The table as CSV: a line of names, then a line for each row, in UTF-8 with lines ended by a line feed. A number is written
    /// with as many digits as tell it from all others; where a row has no value, the field is empty.
    ///
    /// # Errors
    /// [`TableError::Writing`] if the library refuses.
    pub fn csv(&self) -> Result<Vec<u8>, TableError> {
        let failed = |e: csv::Error| TableError::Writing(e.to_string());
        let mut writer = WriterBuilder::new()
            .terminator(Terminator::Any(b'\n'))
            .quote_style(QuoteStyle::Necessary)
            .from_writer(Vec::new());
        writer.write_record(self.names()).map_err(failed)?;
        for row in 0..self.rows {
            let fields = self.columns.iter().map(|(_, values)| match values {
                Values::Text(values) => values[row].clone().unwrap_or_default(),
                Values::Whole(values) => values[row].map_or_else(String::new, |v| v.to_string()),
                Values::Number(values) => {
                    values[row].filter(|v| v.is_finite()).map_or_else(String::new, |v| format!("{v:?}"))
                }
            });
            writer.write_record(fields).map_err(failed)?;
        }
        writer.into_inner().map_err(|e| TableError::Writing(e.to_string()))
    }

    /// The table as Parquet: one row group, columns of strings, 64-bit integers and doubles, all nullable, compressed by
    /// zstd.
    ///
    /// # Errors
    /// [`TableError::Writing`] if the library refuses.
    pub fn parquet(&self) -> Result<Vec<u8>, TableError> {
        self.as_parquet().map_err(|e| TableError::Writing(e.to_string()))
    }

    fn as_parquet(&self) -> ParquetResult<Vec<u8>> {
        let fields = self.columns.iter().map(|(name, values)| field(name, values)).collect::<ParquetResult<_>>()?;
        let schema = Arc::new(Type::group_type_builder("table").with_fields(fields).build()?);
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(parquet::basic::ZstdLevel::default()))
            .set_statistics_enabled(EnabledStatistics::Chunk)
            // The library's version would make the bytes depend on it.
            .set_created_by("heigen".to_owned())
            .build();
        let mut bytes = Vec::new();
        let mut writer = SerializedFileWriter::new(&mut bytes, schema, Arc::new(properties))?;
        let mut group = writer.next_row_group()?;
        for (_, values) in &self.columns {
            match values {
                Values::Text(values) => {
                    let bytes = |text: &String| ByteArray::from(text.as_str());
                    column::<ByteArrayType>(&mut group, values.iter().map(|v| v.as_ref().map(bytes)))?;
                }
                Values::Whole(values) => column::<Int64Type>(&mut group, values.iter().copied())?,
                Values::Number(values) => {
                    let finite = |v: &Option<f64>| v.filter(|v| v.is_finite());
                    column::<DoubleType>(&mut group, values.iter().map(finite))?;
                }
            }
        }
        group.close()?;
        writer.close()?;
        Ok(bytes)
    }
}

fn field(name: &str, values: &Values) -> ParquetResult<TypePtr> {
    let physical = match values {
        Values::Text(_) => Physical::BYTE_ARRAY,
        Values::Whole(_) => Physical::INT64,
        Values::Number(_) => Physical::DOUBLE,
    };
    let mut builder = Type::primitive_type_builder(name, physical).with_repetition(Repetition::OPTIONAL);
    if let Values::Text(_) = values {
        builder = builder.with_logical_type(Some(LogicalType::String)).with_converted_type(ConvertedType::UTF8);
    }
    Ok(Arc::new(builder.build()?))
}

/// Writes the next column of the group.
fn column<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, &mut Vec<u8>>,
    values: impl Iterator<Item = Option<T::T>>,
) -> ParquetResult<()> {
    let Some(mut writer) = group.next_column()? else { return Ok(()) };
    let (mut there, mut levels) = (Vec::new(), Vec::new());
    for value in values {
        levels.push(i16::from(value.is_some()));
        there.extend(value);
    }
    writer.typed::<T>().write_batch(&there, Some(&levels), None)?;
    writer.close()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::Field;

    fn table() -> Table {
        Table::default()
            .with("data", Values::Text(vec![Some("gauss, \"wide\"".to_owned()), None, Some("λ".to_owned())]))
            .and_then(|t| t.with("seed", Values::Whole(vec![Some(-3), Some(7), None])))
            .and_then(|t| t.with("lambda_1", Values::Number(vec![Some(0.1 + 0.2), Some(f64::NAN), Some(1e-300)])))
            .unwrap()
    }

    #[test]
    fn missing_values_are_empty_fields_and_numbers_keep_all_digits() {
        let text = String::from_utf8(table().csv().unwrap()).unwrap();
        assert_eq!(text, "data,seed,lambda_1\n\"gauss, \"\"wide\"\"\",-3,0.30000000000000004\n,7,\nλ,,1e-300\n");
        let read: f64 = "0.30000000000000004".parse().unwrap();
        assert_eq!(read.to_bits(), (0.1 + 0.2f64).to_bits());
    }

    #[test]
    fn parquet_is_read_back_with_its_types_and_nulls() {
        let bytes = table().parquet().unwrap();
        assert_eq!(bytes, table().parquet().unwrap(), "the same table is the same bytes");
        let reader = SerializedFileReader::new(Bytes::from(bytes)).unwrap();
        let rows: Vec<Vec<Field>> = reader
            .get_row_iter(None)
            .unwrap()
            .map(|row| row.unwrap().get_column_iter().map(|(_, field)| field.clone()).collect())
            .collect();
        let wanted = [
            vec![Field::Str("gauss, \"wide\"".to_owned()), Field::Long(-3), Field::Double(0.1 + 0.2)],
            vec![Field::Null, Field::Long(7), Field::Null],
            vec![Field::Str("λ".to_owned()), Field::Null, Field::Double(1e-300)],
        ];
        assert_eq!(rows, wanted);
    }

    #[test]
    fn columns_of_other_lengths_and_names_that_stand_twice_are_refused() {
        let wrong = table().with("more", Values::Whole(vec![None]));
        assert_eq!(wrong, Err(TableError::Rows { name: "more".to_owned(), got: 1, wanted: 3 }));
        let twice = table().with("seed", Values::Whole(vec![None; 3]));
        assert_eq!(twice, Err(TableError::Twice("seed".to_owned())));
    }
}

//! Parquet: types of columns, and what broken files do.
#![allow(missing_docs)]

mod common;

use std::sync::Arc;

use common::foreign;
use heigen_formats::FormatError;
use heigen_formats::samples::{Column, SampleOptions, Samples, parquet};
use parquet::basic::{Compression, ZstdLevel};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::{ByteArray, FixedLenByteArray};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use proptest::prelude::*;

/// A file of this schema with four rows: numbers count from 0, labels alternate. `missing` is a row without values.
fn write(schema: &str, compression: Compression, missing: Option<usize>) -> Vec<u8> {
    write_noted(schema, compression, missing, None)
}

/// As [`write`], with the notes that pandas leaves.
fn write_noted(schema: &str, compression: Compression, missing: Option<usize>, notes: Option<&str>) -> Vec<u8> {
    let schema = Arc::new(parse_message_type(&format!("message m {{ {schema} }}")).unwrap());
    let notes = notes.map(|notes| vec![KeyValue::new("pandas".to_owned(), notes.to_owned())]);
    let properties = WriterProperties::builder().set_compression(compression).set_key_value_metadata(notes);
    let properties = Arc::new(properties.build());
    let mut bytes = Vec::new();
    let mut writer = SerializedFileWriter::new(&mut bytes, schema, properties).unwrap();
    for _ in 0..2 {
        let mut group = writer.next_row_group().unwrap();
        while let Some(mut column) = group.next_column().unwrap() {
            macro_rules! put {
                ($writer:expr, $value:expr) => {{
                    let deepest = $writer.get_descriptor().max_def_level();
                    let kept = |row: &usize| missing != Some(*row) || deepest == 0;
                    let levels: Vec<i16> = (0..2).map(|row| if kept(&row) { deepest } else { 0 }).collect();
                    let values: Vec<_> = (0..2).filter(kept).map($value).collect();
                    $writer.write_batch(&values, Some(&levels), Some(&[0, 0])).unwrap();
                }};
            }
            match column.untyped() {
                ColumnWriter::BoolColumnWriter(w) => put!(w, |row| row == 1),
                ColumnWriter::Int32ColumnWriter(w) => put!(w, |row| i32::try_from(row).unwrap() - 1),
                ColumnWriter::Int64ColumnWriter(w) => put!(w, |row| i64::try_from(row).unwrap()),
                ColumnWriter::FloatColumnWriter(w) => put!(w, |row| row as f32 + 0.5),
                ColumnWriter::DoubleColumnWriter(w) => put!(w, |row| row as f64 + 0.25),
                ColumnWriter::ByteArrayColumnWriter(w) => put!(w, |row| ByteArray::from(["a", "b"][row])),
                ColumnWriter::FixedLenByteArrayColumnWriter(w) => {
                    put!(w, |_| FixedLenByteArray::from(vec![0x00, 0x3c]));
                }
                ColumnWriter::Int96ColumnWriter(_) => unreachable!(),
            }
            column.close().unwrap();
        }
        group.close().unwrap();
    }
    writer.close().unwrap();
    bytes
}

fn read(bytes: &[u8]) -> Result<Samples, FormatError> {
    parquet(bytes, "t.parquet", &SampleOptions::default())
}

const TYPES: &str = "optional boolean flag; required int32 signed; required int32 small (INTEGER(32,false)); \
    optional int64 long; required float single; required double double; \
    required fixed_len_byte_array(2) half (FLOAT16); required binary label (STRING);";

#[test]
fn columns_of_numbers_in_every_compression() {
    let compressions = [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::GZIP(parquet::basic::GzipLevel::default()),
        Compression::LZ4_RAW,
        Compression::ZSTD(ZstdLevel::default()),
    ];
    for compression in compressions {
        let found = read(&write(TYPES, compression, None)).unwrap();
        assert_eq!((found.labels, found.classes), (vec![0, 1, 0, 1], vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(found.feature_names, ["flag", "signed", "small", "long", "single", "double", "half"]);
        assert_eq!(found.features[..7], [0.0, -1.0, f64::from(u32::MAX), 0.0, 0.5, 0.25, 1.0]);
        assert_eq!(found.features[7..14], [1.0, 0.0, 0.0, 1.0, 1.5, 1.25, 1.0]);
        assert_eq!(found.features[..14], found.features[14..]);
    }
    let numbers = "required double x; required int64 y;";
    let found = read(&write(numbers, Compression::SNAPPY, None)).unwrap();
    assert_eq!((found.labels, found.feature_names), (vec![0, 1, 0, 1], vec!["x".to_owned()]));
    let options = SampleOptions { label_column: Some(Column::Position(0)), ..SampleOptions::default() };
    let found = parquet(&write("required boolean b; required float f;", Compression::SNAPPY, None), "t", &options);
    assert_eq!(found.unwrap().labels, [0, 1, 0, 1]);
}

#[test]
fn an_index_of_pandas_is_no_feature() {
    let notes = r#"{"index_columns": ["id"], "columns": [{"name": "x"}]}"#;
    let counted = r#"{"index_columns": [{"kind": "range", "start": 0, "stop": 4, "step": 1}]}"#;
    let features = |schema: &str, notes: Option<&str>| {
        let found = read(&write_noted(schema, Compression::SNAPPY, None, notes)).unwrap();
        (found.feature_names, found.notes.len())
    };
    let x = vec!["x".to_owned()];
    // A named index, which stands behind the labels; one without a name; and one that only counts, without a column.
    assert_eq!(features("required double x; required int64 species; required int64 id;", Some(notes)), (x.clone(), 1));
    assert_eq!(
        features("required int64 __index_level_0__; required double x; required int64 label;", None),
        (x.clone(), 1)
    );
    assert_eq!(features("required double x; required int64 label;", Some(counted)), (x, 0));
    let both = vec!["x".to_owned(), "id".to_owned()];
    assert_eq!(features("required double x; required double id; required int64 label;", None), (both, 0));
}

#[test]
fn other_columns_are_refused_by_name() {
    let plain = |schema: &str| read(&write(schema, Compression::UNCOMPRESSED, None)).unwrap_err().to_string();
    let label = "required int64 label;";
    let whole = write(TYPES, Compression::SNAPPY, None);
    let reasons = [
        plain(&format!("required group point {{ required double x; }} {label}")),
        plain(&format!("optional group point {{ optional double x; }} {label}")),
        plain(&format!("required int32 day (DATE); {label}")),
        plain(&format!("required int64 time (TIMESTAMP(MICROS,true)); {label}")),
        plain(&format!("required int32 price (DECIMAL(9,2)); {label}")),
        plain(&format!("required binary name (STRING); {label}")),
        plain(&format!("required fixed_len_byte_array(2) raw; {label}")),
        plain(label),
        plain("required int64 x; required double f;"),
        read(&write("optional double x; required int64 label;", Compression::SNAPPY, Some(1))).unwrap_err().to_string(),
        read(&write("required double x; optional binary label (STRING);", Compression::SNAPPY, Some(0)))
            .unwrap_err()
            .to_string(),
        read(&common::seed("parquet", "brotli")).unwrap_err().to_string(),
        read(b"").unwrap_err().to_string(),
        read(b"PK\x03\x04").unwrap_err().to_string(),
        read(&whole[..whole.len() / 2]).unwrap_err().to_string(),
    ];
    insta::assert_snapshot!(reasons.join("\n"));
}

#[test]
fn a_file_cut_anywhere_is_refused() {
    let whole = write(TYPES, Compression::SNAPPY, None);
    for cut in 0..whole.len() {
        assert!(read(&whole[..cut]).is_err(), "{cut} bytes");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn changed_files_are_answered(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
        for mut bytes in [foreign("iris.parquet"), write(TYPES, Compression::SNAPPY, None)] {
            for (place, byte) in &changes {
                let place = place.index(bytes.len());
                bytes[place] = *byte;
            }
            if let Ok(found) = read(&bytes) {
                prop_assert_eq!(found.features.len(), found.labels.len() * found.shape[0]);
            }
        }
    }
}

//! The notes that pandas leaves in the Parquet files that it writes: which columns are the frame's index.

use serde_json::Value;

/// The columns that hold the index of a pandas frame, by the text that pandas keeps under the key `pandas` in the file.
/// An index that only counts the rows has no column.
pub(super) fn index_columns(text: &str) -> Vec<String> {
    let Ok(Value::Object(notes)) = serde_json::from_str(text) else { return Vec::new() };
    let Some(Value::Array(columns)) = notes.get("index_columns") else { return Vec::new() };
    columns.iter().filter_map(|column| column.as_str().map(str::to_owned)).collect()
}

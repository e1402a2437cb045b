//! Temporary folders, and messages without their paths.
#![allow(dead_code, missing_docs, unreachable_pub)]

use std::fmt::Display;
use std::path::{Path, PathBuf};

/// The message with the temporary folder replaced by `<dir>`.
pub fn shown(error: &impl Display, dir: &Path) -> String {
    let canonical = dir.canonicalize().unwrap();
    error.to_string().replace(canonical.to_str().unwrap(), "<dir>").replace(dir.to_str().unwrap(), "<dir>")
}

pub fn golden(file: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/golden").join(file)
}

/// Names of all files below `dir`, sorted.
pub fn files(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

//! The bytes of files that users name: only of plain files, and never more than a limit.
//!
//! A device such as `/dev/zero` has no end, and a pipe may never begin: neither is opened.

use crate::{StoreError, files};
use flate2::read::GzDecoder;
use std::fs;
use std::io::Read;
use std::path::Path;

/// The most bytes of a file that is read where the caller names no other limit: 16 GiB.
pub const LONGEST: u64 = 1 << 34;

/// The length of a plain file.
///
/// # Errors
/// [`StoreError::Read`] if there is none, [`StoreError::Content`] for folders, devices and pipes.
pub(crate) fn length(path: &Path) -> Result<u64, StoreError> {
    if files::is_in_memory(path) {
        return files::length(path).map_err(|cause| StoreError::read(path, cause));
    }
    let there = fs::metadata(path).map_err(|cause| StoreError::read(path, cause))?;
    if there.is_file() {
        return Ok(there.len());
    }
    let (found, mend) = if there.is_dir() {
        ("a folder", "name a file inside of it")
    } else {
        ("a device or a pipe, which may have no end", "write its content into a file")
    };
    let (path, found, wanted, mend) = (path.to_owned(), found.to_owned(), "a file".to_owned(), mend.to_owned());
    Err(StoreError::Content { path, found, wanted, mend })
}

/// The bytes of a plain file.
///
/// # Errors
/// [`StoreError::Read`] if it cannot be read, [`StoreError::Content`] for folders, devices and pipes,
/// [`StoreError::TooLarge`] if it is longer than `limit`.
pub fn read(path: &Path, limit: u64) -> Result<Vec<u8>, StoreError> {
    let too_large = || StoreError::TooLarge { path: path.to_owned(), limit };
    if length(path)? > limit {
        return Err(too_large());
    }
    let failed = |cause| StoreError::read(path, cause);
    let mut bytes = Vec::new();
    // The file may have grown since its length was asked for.
    let file = files::open(path).map_err(failed)?;
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > limit { Err(too_large()) } else { Ok(bytes) }
}

/// Whether bytes are compressed by gzip.
pub(crate) fn is_gzip(bytes: &[u8]) -> bool {
    heigen_formats::FileKind::of(bytes) == heigen_formats::FileKind::Gzip
}

/// The content of the gzip file that `bytes` are; `path` names it in messages.
///
/// # Errors
/// [`StoreError::Content`] if it is damaged, [`StoreError::TooLarge`] if it unpacks to more than `limit` bytes.
pub(crate) fn unzipped(path: &Path, bytes: &[u8], limit: u64) -> Result<Vec<u8>, StoreError> {
    let mut content = Vec::new();
    let unzipping = GzDecoder::new(bytes).take(limit.saturating_add(1)).read_to_end(&mut content);
    unzipping.map_err(|cause| StoreError::Content {
        path: path.to_owned(),
        found: format!("no whole gzip file ({cause})"),
        wanted: "a complete file".to_owned(),
        mend: "copy it again".to_owned(),
    })?;
    if content.len() as u64 > limit {
        return Err(StoreError::TooLarge { path: path.to_owned(), limit });
    }
    Ok(content)
}

//! Stamps and hashes, which tell whether a stored result still belongs to what it was made from.

use std::path::Path;

use crate::StoreError;
use crate::files;

/// A hash (BLAKE3, 64 hexadecimal digits) of `parts`, which differs if any byte, or the way they are cut, differs.
///
/// ```
/// use heigen_store::record::stamp;
/// assert_ne!(stamp(["ab", "c"]), stamp(["a", "bc"]));
/// ```
pub fn stamp<T: AsRef<[u8]>>(parts: impl IntoIterator<Item = T>) -> String {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        let part = part.as_ref();
        // usize has at most 64 bits on every platform Rust knows.
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    hasher.finalize().to_hex().to_string()
}

/// The BLAKE3 hash of a file's bytes, 64 hexadecimal digits.
///
/// # Errors
/// [`StoreError::Read`].
pub fn hash_file(path: &Path) -> Result<String, StoreError> {
    let mut hasher = blake3::Hasher::new();
    let file = files::open(path).map_err(|e| StoreError::read(path, e))?;
    hasher.update_reader(file).map_err(|e| StoreError::read(path, e))?;
    Ok(hasher.finalize().to_hex().to_string())
}

//! JSON documents that say what they are: a format, a version, a stamp of what they were made from, and a checksum, by
//! which a flipped bit is noticed when the document is read.

use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::atomic::Staged;
use crate::{StoreError, atomic, files};

/// A kind of document.
pub(crate) struct Kind {
    /// The value of its `format` key.
    pub(crate) format: &'static str,
    /// Raised whenever the document's meaning changes.
    pub(crate) version: u64,
    /// The name of the document in messages.
    pub(crate) what: &'static str,
    /// The verb for making the document again, for messages.
    pub(crate) mend: &'static str,
}

/// Why a stored result cannot be used as it is. The caller decides what to do about it, and tells the user.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// There is none yet.
    #[error("{} does not exist yet", .0.display())]
    Missing(PathBuf),
    /// The file is truncated, foreign or damaged.
    #[error("{0}")]
    Unreadable(String),
    /// The file is not the one that its record was written for; it may be somebody's only copy.
    #[error("{0}")]
    Changed(String),
    /// The file is sound, but belongs to another configuration, start, or version of the program.
    #[error("{0}")]
    Stale(String),
}

/// `body`, which must be a JSON object, as a document of this kind.
pub(crate) fn to_value(kind: &Kind, body: &impl Serialize) -> Result<Value, serde_json::Error> {
    let mut map = Map::new();
    map.insert("format".to_owned(), kind.format.into());
    map.insert("version".to_owned(), kind.version.into());
    match serde_json::to_value(body)? {
        Value::Object(body) => map.extend(body),
        _ => return Err(serde::ser::Error::custom("it is no JSON object")),
    }
    map.insert(CHECKSUM.to_owned(), checksum(&map)?.into());
    Ok(Value::Object(map))
}

/// The key of the checksum, the last one of a document.
const CHECKSUM: &str = "checksum";

/// The BLAKE3 hash of a document without its checksum, as JSON without spaces. Measured seconds are left out, so that
/// two runs that found the same numbers write the same checksum.
fn checksum(map: &Map<String, Value>) -> Result<String, serde_json::Error> {
    let mut hasher = blake3::Hasher::new();
    for (key, value) in map.iter().filter(|(key, _)| *key != "seconds") {
        hasher.update(&serde_json::to_vec(&(key, value))?);
    }
    Ok(hasher.finalize().to_hex().to_string())
}

/// Writes `body`, which must be a JSON object, as a document of this kind; it waits for [`Staged::commit`] to get its name.
pub(crate) fn stage(path: &Path, kind: &Kind, body: &impl Serialize) -> Result<Staged, StoreError> {
    let failed = |e: serde_json::Error| StoreError::values(path, e.to_string());
    let mut text = serde_json::to_string_pretty(&to_value(kind, body).map_err(failed)?).map_err(failed)?;
    text.push('\n');
    atomic::stage_with(path, |file| file.write_all(text.as_bytes()))
}

/// Reads a document of this kind and version.
pub(crate) fn load<T: DeserializeOwned>(path: &Path, kind: &Kind) -> Result<T, Unusable> {
    let bytes = files::read(path).map_err(|e| match e.kind() {
        // Where a folder of the path is a file, there is no document; writing one will say so.
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Unusable::Missing(path.to_owned()),
        _ => Unusable::Unreadable(StoreError::read(path, e).to_string()),
    })?;
    parse(&path.display().to_string(), &bytes, kind)
}

/// The document of this kind and version in `bytes`; `path` is its name in messages.
pub(crate) fn parse<T: DeserializeOwned>(path: &str, bytes: &[u8], kind: &Kind) -> Result<T, Unusable> {
    let unreadable = |reason: String| {
        let (what, mend) = (kind.what, kind.mend);
        Unusable::Unreadable(format!("{path} {reason}; expected {what}; remove it and {mend} again"))
    };
    let value: Value = serde_json::from_slice(bytes).map_err(|e| {
        unreadable(if e.is_eof() { format!("is truncated ({e})") } else { format!("is not JSON ({e})") })
    })?;
    let Value::Object(mut map) = value else {
        return Err(unreadable("is JSON of another kind".to_owned()));
    };
    let stated = map.shift_remove(CHECKSUM);
    let found = checksum(&map).map_err(|e| unreadable(format!("is damaged ({e})")))?;
    if map.shift_remove("format").as_ref().and_then(Value::as_str) != Some(kind.format) {
        return Err(unreadable("is JSON of another kind".to_owned()));
    }
    match map.shift_remove("version").as_ref().and_then(Value::as_u64) {
        Some(version) if version == kind.version => {}
        version => {
            let got = version.map_or_else(|| "no number".to_owned(), |version| version.to_string());
            let (wanted, mend) = (kind.version, kind.mend);
            return Err(Unusable::Stale(format!(
                "{path} has the record version {got}; this program reads {wanted}; {mend} again, or use the program that wrote it",
            )));
        }
    }
    if stated.as_ref().and_then(Value::as_str) != Some(&found) {
        let stated = stated.as_ref().and_then(Value::as_str).map_or_else(|| "none".to_owned(), short);
        return Err(unreadable(format!(
            "is not as it was written: its content has the checksum {}, stated is {stated}",
            short(&found)
        )));
    }
    serde_json::from_value(Value::Object(map)).map_err(|e| unreadable(format!("is damaged ({e})")))
}

/// Checks that a stored result was made from what is wanted: that its stamp is the wanted one.
pub(crate) fn check_stamp(got: &str, wanted: &str, what: &str, made_from: &str) -> Result<(), Unusable> {
    if got == wanted {
        return Ok(());
    }
    let (got, wanted) = (short(got), short(wanted));
    Err(Unusable::Stale(format!("{what} belongs to another {made_from} (its stamp is {got}, wanted is {wanted})")))
}

/// The first digits of a hash, as many as people compare by eye.
pub(crate) fn short(hash: &str) -> String {
    hash.chars().take(12).collect()
}

//! Zip archives in memory: entries by name, and never more bytes than their file can honestly hold.

use std::collections::HashMap;
use std::io::{Cursor, Read};

use zip::ZipArchive;

use crate::FormatError;
use crate::error::{kind, shown};

/// Bytes to which every archive may unpack, however short it is.
const ALWAYS: u64 = 64 << 20;
/// Times its own length to which a longer archive may unpack. Weights and images are compressed tenfold at most; only
/// zeros, which a malicious archive is made of, are compressed a thousandfold.
const RATIO: u64 = 100;

pub(crate) struct Container<'a> {
    archive: ZipArchive<Cursor<&'a [u8]>>,
    origin: &'a str,
    length: usize,
    names: Vec<String>,
    /// Place of every name in the archive.
    places: HashMap<String, usize>,
    /// Bytes that may still be unpacked.
    left: u64,
}

impl<'a> Container<'a> {
    /// Reads the list of entries; `wanted` and `mend` are for messages.
    pub(crate) fn open(bytes: &'a [u8], origin: &'a str, wanted: &str, mend: &str) -> Result<Self, FormatError> {
        if !bytes.starts_with(b"PK") {
            return Err(FormatError::content(origin, kind(bytes), wanted, mend));
        }
        let archive =
            ZipArchive::new(Cursor::new(bytes)).map_err(|cause| FormatError::damaged(origin, cause, wanted))?;
        let names = archive.file_names().map(|name| name.map(std::borrow::Cow::into_owned));
        let names: Vec<String> =
            names.collect::<Result<_, _>>().map_err(|cause| FormatError::damaged(origin, cause, wanted))?;
        let places = names.iter().enumerate().map(|(i, name)| (name.clone(), i)).collect();
        let left = RATIO.saturating_mul(bytes.len() as u64).max(ALWAYS);
        Ok(Self { archive, origin, length: bytes.len(), names, places, left })
    }

    /// Names of the entries in the archive's order.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.places.contains_key(name)
    }

    /// One entry, unpacked.
    pub(crate) fn read(&mut self, name: &str) -> Result<Vec<u8>, FormatError> {
        let entry_of = format!("entry `{}`", shown(name));
        let damaged = |cause: &dyn std::fmt::Display| {
            FormatError::damaged(self.origin, format!("{entry_of}: {cause}"), "an entry that can be unpacked")
        };
        let place = *self.places.get(name).ok_or_else(|| damaged(&"it is missing"))?;
        let entry = self.archive.by_index(place).map_err(|cause| damaged(&cause))?;
        let size = usize::try_from(entry.size()).unwrap_or(usize::MAX);
        let mut unpacked = Vec::with_capacity(size.min(self.length));
        entry.take(self.left.saturating_add(1)).read_to_end(&mut unpacked).map_err(|cause| damaged(&cause))?;
        self.left = self.left.checked_sub(unpacked.len() as u64).ok_or_else(|| {
            let found = format!("{entry_of}, with which it unpacks to more than {RATIO} times its length");
            let mend = "if its content is meant, write the file without compression";
            FormatError::holds(self.origin, found, "an archive of weights or samples", mend)
        })?;
        Ok(unpacked)
    }
}

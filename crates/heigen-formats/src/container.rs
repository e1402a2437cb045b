//! Zip archives in memory: entries by name, and never more bytes than their file can honestly hold.

use std::collections::{HashMap, HashSet};
use std::io::{Cursor, Read};

use zip::ZipArchive;
use zip::read::{ArchiveOffset, Config};

use crate::error::{kind, shown};
use crate::{FormatError, Remedy};

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
    /// Whether the caller's limit is what bounds them, and not the length of the archive.
    limited: bool,
}

/// The most bytes that a file may unpack to where the caller names no other limit: 2 GiB.
pub const DEFAULT_LIMIT: usize = 2 << 30;

impl<'a> Container<'a> {
    /// Reads the list of entries; `wanted` and `mend` are for messages, `limit` is the most bytes to which the archive may
    /// unpack.
    pub(crate) fn open(
        bytes: &'a [u8],
        origin: &'a str,
        wanted: &str,
        mend: &str,
        limit: usize,
    ) -> Result<Self, FormatError> {
        if !bytes.starts_with(b"PK") {
            return Err(FormatError::content(origin, kind(bytes), wanted, mend));
        }
        let damaged = |cause: &dyn std::fmt::Display| FormatError::damaged(origin, cause, wanted);
        // The library would look for an archive behind other bytes, and for that it takes a record of PyTorch's whose
        // length is that of PyTorch's end records, 76 bytes, for the first one. No file of weights or samples has anything
        // before the archive.
        let from_start = Config { archive_offset: ArchiveOffset::Known(0) };
        let archive = ZipArchive::with_config(from_start, Cursor::new(bytes)).map_err(|cause| damaged(&cause))?;
        if let Some(name) = repeated(bytes, archive.central_directory_start()) {
            let found = format!("two entries `{}`", shown(&name));
            return Err(FormatError::holds(origin, found, "entries of different names", "write it anew"));
        }
        let names = archive.file_names().map(|name| name.map(std::borrow::Cow::into_owned));
        let names: Vec<String> = names.collect::<Result<_, _>>().map_err(|cause| damaged(&cause))?;
        let places = names.iter().enumerate().map(|(i, name)| (name.clone(), i)).collect();
        let honest = RATIO.saturating_mul(bytes.len() as u64).max(ALWAYS);
        let limited = (limit as u64) < honest;
        let left = honest.min(limit as u64);
        Ok(Self { archive, origin, length: bytes.len(), names, places, left, limited })
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
            if self.limited {
                let found = format!("{entry_of}, with which it unpacks to more than the limit");
                let mend = "take a part of it, or raise the limit";
                return FormatError::holds(self.origin, found, "what fits in it", mend).mended_by(Remedy::Limit);
            }
            let found = format!("{entry_of}, with which it unpacks to more than {RATIO} times its length");
            let mend = "if its content is meant, write the file without compression";
            FormatError::holds(self.origin, found, "an archive of weights or samples", mend)
        })?;
        Ok(unpacked)
    }
}

/// The first name that stands twice in the directory at `start`, of which the library would keep one entry.
fn repeated(bytes: &[u8], start: u64) -> Option<String> {
    /// Bytes of a record of the directory before the name.
    const RECORD: usize = 46;
    let mut rest = bytes.get(usize::try_from(start).ok()?..)?;
    let mut names = HashSet::new();
    while rest.starts_with(b"PK\x01\x02") && rest.len() >= RECORD {
        let length = |at: usize| usize::from(u16::from_le_bytes([rest[at], rest[at + 1]]));
        let (name, extra) = (length(28), length(30) + length(32));
        let name_bytes = rest.get(RECORD..RECORD + name)?;
        if !names.insert(name_bytes) {
            return Some(String::from_utf8_lossy(name_bytes).into_owned());
        }
        rest = rest.get(RECORD + name + extra..)?;
    }
    None
}

//! Writing a file so that a crash, a full disk or Ctrl-C leaves either the old content or the new one.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::StoreError;
use crate::files::{self, Writing};

mod claim;
mod stale;

pub use claim::{Claim, Claimed, claim, clear_claim, is_claimed};

/// Bytes collected before each call to the system.
const BUFFER: usize = 1 << 20;

/// Temporary files that exist, or are about to.
static IN_FLIGHT: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

fn in_flight() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    // A set of paths stays valid wherever a panic struck.
    IN_FLIGHT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes `bytes` to `path`; see [`write_with`].
///
/// # Errors
/// As [`write_with`].
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    write_with(path, |file| file.write_all(bytes))
}

/// Lets `fill` write a temporary file in the folder of `path`, syncs it to the disk, and renames it to `path`.
///
/// Missing folders are made. If anything fails, the temporary file is removed and a file that stood at `path` before
/// is untouched. A symbolic link at `path` is replaced, not followed.
///
/// # Errors
/// [`StoreError::Write`] with the path, the cause and a remedy.
pub fn write_with(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), StoreError> {
    stage_with(path, fill)?.commit()
}

/// A complete file that does not have its name yet; dropped, it is gone.
///
/// Results that belong together are staged one by one and committed when all of them could be written: a full disk
/// then leaves the earlier results as they were.
#[derive(Debug)]
#[must_use = "a staged file that is not committed is removed"]
pub struct Staged {
    temporary: Temporary,
    folder: PathBuf,
    path: PathBuf,
    /// The hash of the content.
    hash: String,
}

/// The first half of [`write_with`]: everything but the renaming.
///
/// # Errors
/// As [`write_with`].
pub fn stage_with(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<Staged, StoreError> {
    let failed = |cause| StoreError::write(path, cause);
    let Some(file_name) = path.file_name() else {
        return Err(failed(io::Error::new(io::ErrorKind::InvalidInput, "the path has no file name")));
    };
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    files::create_dir_all(folder).map_err(failed)?;
    if !files::is_in_memory(folder) && !files::another_writes() {
        stale::sweep(folder);
    }
    let temporary = Temporary::beside(folder, file_name);
    let file = files::create_new(&temporary.path).map_err(failed)?;
    let mut writer = BufWriter::with_capacity(BUFFER, Hashing { file, hasher: blake3::Hasher::new() });
    fill(&mut writer).and_then(|()| writer.flush()).map_err(failed)?;
    let Hashing { file, hasher } = writer.into_inner().map_err(|e| failed(e.into_error()))?;
    file.sync_all().map_err(failed)?;
    let hash = hasher.finalize().to_hex().to_string();
    Ok(Staged { temporary, folder: folder.to_owned(), path: path.to_owned(), hash })
}

/// A file whose bytes are hashed on their way, so that nobody has to read them back for that.
struct Hashing {
    file: Writing,
    hasher: blake3::Hasher,
}

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Staged {
    /// Where the content stands until it is committed.
    pub fn file(&self) -> &Path {
        &self.temporary.path
    }

    /// The path that the file will have.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The BLAKE3 hash of the content, as [`hash_file`](crate::record::hash_file) finds it.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// The second half of [`write_with`]: renames the file to its path.
    ///
    /// # Errors
    /// As [`write_with`].
    pub fn commit(self) -> Result<(), StoreError> {
        let failed = |cause| StoreError::write(&self.path, cause);
        files::rename(&self.temporary.path, &self.path).map_err(failed)?;
        self.temporary.renamed();
        sync_folder(&self.folder).map_err(failed)
    }
}

/// Removes the file at `path`, if there is one.
///
/// # Errors
/// [`StoreError::Write`] if it stays.
pub fn remove(path: &Path) -> Result<(), StoreError> {
    match files::remove_file(path) {
        Err(e) if !matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Err(StoreError::write(path, e))
        }
        _ => Ok(()),
    }
}

/// Whether a file could be written at `path`, without touching what stands there: to be asked before hours of work.
/// The folders are made.
///
/// # Errors
/// As [`write_with`], and if a folder stands at `path`.
pub fn check_writable(path: &Path) -> Result<(), StoreError> {
    if files::is_dir(path) {
        return Err(StoreError::write(path, io::ErrorKind::IsADirectory.into()));
    }
    stage_with(path, |_| Ok(())).map(drop)
}

/// Makes the rename itself durable.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    if files::is_in_memory(folder) || files::another_writes() {
        return Ok(());
    }
    match File::open(folder).and_then(|folder| folder.sync_all()) {
        // Some network file systems cannot sync folders; the file itself is safe there.
        Err(e) if matches!(e.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => Ok(()),
        // A folder one may write to but not list cannot be opened.
        Err(e) if e.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        outcome => outcome,
    }
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Removes every temporary file in flight and ends the process, for the handler of Ctrl-C. No other thread begins or
/// renames a file in between.
pub fn remove_temporary_files_and_exit(code: i32) -> ! {
    let paths = in_flight();
    for path in paths.iter() {
        // Absent if it was never made or has its name already.
        let _ = files::remove_file(path);
    }
    std::process::exit(code)
}

/// A temporary file, removed when dropped before it was renamed.
#[derive(Debug)]
struct Temporary {
    path: PathBuf,
}

impl Temporary {
    /// Picks a hidden name that no other process or thread uses, and registers it before the file exists.
    fn beside(folder: &Path, file_name: &std::ffi::OsStr) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let mut name = OsString::from(".");
        name.push(file_name);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        name.push(stale::suffix(since.as_nanos(), count));
        let path = folder.join(name);
        in_flight().insert(path.clone());
        Self { path }
    }

    fn renamed(self) {
        in_flight().remove(&self.path);
        std::mem::forget(self);
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // Absent if it was never made; nothing better can be done about a failure here.
        let _ = files::remove_file(&self.path);
        in_flight().remove(&self.path);
    }
}

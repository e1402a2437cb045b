//! Writing a file so that a crash, a full disk or Ctrl-C leaves either the old content or the new one.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::StoreError;

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
    let failed = |cause| StoreError::write(path, cause);
    let Some(file_name) = path.file_name() else {
        return Err(failed(io::Error::new(io::ErrorKind::InvalidInput, "the path has no file name")));
    };
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    fs::create_dir_all(folder).map_err(failed)?;
    let temporary = Temporary::beside(folder, file_name);
    let file = File::create_new(&temporary.path).map_err(failed)?;
    let mut writer = BufWriter::with_capacity(BUFFER, file);
    fill(&mut writer).and_then(|()| writer.flush()).map_err(failed)?;
    let file = writer.into_inner().map_err(|e| failed(e.into_error()))?;
    file.sync_all().map_err(failed)?;
    drop(file);
    fs::rename(&temporary.path, path).map_err(failed)?;
    temporary.renamed();
    sync_folder(folder).map_err(failed)
}

/// Makes the rename itself durable.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
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

/// Removes every temporary file in flight and returns how many there were; for the handler of Ctrl-C, just before the
/// program ends.
pub fn remove_temporary_files() -> usize {
    let paths = std::mem::take(&mut *in_flight());
    paths.iter().filter(|path| fs::remove_file(path).is_ok()).count()
}

/// A temporary file, removed when dropped before it was renamed.
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
        name.push(format!(".{}-{:x}-{count}.tmp", std::process::id(), since.as_nanos()));
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
        let _ = fs::remove_file(&self.path);
        in_flight().remove(&self.path);
    }
}

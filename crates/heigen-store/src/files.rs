//! Files on disk and in memory, under one kind of path.
//!
//! A [`MemoryFolder`] has a path like any folder; the functions of this module, and with them every reader and writer of
//! this crate, find its files by it. The operating system does not know such paths, so nobody else can open them.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Cursor, Read, Seek, SeekFrom, Write};
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What the first component of a path in memory begins with; a number follows.
const PREFIX: &str = "memory:";

/// Whether another process writes what this one would.
static ANOTHER_WRITES: AtomicBool = AtomicBool::new(false);

/// From now on this process reads files on disk and changes none: folders are not made, new files and their bytes go nowhere,
/// nothing is renamed, removed or claimed. Everything else goes on as if it had been.
///
/// It is for the processes of one computation that all do the same, of which one writes the results. Files in memory are
/// written as ever.
pub fn leave_writing_to_another() {
    ANOTHER_WRITES.store(true, Ordering::Relaxed);
}

/// Whether [`leave_writing_to_another`] was called.
pub(crate) fn another_writes() -> bool {
    ANOTHER_WRITES.load(Ordering::Relaxed)
}

/// The contents of one folder in memory, by path.
type Contents = BTreeMap<PathBuf, Arc<[u8]>>;

/// The contents of all folders in memory that are in use, by the first component of their paths.
static FOLDERS: Mutex<BTreeMap<String, Contents>> = Mutex::new(BTreeMap::new());

fn folders() -> MutexGuard<'static, BTreeMap<String, Contents>> {
    // Contents are put in complete, so they stay valid wherever a panic struck.
    FOLDERS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A folder in memory. When it is dropped its files are gone.
///
/// ```
/// use heigen_store::files::MemoryFolder;
/// use heigen_store::npy::{self, Order};
/// let folder = MemoryFolder::new();
/// let path = folder.dir().join("a/numbers.npy");
/// npy::stage(&path, &[2], Order::C, &[1.0, 2.0])?.commit()?;
/// assert_eq!(npy::read::<f64>(&path)?.values, [1.0, 2.0]);
/// drop(folder);
/// assert!(npy::read::<f64>(&path).is_err());
/// # Ok::<(), heigen_store::StoreError>(())
/// ```
#[derive(Debug, PartialEq, Eq)]
pub struct MemoryFolder {
    dir: PathBuf,
}

impl MemoryFolder {
    /// A new folder without files.
    #[expect(clippy::new_without_default, reason = "every folder is another one, so there is no default value")]
    pub fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = format!("{PREFIX}{}", COUNT.fetch_add(1, Ordering::Relaxed));
        folders().insert(name.clone(), Contents::new());
        Self { dir: name.into() }
    }

    /// The path of the folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The number of bytes of all files.
    pub fn bytes(&self) -> usize {
        in_memory(&self.dir, |contents| contents.values().map(|file| file.len()).sum()).unwrap_or(0)
    }

    /// The paths of all files, in ascending order.
    pub fn paths(&self) -> Vec<PathBuf> {
        in_memory(&self.dir, |contents| contents.keys().cloned().collect()).unwrap_or_default()
    }
}

impl Drop for MemoryFolder {
    fn drop(&mut self) {
        if let Some(name) = self.dir.to_str() {
            folders().remove(name);
        }
    }
}

/// What `work` gets from the contents of the folder in memory that `path` leads into; `None` for paths on disk.
fn in_memory<R>(path: &Path, work: impl FnOnce(&mut Contents) -> R) -> Option<R> {
    let Some(Component::Normal(first)) = path.components().next() else { return None };
    let first = first.to_str().filter(|first| first.starts_with(PREFIX))?;
    folders().get_mut(first).map(work)
}

/// Whether `path` leads into a folder in memory that is in use.
pub fn is_in_memory(path: &Path) -> bool {
    in_memory(path, |_| ()).is_some()
}

fn not_found() -> io::Error {
    io::ErrorKind::NotFound.into()
}

/// All bytes of a file.
///
/// # Errors
/// As [`fs::read`].
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    match in_memory(path, |files| files.get(path).cloned()) {
        Some(file) => file.map(|bytes| bytes.to_vec()).ok_or_else(not_found),
        None => fs::read(path),
    }
}

/// The text of a file.
///
/// # Errors
/// As [`fs::read_to_string`].
pub fn read_to_string(path: &Path) -> io::Result<String> {
    String::from_utf8(read(path)?).map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))
}

/// A file open for reading.
#[derive(Debug)]
pub enum Reading {
    /// A file on disk.
    Disk(File),
    /// A file in memory.
    Memory(Cursor<Arc<[u8]>>),
}

/// Opens a file for reading.
///
/// # Errors
/// As [`File::open`].
pub fn open(path: &Path) -> io::Result<Reading> {
    match in_memory(path, |files| files.get(path).cloned()) {
        Some(file) => file.map(|bytes| Reading::Memory(Cursor::new(bytes))).ok_or_else(not_found),
        None => File::open(path).map(Reading::Disk),
    }
}

impl Reading {
    /// The length of the file in bytes.
    ///
    /// # Errors
    /// As [`File::metadata`].
    pub fn length(&self) -> io::Result<u64> {
        match self {
            Self::Disk(file) => file.metadata().map(|m| m.len()),
            Self::Memory(file) => Ok(file.get_ref().len() as u64),
        }
    }
}

impl Read for Reading {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Disk(file) => file.read(buffer),
            Self::Memory(file) => file.read(buffer),
        }
    }
}

impl Seek for Reading {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match self {
            Self::Disk(file) => file.seek(to),
            Self::Memory(file) => file.seek(to),
        }
    }
}

/// Whether there is a file at `path`.
pub fn is_file(path: &Path) -> bool {
    in_memory(path, |files| files.contains_key(path)).unwrap_or_else(|| path.is_file())
}

/// Whether there is a file or a folder at `path`. A folder in memory exists where a file lies below it.
pub fn exists(path: &Path) -> bool {
    in_memory(path, |files| files.keys().any(|file| file.starts_with(path))).unwrap_or_else(|| path.exists())
}

/// Whether there is a folder at `path`.
pub(crate) fn is_dir(path: &Path) -> bool {
    in_memory(path, |files| files.keys().any(|file| file != path && file.starts_with(path)))
        .unwrap_or_else(|| path.is_dir())
}

/// The paths of the files in `folder`, in ascending order, and on disk those of its folders, too.
///
/// # Errors
/// As [`fs::read_dir`].
pub fn list(folder: &Path) -> io::Result<Vec<PathBuf>> {
    if let Some(paths) = in_memory(folder, |files| {
        files.keys().filter(|path| path.parent() == Some(folder)).cloned().collect::<Vec<_>>()
    }) {
        return if paths.is_empty() { Err(not_found()) } else { Ok(paths) };
    }
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder)?.map(|entry| entry.map(|e| e.path())).collect::<Result<_, _>>()?;
    paths.sort();
    Ok(paths)
}

/// The absolute path of a file on disk, and the path of a file in memory as it is.
///
/// # Errors
/// As [`fs::canonicalize`].
pub(crate) fn canonicalize(path: &Path) -> io::Result<PathBuf> {
    match in_memory(path, |files| files.contains_key(path)) {
        Some(true) => Ok(path.to_owned()),
        Some(false) => Err(not_found()),
        None => fs::canonicalize(path),
    }
}

/// The length of a file in bytes.
///
/// # Errors
/// As [`fs::metadata`].
pub(crate) fn length(path: &Path) -> io::Result<u64> {
    match in_memory(path, |files| files.get(path).map(|file| file.len() as u64)) {
        Some(length) => length.ok_or_else(not_found),
        None => Ok(fs::metadata(path)?.len()),
    }
}

/// Makes a folder with all folders above it; in memory there is nothing to make.
pub(crate) fn create_dir_all(folder: &Path) -> io::Result<()> {
    if is_in_memory(folder) || another_writes() { Ok(()) } else { fs::create_dir_all(folder) }
}

/// A file that is being written.
#[derive(Debug)]
pub(crate) enum Writing {
    Disk(File),
    /// The path in memory, where the bytes stand once the file is synced.
    Memory(PathBuf, Vec<u8>),
    /// A file that another process writes.
    Elsewhere,
}

/// Makes a file that must not exist yet.
pub(crate) fn create_new(path: &Path) -> io::Result<Writing> {
    let made = in_memory(path, |files| {
        if files.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        files.insert(path.to_owned(), Arc::from([]));
        Ok(Writing::Memory(path.to_owned(), vec![]))
    });
    made.unwrap_or_else(|| {
        if another_writes() { Ok(Writing::Elsewhere) } else { File::create_new(path).map(Writing::Disk) }
    })
}

impl Writing {
    /// Brings everything written to where the file stands.
    pub(crate) fn sync_all(self) -> io::Result<()> {
        match self {
            Self::Disk(file) => file.sync_all(),
            Self::Memory(path, bytes) => in_memory(&path, |files| {
                files.insert(path.clone(), bytes.into());
            })
            .ok_or_else(not_found),
            Self::Elsewhere => Ok(()),
        }
    }
}

impl Write for Writing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Disk(file) => file.write(bytes),
            Self::Memory(_, all) => all.write(bytes),
            Self::Elsewhere => Ok(bytes.len()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Disk(file) => file.flush(),
            Self::Memory(..) | Self::Elsewhere => Ok(()),
        }
    }
}

/// Gives a file another name in the same folder; a file that has it already is replaced.
pub(crate) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    in_memory(from, |files| {
        let bytes = files.remove(from).ok_or_else(not_found)?;
        files.insert(to.to_owned(), bytes);
        Ok(())
    })
    .unwrap_or_else(|| if another_writes() { Ok(()) } else { fs::rename(from, to) })
}

/// Removes a file.
pub(crate) fn remove_file(path: &Path) -> io::Result<()> {
    in_memory(path, |files| files.remove(path).map(drop).ok_or_else(not_found))
        .unwrap_or_else(|| if another_writes() { Ok(()) } else { fs::remove_file(path) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::atomic;

    #[test]
    fn a_folder_in_memory_has_what_was_written_into_it() {
        let (one, other) = (MemoryFolder::new(), MemoryFolder::new());
        let path = one.dir().join("a/b.json");
        atomic::write(&path, b"1").unwrap();
        atomic::write(&path, b"22").unwrap();
        assert_eq!(read(&path).unwrap(), b"22");
        assert_eq!((one.paths(), one.bytes(), other.paths()), (vec![path.clone()], 2, vec![]));
        assert!(exists(&one.dir().join("a")) && !is_file(&one.dir().join("a")) && !one.dir().exists());
        assert_eq!(list(&one.dir().join("a")).unwrap(), one.paths());
        assert!(atomic::check_writable(&one.dir().join("a")).is_err());
        atomic::remove(&path).unwrap();
        atomic::remove(&path).unwrap();
        assert_eq!(one.bytes(), 0);
    }

    #[test]
    fn a_failure_while_writing_leaves_what_was_there() {
        let folder = MemoryFolder::new();
        let path = folder.dir().join("x");
        atomic::write(&path, b"old").unwrap();
        let failed = atomic::write_with(&path, |file| {
            file.write_all(b"half")?;
            Err(io::ErrorKind::StorageFull.into())
        });
        assert!(failed.is_err());
        assert_eq!(read(&path).unwrap(), b"old");
        assert_eq!(folder.paths(), [path]);
    }

    #[test]
    fn a_result_in_memory_is_claimed_by_one() {
        let folder = MemoryFolder::new();
        let path = folder.dir().join("x");
        let first = atomic::claim(&path).unwrap().unwrap();
        let mut second = atomic::claim(&path).unwrap().unwrap_err();
        assert!(second.look() && second.is_alive());
        drop(first);
        assert!(!second.look());
        drop(atomic::claim(&path).unwrap().unwrap());
        assert_eq!(folder.paths(), Vec::<PathBuf>::new());
    }
}

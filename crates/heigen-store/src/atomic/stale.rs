//! Processes that have ended, told apart from running ones, and the temporary files that they left, which are removed.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, PoisonError};

/// A mark of the place where process numbers are valid: this start of this machine, and this space of process numbers.
///
/// Temporary files of other machines on a shared disk, or of other containers, carry another mark and are left alone. On
/// systems that do not tell there is no mark, and nothing is removed.
static PLACE: LazyLock<Option<String>> = LazyLock::new(|| {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let space = fs::read_link("/proc/self/ns/pid").ok()?;
    let hash = blake3::hash(format!("{boot} {}", space.display()).as_bytes());
    Some(hash.to_hex()[..8].to_owned())
});

/// Folders that this process has cleared already. Once is enough, and a folder of thousands of snapshots takes time.
static SWEPT: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// The mark of this place, as files name it.
pub(super) fn place() -> &'static str {
    PLACE.as_deref().unwrap_or("unknown")
}

/// Whether a process of a place is known to have ended: it was one of this place, and runs no more.
pub(super) fn has_ended(place: &str, process: u32) -> bool {
    PLACE.as_deref() == Some(place) && !is_running(process)
}

/// End of a temporary file's name: `.<process>-<place>-<time>-<count>.tmp`.
pub(super) fn suffix(time: u128, count: u64) -> String {
    let place = place();
    format!(".{}-{place}-{time:x}-{count}.tmp", std::process::id())
}

/// Removes the temporary files in `folder` that dead processes left.
pub(super) fn sweep(folder: &Path) {
    let Some(place) = PLACE.as_deref() else { return };
    if !SWEPT.lock().unwrap_or_else(PoisonError::into_inner).insert(folder.to_owned()) {
        return;
    }
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let dead = name.to_str().and_then(|name| process_of(name, place)).is_some_and(|process| !is_running(process));
        if dead {
            // Whoever else removed it meanwhile did what was wanted.
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// The process that wrote the temporary file `name`, if it is one from `place`.
fn process_of(name: &str, place: &str) -> Option<u32> {
    let (_, suffix) = name.strip_prefix('.')?.strip_suffix(".tmp")?.rsplit_once('.')?;
    let mut parts = suffix.split('-');
    let process = parts.next()?.parse().ok()?;
    (parts.next()? == place && parts.count() == 2).then_some(process)
}

fn is_running(process: u32) -> bool {
    Path::new("/proc").join(process.to_string()).exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_dead_processes_of_this_place_are_swept() {
        let Some(place) = PLACE.as_deref() else { return };
        let dir = tempfile::tempdir().unwrap();
        let dead = format!(".a_heigenvalues.npy.{}-{place}-18e-1.tmp", u32::MAX);
        let kept = [
            format!(".a.npy{}", suffix(7, 2)),
            format!(".a.npy.{}-elsewhere-18e-1.tmp", u32::MAX),
            format!("a.npy.{}-{place}-18e-1.tmp", u32::MAX),
            ".notes.tmp".to_owned(),
            "a.npy".to_owned(),
        ];
        for name in kept.iter().chain([&dead]) {
            fs::write(dir.path().join(name), "x").unwrap();
        }
        sweep(dir.path());
        let mut left: Vec<String> =
            fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        left.sort();
        let mut kept = kept.to_vec();
        kept.sort();
        assert_eq!(left, kept);
    }
}

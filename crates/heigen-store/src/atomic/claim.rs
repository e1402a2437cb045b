//! Claims on results that are being made, so that two processes do not make the same one.
//!
//! A claim is a small file beside the result, made atomically, whose content changes with every beat of its owner. One that
//! has not changed for several beats belongs to nobody any more, whatever machine its owner ran on: clocks and process
//! numbers are not compared.

use super::in_flight;
use crate::StoreError;
use crate::files::{self, Writing};
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Time between two beats.
const BEAT: Duration = Duration::from_millis(250);
/// Time after which a claim that does not change belongs to nobody: eight missed beats.
const STALE: Duration = Duration::from_secs(2);

/// A result that this process is making; dropped, it is anybody's again.
#[derive(Debug)]
#[must_use = "a claim that is dropped is given up"]
pub struct Claim {
    path: PathBuf,
    over: Arc<(Mutex<bool>, Condvar)>,
    heart: Option<JoinHandle<()>>,
}

/// Another's claim, as far as it has been watched.
#[derive(Debug)]
pub struct Claimed {
    path: PathBuf,
    content: Option<Vec<u8>>,
    since: Instant,
    alive: bool,
}

/// Where the claim on `path` stands.
fn claim_of(path: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".claim");
    path.with_file_name(name)
}

/// Whether somebody has claimed the result at `path`, who may have died since.
pub fn is_claimed(path: &Path) -> bool {
    files::is_file(&claim_of(path))
}

/// Claims the result at `path`, whose folder is made if need be; or tells that another has.
///
/// # Errors
/// [`StoreError::Write`] if no claim can be written there.
pub fn claim(path: &Path) -> Result<Result<Claim, Claimed>, StoreError> {
    let failed = |cause| StoreError::write(path, cause);
    let own = claim_of(path);
    if let Some(folder) = own.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        files::create_dir_all(folder).map_err(failed)?;
    }
    // What is another's must stay where it is when this process is interrupted, so only an own claim is registered.
    let file = match files::create_new(&own) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
            return Ok(Err(Claimed {
                content: None,
                since: Instant::now(),
                alive: files::is_in_memory(&own),
                path: own,
            }));
        }
        Err(e) => return Err(failed(e)),
    };
    in_flight().insert(own.clone());
    let over = Arc::new((Mutex::new(false), Condvar::new()));
    let mut claim = Claim { path: own, over: Arc::clone(&over), heart: None };
    // A claim in memory needs no heartbeat: it cannot outlive its owner's process.
    let Writing::Disk(file) = file else { return Ok(Ok(claim)) };
    let heart = std::thread::Builder::new().name("heigen-claim".to_owned()).spawn(move || beat(file, &over));
    claim.heart = Some(heart.map_err(failed)?);
    Ok(Ok(claim))
}

/// Writes another content with every beat until it is over.
fn beat(mut file: File, over: &(Mutex<bool>, Condvar)) {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    let owner = format!("{since:x} {} {}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let mut guard = over.0.lock().unwrap_or_else(PoisonError::into_inner);
    for beat in 0u64.. {
        if *guard {
            return;
        }
        // A beat that cannot be written is a missed one.
        let _ = file.seek(SeekFrom::Start(0)).and_then(|_| file.write_all(format!("{owner} {beat:020}\n").as_bytes()));
        guard = over.1.wait_timeout(guard, BEAT).unwrap_or_else(PoisonError::into_inner).0;
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        *self.over.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.over.1.notify_all();
        if let Some(heart) = self.heart.take() {
            // A heart that panicked has stopped, too.
            let _ = heart.join();
        }
        // Nothing better can be done about a failure here: the claim is stale soon.
        let _ = files::remove_file(&self.path);
        in_flight().remove(&self.path);
    }
}

impl Claimed {
    /// Whether its owner has been seen at work.
    pub fn is_alive(&self) -> bool {
        self.alive
    }

    /// Looks again: whether the result is still claimed. A claim of nobody is removed.
    pub fn look(&mut self) -> bool {
        if files::is_in_memory(&self.path) {
            return files::is_file(&self.path);
        }
        let Ok(content) = fs::read(&self.path) else { return false };
        match &self.content {
            Some(seen) if *seen == content && self.since.elapsed() < STALE => true,
            Some(seen) if *seen == content => !self.remove(&content),
            seen => {
                self.alive |= seen.is_some();
                self.content = Some(content);
                self.since = Instant::now();
                true
            }
        }
    }

    /// Removes the claim if it is still the one with this content; of several that try, one succeeds.
    fn remove(&self, content: &[u8]) -> bool {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let mut name = self.path.clone().into_os_string();
        name.push(format!(".{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed)));
        let aside = PathBuf::from(name);
        if fs::rename(&self.path, &aside).is_err() {
            return !self.path.exists();
        }
        let same = fs::read(&aside).is_ok_and(|now| now == content);
        if !same {
            // Another was quicker and has claimed it anew: its claim goes back, unless there is a third by now.
            let _ = fs::hard_link(&aside, &self.path);
        }
        let _ = fs::remove_file(&aside);
        same
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_is_claimed_by_one_and_given_up_when_dropped() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("new/result.json");
        assert!(!is_claimed(&path));
        let first = claim(&path).unwrap().unwrap();
        assert!(is_claimed(&path));
        let mut second = claim(&path).unwrap().unwrap_err();
        let begun = Instant::now();
        while !second.is_alive() {
            assert!(second.look() && begun.elapsed() < Duration::from_secs(20));
            std::thread::sleep(Duration::from_millis(20));
        }
        drop(first);
        assert!(!second.look());
        drop(claim(&path).unwrap().unwrap());
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 0);
    }

    #[test]
    fn a_claim_without_beats_is_nobodys() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("result.json");
        fs::write(claim_of(&path), "left by a process that was killed").unwrap();
        let mut left = claim(&path).unwrap().unwrap_err();
        let begun = Instant::now();
        while left.look() {
            std::thread::sleep(Duration::from_millis(20));
        }
        assert!(begun.elapsed() >= STALE && !left.is_alive());
        drop(claim(&path).unwrap().unwrap());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}

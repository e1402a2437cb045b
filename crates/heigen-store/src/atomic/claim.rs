//! Claims on results that are being made, so that two processes do not make the same one.
//!
//! A claim is a small file beside the result, made atomically, whose content names its owner and changes with every beat of it.
//! One that has not changed for several beats belongs to nobody any more, whatever machine its owner ran on: clocks are not
//! compared, and process numbers only where they mean something, which is at the place that the claim names (this start of this
//! machine, and this space of process numbers). There a claim whose process has ended belongs to nobody at once.
//!
//! A process that is killed between giving a result its name and giving up its claim leaves a claim that nobody waits for, since
//! the result is there: [`clear_claim`] removes it.

use super::{Temporary, in_flight, stale};
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
    /// What the claim's file begins with as long as it is this claim's.
    owner: String,
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

/// Removes the claim on the result at `path` if the process that made it has ended, and says whether there was one: to be asked where
/// the result is there. Claims of running processes, and of other machines, stay.
pub fn clear_claim(path: &Path) -> bool {
    let own = claim_of(path);
    if files::is_in_memory(&own) || files::another_writes() {
        return false;
    }
    let left = left_by_the_dead(&own);
    if let Some(content) = &left {
        remove(&own, content);
    }
    left.is_some()
}

/// The content of the claim at `own`, if it names a process of this place that has ended.
fn left_by_the_dead(own: &Path) -> Option<Vec<u8>> {
    let content = fs::read(own).ok()?;
    let text = std::str::from_utf8(&content).ok()?;
    let mut words = text.split(' ');
    let (place, process) = (words.next()?, words.next()?.parse().ok()?);
    stale::has_ended(place, process).then_some(content)
}

/// Claims the result at `path`, whose folder is made if need be; or tells that another has.
///
/// # Errors
/// [`StoreError::Write`] if no claim can be written there.
pub fn claim(path: &Path) -> Result<Result<Claim, Claimed>, StoreError> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let failed = |cause| StoreError::write(path, cause);
    let own = claim_of(path);
    let folder = own.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    files::create_dir_all(folder).map_err(failed)?;
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    let (process, count) = (std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let owner = format!("{} {process} {since:x} {count}", stale::place());
    clear_claim(path);
    let file = match create(folder, &own, &owner) {
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
    let over = Arc::new((Mutex::new(false), Condvar::new()));
    let mut claim = Claim { path: own, owner: owner.clone(), over: Arc::clone(&over), heart: None };
    // A claim in memory needs no heartbeat: it cannot outlive its owner's process.
    let Writing::Disk(file) = file else { return Ok(Ok(claim)) };
    let heart = std::thread::Builder::new().name("heigen-claim".to_owned()).spawn(move || beat(file, &owner, &over));
    claim.heart = Some(heart.map_err(failed)?);
    Ok(Ok(claim))
}

/// Makes the file of a claim, which says from the first moment on whose it is: it is written under another name and linked to its
/// own. Fails if there is one already.
fn create(folder: &Path, own: &Path, owner: &str) -> io::Result<Writing> {
    let plain = || -> io::Result<Writing> {
        // What is another's must stay where it is when this process is interrupted, so only an own claim is registered; and an
        // interrupt waits for the set.
        let mut in_flight = in_flight();
        let file = files::create_new(own)?;
        in_flight.insert(own.to_owned());
        Ok(file)
    };
    if files::is_in_memory(own) || files::another_writes() {
        return plain();
    }
    let temporary = Temporary::beside(folder, own.file_name().unwrap_or_default());
    let mut file = files::create_new(&temporary.path)?;
    file.write_all(line(owner, 0).as_bytes())?;
    {
        let mut in_flight = in_flight();
        match fs::hard_link(&temporary.path, own) {
            Ok(()) => {
                in_flight.insert(own.to_owned());
                return Ok(file);
            }
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => return Err(e),
            // Some file systems know no links.
            Err(_) => {}
        }
    }
    plain()
}

/// The content of a claim at a beat.
fn line(owner: &str, beat: u64) -> String {
    format!("{owner} {beat:020}\n")
}

/// Writes another content with every beat until it is over.
fn beat(mut file: File, owner: &str, over: &(Mutex<bool>, Condvar)) {
    let mut guard = over.0.lock().unwrap_or_else(PoisonError::into_inner);
    for beat in 1u64.. {
        if *guard {
            return;
        }
        // A beat that cannot be written is a missed one.
        let _ = file.seek(SeekFrom::Start(0)).and_then(|_| file.write_all(line(owner, beat).as_bytes()));
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
        let mut in_flight = in_flight();
        // A process that was held up for seconds may have lost its claim to another.
        let lost = files::read(&self.path)
            .is_ok_and(|content| !content.is_empty() && !content.starts_with(self.owner.as_bytes()));
        if !lost {
            // Nothing better can be done about a failure here: the claim is nobody's soon.
            let _ = files::remove_file(&self.path);
        }
        in_flight.remove(&self.path);
    }
}

/// Removes a claim if it is still the one with this content; of several that try, one succeeds.
fn remove(claim: &Path, content: &[u8]) -> bool {
    let folder = claim.parent().unwrap_or(Path::new("."));
    let aside = Temporary::beside(folder, claim.file_name().unwrap_or_default());
    if fs::rename(claim, &aside.path).is_err() {
        return !claim.exists();
    }
    let same = fs::read(&aside.path).is_ok_and(|now| now == content);
    if !same {
        // Another was quicker and has claimed it anew: its claim goes back, unless there is a third by now.
        let _ = fs::hard_link(&aside.path, claim);
    }
    same
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
            Some(seen) if *seen == content => !remove(&self.path, &content),
            seen => {
                self.alive |= seen.is_some();
                self.content = Some(content);
                self.since = Instant::now();
                true
            }
        }
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

    /// The number of a process that has ended.
    #[cfg(target_os = "linux")]
    fn ended() -> u32 {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        child.id()
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_claim_of_a_process_that_has_ended_is_taken_over_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("result.json");
        fs::write(claim_of(&path), line(&format!("{} {} 18e 0", stale::place(), ended()), 3)).unwrap();
        let own = claim(&path).unwrap().unwrap();
        let written = fs::read_to_string(claim_of(&path)).unwrap();
        assert!(written.starts_with(&format!("{} {} ", stale::place(), std::process::id())), "{written}");
        drop(own);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn beside_a_finished_result_the_claims_of_the_dead_are_cleared_and_no_others() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("result.json");
        let left = |place: &str, process: u32| {
            fs::write(claim_of(&path), line(&format!("{place} {process} 18e 0"), 3)).unwrap();
            clear_claim(&path);
            let stays = is_claimed(&path);
            let _ = fs::remove_file(claim_of(&path));
            stays
        };
        let (dead, here) = (ended(), stale::place());
        assert!(!left(here, dead));
        assert!(left(here, std::process::id()), "its owner is at work");
        assert!(left("elsewhere", dead), "a process number means nothing there");
        assert!(left("", dead));
        fs::write(claim_of(&path), "left by an earlier version").unwrap();
        clear_claim(&path);
        assert!(is_claimed(&path));
        fs::remove_file(claim_of(&path)).unwrap();
        let own = claim(&path).unwrap().unwrap();
        clear_claim(&path);
        assert!(is_claimed(&path));
        drop(own);
        clear_claim(&path);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_claim_that_another_has_taken_over_is_not_given_up_by_the_first() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("result.json");
        let first = claim(&path).unwrap().unwrap();
        // What a process does that sees no beat for a while, because the first one is stopped.
        fs::remove_file(claim_of(&path)).unwrap();
        let second = claim(&path).unwrap().unwrap();
        drop(first);
        assert!(is_claimed(&path));
        drop(second);
        assert!(!is_claimed(&path));
    }

    #[test]
    fn a_claim_names_its_owner_before_anybody_can_see_it() {
        let dir = tempfile::tempdir().unwrap();
        let own = dir.path().join(".result.json.claim");
        let file = create(dir.path(), &own, "somebody");
        assert!(matches!(file, Ok(Writing::Disk(_))));
        assert_eq!(fs::read_to_string(&own).unwrap(), line("somebody", 0));
        assert_eq!(create(dir.path(), &own, "another").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "what it was written under is gone");
        in_flight().remove(&own);
    }
}

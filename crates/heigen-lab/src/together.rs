//! Agreement among the processes of one computation: one of them leads, decides what is reused and writes; the others do the same
//! work, of which sums over samples are shared.

use crate::LabError;
use heigen_spectra::Communicator;
use heigen_store::record::stamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Code of a step that the leading process could not do.
const FAILED: f64 = 0.0;
/// Code of a step that it has done.
const DONE: f64 = 1.0;

/// The connection with the other processes, where there are any.
#[derive(Debug, Default)]
pub(crate) struct Together {
    all: Option<Arc<dyn Communicator>>,
    /// Whether the leading process does something by itself at the moment, while the others wait for its end.
    alone: AtomicBool,
    /// Whether this process has left work that others may go on with.
    parted: AtomicBool,
}

impl Together {
    /// One of the processes that `communicator` connects.
    pub(crate) fn by(communicator: Arc<dyn Communicator>) -> Self {
        let all = Some(communicator).filter(|communicator| communicator.size() > 1);
        Self { all, ..Self::default() }
    }

    /// The connection, for sums over samples; `None` for a process that works by itself.
    pub(crate) fn communicator(&self) -> Option<&Arc<dyn Communicator>> {
        self.all.as_ref().filter(|_| !self.alone.load(Ordering::Relaxed))
    }

    /// Whether this process decides and writes.
    pub(crate) fn leads(&self) -> bool {
        self.all.as_ref().is_none_or(|communicator| communicator.rank() == 0)
    }

    /// The number of the leading process, once all have come to this point.
    pub(crate) fn agreed(&self, own: f64) -> Result<f64, LabError> {
        let Some(communicator) = self.communicator() else { return Ok(own) };
        let mut all = vec![0.0; communicator.size()];
        communicator.gather(&[own], |rank| rank..rank + 1, &mut all).map_err(LabError::Failure)?;
        Ok(all.first().copied().unwrap_or(own))
    }

    /// The decision of the leading process, on all of them.
    pub(crate) fn decided(&self, own: bool) -> Result<bool, LabError> {
        Ok(self.agreed(f64::from(u8::from(own)))? != 0.0)
    }

    /// Whether `own` holds for all of them.
    pub(crate) fn all(&self, own: bool) -> Result<bool, LabError> {
        let Some(communicator) = self.communicator() else { return Ok(own) };
        let mut all = vec![0.0; communicator.size()];
        communicator.gather(&[f64::from(u8::from(own))], |rank| rank..rank + 1, &mut all).map_err(LabError::Failure)?;
        Ok(all.iter().all(|&one| one != 0.0))
    }

    /// Whether this process has the text that the leading one has.
    pub(crate) fn same(&self, text: &str) -> Result<bool, LabError> {
        // The first 48 bits of a hash are a whole number in float64.
        let hash = stamp([text]);
        let own = u64::from_str_radix(&hash[..12], 16).map_or(0.0, |bits| bits as f64);
        Ok(self.agreed(own)? == own)
    }

    /// Waits until all have come to this point.
    pub(crate) fn meet(&self) -> Result<(), LabError> {
        self.agreed(1.0).map(drop)
    }

    /// The outcome of a step that the leading process has done, whose code, not 0, the others hear.
    pub(crate) fn told<R>(&self, outcome: Result<R, LabError>, code: impl Fn(&R) -> f64) -> Result<R, LabError> {
        self.agreed(outcome.as_ref().map_or(FAILED, code))?;
        outcome
    }

    /// The code of a step that the leading process does.
    pub(crate) fn heard(&self) -> Result<f64, LabError> {
        let code = self.agreed(FAILED)?;
        if code == FAILED { Err(LabError::Elsewhere) } else { Ok(code) }
    }

    /// A step that the leading process does by itself while the others wait: no sums over samples are shared in it. Its result is there
    /// alone.
    pub(crate) fn by_leader<R>(&self, step: impl FnOnce() -> Result<R, LabError>) -> Result<Option<R>, LabError> {
        if self.leads() { self.told(self.alone(step), |_| DONE).map(Some) } else { self.heard().map(|_| None) }
    }

    /// The result of `work` for the leading process, which works by itself meanwhile: what all would have to come to, it does without them.
    pub(crate) fn alone<R>(&self, work: impl FnOnce() -> R) -> R {
        /// Ends the work of a process by itself, however it ends; work within other such work is a part of that.
        struct End<'a>(&'a AtomicBool, bool);
        impl Drop for End<'_> {
            fn drop(&mut self) {
                self.0.store(self.1, Ordering::Relaxed);
            }
        }
        let _end = End(&self.alone, self.alone.swap(true, Ordering::Relaxed));
        work()
    }

    /// Takes note of the failure of work that all share. Where it may be that of this process alone, the others wait for what it could not
    /// do, and nothing may follow.
    pub(crate) fn part_by(&self, error: &LabError) {
        if self.communicator().is_some() && error.is_of_one_process() {
            self.parted.store(true, Ordering::Relaxed);
        }
    }

    /// Whether others may wait for something that this process could not do.
    pub(crate) fn has_parted(&self) -> bool {
        self.parted.load(Ordering::Relaxed)
    }

    /// The outcome of a step that all have done and in which the leading one may have failed, which alone writes.
    pub(crate) fn outcome<R>(&self, own: Result<R, LabError>) -> Result<R, LabError> {
        if self.leads() {
            return self.told(own, |_| DONE);
        }
        self.heard()?;
        own
    }

    /// Bytes that the leading process reads, on all of them: the others need not see the file.
    pub(crate) fn read(&self, read: impl FnOnce() -> Result<Vec<u8>, LabError>) -> Result<Vec<u8>, LabError> {
        let Some(communicator) = self.communicator() else { return read() };
        let mut bytes = if self.leads() {
            self.told(read(), |bytes| bytes.len() as f64 + 1.0)?
        } else {
            vec![0; self.heard()? as usize - 1]
        };
        communicator.broadcast_bytes(&mut bytes).map_err(LabError::Failure)?;
        Ok(bytes)
    }

    /// A value that the leading process reads, on all of them.
    pub(crate) fn read_value<R: Serialize + DeserializeOwned>(
        &self,
        read: impl FnOnce() -> Result<R, LabError>,
    ) -> Result<R, LabError> {
        if self.communicator().is_none() {
            return read();
        }
        Ok(serde_json::from_slice(&self.read(|| Ok(serde_json::to_vec(&read()?)?))?)?)
    }

    /// Files that the leading process reads, with their content, on all of them.
    pub(crate) fn read_files(
        &self,
        read: impl FnOnce() -> Result<Vec<(PathBuf, Vec<u8>)>, LabError>,
    ) -> Result<Vec<(PathBuf, Vec<u8>)>, LabError> {
        if self.communicator().is_none() {
            return read();
        }
        let mut own = None;
        let paths: Vec<PathBuf> = self.read_value(|| {
            let (paths, contents) = read()?.into_iter().unzip();
            own = Some::<Vec<Vec<u8>>>(contents);
            Ok(paths)
        })?;
        let mut own = own.into_iter().flatten();
        paths.into_iter().map(|path| Ok((path, self.read(|| Ok(own.next().unwrap_or_default()))?))).collect()
    }

    /// The content that all have found at `path`, or none: nothing where the leading process found nothing.
    ///
    /// # Errors
    /// [`LabError::Apart`] if this process finds nothing where the leading one did.
    pub(crate) fn found<R>(&self, own: Option<R>, path: &Path) -> Result<Option<R>, LabError> {
        let there = self.decided(own.is_some())?;
        match own {
            Some(own) if there => Ok(Some(own)),
            None if there => Err(LabError::Apart { path: path.to_owned() }),
            _ => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use heigen_spectra::ThreadPiece;

    fn by_each<R: Send>(size: usize, work: impl Fn(&Together) -> R + Sync) -> Vec<R> {
        std::thread::scope(|scope| {
            let work = &work;
            let started: Vec<_> = ThreadPiece::all(size)
                .into_iter()
                .map(|piece| scope.spawn(move || work(&Together::by(Arc::new(piece)))))
                .collect();
            started.into_iter().map(|thread| thread.join().unwrap()).collect()
        })
    }

    fn rank(together: &Together) -> f64 {
        together.communicator().map_or(0.0, |communicator| communicator.rank() as f64)
    }

    #[test]
    fn the_number_of_the_first_process_is_that_of_all() {
        assert_eq!(by_each(3, |together| together.agreed(rank(together) + 7.0).unwrap()), [7.0; 3]);
        assert_eq!(Together::default().agreed(5.0).unwrap(), 5.0);
        assert!(Together::by(Arc::new(heigen_spectra::Alone)).leads());
    }

    #[test]
    fn a_failure_of_the_first_process_ends_the_work_of_the_others() {
        let ends = by_each(3, |together| {
            let outcome = if together.leads() {
                together.told(Err::<(), _>(LabError::Lost), |()| 1.0)
            } else {
                together.heard().map(drop)
            };
            outcome.unwrap_err().to_string()
        });
        assert_eq!(ends[0], LabError::Lost.to_string());
        assert_eq!(ends[1..], [LabError::Elsewhere.to_string(), LabError::Elsewhere.to_string()]);
    }

    #[test]
    fn what_the_first_process_does_by_itself_is_done_once() {
        let done = by_each(3, |together| {
            let own = rank(together);
            let step = || if own == 0.0 { Ok(own + 5.0) } else { Err(LabError::Lost) };
            together.by_leader(step).unwrap()
        });
        assert_eq!(done, [Some(5.0), None, None]);
        assert_eq!(Together::default().by_leader(|| Ok(5.0)).unwrap(), Some(5.0));
        let failed =
            by_each(2, |together| together.by_leader(|| Err::<(), _>(LabError::Lost)).unwrap_err().to_string());
        assert_eq!(failed, [LabError::Lost.to_string(), LabError::Elsewhere.to_string()]);
    }

    #[test]
    fn the_first_process_by_itself_waits_for_nobody() {
        let done = by_each(3, |together| {
            let step = || {
                let within = together.by_leader(|| together.agreed(2.0))?;
                together.meet()?;
                Ok((within, together.communicator().is_none(), together.all(true)?))
            };
            let done = together.by_leader(step).unwrap();
            (done, together.communicator().is_some(), together.agreed(rank(together)).unwrap())
        });
        assert_eq!(done, [(Some((Some(2.0), true, true)), true, 0.0), (None, true, 0.0), (None, true, 0.0)]);
    }

    #[test]
    fn all_fail_where_the_first_process_cannot_write() {
        let ends = by_each(2, |together| {
            let own = if together.leads() { Err(LabError::Lost) } else { Ok(()) };
            let failed = together.outcome(own).unwrap_err().to_string();
            (failed, together.outcome(Ok(rank(together))).unwrap())
        });
        assert_eq!(ends, [(LabError::Lost.to_string(), 0.0), (LabError::Elsewhere.to_string(), 1.0)]);
    }

    #[test]
    fn what_holds_for_all_is_known_to_all() {
        assert_eq!(by_each(3, |together| together.all(true).unwrap()), [true; 3]);
        for other in 0..3 {
            let all = by_each(3, |together| together.all(rank(together) != f64::from(other)).unwrap());
            assert_eq!(all, [false; 3], "{other}");
        }
        assert!(Together::default().all(true).unwrap() && !Together::default().all(false).unwrap());
    }

    #[test]
    fn another_text_than_that_of_the_first_process_is_seen() {
        let same = by_each(3, |together| together.same(if rank(together) < 2.0 { "a" } else { "b" }).unwrap());
        assert_eq!(same, [true, true, false]);
        assert!(Together::default().same("a").unwrap());
    }

    #[test]
    fn the_first_process_reads_for_all() {
        let files: Vec<(PathBuf, Vec<u8>)> = [0, 1, 5, 6, 7, 6 * 65_536 + 3]
            .map(|n: usize| (PathBuf::from(format!("a/{n}")), (0..n).map(|i| (i * 37 % 256) as u8).collect()))
            .to_vec();
        let read = |together: &Together| {
            together.read_files(|| if together.leads() { Ok(files.clone()) } else { Err(LabError::Lost) }).unwrap()
        };
        assert!(by_each(3, read).iter().chain([&read(&Together::default())]).all(|found| *found == files));
        let failed = by_each(2, |together| together.read(|| Err(LabError::Lost)).unwrap_err().to_string());
        assert_eq!(failed, [LabError::Lost.to_string(), LabError::Elsewhere.to_string()]);
    }

    #[test]
    fn a_file_that_one_process_does_not_see_is_named() {
        let seen = by_each(2, |together| {
            let own = Some(()).filter(|()| together.leads());
            together.found(own, Path::new("results/a.json")).map_err(|e| e.to_string())
        });
        assert_eq!(seen[0], Ok(Some(())));
        assert!(seen[1].as_ref().is_err_and(|e| e.starts_with("results/a.json")), "{seen:?}");
        let unseen = by_each(2, |together| together.found(Some(()).filter(|()| !together.leads()), Path::new("a")));
        assert!(unseen.iter().all(|found| matches!(found, Ok(None))));
    }
}

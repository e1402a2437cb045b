//! A scheduler of tasks that depend on each other: several run at a time, within bounds on their number and memory.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;

/// The properties of a task that the scheduler has to know.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Job {
    /// The tasks that must have succeeded before this one begins, by their place in the list.
    pub(crate) after: Vec<usize>,
    /// The tasks that must have ended before this one begins, whether they succeeded or failed.
    pub(crate) after_end_of: Vec<usize>,
    /// Seconds that the task is expected to take; only the order of these numbers matters.
    pub(crate) seconds: f64,
    /// Bytes of memory that the task needs at most.
    pub(crate) bytes: f64,
}

/// A failure that the scheduler finds by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The task panicked, with this message.
    Panic(String),
    /// Tasks wait for each other.
    Circle,
}

/// How a task ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Ended<T, E> {
    /// It succeeded with this result.
    Done(T),
    /// It failed with this error.
    Failed(E),
    /// It did not begin, because the task with this place in the list, which it needs, did not succeed.
    Skipped(usize),
}

/// The beginning or the end of a task, or a message from one.
#[derive(Debug)]
pub(crate) enum Event<'a, T, E, M> {
    Begun(usize),
    Said(M),
    Ended(usize, &'a Ended<T, E>),
}

/// A message from a task's thread to the scheduler's.
enum Sent<T, E, M> {
    Said(M),
    Ended(usize, Result<T, E>),
}

/// Bounds on the tasks that run at the same time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits<'a> {
    /// The largest number of tasks.
    pub(crate) tasks: usize,
    /// Bytes of memory that they may need together; a task that needs more runs alone.
    pub(crate) bytes: f64,
    /// Once this is set, no further task begins.
    pub(crate) stopped: &'a AtomicBool,
}

/// Runs all `jobs` by `work`, the task with the longest remaining chain first. If a task fails or panics, the tasks
/// that need it are skipped, and no others. Each task runs on a thread of its own, and `work` gets a function by which it
/// sends messages; `watch` is called from this thread. If the run is stopped, tasks that never began have no end (`None`).
pub(crate) fn run<T: Send, E: Send + From<Trouble>, M: Send>(
    jobs: &[Job],
    limits: Limits,
    work: impl Fn(usize, &dyn Fn(M)) -> Result<T, E> + Sync,
    mut watch: impl FnMut(Event<T, E, M>),
) -> Vec<Option<Ended<T, E>>> {
    let mut ended: Vec<Option<Ended<T, E>>> = jobs.iter().map(|_| None).collect();
    let chains = chains(jobs);
    let mut waiting: BTreeSet<usize> = (0..jobs.len()).collect();
    let mut running: BTreeSet<usize> = BTreeSet::new();
    let (sender, receiver) = mpsc::channel::<Sent<T, E, M>>();
    std::thread::scope(|scope| {
        loop {
            skip(jobs, &mut waiting, &mut ended, &mut watch);
            while let Some(next) = next(jobs, &chains, &waiting, &running, &ended, limits) {
                waiting.remove(&next);
                running.insert(next);
                watch(Event::Begun(next));
                let (sender, work) = (sender.clone(), &work);
                scope.spawn(move || {
                    // Sending cannot fail: the receiver lives longer than the scope.
                    let say = |message| drop(sender.send(Sent::Said(message)));
                    let outcome = catch_unwind(AssertUnwindSafe(|| work(next, &say)));
                    let outcome = outcome.unwrap_or_else(|panic| Err(Trouble::Panic(message(&*panic)).into()));
                    let _ = sender.send(Sent::Ended(next, outcome));
                });
            }
            if running.is_empty() {
                return;
            }
            let (i, outcome) = match receiver.recv() {
                Ok(Sent::Ended(i, outcome)) => (i, outcome),
                Ok(Sent::Said(message)) => {
                    watch(Event::Said(message));
                    continue;
                }
                Err(_) => return,
            };
            running.remove(&i);
            let outcome = outcome.map_or_else(Ended::Failed, Ended::Done);
            watch(Event::Ended(i, &outcome));
            ended[i] = Some(outcome);
        }
    });
    if !limits.stopped.load(Ordering::Relaxed) {
        // The tasks that are left wait for each other and can never begin.
        ended.iter_mut().for_each(|end| *end = end.take().or_else(|| Some(Ended::Failed(Trouble::Circle.into()))));
    }
    ended
}

/// For each task, the seconds of the longest chain of tasks that begins with it.
pub(crate) fn chains(jobs: &[Job]) -> Vec<f64> {
    let mut chains: Vec<f64> = jobs.iter().map(|j| j.seconds).collect();
    // There are as many rounds as the longest chain can have links, so that a circle of tasks ends too.
    for _ in 0..jobs.len() {
        let mut changed = false;
        for (i, job) in jobs.iter().enumerate() {
            for &before in job.after.iter().chain(&job.after_end_of) {
                let through = jobs[before].seconds + chains[i];
                if through > chains[before] {
                    chains[before] = through;
                    changed = true;
                }
            }
        }
        if !changed {
            break;
        }
    }
    chains
}

fn skip<T, E, M>(
    jobs: &[Job],
    waiting: &mut BTreeSet<usize>,
    ended: &mut [Option<Ended<T, E>>],
    watch: &mut impl FnMut(Event<T, E, M>),
) {
    let lost = |i: usize, ended: &[Option<Ended<T, E>>]| {
        let bad = |&&b: &&usize| matches!(ended[b], Some(Ended::Failed(_) | Ended::Skipped(_)));
        jobs[i].after.iter().find(bad).copied()
    };
    while let Some((i, because)) = waiting.iter().find_map(|&i| Some((i, lost(i, ended)?))) {
        waiting.remove(&i);
        let outcome = Ended::Skipped(because);
        watch(Event::Ended(i, &outcome));
        ended[i] = Some(outcome);
    }
}

fn next<T, E>(
    jobs: &[Job],
    chains: &[f64],
    waiting: &BTreeSet<usize>,
    running: &BTreeSet<usize>,
    ended: &[Option<Ended<T, E>>],
    limits: Limits,
) -> Option<usize> {
    if running.len() >= limits.tasks || limits.stopped.load(Ordering::Relaxed) {
        return None;
    }
    let used: f64 = running.iter().map(|&i| jobs[i].bytes).sum();
    let ready = |&i: &usize| {
        let done = |&b: &usize| matches!(ended[b], Some(Ended::Done(_)));
        jobs[i].after.iter().all(done) && jobs[i].after_end_of.iter().all(|&b| ended[b].is_some())
    };
    let fits = |&i: &usize| running.is_empty() || used + jobs[i].bytes <= limits.bytes;
    // Among equally long chains, the first one in the list.
    let longest = |&a: &usize, &b: &usize| chains[a].total_cmp(&chains[b]).then(b.cmp(&a));
    waiting.iter().copied().filter(ready).filter(fits).max_by(longest)
}

fn message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no reason given".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;
    use std::sync::atomic::AtomicUsize;

    impl From<Trouble> for String {
        fn from(trouble: Trouble) -> Self {
            format!("{trouble:?}")
        }
    }

    fn job(after: &[usize], seconds: f64, bytes: f64) -> Job {
        Job { after: after.to_vec(), seconds, bytes, ..Job::default() }
    }

    static RUNNING: AtomicBool = AtomicBool::new(false);
    const TWO: Limits = Limits { tasks: 2, bytes: 10.0, stopped: &RUNNING };

    /// [`super::run`] of tasks that all end.
    fn run<T: Send>(
        jobs: &[Job],
        limits: Limits,
        work: impl Fn(usize) -> Result<T, String> + Sync,
        watch: impl FnMut(Event<T, String, ()>),
    ) -> Vec<Ended<T, String>> {
        super::run(jobs, limits, |i, _| work(i), watch).into_iter().map(Option::unwrap).collect()
    }

    #[test]
    fn a_stopped_run_begins_nothing_more() {
        let stopped = AtomicBool::new(false);
        let work = |i: usize| {
            stopped.store(true, Ordering::Relaxed);
            Ok::<_, String>(i)
        };
        let jobs = [job(&[], 2.0, 0.0), job(&[], 1.0, 0.0)];
        let ended =
            super::run(&jobs, Limits { tasks: 1, bytes: 1.0, stopped: &stopped }, |i, _: &dyn Fn(())| work(i), |_| ());
        assert_eq!(ended, [Some(Ended::Done(0)), None]);
    }

    #[test]
    fn nothing_begins_before_what_it_needs_and_results_stand_in_order() {
        let jobs = [job(&[1, 2], 1.0, 0.0), job(&[2], 1.0, 0.0), job(&[], 1.0, 0.0), job(&[], 9.0, 0.0)];
        let order = Mutex::new(vec![]);
        let work = |i: usize| {
            order.lock().unwrap().push(i);
            Ok(10 * i)
        };
        let ended = run(&jobs, Limits { tasks: 1, ..TWO }, work, |_| ());
        assert_eq!(ended, [0, 10, 20, 30].map(Ended::Done));
        // Alone, the longest chain comes first: task 3, then 2 -> 1 -> 0.
        assert_eq!(order.into_inner().unwrap(), [3, 2, 1, 0]);
    }

    #[test]
    fn a_failure_or_panic_takes_only_those_that_need_it_with_it() {
        let mut jobs = vec![job(&[], 1.0, 0.0), job(&[0], 1.0, 0.0), job(&[1], 1.0, 0.0), job(&[], 1.0, 0.0)];
        jobs.push(Job { after_end_of: vec![0, 2], ..Job::default() });
        for panics in [false, true] {
            let work = |i: usize| {
                assert!(i != 0 || !panics, "broken");
                if i == 0 { Err("broken".to_owned()) } else { Ok(i) }
            };
            let ended = run(&jobs, TWO, work, |_| ());
            assert!(matches!(&ended[0], Ended::Failed(why) if why.contains("broken")));
            assert_eq!(ended[1..], [Ended::Skipped(0), Ended::Skipped(1), Ended::Done(3), Ended::Done(4)]);
        }
    }

    #[test]
    fn no_more_than_allowed_run_at_once_nor_take_more_memory() {
        let jobs: Vec<Job> = (0..12).map(|i| job(&[], 1.0, if i % 3 == 0 { 8.0 } else { 3.0 })).collect();
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let bytes = Mutex::new((0.0, 0.0f64));
        let work = |i: usize| {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            let mut guard = bytes.lock().unwrap();
            guard.0 += jobs[i].bytes;
            guard.1 = guard.1.max(guard.0);
            drop(guard);
            std::thread::sleep(std::time::Duration::from_millis(3));
            bytes.lock().unwrap().0 -= jobs[i].bytes;
            now.fetch_sub(1, Ordering::SeqCst);
            Ok(())
        };
        let ended = run(&jobs, TWO, work, |_| ());
        assert!(ended.iter().all(|e| *e == Ended::Done(())));
        assert_eq!(most.load(Ordering::SeqCst), 2);
        assert!(bytes.lock().unwrap().1 <= 10.0);
        // One that needs more than there is runs alone.
        let ended = run(&[job(&[], 1.0, 99.0), job(&[], 1.0, 1.0)], TWO, |_| Ok(()), |_| ());
        assert_eq!(ended, [Ended::Done(()), Ended::Done(())]);
    }

    #[test]
    fn messages_of_tasks_arrive_on_the_thread_of_the_caller() {
        let (mut heard, caller) = (vec![], std::thread::current().id());
        let work = |i: usize, say: &dyn Fn((usize, std::thread::ThreadId))| {
            say((i, std::thread::current().id()));
            Ok::<_, String>(())
        };
        let watch = |event: Event<(), String, (usize, std::thread::ThreadId)>| {
            assert_eq!(std::thread::current().id(), caller);
            if let Event::Said((i, thread)) = event {
                assert_ne!(thread, caller);
                heard.push(i);
            }
        };
        super::run(&[job(&[], 1.0, 0.0), job(&[], 1.0, 0.0)], TWO, work, watch);
        heard.sort_unstable();
        assert_eq!(heard, [0, 1]);
    }

    #[test]
    fn a_circle_ends() {
        let ended = run(&[job(&[1], 1.0, 0.0), job(&[0], 1.0, 0.0)], TWO, |_| Ok(()), |_| ());
        assert!(ended.iter().all(|e| matches!(e, Ended::Failed(_))));
    }
}

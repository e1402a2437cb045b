//! A scheduler of tasks that depend on each other: several run at a time, in one process or several, within bounds on their number and
//! memory.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

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
    /// Whether it has to run in the first process, that of the scheduler.
    pub(crate) here: bool,
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

/// The tasks that may run at the same time in one process.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Room {
    /// The largest number of tasks.
    pub(crate) tasks: usize,
    /// Bytes of memory that they may need together; a task that needs more runs alone.
    pub(crate) bytes: f64,
}

/// Bounds on the tasks that run at the same time.
#[derive(Clone, Copy)]
pub(crate) struct Limits<'a> {
    /// The room in every process; the first is that of the scheduler.
    pub(crate) rooms: &'a [Room],
    /// Once this is set, no further task begins.
    pub(crate) stopped: &'a AtomicBool,
    /// Whether somebody else is just making what a task would make. Such a task waits until there is nothing else to do.
    pub(crate) busy: &'a dyn Fn(usize) -> bool,
}

/// Time between two looks at what somebody else is making.
const LOOK: Duration = Duration::from_millis(200);

/// A task that runs: its place in the list, and its process.
type Running = BTreeMap<usize, usize>;

/// Runs all `jobs` by `work(task, process, say)`, the task with the longest remaining chain first. If a task fails or panics, the tasks
/// that need it are skipped, and no others. Each task has a thread of its own here, which may hand it to another process, and `work` gets
/// a function by which it sends messages; `watch` is called from this thread. If the run is stopped, tasks that never began have no end
/// (`None`).
pub(crate) fn run<T: Send, E: Send + From<Trouble>, M: Send>(
    jobs: &[Job],
    limits: Limits,
    work: impl Fn(usize, usize, &dyn Fn(M)) -> Result<T, E> + Sync,
    mut watch: impl FnMut(Event<T, E, M>),
) -> Vec<Option<Ended<T, E>>> {
    let mut ended: Vec<Option<Ended<T, E>>> = jobs.iter().map(|_| None).collect();
    let chains = chains(jobs);
    let mut waiting: BTreeSet<usize> = (0..jobs.len()).collect();
    let mut running = Running::new();
    // The process of every task that has begun.
    let mut begun = Running::new();
    let (sender, receiver) = mpsc::channel::<Sent<T, E, M>>();
    std::thread::scope(|scope| {
        loop {
            skip(jobs, &mut waiting, &mut ended, &mut watch);
            let open = Open { jobs, chains: &chains, waiting: &waiting, ended: &ended, begun: &begun };
            if let Some((next, process)) = open.next(&running, limits) {
                waiting.remove(&next);
                running.insert(next, process);
                begun.insert(next, process);
                watch(Event::Begun(next));
                let (sender, work) = (sender.clone(), &work);
                scope.spawn(move || {
                    // Sending cannot fail: the receiver lives longer than the scope.
                    let say = |message| drop(sender.send(Sent::Said(message)));
                    let outcome = caught(|| work(next, process, &say));
                    let _ = sender.send(Sent::Ended(next, outcome));
                });
                continue;
            }
            if running.is_empty() {
                return;
            }
            let (i, outcome) = match receiver.recv_timeout(LOOK) {
                Ok(Sent::Ended(i, outcome)) => (i, outcome),
                Ok(Sent::Said(message)) => {
                    watch(Event::Said(message));
                    continue;
                }
                // What somebody else was making may be there by now.
                Err(mpsc::RecvTimeoutError::Timeout) => continue,
                Err(mpsc::RecvTimeoutError::Disconnected) => return,
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

/// The tasks that have not begun, with all that decides which is next.
struct Open<'a, T, E> {
    jobs: &'a [Job],
    chains: &'a [f64],
    waiting: &'a BTreeSet<usize>,
    ended: &'a [Option<Ended<T, E>>],
    begun: &'a Running,
}

impl<T, E> Open<'_, T, E> {
    /// The task that begins next, and its process.
    fn next(&self, running: &Running, limits: Limits) -> Option<(usize, usize)> {
        if limits.stopped.load(Ordering::Relaxed) {
            return None;
        }
        let ready = |&i: &usize| {
            let done = |&b: &usize| matches!(self.ended[b], Some(Ended::Done(_)));
            self.jobs[i].after.iter().all(done) && self.jobs[i].after_end_of.iter().all(|&b| self.ended[b].is_some())
        };
        let placed = |i: usize| Some((i, self.process(i, running, limits.rooms)?));
        let mut possible: Vec<(usize, usize)> = self.waiting.iter().copied().filter(ready).filter_map(placed).collect();
        // Among equally long chains, the first one in the list.
        possible.sort_by(|&(a, _), &(b, _)| self.chains[b].total_cmp(&self.chains[a]).then(a.cmp(&b)));
        let free = possible.iter().find(|&&(i, _)| !(limits.busy)(i)).copied();
        free.or_else(|| possible.first().filter(|_| running.is_empty()).copied())
    }

    /// The process that task `i` would run in, if there is room in one: that in which most of what it needs was made, whose files
    /// are there at once; of several the one with the fewest tasks.
    fn process(&self, i: usize, running: &Running, rooms: &[Room]) -> Option<usize> {
        let job = &self.jobs[i];
        let rooms = if job.here { &rooms[..rooms.len().min(1)] } else { rooms };
        // A task that needs more than there is anywhere runs alone where there is most.
        let bytes = rooms.iter().map(|room| room.bytes).fold(0.0, f64::max).min(job.bytes);
        let of = |process: usize| running.iter().filter(move |&(_, &p)| p == process).map(|(&i, _)| i);
        let fits = |&process: &usize| {
            let (number, room) = (of(process).count(), rooms[process]);
            let used: f64 = of(process).map(|i| self.jobs[i].bytes).sum();
            number < room.tasks && used + bytes <= room.bytes
        };
        let made_in = |process: usize| job.after.iter().filter(|b| self.begun.get(b) == Some(&process)).count();
        let rank = |&process: &usize| (made_in(process), Reverse((of(process).count(), process)));
        (0..rooms.len()).filter(fits).max_by_key(rank)
    }
}

/// The outcome of `work`, or its panic as an error.
pub(crate) fn caught<T, E: From<Trouble>>(work: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    let outcome = catch_unwind(AssertUnwindSafe(work));
    outcome.unwrap_or_else(|panic| Err(Trouble::Panic(message(&*panic)).into()))
}

/// Deals units of work, each with the seconds that it is expected to take, to `shares` shares that take about equally long: the longest
/// first, each to the share that has the least. The share of every unit follows from the arguments alone.
pub(crate) fn dealt(seconds: &[f64], shares: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..seconds.len()).collect();
    order.sort_by(|&a, &b| seconds[b].total_cmp(&seconds[a]).then(a.cmp(&b)));
    let (mut sums, mut share) = (vec![(0f64, 0usize); shares.max(1)], vec![0; seconds.len()]);
    for unit in order {
        // Among equal sums the one with the fewest units, so that units that take no time are spread, too.
        let least = |a: &usize, b: &usize| sums[*a].0.total_cmp(&sums[*b].0).then(sums[*a].1.cmp(&sums[*b].1));
        let to = (0..sums.len()).min_by(least).unwrap_or_default();
        sums[to] = (sums[to].0 + seconds[unit], sums[to].1 + 1);
        share[unit] = to;
    }
    share
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
    const TWO: Limits = limits(&[Room { tasks: 2, bytes: 10.0 }]);
    const ONE: Limits = limits(&[Room { tasks: 1, bytes: 10.0 }]);

    const fn limits(rooms: &[Room]) -> Limits<'_> {
        Limits { rooms, stopped: &RUNNING, busy: &|_| false }
    }

    /// [`super::run`] of tasks that all end.
    fn run<T: Send>(
        jobs: &[Job],
        limits: Limits,
        work: impl Fn(usize) -> Result<T, String> + Sync,
        watch: impl FnMut(Event<T, String, ()>),
    ) -> Vec<Ended<T, String>> {
        super::run(jobs, limits, |i, _, _| work(i), watch).into_iter().map(Option::unwrap).collect()
    }

    #[test]
    fn a_stopped_run_begins_nothing_more() {
        let stopped = AtomicBool::new(false);
        let work = |i: usize| {
            stopped.store(true, Ordering::Relaxed);
            Ok::<_, String>(i)
        };
        let jobs = [job(&[], 2.0, 0.0), job(&[], 1.0, 0.0)];
        let ended = super::run(&jobs, Limits { stopped: &stopped, ..ONE }, |i, _, _: &dyn Fn(())| work(i), |_| ());
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
        let ended = run(&jobs, ONE, work, |_| ());
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
        let work = |i: usize, _: usize, say: &dyn Fn((usize, std::thread::ThreadId))| {
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
    fn tasks_run_where_there_is_room_and_what_they_need_was_made() {
        let rooms = [Room { tasks: 1, bytes: 4.0 }, Room { tasks: 2, bytes: 10.0 }, Room { tasks: 1, bytes: 4.0 }];
        // Two chains, a task that is too large for all but process 1, and one for the first process.
        let mut jobs = vec![job(&[], 9.0, 4.0), job(&[], 8.0, 4.0), job(&[0], 1.0, 4.0), job(&[1], 1.0, 4.0)];
        jobs.push(job(&[], 20.0, 8.0));
        jobs.push(Job { here: true, after_end_of: vec![0, 1, 2, 3, 4], ..Job::default() });
        let (ran, now) = (Mutex::new(vec![None; jobs.len()]), Mutex::new(vec![0; 3]));
        let all_begun = std::sync::Barrier::new(3);
        let work = |i: usize, process: usize, _: &dyn Fn(())| {
            let here = {
                let mut now = now.lock().unwrap();
                now[process] += 1;
                now[process]
            };
            assert!(here <= rooms[process].tasks, "{here} tasks in process {process}");
            if [0, 1, 4].contains(&i) {
                all_begun.wait();
            }
            ran.lock().unwrap()[i] = Some(process);
            now.lock().unwrap()[process] -= 1;
            Ok::<_, String>(i)
        };
        let ended = super::run(&jobs, limits(&rooms), work, |_| ());
        assert!(ended.iter().all(|end| matches!(end, Some(Ended::Done(_)))), "{ended:?}");
        let ran: Vec<usize> = ran.into_inner().unwrap().into_iter().map(Option::unwrap).collect();
        assert!(ran[0] != ran[1] && ran[4] != ran[0] && ran[4] != ran[1], "three processes share three tasks: {ran:?}");
        assert_eq!((ran[2], ran[3], ran[5]), (ran[0], ran[1], 0), "{ran:?}");
    }

    #[test]
    fn what_a_task_has_made_is_used_where_it_was_made() {
        let rooms = [Room { tasks: 1, bytes: 4.0 }, Room { tasks: 1, bytes: 10.0 }];
        // The first task fits into the second process alone, the other one anywhere.
        let ran = Mutex::new(vec![]);
        let work = |i: usize, process: usize, _: &dyn Fn(())| {
            ran.lock().unwrap().push((i, process));
            Ok::<_, String>(i)
        };
        super::run(&[job(&[], 1.0, 8.0), job(&[0], 1.0, 1.0)], limits(&rooms), work, |_| ());
        assert_eq!(ran.into_inner().unwrap(), [(0, 1), (1, 1)]);
    }

    #[test]
    fn what_somebody_else_makes_comes_last() {
        let looks = AtomicUsize::new(0);
        let busy = |i: usize| i == 0 && looks.fetch_add(1, Ordering::SeqCst) < 1000;
        let order = Mutex::new(vec![]);
        let work = |i: usize, _: usize, _: &dyn Fn(())| {
            order.lock().unwrap().push(i);
            Ok::<_, String>(i)
        };
        let jobs = [job(&[], 9.0, 0.0), job(&[], 1.0, 0.0), job(&[1], 1.0, 0.0)];
        let ended = super::run(&jobs, Limits { busy: &busy, ..ONE }, work, |_| ());
        assert!(ended.iter().all(|end| matches!(end, Some(Ended::Done(_)))));
        // The first task is begun although it is busy, since nothing else is left: it waits for the other by itself.
        assert_eq!(order.into_inner().unwrap(), [1, 2, 0]);
    }

    #[test]
    fn shares_take_about_equally_long_and_every_unit_has_one() {
        assert_eq!(dealt(&[5.0, 1.0, 1.0, 3.0, 2.0], 2), [0, 0, 1, 1, 1]);
        assert_eq!(dealt(&[0.0; 5], 2), [0, 1, 0, 1, 0]);
        assert_eq!(dealt(&[1.0, 2.0], 5), [1, 0]);
        assert_eq!(dealt(&[], 3), Vec::<usize>::new());
    }

    #[test]
    fn a_circle_ends() {
        let ended = run(&[job(&[1], 1.0, 0.0), job(&[0], 1.0, 0.0)], TWO, |_| Ok(()), |_| ());
        assert!(ended.iter().all(|e| matches!(e, Ended::Failed(_))));
    }
}

//! One line that tells how far a reproduction is, below the bars of the tasks that run.

use crate::bars;
use crate::session::say;
use heigen_lab::{Reproduction, seconds};
use indicatif::ProgressBar;
use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Time between two lines where stderr is a log and not a terminal.
const LOG: Duration = Duration::from_secs(30);

/// The progress of a reproduction.
#[derive(Debug)]
struct State {
    /// Expected seconds of each task on one core; 0 once it has ended.
    open: Vec<f64>,
    names: Vec<String>,
    running: BTreeMap<usize, Instant>,
    ended: usize,
    failed: usize,
    /// Seconds of the work that has ended: as they were expected, and as they were measured.
    expected: f64,
    taken: f64,
    over: bool,
}

/// The line about the progress, which is renewed every second while [`Countdown::show`] runs.
#[derive(Debug)]
pub(crate) struct Countdown<'a> {
    planned: &'a Reproduction,
    state: Mutex<State>,
    changed: Condvar,
}

impl<'a> Countdown<'a> {
    pub(crate) fn new(planned: &'a Reproduction) -> Self {
        let tasks = planned.tasks();
        let state = State {
            open: tasks.iter().map(|task| task.seconds).collect(),
            names: tasks.into_iter().map(|task| task.name).collect(),
            running: BTreeMap::new(),
            ended: 0,
            failed: 0,
            expected: 0.0,
            taken: 0.0,
            over: false,
        };
        Self { planned, state: Mutex::new(state), changed: Condvar::new() }
    }

    fn locked(&self) -> MutexGuard<'_, State> {
        // If a thread panicked while it held the lock, the numbers are still good enough to be shown.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `work` while another thread renews the line.
    pub(crate) fn show<R>(&self, work: impl FnOnce() -> R) -> R {
        std::thread::scope(|scope| {
            scope.spawn(|| self.renew());
            let _over = Over(self);
            work()
        })
    }

    /// Renews the line until the work is over.
    fn renew(&self) {
        let bar: ProgressBar = bars::status();
        let mut logged = Instant::now();
        let mut guard = self.locked();
        while !guard.over {
            let line = guard.line(self.planned.longest_chain(&guard.open), self.planned.cores());
            if bars::hidden() {
                if logged.elapsed() >= LOG {
                    logged = Instant::now();
                    say(&line);
                }
            } else {
                bar.set_message(line);
            }
            let waited = self.changed.wait_timeout(guard, Duration::from_secs(1));
            guard = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        bar.finish_and_clear();
    }

    pub(crate) fn begun(&self, task: usize) {
        self.locked().running.insert(task, Instant::now());
        self.changed.notify_all();
    }

    pub(crate) fn ended(&self, task: usize, well: bool) {
        let mut state = self.locked();
        if let Some(begun) = state.running.remove(&task) {
            // A task whose result was reused has no open seconds. It tells nothing of the machine's speed and is not
            // counted.
            if state.open[task] > 0.0 {
                state.expected += state.open[task];
                state.taken += begun.elapsed().as_secs_f64();
            }
        }
        state.open[task] = 0.0;
        state.ended += 1;
        state.failed += usize::from(!well);
        drop(state);
        self.changed.notify_all();
    }
}

/// Ends the renewing when it is dropped, so also if the work panics.
struct Over<'a>(&'a Countdown<'a>);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.locked().over = true;
        self.0.changed.notify_all();
    }
}

impl State {
    fn line(&self, longest: f64, cores: usize) -> String {
        let running: Vec<&str> = self.running.keys().map(|&i| &*self.names[i]).collect();
        let failed = if self.failed > 0 { format!(", {} failed", self.failed) } else { String::new() };
        let running = if running.is_empty() { String::new() } else { format!("; {}", running.join(", ")) };
        let left = seconds(self.left(longest, cores));
        format!("reproduce: {} of {} done{failed}, about {left} left{running}", self.ended, self.names.len())
    }

    /// Seconds left, at the speed seen so far: all open work shared among the cores, or its longest chain.
    fn left(&self, longest: f64, cores: usize) -> f64 {
        let of_running = |(&i, begun): (&usize, &Instant)| self.open[i].min(begun.elapsed().as_secs_f64());
        let begun: f64 = self.running.iter().map(of_running).sum();
        let most = self.running.iter().map(of_running).fold(0.0, f64::max);
        let open: f64 = self.open.iter().sum::<f64>() - begun;
        // The first measurements say little, so 120 seconds at the expected speed are added to them.
        let pace = (self.taken + 120.0) / (self.expected + 120.0);
        pace * (open / cores.max(1) as f64).max(longest - most).max(0.0)
    }
}

//! One line that tells how far everything is, below the bars of the tasks that run.

use super::graph::{Graph, Task};
use super::schedule::chains;
use crate::progress::{self, seconds};
use crate::session::say;
use indicatif::ProgressBar;
use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How often a log that is no terminal gets the line.
const LOG: Duration = Duration::from_secs(30);

/// How far everything is.
#[derive(Debug)]
struct State {
    /// Expected seconds of each task on one core, until it has ended.
    open: Vec<f64>,
    names: Vec<String>,
    running: BTreeMap<usize, Instant>,
    ended: usize,
    failed: usize,
    /// Seconds of the work that has ended, expected and as it was.
    expected: f64,
    taken: f64,
    over: bool,
}

/// The line, renewed every second by a thread of its own.
#[derive(Debug)]
pub(crate) struct Display {
    state: Arc<(Mutex<State>, Condvar)>,
    thread: Option<std::thread::JoinHandle<()>>,
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    // Whatever panicked while it held the lock: numbers for the display stay good enough.
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Display {
    /// Of `graph`, whose jobs have their costs, on `cores` cores.
    pub(crate) fn new(graph: &Graph, cores: usize) -> Self {
        let state = State {
            open: graph.jobs.iter().map(|j| j.seconds).collect(),
            names: graph.tasks.iter().map(|t: &Task| t.name(&graph.sessions)).collect(),
            running: BTreeMap::new(),
            ended: 0,
            failed: 0,
            expected: 0.0,
            taken: 0.0,
            over: false,
        };
        let state = Arc::new((Mutex::new(state), Condvar::new()));
        let (own, jobs) = (Arc::clone(&state), graph.jobs.clone());
        let thread = std::thread::spawn(move || {
            let bar: ProgressBar = progress::status();
            let mut logged = Instant::now();
            let mut guard = lock(&own.0);
            while !guard.over {
                let mut left = jobs.clone();
                left.iter_mut().zip(&guard.open).for_each(|(job, &s)| job.seconds = s);
                let longest = chains(&left).into_iter().fold(0.0, f64::max);
                let line = guard.line(longest, cores);
                if progress::hidden() {
                    if logged.elapsed() >= LOG {
                        logged = Instant::now();
                        say(&line);
                    }
                } else {
                    bar.set_message(line);
                }
                guard = own.1.wait_timeout(guard, Duration::from_secs(1)).unwrap_or_else(PoisonError::into_inner).0;
            }
            bar.finish_and_clear();
        });
        Self { state, thread: Some(thread) }
    }

    pub(crate) fn begun(&self, task: usize) {
        lock(&self.state.0).running.insert(task, Instant::now());
        self.state.1.notify_all();
    }

    pub(crate) fn ended(&self, task: usize, well: bool) {
        let mut state = lock(&self.state.0);
        if let Some(begun) = state.running.remove(&task) {
            // What was reused tells nothing of the speed.
            if state.open[task] > 0.0 {
                state.expected += state.open[task];
                state.taken += begun.elapsed().as_secs_f64();
            }
        }
        state.open[task] = 0.0;
        state.ended += 1;
        state.failed += usize::from(!well);
        drop(state);
        self.state.1.notify_all();
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        lock(&self.state.0).over = true;
        self.state.1.notify_all();
        if let Some(thread) = self.thread.take() {
            // A display that panicked has nothing more to show.
            let _ = thread.join();
        }
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

    /// Seconds left: all open work shared, or its longest chain, at the speed seen so far.
    fn left(&self, longest: f64, cores: usize) -> f64 {
        let of_running = |(&i, begun): (&usize, &Instant)| self.open[i].min(begun.elapsed().as_secs_f64());
        let begun: f64 = self.running.iter().map(of_running).sum();
        let most = self.running.iter().map(of_running).fold(0.0, f64::max);
        let open: f64 = self.open.iter().sum::<f64>() - begun;
        // Two minutes of work at the expected speed are as good as nothing seen.
        let pace = (self.taken + 120.0) / (self.expected + 120.0);
        pace * (open / cores.max(1) as f64).max(longest - most).max(0.0)
    }
}

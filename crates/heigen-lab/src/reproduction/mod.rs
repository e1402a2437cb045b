//! The reproduction of the whole paper: a plan of all trainings, analyses, boundaries and figures, which are done
//! several at a time, and the report.

mod estimate;
mod graph;
mod plan;
mod report;
pub(crate) mod schedule;

use crate::analysis::{Asked, analysed};
use crate::boundary;
use crate::cache::Memo;
use crate::call::Call;
use crate::crew::Hands;
use crate::drawing::{Figure, draw_paper};
use crate::explorable::LiveCommand;
use crate::part::Part;
use crate::relay::{Message, OfAll, Relay};
use crate::training::trained;
use crate::watch::{Event, LabWatch, Note, NoteKind, Problem, stage};
use crate::{Lab, LabError, Making, Store};
use graph::{Graph, Task};
use schedule::{Ended, Limits, Room, Trouble, chains};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// A request for figures of the paper, with all results that they need, and for the report.
#[derive(Clone, Debug)]
pub struct ReproduceRequest {
    /// The store of the results; results of other seeds are in stores below it.
    pub store: Store,
    /// The figures that are drawn.
    pub figures: Vec<&'static Figure>,
    /// The seeds for which everything is repeated.
    pub seeds: Vec<u64>,
    /// Folder of the figures.
    pub folder: PathBuf,
    /// Folder of the report.
    pub report: PathBuf,
    /// The options of making results.
    pub making: Making,
    /// Bytes of memory that all running tasks may take together; `None` for the bytes that the lab allows one analysis.
    pub memory: Option<f64>,
    /// The part of all this that is done.
    pub part: Part,
    /// A function that words the command that draws a figure again, if the face has such a command.
    pub command: Option<fn(&Figure) -> String>,
    /// A function that words the command that opens a live page at a minimum of the paper, if the face has such a command.
    pub live: Option<LiveCommand>,
    /// A function that words the command that makes what can stand beside the paper in the report, if the face has such commands.
    pub beside: Option<fn(Beside) -> String>,
}

/// Something that stands in the report beside the paper, once it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beside {
    /// Classic experiments of the field.
    Classics,
    /// Spectra along trainings.
    Followed,
    /// Studies over factors and seeds.
    Studies,
    /// Attributions of the outlying eigenvectors: the samples and pieces of the boundary that they carry.
    Attribution,
    /// Loss surfaces in random directions.
    RandomSurfaces,
    /// Loss surfaces around trainings.
    TrainingSurfaces,
    /// The distribution of the largest eigenvalue over mini-batches.
    MiniBatches,
}

impl Beside {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Classics,
        Self::Followed,
        Self::Studies,
        Self::Attribution,
        Self::RandomSurfaces,
        Self::TrainingSurfaces,
        Self::MiniBatches,
    ];
}

/// A reproduction that is planned.
#[derive(Debug)]
pub struct Reproduction {
    request: ReproduceRequest,
    graph: Graph,
    done: Vec<bool>,
    cores: usize,
    begun: Instant,
    memo: Memo,
}

/// A task of a reproduction, as planned.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedTask {
    /// The name of the task.
    pub name: String,
    /// The names of the tasks whose results it needs.
    pub after: Vec<String>,
    /// Whether the results of the task are up to date.
    pub up_to_date: bool,
    /// Seconds that the task is expected to take on one core.
    pub seconds: f64,
}

/// How a task of a reproduction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskState {
    /// The results of the task were up to date.
    Reused,
    /// The results of the task were made.
    Done,
    /// The task failed.
    Failed,
    /// The task could not begin, because a task that it needs did not end well.
    Skipped,
}

/// A reproduction that has ended.
#[derive(Clone, Debug)]
pub struct Reproduced {
    /// How each task ended, in the order of the plan.
    pub tasks: Vec<(String, TaskState)>,
    /// Seconds since the reproduction was planned.
    pub seconds: f64,
    /// The path of the report's page; `None` if it was left to another request.
    pub report: Option<PathBuf>,
}

impl Lab {
    /// Plans a reproduction: lists the tasks, those that are up to date, and the time that the others will take.
    /// Changes nothing.
    ///
    /// # Errors
    /// [`LabError`] for experiments that cannot be loaded.
    pub fn plan(&self, request: &ReproduceRequest, watch: &dyn LabWatch) -> Result<Reproduction, LabError> {
        let begun = Instant::now();
        let ReproduceRequest { store, making, figures, seeds, folder, .. } = request;
        let mut graph = Graph::new(store, making, figures, seeds)?;
        let memo = Memo::default();
        let done = self.work(|threads| {
            let call = Call { lab: self, store, making, memo: &memo, threads, watch };
            if let Part::Shard(shard) = request.part {
                let kept = plan::share(&call, &graph, shard);
                graph.restrict(&kept);
            }
            Ok(plan::look(&call, &mut graph, folder))
        })?;
        Ok(Reproduction { request: request.clone(), graph, done, cores: self.threads(), begun, memo })
    }

    /// Writes the report of a planned reproduction from the results that are up to date, and makes no others. Tasks
    /// whose results are missing or out of date stand on the page as not done.
    ///
    /// # Errors
    /// [`LabError::Stopped`] if the watch breaks, [`LabError::Store`] if the report cannot be written.
    pub fn report(&self, planned: &Reproduction, watch: &dyn LabWatch) -> Result<Reproduced, LabError> {
        let request = &planned.request;
        let is_report = |i: usize| matches!(planned.graph.tasks[i], Task::Report);
        let missing = |&i: &usize| !planned.done[i] && !is_report(i);
        let all = 0..planned.graph.tasks.len();
        let failures = all.clone().filter(missing).map(|i| format!("{}: not done", planned.name(i))).collect();
        let found = Found {
            failures,
            well: planned.done.clone(),
            reused: planned.done.clone(),
            seconds: planned.begun.elapsed().as_secs_f64(),
        };
        let told = Event { job: "report".to_owned(), stage: stage::DRAWING, done: 0, total: None, unit: "" };
        if watch.event(&told).is_break() {
            return Err(LabError::Stopped);
        }
        report::write(self, request, &planned.graph, &found)?;
        let state = |i: usize| match (is_report(i), planned.done[i]) {
            (true, _) => TaskState::Done,
            (false, true) => TaskState::Reused,
            (false, false) => TaskState::Skipped,
        };
        let tasks = all.map(|i| (planned.name(i), state(i))).collect();
        let seconds = planned.begun.elapsed().as_secs_f64();
        Ok(Reproduced { tasks, seconds, report: Some(request.report.join("index.html")) })
    }

    /// Carries out a planned reproduction, with as many tasks at a time as there are threads. A task that fails stops
    /// only the tasks that need it. Of several processes ([`Lab::dealing`]) those that follow tell nothing of the tasks.
    ///
    /// # Errors
    /// [`LabError::Stopped`] if the watch breaks, [`LabError::Store`] if no report can be written.
    pub fn reproduce(&self, planned: &Reproduction, watch: &dyn LabWatch) -> Result<Reproduced, LabError> {
        let (request, nothing) = (&planned.request, || planned.nothing());
        let report = (!matches!(request.part, Part::Shard(_))).then(|| request.report.join("index.html"));
        if !self.crew.leads() {
            self.crew.rooms(planned.room(self))?;
            // What others have made since the plan is looked at anew for every task.
            self.crew.serve(|task| planned.one(self, &(), task, &Memo::default(), &nothing))?;
            return Ok(Reproduced { tasks: vec![], seconds: planned.begun.elapsed().as_secs_f64(), report });
        }
        if let Some(page) = &report {
            heigen_store::atomic::check_writable(page)?;
        }
        let jobs = OfAll::new(watch);
        let rooms = self.crew.rooms(planned.room(self))?;
        let ended = self.crew.lead(|hands| planned.work(self, &rooms, hands, &jobs))?;
        if jobs.is_stopped() {
            return Err(LabError::Stopped);
        }
        let state = |(i, ended): (usize, Option<Ended<(), Arc<LabError>>>)| match ended {
            Some(Ended::Done(())) if planned.done[i] => TaskState::Reused,
            Some(Ended::Done(())) => TaskState::Done,
            Some(Ended::Failed(_)) => TaskState::Failed,
            Some(Ended::Skipped(_)) | None => TaskState::Skipped,
        };
        let tasks = ended.into_iter().enumerate().map(|(i, end)| (planned.name(i), state((i, end)))).collect();
        let seconds = planned.begun.elapsed().as_secs_f64();
        Ok(Reproduced { tasks, seconds, report })
    }
}

impl From<Trouble> for LabError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Panic(message) => Self::Panicked(message),
            Trouble::Circle => Self::Circle,
        }
    }
}

impl From<Trouble> for Arc<LabError> {
    fn from(trouble: Trouble) -> Self {
        Self::new(trouble.into())
    }
}

/// The outcomes of the tasks so far.
#[derive(Clone)]
struct Found {
    failures: Vec<String>,
    /// Whether each task ended well.
    well: Vec<bool>,
    /// Whether the results of each task were up to date before.
    reused: Vec<bool>,
    /// Seconds since the beginning.
    seconds: f64,
}

impl Reproduction {
    /// The tasks, each after those that it needs.
    pub fn tasks(&self) -> Vec<PlannedTask> {
        let job = |i: usize| &self.graph.jobs[i];
        let task = |i: usize| PlannedTask {
            name: self.name(i),
            after: job(i).after.iter().map(|&b| self.name(b)).collect(),
            up_to_date: self.done[i],
            seconds: job(i).seconds,
        };
        (0..self.graph.tasks.len()).map(task).collect()
    }

    /// Number of tasks that run at the same time.
    pub fn cores(&self) -> usize {
        self.cores
    }

    /// Estimated seconds until everything is done: the longest chain of tasks, or all work shared among the cores,
    /// whichever takes longer.
    pub fn seconds(&self) -> f64 {
        let open: Vec<f64> = self.graph.jobs.iter().map(|j| j.seconds).collect();
        self.longest_chain(&open).max(open.iter().sum::<f64>() / self.cores.max(1) as f64)
    }

    /// Seconds of the longest chain of tasks, where `open` holds the seconds that each task still takes.
    pub fn longest_chain(&self, open: &[f64]) -> f64 {
        let mut jobs = self.graph.jobs.clone();
        jobs.iter_mut().zip(open).for_each(|(job, &seconds)| job.seconds = seconds);
        chains(&jobs).into_iter().fold(0.0, f64::max)
    }

    fn name(&self, task: usize) -> String {
        self.graph.tasks[task].name(&self.graph.places)
    }

    /// The room for tasks in this process.
    fn room(&self, lab: &Lab) -> Room {
        Room { tasks: self.cores, bytes: self.request.memory.unwrap_or(lab.memory) }
    }

    /// The outcomes before any task has ended: none.
    fn nothing(&self) -> Found {
        Found { failures: vec![], well: vec![false; self.graph.tasks.len()], reused: self.done.clone(), seconds: 0.0 }
    }

    /// Does all tasks that are not up to date, in this process and by those that `hands` reach.
    fn work(&self, lab: &Lab, rooms: &[Room], hands: &Hands, jobs: &OfAll) -> Vec<Option<Ended<(), Arc<LabError>>>> {
        let found = Mutex::new(self.nothing());
        // A value is put in complete, so a panic in another thread leaves nothing half done.
        let locked = || found.lock().unwrap_or_else(PoisonError::into_inner);
        let one = |i: usize, process: usize, say: &dyn Fn(Message)| {
            if process > 0 {
                let end = hands.by(process, i);
                self.graph.claimed_at(i).iter().for_each(|path| self.memo.forget(path));
                return end.map_err(Arc::new);
            }
            let so_far = || Found { seconds: self.begun.elapsed().as_secs_f64(), ..locked().clone() };
            self.one(lab, &Relay(say), i, &self.memo, &so_far).map_err(Arc::new)
        };
        let watch = |event: schedule::Event<(), Arc<LabError>, Message>| match event {
            schedule::Event::Said(message) => message.reach(jobs),
            schedule::Event::Begun(i) => {
                jobs.note(&Note { job: self.name(i), kind: NoteKind::TaskBegun { task: i } });
            }
            schedule::Event::Ended(i, end) => {
                let problem = match end {
                    Ended::Done(()) => None,
                    Ended::Failed(why) => Some(Problem::Failed(Arc::clone(why))),
                    Ended::Skipped(b) => Some(Problem::Needs(self.name(*b))),
                };
                let mut found = locked();
                found.well[i] = problem.is_none();
                found.failures.extend(problem.as_ref().map(|problem| format!("{}: {problem}", self.name(i))));
                drop(found);
                jobs.note(&Note { job: self.name(i), kind: NoteKind::TaskEnded { task: i, problem } });
            }
        };
        let busy = |i: usize| {
            !self.done[i] && self.graph.claimed_at(i).is_some_and(|path| heigen_store::atomic::is_claimed(&path))
        };
        let limits = Limits { rooms, stopped: jobs.stopped(), busy: &busy };
        schedule::run(&self.graph.jobs, limits, one, watch)
    }

    fn one(
        &self,
        lab: &Lab,
        watch: &dyn LabWatch,
        number: usize,
        memo: &Memo,
        found: &dyn Fn() -> Found,
    ) -> Result<(), LabError> {
        let task = self.graph.tasks.get(number).ok_or(LabError::Lost)?;
        let is_result = !matches!(task, Task::Figure(_) | Task::Report);
        if self.request.part == Part::Gathered && is_result && !self.done[number] {
            return Err(LabError::NotDone);
        }
        let place = match task {
            Task::Train(run) | Task::Analyse(run) | Task::Boundary(run) => run.place,
            Task::Figure(_) | Task::Report => 0,
        };
        let place = &self.graph.places[place];
        lab.work(|threads| {
            let (store, making) = (&place.store, &place.making);
            let call = &Call { lab, store, making, memo, threads, watch };
            match task {
                Task::Train(run) => trained(call, &run.loaded).map(drop),
                Task::Analyse(run) => analysed(call, &run.loaded, &Asked::default()).map(drop),
                Task::Boundary(run) => {
                    let analysed = analysed(call, &run.loaded, &Asked::default())?;
                    boundary::measured(call, &run.loaded, &analysed, false).map(drop)
                }
                Task::Figure(figure) => {
                    let (drawn, reused) = draw_paper(call, figure, &self.request.folder)?;
                    if !reused {
                        let path = drawn.paths[0].clone();
                        call.note(&format!("figure {}", figure.name), NoteKind::Drew { path });
                    }
                    Ok(())
                }
                Task::Report => report::write(lab, &self.request, &self.graph, &found()),
            }
        })
    }
}

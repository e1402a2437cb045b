//! The missing cells of a study, done in this process and in others.

use super::cells::Cell;
use super::{FactorialPlan, FactorialRequest, run};
use crate::cache::Memo;
use crate::call::Call;
use crate::crew::Hands;
use crate::lab::single_thread;
use crate::part::Part;
use crate::relay::{Message, OfAll, Relay};
use crate::reproduction::schedule::{self, Ended, Job, Limits, Room};
use crate::watch::{Event, LabWatch, stage};
use crate::{Lab, LabError};
use heigen::config::Experiment;
use heigen_store::atomic;
use heigen_store::cell_record::CellRecord;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Time within which a file that another process has written is seen, and time between two looks for it.
const SEEN: Duration = Duration::from_mins(1);
const LOOK: Duration = Duration::from_millis(50);

/// A piece of work of a study.
enum Task<'a> {
    First(&'a Experiment),
    Cell(usize),
}

impl FactorialPlan {
    /// The number by which processes name a task: that of the cell, or for a first training that of a cell that starts from it, behind
    /// those of all cells.
    fn number(&self, task: &Task) -> usize {
        match task {
            Task::Cell(i) => *i,
            Task::First(experiment) => {
                let starts_there = |cell: &Cell| cell.first.as_ref().is_some_and(|first| first.name == experiment.name);
                self.cells.len() + self.cells.iter().position(starts_there).unwrap_or_default()
            }
        }
    }

    /// Does the task of this number for the process that leads.
    pub(super) fn follow(&self, lab: &Lab, number: usize) -> Result<(), LabError> {
        let (all, relay) = (self.cells.len(), ());
        let task = match self.cells.get(number % all.max(1)).ok_or(LabError::Lost)? {
            _ if number < all => Task::Cell(number),
            cell => Task::First(cell.first.as_ref().ok_or(LabError::Lost)?),
        };
        self.one(lab, &relay, &Memo::default(), &task).map(drop)
    }

    /// Does a task in this process.
    fn one(
        &self,
        lab: &Lab,
        watch: &dyn LabWatch,
        memo: &Memo,
        task: &Task,
    ) -> Result<Option<(usize, CellRecord)>, LabError> {
        let quiet = run::Quiet(watch);
        let threads = single_thread()?;
        let FactorialRequest { store, making, .. } = &self.request;
        let call = Call { lab, store, making, memo, threads: &threads, watch: &quiet };
        Ok(match task {
            Task::First(experiment) => run::first(&call, &self.place, experiment).map(|()| None)?,
            Task::Cell(i) => Some((*i, run::cell(&call, &self.place, &self.cells[*i])?)),
        })
    }

    /// The row of a task that another process has done.
    fn row(&self, task: &Task) -> Result<Option<(usize, CellRecord)>, LabError> {
        let Task::Cell(i) = task else { return Ok(None) };
        // On a network's file system a new file is seen after a while.
        for _ in 0..SEEN.as_millis() / LOOK.as_millis() {
            if let Ok(record) = self.place.standing(&self.cells[*i]) {
                return Ok(Some((*i, record)));
            }
            std::thread::sleep(LOOK);
        }
        Err(LabError::Apart { path: self.place.record(&self.cells[*i]) })
    }

    /// The path of what a task makes, by which it is claimed.
    fn made_at(&self, task: &Task) -> Option<PathBuf> {
        match task {
            Task::Cell(i) => Some(self.place.record(&self.cells[*i])),
            Task::First(experiment) => self.place.starts().of(&experiment.name).ok().map(|paths| paths.weights()),
        }
    }

    /// Whether somebody is just making what a task would make.
    fn is_claimed(&self, task: &Task) -> bool {
        self.made_at(task).is_some_and(|path| atomic::is_claimed(&path))
    }

    /// Removes the claims that killed processes have left beside cells that are done, and beside what these start from.
    pub(super) fn clear_claims(&self, found: &[Option<CellRecord>]) {
        let done = self.cells.iter().enumerate().filter(|(i, _)| found.get(*i).is_some_and(Option::is_some));
        let tasks = done.flat_map(|(i, cell)| cell.first.iter().map(Task::First).chain([Task::Cell(i)]));
        for path in tasks.filter_map(|task| self.made_at(&task)) {
            atomic::clear_claim(&path);
        }
    }

    /// Does all cells that are asked for and missing, in this process and by those that `hands` reach: the rows of all cells that have
    /// one.
    pub(super) fn run(
        &self,
        lab: &Lab,
        rooms: &[Room],
        hands: &Hands,
        watch: &dyn LabWatch,
    ) -> Result<Vec<Option<CellRecord>>, LabError> {
        let open = |&i: &usize| self.chosen[i] && self.done[i].is_none() && self.request.part != Part::Gathered;
        let missing: Vec<usize> = (0..self.cells.len()).filter(open).collect();
        let mut tasks: Vec<Task> = Vec::new();
        let mut jobs: Vec<Job> = Vec::new();
        let mut firsts: BTreeMap<String, usize> = BTreeMap::new();
        for &i in &missing {
            let cell = &self.cells[i];
            let mut after = vec![];
            if let Some(first) = &cell.first {
                let task = *firsts.entry(first.name.to_string()).or_insert_with(|| {
                    tasks.push(Task::First(first));
                    jobs.push(Job::default());
                    tasks.len() - 1
                });
                after.push(task);
            }
            tasks.push(Task::Cell(i));
            jobs.push(Job { after, seconds: 1.0, ..Job::default() });
        }
        // All chains are equally long, so that rows come in the order of the study and not the longest first.
        let name = &self.study().name;
        let total = Some(missing.len() as u64);
        let told = OfAll::new(watch);
        let tell = |done: u64| {
            // A stop is seen by the tasks.
            let _ = told.event(&Event { job: name.clone(), stage: stage::CELLS, done, total, unit: "cells" });
        };
        tell(0);
        let memo = Memo::default();
        let one = |task: usize, process: usize, say: &dyn Fn(Message)| {
            let task = &tasks[task];
            let row = if process > 0 {
                hands.by(process, self.number(task)).and_then(|()| self.row(task))
            } else {
                self.one(lab, &Relay(say), &memo, task)
            };
            row.map_err(Arc::new)
        };
        let busy = |task: usize| self.is_claimed(&tasks[task]);
        let mut found = self.done.clone();
        let mut failed: Option<Arc<LabError>> = None;
        let mut ended = 0;
        let limits = Limits { rooms, stopped: told.stopped(), busy: &busy };
        schedule::run(&jobs, limits, one, |event| match event {
            schedule::Event::Said(message) => message.reach(&told),
            schedule::Event::Ended(_, Ended::Done(row)) => {
                if let Some((i, record)) = row {
                    found[*i] = Some(record.clone());
                    ended += 1;
                    tell(ended);
                }
            }
            schedule::Event::Ended(_, Ended::Failed(error)) => {
                // What keeps one cell from being written keeps all.
                told.stop();
                if failed.as_ref().is_none_or(|first| first.is_stopped()) {
                    failed = Some(Arc::clone(error));
                }
            }
            schedule::Event::Begun(_) | schedule::Event::Ended(_, Ended::Skipped(_)) => {}
        });
        match failed {
            Some(error) => Err(Arc::try_unwrap(error).unwrap_or_else(LabError::Shared)),
            None if told.is_stopped() => Err(LabError::Stopped),
            None => Ok(found),
        }
    }
}

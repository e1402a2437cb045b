//! What is up to date, and how long the rest will take.

use super::estimate;
use super::graph::{Graph, Run, Task};
use super::schedule::chains;
use crate::args::Analysing;
use crate::prepare::Prepared;
use crate::progress::seconds;
use crate::session::print;
use crate::{boundary, figure, hessian, models};
use anyhow::Result;
use heigen_store::record::{AnalysisRecord, ModelRecord};
use serde_json::{Value, json};
use std::path::Path;

/// What stands already of each task, and the cost of the rest.
#[derive(Debug)]
pub(crate) struct Plan {
    /// Whether the task's results are up to date.
    pub(crate) done: Vec<bool>,
}

impl Plan {
    /// Looks at every result, and writes the costs into the graph's jobs.
    pub(crate) fn new(graph: &mut Graph, figures: &Path) -> Self {
        let mut done: Vec<bool> = Vec::new();
        for i in 0..graph.tasks.len() {
            let ready = graph.jobs[i].after.iter().all(|&b| done[b]);
            // What cannot be read is told by the task itself, and stops only what needs it.
            let up_to_date = ready && stands(graph, &graph.tasks[i], figures).unwrap_or(false);
            let (seconds, bytes) = cost(graph, &graph.tasks[i]).unwrap_or((1.0, 256e6));
            graph.jobs[i].bytes = bytes;
            graph.jobs[i].seconds = if up_to_date { 0.0 } else { seconds };
            done.push(up_to_date);
        }
        Self { done }
    }

    /// Seconds until everything is done on `cores` cores: the longest chain, or all work shared.
    pub(crate) fn seconds(graph: &Graph, cores: usize) -> f64 {
        let longest = chains(&graph.jobs).into_iter().fold(0.0, f64::max);
        let all: f64 = graph.jobs.iter().map(|j| j.seconds).sum();
        longest.max(all / cores.max(1) as f64)
    }

    /// The plan as people read it.
    pub(crate) fn print(&self, graph: &Graph, cores: usize) -> Result<()> {
        for (i, task) in graph.tasks.iter().enumerate() {
            let name = task.name(&graph.sessions);
            let state = if self.done[i] {
                "up to date".to_owned()
            } else {
                format!("about {}", seconds(graph.jobs[i].seconds))
            };
            print(&format!("{name:70} {state}"))?;
        }
        let open = self.done.iter().filter(|d| !**d).count();
        let time = seconds(Self::seconds(graph, cores));
        print(&format!("{open} of {} tasks to do, about {time} on {cores} cores", self.done.len()))
    }

    /// The same for programs.
    pub(crate) fn json(&self, graph: &Graph, cores: usize) -> Value {
        let task = |(i, task): (usize, &Task)| {
            let after: Vec<String> =
                graph.jobs[i].after.iter().map(|&b| graph.tasks[b].name(&graph.sessions)).collect();
            let (name, seconds) = (task.name(&graph.sessions), graph.jobs[i].seconds);
            json!({"task": name, "after": after, "up_to_date": self.done[i], "seconds": seconds})
        };
        let tasks: Vec<Value> = graph.tasks.iter().enumerate().map(task).collect();
        json!({"tasks": tasks, "seconds": Self::seconds(graph, cores), "cores": cores})
    }
}

/// Whether the results of a task, whose needs are up to date, stand and match.
fn stands(graph: &Graph, task: &Task, figures: &Path) -> Result<bool> {
    let session = |run: &Run| &graph.sessions[run.session];
    match task {
        Task::Train(run) => Ok(models::up_to_date(session(run), &run.loaded)?.is_some()),
        Task::Analyse(run) => hessian::up_to_date(session(run), &run.loaded, &Analysing::default()),
        Task::Boundary(run) => boundary::up_to_date(session(run), &run.loaded),
        Task::Figure(figure) => figure::up_to_date(&graph.sessions[0], figure, figures),
        // It tells of this run, too.
        Task::Report => Ok(false),
    }
}

/// Seconds on one core, and bytes.
fn cost(graph: &Graph, task: &Task) -> Result<(f64, f64)> {
    let prepared = |run: &Run| Prepared::new(&run.loaded.experiment, &graph.sessions[run.session].images);
    let paths = |run: &Run| graph.sessions[run.session].results.of(&run.loaded.experiment.name);
    Ok(match task {
        Task::Train(run) => {
            let earlier = ModelRecord::load(&paths(run)?.record()).ok().map(|r| r.seconds);
            let prepared = prepared(run)?;
            (earlier.unwrap_or_else(|| estimate::training(&run.loaded, &prepared)), 64e6)
        }
        Task::Analyse(run) => {
            let earlier = AnalysisRecord::<heigen::analysis::Summary>::load(&paths(run)?.analysis());
            let prepared = prepared(run)?;
            let seconds = earlier.map_or_else(|_| estimate::analysis(&prepared), |r| r.seconds);
            (seconds, estimate::analysis_bytes(&prepared))
        }
        Task::Boundary(_) => (estimate::BOUNDARY, 256e6),
        Task::Figure(_) => (estimate::FIGURE, 512e6),
        Task::Report => (estimate::REPORT, 256e6),
    })
}

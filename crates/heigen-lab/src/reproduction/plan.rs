//! The plan of a reproduction: the results that are up to date, and the time that the others will take.

use super::estimate;
use super::graph::{Graph, Run, Task};
use super::schedule::dealt;
use crate::call::Call;
use crate::part::Shard;
use crate::prepare::Prepared;
use crate::{LabError, analysis, boundary, drawing, training};
use heigen::analysis::Summary;
use heigen_store::record::{AnalysisRecord, ModelRecord};
use std::path::Path;

/// Looks at the results of every task, writes the costs into the graph's jobs, and tells for each task whether its
/// results are up to date. `call` gives everything that does not depend on the store.
pub(super) fn look(call: &Call, graph: &mut Graph, figures: &Path) -> Vec<bool> {
    let mut done: Vec<bool> = Vec::new();
    for i in 0..graph.tasks.len() {
        let ready = graph.jobs[i].after.iter().all(|&b| done[b]);
        // If the results of a task cannot be read, the task reports this itself, and stops only the tasks that need it.
        let up_to_date = ready && stands(call, graph, &graph.tasks[i], figures).unwrap_or(false);
        let (seconds, bytes) = cost(call, graph, &graph.tasks[i]).unwrap_or((1.0, 256e6));
        graph.jobs[i].bytes = bytes;
        graph.jobs[i].seconds = if up_to_date { 0.0 } else { seconds };
        done.push(up_to_date);
    }
    done
}

/// The tasks of one share: whole chains of an experiment's starting models, trainings and measures in one store, and of the others that
/// start from the same models. Figures and the report, which are about all of them, are in no share.
pub(super) fn share(call: &Call, graph: &Graph, shard: Shard) -> Vec<bool> {
    let mut chain: Vec<Option<usize>> = Vec::new();
    let mut seconds: Vec<f64> = Vec::new();
    for (task, job) in graph.tasks.iter().zip(&graph.jobs) {
        if matches!(task, Task::Figure(_) | Task::Report) {
            chain.push(None);
            continue;
        }
        // A task comes after those that it needs, and all that it needs are of one chain.
        let known = job.after.first().and_then(|&before| chain[before]);
        let own = known.unwrap_or_else(|| {
            seconds.push(0.0);
            seconds.len() - 1
        });
        // By counts of operations alone: what was measured here may not be known to the others.
        seconds[own] += estimated(call, task).unwrap_or(1.0);
        chain.push(Some(own));
    }
    let share = dealt(&seconds, shard.of());
    chain.into_iter().map(|chain| chain.is_some_and(|chain| share[chain] == shard.index())).collect()
}

/// Whether the results of a task exist and match their origins; the tasks that it needs are up to date.
fn stands(call: &Call, graph: &Graph, task: &Task, figures: &Path) -> Result<bool, LabError> {
    let at = |place: usize| call.at(&graph.places[place].store, &graph.places[place].making);
    match task {
        Task::Train(run) => Ok(training::up_to_date(&at(run.place), &run.loaded)?.is_some()),
        Task::Analyse(run) => Ok(analysis::standing(&at(run.place), &run.loaded)?.is_some()),
        Task::Boundary(run) => boundary::up_to_date(&at(run.place), &run.loaded),
        Task::Figure(figure) => drawing::up_to_date(&at(0), figure, figures),
        // The report describes this run, too, so it is always written.
        Task::Report => Ok(false),
    }
}

/// Seconds that the task takes on one core, and bytes of memory.
fn cost(call: &Call, graph: &Graph, task: &Task) -> Result<(f64, f64), LabError> {
    let paths = |run: &Run| graph.places[run.place].store.of(&run.loaded.experiment.name);
    let (earlier, bytes) = match task {
        Task::Train(run) => (ModelRecord::load(&paths(run)?.record()).ok().map(|r| r.seconds), 64e6),
        Task::Analyse(run) => {
            let earlier = AnalysisRecord::<Summary>::load(&paths(run)?.analysis()).ok();
            let prepared = Prepared::new(call, &run.loaded.experiment)?;
            (earlier.map(|r| r.seconds), estimate::analysis_bytes(&prepared))
        }
        Task::Boundary(_) | Task::Report => (None, 256e6),
        Task::Figure(_) => (None, 512e6),
    };
    Ok((earlier.map_or_else(|| estimated(call, task), Ok)?, bytes))
}

/// Seconds that the task takes on one core, by counts of operations.
fn estimated(call: &Call, task: &Task) -> Result<f64, LabError> {
    let prepared = |run: &Run| Prepared::new(call, &run.loaded.experiment);
    Ok(match task {
        Task::Train(run) => estimate::training(&run.loaded, &prepared(run)?),
        Task::Analyse(run) => estimate::analysis(&prepared(run)?),
        Task::Boundary(_) => estimate::BOUNDARY,
        Task::Figure(_) => estimate::FIGURE,
        Task::Report => estimate::REPORT,
    })
}

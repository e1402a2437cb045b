//! `heigen reproduce`: the whole paper.

mod display;
mod estimate;
mod graph;
mod plan;
mod report;
mod schedule;

use crate::args::{Analysing, ReproduceArgs};
use crate::figure::{FIGURES, Figure, find, names};
use crate::progress::seconds;
use crate::session::{Session, print, say, usage};
use crate::{boundary, figure, hessian, models};
use anyhow::{Result, bail};
use display::Display;
use graph::{Graph, Task};
use plan::Plan;
use schedule::{Ended, Event, Limits};
use serde_json::json;
use std::time::Instant;

pub(crate) fn run(args: &ReproduceArgs) -> Result<()> {
    let begun = Instant::now();
    let figures = figures(&args.figures);
    let session = Session::of_reproduction(args)?;
    let seeds = args.seeds.clone().unwrap_or_default().0;
    let cores = rayon::current_num_threads();
    let mut graph = Graph::new(session, &figures, &seeds)?;
    let plan = Plan::new(&mut graph, &args.figures_dir);
    if args.dry_run {
        return if args.json { print(&plan.json(&graph, cores).to_string()) } else { plan.print(&graph, cores) };
    }
    heigen_store::atomic::check_writable(&args.report.join("index.html"))?;
    let open = plan.done.iter().filter(|done| !**done).count();
    let time = seconds(Plan::seconds(&graph, cores));
    say(&format!("reproduce: {open} of {} tasks to do, about {time} on {cores} cores", graph.tasks.len()));
    let ended = work(args, &graph, &plan, cores, begun);
    outcome(args, &graph, &plan, &ended, begun)
}

/// The figures that are meant.
fn figures(names_given: &[String]) -> Vec<&'static Figure> {
    if names_given.is_empty() {
        return FIGURES.iter().collect();
    }
    let found = |name: &String| {
        find(name).unwrap_or_else(|| usage(&format!("there is no figure {name}; there are {}", names(&FIGURES))))
    };
    let mut figures: Vec<&Figure> = names_given.iter().map(found).collect();
    let mut seen = Vec::new();
    figures.retain(|f| {
        !seen.contains(&f.name) && {
            seen.push(f.name);
            true
        }
    });
    figures
}

/// Does everything that is to do.
fn work(args: &ReproduceArgs, graph: &Graph, plan: &Plan, cores: usize, begun: Instant) -> Vec<Ended<()>> {
    let memory = args.memory.map_or_else(hessian::memory_limit, |gib| gib * 2f64.powi(30));
    let display = Display::new(graph, cores);
    let failures = std::sync::Mutex::new(Vec::new());
    let well = std::sync::Mutex::new(vec![false; graph.tasks.len()]);
    let one = |i: usize| {
        let task = &graph.tasks[i];
        let found = || Found {
            failures: failures.lock().map(|f| f.clone()).unwrap_or_default(),
            well: well.lock().map(|w| w.clone()).unwrap_or_default(),
            reused: plan.done.clone(),
            seconds: begun.elapsed().as_secs_f64(),
        };
        one(args, graph, task, &found).map_err(|e| crate::remedies::message(&e))
    };
    let watch = |event: Event<()>| match event {
        Event::Begun(i) => display.begun(i),
        Event::Ended(i, outcome) => {
            let name = graph.tasks[i].name(&graph.sessions);
            let problem = match outcome {
                Ended::Done(()) => None,
                Ended::Failed(why) => Some(format!("{name}: {why}")),
                Ended::Skipped(b) => Some(format!("{name}: needs `{}`", graph.tasks[*b].name(&graph.sessions))),
            };
            display.ended(i, problem.is_none());
            if let Ok(mut well) = well.lock() {
                well[i] = problem.is_none();
            }
            if let (Some(problem), Ok(mut failures)) = (problem, failures.lock()) {
                say(&format!("error: {problem}"));
                failures.push(problem);
            }
        }
    };
    schedule::run(&graph.jobs, Limits { tasks: cores, bytes: memory }, one, watch)
}

/// What came of the tasks so far.
struct Found {
    failures: Vec<String>,
    /// Whether each task ended well.
    well: Vec<bool>,
    /// Whether it was up to date before.
    reused: Vec<bool>,
    /// Since the beginning.
    seconds: f64,
}

fn one(args: &ReproduceArgs, graph: &Graph, task: &Task, found: &dyn Fn() -> Found) -> Result<()> {
    match task {
        Task::Train(run) => models::trained(&graph.sessions[run.session], &run.loaded).map(drop),
        Task::Analyse(run) => {
            hessian::analysed(&graph.sessions[run.session], &run.loaded, &Analysing::default()).map(drop)
        }
        Task::Boundary(run) => {
            boundary::measured(&graph.sessions[run.session], &run.loaded, &Analysing::default(), false).map(drop)
        }
        Task::Figure(figure) => {
            let session = &graph.sessions[0];
            let (drawn, reused) = figure::draw_paper(session, figure, &args.figures_dir)?;
            if !reused {
                say(&format!("figure {}: drew {}", figure.name, drawn.paths[0].display()));
            }
            Ok(())
        }
        Task::Report => report::write(args, graph, &found()),
    }
}

/// What came of it.
fn outcome(args: &ReproduceArgs, graph: &Graph, plan: &Plan, ended: &[Ended<()>], begun: Instant) -> Result<()> {
    let report = args.report.join("index.html");
    let failed: Vec<String> = (0..ended.len())
        .filter(|&i| ended[i] != Ended::Done(()))
        .map(|i| graph.tasks[i].name(&graph.sessions))
        .collect();
    let reused = plan.done.iter().filter(|done| **done).count();
    let took = begun.elapsed().as_secs_f64();
    if args.json {
        let state = |i: usize| match &ended[i] {
            Ended::Done(()) if plan.done[i] => "reused",
            Ended::Done(()) => "done",
            Ended::Failed(_) => "failed",
            Ended::Skipped(_) => "skipped",
        };
        let tasks: Vec<_> = (0..ended.len())
            .map(|i| json!({"task": graph.tasks[i].name(&graph.sessions), "state": state(i)}))
            .collect();
        print(&json!({"tasks": tasks, "seconds": took, "report": report}).to_string())?;
    } else if ended.last() == Some(&Ended::Done(())) {
        print(&report.display().to_string())?;
    }
    say(&format!("reproduce: {} tasks in {}, {reused} of them were up to date", ended.len(), seconds(took)));
    if !failed.is_empty() {
        bail!("{} of {} tasks failed or could not begin: {}", failed.len(), ended.len(), failed.join(", "));
    }
    Ok(())
}

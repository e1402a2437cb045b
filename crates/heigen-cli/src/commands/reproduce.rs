//! The command `heigen reproduce`, for the whole paper.

use super::countdown::Countdown;
use crate::args::ReproduceArgs;
use crate::face::Face;
use crate::session::{Session, print, say, usage};
use anyhow::{Result, bail};
use heigen_lab::{
    Beside, Event, FIGURES, Figure, LabWatch, Note, NoteKind, Part, PlannedTask, ReproduceRequest, Reproduced,
    Reproduction, TaskState, figure_names, find_figure, seconds,
};
use serde_json::{Value, json};
use std::ops::ControlFlow;

pub(crate) fn run(args: &ReproduceArgs, part: Part) -> Result<()> {
    if let Some(("classics", names)) = args.figures.split_first().map(|(first, names)| (first.as_str(), names)) {
        if part != Part::Whole {
            usage("classics are done at once, in one process: there are no shares of them to do or to gather");
        }
        return super::classics::run(args, names);
    }
    let figures = figures(&args.figures);
    let session = Session::of_reproduction(args)?;
    let request = ReproduceRequest {
        store: session.store.clone(),
        figures,
        seeds: args.seeds.clone().unwrap_or_default().0,
        folder: args.figures_dir.clone(),
        report: args.report.clone(),
        making: session.making.clone(),
        part,
        memory: args.memory.map(|gib| gib * 2f64.powi(30)),
        command: Some(|figure| format!("heigen figure {}", figure.name)),
        live: Some(super::explore::command),
        beside: Some(|beside| command_of(beside).to_owned()),
    };
    let planned = session.lab.plan(&request, &session.face)?;
    let tasks = planned.tasks();
    if args.dry_run {
        return if args.json { print(&plan_json(&planned, &tasks).to_string()) } else { plan_text(&planned, &tasks) };
    }
    if args.report_only && !session.lab.leads() {
        return Ok(());
    }
    if args.report_only {
        // A folder that cannot be written to is reported now and not after the page is composed.
        heigen_store::atomic::check_writable(&args.report.join("index.html"))?;
        let report = session.lab.report(&planned, &session.face)?.report.unwrap_or_default();
        session.face.clear();
        return print(&if args.json { json!({"report": report}).to_string() } else { report.display().to_string() });
    }
    match part {
        Part::Gathered => say("gather: figures and report of what is there"),
        Part::Whole | Part::Shard(_) => {
            let (open, time) = (open(&tasks), seconds(planned.seconds()));
            let of = if let Part::Shard(shard) = part { format!(" of share {shard}") } else { String::new() };
            say(&format!(
                "reproduce: {open} of {} tasks{of} to do, about {time} on {} cores",
                tasks.len(),
                planned.cores()
            ));
        }
    }
    let watch = Watch { face: &session.face, countdown: Countdown::new(&planned) };
    let done = watch.countdown.show(|| session.lab.reproduce(&planned, &watch));
    session.face.clear();
    let done = done?;
    if session.lab.leads() { outcome(args, part, &tasks, &done) } else { Ok(()) }
}

/// The command that makes what can stand beside the paper in the report.
fn command_of(beside: Beside) -> &'static str {
    match beside {
        Beside::Classics => "heigen reproduce classics",
        Beside::Followed => "heigen follow gauss/normal_training",
        Beside::Studies => "heigen study boundary",
        Beside::Attribution => "heigen attribute gauss/normal_training",
        Beside::RandomSurfaces => "heigen plot surface gauss/normal_training --directions filter-normalised",
        Beside::TrainingSurfaces => "heigen plot surface gauss/normal_training --directions trajectory",
        Beside::MiniBatches => "heigen plot minibatches gauss/normal_training",
    }
}

/// The figures that the user named, or all of them.
fn figures(names_given: &[String]) -> Vec<&'static Figure> {
    if names_given.is_empty() {
        return FIGURES.iter().collect();
    }
    let mut figures: Vec<&Figure> = Vec::new();
    for name in names_given {
        let names = || figure_names(&FIGURES);
        let figure =
            find_figure(name).unwrap_or_else(|| usage(&format!("there is no figure {name}; there are {}", names())));
        if !figures.iter().any(|known| known.name == figure.name) {
            figures.push(figure);
        }
    }
    figures
}

/// The face of a reproduction: the usual one, with a line about the progress of everything.
struct Watch<'a> {
    face: &'a Face,
    countdown: Countdown<'a>,
}

impl LabWatch for Watch<'_> {
    fn event(&self, event: &Event) -> ControlFlow<()> {
        self.face.event(event)
    }

    fn note(&self, note: &Note) {
        match &note.kind {
            NoteKind::TaskBegun { task } => self.countdown.begun(*task),
            NoteKind::TaskEnded { task, problem } => self.countdown.ended(*task, problem.is_none()),
            _ => {}
        }
        self.face.note(note);
    }
}

fn open(tasks: &[PlannedTask]) -> usize {
    tasks.iter().filter(|task| !task.up_to_date).count()
}

/// Prints the plan for people.
fn plan_text(planned: &Reproduction, tasks: &[PlannedTask]) -> Result<()> {
    for PlannedTask { name, up_to_date, seconds: s, .. } in tasks {
        let state = if *up_to_date { "up to date".to_owned() } else { format!("about {}", seconds(*s)) };
        print(&format!("{name:70} {state}"))?;
    }
    let (open, time) = (open(tasks), seconds(planned.seconds()));
    print(&format!("{open} of {} tasks to do, about {time} on {} cores", tasks.len(), planned.cores()))
}

/// The plan as JSON, for programs.
fn plan_json(planned: &Reproduction, tasks: &[PlannedTask]) -> Value {
    let task =
        |t: &PlannedTask| json!({"task": t.name, "after": t.after, "up_to_date": t.up_to_date, "seconds": t.seconds});
    let tasks: Vec<Value> = tasks.iter().map(task).collect();
    json!({"tasks": tasks, "seconds": planned.seconds(), "cores": planned.cores()})
}

/// Prints the outcome of the reproduction.
fn outcome(args: &ReproduceArgs, part: Part, planned: &[PlannedTask], done: &Reproduced) -> Result<()> {
    let ended_well = |state: TaskState| matches!(state, TaskState::Done | TaskState::Reused);
    let failed: Vec<&str> = done.tasks.iter().filter(|(_, s)| !ended_well(*s)).map(|(name, _)| &**name).collect();
    let reused = planned.iter().filter(|task| task.up_to_date).count();
    if args.json {
        let state = |state: TaskState| match state {
            TaskState::Reused => "reused",
            TaskState::Done => "done",
            TaskState::Failed => "failed",
            TaskState::Skipped => "skipped",
        };
        let tasks: Vec<_> =
            done.tasks.iter().map(|(name, ended)| json!({"task": name, "state": state(*ended)})).collect();
        print(&json!({"tasks": tasks, "seconds": done.seconds, "report": done.report}).to_string())?;
    } else if let Some(report) = &done.report
        && done.tasks.last().is_some_and(|(_, state)| ended_well(*state))
    {
        print(&report.display().to_string())?;
    }
    if part == Part::Gathered {
        // Each of them was named when its turn came.
        if !failed.is_empty() {
            bail!("{} of {} tasks are not done; run their shares again", failed.len(), done.tasks.len());
        }
        return Ok(());
    }
    say(&format!(
        "reproduce: {} tasks in {}, {reused} of them were up to date",
        done.tasks.len(),
        seconds(done.seconds)
    ));
    if !failed.is_empty() {
        bail!("{} of {} tasks failed or could not begin: {}", failed.len(), done.tasks.len(), failed.join(", "));
    }
    Ok(())
}

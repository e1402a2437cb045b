//! The command `heigen study`.

use crate::args::FactorialArgs;
use crate::bars;
use crate::face::Face;
use crate::session::{lab, print, say};
use anyhow::{Result, bail};
use heigen_lab::{
    Event, Factorial, FactorialPlan, FactorialRequest, FoundOfClaim, LabWatch, Making, NamedStudy, Note, Part,
    PlannedCombination, Store, seconds, stage,
};
use heigen_store::foreign_text::escaped;
use serde_json::json;
use std::cell::Cell;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

/// Time between two lines where stderr is a log and not a terminal.
const LOG: Duration = Duration::from_secs(30);

pub(crate) fn run(args: &FactorialArgs, part: Part) -> Result<()> {
    let study = NamedStudy::load(&args.file)?;
    let lab = lab(&args.data.data_dir, args.threads)?;
    let only: Vec<String> =
        args.only.iter().map(|(factor, levels)| format!(" --only {factor}={}", levels.join(","))).collect();
    let request = FactorialRequest {
        store: Store::folder(&args.results),
        study,
        only: args.chosen(),
        part,
        making: Making { force: args.force, ..Making::default() },
        command: format!("heigen study {}{}", args.file, only.concat()),
    };
    let plan = lab.plan_factorial(&request)?;
    let (all, cores) = (plan.combinations(), lab.threads());
    if args.list {
        return if args.json { list_json(&all, cores) } else { list(&all, cores) };
    }
    say(&match part {
        Part::Whole => open(&all, cores),
        Part::Shard(shard) => {
            let (cells, done) = plan.chosen();
            format!("study: share {shard}, {} of {cells} cells to do", cells - done)
        }
        Part::Gathered => "gather: tables, figures and page of the rows that are there".to_owned(),
    });
    let watch = Watch { face: Face::silent_of_reuse(), begun: Instant::now(), told: Cell::new(None) };
    let done = lab.factorial(&plan, &watch);
    watch.face.clear();
    let done = done?;
    if !lab.leads() {
        return Ok(());
    }
    outcome(args, &plan, part, &done)?;
    let (cells, rows) = plan.chosen();
    if part == Part::Gathered && rows < cells {
        bail!("{} of {cells} cells have no row yet; run their shares again", cells - rows);
    }
    Ok(())
}

/// Bars on a terminal, and a line now and then in a log.
struct Watch {
    face: Face,
    begun: Instant,
    told: Cell<Option<Instant>>,
}

impl LabWatch for Watch {
    fn event(&self, event: &Event) -> ControlFlow<()> {
        // How far each of hundreds of trainings is, nobody reads.
        if ![stage::CELLS, stage::DRAWING].contains(&event.stage) {
            return ControlFlow::Continue(());
        }
        let since = self.told.get().unwrap_or(self.begun);
        if event.stage == stage::CELLS && bars::hidden() && since.elapsed() >= LOG {
            self.told.set(Some(Instant::now()));
            let (done, of) = (event.done, event.total.unwrap_or_default());
            let left = self.begun.elapsed().as_secs_f64() / done.max(1) as f64 * of.saturating_sub(done) as f64;
            say(&format!("{}: {done} of {of} cells, about {} left", event.job, seconds(left)));
        }
        self.face.event(event)
    }

    fn note(&self, note: &Note) {
        self.face.note(note);
    }
}

/// Numbers of chosen cells, done ones, and seconds of the others.
fn sums(all: &[PlannedCombination]) -> (usize, usize, f64) {
    let chosen = all.iter().filter(|combination| combination.chosen);
    chosen.fold((0, 0, 0.0), |(n, done, s), c| (n + c.cells, done + c.done, s + c.seconds))
}

fn open(all: &[PlannedCombination], cores: usize) -> String {
    let (cells, done, s) = sums(all);
    let time = seconds(s / cores.max(1) as f64);
    format!("study: {} of {cells} cells to do, about {time} on {cores} cores", cells - done)
}

fn list(all: &[PlannedCombination], cores: usize) -> Result<()> {
    for PlannedCombination { levels, cells, done, chosen, seconds: s } in all {
        let name: Vec<String> = levels.iter().map(|(factor, level)| format!("{factor}={level}")).collect();
        let left = match (cells == done, chosen) {
            (true, _) => String::new(),
            (false, true) => format!(", about {} on one core", seconds(*s)),
            (false, false) => ", not chosen".to_owned(),
        };
        print(&format!("{:48} {done} of {cells} done{left}", name.join(" ")))?;
    }
    print(&open(all, cores))
}

fn list_json(all: &[PlannedCombination], cores: usize) -> Result<()> {
    let combination = |c: &PlannedCombination| {
        let levels: serde_json::Map<_, _> = c.levels.iter().map(|(f, l)| (f.clone(), l.clone().into())).collect();
        json!({"levels": levels, "cells": c.cells, "done": c.done, "chosen": c.chosen, "seconds": c.seconds})
    };
    let all: Vec<_> = all.iter().map(combination).collect();
    print(&json!({"combinations": all, "cores": cores}).to_string())
}

fn outcome(args: &FactorialArgs, plan: &FactorialPlan, part: Part, done: &Factorial) -> Result<()> {
    if let Part::Shard(shard) = part {
        let (cells, _) = plan.chosen();
        say(&format!("study: share {shard}: {cells} cells done, {} of {} rows are there", done.rows, done.cells));
        return if args.json { print(&json!({"study": plan.name(), "cells": cells}).to_string()) } else { Ok(()) };
    }
    if args.json {
        let told = json!({"study": plan.name(), "cells": done.cells, "rows": done.rows, "states": done.states,
                          "claims": done.claims, "pairs": done.pairs, "files": done.files});
        return print(&told.to_string());
    }
    for judged in &done.claims {
        print(&format!("{:<18} {}", judged.support.words(), judged.claim.statement))?;
        print(&format!("  over all{}", told(&judged.over_all)))?;
        for found in &judged.groups {
            print(&format!("  {}{}", found.group, told(found)))?;
        }
    }
    for path in &done.files {
        print(&path.display().to_string())?;
    }
    let states: Vec<String> = done.states.iter().map(|(state, n)| format!("{n} {state}")).collect();
    say(&format!("study: {} of {} rows: {}", done.rows, done.cells, escaped(&states.join(", "), &[])));
    Ok(())
}

fn told(found: &FoundOfClaim) -> String {
    let effect = found
        .effect
        .map_or_else(|| "nothing to tell by".to_owned(), |e| format!("{:.2} [{:.2}, {:.2}]", e.value, e.low, e.high));
    format!(": {effect}, n = {}, {}", found.n, found.support.words())
}

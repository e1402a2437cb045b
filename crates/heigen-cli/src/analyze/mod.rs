//! `heigen analyze`: a network and data from elsewhere, from their files to one report.

mod network;
mod page;
pub(crate) mod stored;
mod warnings;

use crate::args::{Analysing, AnalyzeArgs, Dtype, EstimateArgs, KeepArgs, SubjectArgs, TopKArgs};
use crate::boundary;
use crate::describe::{describe, describe_top};
use crate::figure::{Drawing, Figure, PLOTS, draw};
use crate::hessian::{Asked, Found, contradiction, found};
use crate::session::{Session, print, say, usage};
use anyhow::Result;
use heigen::linalg::Matrix;
use heigen_store::atomic::{self, Staged};
use heigen_store::boundary_record::BoundaryRecord;
use heigen_store::npy::{self, Order};
use serde_json::json;
use std::path::PathBuf;
use stored::Own;

/// Everything that the report is made of.
#[derive(Debug)]
struct Outcome {
    own: Own,
    spectrum: Found,
    boundary: Option<BoundaryRecord>,
    figures: Vec<Drawn>,
    /// Why the numbers may mislead.
    warnings: Vec<String>,
    /// How files were read, and what could not be drawn.
    notes: Vec<String>,
}

#[derive(Debug)]
struct Drawn {
    figure: &'static Figure,
    /// SVG, PDF, PNG.
    paths: Vec<PathBuf>,
}

pub(crate) fn run(args: &AnalyzeArgs) -> Result<()> {
    let top = TopKArgs { top_k: args.top_k, tolerance: 1e-8, ..TopKArgs::default() };
    let analysing = Analysing { method: args.method, dtype: Dtype::Float64, model: None };
    let subject = SubjectArgs { batch: args.batch, ..SubjectArgs::default() };
    let (estimates, keep) = (EstimateArgs::default(), KeepArgs::default());
    if let Some(why) = contradiction(Asked { subject: &subject, analysing: &analysing, top, estimates, keep }) {
        usage(&why);
    }
    if args.margin && args.top_k.is_some() {
        usage("--margin needs v_1 of a whole spectrum; leave out --margin or --top-k");
    }
    let session = Session::of_analysis(args)?;
    let foreign = network::read(args)?;
    let own = stored::store(&session, args, &foreign)?;
    let mut notes = foreign.notes.clone();
    notes.extend(own.prepared.notes());
    for note in &notes {
        say(&format!("note: {note}"));
    }
    say(&format!("{} -> {}", args.model.display(), own.paths.experiment().display()));
    let analysing = Analysing { model: Some(own.paths.weights()), ..analysing };
    let asked = Asked { subject: &subject, analysing: &analysing, top, estimates, keep };
    let (spectrum, paths) = found(&session, &own.loaded, asked)?;
    logits(&own)?;
    let warnings = warnings_of(&spectrum);
    for warning in &warnings {
        say(&format!("warning: {warning}"));
    }
    let mut outcome = Outcome { own, spectrum, boundary: None, figures: vec![], warnings, notes };
    if let Found::Whole(_) = outcome.spectrum {
        // What follows uses the analysis over and over.
        let session = Session { quiet: true, ..session.clone() };
        outcome.boundary = Some(boundary::measured(&session, &outcome.own.loaded, &analysing, args.margin)?);
        draw_all(&session, args, &analysing, &mut outcome);
    }
    let name = outcome.own.loaded.experiment.name.to_string().replace('/', "-");
    // Some eigenpairs have a page of their own beside that of them all.
    let part = if let Found::Top(record) = &outcome.spectrum {
        format!("+{}-{}", record.summary.which, record.summary.eigenvalues.len())
    } else {
        String::new()
    };
    let report = args.report.join(format!("{name}{part}.html"));
    atomic::write(&report, page::html(args, &outcome)?.as_bytes())?;
    say(&format!("report -> {}", report.display()));
    print(&if args.json { as_json(&outcome, &paths.analysis(), &report) } else { as_text(&outcome) })
}

/// The outputs of the network on the samples, to compare with those of the program that it comes from.
fn logits(own: &Own) -> Result<()> {
    let samples = own.prepared.training();
    let inputs = Matrix::<f64>::from_f32(&samples.features, samples.n_features());
    let outputs = own.prepared.network.outputs(&own.theta, &inputs);
    let shape = [outputs.columns, outputs.rows];
    Ok(npy::stage(&own.paths.logits(), &shape, Order::C, &outputs.data).and_then(Staged::commit)?)
}

fn warnings_of(spectrum: &Found) -> Vec<String> {
    match spectrum {
        Found::Whole(r) => {
            let s = &r.summary;
            warnings::no_minimum(s.loss, s.grad_norm, s.lambda_max, s.lambda_min)
        }
        // Only the upper end is known.
        Found::Top(r) => {
            let s = &r.summary;
            let (low, high) = s.eigenvalues.iter().fold((0.0f64, 0.0f64), |(low, high), &l| (low.min(l), high.max(l)));
            warnings::no_minimum(s.loss, s.grad_norm, high, low)
        }
    }
}

/// The pictures that fit the number of features; one that cannot be drawn is no reason not to draw the others.
fn draw_all(session: &Session, args: &AnalyzeArgs, analysing: &Analysing, outcome: &mut Outcome) {
    let inputs = match outcome.own.prepared.data.n_features() {
        1 => "line",
        2 => "planes",
        _ => "embedding",
    };
    // The surface takes a pass over all samples for every node.
    let surface = boundary::is_quick(&outcome.own.prepared.network).then_some("surface");
    for kind in [inputs, "spectrum", "overlaps", "eigenvectors", "coherence"].into_iter().chain(surface) {
        let Some(figure) = PLOTS.iter().find(|f| f.name == kind) else { continue };
        let loaded = vec![outcome.own.loaded.clone()];
        match draw(session, figure, loaded, analysing, &Drawing::paper(figure), &args.figures_dir) {
            Ok(drawn) => outcome.figures.push(Drawn { figure, paths: drawn.paths }),
            Err(why) => {
                let note = format!("no picture of kind {kind}: {why:#}");
                say(&format!("note: {note}"));
                outcome.notes.push(note);
            }
        }
    }
}

fn as_text(outcome: &Outcome) -> String {
    let mut text = match &outcome.spectrum {
        Found::Whole(record) => describe(record),
        Found::Top(record) => describe_top(record),
    };
    if let Some(record) = &outcome.boundary {
        // The name stands above already.
        let measures = boundary::describe(record);
        text.extend(measures.lines().skip(1).flat_map(|line| ["\n", line]));
    }
    text
}

fn as_json(outcome: &Outcome, analysis: &std::path::Path, report: &std::path::Path) -> String {
    let (whole, top) = match &outcome.spectrum {
        Found::Whole(record) => (Some(record), None),
        Found::Top(record) => (None, Some(record)),
    };
    let own = &outcome.own;
    let files = |paths: &[PathBuf]| paths.iter().map(|p| p.display().to_string()).collect::<Vec<_>>();
    let object = json!({
        "analysis": whole,
        "top_k": top,
        "boundary": outcome.boundary,
        "classes": own.prepared.classes,
        "warnings": outcome.warnings,
        "notes": outcome.notes,
        "files": {
            "experiment": own.paths.experiment(),
            "weights": own.paths.weights(),
            "analysis": analysis,
            "logits": own.paths.logits(),
            "figures": outcome.figures.iter().map(|d| files(&d.paths)).collect::<Vec<_>>(),
            "report": report,
        },
    });
    object.to_string()
}

//! The command `heigen analyze`: from the files of a network and of samples to one report.

use super::spectrum;
use crate::args::AnalyzeArgs;
use crate::session::{Session, print, usage};
use crate::{describe, remedy};
use anyhow::Result;
use heigen::config::FileArgs;
use heigen_lab::{
    Asked, Contradiction, EstimatesAsked, Figure, Found, How, ImportRequest, Matter, Study, StudyRequest, TopPairs,
};
use serde_json::json;
use std::path::{Path, PathBuf};

pub(crate) fn run(args: &AnalyzeArgs) -> Result<()> {
    let asked = Asked {
        subject: Matter {
            batch: args.batch,
            weight_decay: args.penalty.weight_decay,
            decay_only: args.penalty.decay_only.clone(),
            label_smoothing: args.penalty.label_smoothing,
            ..Matter::default()
        },
        how: How { way: args.method.way(), ..How::default() },
        top: TopPairs { count: args.top_k.map(|k| k as usize), ..TopPairs::default() },
        estimates: EstimatesAsked { by_layer: args.by_layer, ..EstimatesAsked::default() },
        ..Asked::default()
    };
    if let Err(contradiction) = asked.check() {
        usage(&remedy::contradicting(contradiction));
    }
    if args.margin && args.top_k.is_some() {
        usage(&remedy::contradicting(Contradiction::MarginOfPart));
    }
    let session = Session::of_study(args)?;
    let request = StudyRequest {
        store: session.store.clone(),
        import: import(args),
        asked,
        margin: args.margin,
        figures: args.figures_dir.clone(),
        report: args.report.clone(),
        making: session.making.clone(),
        command: Some(command),
    };
    let study = session.lab.study(&request, &session.face)?;
    session.face.clear();
    print(&if session.json { as_json(&study) } else { as_text(&study) })
}

fn import(args: &AnalyzeArgs) -> ImportRequest {
    let text = |path: &PathBuf| path.to_string_lossy().into_owned();
    ImportRequest {
        model: args.model.clone(),
        arch: args.arch.clone(),
        renamings: args.map.clone(),
        data: FileArgs {
            path: text(&args.data),
            labels_path: args.labels.as_ref().map(text),
            features_key: args.features_key.clone(),
            labels_key: args.labels_key.clone(),
            label_column: args.label_column.clone(),
            header: args.header,
            standardize: args.standardize,
            class_list: (!args.classes.is_empty()).then(|| args.classes.clone()),
            ..FileArgs::default()
        },
        loss: args.loss,
        name: args.name.clone(),
        force: args.force,
    }
}

/// The command that draws a picture of the report again.
fn command(figure: &Figure, experiment: &Path, weights: &Path, results: &Path) -> String {
    let (experiment, weights, results) = (experiment.display(), weights.display(), results.display());
    format!("heigen plot {} {experiment} --model {weights} --results {results}", figure.name)
}

fn as_text(study: &Study) -> String {
    let mut text = spectrum::text(&study.spectrum);
    if let Some(record) = &study.boundary {
        // The name is printed above already, so the line about the boundary leaves it out.
        let measures = describe::boundary(record);
        text.extend(measures.lines().skip(1).flat_map(|line| ["\n", line]));
    }
    text
}

fn as_json(study: &Study) -> String {
    let (whole, top) = match &study.spectrum {
        Found::Whole(record) => (Some(record), None),
        Found::Top(record) => (None, Some(record)),
    };
    let own = &study.imported;
    let files = |paths: &[PathBuf]| paths.iter().map(|p| p.display().to_string()).collect::<Vec<_>>();
    let object = json!({
        "analysis": whole,
        "top_k": top,
        "boundary": study.boundary,
        "classes": own.prepared.samples.classes,
        "warnings": study.warnings,
        "notes": study.notes,
        "files": {
            "experiment": own.paths.experiment(),
            "weights": own.paths.weights(),
            "analysis": study.analysis,
            "logits": own.paths.logits(),
            "figures": study.pictures.iter().map(|p| files(&p.paths)).collect::<Vec<_>>(),
            "report": study.report,
        },
    });
    object.to_string()
}

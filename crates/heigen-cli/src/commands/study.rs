//! The command `heigen analyze`: from the files of a network and of samples to one report.

use super::spectrum;
use crate::args::AnalyzeArgs;
use crate::session::{Session, print, say, usage};
use crate::{describe, remedy};
use anyhow::{Result, bail};
use heigen::config::FileArgs;
use heigen_lab::{
    Asked, Contradiction, Drawing, EstimatesAsked, Figure, FigureRequest, How, ImportRequest, Keep, Making, Matter,
    PLOTS, Parts, Study, StudyRequest, TopPairs,
};
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
        top: top(args),
        keep: Keep { coherence: args.coherence, ..Keep::default() },
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
    let models = session.lab.networks(&args.model)?;
    if let (Some(name), true) = (&args.name, models.len() > 1) {
        usage(&format!("--name {name} is the name of one network, but there are {}", models.len()));
    }
    let (mut studied, mut failed) = (vec![], 0);
    for model in &models {
        let request = StudyRequest {
            store: session.store.clone(),
            import: import(args, model),
            asked: asked.clone(),
            margin: args.margin,
            figures: args.figures_dir.clone(),
            report: args.report.clone(),
            making: session.making.clone(),
            command: Some(command),
            live: Some(super::explore::command),
        };
        let study = session.lab.study(&request, &session.face);
        session.face.clear();
        match study {
            Ok(study) => {
                print(&if session.json { study.to_json()?.to_string() } else { as_text(&study) })?;
                studied.push(study);
            }
            Err(error) if models.len() == 1 || !session.lab.goes_on_after(&error) => return Err(error.into()),
            // The other networks are analysed all the same.
            Err(error) => {
                say(&format!("error: {}: {}", model.display(), remedy::text(&error)));
                failed += 1;
            }
        }
    }
    overlay(&session, args, studied)?;
    if failed > 0 {
        bail!("{failed} of {} networks could not be analysed", models.len());
    }
    Ok(())
}

fn top(args: &AnalyzeArgs) -> TopPairs {
    TopPairs { count: args.top_k.map(|k| k as usize), ..TopPairs::default() }
}

/// Draws the spectra of several networks in one picture, whole or as far as they are known.
fn overlay(session: &Session, args: &AnalyzeArgs, studied: Vec<Study>) -> Result<()> {
    if studied.len() < 2 {
        return Ok(());
    }
    let Some(figure) = PLOTS.iter().find(|figure| figure.name == "spectra") else { return Ok(()) };
    let request = FigureRequest {
        store: session.store.clone(),
        figure,
        experiments: studied.into_iter().map(|study| study.imported.experiment).collect(),
        how: How { way: args.method.way(), ..How::default() },
        parts: Parts { top: top(args), batch: args.batch },
        drawing: Drawing {
            weight_decay: args.penalty.weight_decay,
            decay_only: args.penalty.decay_only.clone(),
            label_smoothing: args.penalty.label_smoothing,
            loss_args: args.penalty.loss_args(),
            ..Drawing::paper(figure)
        },
        asked: None,
        folder: args.figures_dir.clone(),
        making: Making { force: false, ..session.making.clone() },
    };
    let drawn = session.lab.draw(&request, &session.face)?;
    session.face.clear();
    drawn.paths.first().map_or(Ok(()), |path| {
        say(&format!("all spectra -> {}", path.display()));
        Ok(())
    })
}

fn import(args: &AnalyzeArgs, model: &Path) -> ImportRequest {
    let text = |path: &PathBuf| path.to_string_lossy().into_owned();
    let given = |list: &Vec<String>| (!list.is_empty()).then(|| list.clone());
    let data = FileArgs {
        path: text(&args.data),
        labels_path: args.labels.as_ref().map(text),
        features_key: args.features_key.clone(),
        labels_key: args.labels_key.clone(),
        label_column: args.label_column.first().cloned(),
        more_label_columns: args.label_column.get(1..).filter(|more| !more.is_empty()).map(<[String]>::to_vec),
        targets: args.targets,
        drop: given(&args.drop),
        header: args.header,
        divide_by: args.divide_by,
        channels_last: args.channels_last,
        class_names: given(&args.class_names),
        max_gib: args.max_gib,
        standardize: args.standardize,
        class_list: (!args.classes.is_empty()).then(|| args.classes.clone()),
        ..FileArgs::default()
    };
    ImportRequest {
        arch: args.arch.clone(),
        renamings: args.map.clone(),
        leave_out: args.leave_out.clone(),
        weights_key: args.weights_key.clone(),
        loss: args.loss,
        loss_args: args.penalty.loss_args(),
        name: args.name.clone(),
        force: args.force,
        ..ImportRequest::new(model.to_owned(), data)
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

//! The experiment that stands for a network from elsewhere: written once, so that every command can work on it.

use super::network::Foreign;
use crate::args::{AnalyzeArgs, loss_name};
use crate::hessian::memory_limit;
use crate::prepare::Prepared;
use crate::session::Session;
use anyhow::{Context, Result, bail};
use heigen::config::{AnyName, Experiment, ExperimentName, FileArgs, LossKind, ModelSpec};
use heigen_store::atomic::{self, Staged};
use heigen_store::catalogue::{Loaded, Origin};
use heigen_store::layout::ExperimentPaths;
use heigen_store::weights;
use serde_json::json;
use std::collections::BTreeMap;
use std::path::Path;

/// The key of a weights file that tells where imported weights came from.
pub(crate) const IMPORTED: &str = "imported from";

/// The experiment, prepared, with its files written.
#[derive(Debug)]
pub(super) struct Own {
    pub(super) loaded: Loaded,
    pub(super) paths: ExperimentPaths,
    pub(super) prepared: Prepared,
    pub(super) theta: Vec<f64>,
}

/// Checks that network and samples fit, then writes the experiment and its weights.
pub(super) fn store(session: &Session, args: &AnalyzeArgs, foreign: &Foreign) -> Result<Own> {
    let name = name(args)?;
    let paths = session.results.of(&name)?;
    let experiment = experiment(args, foreign, name.clone(), &paths.experiment())?;
    let mut prepared = Prepared::new(&experiment, &session.images)?;
    let hint = if args.arch.is_some() { " (--map FROM=TO renames tensors)" } else { "" };
    let theta = prepared.place(&foreign.tensors).with_context(|| {
        let (model, data, features) = (args.model.display(), args.data.display(), prepared.data.n_features());
        format!("{model} on samples of {features} features, {data}{hint}")
    })?;
    let needed = 64.0 * prepared.network.activation_size() as f64;
    if needed > memory_limit() {
        bail!(
            "the layers make {} numbers of one sample, which need {:.0} GiB; expected images and paddings that fit in memory",
            prepared.network.activation_size(),
            needed / 2f64.powi(30)
        );
    }
    if let Some(t) = foreign.tensors.iter().find(|t| t.values.iter().any(|v| !v.is_finite())) {
        bail!("{}: {} has a number that is infinite or NaN; expected trained weights", args.model.display(), t.name);
    }
    refuse_other(&paths, args, session.force)?;
    let staged = [
        weights::stage(&paths.weights(), &foreign.tensors, &metadata(args, &prepared)?)?,
        atomic::stage_with(&paths.experiment(), |file| {
            file.write_all(format!("{:#}\n", experiment.to_json()).as_bytes())
        })?,
    ];
    staged.into_iter().try_for_each(Staged::commit)?;
    let origin = Origin::File(paths.experiment());
    Ok(Own { loaded: Loaded { experiment, notes: vec![], origin }, paths, prepared, theta })
}

/// What was asked for, or `own/<name of the model's file>`.
fn name(args: &AnalyzeArgs) -> Result<ExperimentName> {
    if let Some(name) = &args.name {
        return Ok(name.parse()?);
    }
    let stem = args.model.file_stem().map_or_else(String::new, |s| s.to_string_lossy().into_owned());
    let safe: String = stem.chars().map(|c| if c.is_alphanumeric() || "_-.+".contains(c) { c } else { '_' }).collect();
    let safe = safe.trim_start_matches('.');
    Ok(ExperimentName::new("own", if safe.is_empty() { "network" } else { safe })?)
}

fn experiment(args: &AnalyzeArgs, foreign: &Foreign, name: ExperimentName, path: &Path) -> Result<Experiment> {
    if args.loss == LossKind::Nll && !foreign.architecture.ends_in_log_softmax() {
        bail!(
            "--loss nll takes log-probabilities, and the last layer of {} is no log_softmax; cross_entropy takes logits",
            args.model.display()
        );
    }
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let data = FileArgs {
        path: text(&args.data),
        labels_path: args.labels.as_deref().map(text),
        features_key: args.features_key.clone(),
        labels_key: args.labels_key.clone(),
        label_column: args.label_column.clone(),
        header: args.header,
        standardize: args.standardize,
        class_list: (!args.classes.is_empty()).then(|| args.classes.clone()),
        num_classes: Some(foreign.n_outputs),
        ..FileArgs::default()
    };
    let written = json!({
        "model": ModelSpec::Sequential(foreign.architecture.clone()),
        "optimizer": {"type": "SGD", "args": {"lr": 0.01}},
        "dataset": {"type": "file", "args": data},
        "loss": loss_name(args.loss),
        "train_fraction": 1.0,
        "test_fraction": 0.0,
        "trainer": {"num_epochs": 0, "batch_size": "full", "how_often_print": 1},
    });
    Ok(Experiment::parse(&written.to_string(), name, &path.display().to_string(), &AnyName)?.experiment)
}

/// Weights that heigen trained, that somebody put there, or of another file are not overwritten unless asked.
fn refuse_other(paths: &ExperimentPaths, args: &AnalyzeArgs, force: bool) -> Result<()> {
    let path = paths.weights();
    if force {
        return Ok(());
    }
    if !path.exists() {
        let experiment = paths.experiment();
        if experiment.exists() {
            bail!(
                "{} is there, without weights; choose another name by --name FOLDER/NAME, or --force to replace it",
                experiment.display()
            );
        }
        return Ok(());
    }
    let imported = weights::load_f64(&path).ok().and_then(|file| file.metadata.get(IMPORTED).cloned());
    let what = match imported {
        Some(from) if !paths.record().exists() && from == origin(args) => return Ok(()),
        Some(from) if !paths.record().exists() => format!("an import of {from}"),
        _ => "no earlier import".to_owned(),
    };
    bail!("{} is {what}; choose another name by --name FOLDER/NAME, or --force to replace it", path.display())
}

fn origin(args: &AnalyzeArgs) -> String {
    args.model.display().to_string()
}

fn metadata(args: &AnalyzeArgs, prepared: &Prepared) -> Result<BTreeMap<String, String>> {
    let mut metadata = prepared.metadata()?;
    metadata.insert(IMPORTED.to_owned(), origin(args));
    Ok(metadata)
}

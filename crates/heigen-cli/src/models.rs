//! `heigen train`, and trained models for whatever needs one.

use crate::analyze::stored::IMPORTED;
use crate::args::TrainArgs;
use crate::changed::{Origins, why_stale};
use crate::prepare::Prepared;
use crate::pretrained;
use crate::progress::{bar, number, seconds};
use crate::session::{Session, print, say};
use crate::watch::Watch;
use anyhow::{Context, Result, bail};
use heigen::config::{Experiment, ExperimentName, Start};
use heigen::model::{fresh, scale_to_norm};
use heigen::rng::TorchGenerator;
use heigen::train::{Outcome, Parts, Plan, train};
use heigen_store::atomic::Staged;
use heigen_store::catalogue::{Loaded, chain};
use heigen_store::checkpoint::{self, epoch_report};
use heigen_store::layout::ExperimentPaths;
use heigen_store::record::{ModelRecord, Unusable, hash_file, stamp};
use heigen_store::{atomic, weights};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::time::Instant;

pub(crate) fn run(args: &TrainArgs) -> Result<()> {
    let session = Session::new(&args.common)?;
    for loaded in session.load(&args.names, &[], "train")? {
        let (record, _) = trained(&session, &loaded)?;
        if session.json {
            print(&serde_json::to_string(&record)?)?;
        } else {
            print(&describe(&record))?;
        }
    }
    Ok(())
}

/// A trained model in one line.
fn describe(record: &ModelRecord) -> String {
    let mut line = format!("{}  {} epochs", record.name, record.epochs_trained);
    if let Some(last) = record.epochs.last() {
        for (name, part) in [("train", Some(last.train)), ("validation", last.validation), ("test", last.test)] {
            if let Some(part) = part {
                let accuracy = 100.0 * part.accuracy;
                // Writing to a string cannot fail.
                let _ = write!(line, "  {name} loss {} accuracy {accuracy:.1} %", number(part.loss));
            }
        }
    }
    line
}

/// The trained model of an experiment, its record and weights; whatever is missing or no longer matches, of it and of
/// the models it starts from, is trained first.
pub(crate) fn trained(session: &Session, loaded: &Loaded) -> Result<(ModelRecord, Vec<f32>)> {
    let mut start: Option<(ModelRecord, Vec<f32>)> = None;
    let starts = chain(loaded)?;
    for before in starts {
        let before = session.seeded(before);
        start = Some(trained_from(session, &before, start.as_ref(), Some(&loaded.experiment.name))?);
    }
    trained_from(session, loaded, start.as_ref(), None)
}

/// The record of the trained model, if it and all that it starts from are up to date.
pub(crate) fn up_to_date(session: &Session, loaded: &Loaded) -> Result<Option<ModelRecord>> {
    let mut start: Option<ModelRecord> = None;
    let starts = chain(loaded)?.into_iter().map(|before| session.seeded(before));
    for before in starts.chain([loaded.clone()]) {
        match Wanted::new(session, &before, start.as_ref())?.existing(start.as_ref()) {
            Ok(record) => start = Some(record),
            Err(_) => return Ok(None),
        }
    }
    Ok(start)
}

/// What a trained model would be made from now.
struct Wanted<'a> {
    prepared: Prepared,
    paths: ExperimentPaths,
    config: Value,
    /// A hash of all that determines the weights.
    stamp: String,
    pretrained: Option<&'a Path>,
}

impl<'a> Wanted<'a> {
    fn new(session: &'a Session, loaded: &Loaded, start: Option<&ModelRecord>) -> Result<Self> {
        let experiment = &loaded.experiment;
        let prepared = Prepared::new(experiment, &session.images)?;
        let paths = session.results.of(&experiment.name)?;
        let config = experiment.to_json();
        let start_hash = start.map_or_else(String::new, |record| record.weights_hash.clone());
        let pretrained = pretrained::file_of(experiment, session.pretrained.as_deref());
        let mut origins =
            vec![heigen::VERSION.to_owned(), config.to_string(), prepared.data.source.clone(), start_hash];
        origins.extend(pretrained.map(hash_file).transpose()?);
        Ok(Self { prepared, paths, config, stamp: stamp(&origins), pretrained })
    }

    /// The record of the model that is there, if it was made from the same.
    fn existing(&self, start: Option<&ModelRecord>) -> Result<ModelRecord, Unusable> {
        let source = &self.prepared.data.source;
        let now = Origins { config: &self.config, source, start: start.map(|record| &*record.stamp) };
        let record = ModelRecord::load(&self.paths.record())?;
        record.check_stamp(&self.stamp).map_err(|_| Unusable::Stale(why_stale(&record, &now)))?;
        record.check_weights(&self.paths.weights())?;
        Ok(record)
    }
}

/// Reuses the model if its record still matches, else trains it from `start`.
fn trained_from(
    session: &Session,
    loaded: &Loaded,
    start: Option<&(ModelRecord, Vec<f32>)>,
    needed_by: Option<&ExperimentName>,
) -> Result<(ModelRecord, Vec<f32>)> {
    let experiment = &loaded.experiment;
    let name = &experiment.name;
    let purpose = needed_by.map_or_else(String::new, |n| format!(", the starting model of {n}"));
    let wanted = Wanted::new(session, loaded, start.map(|(record, _)| record))?;
    let existing = wanted.existing(start.map(|(record, _)| record));
    let Wanted { mut prepared, paths, config, stamp: wanted, pretrained } = wanted;
    // A starting model asked for by name is what --force means to renew, not one that others need.
    let force = session.force && needed_by.is_none();
    match existing {
        Ok(record) if !force => {
            session.say_reused(&format!("{name}: reused {}{purpose}", paths.weights().display()));
            if session.eval_every.is_some_and(|every| needed_by.is_none() && !evaluated(&record, every)) {
                say(&format!("hint: {name} was evaluated less often; `--eval-every` with `--force` trains it again"));
            }
            let theta = prepared.load(&paths.weights())?.into_iter().map(|w| w as f32).collect();
            return Ok((record, theta));
        }
        Ok(_) => say(&format!("{name}: training again, as asked for{purpose}")),
        Err(_) if force => say(&format!("{name}: training{purpose}")),
        Err(Unusable::Changed(what)) => bail!("{what}; {}", keep_or_replace(name)),
        Err(Unusable::Missing(_)) if is_foreign(&paths) => {
            bail!(
                "{} has no record beside it that heigen trained it; {}",
                paths.weights().display(),
                keep_or_replace(name)
            )
        }
        Err(Unusable::Missing(_)) => say(&format!("{name}: training{purpose}")),
        Err(why) => say(&format!("{name}: training again{purpose}: {why}")),
    }
    refuse_given(name, &prepared, &paths)?;
    // Better now than after hours.
    atomic::check_writable(&paths.weights())?;

    let mut theta = starting_weights(experiment, &prepared, start)?;
    if pretrained::wanted_by(experiment) {
        pretrained::load(experiment, &prepared, pretrained, &mut theta)?;
    }
    let plan = plan(experiment, session.eval_every);
    let epochs = experiment.trainer.num_epochs;
    // What is evaluated along the way changes no weights, but what a record tells.
    let run = stamp([&wanted, &format!("{:?}", session.eval_every)]);
    let unfinished = if force { None } else { checkpoint::load(&paths.checkpoint(), &run) };
    if let Some((state, _)) = &unfinished {
        say(&format!("{name}: going on after {} of {epochs} epochs", state.epochs_done));
    }
    let now = Instant::now();
    let mut watch = Watch {
        bar: bar(epochs as u64, "epochs", &name.to_string()),
        prepared: &prepared,
        paths: &paths,
        experiment,
        stamp: &run,
        begun: (now, unfinished.as_ref().map_or(0.0, |(_, seconds)| *seconds)),
        saved: now,
        save_every: session.checkpoint_every,
        kept: Vec::new(),
        error: None,
    };
    let parts = Parts::new(&prepared.data, &prepared.split);
    let state = unfinished.as_ref().map(|(state, _)| state);
    let result = train(&prepared.network, &parts, theta, &plan, state, &mut watch, &mut ());
    watch.bar.finish_and_clear();
    let result = result.with_context(|| name.to_string())?;
    let took = watch.seconds();
    if let (Outcome::Interrupted, Some(error)) = (result.outcome, watch.error) {
        return Err(error);
    }

    let metadata = [("experiment", name.to_string()), (STAMP, wanted.clone())];
    let mut metadata: BTreeMap<_, _> = metadata.map(|(key, value)| (key.to_owned(), value)).into();
    metadata.extend(prepared.metadata()?);
    let staged = weights::stage(&paths.weights(), &prepared.tensors(&result.theta), &metadata)?;
    let record = ModelRecord {
        name: name.clone(),
        config,
        seed: experiment.seed,
        shuffle_seed: None,
        code_version: heigen::VERSION.to_owned(),
        stamp: wanted.clone(),
        start_stamp: start.map(|(record, _)| record.stamp.clone()),
        data_source: prepared.data.source.clone(),
        epochs: result.reports.iter().filter_map(epoch_report).collect(),
        epochs_trained: result.epochs_done,
        seconds: took,
        weights_hash: hash_file(staged.file())?,
    };
    let written = record.stage(&paths.record())?;
    // Everything could be written. Without its record a model counts as unfinished, so nothing is reused from a mixture.
    atomic::remove(&paths.record())?;
    for folder in [paths.snapshots(), paths.gradients()] {
        remove_earlier(&folder)?;
    }
    watch.kept.into_iter().chain([staged, written]).try_for_each(Staged::commit)?;
    checkpoint::remove(&paths.checkpoint())?;
    let early = if result.outcome == Outcome::EarlyStopped { ", stopped at 100 % training accuracy" } else { "" };
    say(&format!(
        "{name}: trained {} epochs in {}{early} -> {}",
        result.epochs_done,
        seconds(took),
        paths.weights().display()
    ));
    Ok((record, result.theta))
}

/// Refuses to train what only given weights make sense of.
fn refuse_given(name: &ExperimentName, prepared: &Prepared, paths: &ExperimentPaths) -> Result<()> {
    if let Some(why) = prepared.untrainable() {
        bail!("{name} cannot be trained: {why}");
    }
    if weights::load_f64(&paths.weights()).is_ok_and(|file| file.metadata.contains_key(IMPORTED)) {
        bail!(
            "{} are weights that `heigen analyze` was given, and no training makes them again; give them by --model, or \
             move them away",
            paths.weights().display()
        );
    }
    Ok(())
}

/// The experiment's training.
fn plan(experiment: &Experiment, eval_every: Option<usize>) -> Plan {
    Plan {
        loss: experiment.loss,
        optimizer: experiment.optimizer,
        scheduler: experiment.scheduler.clone(),
        trainer: experiment.trainer,
        early_stopping: experiment.early_stopping,
        shuffle_seed: experiment.seed,
        eval_every,
    }
}

/// Whether losses were recorded every `every` epochs.
fn evaluated(record: &ModelRecord, every: usize) -> bool {
    (1..=record.epochs_trained / every.max(1)).all(|i| record.epochs.iter().any(|e| e.epoch == i * every))
}

/// The key of a weights file under which the program says what it made the weights from.
const STAMP: &str = "stamp";

/// Whether weights stand there that heigen did not write: without a record, and without the mark by which weights are known
/// whose record a kill came before.
fn is_foreign(paths: &ExperimentPaths) -> bool {
    let ours = || weights::load(&paths.weights()).is_ok_and(|file| file.metadata.contains_key(STAMP));
    paths.weights().is_file() && !paths.record().exists() && !ours()
}

/// Fresh weights, or what the experiment makes of those it starts from.
fn starting_weights(
    experiment: &Experiment,
    prepared: &Prepared,
    start: Option<&(ModelRecord, Vec<f32>)>,
) -> Result<Vec<f32>> {
    let name = &experiment.name;
    let mut theta = fresh(&experiment.model, &prepared.network, &mut TorchGenerator::new(experiment.seed));
    let (Start::Trained(from) | Start::LargeNorm(from)) = &experiment.start else { return Ok(theta) };
    let Some((_, other)) = start else { bail!("{name}: no model of {from}") };
    if other.len() != theta.len() {
        bail!(
            "{name} has {} parameters, but {from}, which it starts from, has {}; use the same model in both",
            theta.len(),
            other.len()
        );
    }
    match experiment.start {
        Start::LargeNorm(_) => scale_to_norm(&mut theta, other),
        _ => theta.clone_from(other),
    }
    Ok(theta)
}

/// What to do about weights that heigen did not write.
fn keep_or_replace(name: &ExperimentName) -> String {
    format!("analyse it with --model, move it away, or train over it: heigen train {name} --force")
}

/// Removes what an earlier training kept along the way: its epochs need not be those of this one.
fn remove_earlier(folder: &Path) -> Result<()> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Ok(()) };
    for entry in entries.flatten() {
        if entry.file_name().to_str().is_some_and(|name| name.starts_with("epoch_")) {
            atomic::remove(&entry.path())?;
        }
    }
    Ok(())
}

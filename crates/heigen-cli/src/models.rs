//! `heigen train`, and trained models for whatever needs one.

use crate::args::TrainArgs;
use crate::prepare::Prepared;
use crate::progress::{bar, seconds};
use crate::session::{Session, print, say};
use anyhow::{Context, Result, anyhow};
use heigen::config::{ExperimentName, Start};
use heigen::curvature::{ExampleLabels, Problem};
use heigen::linalg::Matrix;
use heigen::model::{fresh, scale_to_norm};
use heigen::rng::TorchGenerator;
use heigen::train::{Evaluation, Observer, Outcome, Parts, Plan, Report, train};
use heigen_store::catalogue::{Loaded, chain};
use heigen_store::layout::ExperimentPaths;
use heigen_store::npy::{self, Order};
use heigen_store::record::{EpochReport, ModelRecord, PartReport, Unusable, hash_file, stamp};
use heigen_store::weights;
use indicatif::ProgressBar;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::Instant;

pub(crate) fn run(args: &TrainArgs) -> Result<()> {
    let session = Session::new(&args.common)?;
    for loaded in session.load(&args.names, &[], "train")? {
        let (record, _) = trained(&session, &loaded)?;
        if session.json {
            print(&serde_json::to_string(&record)?)?;
        } else if let Some(last) = record.epochs.last() {
            let part = |name: &str, p: Option<PartReport>| {
                p.map_or_else(String::new, |p| {
                    format!("  {name} loss {:.3e} accuracy {:.1} %", p.loss, 100.0 * p.accuracy)
                })
            };
            print(&format!(
                "{}  {} epochs {}{}{}",
                record.name,
                record.epochs_trained,
                part("train", Some(last.train)),
                part("validation", last.validation),
                part("test", last.test)
            ))?;
        }
    }
    Ok(())
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

/// Reuses the model if its record still matches, else trains it from `start`.
fn trained_from(
    session: &Session,
    loaded: &Loaded,
    start: Option<&(ModelRecord, Vec<f32>)>,
    needed_by: Option<&ExperimentName>,
) -> Result<(ModelRecord, Vec<f32>)> {
    let experiment = &loaded.experiment;
    let name = &experiment.name;
    let prepared = Prepared::new(experiment)?;
    let paths = session.results.of(name)?;
    let config = experiment.to_json();
    let start_hash = start.map_or("", |(record, _)| &record.weights_hash);
    let wanted = stamp([heigen::VERSION, &config.to_string(), &prepared.data.source, start_hash]);
    let purpose = needed_by.map_or_else(String::new, |n| format!(", the starting model of {n}"));

    let existing = ModelRecord::load(&paths.record())
        .and_then(|r| r.check_stamp(&wanted).map(|()| r))
        .and_then(|r| r.check_weights(&paths.weights()).map(|()| r));
    // A starting model asked for by name is what --force means to renew, not one that others need.
    let force = session.force && needed_by.is_none();
    match existing {
        Ok(record) if !force => {
            say(&format!("{name}: reused {}{purpose}", paths.weights().display()));
            let theta = prepared.theta(&paths.weights())?;
            return Ok((record, theta));
        }
        Ok(_) => say(&format!("{name}: training again, as asked for{purpose}")),
        Err(Unusable::Missing(_)) => say(&format!("{name}: training{purpose}")),
        Err(why) => say(&format!("{name}: training again{purpose}: {why}")),
    }

    let mut generator = TorchGenerator::new(experiment.seed);
    let mut theta = fresh(&experiment.model, &prepared.network, &mut generator);
    match (&experiment.start, start) {
        (Start::Fresh, _) => {}
        (Start::Trained(from), Some((_, other))) | (Start::LargeNorm(from), Some((_, other)))
            if other.len() != theta.len() =>
        {
            return Err(anyhow!(
                "{name} has {} parameters, but {from}, which it starts from, has {}; use the same model in both",
                theta.len(),
                other.len()
            ));
        }
        (Start::Trained(_), Some((_, other))) => theta.clone_from(other),
        (Start::LargeNorm(_), Some((_, other))) => scale_to_norm(&mut theta, other),
        (Start::Trained(from) | Start::LargeNorm(from), None) => return Err(anyhow!("{name}: no model of {from}")),
    }
    let plan = Plan {
        loss: experiment.loss,
        optimizer: experiment.optimizer,
        scheduler: experiment.scheduler.clone(),
        trainer: experiment.trainer,
        early_stopping: experiment.early_stopping,
        shuffle_seed: experiment.seed,
    };
    let epochs = experiment.trainer.num_epochs;
    let mut watch = Watch {
        bar: bar(epochs as u64, "epochs", &name.to_string()),
        prepared: &prepared,
        paths: &paths,
        experiment,
        error: None,
    };
    let begun = Instant::now();
    let parts = Parts::new(&prepared.data, &prepared.split);
    let result = train(&prepared.network, &parts, theta, &plan, &mut watch).with_context(|| name.to_string())?;
    watch.bar.finish_and_clear();
    if let (Outcome::Interrupted, Some(error)) = (result.outcome, watch.error) {
        return Err(error);
    }
    let took = begun.elapsed().as_secs_f64();

    let metadata = BTreeMap::from([("experiment".to_owned(), name.to_string())]);
    weights::save(&paths.weights(), &prepared.tensors(&result.theta), &metadata)?;
    let record = ModelRecord {
        name: name.clone(),
        config,
        seed: experiment.seed,
        shuffle_seed: None,
        code_version: heigen::VERSION.to_owned(),
        stamp: wanted,
        start_stamp: start.map(|(record, _)| record.stamp.clone()),
        data_source: prepared.data.source.clone(),
        epochs: result.reports.iter().filter_map(epoch_report).collect(),
        epochs_trained: result.epochs_done,
        seconds: took,
        weights_hash: hash_file(&paths.weights())?,
    };
    record.save(&paths.record())?;
    let early = if result.outcome == Outcome::EarlyStopped { ", stopped at 100 % training accuracy" } else { "" };
    say(&format!(
        "{name}: trained {} epochs in {}{early} -> {}",
        result.epochs_done,
        seconds(took),
        paths.weights().display()
    ));
    Ok((record, result.theta))
}

fn epoch_report(report: &Report) -> Option<EpochReport> {
    let part = |e: Evaluation| PartReport { loss: e.loss, accuracy: e.accuracy };
    Some(EpochReport {
        epoch: report.epochs_done,
        train: part(report.train?),
        validation: report.validation.map(part),
        test: report.test.map(part),
    })
}

/// Shows progress and keeps what the experiment wants kept along the way.
struct Watch<'a> {
    bar: ProgressBar,
    prepared: &'a Prepared,
    paths: &'a ExperimentPaths,
    experiment: &'a heigen::config::Experiment,
    error: Option<anyhow::Error>,
}

impl Watch<'_> {
    fn check(&mut self, outcome: Result<()>) -> ControlFlow<()> {
        match outcome {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                self.error = Some(error);
                ControlFlow::Break(())
            }
        }
    }

    fn save_gradients(&self, epoch: usize, theta: &[f32]) -> Result<()> {
        let samples = self.prepared.training();
        let problem: Problem<f32> = Problem::new(&self.prepared.network, theta, &samples, self.experiment.loss)?;
        let mut gradients = problem.example_gradients(&ExampleLabels::True);
        let shape = [gradients.columns, gradients.rows];
        npy::write(&self.paths.gradient(epoch), &shape, Order::C, &gradients.data)?;
        normalize(&mut gradients);
        npy::write(&self.paths.gradient_normalized(epoch), &shape, Order::C, &gradients.data)?;
        Ok(())
    }
}

/// Every column divided by its l2 norm; a zero column stays zero.
fn normalize(m: &mut Matrix<f32>) {
    for j in 0..m.columns {
        let column = m.column_mut(j);
        let norm = column.iter().map(|x| x * x).sum::<f32>().sqrt();
        if norm > 0.0 {
            column.iter_mut().for_each(|x| *x /= norm);
        }
    }
}

impl Observer for Watch<'_> {
    fn epoch(&mut self, epochs_done: usize, _: f64) -> ControlFlow<()> {
        if epochs_done.is_multiple_of(64) {
            self.bar.set_position(epochs_done as u64);
        }
        ControlFlow::Continue(())
    }

    fn snapshot(&mut self, epochs_done: usize, theta: &[f32]) -> ControlFlow<()> {
        let metadata = BTreeMap::from([("epoch".to_owned(), epochs_done.to_string())]);
        let saved = weights::save(&self.paths.snapshot(epochs_done), &self.prepared.tensors(theta), &metadata);
        self.check(saved.map_err(Into::into))
    }

    fn gradients(&mut self, epochs_done: usize, theta: &[f32]) -> ControlFlow<()> {
        let saved = self.save_gradients(epochs_done, theta);
        self.check(saved)
    }
}

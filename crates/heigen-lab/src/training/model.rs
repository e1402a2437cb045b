//! The recipe of a trained model: when a stored one can be used, and how one is trained.

use super::along::Along;
use super::changed::{Origins, why_stale};
use super::{IMPORTED, Trained, pretrained, start};
use crate::LabError;
use crate::call::Call;
use crate::error::OfJob;
use crate::making::{Fresh, Recipe};
use crate::prepare::Prepared;
use crate::watch::{NoteKind, Product};
use heigen::config::{Experiment, ExperimentName};
use heigen::curvature::Problem;
use heigen::train::{Outcome, Parts, Plan, train};
use heigen_store::catalogue::Loaded;
use heigen_store::checkpoint::{self, epoch_report};
use heigen_store::files;
use heigen_store::layout::ExperimentPaths;
use heigen_store::record::{ModelRecord, Unusable, stamp};
use heigen_store::weights::{self, NamedTensor, Weights};
use serde_json::Value;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

/// The key in a weights file's metadata that holds the stamp of everything that the program made the weights from.
const STAMP: &str = "stamp";

/// A trained model as it would be made now; a stored one is compared with it.
pub(super) struct Model<'a> {
    call: &'a Call<'a>,
    experiment: &'a Experiment,
    /// The samples and the network; of several processes that train together none keeps the samples of the others.
    prepared: RefCell<Prepared>,
    pub(super) paths: ExperimentPaths,
    config: Value,
    /// A hash of all that determines the weights.
    stamp: String,
    pretrained: Option<&'a Path>,
    start: Option<&'a Trained>,
    /// The experiment that starts from this model; `None` where the request asks for the model itself.
    needed_by: Option<&'a ExperimentName>,
}

impl<'a> Model<'a> {
    pub(super) fn new(
        call: &'a Call<'a>,
        loaded: &'a Loaded,
        start: Option<&'a Trained>,
        needed_by: Option<&'a ExperimentName>,
    ) -> Result<Self, LabError> {
        let experiment = &loaded.experiment;
        let prepared = Prepared::by_all(call, experiment)?;
        let paths = call.store.of(&experiment.name)?;
        let config = experiment.to_json();
        let start_hash = start.map_or_else(String::new, |model| model.record.weights_hash.clone());
        let pretrained = pretrained::file_of(experiment, call.making.pretrained.as_deref());
        let source = prepared.samples.data.source.clone();
        let mut origins = vec![heigen::VERSION.to_owned(), config.to_string(), source, start_hash];
        if let Some(file) = pretrained {
            let given = call.weights_for_all(file)?;
            origins.push(given.hash().to_owned());
        }
        let stamp = stamp(&origins);
        Ok(Self {
            call,
            experiment,
            prepared: RefCell::new(prepared),
            paths,
            config,
            stamp,
            pretrained,
            start,
            needed_by,
        })
    }

    fn name(&self) -> &ExperimentName {
        &self.experiment.name
    }

    /// The metadata of the weights that stand where the model belongs, if there are any.
    fn metadata_there(&self) -> Option<BTreeMap<String, String>> {
        let file = self.call.memo.weights(&self.call.lab.cache, &self.paths.weights()).ok()?;
        file.weights().ok().map(|weights| weights.metadata.clone())
    }

    /// Whether the weights that stand there were not written by heigen: they have no record, and their metadata has no
    /// stamp. (If the program is killed before it writes the record, the stamp still shows that the weights are its
    /// own.)
    fn is_foreign(&self) -> bool {
        let ours = || self.metadata_there().is_some_and(|metadata| metadata.contains_key(STAMP));
        files::is_file(&self.paths.weights()) && !files::exists(&self.paths.record()) && !ours()
    }

    /// The settings of the experiment's training.
    fn plan(&self) -> Plan {
        Plan {
            eval_every: self.call.making.eval_every,
            threads: self.call.threads.clone(),
            ..Plan::of(self.experiment)
        }
    }

    /// The parts that the training takes: those of all samples, or the share of this process, which then lets go of the samples of the
    /// others; and its share in gradients that are kept along the way.
    fn parts(&self) -> Result<(Parts, Option<Problem<'static, f32>>), LabError> {
        let (call, mut prepared) = (self.call, self.prepared.borrow_mut());
        let parts = prepared.parts(call).of(self.name())?;
        let Some(communicator) = call.lab.together.communicator().filter(|_| parts.are_dealt()) else {
            return Ok((parts, None));
        };
        let share = || -> Result<_, LabError> {
            let (network, anywhere) = (Arc::new(prepared.network.clone()), vec![0f32; prepared.network.n_params()]);
            let (samples, objective) = (prepared.training(), self.experiment.objective());
            let share = Problem::share_of(network, &anywhere, samples, objective, Arc::clone(communicator));
            Ok(share.of(self.name())?.on(call.threads.clone()))
        };
        let share = (self.experiment.trainer.how_often_compute_grads > 0).then(share).transpose()?;
        prepared.let_go_of_samples();
        call.memo.let_go_of_samples(&call.lab.cache);
        Ok((parts, share))
    }
}

impl Recipe for Model<'_> {
    type Record = ModelRecord;
    type Made = Trained;

    fn job(&self) -> String {
        self.name().to_string()
    }

    fn product(&self) -> Product {
        Product::Model { needed_by: self.needed_by.cloned() }
    }

    fn path(&self) -> PathBuf {
        self.paths.weights()
    }

    /// A forced request trains the model that it names again, and not the models that this one starts from.
    fn forced(&self) -> bool {
        self.call.making.force && self.needed_by.is_none()
    }

    fn standing(&self) -> Result<ModelRecord, Unusable> {
        let prepared = self.prepared.borrow();
        let source = &prepared.samples.data.source;
        let start = self.start.map(|model| &*model.record.stamp);
        let now = Origins { config: &self.config, source, start };
        let record = ModelRecord::load(&self.paths.record())?;
        record.check_stamp(&self.stamp).map_err(|_| Unusable::Stale(why_stale(&record, &now)))?;
        let path = self.paths.weights();
        let hash = self.call.memo.weights(&self.call.lab.cache, &path).map(|file| file.hash().to_owned());
        record.check_weights_hash(&path, hash)?;
        Ok(record)
    }

    fn reuse(&self, record: ModelRecord) -> Result<Trained, LabError> {
        let every = self.call.making.eval_every.filter(|_| self.needed_by.is_none());
        if every.is_some_and(|every| !evaluated(&record, every)) {
            self.call.note(self.name(), NoteKind::EvaluatedLess);
        }
        let path = self.paths.weights();
        let file = self.call.memo.weights(&self.call.lab.cache, &path)?;
        let theta = self.prepared.borrow().clone().load(&path, &file)?.into_iter().map(|w| w as f32).collect();
        Ok(Trained { record, theta, path })
    }

    /// Weights that were not trained here may be somebody's only copy, so they are not replaced.
    fn refuse(&self, standing: &Unusable) -> Result<(), LabError> {
        let name = self.name().clone();
        match standing {
            Unusable::Changed(what) => Err(LabError::WeightsChanged { name, what: what.clone() }),
            Unusable::Missing(_) if self.is_foreign() => {
                Err(LabError::WeightsForeign { name, path: self.paths.weights() })
            }
            _ => Ok(()),
        }
    }

    /// Whether the batches are too small to be shared.
    fn by_leader(&self) -> bool {
        !Parts::shares_batches(&self.prepared.borrow().network)
    }

    /// Fails for a network whose statistics come with given weights, since it cannot be trained. A process for which another one trains
    /// lets go of the samples.
    fn prepare(&self) -> Result<(), LabError> {
        if !self.prepared.borrow().trainable() {
            return Err(LabError::Untrainable { name: self.name().clone() });
        }
        if self.metadata_there().is_some_and(|metadata| metadata.contains_key(IMPORTED)) {
            return Err(LabError::WeightsImported { path: self.paths.weights() });
        }
        if self.by_leader() && !self.call.lab.together.leads() {
            self.prepared.borrow_mut().let_go_of_samples();
            self.call.memo.let_go_of_samples(&self.call.lab.cache);
        }
        Ok(())
    }

    fn make(&self) -> Result<Fresh<Trained>, LabError> {
        let (call, experiment, paths) = (self.call, self.experiment, &self.paths);
        let name = self.name();
        let (parts, share) = self.parts()?;
        let prepared = &*self.prepared.borrow();
        let mut theta = start::starting_weights(experiment, prepared, self.start)?;
        if pretrained::wanted_by(experiment) {
            pretrained::load(call, experiment, prepared, self.pretrained, &mut theta)?;
        }
        let epochs = experiment.trainer.num_epochs;
        // Evaluations along the way do not change the weights, but they change the content of the record.
        let run = stamp([&self.stamp, &format!("{:?}", call.making.eval_every)]);
        let unfinished = if self.forced() { None } else { checkpoint::load(&paths.checkpoint(), &run) };
        let unfinished = call.lab.together.found(unfinished, &paths.checkpoint())?;
        if let Some((state, _)) = &unfinished {
            call.note(name, NoteKind::GoingOn { done: state.epochs_done, of: epochs });
        }
        let now = Instant::now();
        let mut along = Along {
            call,
            watch: call.job(name),
            prepared,
            share,
            paths,
            experiment,
            stamp: &run,
            begun: (now, unfinished.as_ref().map_or(0.0, |(_, seconds)| *seconds)),
            saved: now,
            asked: now,
            save_every: call.making.checkpoint_every,
            kept: Vec::new(),
            error: None,
        };
        let state = unfinished.as_ref().map(|(state, _)| state);
        let result = train(&prepared.network, &parts, theta, &self.plan(), state, &mut along, &mut ()).of(name)?;
        let took = along.seconds();
        if let (Outcome::Interrupted, Some(error)) = (result.outcome, along.error) {
            return Err(error);
        }

        let metadata = [("experiment", name.to_string()), (STAMP, self.stamp.clone())];
        let mut metadata: BTreeMap<_, _> = metadata.map(|(key, value)| (key.to_owned(), value)).into();
        metadata.extend(prepared.metadata()?);
        let tensors = call.run(|| prepared.tensors(&result.theta));
        let staged = weights::stage(&paths.weights(), &tensors, &metadata)?;
        let record = ModelRecord {
            name: name.clone(),
            config: self.config.clone(),
            seed: experiment.seed,
            shuffle_seed: None,
            code_version: heigen::VERSION.to_owned(),
            stamp: self.stamp.clone(),
            start_stamp: self.start.map(|model| model.record.stamp.clone()),
            data_source: prepared.samples.data.source.clone(),
            epochs: result.reports.iter().filter_map(epoch_report).collect(),
            epochs_trained: result.epochs_done,
            seconds: took,
            weights_hash: staged.hash().to_owned(),
        };
        let written = record.stage(&paths.record())?;
        call.memo.wrote(paths.weights(), record.weights_hash.clone(), in_float64(tensors, metadata));
        let note = NoteKind::Trained {
            epochs: result.epochs_done,
            early: result.outcome == Outcome::EarlyStopped,
            seconds: took,
            path: paths.weights(),
        };
        let mut all = along.kept;
        all.extend([staged, written]);
        Ok(Fresh {
            made: Trained { record, theta: result.theta, path: paths.weights() },
            staged: all,
            note: Some(note),
        })
    }

    /// The record, and the files that an earlier training kept along the way: its epochs may be others than those of
    /// this one.
    fn earlier(&self) -> Vec<PathBuf> {
        let mut earlier = vec![self.paths.record()];
        earlier.extend([self.paths.snapshots(), self.paths.gradients()].iter().flat_map(|folder| epochs_in(folder)));
        earlier
    }

    fn committed(&self, _: &Trained) -> Result<(), LabError> {
        Ok(checkpoint::remove(&self.paths.checkpoint())?)
    }
}

/// Whether losses were recorded every `every` epochs.
fn evaluated(record: &ModelRecord, every: usize) -> bool {
    (1..=record.epochs_trained / every.max(1)).all(|i| record.epochs.iter().any(|e| e.epoch == i * every))
}

/// The weights in the form in which they are read from their file.
fn in_float64(tensors: Vec<NamedTensor>, metadata: BTreeMap<String, String>) -> Weights<f64> {
    let wide = |t: NamedTensor| {
        let values = t.values.into_iter().map(f64::from).collect();
        NamedTensor { name: t.name, shape: t.shape, values }
    };
    let tensors = tensors.into_iter().map(wide).collect();
    Weights { tensors, metadata, skipped: vec![], rounded: vec![] }
}

/// The files in `folder` whose names say that they belong to an epoch of a training.
fn epochs_in(folder: &Path) -> Vec<PathBuf> {
    let of_epoch = |path: &PathBuf| path.file_name().and_then(|n| n.to_str()).is_some_and(|n| n.starts_with("epoch_"));
    files::list(folder).unwrap_or_default().into_iter().filter(of_epoch).collect()
}

//! A stored analysis as files that a command line takes: the experiment, and the weights that it was analysed at.

use super::{Found, Stored};
use crate::call::Call;
use crate::error::{Choice, OfJob};
use crate::prepare::Prepared;
use crate::{Lab, LabError, LabWatch, Making, Store};
use heigen::config::{DatasetSpec, Experiment, OptimizerSpec, Start};
use heigen::model::reparameterize;
use heigen_store::atomic::{self, Staged};
use heigen_store::files;
use heigen_store::weights::{self, NamedTensor};
use std::path::{Path, PathBuf};

/// The files of an analysis that was handed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandedOver {
    /// The experiment's file: the network, the samples and the loss of the analysis.
    pub experiment: PathBuf,
    /// The weights of the analysis.
    pub weights: PathBuf,
}

impl Lab {
    /// Writes what an analysis in `store` is about into `folder`: the experiment of its network, its samples and its loss, and its
    /// weights. Samples that stand in the store are copied; other files of samples are named as the experiment names them. The part
    /// of the matrix that was analysed is not told, since no experiment says it: samples and layers are all those of the network.
    /// The update rule gets the weight decay of the analysis, so that a training goes on at a minimum of the same sum.
    ///
    /// # Errors
    /// [`LabError::NoAnalysis`] if there is no usable record at `record`, or the weights are others by now; else whatever keeps files
    /// from being read or written.
    pub fn hand_over(
        &self,
        store: &Store,
        record: &Path,
        folder: &Path,
        watch: &dyn LabWatch,
    ) -> Result<HandedOver, LabError> {
        let stored = store.analysis(record)?;
        self.call(store, &Making::default(), watch, |call| handed_over(call, &stored, record, folder))
    }
}

fn handed_over(call: &Call, stored: &Stored, record: &Path, folder: &Path) -> Result<HandedOver, LabError> {
    let source = stored.asked.how.weights.clone().unwrap_or_else(|| stored.paths.weights());
    let file = call.memo.weights(&call.lab.cache, &source)?;
    if file.hash() != stored.found.weights_hash() {
        let why = format!("the weights in {} are others than those that were analysed", source.display());
        return Err(LabError::NoAnalysis { path: record.to_owned(), why });
    }
    let mut experiment = experiment(stored);
    let name = experiment.name.clone();
    let place = folder.join(&*name.folder);
    let at = |ending: &str| place.join(format!("{}{ending}", name.stem));
    let weights = at(".safetensors");
    let mut staged: Vec<Staged> = vec![];
    if stored.asked.subject.factors.is_some() {
        staged.push(weights::stage(&weights, &reparameterized(call, stored, &source)?, &file.weights()?.metadata)?);
    } else {
        staged.push(weights::stage(&weights, &file.weights()?.tensors, &file.weights()?.metadata)?);
    }
    if let DatasetSpec::File(args) = &mut experiment.dataset {
        let pairs = [
            (Some(&mut args.path), stored.paths.features(), "_X.npy"),
            (args.labels_path.as_mut(), stored.paths.labels(), "_y.npy"),
        ];
        for (named, ours, ending) in pairs {
            if let Some(named) = named.filter(|named| call.store.stands_at(named, &ours)) {
                let copy = at(ending);
                let bytes = files::read(&ours).map_err(|source| LabError::Read { path: ours.clone(), source })?;
                staged.push(atomic::stage_with(&copy, |file| file.write_all(&bytes))?);
                *named = copy.display().to_string();
            }
        }
    }
    let path = at(".json");
    let text = format!("{:#}\n", experiment.to_json());
    staged.push(atomic::stage_with(&path, |file| file.write_all(text.as_bytes()))?);
    staged.into_iter().try_for_each(Staged::commit)?;
    Ok(HandedOver { experiment: path, weights })
}

/// The experiment with the loss of the analysis. It begins at given weights, and so at those of no other experiment.
fn experiment(stored: &Stored) -> Experiment {
    let mut experiment = stored.experiment.experiment.clone();
    let subject = &stored.asked.subject;
    (experiment.loss, experiment.loss_args) = subject.loss_of(&experiment);
    experiment.start = Start::Fresh;
    if subject.weight_decay > 0.0 {
        match &mut experiment.optimizer {
            OptimizerSpec::Sgd { weight_decay, .. }
            | OptimizerSpec::Nesterov { weight_decay, .. }
            | OptimizerSpec::Sam { weight_decay, .. } => *weight_decay = subject.weight_decay,
            OptimizerSpec::Adam { .. } => {}
        }
    }
    experiment
}

/// The tensors after the layers were scaled as the analysis asks for.
fn reparameterized(call: &Call, stored: &Stored, source: &Path) -> Result<Vec<NamedTensor<f64>>, LabError> {
    let experiment = &stored.experiment.experiment;
    let mut prepared = Prepared::new(call, experiment)?;
    let theta = prepared.load(source, &*call.memo.weights(&call.lab.cache, source)?)?;
    let single: Vec<f32> = theta.iter().map(|&w| w as f32).collect();
    let factors = stored.asked.subject.factors.unwrap_or([1.0; 3]);
    let moved = reparameterize(&prepared.network, &single, factors).chosen(Choice::Factors).of(&experiment.name)?;
    let double = |t: NamedTensor<f32>| NamedTensor {
        name: t.name,
        shape: t.shape,
        values: t.values.into_iter().map(f64::from).collect(),
    };
    Ok(prepared.tensors(&moved).into_iter().map(double).collect())
}

impl Found {
    /// The hash of the file of the weights.
    fn weights_hash(&self) -> &str {
        match self {
            Self::Whole(record) => &record.weights_hash,
            Self::Top(record) => &record.weights_hash,
            Self::Estimates(record) => &record.weights_hash,
        }
    }
}

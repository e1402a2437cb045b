//! The experiment, the weights and the samples that a page begins with.

use crate::embedding::{Places, embedded};
use crate::{ExploreError, ground};
use heigen::config::Experiment;
use heigen::data::{Dataset, Split};
use heigen::model::Network;
use heigen_lab::{ImportRequest, Lab, LabWatch, Making, Prepared, Samples, Store, TrainRequest};
use heigen_store::catalogue::Loaded;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The content of the page at its beginning: an experiment, or the gallery's first data set with a small network.
#[derive(Clone, Debug, Default)]
pub struct Explorer {
    pub(crate) opened: Option<Opened>,
}

/// An experiment that is ready to be explored.
#[derive(Clone, Debug)]
pub struct Opened {
    pub(crate) experiment: Experiment,
    pub(crate) network: Arc<Network>,
    pub(crate) data: Dataset,
    pub(crate) split: Split,
    /// The weights that training begins with, `[P]`.
    pub(crate) start: Arc<Vec<f32>>,
    /// The file of these weights, where they are given; they come from no training here.
    pub(crate) weights: Option<PathBuf>,
    /// The places of samples that have more than two features.
    pub(crate) embedding: Option<Places>,
}

/// The places of samples that have more than two features.
fn places(experiment: &Experiment, data: &Dataset) -> Result<Option<Places>, ExploreError> {
    if data.n_features() == 2 {
        return Ok(None);
    }
    let unfit = |why: String| ExploreError::Unfit { name: experiment.name.to_string(), why };
    embedded(data, &mut ()).map(Some).map_err(|error| unfit(error.to_string()))
}

impl Explorer {
    /// Begins with an experiment, at the weights that its training begins with. Models that it starts from are trained before, in
    /// `store`, unless they are there. An experiment that stands for a network from elsewhere begins at the weights that were taken in
    /// with it.
    ///
    /// # Errors
    /// [`ExploreError`] if the experiment has no classes, or is too large for a live page; or if a model
    /// that it starts from cannot be had.
    pub fn of_experiment(
        lab: &Lab,
        store: &Store,
        loaded: &Loaded,
        watch: &dyn LabWatch,
    ) -> Result<Self, ExploreError> {
        if let Some(weights) = lab.taken_in(store, loaded, watch)? {
            return Self::at_weights(lab, loaded, &weights, watch);
        }
        let prepared = lab.prepared(&loaded.experiment, watch)?;
        ground::check(&loaded.experiment, &prepared.samples.data, &prepared.network)?;
        // A training of no epochs ends at the weights that it begins with.
        let mut beginning = loaded.clone();
        beginning.experiment.trainer.num_epochs = 0;
        let request = TrainRequest { store: Store::memory(), experiment: beginning, making: Making::default() };
        // The models before it are taken from the user's store, so that they are not trained again.
        for before in heigen_store::catalogue::chain(loaded).map_err(heigen_lab::LabError::from)? {
            let name = before.experiment.name.clone();
            lab.train(&TrainRequest { store: store.clone(), experiment: before, making: Making::default() }, watch)?;
            store.copy(&name, &request.store, false)?;
        }
        let start = lab.train(&request, &())?.theta;
        Self::opened(&loaded.experiment, prepared, start, None)
    }

    /// Begins with an experiment at the weights in a file, such as those that its training has ended with.
    ///
    /// # Errors
    /// [`ExploreError`] if the experiment has no classes, or is too large for a live page; or if the weights are those of another
    /// network.
    pub fn at_weights(lab: &Lab, loaded: &Loaded, weights: &Path, watch: &dyn LabWatch) -> Result<Self, ExploreError> {
        let experiment = &loaded.experiment;
        let (prepared, theta) = lab.prepared_at(experiment, weights, watch)?;
        ground::check(experiment, &prepared.samples.data, &prepared.network)?;
        Self::opened(experiment, prepared, single(&theta), Some(weights.to_owned()))
    }

    fn opened(
        experiment: &Experiment,
        prepared: Prepared,
        start: Vec<f32>,
        weights: Option<PathBuf>,
    ) -> Result<Self, ExploreError> {
        let Samples { data, split, .. } = &*prepared.samples;
        Ok(Self {
            opened: Some(Opened {
                experiment: experiment.clone(),
                network: Arc::new(prepared.network),
                data: data.clone(),
                split: split.clone(),
                start: Arc::new(start),
                weights,
                embedding: places(experiment, data)?,
            }),
        })
    }

    /// Begins with a network from elsewhere, at its weights, on samples of the user's.
    ///
    /// # Errors
    /// [`ExploreError`] if network and samples cannot be taken in, or are not such as can be explored.
    pub fn of_import(lab: &Lab, request: &ImportRequest, watch: &dyn LabWatch) -> Result<Self, ExploreError> {
        let imported = lab.import(&Store::memory(), request, watch)?;
        let experiment = imported.experiment.experiment;
        let prepared = imported.prepared;
        ground::check(&experiment, &prepared.samples.data, &prepared.network)?;
        Self::opened(&experiment, prepared, single(&imported.theta), Some(request.model.clone()))
    }
}

/// Weights as training has them.
fn single(theta: &[f64]) -> Vec<f32> {
    theta.iter().map(|&w| w as f32).collect()
}

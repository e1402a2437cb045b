//! Trained models: reused while they are up to date, else trained, after the models that they start from.

mod along;
mod changed;
mod model;
mod pretrained;
mod start;

use crate::analysis::How;
use crate::call::Call;
use crate::making::{Recipe, made};
use crate::prepare::Prepared;
use crate::{Lab, LabError, LabWatch, Making, Store};
use heigen_store::catalogue::{Loaded, chain};
use heigen_store::files;
use heigen_store::record::ModelRecord;
use model::Model;
use std::path::PathBuf;

/// The key in a weights file's metadata that tells where imported weights came from.
pub(crate) const IMPORTED: &str = "imported from";

/// A request for a trained model.
#[derive(Clone, Debug)]
pub struct TrainRequest {
    /// The store of the results.
    pub store: Store,
    /// The experiment.
    pub experiment: Loaded,
    /// The options of making the model.
    pub making: Making,
}

/// A trained model.
#[derive(Clone, Debug)]
pub struct Trained {
    /// The record of how the model was made.
    pub record: ModelRecord,
    /// The weights, `[P]`.
    pub theta: Vec<f32>,
    /// The path of the weights.
    pub path: PathBuf,
}

impl Lab {
    /// The trained model of an experiment. If the model, or a model that it starts from, is missing or no longer up to
    /// date, it is trained.
    ///
    /// # Errors
    /// [`LabError::Stopped`] if the watch breaks; else whatever keeps the model from being trained or written.
    pub fn train(&self, request: &TrainRequest, watch: &dyn LabWatch) -> Result<Trained, LabError> {
        self.call(&request.store, &request.making, watch, |call| trained(call, &request.experiment))
    }
}

/// The trained model of an experiment; the models that it starts from are trained before it.
pub(crate) fn trained(call: &Call, loaded: &Loaded) -> Result<Trained, LabError> {
    let loaded = &call.seeded(loaded.clone());
    let start = before(call, loaded)?;
    made(call, &Model::new(call, loaded, start.as_ref(), None)?)
}

/// The record of the trained model, if the model and all models that it starts from are up to date.
pub(crate) fn up_to_date(call: &Call, loaded: &Loaded) -> Result<Option<ModelRecord>, LabError> {
    let mut start: Option<Trained> = None;
    for before in chain(loaded)?.into_iter().chain([loaded.clone()]) {
        let before = call.seeded(before);
        let model = Model::new(call, &before, start.as_ref(), None)?;
        // Of several processes all go on, or none does: what comes next they do together.
        let record = model.standing().ok();
        let Some(record) = call.lab.together.found(record, &model.paths.record())? else { return Ok(None) };
        let path = model.paths.weights();
        start = Some(Trained { record, theta: vec![], path });
    }
    Ok(start.map(|model| model.record))
}

/// The weights `[P]` that the training of an experiment begins with, after the models before it are trained.
pub(crate) fn theta_before(call: &Call, loaded: &Loaded, prepared: &Prepared) -> Result<Vec<f32>, LabError> {
    let start = before(call, loaded)?;
    let mut theta = start::starting_weights(&loaded.experiment, prepared, start.as_ref())?;
    if pretrained::wanted_by(&loaded.experiment) {
        pretrained::load(call, &loaded.experiment, prepared, call.making.pretrained.as_deref(), &mut theta)?;
    }
    Ok(theta)
}

/// The model that the training of an experiment starts from.
fn before(call: &Call, loaded: &Loaded) -> Result<Option<Trained>, LabError> {
    let mut start: Option<Trained> = None;
    for before in chain(loaded)? {
        let before = call.seeded(before);
        start = Some(made(call, &Model::new(call, &before, start.as_ref(), Some(&loaded.experiment.name))?)?);
    }
    Ok(start)
}

/// The weights of an experiment that stands for a network from elsewhere, where they were put when it was taken in. No
/// training makes them, so analyses take them as they are.
pub(crate) fn imported(call: &Call, loaded: &Loaded) -> Result<Option<PathBuf>, LabError> {
    let paths = call.store.of(&loaded.experiment.name)?;
    let path = paths.weights();
    let mut taken_in = false;
    if files::is_file(&path) && !files::exists(&paths.record()) {
        let file = call.memo.weights(&call.lab.cache, &path)?;
        taken_in = file.weights().is_ok_and(|weights| weights.metadata.contains_key(IMPORTED));
    }
    call.lab.together.found(taken_in.then(|| path.clone()), &path)
}

/// The file of the weights that an analysis of an experiment is at: the one that is given, or those that were taken in with
/// a network from elsewhere, or the trained ones.
pub(crate) fn weights_of(call: &Call, loaded: &Loaded, how: &How) -> Result<PathBuf, LabError> {
    if let Some(path) = &how.weights {
        return Ok(path.clone());
    }
    match imported(call, loaded)? {
        Some(path) => Ok(path),
        None => Ok(trained(call, loaded)?.path),
    }
}

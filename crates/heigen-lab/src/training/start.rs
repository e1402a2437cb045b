//! The weights that a training begins with.

use super::Trained;
use crate::LabError;
use crate::prepare::Prepared;
use heigen::config::{Experiment, Start};
use heigen::model::{fresh, scale_to_norm};
use heigen::rng::TorchGenerator;

/// Fresh weights, or the weights that the experiment makes from those of the model that it starts from.
pub(super) fn starting_weights(
    experiment: &Experiment,
    prepared: &Prepared,
    start: Option<&Trained>,
) -> Result<Vec<f32>, LabError> {
    let name = || experiment.name.clone();
    let mut theta = fresh(&experiment.model, &prepared.network, &mut TorchGenerator::new(experiment.seed));
    let (Start::Trained(from) | Start::LargeNorm(from)) = &experiment.start else { return Ok(theta) };
    let Some(other) = start.map(|model| &model.theta) else {
        return Err(LabError::NoStart { name: name(), from: from.clone() });
    };
    if other.len() != theta.len() {
        let (wanted, got) = (theta.len(), other.len());
        let (name, from) = (Box::new(name()), Box::new(from.clone()));
        return Err(LabError::StartSize { name, from, wanted, got });
    }
    match experiment.start {
        Start::LargeNorm(_) => scale_to_norm(&mut theta, other),
        _ => theta.clone_from(other),
    }
    Ok(theta)
}

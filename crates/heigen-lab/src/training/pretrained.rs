//! Weights that somebody else trained and that a training starts from.

use crate::LabError;
use crate::call::Call;
use crate::prepare::Prepared;
use crate::watch::NoteKind;
use heigen::config::{Experiment, ModelSpec, Start};
use std::path::Path;

/// Networks that wrap torchvision's have this before the names of its tensors.
const PREFIX: &str = "model.";

/// Whether the experiment starts from pretrained weights.
pub(super) fn wanted_by(experiment: &Experiment) -> bool {
    matches!(experiment.model, ModelSpec::ResNet18 { pretrained: true, .. }) && experiment.start == Start::Fresh
}

/// The file of pretrained weights that was given, if the experiment starts from such.
pub(super) fn file_of<'a>(experiment: &Experiment, given: Option<&'a Path>) -> Option<&'a Path> {
    given.filter(|_| wanted_by(experiment))
}

/// Replaces the fresh tensors by those of the file. Tensors of another shape (the first convolution for small images,
/// the classifier) stay fresh, as in the reference, which replaces these layers.
pub(super) fn load(
    call: &Call,
    experiment: &Experiment,
    prepared: &Prepared,
    file: Option<&Path>,
    theta: &mut [f32],
) -> Result<(), LabError> {
    let name = &experiment.name;
    let Some(file) = file else { return Err(LabError::NoPretrained { name: name.clone() }) };
    let read = call.weights_for_all(file)?;
    let given = read.weights()?;
    let mut fresh = Vec::new();
    for entry in prepared.network.layout().entries() {
        let bare = entry.name.strip_prefix(PREFIX).unwrap_or(&entry.name);
        match given.tensors.iter().find(|t| t.name == bare || t.name == entry.name) {
            Some(t) if t.shape == entry.shape => {
                theta[entry.range.clone()].iter_mut().zip(&t.values).for_each(|(w, &v)| *w = v as f32);
            }
            Some(t) => fresh.push(format!("{} is {:?} there, {:?} here", entry.name, t.shape, entry.shape)),
            None => return Err(LabError::NotPretrained { file: file.to_owned(), tensor: bare.to_owned() }),
        }
    }
    if !fresh.is_empty() {
        call.note(name, NoteKind::StartsFrom { file: file.to_owned(), fresh });
    }
    Ok(())
}

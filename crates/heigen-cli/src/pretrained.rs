//! Weights that somebody else trained, to start from.

use crate::prepare::Prepared;
use crate::session::say;
use anyhow::{Result, bail};
use heigen::config::{Experiment, ModelSpec, Start};
use heigen_store::weights;
use std::path::Path;

/// Before the names of the networks that wrap torchvision's.
const PREFIX: &str = "model.";

/// Whether the experiment starts from pretrained weights.
pub(crate) fn wanted_by(experiment: &Experiment) -> bool {
    matches!(experiment.model, ModelSpec::ResNet18 { pretrained: true, .. }) && experiment.start == Start::Fresh
}

/// The file that was given, if the experiment wants one.
pub(crate) fn file_of<'a>(experiment: &Experiment, given: Option<&'a Path>) -> Option<&'a Path> {
    given.filter(|_| wanted_by(experiment))
}

/// Puts the tensors of the file in the place of the fresh ones; what has another shape there (the first convolution for
/// small images, the classifier) stays fresh, as in the reference, which replaces these layers.
pub(crate) fn load(experiment: &Experiment, prepared: &Prepared, file: Option<&Path>, theta: &mut [f32]) -> Result<()> {
    let name = &experiment.name;
    let Some(file) = file else {
        bail!(
            "{name} starts from a ResNet18 pretrained on ImageNet, and nothing is downloaded here: give its weights by \
             --pretrained FILE, which python -c \"import torchvision, safetensors.torch as s; \
             s.save_file(torchvision.models.resnet18(weights='DEFAULT').state_dict(), 'resnet18.safetensors')\" writes, \
             or set `model.args.pretrained` to false in an experiment of your own"
        );
    };
    let given = weights::load(file)?;
    let mut fresh = Vec::new();
    for entry in prepared.network.layout().entries() {
        let bare = entry.name.strip_prefix(PREFIX).unwrap_or(&entry.name);
        match given.tensors.iter().find(|t| t.name == bare || t.name == entry.name) {
            Some(t) if t.shape == entry.shape => theta[entry.range.clone()].copy_from_slice(&t.values),
            Some(t) => fresh.push(format!("{} is {:?} there, {:?} here", entry.name, t.shape, entry.shape)),
            None => bail!("{} has no {bare}; expected ResNet18 under torchvision's names", file.display()),
        }
    }
    if !fresh.is_empty() {
        say(&format!("{name}: starts from {}, except for fresh {}", file.display(), fresh.join(", ")));
    }
    Ok(())
}

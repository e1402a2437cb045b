//! An experiment's samples, split and network.

use crate::session::say_once;
use anyhow::{Context, Result};
use heigen::config::Experiment;
use heigen::data::{Dataset, Split, split};
use heigen::model::Network;
use heigen_store::images::ImageFolder;
use heigen_store::weights;
use std::path::Path;

/// What an experiment works on.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) data: Dataset,
    pub(crate) split: Split,
    pub(crate) network: Network,
}

impl Prepared {
    /// Generates or reads the samples; says once what is to be said of them.
    pub(crate) fn new(experiment: &Experiment, images: &ImageFolder) -> Result<Self> {
        let name = &experiment.name;
        let (data, note) = images.dataset(&experiment.dataset).with_context(|| name.to_string())?;
        if let Some(note) = note {
            say_once(&format!("note: {note}"));
        }
        let split = split(data.n_samples(), experiment.train_fraction, experiment.test_fraction);
        let network =
            Network::build(&experiment.model, data.n_features(), data.n_classes).with_context(|| name.to_string())?;
        Ok(Self { data, split, network })
    }

    /// The training samples.
    pub(crate) fn training(&self) -> Dataset {
        self.data.subset(&self.split.train)
    }

    /// Reads a weights file into theta.
    pub(crate) fn theta(&self, path: &Path) -> Result<Vec<f32>> {
        let file = weights::load(path)?;
        let tensors = file.tensors.iter().map(|t| (t.name.as_str(), &t.shape[..], &t.values[..]));
        self.network.layout().assemble(tensors).with_context(|| path.display().to_string())
    }

    /// Theta as named tensors.
    pub(crate) fn tensors(&self, theta: &[f32]) -> Vec<weights::NamedTensor> {
        let entries = self.network.layout().entries().iter();
        let tensor = |e: &heigen::model::ParamEntry| weights::NamedTensor {
            name: e.name.clone(),
            shape: e.shape.clone(),
            values: theta[e.range.clone()].to_vec(),
        };
        entries.map(tensor).collect()
    }
}

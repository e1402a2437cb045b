//! An experiment's samples, split and network.

use crate::session::say_once;
use anyhow::{Context, Result, bail};
use heigen::config::{BatchNormMode, DatasetSpec, Experiment, FileArgs, ModelSpec, Sequential};
use heigen::data::{Dataset, Split, Standardization, split};
use heigen::linalg::Matrix;
use heigen::model::Network;
use heigen_store::images::ImageFolder;
use heigen_store::{own_data, weights};
use std::collections::BTreeMap;
use std::path::Path;

/// What an experiment works on.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) data: Dataset,
    pub(crate) split: Split,
    pub(crate) network: Network,
    /// Names of the classes, where the samples' file has some.
    pub(crate) classes: Option<Vec<String>>,
    /// What the features were shifted and scaled by.
    pub(crate) standardization: Option<Standardization>,
    /// Whether batch normalisation takes its statistics from the weights file.
    running: bool,
    /// Whether features were rounded to float32.
    rounded: bool,
}

impl Prepared {
    /// Generates or reads the samples; says once what is to be said of them.
    pub(crate) fn new(experiment: &Experiment, images: &ImageFolder) -> Result<Self> {
        let name = &experiment.name;
        let (mut data, classes, rounded) = samples(&experiment.dataset, images).with_context(|| name.to_string())?;
        let split = split(data.n_samples(), experiment.train_fraction, experiment.test_fraction);
        let standardization = match &experiment.dataset {
            DatasetSpec::File(FileArgs { standardize: true, .. }) => {
                let fitted = Standardization::fitted(&data, &split.train);
                fitted.apply(&mut data);
                Some(fitted)
            }
            _ => None,
        };
        let network =
            Network::build_for(&experiment.model, &data.shape, data.n_classes).with_context(|| name.to_string())?;
        let running =
            matches!(experiment.model, ModelSpec::Sequential(Sequential { batchnorm: BatchNormMode::Running, .. }));
        Ok(Self { data, split, network, classes, standardization, running, rounded })
    }

    /// The training samples.
    pub(crate) fn training(&self) -> Dataset {
        self.data.subset(&self.split.train)
    }

    /// Reads a weights file into theta, and into the statistics of batch normalisation where the architecture takes them
    /// from there.
    pub(crate) fn load(&mut self, path: &Path) -> Result<Vec<f64>> {
        let file = weights::load_f64(path)?;
        self.place(&file.tensors).with_context(|| path.display().to_string())
    }

    /// The same of tensors in memory.
    pub(crate) fn place(&mut self, tensors: &[weights::NamedTensor<f64>]) -> Result<Vec<f64>> {
        let views = tensors.iter().map(|t| (t.name.as_str(), &t.shape[..], &t.values[..]));
        let theta = self.network.layout().assemble(views)?;
        if self.running {
            let negative =
                |t: &&weights::NamedTensor<f64>| t.name.ends_with(".running_var") && t.values.iter().any(|&v| v < 0.0);
            if let Some(tensor) = tensors.iter().find(negative) {
                bail!("{} has a negative number; expected variances, 0 or more", tensor.name);
            }
            let values = |name: &str| tensors.iter().find(|t| t.name == name).map(|tensor| tensor.values.clone());
            self.network = self.network.with_fixed_statistics(values)?;
        }
        Ok(theta)
    }

    /// Why the network cannot be trained, if so.
    pub(crate) fn untrainable(&self) -> Option<&'static str> {
        self.running.then_some(
            "`model.args.batchnorm` is \"running\": its statistics come with given weights (--model FILE); \
             set it to \"batch\" to train",
        )
    }

    /// What is to be said of the samples.
    pub(crate) fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        let named = |(i, name): (usize, &String)| *name != i.to_string();
        if let Some(classes) = self.classes.as_ref().filter(|all| all.len() <= 50 && all.iter().enumerate().any(named))
        {
            let order: Vec<String> = classes.iter().enumerate().map(|(i, name)| format!("{i} is {name}")).collect();
            notes.push(format!("outputs are classes in the order of their first sample: {}", order.join(", ")));
        }
        if self.rounded {
            notes.push(
                "features were rounded to float32, in which PyTorch computes: numbers agree with those at the rounded \
                 features, not with float64 ones, beyond seven digits"
                    .to_owned(),
            );
        }
        notes
    }

    /// What a weights file tells beside the weights: names of classes, and what features were standardized by.
    pub(crate) fn metadata(&self) -> Result<BTreeMap<String, String>> {
        let mut metadata = BTreeMap::new();
        if let Some(classes) = &self.classes {
            metadata.insert("classes".to_owned(), serde_json::to_string(classes)?);
        }
        if let Some(standardization) = &self.standardization {
            metadata.insert("standardization".to_owned(), serde_json::to_string(standardization)?);
        }
        Ok(metadata)
    }

    /// Theta as named tensors, with the running statistics of batch normalisation as PyTorch expects them: those of the
    /// training samples.
    pub(crate) fn tensors(&self, theta: &[f32]) -> Vec<weights::NamedTensor> {
        let entries = self.network.layout().entries().iter();
        let tensor = |e: &heigen::model::ParamEntry| weights::NamedTensor {
            name: e.name.clone(),
            shape: e.shape.clone(),
            values: theta[e.range.clone()].to_vec(),
        };
        let mut tensors: Vec<_> = entries.map(tensor).collect();
        if !self.network.layout().buffers().is_empty() {
            let samples = self.training();
            let x = Matrix::from_f32(&samples.features, samples.n_features());
            for of in self.network.batch_statistics(theta, &x) {
                for (which, values) in [("running_mean", of.mean), ("running_var", of.variance)] {
                    let values: Vec<f32> = values.into_iter().map(|v| v as f32).collect();
                    let (name, shape) = (format!("{}.{which}", of.name), vec![values.len()]);
                    tensors.push(weights::NamedTensor { name, shape, values });
                }
            }
        }
        tensors
    }
}

/// The samples, the names of their classes if they come with some, and whether they were rounded.
fn samples(spec: &DatasetSpec, images: &ImageFolder) -> Result<(Dataset, Option<Vec<String>>, bool)> {
    if let DatasetSpec::File(args) = spec {
        let own = own_data::read(args)?;
        return Ok((own.data, Some(own.classes), own.rounded));
    }
    let (data, note) = images.dataset(spec)?;
    if let Some(note) = note {
        say_once(&format!("note: {note}"));
    }
    Ok((data, None, false))
}

//! An experiment's samples, split and network.

use crate::LabError;
use crate::cache::{Files, WeightsFile};
use crate::call::Call;
use crate::error::OfJob;
use crate::watch::NoteKind;
use heigen::config::{BatchNormMode, DatasetSpec, Experiment, FileArgs, ModelSpec, Sequential};
use heigen::data::{Dataset, Split, Standardization, split};
use heigen::linalg::Matrix;
use heigen::model::Network;
use heigen::train::{Parts, TrainError};
use heigen_store::weights::NamedTensor;
use heigen_store::{own_data, record};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// Samples, split and standardized as an experiment asks for.
#[derive(Debug)]
pub struct Samples {
    /// All samples.
    pub data: Dataset,
    /// The division of the samples into those for training, validation and testing.
    pub split: Split,
    /// Names of the classes, where the samples' file has some.
    pub classes: Option<Vec<String>>,
    /// The shift and scale of every feature, where the experiment asks for standardized features.
    pub standardization: Option<Standardization>,
    /// The training samples.
    pub(crate) training: Arc<Dataset>,
    /// Whether features were rounded to float32.
    rounded: bool,
    /// Sentences about the origin of the samples and how their file was read, where there is something to say.
    pub(crate) notes: Vec<String>,
}

/// Samples and network of an experiment.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// The samples.
    pub samples: Arc<Samples>,
    /// The network.
    pub network: Network,
    /// Whether batch normalisation takes its statistics from the weights file.
    running: bool,
}

impl Samples {
    fn new(experiment: &Experiment, source: Source) -> Result<Self, LabError> {
        let (mut data, classes, rounded, notes) = match source {
            Source::File(args, opened) => {
                let own = opened.parse(args)?;
                (own.data, Some(own.classes), own.rounded, own.notes)
            }
            Source::Known(call, files) => {
                let (images, spec) = (&call.lab.images, &experiment.dataset);
                let (data, note) = files.map_or_else(|| images.dataset(spec), |read| images.dataset_of(spec, read))?;
                (data, None, false, note.into_iter().collect())
            }
        };
        let split = split(data.n_samples(), experiment.train_fraction, experiment.test_fraction);
        let standardization = match &experiment.dataset {
            DatasetSpec::File(FileArgs { standardize: true, .. }) => {
                let fitted = Standardization::fitted(&data, &split.train);
                fitted.apply(&mut data);
                Some(fitted)
            }
            _ => None,
        };
        let training = Arc::new(data.subset(&split.train));
        Ok(Self { data, split, classes, standardization, training, rounded, notes })
    }

    /// A copy without samples: the classes, the standardization and the notes are those of the data set.
    fn emptied(&self) -> Self {
        let data = self.data.subset(&[]);
        let training = Arc::new(data.clone());
        let split = Split { train: vec![], test: vec![], validation: vec![] };
        let (classes, standardization, notes) =
            (self.classes.clone(), self.standardization.clone(), self.notes.clone());
        Self { data, split, classes, standardization, training, rounded: self.rounded, notes }
    }
}

/// The origin of samples.
enum Source<'a> {
    /// The user's files, read but not parsed yet.
    File(&'a FileArgs, Arc<own_data::Opened>),
    /// A generator, or files of an image set, which may have been read already.
    Known(Call<'a>, Option<Files>),
}

/// The words that tell samples from others.
fn told_by(experiment: &Experiment) -> String {
    let config = experiment.to_json();
    ["dataset", "train_fraction", "test_fraction"].map(|key| config[key].to_string()).join(" ")
}

/// Has the leading one of several processes read the files that the samples of an experiment are in, and hand them to the others, whose
/// experiment has to be the same. All of them have to call this; a process that works by itself reads them when it prepares the samples.
pub(crate) fn read_for_all(call: &Call, experiment: &Experiment) -> Result<(), LabError> {
    let together = &call.lab.together;
    let from_files =
        matches!(experiment.dataset, DatasetSpec::File(_) | DatasetSpec::Mnist2D(_) | DatasetSpec::Cifar10(_));
    if together.communicator().is_none() {
        return Ok(());
    }
    if !together.same(&experiment.to_json().to_string())? {
        return Err(LabError::OtherExperiment);
    }
    if !from_files {
        return Ok(());
    }
    let spec = told_by(experiment);
    let given = matches!(&experiment.dataset, DatasetSpec::File(args) if call.memo.given(&args.path).is_some());
    let known = given || call.memo.has_samples(&spec);
    if together.all(known)? {
        return Ok(());
    }
    // Somebody may have changed the files since: all take the same samples.
    call.memo.forget_samples(&spec);
    let files = together.read_files(|| match &experiment.dataset {
        DatasetSpec::File(args) => Ok(own_data::read_files(args)?),
        images => Ok(call.lab.images.read_files(images)?),
    })?;
    call.memo.have_read(spec, files);
    Ok(())
}

/// The samples of an experiment, prepared once in a request.
pub(crate) fn samples(call: &Call, experiment: &Experiment) -> Result<Arc<Samples>, LabError> {
    let spec = told_by(experiment);
    let content = || match &experiment.dataset {
        DatasetSpec::File(args) => {
            let opened = match (call.memo.given(&args.path), call.memo.take_read(&spec)) {
                (Some(given), _) => given,
                (None, Some(files)) => Arc::new(own_data::opened(args, files)?),
                (None, None) => Arc::new(own_data::open(args)?),
            };
            Ok((Some(record::stamp([&*spec, opened.hash()])), Source::File(args, opened)))
        }
        // Images are read again by every request, since their folder may hold other files by then.
        DatasetSpec::Mnist2D(_) | DatasetSpec::Cifar10(_) => {
            Ok((None, Source::Known(*call, call.memo.take_read(&spec))))
        }
        _ => Ok((Some(spec.clone()), Source::Known(*call, None))),
    };
    call.memo.samples(&call.lab.cache, &spec, content, |source| Samples::new(experiment, source))
}

impl Prepared {
    /// Generates or reads the samples, and tells the watch the notes on their origin.
    pub(crate) fn new(call: &Call, experiment: &Experiment) -> Result<Self, LabError> {
        let name = &experiment.name;
        let samples = samples(call, experiment).of(name)?;
        for note in &samples.notes {
            call.note(name, NoteKind::Samples(note.clone()));
        }
        let data = &samples.data;
        let network = Network::build_for(&experiment.model, &data.shape, data.n_classes).of(name)?;
        let running =
            matches!(experiment.model, ModelSpec::Sequential(Sequential { batchnorm: BatchNormMode::Running, .. }));
        Ok(Self { samples, network, running })
    }

    /// [`Prepared::new`] where all of several processes prepare the same samples: the leading one reads their files for all.
    pub(crate) fn by_all(call: &Call, experiment: &Experiment) -> Result<Self, LabError> {
        read_for_all(call, experiment).of(&experiment.name)?;
        Self::new(call, experiment)
    }

    /// Samples that were prepared already, with the network of `experiment` for them.
    pub(crate) fn with_model(self, experiment: &Experiment) -> Result<Self, LabError> {
        let data = &self.samples.data;
        let network = Network::build_for(&experiment.model, &data.shape, data.n_classes).of(&experiment.name)?;
        Ok(Self { network, ..self })
    }

    /// Reads the samples again that this process has let go of.
    ///
    /// # Errors
    /// [`LabError::SamplesChanged`] if their files have another content by now.
    pub(crate) fn read_samples_again(&mut self, call: &Call, experiment: &Experiment) -> Result<(), LabError> {
        let again = samples(call, experiment).of(&experiment.name)?;
        if again.data.source != self.samples.data.source {
            return Err(LabError::SamplesChanged { name: experiment.name.clone() });
        }
        self.samples = again;
        Ok(())
    }

    /// [`Prepared::read_samples_again`] where all of several processes do: the leading one reads their files for all.
    pub(crate) fn read_again_by_all(&mut self, call: &Call, experiment: &Experiment) -> Result<(), LabError> {
        read_for_all(call, experiment).of(&experiment.name)?;
        self.read_samples_again(call, experiment)
    }

    /// Lets go of the samples.
    pub(crate) fn let_go_of_samples(&mut self) {
        self.samples = Arc::new(self.samples.emptied());
    }

    /// Whether samples have classes under the loss of the experiment.
    pub(crate) fn has_classes(&self, experiment: &Experiment) -> bool {
        self.samples.data.classes().is_some() && !experiment.loss.is_regression()
    }

    /// Fails if the samples have no classes.
    pub(crate) fn need_classes(&self, experiment: &Experiment) -> Result<(), LabError> {
        let name = || experiment.name.clone();
        if self.has_classes(experiment) { Ok(()) } else { Err(LabError::NoClasses { name: name() }) }
    }

    /// The training samples.
    pub fn training(&self) -> &Arc<Dataset> {
        &self.samples.training
    }

    /// The parts that a training takes: those of all samples, or those that one of several processes has.
    pub(crate) fn parts(&self, call: &Call) -> Result<Parts, TrainError> {
        let Samples { data, split, .. } = &*self.samples;
        match call.lab.together.communicator() {
            Some(communicator) => Parts::dealt(data, split, &self.network, Arc::clone(communicator)),
            None => Ok(Parts::new(data, split)),
        }
    }

    /// Theta from the weights file at `path`, which also gives the statistics of batch normalisation where the architecture
    /// takes them from there.
    pub(crate) fn load(&mut self, path: &Path, file: &WeightsFile) -> Result<Vec<f64>, LabError> {
        self.place(&file.weights()?.tensors).of(path.display())
    }

    /// Theta from tensors in memory, which also give the statistics of batch normalisation where the architecture takes
    /// them from there.
    pub(crate) fn place(&mut self, tensors: &[NamedTensor<f64>]) -> Result<Vec<f64>, LabError> {
        let views = tensors.iter().map(|t| (t.name.as_str(), &t.shape[..], &t.values[..]));
        let theta = self.network.layout().assemble(views)?;
        if self.running {
            let negative =
                |t: &&NamedTensor<f64>| t.name.ends_with(".running_var") && t.values.iter().any(|&v| v < 0.0);
            if let Some(tensor) = tensors.iter().find(negative) {
                return Err(LabError::NegativeVariance { tensor: tensor.name.clone() });
            }
        }
        let values = |name: &str| tensors.iter().find(|t| t.name == name).map(|tensor| tensor.values.clone());
        if self.running {
            self.network = self.network.with_fixed_statistics(values)?;
        } else if self.network.has_graph_buffers() {
            self.network = self.network.with_graph_buffers(values)?;
        }
        Ok(theta)
    }

    /// Whether the network can be trained: no numbers besides its parameters come with given weights.
    pub(crate) fn trainable(&self) -> bool {
        !self.running && !self.network.has_graph_buffers()
    }

    /// Sentences that the user should read about the samples. Those of the samples' file were told already.
    pub(crate) fn notes(&self) -> Vec<String> {
        let rounded = self.samples.rounded.then(|| {
            "features were rounded to float32, in which PyTorch computes: numbers agree with those at the rounded \
             features, not with float64 ones, beyond seven digits"
                .to_owned()
        });
        self.samples.notes.iter().cloned().chain(rounded).collect()
    }

    /// The metadata of a weights file: the names of the classes, and the shift and scale of standardized features.
    pub(crate) fn metadata(&self) -> Result<BTreeMap<String, String>, LabError> {
        let mut metadata = BTreeMap::new();
        if let Some(classes) = &self.samples.classes {
            metadata.insert("classes".to_owned(), serde_json::to_string(classes)?);
        }
        if let Some(standardization) = &self.samples.standardization {
            metadata.insert("standardization".to_owned(), serde_json::to_string(standardization)?);
        }
        Ok(metadata)
    }

    /// Theta as named tensors, with the running statistics of batch normalisation that PyTorch expects, computed from
    /// the training samples.
    pub(crate) fn tensors(&self, theta: &[f32]) -> Vec<NamedTensor> {
        let tensor = |(name, entry): (&str, &heigen::model::ParamEntry)| NamedTensor {
            name: name.to_owned(),
            shape: entry.shape.clone(),
            values: theta[entry.range.clone()].to_vec(),
        };
        // A tensor that several layers have in common is there under each of its names, as in PyTorch's state dicts.
        let mut tensors: Vec<_> = self.network.layout().names().map(tensor).collect();
        if !self.network.layout().buffers().is_empty() {
            let samples = self.training();
            let x = Matrix::from_f32(&samples.features, samples.n_features());
            for of in self.network.batch_statistics(theta, &x) {
                for (which, values) in [("running_mean", of.mean), ("running_var", of.variance)] {
                    let values: Vec<f32> = values.into_iter().map(|v| v as f32).collect();
                    let (name, shape) = (format!("{}.{which}", of.name), vec![values.len()]);
                    tensors.push(NamedTensor { name, shape, values });
                }
            }
        }
        tensors
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Lab, LabOptions, Making, Store};
    use std::fs;

    /// The measures of a boundary were taken from other samples than the spectrum, and stored as if they were of the same.
    #[test]
    fn samples_that_have_changed_are_not_taken_for_those_that_were_let_go_of() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("samples.csv");
        fs::write(&file, "x,y,label\n0,1,0\n1,0,1\n1,2,0\n2,1,1\n").unwrap();
        let experiment = serde_json::json!({
            "model": {"type": "FNN", "args": {"num_neurons": 2}},
            "optimizer": {"type": "SGD", "args": {"lr": 0.1}},
            "dataset": {"type": "file", "args": {"path": file}},
            "init_model_at": "", "train_fraction": 1.0, "test_fraction": 0.0,
            "trainer": {"num_epochs": 1, "how_often_save_model": 0, "how_often_compute_grads": 0, "how_often_print": 1,
                        "batch_size": 2}
        });
        let config = dir.path().join("own/net.json");
        fs::create_dir(config.parent().unwrap()).unwrap();
        fs::write(&config, experiment.to_string()).unwrap();
        let experiment = heigen_store::catalogue::load(config.to_str().unwrap()).unwrap().experiment;
        let lab =
            Lab::new(LabOptions { images: "data".into(), threads: 1, memory: 1e9, machine: String::new() }).unwrap();
        let store = Store::memory();
        lab.call(&store, &Making::default(), &(), |call| {
            let mut prepared = Prepared::new(call, &experiment)?;
            let n = prepared.training().n_samples();
            let let_go = |prepared: &mut Prepared| {
                prepared.let_go_of_samples();
                call.memo.let_go_of_samples(&call.lab.cache);
            };
            let_go(&mut prepared);
            assert!(n > 0 && prepared.training().n_samples() == 0);
            prepared.read_samples_again(call, &experiment)?;
            assert_eq!(prepared.training().n_samples(), n);
            let_go(&mut prepared);
            fs::write(&file, "x,y,label\n0,1,0\n1,0,1\n1,2,0\n2,1.5,1\n").unwrap();
            let again = prepared.read_samples_again(call, &experiment);
            assert!(matches!(again, Err(LabError::SamplesChanged { .. })), "{again:?}");
            Ok(())
        })
        .unwrap();
    }
}

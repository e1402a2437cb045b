//! The ground of a session: an experiment with its network and its samples, between two beginnings.

use crate::ExploreError;
use crate::gallery::{self, MOST_SAMPLES};
use crate::opening::Opened;
use crate::protocol::Setup;
use heigen::analysis::Plane;
use heigen::config::{Activation, Experiment};
use heigen::data::{Dataset, Split, generate, split};
use heigen::model::{Layer, Network, fresh};
use heigen::rng::TorchGenerator;
use heigen::train::{Checkpoint, Parts};
use serde_json::{Value, json};
use std::sync::Arc;

/// An experiment, its network and its samples, which users may change.
#[derive(Clone, Debug)]
pub(crate) struct Ground {
    /// The page's settings, where it made the experiment.
    pub(crate) setup: Option<Setup>,
    pub(crate) experiment: Experiment,
    pub(crate) network: Arc<Network>,
    pub(crate) data: Dataset,
    pub(crate) split: Split,
    pub(crate) parts: Parts,
    /// The samples for training, test and validation.
    pub(crate) sets: [Arc<Dataset>; 3],
    pub(crate) plane: Plane,
    /// The weights at the beginning, `[P]`.
    pub(crate) start: Arc<Vec<f32>>,
    /// The widths of all layers, first the features, where the network is a chain of fully connected layers.
    pub(crate) widths: Option<(Vec<usize>, Activation)>,
}

impl Ground {
    /// The ground of settings of the page.
    pub(crate) fn of_setup(setup: Setup) -> Result<Self, String> {
        let experiment = gallery::experiment(&setup)?;
        let data = generate(&experiment.dataset).map_err(|error| error.to_string())?;
        let network = Network::build_for(&experiment.model, &data.shape, data.n_classes);
        let network = Arc::new(network.map_err(|error| error.to_string())?);
        let start = fresh(&experiment.model, &network, &mut TorchGenerator::new(experiment.seed));
        let split = split(data.n_samples(), experiment.train_fraction, experiment.test_fraction);
        Ok(Self::new(Some(setup), experiment, network, data, split, Arc::new(start)))
    }

    /// The ground of the experiment that the program was started with.
    pub(crate) fn of_opened(opened: &Opened) -> Self {
        let Opened { experiment, network, data, split, start } = opened.clone();
        Self::new(None, experiment, network, data, split, start)
    }

    fn new(
        setup: Option<Setup>,
        experiment: Experiment,
        network: Arc<Network>,
        data: Dataset,
        split: Split,
        start: Arc<Vec<f32>>,
    ) -> Self {
        let plane = heigen_lab::shown_plane(&experiment.dataset, &data.features);
        let widths = chain(&network);
        let parts = Parts::new(&data, &split);
        let sets = sets(&data, &split);
        Self { setup, experiment, network, data, split, parts, sets, plane, start, widths }
    }

    /// The state of a training that has not begun.
    pub(crate) fn beginning(&self) -> Checkpoint {
        Checkpoint { epochs_done: 0, theta: self.start.to_vec(), buffers: vec![], updates: 0, reports: vec![] }
    }

    /// Divides the samples anew after they have changed.
    fn changed(&mut self) {
        self.parts = Parts::new(&self.data, &self.split);
        self.sets = sets(&self.data, &self.split);
    }

    /// Puts a training sample on the plane.
    pub(crate) fn add(&mut self, x: f64, y: f64, class: usize) -> Result<(), String> {
        if class >= self.data.n_classes {
            return Err(format!("there is no class {class}; there are {}", self.data.n_classes));
        }
        if self.data.n_samples() >= MOST_SAMPLES {
            return Err(format!("there are {MOST_SAMPLES} samples already, the most that the explorer takes"));
        }
        let point = self.inside(x, y)?;
        self.split.train.push(self.data.n_samples());
        self.data.features.extend(point);
        self.data.labels.push(class);
        self.changed();
        Ok(())
    }

    /// Moves a sample.
    pub(crate) fn shift(&mut self, sample: usize, x: f64, y: f64) -> Result<(), String> {
        self.known(sample)?;
        let point = self.inside(x, y)?;
        self.data.features[2 * sample..2 * sample + 2].copy_from_slice(&point);
        self.changed();
        Ok(())
    }

    /// Takes a sample away; the samples after it have numbers lower by one.
    pub(crate) fn delete(&mut self, sample: usize) -> Result<(), String> {
        self.known(sample)?;
        if self.split.train.len() == 1 && self.split.train[0] == sample {
            return Err("the last training sample stays: without it there is no loss".to_owned());
        }
        self.data.features.drain(2 * sample..2 * sample + 2);
        self.data.labels.remove(sample);
        let Split { train, test, validation } = &mut self.split;
        for part in [train, test, validation] {
            part.retain(|&n| n != sample);
            part.iter_mut().filter(|n| **n > sample).for_each(|n| *n -= 1);
        }
        self.changed();
        Ok(())
    }

    /// Gives a sample the next class.
    pub(crate) fn flip(&mut self, sample: usize) -> Result<(), String> {
        self.known(sample)?;
        self.data.labels[sample] = (self.data.labels[sample] + 1) % self.data.n_classes;
        self.changed();
        Ok(())
    }

    fn known(&self, sample: usize) -> Result<(), String> {
        let n = self.data.n_samples();
        if sample < n { Ok(()) } else { Err(format!("there is no sample {sample}; there are {n}")) }
    }

    /// A point as features, which must lie within the plane that is shown.
    fn inside(&self, x: f64, y: f64) -> Result<[f32; 2], String> {
        let within = |[low, high]: [f64; 2], at: f64| (low..=high).contains(&at);
        if within(self.plane.x, x) && within(self.plane.y, y) {
            Ok([x as f32, y as f32])
        } else {
            Err(format!("({x}, {y}) lies outside of the plane that is shown"))
        }
    }

    /// The message that describes it to the page.
    pub(crate) fn told(&self, since: u32) -> Value {
        json!({
            "since": since,
            "name": self.experiment.name.to_string(),
            "setup": self.setup,
            "experiment": self.experiment.to_json(),
            "n_params": self.network.n_params(),
            "n_samples": self.sets.each_ref().map(|set| set.n_samples()),
            "n_classes": self.data.n_classes,
            "plane": self.plane,
            "widths": self.widths.as_ref().map(|(widths, _)| widths),
        })
    }
}

fn sets(data: &Dataset, split: &Split) -> [Arc<Dataset>; 3] {
    [&split.train, &split.test, &split.validation].map(|part| Arc::new(data.subset(part)))
}

/// The widths and the activation of a chain of fully connected layers; none for any other network.
fn chain(network: &Network) -> Option<(Vec<usize>, Activation)> {
    let mut activation = None;
    for layer in network.layers() {
        match layer {
            Layer::Linear(linear) if linear.window.is_none() => {}
            Layer::Activation(a) if activation.is_none_or(|other| other == *a) => activation = Some(*a),
            Layer::LogSoftmax => {}
            _ => return None,
        }
    }
    let mut widths = vec![network.n_inputs()];
    for pair in network.layout().entries().chunks(2) {
        let [weight, bias] = pair else { return None };
        let ([outputs, inputs], [biases]) = (&weight.shape[..], &bias.shape[..]) else { return None };
        if widths.last() != Some(inputs) || outputs != biases {
            return None;
        }
        widths.push(*outputs);
    }
    let plain = Network::fully_connected(&widths, activation.unwrap_or(Activation::Relu)).ok()?;
    (plain.n_params() == network.n_params()).then_some((widths, activation.unwrap_or(Activation::Relu)))
}

/// Whether an experiment can be the ground of a session.
pub(crate) fn check(experiment: &Experiment, data: &Dataset, network: &Network) -> Result<(), ExploreError> {
    let name = experiment.name.to_string();
    if data.n_features() != 2 {
        return Err(ExploreError::Features { name, features: data.n_features() });
    }
    let unfit = |why: String| Err(ExploreError::Unfit { name: name.clone(), why });
    if data.classes().is_none() || experiment.loss.is_regression() {
        return unfit("its samples have no classes, and so there is no boundary".to_owned());
    }
    if data.n_classes > 12 {
        return unfit(format!("it has {} classes; there are colours for 12", data.n_classes));
    }
    if data.n_samples() > MOST_SAMPLES {
        return unfit(format!("it has {} samples; a live page takes at most {MOST_SAMPLES}", data.n_samples()));
    }
    if network.n_params() > MOST_PARAMS {
        return unfit(format!("it has {} parameters; a live page takes at most {MOST_PARAMS}", network.n_params()));
    }
    if network.couples_samples() || network.has_graph_buffers() {
        return unfit("it cannot be trained as the explorer trains".to_owned());
    }
    Ok(())
}

/// The most parameters of a network that is explored.
pub(crate) const MOST_PARAMS: usize = 100_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn ground() -> Ground {
        Ground::of_setup(Setup::default()).unwrap()
    }

    #[test]
    fn samples_are_added_moved_flipped_and_deleted() {
        let mut ground = ground();
        let [train, test, validation] = ground.sets.each_ref().map(|set| set.n_samples());
        assert_eq!([train, test, validation], [150, 150, 0]);
        ground.add(1.0, -2.0, 2).unwrap();
        let last = ground.sets[0].n_samples() - 1;
        assert_eq!(
            (last, ground.sets[0].labels[last], &ground.sets[0].features[2 * last..]),
            (150, 2, &[1.0, -2.0][..])
        );
        ground.flip(300).unwrap();
        ground.shift(300, 0.5, 0.25).unwrap();
        assert_eq!((ground.sets[0].labels[last], &ground.sets[0].features[2 * last..]), (0, &[0.5, 0.25][..]));
        let (first, second) = (ground.data.features[0], ground.data.features[2]);
        ground.delete(0).unwrap();
        assert_eq!((ground.data.n_samples(), ground.data.features[0]), (300, second));
        assert_ne!(first, second);
        let mut all: Vec<usize> = ground.split.train.iter().chain(&ground.split.test).copied().collect();
        all.sort_unstable();
        assert!(all.into_iter().eq(0..300));
    }

    #[test]
    fn impossible_changes_are_refused_in_words() {
        let mut ground = ground();
        assert!(ground.add(0.0, 0.0, 3).unwrap_err().contains("no class 3"));
        assert!(ground.add(9.0, 0.0, 0).unwrap_err().contains("outside"));
        assert!(ground.add(f64::NAN, 0.0, 0).unwrap_err().contains("outside"));
        assert!(ground.shift(300, 0.0, 0.0).unwrap_err().contains("no sample 300"));
        assert!(ground.flip(usize::MAX).is_err() && ground.delete(300).is_err());
        while ground.sets[0].n_samples() > 1 {
            let first = ground.split.train[0];
            ground.delete(first).unwrap();
        }
        let only = ground.split.train[0];
        assert!(ground.delete(only).unwrap_err().contains("last training sample"));
        while ground.data.n_samples() < MOST_SAMPLES {
            ground.add(0.0, 0.0, 0).unwrap();
        }
        assert!(ground.add(0.0, 0.0, 0).unwrap_err().contains("1000"));
    }

    #[test]
    fn a_chain_of_layers_is_recognised() {
        let (widths, activation) = ground().widths.unwrap();
        assert_eq!((widths, activation), (vec![2, 30, 30, 3], Activation::Relu));
    }
}

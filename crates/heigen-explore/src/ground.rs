//! The ground of a session: an experiment with its network and its samples, between two beginnings.

use crate::ExploreError;
use crate::embedding::{around, irises};
use crate::gallery::{self, MOST_SAMPLES};
use crate::opening::Opened;
use crate::protocol::Setup;
use heigen::analysis::Plane;
use heigen::config::{Activation, Experiment};
use heigen::curvature::{Threads, Watch};
use heigen::data::{Dataset, Split, generate, split};
use heigen::model::{Layer, Network, fresh};
use heigen::rng::TorchGenerator;
use heigen::train::{Checkpoint, Outcome, Parts, Plan, train};
use serde_json::{Value, json};
use std::path::PathBuf;
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
    /// The places of samples that have more than two features, by t-SNE; none if their features are places already.
    pub(crate) embedding: Option<Arc<Vec<[f64; 2]>>>,
    /// The part of the plane that is shown.
    pub(crate) plane: Plane,
    /// The weights at the beginning, `[P]`.
    pub(crate) start: Arc<Vec<f32>>,
    /// The experiment whose weights are those of the beginning, where the page's settings ask for one.
    before: Option<Arc<Experiment>>,
    /// The file of the weights of the beginning, where the program was started with one.
    weights: Option<PathBuf>,
    /// The widths of all layers, first the features, where the network is a chain of fully connected layers.
    pub(crate) widths: Option<(Vec<usize>, Activation)>,
}

/// Why there is no ground of settings.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NoGround {
    /// The reason in a sentence.
    Refused(String),
    /// The watch asked to stop.
    Stopped,
}

impl From<String> for NoGround {
    fn from(reason: String) -> Self {
        Self::Refused(reason)
    }
}

fn in_words(error: impl std::fmt::Display) -> NoGround {
    NoGround::Refused(error.to_string())
}

impl Ground {
    /// The ground of settings of the page. A network that is to start from weights which have learnt random labels learns them here.
    pub(crate) fn of_setup(setup: Setup, threads: &Threads, watch: &mut dyn Watch) -> Result<Self, NoGround> {
        let experiment = gallery::experiment(&setup)?;
        let before = gallery::before(&setup)?.map(Arc::new);
        let data = generate(&experiment.dataset).map_err(in_words)?;
        let network = Network::build_for(&experiment.model, &data.shape, data.n_classes).map_err(in_words)?;
        let start = match &before {
            None => fresh(&experiment.model, &network, &mut TorchGenerator::new(experiment.seed)),
            Some(before) => trained(before, &network, threads, watch)?,
        };
        let split = split(data.n_samples(), experiment.train_fraction, experiment.test_fraction);
        let embedding = if data.n_features() == 2 { None } else { Some(irises(&data, watch)?) };
        Ok(Self {
            before,
            ..Self::new(Some(setup), experiment, Arc::new(network), data, split, Arc::new(start), embedding)
        })
    }

    /// The ground of the experiment that the program was started with.
    pub(crate) fn of_opened(opened: &Opened) -> Self {
        let Opened { experiment, network, data, split, start, weights, embedding } = opened.clone();
        Self { weights, ..Self::new(None, experiment, network, data, split, start, embedding) }
    }

    fn new(
        setup: Option<Setup>,
        experiment: Experiment,
        network: Arc<Network>,
        data: Dataset,
        split: Split,
        start: Arc<Vec<f32>>,
        embedding: Option<Arc<Vec<[f64; 2]>>>,
    ) -> Self {
        let plane = match &embedding {
            None => heigen_lab::shown_plane(&experiment.dataset, &data.features),
            Some(places) => around(places),
        };
        let widths = chain(&network);
        let parts = Parts::new(&data, &split);
        let sets = sets(&data, &split);
        Self {
            setup,
            experiment,
            network,
            data,
            split,
            parts,
            sets,
            embedding,
            plane,
            start,
            before: None,
            weights: None,
            widths,
        }
    }

    /// Whether the samples lie in the plane by their own features, so that there is a boundary to draw.
    pub(crate) fn is_plane(&self) -> bool {
        self.embedding.is_none()
    }

    /// The places of all samples, x and y in turn.
    pub(crate) fn places(&self) -> Vec<f32> {
        match &self.embedding {
            None => self.data.features.clone(),
            Some(places) => places.iter().flatten().map(|&x| x as f32).collect(),
        }
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
        let d = self.data.n_features();
        self.data.features.drain(d * sample..d * (sample + 1));
        if let Some(places) = &mut self.embedding {
            Arc::make_mut(places).remove(sample);
        }
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
        if !self.is_plane() {
            let features = self.data.n_features();
            return Err(format!(
                "a place of the t-SNE does not say what the {features} features of a sample there would be"
            ));
        }
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
            "before": self.before.as_ref().map(|before| json!({ "name": before.name.to_string(), "experiment": before.to_json() })),
            "weights": self.weights,
            "plane": self.plane,
            "embedded": !self.is_plane(),
            "n_features": self.data.n_features(),
            "widths": self.widths.as_ref().map(|(widths, _)| widths),
        })
    }
}

/// The weights that training an experiment ends with.
fn trained(
    experiment: &Experiment,
    network: &Network,
    threads: &Threads,
    watch: &mut dyn Watch,
) -> Result<Vec<f32>, NoGround> {
    let data = generate(&experiment.dataset).map_err(in_words)?;
    let split = split(data.n_samples(), experiment.train_fraction, experiment.test_fraction);
    let theta = fresh(&experiment.model, network, &mut TorchGenerator::new(experiment.seed));
    let plan = Plan { threads: threads.clone(), ..Plan::of(experiment) };
    let run = train(network, &Parts::new(&data, &split), theta, &plan, None, &mut (), watch).map_err(in_words)?;
    if run.outcome == Outcome::Interrupted { Err(NoGround::Stopped) } else { Ok(run.theta) }
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
    match heigen_lab::why_not_explored(experiment, data, network) {
        Some(why) => Err(ExploreError::Unfit { name: experiment.name.to_string(), why }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ground() -> Ground {
        Ground::of_setup(Setup::default(), &Threads::current(), &mut ()).unwrap()
    }

    #[test]
    fn irises_have_places_which_are_taken_away_with_them() {
        let setup = Setup { data: "iris".into(), train_fraction: 0.8, ..Setup::default() };
        let mut ground = Ground::of_setup(setup, &Threads::current(), &mut ()).unwrap();
        assert_eq!((ground.data.n_features(), ground.is_plane(), ground.places().len()), (4, false, 300));
        // Neighbours on the plane are mostly of one species.
        let places: Vec<[f64; 2]> = ground.embedding.as_ref().unwrap().to_vec();
        let distance = |a: [f64; 2], b: [f64; 2]| (a[0] - b[0]).hypot(a[1] - b[1]);
        let nearest = |n: usize| {
            let others = (0..150).filter(|&m| m != n);
            others.min_by(|&a, &b| distance(places[n], places[a]).total_cmp(&distance(places[n], places[b]))).unwrap()
        };
        let alike = (0..150).filter(|&n| ground.data.labels[n] == ground.data.labels[nearest(n)]).count();
        assert!(alike >= 135, "{alike} of 150");
        assert!(ground.add(0.0, 0.0, 0).unwrap_err().contains("4 features"));
        assert!(ground.shift(3, 0.0, 0.0).unwrap_err().contains("4 features"));
        let second = places[1];
        ground.delete(0).unwrap();
        assert_eq!((ground.embedding.as_ref().unwrap()[0], ground.data.features.len()), (second, 4 * 149));
    }

    /// Stops at once.
    struct Stop;
    impl Watch for Stop {
        fn progress(&mut self, _: heigen::curvature::Progress) -> std::ops::ControlFlow<()> {
            std::ops::ControlFlow::Break(())
        }
    }

    #[test]
    fn an_adversarial_start_has_learnt_random_labels_and_can_be_stopped() {
        let setup = Setup { start: crate::protocol::Beginning::Adversarial, hidden: vec![30], ..Setup::default() };
        let ground = Ground::of_setup(setup.clone(), &Threads::current(), &mut ()).unwrap();
        let fresh =
            Ground::of_setup(Setup { hidden: vec![30], ..Setup::default() }, &Threads::current(), &mut ()).unwrap();
        assert_eq!(ground.data, fresh.data);
        let random = Setup { random_labels: true, hidden: vec![30], ..Setup::default() };
        let random = Ground::of_setup(random, &Threads::current(), &mut ()).unwrap();
        let accuracy = |start: &[f32]| {
            let theta: Vec<f64> = start.iter().map(|&w| f64::from(w)).collect();
            let objective = random.experiment.objective();
            let made = heigen::curvature::Problem::<f64>::new(&*random.network, &theta, &random.sets[0], objective);
            made.unwrap().accuracy().unwrap()
        };
        let (learnt, before) = (accuracy(&ground.start), accuracy(&fresh.start));
        assert!(learnt > before + 0.15, "accuracy on random labels: {learnt} after {before}");
        assert_eq!(Ground::of_setup(setup, &Threads::current(), &mut Stop).err(), Some(NoGround::Stopped));
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

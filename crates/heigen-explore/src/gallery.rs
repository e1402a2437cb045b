//! The data sets that the page offers, and how its settings become an experiment.

use crate::protocol::{Beginning, Setup};
use heigen::config::{AnyName, Experiment, ExperimentName};
use serde_json::{Value, json};

/// The most hidden layers.
pub(crate) const MOST_LAYERS: usize = 6;
/// The most units of a hidden layer.
pub(crate) const MOST_UNITS: usize = 128;
/// The most samples, those that the user has put there included.
pub(crate) const MOST_SAMPLES: usize = heigen_lab::MOST_EXPLORED_SAMPLES;
/// The activations, by their names in experiment files.
pub(crate) const ACTIVATIONS: [&str; 5] = ["relu", "tanh", "sigmoid", "gelu", "softplus"];
/// The fraction of samples for training lies between these.
pub(crate) const FRACTIONS: [f64; 2] = [0.1, 0.9];

/// A data set of the gallery.
pub(crate) struct Set {
    /// Its name in messages and in experiment files.
    pub(crate) name: &'static str,
    /// Its name on the page.
    pub(crate) title: &'static str,
    /// Number of classes.
    pub(crate) classes: usize,
    /// Whether the settings' noise and seed make its points.
    pub(crate) noisy: bool,
}

/// The data sets of the gallery.
pub(crate) const SETS: [Set; 7] = [
    Set { name: "gauss_mixtures", title: "three blobs", classes: 3, noisy: false },
    Set { name: "hierachical", title: "four blobs in two groups", classes: 4, noisy: false },
    Set { name: "circle", title: "two circles", classes: 2, noisy: true },
    Set { name: "half_moon", title: "two half moons", classes: 2, noisy: true },
    Set { name: "gauss_checkerboard_linear_close", title: "checks, apart", classes: 2, noisy: false },
    Set { name: "gauss_checkerboard_noisy_close", title: "checks, mixed", classes: 2, noisy: false },
    Set { name: "iris", title: "irises, 4 features", classes: 3, noisy: false },
];

impl Default for Setup {
    fn default() -> Self {
        Self {
            data: SETS[0].name.to_owned(),
            noise: 0.1,
            random_labels: false,
            train_fraction: 0.5,
            hidden: vec![30, 30],
            activation: "relu".to_owned(),
            optimizer: "SGD".to_owned(),
            lr: 0.05,
            momentum: 0.0,
            weight_decay: 0.0,
            batch_size: 0,
            seed: 0,
            start: Beginning::Fresh,
        }
    }
}

/// Epochs for which a network learns random labels before an adversarial start.
const EPOCHS_BEFORE: usize = 1000;
/// The learning rate of Adam by which it learns them.
const RATE_BEFORE: f64 = 0.01;

/// The experiment whose trained weights an experiment of settings starts from, if it starts from any: the same network on the same
/// samples with random labels, by Adam, which learns them in a time that people wait.
pub(crate) fn before(setup: &Setup) -> Result<Option<Experiment>, String> {
    if setup.start == Beginning::Fresh {
        return Ok(None);
    }
    let own = Setup {
        random_labels: true,
        optimizer: "Adam".to_owned(),
        lr: RATE_BEFORE,
        batch_size: 0,
        start: Beginning::Fresh,
        ..setup.clone()
    };
    let mut made = experiment(&own)?;
    made.name = ExperimentName::new(FOLDER, format!("{}{BEFORE}", setup.data)).map_err(|error| error.to_string())?;
    made.trainer.num_epochs = EPOCHS_BEFORE;
    Ok(Some(made))
}

/// The folder of the page's experiments in their names, and what is added to the name of one that another starts from.
const FOLDER: &str = "explorer";
const BEFORE: &str = "_random_labels";

/// The experiment of settings, checked by the rules of experiment files.
pub(crate) fn experiment(setup: &Setup) -> Result<Experiment, String> {
    let Some(set) = SETS.iter().find(|set| set.name == setup.data) else {
        return Err(format!("there is no data set {:?} in the gallery", setup.data));
    };
    if setup.hidden.len() > MOST_LAYERS {
        return Err(format!("{} hidden layers; the explorer takes at most {MOST_LAYERS}", setup.hidden.len()));
    }
    if let Some(units) = setup.hidden.iter().find(|units| !(1..=MOST_UNITS).contains(*units)) {
        return Err(format!("a layer of {units} units; the explorer takes 1 to {MOST_UNITS}"));
    }
    if !ACTIVATIONS.contains(&&*setup.activation) {
        return Err(format!(
            "there is no activation {:?}; expected one of {}",
            setup.activation,
            ACTIVATIONS.join(", ")
        ));
    }
    if !(FRACTIONS[0]..=FRACTIONS[1]).contains(&setup.train_fraction) {
        let [low, high] = FRACTIONS;
        return Err(format!(
            "a share of {} of the samples for training; expected {low} to {high}",
            setup.train_fraction
        ));
    }
    if setup.noise > 2.0 {
        return Err(format!("noise of standard deviation {}; the explorer takes at most 2", setup.noise));
    }
    let document = document(setup, set);
    let name = ExperimentName::new(FOLDER, set.name).map_err(|error| error.to_string())?;
    let parsed = Experiment::parse(&document.to_string(), name, "the explorer's settings", &AnyName);
    Ok(parsed.map_err(|error| error.to_string())?.experiment)
}

/// The settings as the document of an experiment file.
fn document(setup: &Setup, set: &Set) -> Value {
    let mut layers = vec![];
    for (i, units) in setup.hidden.iter().enumerate() {
        layers.push(json!({ "type": "linear", "name": format!("fc{}", i + 1), "out_features": units }));
        layers.push(json!({ "type": setup.activation }));
    }
    let last = format!("fc{}", setup.hidden.len() + 1);
    layers.push(json!({ "type": "linear", "name": last, "out_features": set.classes }));
    let mut rule = json!({ "lr": setup.lr });
    if setup.optimizer != "Adam" {
        rule["momentum"] = setup.momentum.into();
        rule["weight_decay"] = setup.weight_decay.into();
    }
    let begins_at = match setup.start {
        Beginning::Fresh => String::new(),
        Beginning::Adversarial => format!("{FOLDER}/{}{BEFORE}", set.name),
    };
    let mut data = json!({ "random": setup.random_labels });
    if set.noisy {
        data["noise"] = setup.noise.into();
        data["seed"] = setup.seed.into();
    }
    // The other samples are for testing; rounded, since 1 - 0.7 is not 0.3.
    let test = ((1.0 - setup.train_fraction) * 1e4).round() / 1e4;
    json!({
        "model": { "type": "Sequential", "args": { "layers": layers } },
        "optimizer": { "type": setup.optimizer, "args": rule },
        "dataset": { "type": setup.data, "args": data },
        "init_model_at": begins_at,
        "train_fraction": setup.train_fraction,
        "test_fraction": test,
        "trainer": {
            "num_epochs": 1000,
            "how_often_save_model": 0,
            "how_often_compute_grads": 0,
            "how_often_print": 100,
            "batch_size": if setup.batch_size == 0 { "full".into() } else { Value::from(setup.batch_size) },
        },
        "seed": setup.seed,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_set_with_every_activation_and_rule_is_an_experiment() {
        for set in &SETS {
            for (activation, optimizer) in ACTIVATIONS.iter().zip(["SGD", "Adam", "SAM", "SGD", "Adam"]) {
                let (activation, optimizer) = ((*activation).to_owned(), optimizer.to_owned());
                let setup = Setup { data: set.name.to_owned(), activation, optimizer, ..Setup::default() };
                let made = experiment(&setup).unwrap();
                let samples = heigen::data::generate(&made.dataset).unwrap();
                let features = if set.name == "iris" { 4 } else { 2 };
                assert_eq!((samples.n_features(), samples.n_classes), (features, set.classes), "{}", set.name);
                assert!(samples.n_samples() <= MOST_SAMPLES);
            }
        }
    }

    #[test]
    fn an_adversarial_start_is_an_experiment_on_random_labels() {
        let setup = Setup { start: Beginning::Adversarial, lr: 0.3, ..Setup::default() };
        assert_eq!(before(&Setup::default()).unwrap(), None);
        let (before, after) = (before(&setup).unwrap().unwrap(), experiment(&setup).unwrap());
        assert_eq!(after.start, heigen::config::Start::Trained(before.name.clone()));
        assert_eq!(before.start, heigen::config::Start::Fresh);
        assert_eq!(before.model, after.model);
        let labels = |experiment: &Experiment| heigen::data::generate(&experiment.dataset).unwrap().labels;
        assert_ne!(labels(&before), labels(&after));
    }

    #[test]
    fn settings_out_of_range_are_refused_in_words() {
        let refused = |change: fn(&mut Setup), words: &str| {
            let mut setup = Setup::default();
            change(&mut setup);
            let error = experiment(&setup).unwrap_err();
            assert!(error.contains(words), "{error}");
        };
        refused(|s| s.data = "mnist2D".into(), "gallery");
        refused(|s| s.hidden = vec![1; 7], "at most 6");
        refused(|s| s.hidden = vec![0], "1 to 128");
        refused(|s| s.hidden = vec![1000], "1 to 128");
        refused(|s| s.activation = "swish".into(), "swish");
        refused(|s| s.optimizer = "Adagrad".into(), "Adagrad");
        refused(|s| s.lr = -1.0, "lr");
        refused(|s| s.lr = f64::NAN, "lr");
        refused(|s| s.momentum = 1.0, "momentum");
        refused(|s| s.train_fraction = 0.0, "0.1 to 0.9");
        refused(|s| s.train_fraction = f64::NAN, "0.1 to 0.9");
    }
}

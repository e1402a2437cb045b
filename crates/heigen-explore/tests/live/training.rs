//! Training in a session is the program's.

use crate::client::{Client, loss, setup, start};
use heigen::config::{AnyName, Experiment, ExperimentName};
use heigen::curvature::Problem;
use heigen::data::{generate, split};
use heigen::model::{Network, fresh};
use heigen::rng::TorchGenerator;
use heigen::train::{Parts, Plan, train};
use serde_json::{Value, json};

/// The loss after some epochs of the experiment that the page was told, by the library alone.
fn expected(ground: &Value, epochs: usize) -> f64 {
    let name = ExperimentName::new("explorer", "test").unwrap();
    let parsed = Experiment::parse(&ground["experiment"].to_string(), name, "told", &AnyName).unwrap();
    let mut experiment = parsed.experiment;
    experiment.trainer.num_epochs = epochs;
    let data = generate(&experiment.dataset).unwrap();
    let split = split(data.n_samples(), experiment.train_fraction, experiment.test_fraction);
    let network = Network::build_for(&experiment.model, &data.shape, data.n_classes).unwrap();
    let theta = fresh(&experiment.model, &network, &mut TorchGenerator::new(experiment.seed));
    let parts = Parts::new(&data, &split);
    let trained = train(&network, &parts, theta, &Plan::of(&experiment), None, &mut (), &mut ()).unwrap();
    let samples = data.subset(&split.train);
    Problem::<f64>::new(&network, &trained.theta, &samples, experiment.objective()).unwrap().loss()
}

#[test]
fn steps_are_epochs_of_the_experiment_that_the_page_is_told() {
    let mut client = Client::new(&start());
    for change in
        [json!({}), json!({ "optimizer": "Adam", "lr": 0.01 }), json!({ "optimizer": "SAM", "momentum": 0.5 })]
    {
        let id = client.send(json!({ "do": "setup", "setup": setup(&change) }));
        let ground = client.since("ground", id);
        for epochs in 1..=3 {
            let picture = client.picture(json!({ "do": "step" }));
            assert_eq!(picture["epoch"], epochs);
            assert_eq!(loss(&picture), expected(&ground, epochs), "{}", ground["experiment"]["optimizer"]);
        }
    }
}

#[test]
fn it_plays_pauses_and_begins_anew() {
    let mut client = Client::new(&start());
    let before = loss(&client.wait("picture", |_| true));
    client.send(json!({ "do": "speed", "epochs": 5 }));
    client.send(json!({ "do": "play" }));
    let later = client.wait("picture", |picture| picture["epoch"].as_u64() >= Some(60));
    assert!(loss(&later) < 0.9 * before, "{} after {before}", loss(&later));
    // Looks come along the way, with the threshold of stability.
    let look = client.wait("look", |look| look["epoch"].as_u64() > Some(0));
    assert!((look["threshold"].as_f64().unwrap() - 2.0 / 0.05).abs() < 1e-12, "{look}");
    let id = client.send(json!({ "do": "pause" }));
    let paused = client.since("picture", id);
    assert!(client.picture(json!({ "do": "view", "view": { "by": "classes" } }))["epoch"] == paused["epoch"]);
    let id = client.send(json!({ "do": "restart" }));
    client.since("ground", id);
    let again = client.since("picture", id);
    assert_eq!((again["epoch"].as_u64(), loss(&again)), (Some(0), before));
}

#[test]
fn a_training_that_diverges_rests_at_the_weights_before() {
    let mut client = Client::new(&start());
    client.wait("picture", |_| true);
    // Many batches an epoch, so that the weights have moved when the loss is no number any more.
    let change = json!({ "activation": "relu", "lr": 1e6 });
    let id = client.send(json!({ "do": "setup", "setup": setup(&change) }));
    let before = loss(&client.since("picture", id));
    let id = client.send(json!({ "do": "play" }));
    let error = client.wait("error", |_| true);
    assert!(error["message"].as_str().unwrap().contains("diverged in epoch 1 "), "{error}");
    assert!(!client.wait("playing", |_| true)["playing"].as_bool().unwrap());
    let rest = client.since("picture", id);
    assert_eq!((rest["epoch"].as_u64(), loss(&rest)), (Some(0), before));
    // It goes on with a smaller rate.
    client.send(json!({ "do": "restart" }));
    client.send(json!({ "do": "tune", "lr": 0.01, "weight_decay": 0.0 }));
    client.send(json!({ "do": "play" }));
    client.wait("picture", |picture| picture["epoch"].as_u64() >= Some(3));
}

#[test]
fn samples_are_changed_and_training_goes_on() {
    let mut client = Client::new(&start());
    let samples = client.wait("samples", |_| true);
    let count = |samples: &Value| samples["classes"].as_array().unwrap().len();
    assert_eq!(count(&samples), 300);
    client.picture(json!({ "do": "step" }));
    let id = client.send(json!({ "do": "add", "x": 0.0, "y": 3.5, "class": 1 }));
    let more = client.since("samples", id);
    assert_eq!((count(&more), &more["parts"][300], &more["points"][601]), (301, &json!(0.0), &json!(3.5)));
    assert_eq!(client.since("picture", id)["epoch"], 1);
    let id = client.send(json!({ "do": "flip", "sample": 300 }));
    assert_eq!(client.since("samples", id)["classes"][300], 2.0);
    let id = client.send(json!({ "do": "shift", "sample": 300, "x": 1.0, "y": -1.0 }));
    assert_eq!(client.since("samples", id)["points"][600], 1.0);
    let id = client.send(json!({ "do": "delete", "sample": 300 }));
    assert_eq!(count(&client.since("samples", id)), 300);
    assert_eq!(client.picture(json!({ "do": "step" }))["epoch"], 2);
    let id = client.send(json!({ "do": "delete", "sample": 300 }));
    let error = client.wait("error", |_| true);
    assert!(error["id"] == id && error["message"].as_str().unwrap().contains("no sample 300"), "{error}");
}

/// Momentum outlives a change of samples: one that is taken back leaves no trace.
#[test]
fn a_change_of_samples_keeps_the_state_of_the_rule() {
    let trained = |flips: u32| {
        let mut client = Client::new(&start());
        client.wait("picture", |_| true);
        client.send(json!({ "do": "setup", "setup": setup(&json!({ "momentum": 0.9 })) }));
        let until = |client: &mut Client, epochs: u32| {
            let id = client.send(json!({ "do": "until", "epochs": epochs }));
            let version = client.since("restored", id)["version"].clone();
            loss(&client.wait("picture", |picture| picture["version"] == version))
        };
        until(&mut client, 5);
        for _ in 0..flips {
            let id = client.send(json!({ "do": "flip", "sample": 0 }));
            client.since("samples", id);
        }
        until(&mut client, 9)
    };
    // There are two classes.
    let (without, with) = (trained(0), trained(2));
    assert_eq!(without, with);
}

#[test]
fn the_sharpness_rises_to_the_threshold_of_stability() {
    // Full batches on labels at random, which are learnt slowly (arXiv:2103.00065). On labels that are learnt soon the sharpness of
    // a cross-entropy falls with the loss instead, before it comes to any threshold.
    let mut client = Client::new(&start());
    client.wait("picture", |_| true);
    let change =
        json!({ "data": "gauss_mixtures", "random_labels": true, "hidden": [30, 30], "lr": 0.4, "batch_size": 0 });
    client.send(json!({ "do": "setup", "setup": setup(&change) }));
    let ratio = |look: &Value| look["sharpness"].as_f64().unwrap() / look["threshold"].as_f64().unwrap();
    let first = client.wait("look", |look| (look["threshold"].as_f64().unwrap() - 5.0).abs() < 1e-12);
    assert!(ratio(&first) < 0.5, "{first}");
    client.send(json!({ "do": "speed", "epochs": 20 }));
    client.send(json!({ "do": "play" }));
    let mut there = client.wait("look", |look| ratio(look) > 0.95);
    // It stays about the threshold for hundreds of epochs.
    let end = there["epoch"].as_u64().unwrap() + 600;
    while there["epoch"].as_u64().unwrap() < end {
        there = client.wait("look", |_| true);
        assert!((0.8..1.4).contains(&ratio(&there)), "{there}");
    }
}

#[test]
fn another_rate_changes_what_the_curvature_is_compared_with_and_nothing_else() {
    let mut client = Client::new(&start());
    client.send(json!({ "do": "surface", "axes": [{ "vector": 0 }, { "vector": 1 }] }));
    client.wait("surface", |_| true);
    let before = client.picture(json!({ "do": "view", "view": { "by": "classes" } }));
    client.until_quiet();
    client.send(json!({ "do": "tune", "lr": 0.2, "weight_decay": 0.01 }));
    let look = client.wait("look", |_| true);
    let lambda = look["eigenvalues"][0].as_f64().unwrap();
    assert!((look["threshold"].as_f64().unwrap() - 10.0).abs() < 1e-12, "{look}");
    assert!((look["sharpness"].as_f64().unwrap() - lambda - 0.01).abs() < 1e-12, "{look}");
    assert_eq!(look["version"], before["version"]);
    // Neither picture nor loss plane nor eigenvalues come again: the next to be said is the answer to the next command.
    let id = client.send(json!({ "do": "speed", "epochs": 3 }));
    std::thread::sleep(std::time::Duration::from_millis(300));
    let next = client.next();
    assert_eq!((&next["is"], &next["since"]), (&json!("playing"), &json!(id)));
    // The next epoch is one by the new rate.
    client.picture(json!({ "do": "step" }));
}

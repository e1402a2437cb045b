//! Links that come to the same weights again, and experiment files that the command line takes.

use crate::client::{Client, loss, numbers, setup, start};
use heigen_lab::{Lab, LabOptions, Making, Store, TrainRequest};
use serde_json::{Value, json};

/// Goes through a link; returns the picture at its end.
fn restored(client: &mut Client, setup: &Value, story: &Value, epochs: usize) -> Value {
    let link = json!({ "do": "restore", "setup": setup, "changes": story["changes"], "epochs": epochs });
    let id = client.send(link);
    let at = client.since("restored", id);
    assert_eq!(at["epoch"], epochs);
    client.wait("picture", |picture| picture["version"] == at["version"])
}

#[test]
fn a_link_goes_through_all_changes_to_the_same_loss() {
    for change in [json!({}), json!({ "optimizer": "Adam", "lr": 0.01 }), json!({ "momentum": 0.9, "hidden": [6, 6] })]
    {
        let settings = setup(&change);
        let address = start();
        let mut client = Client::new(&address);
        client.wait("picture", |_| true);
        let id = client.send(json!({ "do": "setup", "setup": settings }));
        client.since("picture", id);
        let steps = |client: &mut Client, n: usize| (0..n).for_each(|_| drop(client.picture(json!({ "do": "step" }))));
        steps(&mut client, 4);
        client.send(json!({ "do": "add", "x": 0.4, "y": 1.5, "class": 0 }));
        client.send(json!({ "do": "shift", "sample": 3, "x": 0.1, "y": 0.2 }));
        client.send(json!({ "do": "shift", "sample": 3, "x": 0.3, "y": 0.25 }));
        steps(&mut client, 3);
        client.send(json!({ "do": "flip", "sample": 5 }));
        client.send(json!({ "do": "tune", "lr": 0.03, "weight_decay": 0.001 }));
        steps(&mut client, 2);
        let id = client.send(json!({ "do": "delete", "sample": 2 }));
        let story = client.since("story", id);
        steps(&mut client, 3);
        let here = client.picture(json!({ "do": "view", "view": { "by": "classes" } }));
        assert_eq!((story["changes"].as_array().unwrap().len(), &story["lost"]), (5, &json!(false)), "{story}");
        let mut other = Client::new(&address);
        let there = restored(&mut other, &settings, &story, 12);
        assert_eq!((loss(&there), &there["parts"]), (loss(&here), &here["parts"]));
        // Without one of the changes it would be another.
        let mut less = story.clone();
        less["changes"].as_array_mut().unwrap().remove(2);
        assert_ne!(loss(&restored(&mut other, &settings, &less, 12)), loss(&here));
    }
}

#[test]
fn moves_that_were_kept_are_made_again() {
    let settings = setup(&json!({}));
    let address = start();
    let mut client = Client::new(&address);
    client.wait("picture", |_| true);
    client.send(json!({ "do": "setup", "setup": settings }));
    client.send(json!({ "do": "until", "epochs": 15 }));
    let at = client.wait("restored", |_| true);
    let look = client.wait("look", |look| look["basis"]["version"] == at["version"]);
    assert!(numbers(&look["basis"]["signs"]).iter().all(|s| s.abs() == 1.0));
    client.picture(json!({ "do": "move", "along": [0.4, -0.3], "random": 0.5 }));
    let id = client.send(json!({ "do": "keep" }));
    let story = client.since("story", id);
    let here = client.picture(json!({ "do": "step" }));
    let mut other = Client::new(&address);
    let there = restored(&mut other, &settings, &story, 16);
    assert!((loss(&there) / loss(&here) - 1.0).abs() < 1e-5, "{} {}", loss(&there), loss(&here));
    // What was kept is forgotten with the weights; changed samples are not.
    client.send(json!({ "do": "flip", "sample": 1 }));
    let id = client.send(json!({ "do": "restart" }));
    let story = client.since("story", id);
    assert_eq!(story["changes"], json!([{ "epoch": 0, "edit": { "do": "flip", "sample": 1 } }]));
}

#[test]
fn links_without_sense_are_refused_and_others_can_be_interrupted() {
    let mut client = Client::new(&start());
    client.wait("picture", |_| true);
    let change = json!({ "epoch": 9, "edit": { "do": "flip", "sample": 0 } });
    for (changes, epochs) in [(json!([change]), 8), (json!([]), 1_000_000_000), (json!(vec![change; 300]), 20)] {
        let id = client.send(json!({ "do": "restore", "setup": null, "changes": changes, "epochs": epochs }));
        let error = client.wait("error", |_| true);
        assert!(error["id"] == id && error["message"].as_str().unwrap().contains("link"), "{error}");
    }
    // A change that cannot be made is said, and the rest of the way is gone.
    let wrong = json!([{ "epoch": 1, "edit": { "do": "flip", "sample": 9999 } }]);
    let id = client.send(json!({ "do": "restore", "setup": setup(&json!({})), "changes": wrong, "epochs": 3 }));
    assert!(client.wait("error", |_| true)["message"].as_str().unwrap().contains("9999"));
    assert_eq!(client.since("restored", id)["epoch"], 3);
    client.send(json!({ "do": "restore", "setup": setup(&json!({})), "changes": [], "epochs": 1_000_000 }));
    client.wait("picture", |picture| picture["epoch"].as_u64() >= Some(20));
    let id = client.send(json!({ "do": "pause" }));
    client.since("look", id);
}

/// The loss after as many epochs as an experiment's file says, by the engine of the command line.
fn trained_by_file(path: &std::path::Path, lab: &Lab) -> f64 {
    let loaded = heigen_store::catalogue::load(path.to_str().unwrap()).unwrap();
    let store = Store::memory();
    for before in heigen_store::catalogue::chain(&loaded).unwrap() {
        lab.train(&TrainRequest { store: store.clone(), experiment: before, making: Making::default() }, &()).unwrap();
    }
    let prepared = lab.prepared(&loaded.experiment, &()).unwrap();
    let request = TrainRequest { store, experiment: loaded.clone(), making: Making::default() };
    let theta = lab.train(&request, &()).unwrap().theta;
    let samples = prepared.samples.data.subset(&prepared.samples.split.train);
    let objective = loaded.experiment.objective();
    heigen::curvature::Problem::<f64>::new(&prepared.network, &theta, &samples, objective).unwrap().loss()
}

#[test]
fn experiment_files_train_to_the_loss_of_the_page() {
    let options = LabOptions { images: "data".into(), threads: 2, memory: 1e9, machine: "test".into() };
    let lab = Lab::new(options).unwrap();
    let mut client = Client::new(&start());
    client.wait("picture", |_| true);
    for change in [json!({ "random_labels": true }), json!({ "start": "adversarial", "data": "gauss_mixtures" })] {
        let id = client.send(json!({ "do": "setup", "setup": setup(&change) }));
        let ground = client.since("ground", id);
        let id = client.send(json!({ "do": "until", "epochs": 7 }));
        let version = client.since("restored", id)["version"].clone();
        let here = client.wait("picture", |picture| picture["version"] == version);
        // As the page saves it: with the epochs of the page, the start beside it.
        let folder = tempfile::Builder::new().prefix("saved").tempdir().unwrap();
        let path = |name: &str| folder.path().join(format!("{}.json", name.rsplit('/').next().unwrap()));
        let mut experiment = ground["experiment"].clone();
        experiment["trainer"]["num_epochs"] = 7.into();
        let own = path(ground["name"].as_str().unwrap());
        std::fs::write(&own, experiment.to_string()).unwrap();
        if let Some(name) = ground["before"]["name"].as_str() {
            std::fs::write(path(name), ground["before"]["experiment"].to_string()).unwrap();
        }
        assert_eq!(ground["before"].is_null(), change["start"].is_null());
        assert_eq!(trained_by_file(&own, &lab), loss(&here), "{change}");
    }
}

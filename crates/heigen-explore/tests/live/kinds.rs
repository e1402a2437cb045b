//! Networks and samples of other kinds than the usual: very few parameters, more than two features, all units of a layer.

use crate::client::{Client, loss, numbers, setup, start, start_with};
use heigen_explore::Explorer;
use heigen_lab::{Lab, LabOptions, Making, Store, TrainRequest};
use serde_json::json;

#[test]
fn a_network_of_six_parameters_has_six_eigenvalues_and_everything_else() {
    let mut client = Client::new(&start());
    client.wait("picture", |_| true);
    let id = client.send(json!({ "do": "setup", "setup": setup(&json!({ "hidden": [] })) }));
    assert_eq!(client.since("ground", id)["n_params"], 6);
    let look = client.since("look", id);
    let values = numbers(&look["eigenvalues"]);
    assert_eq!((values.len(), numbers(&look["lowest"]).len()), (6, 0));
    // The softmax of two classes depends on the difference of their outputs only: half of the eigenvalues are 0.
    assert!(values[2] > 1e-3 * values[0] && values[3].abs() < 1e-9 * values[0], "{values:?}");
    let id = client.send(json!({ "do": "whole", "on": true }));
    let whole = client.since("spectrum", id);
    assert_eq!((whole["rank"].as_u64(), numbers(&whole["eigenvalues"]).len()), (Some(3), 3));
    client.send(json!({ "do": "surface", "axes": [{ "vector": 0 }, { "vector": 2 }] }));
    client.wait("surface", |_| true);
    client.send(json!({ "do": "pieces", "on": true }));
    client.wait("pieces", |_| true);
    // Many looks after each other begin at the vectors of the one before.
    for _ in 0..12 {
        let id = client.send(json!({ "do": "step" }));
        client.since("look", id);
    }
    let moved = client.picture(json!({ "do": "move", "along": [0.1, 0.0, 0.2], "random": 0.1 }));
    assert_eq!(moved["moved"], true);
}

#[test]
fn samples_of_four_features_are_embedded_and_coloured() {
    let mut client = Client::new(&start());
    client.wait("picture", |_| true);
    let change = json!({ "data": "iris", "train_fraction": 0.8, "hidden": [10], "optimizer": "Adam", "lr": 0.02 });
    let id = client.send(json!({ "do": "setup", "setup": setup(&change) }));
    let ground = client.since("ground", id);
    assert_eq!((&ground["embedded"], &ground["n_features"]), (&json!(true), &json!(4)));
    let samples = client.since("samples", id);
    assert_eq!((numbers(&samples["points"]).len(), numbers(&samples["classes"]).len()), (300, 150));
    let plane = &ground["plane"];
    for (i, at) in numbers(&samples["points"]).into_iter().enumerate() {
        let range = numbers(&plane[if i % 2 == 0 { "x" } else { "y" }]);
        assert!(range[0] < at && at < range[1], "{at} in {range:?}");
    }
    client.send(json!({ "do": "until", "epochs": 60 }));
    client.wait("restored", |_| true);
    let id = client.send(json!({ "do": "view", "view": { "by": "alignment", "vector": 0 } }));
    let picture = client.wait("picture", |p| p["since"].as_u64() >= Some(id.into()) && !p["of_samples"].is_null());
    assert!(picture["values"].is_null() && picture["classes"].is_null());
    let aligned = numbers(&picture["of_samples"]);
    assert!(aligned.len() == 150 && aligned.iter().all(|a| a.abs() <= 1.0 + 1e-5));
    // The accuracy of the picture is that of the classes which it says are predicted.
    let (predicted, classes) = (numbers(&picture["predicted"]), numbers(&samples["classes"]));
    let parts = numbers(&samples["parts"]);
    let own: Vec<usize> = (0..150).filter(|&n| parts[n] == 0.0).collect();
    let right = own.iter().filter(|&&n| predicted[n] == classes[n]).count() as f64 / own.len() as f64;
    assert!((right - picture["parts"][0]["accuracy"].as_f64().unwrap()).abs() < 1e-12 && right > 0.9);
    // A unit colours the samples, too, and what the outliers carry has its table by classes.
    let unit = client.picture(json!({ "do": "view", "view": { "by": "unit", "layer": 0, "unit": 3 } }));
    assert_eq!(numbers(&unit["of_samples"]).len(), 150);
    client.send(json!({ "do": "pieces", "on": true }));
    let pieces = client.wait("pieces", |_| true);
    assert!(numbers(&pieces["eigenvalues"]).len() == pieces["shares"].as_array().unwrap().len());
    assert!(pieces["pieces"].as_array().unwrap().is_empty());
    // Samples are flipped and deleted, but not put anywhere.
    let id = client.send(json!({ "do": "flip", "sample": 0 }));
    assert_eq!(client.since("samples", id)["classes"][0], (classes[0] + 1.0) % 3.0);
    let id = client.send(json!({ "do": "delete", "sample": 0 }));
    assert_eq!(numbers(&client.since("samples", id)["points"]), numbers(&samples["points"])[2..]);
    client.send(json!({ "do": "add", "x": 0, "y": 0, "class": 0 }));
    assert!(client.wait("error", |_| true)["message"].as_str().unwrap().contains("4 features"));
}

#[test]
fn maps_of_units_are_those_of_each_unit() {
    let mut client = Client::new(&start());
    client.wait("picture", |_| true);
    let id = client.send(json!({ "do": "setup", "setup": setup(&json!({ "hidden": [5, 7] })) }));
    client.since("picture", id);
    let picture = client.picture(json!({ "do": "units", "layer": 1 }));
    let (maps, cells) = (numbers(&picture["units"]), picture["unit_cells"].as_u64().unwrap() as usize);
    assert_eq!((maps.len(), &picture["units_of"]), (7 * cells * cells, &json!(1)));
    let one = client.picture(json!({ "do": "view", "view": { "by": "unit", "layer": 1, "unit": 4 } }));
    let (values, side) = (numbers(&one["values"]), one["cells"].as_u64().unwrap() as usize);
    let most = values.iter().fold(0.0f64, |most, v| most.max(v.abs()));
    for (i, j) in [(0, 0), (cells / 2, cells / 3), (cells - 1, 4), (7, cells - 1)] {
        // The cell of the large map that holds the middle of the small one's cell.
        let at = |i: usize| ((i as f64 + 0.5) / cells as f64 * side as f64) as usize;
        let (small, large) = (maps[4 * cells * cells + i + cells * j], values[at(i) + side * at(j)]);
        assert!(((small - 128.0) / 127.0 - large / most).abs() < 0.06, "({i}, {j}): {small} {large} of {most}");
    }
    assert!(client.picture(json!({ "do": "units", "layer": null }))["units"].is_null());
    assert!(client.picture(json!({ "do": "units", "layer": 2 }))["units"].is_null());
}

#[test]
fn an_experiment_begins_at_given_weights_and_comes_back_to_them() {
    let options = LabOptions { images: "data".into(), threads: 2, memory: 1e9, machine: "test".into() };
    let lab = Lab::new(options).unwrap();
    let folder = tempfile::Builder::new().prefix("given").tempdir().unwrap();
    let mut experiment = heigen_store::catalogue::load("circle/normal_training").unwrap();
    experiment.experiment.trainer.num_epochs = 30;
    let store = Store::folder(folder.path());
    let request = TrainRequest { store: store.clone(), experiment: experiment.clone(), making: Making::default() };
    let trained = lab.train(&request, &()).unwrap();
    let explorer = Explorer::at_weights(&lab, &experiment, &trained.path, &()).unwrap();
    let mut client = Client::new(&start_with(explorer));
    let ground = client.wait("ground", |_| true);
    assert_eq!(ground["weights"], trained.path.to_str().unwrap());
    let first = client.wait("picture", |_| true);
    let wanted = trained.record.epochs.last().unwrap().train.loss;
    assert!((loss(&first) / wanted - 1.0).abs() < 1e-5, "{} {wanted}", loss(&first));
    assert_eq!(first["epoch"], 0);
    let after = client.picture(json!({ "do": "step" }));
    assert_ne!(loss(&after), loss(&first));
    let id = client.send(json!({ "do": "open" }));
    let again = client.wait("picture", |picture| picture["since"] == id && picture["epoch"] == 0);
    assert_eq!(loss(&again), loss(&first));
    // Without weights it begins where its training does.
    let fresh = Explorer::of_experiment(&lab, &store, &experiment, &()).unwrap();
    let mut other = Client::new(&start_with(fresh));
    assert_eq!(other.wait("ground", |_| true)["weights"], json!(null));
    assert!(loss(&other.wait("picture", |_| true)) > loss(&first));
}

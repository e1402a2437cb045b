//! Tests of `heigen boundary`, on a plane and on images.

mod common;

use common::{Sandbox, changed, small};
use serde_json::{Value, json};

#[test]
fn boundaries_of_planes_are_measured_once() {
    let sandbox = Sandbox::new();
    let plain = sandbox.config("plain", &small());
    let record: Value = serde_json::from_str(&sandbox.ok(&["boundary", &plain, "--json"]).stdout).unwrap();
    let positive = |pointer: &str| assert!(record.pointer(pointer).unwrap().as_f64().unwrap() > 0.0, "{pointer}");
    for pointer in ["/complexity/length", "/switches/different_class/mean", "/margin/margin", "/nearest/distance"] {
        positive(pointer);
    }
    assert_eq!(record["nearest_among"], 150);
    let accuracy = record.pointer("/encoding/accuracy").unwrap().as_f64().unwrap();
    assert!((record["encoding"]["majority"].as_f64().unwrap()..=1.0).contains(&accuracy));
    let run = sandbox.ok(&["boundary", &plain]);
    assert!(run.stderr.contains("my/plain: reused results/grads/my/plain_boundary.json"), "{}", run.stderr);
    assert!(run.stdout.contains("from training sample") && run.stdout.contains("by v_1"), "{}", run.stdout);
}

#[test]
fn margins_of_image_networks_are_left_out_unless_asked_for() {
    let sandbox = Sandbox::new();
    let images = json!({"type": "mnist2D", "args": {"class_list": [0, 1], "num_samples_per_cls": 6}});
    let config = changed(&[
        ("/model", json!({"type": "CNN", "args": {}})),
        ("/dataset", images),
        ("/trainer/num_epochs", json!(2)),
        ("/optimizer/args/lr", json!(1e-5)),
    ]);
    let run = sandbox.ok(&["boundary", &sandbox.config("images", &config), "--json"]);
    let record: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!([&record["margin"], &record["nearest"], &record["complexity"]], [&Value::Null; 3]);
    assert!(record.pointer("/switches/different_class/pairs").unwrap().as_u64().unwrap() > 0);
}

//! Whole tasks dealt to the processes of a launcher: the results are those of one process.

mod common;

use common::Sandbox;
use serde_json::json;
use std::fs;

/// What the processes of a launcher write, and the same of one process.
fn same(args: &[&str], prepare: impl Fn(&Sandbox), folders: &[&str], ranks: &[usize]) {
    let by = |n: usize| {
        let sandbox = Sandbox::new();
        prepare(&sandbox);
        let output = sandbox.ok(n, args);
        (folders.iter().map(|folder| sandbox.files(folder)).collect::<Vec<_>>(), output.stdout)
    };
    let (alone, told) = by(0);
    assert!(alone.iter().all(|files| files.len() > 2), "{args:?} wrote {alone:?}");
    for &n in ranks {
        let (together, said) = by(n);
        for (a, b) in alone.iter().zip(&together) {
            assert_eq!(a.keys().collect::<Vec<_>>(), b.keys().collect::<Vec<_>>(), "{args:?}, {n} ranks");
            a.iter().for_each(|(path, bytes)| assert!(*bytes == b[path], "{} differs with {n} ranks", path.display()));
        }
        assert_eq!(said, told, "one process alone says something");
    }
}

#[test]
fn a_reproduction_over_seeds_is_that_of_one_process() {
    same(&["reproduce", "fig1", "--seeds", "1..3"], |_| (), &["results", "figures"], &[1, 2, 3]);
}

fn study(sandbox: &Sandbox) {
    let study = json!({
        "title": "Shares", "seeds": {"count": 2}, "converged_loss": 0.9,
        "experiment": {
            "model": {"type": "FNN_2layer", "args": {"num_neurons_layer1": 5, "num_neurons_layer2": 5}},
            "optimizer": {"type": "SGD", "args": {"lr": 0.1}}, "dataset": {"type": "half_moon"},
            "train_fraction": 0.5, "test_fraction": 0.5,
            "trainer": {"num_epochs": 10, "batch_size": 32, "how_often_print": 10}
        },
        "factors": {"rate": {"slow": {}, "mad": {"optimizer": {"args": {"lr": 1e30}}}},
                    "start": {"normal": {}, "adversarial": {"first": {"dataset": {"args": {"random": true}}}}}},
        "claims": [{"name": "sharper", "statement": "An adversarial start ends sharper.", "expect": "larger",
                    "compare": {"measure": "lambda_1", "factor": "start", "levels": ["adversarial", "normal"]}}]
    });
    fs::write(sandbox.path("shares.json"), study.to_string()).unwrap();
}

/// Rows that say why a training failed are among them. (The page names the number of threads.)
#[test]
fn a_study_is_that_of_one_process() {
    same(&["study", "shares.json", "--threads", "1"], study, &["results/studies"], &[2, 3]);
}

#[test]
fn a_task_that_fails_is_named_with_its_process_and_stops_only_what_needs_it() {
    let sandbox = Sandbox::new();
    // A folder stands where the weights of one seed should be written.
    let weights = "results/seeds/2/models/intro1D/normal_training.safetensors";
    fs::create_dir_all(sandbox.path(&format!("{weights}/x"))).unwrap();
    let run = sandbox.run(3, &["reproduce", "fig1", "--seeds", "1..3"]);
    let said = String::from_utf8_lossy(&run.stderr).into_owned();
    assert!(!run.status.success(), "{said}");
    assert_eq!(said.matches("error: train intro1D/normal_training (seed 2): ").count(), 1, "{said}");
    assert!(said.contains("3 of 11 tasks failed or could not begin"), "{said}");
    assert!(sandbox.path("report/index.html").is_file() && sandbox.path("figures").is_dir());
    fs::remove_dir_all(sandbox.path("results/seeds/2/models")).unwrap();
    sandbox.ok(3, &["reproduce", "fig1", "--seeds", "1..3"]);
}

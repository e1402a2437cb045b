//! Tests of `heigen train`: trainings, reuse with its reasons, and files that are kept along the way.

mod common;

use common::{Sandbox, changed, small};
use heigen_store::record::ModelRecord;
use heigen_store::{npy, weights};
use insta::assert_snapshot;
use serde_json::{Value, json};

#[test]
fn what_matches_is_reused_and_what_does_not_is_trained_again_and_told_why() {
    let sandbox = Sandbox::new();
    let plain = sandbox.config("plain", &small());
    let mut talk = Vec::new();
    let mut step = |what: &str, args: &[&str]| {
        let run = sandbox.ok(&[&["train"], args].concat());
        talk.push(format!("# {what}\n{}{}", run.stderr, run.stdout));
        sandbox.files("results")
    };
    let first = step("first", &[&plain]);
    assert_eq!(step("again", &[&plain]), first);
    let seeded = step("other seed", &[&plain, "--seed", "3"]);
    assert_ne!(seeded["models/my/plain.safetensors"], first["models/my/plain.safetensors"]);
    assert_eq!(step("first seed again", &[&plain]), first, "same seed, same bytes");
    assert_eq!(step("forced", &[&plain, "--force"]), first);
    sandbox.config("plain", &changed(&[("/optimizer/args/lr", json!(0.2)), ("/trainer/num_epochs", json!(5))]));
    step("changed configuration", &[&plain]);
    sandbox.config("plain", &small());
    sandbox.file("results/models/my/plain.json", b"{\"format\": \"heigen mod");
    assert_eq!(step("truncated record", &[&plain]), first);
    assert_snapshot!("reused_or_trained_again", talk.join("\n"));
    assert_eq!(first.into_keys().collect::<Vec<_>>(), ["models/my/plain.json", "models/my/plain.safetensors"]);
}

#[test]
fn starting_models_are_trained_first() {
    let sandbox = Sandbox::new();
    sandbox.config("plain", &small());
    sandbox.config("warm", &changed(&[("/init_model_at", json!("my/plain"))]));
    let large =
        sandbox.config("large", &changed(&[("/init_model_at", json!("my/warm")), ("/large_norm", json!(true))]));
    let mut talk = sandbox.ok(&["train", &large]).stderr;
    talk += "# the first of the chain anew\n";
    talk += &sandbox.ok(&["train", "my/plain.json", "--seed", "5"]).stderr;
    talk += &sandbox.ok(&["train", &large]).stderr;
    assert_snapshot!("starting_models", talk);
    // The large-norm start is trained for no epoch, so that the start itself is saved.
    let start = sandbox.config(
        "start",
        &changed(&[
            ("/init_model_at", json!("my/warm")),
            ("/large_norm", json!(true)),
            ("/trainer/num_epochs", json!(0)),
        ]),
    );
    sandbox.ok(&["train", &start]);
    let norm = |name: &str| {
        let file = weights::load(&sandbox.path(&format!("results/models/my/{name}.safetensors"))).unwrap();
        file.tensors.iter().flat_map(|t| &t.values).map(|&v| f64::from(v).powi(2)).sum::<f64>().sqrt()
    };
    assert!((norm("start") / norm("warm") - 1.0).abs() < 1e-6, "{} {}", norm("start"), norm("warm"));
}

#[test]
fn snapshots_and_gradients_along_training_are_kept() {
    let sandbox = Sandbox::new();
    let keep = |every: usize| {
        changed(&[
            ("/trainer/how_often_save_model", json!(every)),
            ("/trainer/how_often_compute_grads", json!(6)),
            ("/train_fraction", json!(0.1)),
        ])
    };
    let config = sandbox.config("kept", &keep(4));
    sandbox.ok(&["train", &config]);
    assert_snapshot!("kept_along_training", sandbox.names("results").join("\n"));
    let gradients: npy::Array<f32> =
        npy::read_shaped(&sandbox.path("results/grads/my/kept_gradients/epoch_000006.npy"), &[30, 123]).unwrap();
    let normalized: npy::Array<f32> =
        npy::read_shaped(&sandbox.path("results/grads/my/kept_gradients/epoch_000006_normalized.npy"), &[30, 123])
            .unwrap();
    for (g, n) in gradients.values.chunks(123).zip(normalized.values.chunks(123)) {
        let norm = g.iter().map(|x| x * x).sum::<f32>().sqrt();
        assert!(g.iter().zip(n).all(|(g, n)| (g / norm - n).abs() < 1e-5));
    }
    let last = weights::load(&sandbox.path("results/models/my/kept_snapshots/epoch_000012.safetensors")).unwrap();
    let trained = weights::load(&sandbox.path("results/models/my/kept.safetensors")).unwrap();
    assert_eq!(last.tensors, trained.tensors);
    // The epochs that an earlier training kept do not stay beside the new ones.
    sandbox.config("kept", &keep(6));
    sandbox.ok(&["train", &config]);
    let snapshots = sandbox.names("results/models/my/kept_snapshots");
    assert_eq!(snapshots, ["epoch_000000.safetensors", "epoch_000006.safetensors", "epoch_000012.safetensors"]);
}

/// They were those of the plain loss, whatever options the training's loss had.
#[test]
fn gradients_along_training_are_those_of_its_loss_with_its_options() {
    let sandbox = Sandbox::new();
    let config = changed(&[
        ("/loss", json!({"type": "cross_entropy", "args": {"label_smoothing": 0.3}})),
        ("/trainer/how_often_compute_grads", json!(12)),
        ("/train_fraction", json!(0.1)),
    ]);
    let config = sandbox.config("smoothed", &config);
    let told = sandbox.ok(&["hessian", &config, "--top-k", "1", "--json"]);
    let record: Value = serde_json::from_str(&told.stdout).unwrap();
    let path = sandbox.path("results/grads/my/smoothed_gradients/epoch_000012.npy");
    let gradients: npy::Array<f32> = npy::read_shaped(&path, &[30, 123]).unwrap();
    // The gradient of the mean loss is the mean of the gradients.
    let mean = |i: usize| gradients.values.iter().skip(i).step_by(123).map(|&g| f64::from(g) / 30.0).sum::<f64>();
    let (norm, wanted) = ((0..123).map(|i| mean(i).powi(2)).sum::<f64>().sqrt(), record["grad_norm"].as_f64().unwrap());
    assert!((norm / wanted - 1.0).abs() < 1e-5, "{norm} and {wanted}");
}

#[test]
fn the_summary_as_json_is_the_record() {
    let sandbox = Sandbox::new();
    let [a, b] = ["a", "b"].map(|name| sandbox.config(name, &small()));
    let run = sandbox.ok(&["train", &a, &b, "--json"]);
    let lines: Vec<Value> = run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.iter().map(|line| line["name"].as_str().unwrap()).collect::<Vec<_>>(), ["my/a", "my/b"]);
    let record = ModelRecord::load(&sandbox.path("results/models/my/b.json")).unwrap();
    // It is also what the record's file holds, with format and version.
    let summary = heigen_lab::Summary::parse(&lines[1].to_string()).unwrap();
    assert_eq!(summary, heigen_lab::Summary::from(record.clone()));
    let stored: Value =
        serde_json::from_slice(&std::fs::read(sandbox.path("results/models/my/b.json")).unwrap()).unwrap();
    assert_eq!(lines[1], stored);
    assert_eq!(record.epochs.iter().map(|e| e.epoch).collect::<Vec<_>>(), [6, 12]);
    assert_eq!((record.seed, record.epochs_trained, record.data_source.as_str()), (0, 12, "generated: gauss_mixtures"));
}

#[test]
fn early_stopping_is_said() {
    let sandbox = Sandbox::new();
    let config = changed(&[("/early_stopping", json!(true)), ("/trainer/num_epochs", json!(500))]);
    let run = sandbox.ok(&["train", &sandbox.config("early", &config)]);
    assert!(run.stderr.contains("stopped at 100 % training accuracy"), "{}", run.stderr);
    let record = ModelRecord::load(&sandbox.path("results/models/my/early.json")).unwrap();
    assert!(record.epochs_trained < 500);
    assert_eq!(record.epochs.last().unwrap().train.accuracy, Some(1.0));
}

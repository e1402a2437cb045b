//! Bad input gives exit code 1 and one message that names file, value and remedy; earlier results stay intact.

mod common;

use common::{Sandbox, changed, small};
use insta::assert_snapshot;
use serde_json::json;

#[test]
fn experiment_files_that_are_no_good() {
    let sandbox = Sandbox::new();
    let mut messages = vec![
        sandbox.error(&["train", "my/absent.json"]),
        sandbox.error(&["train", "gaus/normal_training"]),
        sandbox.error(&["hessian", "gauss"]),
        sandbox.error(&["train", "."]),
    ];
    sandbox.file("my/cut.json", b"{\n  \"model\": {\"type\": \"FNN\"},\n  \"optimizer\": {\"type\":");
    sandbox.file("my/comma.json", b"{\n  \"model\": {\"type\": \"FNN\"},,\n}");
    sandbox.file("my/binary.json", b"\x93NUMPY\x01\x00");
    messages.extend(["cut", "comma", "binary"].map(|name| sandbox.error(&["train", &format!("my/{name}.json")])));
    for (pointer, value) in [
        ("/optimizer/args/momentun", json!(0.9)),
        ("/optimizer/args/lr", json!(-0.1)),
        ("/test_fraction", json!(0.6)),
        ("/trainer/batch_size", json!(0)),
        ("/trainer/num_epochs", json!("many")),
        ("/init_model_at", json!("my/absent")),
        ("/init_model_at", json!("my/bad")),
        ("/dataset/type", json!("gauss_mixture")),
    ] {
        let bad = sandbox.config("bad", &changed(&[(pointer, value)]));
        messages.push(sandbox.error(&["train", &bad]));
    }
    messages.push(sandbox.error(&["train", "gauss_checkerboard_noisy/normal_training"]));
    messages.push(sandbox.error(&["hessian", "gauss_checkerboard_linear/noisy_init_training"]));
    assert_snapshot!("experiment_files", messages.concat());
    assert_eq!(sandbox.names("results"), Vec::<String>::new(), "nothing was trained");
}

#[test]
fn weights_that_do_not_fit_or_are_broken() {
    let sandbox = Sandbox::new();
    let plain = sandbox.config("plain", &small());
    let wide = sandbox.config("wide", &changed(&[("/model/args/num_neurons_layer1", json!(9))]));
    let thin = sandbox.config("thin", &changed(&[("/model", json!({"type": "FNN"}))]));
    sandbox.ok(&["hessian", &plain]);
    sandbox.ok(&["train", &wide, &thin]);
    let whole = std::fs::read(sandbox.path("results/models/my/plain.safetensors")).unwrap();
    sandbox.file("cut.safetensors", &whole[..whole.len() - 100]);
    sandbox.file("head.safetensors", &whole[..20]);
    sandbox.file("model.pt", b"PK\x03\x04rest of an archive");
    let before = sandbox.files("results");
    let models = [
        "results/models/my/wide.safetensors",
        "results/models/my/thin.safetensors",
        "cut.safetensors",
        "head.safetensors",
        "model.pt",
        "absent.safetensors",
        "my",
    ];
    let messages = models.map(|model| sandbox.error(&["hessian", &plain, "--model", model]));
    assert_snapshot!("weights", messages.concat());
    assert!(sandbox.files("results") == before);
}

#[test]
fn weights_that_heigen_did_not_write_are_not_overwritten() {
    let sandbox = Sandbox::new();
    let plain = sandbox.config("plain", &small());
    sandbox.ok(&["train", &plain]);
    let whole = std::fs::read(sandbox.path("results/models/my/plain.safetensors")).unwrap();
    sandbox.file("results/models/my/plain.safetensors", &whole[..500]);
    let changed = sandbox.files("results");
    let mut messages = sandbox.error(&["hessian", &plain]);
    assert!(sandbox.files("results") == changed);
    std::fs::remove_file(sandbox.path("results/models/my/plain.json")).unwrap();
    messages += &sandbox.error(&["train", &plain]);
    insta::with_settings!({filters => vec![("[0-9a-f]{12}", "[HASH]")]}, {
        assert_snapshot!("foreign_weights", messages);
    });
    sandbox.ok(&["train", &plain, "--force"]);
    assert_eq!(std::fs::read(sandbox.path("results/models/my/plain.safetensors")).unwrap(), whole);
}

#[test]
fn divergence_names_experiment_epoch_and_learning_rate() {
    let sandbox = Sandbox::new();
    let plain = sandbox.config("plain", &changed(&[("/trainer/how_often_save_model", json!(2))]));
    sandbox.ok(&["train", &plain]);
    let before = sandbox.files("results");
    let huge = changed(&[("/optimizer/args/lr", json!(1e30)), ("/trainer/how_often_save_model", json!(1))]);
    let boom = sandbox.config("plain", &huge);
    assert_snapshot!("divergence", sandbox.error(&["train", &boom]));
    assert!(sandbox.files("results") == before);
}

#[test]
fn results_folders_that_cannot_be_written_to() {
    let sandbox = Sandbox::new();
    let plain = sandbox.config("plain", &small());
    sandbox.file("file", b"x");
    let mut messages = vec![
        sandbox.error(&["train", &plain, "--results", "file"]),
        sandbox.error(&["figure", "2", &plain, "--figures", "file/figures"]),
    ];
    std::fs::create_dir_all(sandbox.path("folder/models/my/plain.safetensors")).unwrap();
    messages.push(sandbox.error(&["hessian", &plain, "--results", "folder"]));
    assert_snapshot!("results_folders", messages.concat());
    assert_eq!(sandbox.names("results"), Vec::<String>::new(), "known before anything is trained");
}

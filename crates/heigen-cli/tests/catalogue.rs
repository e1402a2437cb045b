//! Tests of `heigen list`, `heigen show`, the help, and wrong usage.

mod common;

use common::{Sandbox, changed};
use insta::assert_snapshot;
use serde_json::{Value, json};

#[test]
fn the_list_shows_every_experiment_and_what_it_starts_from() {
    let list = Sandbox::new().ok(&["list"]);
    assert_eq!(list.stderr, "");
    assert_eq!(list.stdout.lines().count(), 1 + 76 + 1);
    assert_snapshot!("list", list.stdout);
}

#[test]
fn the_list_as_json_tells_what_can_never_run() {
    let list: Value = serde_json::from_str(&Sandbox::new().ok(&["list", "--json"]).stdout).unwrap();
    let rows = list.as_array().unwrap();
    assert_eq!(rows.len(), 76);
    let cannot: Vec<&str> =
        rows.iter().filter(|row| !row["cannot_run"].is_null()).map(|row| row["name"].as_str().unwrap()).collect();
    assert_eq!(
        cannot,
        [
            "gauss_checkerboard_linear/noisy_init_training",
            "gauss_checkerboard_linear/normal_training",
            "gauss_checkerboard_noisy/adverserial_init_training",
            "gauss_checkerboard_noisy/normal_training",
            "gauss_checkerboard_noisy/random_label_training",
        ]
    );
    let large = rows.iter().find(|row| row["name"] == "gauss/large_norm_training").unwrap();
    assert_eq!(large["start"], json!({"from": "large_norm", "experiment": "gauss/random_label_training"}));
}

#[test]
fn show_gives_the_resolved_experiment_its_chain_and_its_sizes() {
    let sandbox = Sandbox::new();
    assert_snapshot!("show_shipped", sandbox.ok(&["show", "gauss/large_norm_training"]).stdout);
    let never = sandbox.ok(&["show", "gauss_checkerboard_linear/noisy_init_training"]).stdout;
    assert_snapshot!(
        "show_never_runnable",
        never.lines().skip_while(|line| *line != "}").collect::<Vec<_>>().join("\n")
    );
    sandbox.config("plain", &common::small());
    let own = sandbox.config("own", &changed(&[("/init_model_at", json!("my/plain")), ("/loss", json!("mse"))]));
    assert_snapshot!("show_own", sandbox.ok(&["show", &own, "--seed", "7"]).stdout);
    let shown: Value = serde_json::from_str(&sandbox.ok(&["show", &own, "--json"]).stdout).unwrap();
    assert_eq!(shown["chain"], json!(["my/plain"]));
    assert_eq!(shown["experiment"]["loss"], "mse");
    assert_eq!(shown["sizes"]["n_params"], 8 * 2 + 8 + 8 * 8 + 8 + 3 * 8 + 3);
    let sizes = ["n_samples", "train", "validation", "test"].map(|key| shown["sizes"][key].as_u64().unwrap());
    assert_eq!(sizes, [300, 150, 90, 60]);
}

#[test]
fn names_are_accepted_in_every_spelling() {
    let sandbox = Sandbox::new();
    let first = sandbox.ok(&["show", "gauss/normal_training"]).stdout;
    for args in [
        &["show", "gauss/normal_training.json"][..],
        &["show", "configs/gauss/normal_training.json"],
        &["show", "--config=gauss/normal_training"],
        &["show", "--config", "gauss/normal_training.json"],
    ] {
        assert_eq!(sandbox.ok(args).stdout, first, "{args:?}");
    }
}

#[test]
fn the_help_teaches() {
    let sandbox = Sandbox::new();
    assert_snapshot!("help", sandbox.ok(&["--help"]).stdout);
    assert_snapshot!("help_hessian", sandbox.ok(&["hessian", "--help"]).stdout);
    assert_eq!(sandbox.ok(&["--version"]).stdout, format!("heigen {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn wrong_usage_ends_with_2() {
    let sandbox = Sandbox::new();
    let mut messages = String::new();
    for args in [
        &["train", "--force"][..],
        &["show", "--json"],
        &["hessian", "gauss/normal_training", "--colour"],
        &["figure", "7"],
        &["figure", "2", "--eigenvectors", "0"],
        &["hessian", "gauss/normal_training", "--dtype", "float16"],
        &["train", "gauss/normal_training", "--threads", "100000"],
        &["train", "gauss/normal_training", "--seed", "-1"],
        &["paint"],
    ] {
        let run = sandbox.run(args);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{args:?}");
        messages.extend(["$ heigen ", &args.join(" "), "\n", &run.stderr, "\n"]);
    }
    for args in [&[][..], &["train"], &["figure"]] {
        assert_eq!(sandbox.run(args).code, 2, "{args:?} shows its help");
    }
    assert_snapshot!("wrong_usage", messages);
    assert_eq!(sandbox.names("."), Vec::<String>::new());
}

//! Tests of experiments with an architecture and a data file of the user.

mod common;

use common::{Sandbox, changed};
use heigen_store::weights;
use serde_json::{Value, json};

/// A table with three named classes, in which the second feature is large and the third is constant.
fn table() -> String {
    let row = |n: usize| {
        let (class, x) = (["oak", "ash", "elm"][n % 3], n as f64);
        let petal = (n % 3) as f64 + 0.3 * (0.7 * x).sin();
        format!("{petal:.2},{:.1},7,{class}\n", 1000.0 + 10.0 * (1.3 * x).cos())
    };
    let rows: Vec<String> = (0..30).map(row).collect();
    format!("petal,height,constant,species\n{}", rows.concat())
}

fn experiment() -> Value {
    changed(&[
        (
            "/model",
            json!({"type": "Sequential", "args": {"layers": [
                {"type": "linear", "out_features": 6}, {"type": "batchnorm"}, {"type": "gelu"},
                {"type": "residual", "main": [{"type": "linear", "name": "inner", "out_features": 6}, {"type": "softplus"}]},
                {"type": "dropout", "p": 0.1}, {"type": "linear", "out_features": 3, "bias": false}
            ]}}),
        ),
        ("/dataset", json!({"type": "file", "args": {"path": "trees.csv", "standardize": true}})),
        ("/trainer/batch_size", json!("full")),
    ])
}

#[test]
fn networks_and_data_of_ones_own_are_trained_and_analysed() {
    let sandbox = Sandbox::new();
    sandbox.file("trees.csv", table().as_bytes());
    let trees = sandbox.config("trees", &experiment());
    sandbox.ok(&["train", &trees]);
    let path = sandbox.path("results/models/my/trees.safetensors");
    let file = weights::load(&path).unwrap();
    // The tensors are those of PyTorch's state dict for this Sequential, except for the counter of batches.
    let names: Vec<&str> = file.tensors.iter().map(|t| t.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "0.weight",
            "0.bias",
            "1.weight",
            "1.bias",
            "inner.weight",
            "inner.bias",
            "5.weight",
            "1.running_mean",
            "1.running_var"
        ]
    );
    assert_eq!(file.metadata["classes"], r#"["oak","ash","elm"]"#);
    let standardization: Value = serde_json::from_str(&file.metadata["standardization"]).unwrap();
    assert!((standardization["mean"][2].as_f64().unwrap() - 7.0).abs() < 1e-12);
    assert_eq!(standardization["scale"][2], 1.0);
    let json: Value = serde_json::from_str(&sandbox.ok(&["hessian", &trees, "--json"]).stdout).unwrap();
    assert_eq!(json["n_params"], 6 * 3 + 6 + 12 + 42 + 18);
    assert_eq!(json["n_samples"], 15);
    // In evaluation mode the statistics come from the file. They are those of the training samples, so the network is
    // nearly the same.
    let mut running = experiment();
    running["model"]["args"]["batchnorm"] = json!("running");
    let running = sandbox.config("running", &running);
    let given = ["--model", "results/models/my/trees.safetensors", "--json"];
    let evaluated: Value =
        serde_json::from_str(&sandbox.ok(&[&["hessian", &running], &given[..]].concat()).stdout).unwrap();
    let loss = |value: &Value| value["loss"].as_f64().unwrap();
    assert!((loss(&evaluated) / loss(&json) - 1.0).abs() < 0.2, "{} and {}", loss(&evaluated), loss(&json));
    assert_ne!(loss(&evaluated), loss(&json));
    let error = sandbox.error(&["train", &running]);
    assert!(error.contains("set it to \"batch\" to train"), "{error}");
    // A changed file under the same name is another data set.
    sandbox.file("trees.csv", table().replace("1000", "1001").as_bytes());
    let again = sandbox.ok(&["train", &trees]);
    assert!(again.stderr.contains("training again"), "{}", again.stderr);
}

#[test]
fn choices_of_classes_and_labels() {
    let sandbox = Sandbox::new();
    sandbox.file("trees.csv", table().as_bytes());
    let mut chosen = experiment();
    chosen["dataset"]["args"] = json!({"path": "trees.csv", "class_list": [2, 0], "random": true, "seed": 3});
    chosen["model"]["args"]["layers"][5]["out_features"] = json!(2);
    let config = sandbox.config("chosen", &chosen);
    let shown = sandbox.ok(&["show", &config, "--json"]).stdout;
    assert!(shown.contains("trees.csv"), "{shown}");
    sandbox.ok(&["train", &config]);
    let file = weights::load(&sandbox.path("results/models/my/chosen.safetensors")).unwrap();
    assert_eq!(file.metadata["classes"], r#"["elm","oak"]"#);
    for (pointer, value, wanted) in [
        ("class_list", json!([5]), "no samples of class 5"),
        ("path", json!("absent.csv"), "cannot read absent.csv"),
        ("label_column", json!("genus"), "genus"),
        ("pth", json!("x"), "did you mean"),
    ] {
        let mut wrong = chosen.clone();
        wrong["dataset"]["args"][pointer] = value;
        let error = sandbox.error(&["train", &sandbox.config("wrong", &wrong)]);
        assert!(error.contains(wanted), "{pointer}: {error}");
    }
}

//! Tests of the experiment files that the parser refuses, and of its messages.

use crate::config::{message, message_without, parse, set, shipped};
use insta::assert_snapshot;
use serde_json::{Value, json};

const GAUSS: &str = "gauss/normal_training";
const MNIST: &str = "mnist2D/normal_training_c017";

/// A table with one line for each case: the place, the value that was put there, and the message.
fn table(cases: impl IntoIterator<Item = (&'static str, &'static str, Value)>) -> String {
    let lines = cases.into_iter().map(|(file, at, value)| format!("{at} = {value}\n    {}", message(file, at, &value)));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn text_that_is_no_experiment() {
    let texts = [
        "",
        "{",
        "{\"model\": }",
        "[1]",
        "{\"seed\": NaN}",
        "{\"seed\": 1e999}",
        "{\n  \"seed\": 1,\n  \"seed\": 2\n}",
        "{} {}",
        "not json",
    ];
    let lines = texts.map(|text| format!("{text}\n    {}", parse(text).unwrap_err()));
    assert_snapshot!("text_that_is_no_experiment", lines.join("\n"));
    assert!(parse(&"[".repeat(100_000)).is_err());
}

#[test]
fn unknown_keys() {
    assert_snapshot!(
        "unknown_keys",
        table([
            (GAUSS, "/optimiser", json!({})),
            (GAUSS, "/zzz", json!(1)),
            (GAUSS, "/model/arg", json!({})),
            (GAUSS, "/model/args/num_neurons", json!(3)),
            (GAUSS, "/model/args/lsoftmx", json!(true)),
            (GAUSS, "/optimizer/lr", json!(0.1)),
            (GAUSS, "/optimizer/args/momentun", json!(0.9)),
            ("gauss/normal_training_adam", "/optimizer/args/momentum", json!(0.9)),
            (GAUSS, "/scheduler", json!({"type": "MultiStepLR", "args": {"milestone": [1]}})),
            (GAUSS, "/dataset/args/noise", json!(0.1)),
            ("circle/normal_training", "/dataset/args/num_sample", json!(10)),
            ("intro1D/normal_training", "/dataset/args/random", json!(true)),
            (MNIST, "/dataset/args/num_samples", json!(10)),
            (MNIST, "/model/args/kernel", json!(3)),
            (GAUSS, "/trainer/epochs", json!(1)),
        ])
    );
}

#[test]
fn missing_keys() {
    let keys = [
        "/model",
        "/model/type",
        "/optimizer",
        "/optimizer/type",
        "/optimizer/args",
        "/optimizer/args/lr",
        "/dataset",
        "/dataset/type",
        "/train_fraction",
        "/test_fraction",
        "/trainer",
        "/trainer/num_epochs",
        "/trainer/batch_size",
        "/trainer/how_often_print",
    ];
    assert_snapshot!("missing_keys", keys.map(|at| message_without(GAUSS, at)).join("\n"));
}

#[test]
fn names_that_do_not_exist() {
    assert_snapshot!(
        "names_that_do_not_exist",
        table([
            (GAUSS, "/model/type", json!("FNN_2layers")),
            (GAUSS, "/model/type", json!("Transformer")),
            (GAUSS, "/model/args/activation_func", json!("swish")),
            (GAUSS, "/model/args/initialization", json!("kaiming")),
            (GAUSS, "/optimizer/type", json!("sgd")),
            (GAUSS, "/dataset/type", json!("gauss")),
            (GAUSS, "/dataset/type", json!("hierarchical")),
            (GAUSS, "/loss", json!("crossentropy")),
            (GAUSS, "/scheduler", json!({"type": "StepLR"})),
            ("hierachical/random_training_within", "/dataset/args/random_type", json!("within_hierarchy")),
        ])
    );
}

#[test]
fn values_of_the_wrong_type() {
    assert_snapshot!(
        "values_of_the_wrong_type",
        table([
            (GAUSS, "/model", json!("FNN")),
            (GAUSS, "/model/type", json!(7)),
            (GAUSS, "/model/args", json!([])),
            (MNIST, "/model/args", json!(3)),
            (GAUSS, "/model/args/num_neurons_layer1", json!(10.5)),
            (GAUSS, "/model/args/lsoftmax", json!("yes")),
            ("intro1D/normal_training", "/model/args/init_scales", json!([1])),
            (GAUSS, "/optimizer/args/lr", json!("0.1")),
            (GAUSS, "/scheduler", json!(true)),
            (GAUSS, "/scheduler", json!("MultiStepLR")),
            (GAUSS, "/loss", Value::Null),
            (GAUSS, "/init_model_at", Value::Null),
            (GAUSS, "/large_norm", json!(1)),
            (GAUSS, "/train_fraction", json!("half")),
            (GAUSS, "/trainer/batch_size", json!("all")),
            (GAUSS, "/trainer/batch_size", json!("a".repeat(500))),
            (GAUSS, "/trainer/num_epochs", json!(1e3)),
            (MNIST, "/dataset/args/class_list", json!(3)),
            (GAUSS, "/seed", json!(-1)),
        ])
    );
}

#[test]
fn numbers_outside_their_range() {
    let scheduler = |args| json!({"type": "MultiStepLR", "args": args});
    assert_snapshot!(
        "numbers_outside_their_range",
        table([
            (GAUSS, "/optimizer/args/lr", json!(0)),
            (GAUSS, "/optimizer/args/lr", json!(-0.1)),
            (GAUSS, "/optimizer/args/lr", json!(f64::NAN)),
            (GAUSS, "/optimizer/args/momentum", json!(1)),
            (GAUSS, "/optimizer/args/momentum", json!(-0.1)),
            (GAUSS, "/optimizer/args/weight_decay", json!(-1e-9)),
            (GAUSS, "/train_fraction", json!(0)),
            (GAUSS, "/train_fraction", json!(1.2)),
            (GAUSS, "/test_fraction", json!(-0.2)),
            (GAUSS, "/test_fraction", json!(0.6)),
            (GAUSS, "/trainer/batch_size", json!(0)),
            (GAUSS, "/trainer/batch_size", json!(-8)),
            (GAUSS, "/trainer/num_epochs", json!(-1)),
            (GAUSS, "/trainer/num_epochs", json!(10_000_000_000_u64)),
            (GAUSS, "/trainer/how_often_print", json!(0)),
            (GAUSS, "/model/args/num_neurons_layer1", json!(0)),
            (GAUSS, "/model/args/num_neurons_layer2", json!(1_000_001)),
            (GAUSS, "/model/args", json!({"num_neurons_layer1": 1_000_000, "num_neurons_layer2": 1_000_000})),
            (GAUSS, "/scheduler", scheduler(json!({"milestones": [5, 5]}))),
            (GAUSS, "/scheduler", scheduler(json!({"milestones": [9, 3]}))),
            (GAUSS, "/scheduler", scheduler(json!({"milestones": [0]}))),
            (GAUSS, "/scheduler", scheduler(json!({"milestones": [5], "gamma": 0}))),
            (GAUSS, "/scheduler", scheduler(json!({}))),
            (GAUSS, "/dataset/args/seed", json!(4_294_967_296_u64)),
            ("circle/normal_training", "/dataset/args/num_samples", json!(20_000_000)),
            ("circle/normal_training", "/dataset/args/num_samples", json!(1)),
            ("circle/normal_training", "/dataset/args/noise", json!(-1)),
            ("circle/normal_training", "/dataset/args/factor", json!(1)),
            ("hierachical/normal_training", "/dataset/args/num_classes", json!(3)),
            (MNIST, "/dataset/args/class_list", json!([])),
            (MNIST, "/dataset/args/class_list", json!([1, 7, 1])),
            (MNIST, "/dataset/args/class_list", json!([1, 10])),
            (MNIST, "/dataset/args/num_samples_per_cls", json!(0)),
        ])
    );
}

#[test]
fn values_that_do_not_fit_together() {
    assert_snapshot!(
        "values_that_do_not_fit_together",
        table([
            (GAUSS, "/loss", json!("nll")),
            (MNIST, "/loss", json!("nll")),
            (GAUSS, "/large_norm", json!(true)),
            (GAUSS, "/model", json!({"type": "CNN"})),
            (MNIST, "/model", json!({"type": "ResNet18"})),
            (GAUSS, "/init_model_at", json!("gauss/random_label_trainin")),
            (GAUSS, "/init_model_at", json!("circle/zzz")),
            (GAUSS, "/init_model_at", json!("../../etc/passwd")),
            (GAUSS, "/init_model_at", json!("zzz")),
        ])
    );
    for loss in ["hinge", "mse"] {
        let mut file = serde_json::from_str(&shipped(&MNIST.parse().unwrap())).unwrap();
        set(&mut file, "/loss", json!(loss));
        assert!(parse(&file.to_string()).is_ok(), "{loss}");
    }
}

#[test]
fn layers_and_files() {
    let own = |layers: Value| json!({"type": "Sequential", "args": {"layers": layers}});
    let file = |args: Value| json!({"type": "file", "args": args});
    assert_snapshot!(
        "layers_and_files",
        table([
            (GAUSS, "/model", json!({"type": "Sequential"})),
            (GAUSS, "/model", own(json!([]))),
            (GAUSS, "/model", own(json!([3]))),
            (GAUSS, "/model", own(json!([{"type": "attention"}]))),
            (GAUSS, "/model", own(json!([{"type": "liner", "out_features": 3}]))),
            (GAUSS, "/model", own(json!([{"type": "linear"}]))),
            (GAUSS, "/model", own(json!([{"type": "linear", "out_features": 0}]))),
            (GAUSS, "/model", own(json!([{"type": "relu", "inplace": true}]))),
            (GAUSS, "/model", own(json!([{"type": "conv2d", "out_channels": 3}]))),
            (GAUSS, "/model", own(json!([{"type": "maxpool", "kernel_size": 2, "padding": 2}]))),
            (GAUSS, "/model", own(json!([{"type": "batchnorm", "eps": 0}]))),
            (GAUSS, "/model", own(json!([{"type": "dropout", "p": 2}]))),
            (GAUSS, "/model", own(json!([{"type": "gelu", "approximate": "erf"}]))),
            (GAUSS, "/model", own(json!([{"type": "residual", "main": []}]))),
            (GAUSS, "/model", own(json!([{"type": "scale", "scale": []}]))),
            (GAUSS, "/model", own(json!([{"type": "scale", "shift": ["a"]}]))),
            (
                GAUSS,
                "/model",
                own(json!([{"type": "residual", "main": [{"type": "relu"}], "shortcut": [{"type": "x"}]}]))
            ),
            (
                GAUSS,
                "/model",
                json!({"type": "Sequential", "args": {"input_shape": [1, 2], "layers": [{"type": "relu"}]}})
            ),
            (
                GAUSS,
                "/model",
                json!({"type": "Sequential", "args": {"batchnorm": "fixed", "layers": [{"type": "relu"}]}})
            ),
            (GAUSS, "/dataset", file(json!({}))),
            (GAUSS, "/dataset", file(json!({"path": ""}))),
            (GAUSS, "/dataset", file(json!({"path": "a.csv", "class_list": [1, 1]}))),
            (GAUSS, "/dataset", file(json!({"path": "a.csv", "class_names": ["a", "a"]}))),
            (GAUSS, "/dataset", file(json!({"path": "a.csv", "header": "yes"}))),
            (GAUSS, "/dataset", file(json!({"path": "a.csv", "label_column": 1.5}))),
            (GAUSS, "/dataset", file(json!({"path": "a.csv", "num_classes": 0}))),
        ])
    );
}

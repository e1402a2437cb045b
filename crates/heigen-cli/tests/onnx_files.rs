//! `heigen analyze` on ONNX files as exporters write them, against float64 PyTorch at the model's own parameters. Each case
//! once gave the spectrum of another matrix, or was refused without need.

mod common;

use common::{Run, Sandbox};
use serde_json::Value;
use std::fs;
use std::path::PathBuf;

/// Tolerance for eigenvalues, relative to the largest, and for the loss. The numbers of a scaler are in float32 in its file.
const TOLERANCE: f64 = 1e-6;

fn fixture(file: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/onnx_files").join(file)
}

/// Runs `heigen analyze` in a folder with copies of `files`.
fn analyze(files: &[&str], args: &[&str]) -> Run {
    let sandbox = Sandbox::new();
    for file in files {
        sandbox.file(file, &fs::read(fixture(file)).unwrap_or_else(|e| panic!("{file}: {e}")));
    }
    sandbox.run(&[&["analyze", "--json", "--top-k", "5"], args].concat())
}

fn result(run: &Run) -> Value {
    assert_eq!(run.code, 0, "{}", run.stderr);
    serde_json::from_str(&run.stdout).unwrap()
}

/// The warnings that are not about the weights being no minimum.
fn warnings(result: &Value) -> Vec<String> {
    let all = result["warnings"].as_array().unwrap().iter().map(|w| w.as_str().unwrap().to_owned());
    all.filter(|warning| !warning.contains("no minimum")).collect()
}

/// The largest eigenvalues of `result` are those of the oracle `name`, and so are loss and number of parameters.
fn assert_agrees(result: &Value, name: &str) {
    let oracles: Value = serde_json::from_slice(&fs::read(fixture("oracles.json")).unwrap()).unwrap();
    let (oracle, got) = (&oracles[name], &result["top_k"]);
    let numbers = |value: &Value| value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect::<Vec<_>>();
    let (top, wanted) = (numbers(&got["eigenvalues"]), numbers(&oracle["top"]));
    for (i, (got, wanted_one)) in top.iter().zip(&wanted).enumerate() {
        assert!((got - wanted_one).abs() <= TOLERANCE * wanted[0], "{name}: eigenvalue {i} is {got}, not {wanted_one}");
    }
    let (loss, wanted) = (got["loss"].as_f64().unwrap(), oracle["loss"].as_f64().unwrap());
    assert!((loss - wanted).abs() <= TOLERANCE * wanted, "{name}: loss {loss}, not {wanted}");
    assert_eq!(got["n_params"], oracle["P"], "{name}");
}

/// A file that gives the model's own spectrum without a warning.
fn right(oracle: &str, model: &str, data: &str, more: &[&str]) {
    let run = analyze(&[&[model, data][..], more].concat(), &["--model", model, "--data", data]);
    let result = result(&run);
    assert_agrees(&result, oracle);
    assert_eq!(warnings(&result), [""; 0], "{model}");
}

#[test]
fn weights_in_the_file_beside_were_not_read() {
    right("weights_beside", "weights_beside.onnx", "moons.npz", &["net.onnx.data"]);
}

#[test]
fn weights_in_a_file_that_is_not_there() {
    let run =
        analyze(&["weights_beside.onnx", "moons.npz"], &["--model", "weights_beside.onnx", "--data", "moons.npz"]);
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("lies in the file \"net.onnx.data\""), "{}", run.stderr);
}

#[test]
fn folded_batch_normalisation_was_silent() {
    for (model, way_out) in
        [("folded_dynamo.onnx", "optimize=False"), ("folded_torchscript.onnx", "do_constant_folding=False")]
    {
        let result = result(&analyze(&[model, "digits.npz"], &["--model", model, "--data", "digits.npz"]));
        let warnings = warnings(&result);
        assert!(warnings.len() == 1 && warnings[0].contains("folded batch normalisation"), "{model}: {warnings:?}");
        assert!(warnings[0].contains(way_out), "{model}: {warnings:?}");
    }
    right("not_folded", "not_folded.onnx", "digits.npz", &[]);
}

#[test]
fn constants_of_the_exporter_were_counted_as_parameters() {
    right("no_affine", "no_affine_dynamo.onnx", "moons.npz", &[]);
    right("no_affine", "no_affine_torchscript.onnx", "moons.npz", &[]);
    let files = ["no_affine.pt", "no_affine.arch.json", "moons.npz"];
    let args = ["--model", "no_affine.pt", "--arch", "no_affine.arch.json", "--data", "moons.npz"];
    let found = result(&analyze(&files, &args));
    assert_agrees(&found, "no_affine");
    assert!(found["notes"].to_string().contains("taken without parameters"), "{found}");
}

#[test]
fn scalings_were_merged_into_the_layers_beside_them() {
    right("temperature", "temperature.onnx", "moons.npz", &[]);
    right("scaler", "scaler.onnx", "iris.npz", &[]);
}

#[test]
fn a_single_output_had_no_second_class() {
    right("one_logit", "one_logit.onnx", "moons.npz", &[]);
    right("one_logit", "one_sigmoid.onnx", "moons.npz", &[]);
    let files = ["one_logit.pt", "one_logit.arch.json", "moons.npz"];
    let args = ["--model", "one_logit.pt", "--arch", "one_logit.arch.json", "--data", "moons.npz"];
    assert_agrees(&result(&analyze(&files, &args)), "one_logit");
    let mse = ["--model", "one_logit.onnx", "--data", "moons.npz", "--loss", "mse"];
    // Under a squared error its labels are numbers.
    assert!(result(&analyze(&["one_logit.onnx", "moons.npz"], &mse))["top_k"]["accuracy"].is_null());
    let refused = analyze(&["one_logit.onnx", "moons.npz"], &[&mse[..4], &["--loss", "hinge"]].concat());
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("a loss of real targets (mse, l1, huber, smooth_l1)"), "{}", refused.stderr);
}

#[test]
fn real_targets_of_a_single_output_were_to_be_written_as_texts() {
    let sandbox = Sandbox::new();
    sandbox.file("one_logit.onnx", &fs::read(fixture("one_logit.onnx")).unwrap());
    sandbox.file("d.csv", b"a,b,y\n1,2,0.25\n2,1,-0.5\n0,1,1.25\n3,1,0.125\n");
    let error = sandbox.error(&["analyze", "--model", "one_logit.onnx", "--data", "d.csv"]);
    assert!(error.contains("for real targets name a loss of a regression: mse, l1, huber or smooth_l1"), "{error}");
}

#[test]
fn classes_had_the_order_of_a_shuffled_table() {
    right("named_classes", "named_classes.onnx", "shuffled.csv", &[]);
    let sandbox = Sandbox::new();
    sandbox.file("named_classes.onnx", &fs::read(fixture("named_classes.onnx")).unwrap());
    let table = fs::read_to_string(fixture("shuffled.csv")).unwrap().replace("setosa", "rose");
    sandbox.file("d.csv", table.as_bytes());
    let error = sandbox.error(&["analyze", "--model", "named_classes.onnx", "--data", "d.csv"]);
    assert!(error.contains("the label rose") && error.contains("`setosa`, `versicolor`, `virginica`"), "{error}");
    assert!(!error.contains("leave"), "{error}");
}

#[test]
fn a_linear_classifier_of_scikit_learn() {
    right("linear_classifier", "linear_classifier.onnx", "iris.npz", &[]);
}

#[test]
fn images_of_keras_were_refused_or_taken_in_another_order() {
    let model = "keras_channels_last.onnx";
    let of = |model: &str, data: &str| analyze(&[model, data], &["--model", model, "--data", data]);
    let result = result(&of(model, "channels_last.npz"));
    assert_agrees(&result, "keras_channels_last");
    let refused = of(model, "channels_first.npz");
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("takes samples of the shape [8, 8, 2]"), "{}", refused.stderr);
    let folded = self::result(&of("keras_folded.onnx", "channels_last.npz"));
    assert!(warnings(&folded)[0].contains("folded batch normalisation"), "{folded}");
}

#[test]
fn files_that_are_refused_by_name() {
    for (model, said) in [
        ("training_mode.onnx", "it is in training mode"),
        ("foreign_domain.onnx", "only the foreign \"evil.com\""),
        ("absurd_opset.onnx", "operator set 1000000000"),
    ] {
        let run = analyze(&[model, "moons.npz"], &["--model", model, "--data", "moons.npz"]);
        assert_eq!(run.code, 1, "{model}");
        assert!(run.stderr.contains(said), "{model}: {}", run.stderr);
    }
}

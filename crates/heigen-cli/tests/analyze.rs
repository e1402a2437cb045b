//! `heigen analyze` on networks that this project did not make, against float64 PyTorch.

mod common;

use common::{Sandbox, small};
use heigen_store::{npy, weights};
use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// Tolerance in float64: relative to lambda_max for eigenvalues, and to the largest logit for logits.
const FLOAT64: f64 = 1e-8;
/// Tolerance for ONNX Runtime, which computes in float32.
const FLOAT32: f64 = 1e-5;

fn fixture(file: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/foreign").join(file);
    path.canonicalize().unwrap_or_else(|e| panic!("{}: {e}", path.display())).to_str().unwrap().to_owned()
}

fn oracle(name: &str) -> Value {
    serde_json::from_slice(&fs::read(fixture(&format!("{name}.oracle.json"))).unwrap()).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

fn assert_close(got: &[f64], wanted: &[f64], tolerance: f64, what: &str) {
    assert_eq!(got.len(), wanted.len(), "{what}");
    let scale = wanted.iter().fold(0.0f64, |m, w| m.max(w.abs()));
    for (i, (g, w)) in got.iter().zip(wanted).enumerate() {
        assert!((g - w).abs() <= tolerance * scale, "{what} {i}: {g} instead of {w}");
    }
}

/// One kind of file by which the network `oracle` comes to heigen.
struct Way {
    oracle: &'static str,
    model: &'static str,
    arch: Option<&'static str>,
    data: &'static [&'static str],
}

const fn way(
    oracle: &'static str,
    model: &'static str,
    arch: Option<&'static str>,
    data: &'static [&'static str],
) -> Way {
    Way { oracle, model, arch, data }
}

const IRIS: &[&str] = &["--data", "@iris.csv"];
const DIGITS: &[&str] = &["--data", "@digits.npz"];
const MOONS: &[&str] = &["--data", "@moons.npz"];
const BLOBS: &[&str] = &["--data", "@blobs_X.npy", "--labels", "@blobs_y.npy"];

/// The files: scikit-learn's MLP by ONNX; PyTorch's CNN as .pt; its tanh network by both ONNX exporters, as .pt,
/// safetensors and .npz; networks with batch normalisation; and ONNX as Keras writes it.
const WAYS: [Way; 15] = [
    way("iris_mlp", "iris_mlp.onnx", None, IRIS),
    way("iris_mlp", "iris_mlp.onnx", None, &["--data", "@iris.parquet", "--label-column", "species"]),
    way("digits_cnn", "digits_cnn.pt", Some("digits_cnn.arch.json"), DIGITS),
    way("digits_cnn", "digits_cnn.onnx", None, DIGITS),
    way("digits_cnn", "digits_cnn_dynamo.onnx", None, DIGITS),
    way("moons_tanh", "moons_tanh.onnx", None, MOONS),
    way("moons_tanh", "moons_tanh_dynamo.onnx", None, MOONS),
    way("moons_tanh", "moons_tanh.pt", Some("{moons}"), MOONS),
    way("moons_tanh", "moons_tanh.safetensors", Some("{moons}"), MOONS),
    way("moons_tanh", "weights.npz", Some("{moons}"), MOONS),
    way("digits_batchnorm", "digits_batchnorm.pth", Some("digits_batchnorm.arch.json"), DIGITS),
    way("digits_batchnorm", "digits_batchnorm.onnx", None, DIGITS),
    way("digits_batchnorm_folded", "digits_batchnorm_folded.onnx", None, DIGITS),
    way("digits_batchnorm_dynamo", "digits_batchnorm_dynamo.onnx", None, DIGITS),
    way("blobs_keras", "blobs_keras.onnx", None, BLOBS),
];

const MOONS_ARCH: &str =
    r#"{"layers": [{"type": "linear", "out_features": 12}, {"type": "tanh"}, {"type": "linear", "out_features": 2}]}"#;

impl Way {
    fn args(&self, sandbox: &Sandbox) -> Vec<String> {
        let mut args = vec!["analyze".to_owned(), "--model".to_owned(), fixture(self.model)];
        if let Some(arch) = self.arch {
            let file = if arch == "{moons}" { sandbox.file("arch.json", MOONS_ARCH.as_bytes()) } else { fixture(arch) };
            args.extend(["--arch".to_owned(), file]);
        }
        args.extend(self.data.iter().map(|arg| arg.strip_prefix('@').map_or_else(|| (*arg).to_owned(), fixture)));
        args
    }
}

fn run(sandbox: &Sandbox, args: &[String]) -> common::Run {
    sandbox.ok(&args.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn networks_of_features_have_pytorchs_eigenvalues() {
    compare(|name| !name.starts_with("digits"));
}

#[test]
fn convolutional_networks_have_pytorchs_eigenvalues() {
    compare(|name| name == "digits_cnn");
}

#[test]
fn networks_with_batch_normalisation_have_pytorchs_eigenvalues() {
    compare(|name| name.starts_with("digits_batchnorm"));
}

fn compare(which: impl Fn(&str) -> bool) {
    for way in WAYS.iter().filter(|way| which(way.oracle)) {
        let sandbox = Sandbox::new();
        let mut args = way.args(&sandbox);
        args.extend(["--json", "--name", "own/net"].map(String::from));
        let json: Value = serde_json::from_str(&run(&sandbox, &args).stdout).unwrap();
        let (oracle, what) = (oracle(way.oracle), way.model);
        let s = &json["analysis"];
        assert_eq!(s["n_params"], oracle["n_params"], "{what}");
        assert_eq!(s["n_samples"], oracle["n_samples"], "{what}");
        for key in ["loss", "accuracy", "grad_norm"] {
            let (got, wanted) = (s[key].as_f64().unwrap(), oracle[key].as_f64().unwrap());
            assert!((got - wanted).abs() <= FLOAT64 * wanted.max(1.0), "{what} {key}: {got} instead of {wanted}");
        }
        let grads = |file: &str| sandbox.path(&format!("results/grads/own/net_{file}.npy"));
        let eigenvalues = npy::read::<f64>(&grads("heigenvalues")).unwrap().values;
        assert_close(&eigenvalues, &numbers(&oracle["eigenvalues"]), FLOAT64, &format!("{what}: eigenvalue"));
        let logits = npy::read::<f64>(&grads("logits")).unwrap();
        for (n, wanted) in oracle["logits_first5"].as_array().unwrap().iter().enumerate() {
            let c = logits.shape[1];
            let got = &logits.values[n * c..(n + 1) * c];
            assert_close(got, &numbers(wanted), FLOAT64, &format!("{what}: logits of sample {n}"));
            let Some(outputs) = oracle["onnxruntime_output"].get(way.model) else { continue };
            let got = if oracle["onnx_output"] == "softmax" { softmax(got) } else { got.to_vec() };
            assert_close(&got, &numbers(&outputs[n]), FLOAT32, &format!("{what}: ONNX Runtime on sample {n}"));
        }
        for file in json["files"]["figures"].as_array().unwrap().iter().flat_map(|f| f.as_array().unwrap()) {
            assert!(sandbox.path(file.as_str().unwrap()).is_file(), "{what}: {file}");
        }
        let report = fs::read_to_string(sandbox.path("report/own-net.html")).unwrap();
        assert!(report.starts_with("<!DOCTYPE html>") && report.contains("Certificate"), "{what}");
    }
}

fn softmax(logits: &[f64]) -> Vec<f64> {
    let most = logits.iter().fold(f64::NEG_INFINITY, |m, &z| m.max(z));
    let exps: Vec<f64> = logits.iter().map(|z| (z - most).exp()).collect();
    let sum: f64 = exps.iter().sum();
    exps.into_iter().map(|e| e / sum).collect()
}

/// Compares the logits of all samples with those of onnxruntime; skipped where that is not installed.
#[test]
fn onnx_runtime_gives_the_same_logits() {
    let script = fixture("../onnxruntime_logits.py");
    for (model, x) in [("blobs_keras.onnx", "blobs_X.npy")] {
        let Ok(output) = Command::new("python3").args([&script, &fixture(model), &fixture(x)]).output() else {
            eprintln!("skipped: python3 is absent");
            return;
        };
        if output.status.code() == Some(77) {
            eprintln!("skipped: {}", String::from_utf8_lossy(&output.stderr));
            return;
        }
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let theirs: Vec<Vec<f64>> = serde_json::from_slice(&output.stdout).unwrap();
        let sandbox = Sandbox::new();
        let mut args = WAYS.iter().find(|way| way.model == model).unwrap().args(&sandbox);
        args.extend(["--name".into(), "own/net".into()]);
        run(&sandbox, &args);
        let logits = npy::read::<f64>(&sandbox.path("results/grads/own/net_logits.npy")).unwrap();
        for (ours, theirs) in logits.values.chunks(logits.shape[1]).zip(&theirs) {
            assert_close(&softmax(ours), theirs, FLOAT32, model);
        }
    }
}

#[test]
fn what_was_analysed_is_an_experiment_for_every_command() {
    let sandbox = Sandbox::new();
    let mut args = WAYS[5].args(&sandbox);
    args.extend(["--name", "own/moons"].map(String::from));
    let first = run(&sandbox, &args);
    assert!(first.stdout.starts_with("own/moons\n") && first.stdout.contains("certificate"), "{}", first.stdout);
    let again = run(&sandbox, &args);
    assert!(again.stderr.contains("reused results/grads/own/moons_analysis.json"), "{}", again.stderr);
    assert_eq!(first.stdout, again.stdout);
    let (experiment, weights) = ("results/experiments/own/moons.json", "results/models/own/moons.safetensors");
    let hessian = sandbox.ok(&["hessian", experiment, "--model", weights, "--operator", "ggn"]);
    assert!(hessian.stdout.contains("Gauss-Newton"));
    sandbox.ok(&["plot", "planes", experiment, "--model", weights, "--figures", "other"]);
    let top: Value = {
        args.extend(["--top-k", "3", "--json"].map(String::from));
        serde_json::from_str(&run(&sandbox, &args).stdout).unwrap()
    };
    let wanted: Vec<f64> = numbers(&oracle("moons_tanh")["eigenvalues"]).into_iter().rev().take(3).collect();
    assert_close(&numbers(&top["top_k"]["eigenvalues"]), &wanted, FLOAT64, "top 3");
    // The results of a training are not overwritten by an analysis of imported weights under the same name.
    let plain = sandbox.config("plain", &small());
    sandbox.ok(&["train", &plain]);
    args.extend(["--name", "my/plain"].map(String::from));
    let position = args.iter().position(|a| a == "own/moons").unwrap();
    args.drain(position - 1..=position);
    let error = sandbox.error(&args.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(error.contains("choose another name"), "{error}");
}

#[test]
fn files_that_do_not_fit_are_refused_with_the_remedy() {
    let sandbox = Sandbox::new();
    let arch = sandbox.file("arch.json", MOONS_ARCH.as_bytes());
    let wide = sandbox.file("wide.json", MOONS_ARCH.replace("12", "13").as_bytes());
    let named =
        sandbox.file("named.json", MOONS_ARCH.replacen("\"linear\"", "\"linear\", \"name\": \"fc1\"", 1).as_bytes());
    let ragged = sandbox.file("ragged.csv", b"a,b,label\n1,2,x\n3,4,y\n5,x\n1,2,y\n");
    let text = sandbox.file("text.csv", b"a,b,label\n1,2,x\n3,oops,y\n5,6,x\n1,2,y\n");
    let more = sandbox.file("more.csv", b"1,2,0\n3,4,1\n5,6,2\n1,2,0\n3,4,1\n5,6,2\n");
    let deep = sandbox.file("deep.json", br#"{"layers": [{"type": "linear", "out_features": 3, "heads": 2}]}"#);
    let image = sandbox.file("image.json", br#"{"layers": [{"type": "conv2d", "out_channels": 3, "kernel_size": 1}]}"#);
    let (moons, net, malicious) = (fixture("moons.npz"), fixture("moons_tanh.pt"), fixture("malicious.pt"));
    let (onnx, unsupported) = (fixture("moons_tanh.onnx"), fixture("unsupported.onnx"));
    let (whole, legacy) = (fixture("whole_module.pt"), fixture("legacy.pt"));
    for (args, wanted) in [
        (vec!["--model", &net, "--data", &moons], "say what network they belong to by --arch"),
        (vec!["--model", &net, "--arch", "nothing", "--data", &moons], "is neither FNN, FNN_2layer"),
        (
            vec!["--model", &net, "--arch", &wide, "--data", &moons],
            "wrong shape: 0.weight is [12, 2], expected [13, 2]",
        ),
        (
            vec!["--model", &net, "--arch", &named, "--data", &moons],
            "missing: fc1.weight, fc1.bias; unexpected: 0.bias, 0.weight",
        ),
        (vec!["--model", &net, "--arch", &deep, "--data", &moons], "layers[0].heads"),
        (vec!["--model", &net, "--arch", &arch, "--data", &moons, "--map", "zzz=a"], "no tensor begins with `zzz`"),
        (vec!["--model", &malicious, "--arch", &arch, "--data", &moons], "system"),
        (vec!["--model", &whole, "--arch", &arch, "--data", &moons], "model.state_dict()"),
        (vec!["--model", &legacy, "--arch", &arch, "--data", &moons], "legacy.pt"),
        (vec!["--model", &unsupported, "--data", &moons], "does not read the operator Acosh"),
        (vec!["--model", &onnx, "--arch", &arch, "--data", &moons], "leave out --arch"),
        (vec!["--model", &onnx, "--data", &ragged], "row 4"),
        (vec!["--model", &onnx, "--data", &text], "text.csv, row 3, column `b`"),
        (
            vec!["--model", &onnx, "--data", &more],
            "more.csv, row 3, column 3, is the label 2; expected the index of a class, 0 to 1",
        ),
        (vec!["--model", &onnx, "--data", &moons, "--header", "true"], "leave that option out (--header, or"),
        (vec!["--model", &onnx, "--data", &more, "--labels", &more], "to which labels_path does not apply"),
        (
            vec!["--model", &onnx, "--data", &more, "--label-column", "9"],
            "say which one has the labels (--label-column, or",
        ),
        (vec!["--model", &net, "--arch", "CNN", "--data", &moons], "the weights have no out.weight"),
        (vec!["--model", &net, "--arch", &image, "--data", &moons], "the last layer is conv2d"),
        (vec!["--model", &onnx, "--data", "absent.npz"], "absent.npz"),
        (vec!["--model", &onnx, "--data", &arch], ".npz, .npy, .csv"),
    ] {
        let error = sandbox.error(&[&["analyze"], &args[..]].concat());
        assert!(error.contains(wanted), "{args:?}\n{error}");
    }
    assert!(!sandbox.path("results").exists(), "nothing is written of what is refused");
    assert!(!sandbox.path("PWNED").exists() && !PathBuf::from("PWNED").exists());
    // The remedy that the message names works.
    sandbox.ok(&["analyze", "--model", &net, "--arch", &named, "--data", &moons, "--map", "0.=fc1."]);
}

/// Several networks in one call: each has its results, their spectra stand in one picture, and every other command takes
/// them by their experiments alone.
#[test]
fn several_networks_are_analysed_in_one_call_and_drawn_in_one_picture() {
    let sandbox = Sandbox::new();
    let net = fs::read(fixture("iris_mlp.onnx")).unwrap();
    sandbox.file("nets/first.onnx", &net);
    sandbox.file("nets/second.onnx", &net);
    sandbox.file("nets/notes.txt", b"no network");
    let data = fixture("iris.csv");
    let run = sandbox.ok(&["analyze", "--model", "nets", "--data", &data, "--json"]);
    assert_eq!(run.stdout.lines().count(), 2);
    assert!(run.stderr.contains("all spectra -> figures/spectra_own-first+own-second.svg"), "{}", run.stderr);
    // A file that is no network does not keep the others from being analysed.
    sandbox.file("broken.onnx", b"no network");
    let run = sandbox.run(&["analyze", "--model", "broken.onnx", "nets/first.onnx", "--data", &data]);
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("1 of 2 networks could not be analysed"), "{}", run.stderr);
    assert!(run.stdout.contains("own/first"), "{}", run.stdout);
    // The weights that were taken in need not be named again.
    let both = ["results/experiments/own/first.json", "results/experiments/own/second.json"];
    let run = sandbox.ok(&["hessian", both[0]]);
    assert!(run.stderr.contains("reused"), "{}", run.stderr);
    for plot in ["spectra", "density"] {
        sandbox.ok(&[&["plot", plot], &both[..]].concat());
        assert!(sandbox.path(&format!("figures/{plot}_own-first+own-second.svg")).is_file());
    }
    assert!(sandbox.path("results/grads/own/second+estimates_density.npy").is_file());
    sandbox.ok(&["plot", "layers", both[0]]);
    assert!(sandbox.path("figures/layers_own-first.svg").is_file());
    let usage = sandbox.run(&["analyze", "--model", "nets", "--data", &data, "--name", "own/x"]);
    assert_eq!(usage.code, 2);
}

/// A linear network on two points a class, far apart: every loss is zero to rounding, and so is the Hessian.
#[test]
fn a_hessian_that_is_zero_has_a_report() {
    let sandbox = Sandbox::new();
    let arch = sandbox.file("linear.json", br#"{"layers": [{"type": "linear", "out_features": 2}]}"#);
    let tensor =
        |name: &str, shape: Vec<usize>, values: Vec<f64>| weights::NamedTensor { name: name.into(), shape, values };
    let tensors =
        [tensor("0.weight", vec![2, 2], vec![-3000.0, 0.0, 3000.0, 0.0]), tensor("0.bias", vec![2], vec![0.0; 2])];
    weights::save(&sandbox.path("net.safetensors"), &tensors, &[].into()).unwrap();
    let data = sandbox.file("apart.csv", b"x,y,label\n-1,0,left\n-2,1,left\n1,0,right\n2,1,right\n");
    let run = sandbox.ok(&["analyze", "--model", "net.safetensors", "--arch", &arch, "--data", &data]);
    assert!(run.stderr.contains("the Hessian has no positive eigenvalue"), "{}", run.stderr);
    assert!(run.stderr.contains("0 is left, 1 is right"), "{}", run.stderr);
    assert!(sandbox.path("report/own-net.html").is_file());
    // A file of the same name in another folder is another network, and its import is refused.
    sandbox.file("other/net.safetensors", &fs::read(sandbox.path("net.safetensors")).unwrap());
    let error = sandbox.error(&["analyze", "--model", "other/net.safetensors", "--arch", &arch, "--data", &data]);
    assert!(error.contains("is an import of net.safetensors"), "{error}");
    let error = sandbox.error(&["train", "results/experiments/own/net.json", "--force"]);
    assert!(error.contains("no training makes them again"), "{error}");
}

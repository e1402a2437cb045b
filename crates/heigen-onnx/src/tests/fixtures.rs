//! Files of real exporters against PyTorch in double precision.

use super::evaluate::outputs;
use crate::{Imported, import};
use heigen::vocabulary::LayerSpec;
use serde_json::Value;
use std::fs;
use std::path::PathBuf;

/// Largest difference from PyTorch's logits, relative to the largest.
const TOLERANCE: f64 = 1e-12;

pub(super) fn path(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", "..", "tests", "fixtures", "foreign", name].iter().collect()
}

fn bytes(name: &str) -> Vec<u8> {
    fs::read(path(name)).unwrap()
}

fn oracle(name: &str) -> Value {
    serde_json::from_slice(&bytes(&format!("{name}.oracle.json"))).unwrap()
}

/// `key` of an npz file, or the array of an npy file.
fn array(name: &str, key: &str) -> Vec<f64> {
    if key.is_empty() {
        return numbers(npyz::NpyFile::new(&bytes(name)[..]).unwrap());
    }
    let mut archive = npyz::npz::NpzArchive::open(path(name)).unwrap();
    numbers(archive.by_name(key).unwrap().unwrap())
}

fn numbers<R: std::io::Read>(file: npyz::NpyFile<R>) -> Vec<f64> {
    file.into_vec::<f32>().unwrap().into_iter().map(f64::from).collect()
}

fn list(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

/// Imports `file`; its logits of the first samples of `x` are those of `oracle`.
fn check(file: &str, oracle: &Value, x: &[f64]) -> Imported {
    let imported = import(&bytes(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    let rows = oracle["logits_first5"].as_array().unwrap();
    let wanted: Vec<f64> = rows.iter().flat_map(list).collect();
    let got = outputs(&imported, &x[..rows.len() * imported.n_features]);
    assert_eq!(got.len(), wanted.len(), "{file}");
    let scale = wanted.iter().fold(1.0, |m: f64, v| m.max(v.abs()));
    let worst = got.iter().zip(&wanted).map(|(g, w)| (g - w).abs()).fold(0.0, f64::max);
    println!("{file}: largest difference {worst:e} of {scale}");
    assert!(worst <= TOLERANCE * scale, "{file}: {worst:e} of {scale}");
    imported
}

/// The parameters have PyTorch's names and shapes, if `names`, and shapes else.
fn parameters(imported: &Imported, oracle: &Value, names: bool) {
    let wanted = oracle["parameters"].as_array().unwrap();
    let is_parameter = |name: &str| !name.contains(".running_");
    let got: Vec<_> = imported.tensors.iter().filter(|t| is_parameter(&t.name)).collect();
    assert_eq!(got.len(), wanted.len());
    for (got, wanted) in got.iter().zip(wanted) {
        let shape: Vec<usize> = list(&wanted[1]).iter().map(|&n| n as usize).collect();
        assert_eq!(got.shape, shape, "{}", got.name);
        if names {
            assert_eq!(got.name, wanted[0].as_str().unwrap());
        }
    }
}

#[test]
fn a_tanh_network_of_both_exporters_of_pytorch() {
    let (oracle, x) = (oracle("moons_tanh"), array("moons.npz", "X"));
    for file in ["moons_tanh.onnx", "moons_tanh_dynamo.onnx"] {
        let imported = check(file, &oracle, &x);
        parameters(&imported, &oracle, true);
        assert!(imported.notes.is_empty());
        assert_eq!(imported.architecture.input_shape, None);
    }
}

#[test]
fn a_convolutional_network_of_both_exporters_of_pytorch() {
    let (oracle, x) = (oracle("digits_cnn"), array("digits.npz", "X"));
    for file in ["digits_cnn.onnx", "digits_cnn_dynamo.onnx"] {
        let imported = check(file, &oracle, &x);
        parameters(&imported, &oracle, true);
        assert_eq!(imported.architecture.input_shape, Some([1, 8, 8]));
    }
}

#[test]
fn residual_blocks_batch_normalisation_and_a_gelu_written_out() {
    let (oracle, x) = (oracle("digits_batchnorm"), array("digits.npz", "X"));
    let imported = check("digits_batchnorm.onnx", &oracle, &x);
    parameters(&imported, &oracle, true);
    insta::assert_snapshot!(serde_json::to_string_pretty(&imported.architecture).unwrap());
}

#[test]
fn residual_blocks_of_the_newer_exporter() {
    let (oracle, x) = (oracle("digits_batchnorm"), array("digits.npz", "X"));
    let imported = check("digits_batchnorm_dynamo_raw.onnx", &oracle, &x);
    parameters(&imported, &oracle, true);
}

#[test]
fn batch_normalisation_that_the_exporter_folded() {
    let x = array("digits.npz", "X");
    // Folding rounds the weights to float32: another network, with an oracle of its own.
    for (name, left) in [("digits_batchnorm_folded", 1), ("digits_batchnorm_dynamo", 0)] {
        let imported = check(&format!("{name}.onnx"), &oracle(name), &x);
        assert_eq!(imported.tensors.iter().filter(|t| t.name.ends_with(".running_mean")).count(), left, "{name}");
    }
}

#[test]
fn a_multilayer_perceptron_of_scikit_learn() {
    let oracle = oracle("iris_mlp");
    let text = fs::read_to_string(path("iris.csv")).unwrap();
    let single = |v: &str| f64::from(v.parse::<f32>().unwrap());
    let x: Vec<f64> =
        text.lines().skip(1).flat_map(|line| line.split(',').take(4).map(single).collect::<Vec<_>>()).collect();
    let imported = check("iris_mlp.onnx", &oracle, &x);
    parameters(&imported, &oracle, false);
    assert_eq!(imported.notes, ["The softmax at the end was left off: the loss takes logits."]);
}

#[test]
fn a_network_of_keras() {
    let (oracle, x) = (oracle("blobs_keras"), array("blobs_X.npy", ""));
    let imported = check("blobs_keras.onnx", &oracle, &x);
    parameters(&imported, &oracle, false);
    let LayerSpec::Linear { name, .. } = &imported.architecture.layers[0] else { panic!("a linear layer") };
    assert_eq!(name.as_deref(), Some("sequential_dense_MatMul"));
}

#[test]
fn an_operator_that_is_not_read() {
    let message = import(&bytes("unsupported.onnx")).unwrap_err().to_string();
    assert!(
        message.starts_with("node \"/Acosh\": heigen does not read the operator Acosh yet; it reads Conv, "),
        "{message}"
    );
    assert!(!message[50..].contains("Acosh"), "{message}");
}

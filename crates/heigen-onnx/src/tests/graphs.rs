//! Networks that no list of layers expresses, of both exporters of PyTorch, against PyTorch in double precision.

use super::evaluate::{outputs, theta_and_network};
use crate::{Imported, import};
use heigen::curvature::{Hessian, Problem, dense};
use heigen::linalg::{Matrix, self_adjoint_eigen};
use heigen::vocabulary::{LayerSpec, LossKind};
use serde_json::Value;
use std::fs;
use std::path::PathBuf;

/// Largest difference from PyTorch, relative to the largest number.
const TOLERANCE: f64 = 1e-10;

fn path(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", "..", "tests", "fixtures", "onnx_graphs", name].iter().collect()
}

fn numbers(oracle: &Value, key: &str) -> Vec<f64> {
    oracle[key].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

fn read(name: &str, exporter: &str) -> (Imported, Value) {
    let file = format!("{name}.{exporter}.onnx");
    let imported = import(&fs::read(path(&file)).unwrap()).unwrap_or_else(|error| panic!("{file}: {error}"));
    (imported, serde_json::from_slice(&fs::read(path(&format!("{name}.json"))).unwrap()).unwrap())
}

/// Logits and whole spectrum of both exporters' files are those of the module.
fn agrees(name: &str) {
    for exporter in ["dynamo", "script"] {
        let (imported, oracle) = read(name, exporter);
        assert!(matches!(imported.architecture.layers[..], [LayerSpec::Graph(_)]), "{name} {exporter}");
        // The older exporter does not tell parameters from buffers.
        let untold = |warning: &String| exporter == "script" && warning.contains("the file does not tell whether");
        assert!(imported.warnings.iter().all(untold), "{name} {exporter}: {:?}", imported.warnings);
        let (x, wanted) = (numbers(&oracle, "x"), numbers(&oracle, "logits"));
        let close = |what: &str, got: &[f64], wanted: &[f64]| {
            assert_eq!(got.len(), wanted.len(), "{name} {exporter}: {what}");
            let scale = wanted.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
            let worst = got.iter().zip(wanted).map(|(g, w)| (g - w).abs()).fold(0.0, f64::max);
            assert!(worst <= TOLERANCE * scale, "{name} {exporter}: {what} differ by {worst:e} of {scale}");
        };
        close("logits", &outputs(&imported, &x), &wanted);
        let (theta, network) = theta_and_network(&imported);
        let labels: Vec<usize> = numbers(&oracle, "y").iter().map(|&y| y as usize).collect();
        let inputs = Matrix { rows: imported.n_features, columns: labels.len(), data: x };
        let problem: Problem<'_, f64> = Problem::at(&network, theta, inputs, labels, LossKind::CrossEntropy).unwrap();
        let matrix = dense(&Hessian(&problem), &mut ()).unwrap();
        let mut eigenvalues = self_adjoint_eigen(&matrix).unwrap().eigenvalues;
        eigenvalues.sort_by(f64::total_cmp);
        close("eigenvalues", &eigenvalues, &numbers(&oracle, "eigenvalues"));
    }
}

#[test]
fn a_transformer_of_tokens_with_a_causal_mask() {
    agrees("gpt");
}

#[test]
fn an_encoder_layer_of_pytorch() {
    agrees("encoder");
}

#[test]
fn patches_with_a_class_token_and_a_layer_scale() {
    agrees("vit");
}

#[test]
fn attention_in_shifted_windows() {
    agrees("windows");
}

#[test]
fn a_depthwise_convolution_with_squeeze_and_excitation() {
    agrees("mobile");
}

#[test]
fn channels_split_and_shuffled() {
    agrees("shuffle");
}

#[test]
fn images_resized_and_transposed_convolutions() {
    agrees("upscale");
}

#[test]
fn parameters_have_the_names_and_shapes_of_the_module() {
    for name in ["gpt", "encoder", "vit", "windows", "mobile", "shuffle", "upscale"] {
        let (imported, oracle) = read(name, "dynamo");
        let LayerSpec::Graph(graph) = &imported.architecture.layers[0] else { panic!("a graph") };
        for tensor in &graph.parameters {
            let wanted: Option<Vec<usize>> =
                serde_json::from_value(oracle["parameters"][&tensor.name].clone()).unwrap();
            let wanted = wanted.unwrap_or_else(|| panic!("{name}: {}", tensor.name));
            // The exporter gives some of them axes of length 1.
            let long = |shape: &[usize]| shape.iter().copied().filter(|&n| n != 1).collect::<Vec<_>>();
            assert_eq!(long(&wanted), long(&tensor.shape), "{name}: {}", tensor.name);
        }
    }
}

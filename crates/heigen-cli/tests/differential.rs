//! Random networks x losses x matrices x options against float64 PyTorch: the stored part of `scripts/differential.py`,
//! which draws any number of them anew where PyTorch is installed.

mod common;

use common::Sandbox;
use heigen_store::npy::{self, Order};
use serde_json::{Value, json};

/// Largest difference of an eigenvalue, as a fraction of the largest in magnitude: Lanczos stops at such a residual.
const EIGENVALUES: f64 = 1e-8;
/// Largest relative difference of the loss and of the norm of the gradient, which are rounding alone.
const NUMBERS: f64 = 1e-10;

fn numbers(array: &Value) -> Vec<f64> {
    array.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

fn sizes(array: &Value) -> Vec<usize> {
    numbers(array).into_iter().map(|v| v as usize).collect()
}

/// A safetensors file of float32 tensors.
fn safetensors(tensors: &Value) -> Vec<u8> {
    let (mut header, mut data) = (json!({}), vec![]);
    for (name, tensor) in tensors.as_object().unwrap() {
        let begin = data.len();
        data.extend(numbers(&tensor["values"]).into_iter().flat_map(|v| (v as f32).to_le_bytes()));
        header[name] = json!({"dtype": "F32", "shape": tensor["shape"], "data_offsets": [begin, data.len()]});
    }
    let header = header.to_string().into_bytes();
    [&(header.len() as u64).to_le_bytes()[..], &header, &data].concat()
}

/// The numbers of one case in which the program disagrees with PyTorch, in words.
fn disagreements(case: &Value) -> Vec<String> {
    let sandbox = Sandbox::new();
    let config = sandbox.config("net", &case["config"]);
    let weights = sandbox.file("net.safetensors", &safetensors(&case["tensors"]));
    let features: Vec<f32> = numbers(&case["x"]).into_iter().map(|v| v as f32).collect();
    npy::write(&sandbox.path("X.npy"), &sizes(&case["x_shape"]), Order::C, &features).unwrap();
    let labels: Vec<i64> = numbers(&case["y"]).into_iter().map(|v| v as i64).collect();
    npy::write(&sandbox.path("y.npy"), &[labels.len()], Order::C, &labels).unwrap();

    let options = case["options"].as_array().unwrap().iter().map(|v| v.as_str().unwrap());
    let args: Vec<&str> = ["hessian", &config, "--model", &weights, "--json"].into_iter().chain(options).collect();
    let got: Value = serde_json::from_str(&sandbox.ok(&args).stdout).unwrap();
    let file = sandbox.names("results/grads/my").into_iter().find(|name| name.ends_with("_heigenvalues.npy")).unwrap();
    let mut values = npy::read::<f64>(&sandbox.path("results/grads/my").join(file)).unwrap().values;
    values.sort_by(f64::total_cmp);

    let mut found = vec![];
    let mut compare = |what: &str, got: f64, want: &Value, allowed: f64| {
        let want = want.as_f64().unwrap();
        if (got - want).abs().partial_cmp(&allowed).is_none_or(std::cmp::Ordering::is_gt) {
            found.push(format!("{what} {got} for {want}"));
        }
    };
    for key in ["loss", "grad_norm"] {
        compare(key, got[key].as_f64().unwrap(), &case[key], NUMBERS * case[key].as_f64().unwrap().abs());
    }
    let allowed = EIGENVALUES * case["scale"].as_f64().unwrap().max(1e-12);
    if let Some(trace) = got["trace"].as_f64() {
        compare("trace", trace, &case["trace"], allowed * values.len() as f64);
    }
    let wanted = case["eigenvalues"].as_array().unwrap();
    for (i, (&value, want)) in values.iter().zip(wanted).enumerate() {
        compare(&format!("eigenvalue {i}"), value, want, allowed);
    }
    if values.len() != wanted.len() {
        found.push(format!("{} eigenvalues for {}", values.len(), wanted.len()));
    }
    found
}

#[test]
fn random_networks_have_the_numbers_of_float64_pytorch() {
    let cases: Vec<Value> =
        serde_json::from_str(include_str!("../../../tests/fixtures/differential/cases.json")).unwrap();
    assert_eq!(cases.len(), 24);
    for case in &cases {
        let found = disagreements(case);
        assert!(found.is_empty(), "{}: {found:?}", case["name"]);
    }
}

#[test]
fn another_eigenvalue_of_a_random_network_is_seen() {
    let cases: Vec<Value> =
        serde_json::from_str(include_str!("../../../tests/fixtures/differential/cases.json")).unwrap();
    let mut case = cases[0].clone();
    let last = case["eigenvalues"].as_array().unwrap().len() - 1;
    let moved = case["eigenvalues"][last].as_f64().unwrap() * (1.0 + 1e-6);
    case["eigenvalues"][last] = json!(moved);
    assert_eq!(disagreements(&case).len(), 1);
}

//! Outputs of an imported classifier by heigen's own network.

use super::build::Model;
use super::interpreter::{self, Array};
use crate::{Imported, import};
use heigen::linalg::Matrix;
use heigen::model::Network;
use heigen::vocabulary::{ModelSpec, Sequential};

/// The network of an imported classifier, and its parameters.
pub(super) fn theta_and_network(imported: &Imported) -> (Vec<f64>, Network) {
    let find = |name: &str| imported.tensors.iter().find(|t| t.name == name);
    let json = serde_json::to_string(&imported.architecture).unwrap();
    assert_eq!(Sequential::parse(&json, "architecture").as_ref(), Ok(&imported.architecture));
    let spec = ModelSpec::Sequential(imported.architecture.clone());
    let network = Network::build(&spec, imported.n_features, imported.n_outputs).unwrap();
    let network = network.with_fixed_statistics(|name| find(name).map(|t| t.values.clone())).unwrap();
    let mut theta = Vec::new();
    for entry in network.layout().entries() {
        let tensor = find(&entry.name).unwrap_or_else(|| panic!("{} is missing", entry.name));
        assert_eq!(tensor.shape, entry.shape, "{}", entry.name);
        theta.extend(&tensor.values);
    }
    (theta, network)
}

/// Outputs [C, N], sample after sample, for samples [N, d].
pub(super) fn outputs(imported: &Imported, samples: &[f64]) -> Vec<f64> {
    let (theta, network) = theta_and_network(imported);
    let x = Matrix { rows: imported.n_features, columns: samples.len() / imported.n_features, data: samples.to_vec() };
    network.outputs(&theta, &x).data
}

/// Imports `model` and compares its outputs for a few samples with the oracle's.
pub(super) fn agrees(model: &Model) -> Imported {
    const SAMPLES: usize = 5;
    const TOLERANCE: f64 = 1e-12;
    let imported = import(&model.encode()).unwrap_or_else(|error| panic!("{error}"));
    let x = model.clone().numbers(SAMPLES * imported.n_features);
    let shape: Vec<usize> = std::iter::once(SAMPLES).chain(model.input[1..].iter().map(|&n| n as usize)).collect();
    let wanted = interpreter::run(model, &Array { shape, values: x.clone() });
    let got = outputs(&imported, &x);
    assert_eq!(got.len(), wanted.values.len());
    for (got, wanted) in got.iter().zip(&wanted.values) {
        assert!((got - wanted).abs() <= TOLERANCE * (1.0 + wanted.abs()), "{got} and {wanted}: {imported:?}");
    }
    imported
}

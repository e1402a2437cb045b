//! The networks of the golden files.

use super::{Golden, golden_path};
use heigen::config::{Activation, Initialization, LossKind, ModelSpec};
use heigen::data::Dataset;
use heigen::model::Network;

pub struct Case {
    pub name: &'static str,
    pub loss: LossKind,
    pub spec: ModelSpec,
}

pub fn two_layers(width: usize, activation_func: Activation, lsoftmax: bool) -> ModelSpec {
    ModelSpec::Fnn2Layer {
        num_neurons_layer1: width,
        num_neurons_layer2: width,
        activation_func,
        initialization: Initialization::Random,
        lsoftmax,
    }
}

pub fn small_cases() -> Vec<Case> {
    let (relu, sigmoid) = (Activation::Relu, Activation::Sigmoid);
    let fnn = ModelSpec::Fnn { num_neurons: 10, init_scales: None };
    vec![
        Case { name: "intro_fnn10", loss: LossKind::CrossEntropy, spec: fnn },
        Case { name: "gauss_30_ce", loss: LossKind::CrossEntropy, spec: two_layers(30, relu, false) },
        Case { name: "gauss_30_mse", loss: LossKind::Mse, spec: two_layers(30, relu, false) },
        Case { name: "gauss_30_nll", loss: LossKind::Nll, spec: two_layers(30, relu, true) },
        Case { name: "gauss_30_hinge", loss: LossKind::Hinge, spec: two_layers(30, relu, false) },
        Case { name: "gauss_30_ce_sigmoid", loss: LossKind::CrossEntropy, spec: two_layers(30, sigmoid, false) },
    ]
}

pub fn large_case() -> Case {
    Case { name: "gauss_100_ce", loss: LossKind::CrossEntropy, spec: two_layers(100, Activation::Relu, false) }
}

pub fn dataset(golden: &Golden) -> Dataset {
    let x = golden.get("X");
    let labels = golden.get("y").usize();
    let n_classes = labels.iter().max().unwrap() + 1;
    Dataset {
        features: x.f32(),
        shape: x.shape[1..].to_vec(),
        labels,
        others: None,
        n_classes,
        source: "golden".into(),
    }
}

pub fn weights(network: &Network, name: &str) -> Vec<f32> {
    let bytes = std::fs::read(golden_path(&format!("{name}.safetensors"))).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let tensors: Vec<_> = file
        .tensors()
        .into_iter()
        .map(|(name, t)| {
            let values: Vec<f32> = t.data().as_chunks::<4>().0.iter().map(|&b| f32::from_le_bytes(b)).collect();
            (name, t.shape().to_vec(), values)
        })
        .collect();
    network.layout().assemble(tensors.iter().map(|(n, s, v)| (n.as_str(), &s[..], &v[..]))).unwrap()
}

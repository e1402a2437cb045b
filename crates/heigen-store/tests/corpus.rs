//! The seeds of `fuzz/corpus` and thousands of changes of them: whatever the bytes, the parsers of experiments,
//! architectures, weights and image sets return.
#![allow(missing_docs)]

#[path = "../../../fuzz/changes.rs"]
mod changes;

use heigen::config::{AnyName, Experiment, ExperimentName, LayerSpec, ModelSpec};
use heigen::data::{cifar10_binary, cifar10_python, mnist_labels, mnist_pixels};
use heigen::linalg::Matrix;
use heigen::model::Network;
use heigen_store::weights;
use std::path::Path;

/// Inputs of every parser, changed seeds together.
const CASES: usize = 2000;

/// Gives `parser` every seed of `target` as it is, and changed.
fn run(target: &str, parser: impl Fn(&[u8])) {
    let seeds = changes::seeds(target);
    changes::each_changed(&seeds, CASES.div_ceil(seeds.len()), parser);
}

#[test]
fn experiments_and_architectures() {
    run("config", |bytes| {
        let text = String::from_utf8_lossy(bytes);
        let name = ExperimentName::new("mine", "first").unwrap();
        let experiment = Experiment::parse(&text, name, "mine/first.json", &AnyName).map(|p| p.experiment.model);
        for model in experiment.into_iter().chain(ModelSpec::parse(&text, "arch.json")) {
            for shape in [&[4][..], &[1, 8, 8]] {
                let _ = Network::build_for(&model, shape, 3);
            }
        }
    });
}

/// A graph of operations, built and, where it is small, run; whether it could be built.
fn graph(text: &str) -> bool {
    let Ok(ModelSpec::Sequential(own)) = ModelSpec::parse(text, "arch.json") else { return false };
    let Some(LayerSpec::Graph(graph)) = own.layers.first() else { return false };
    let Some(size) = graph.input_shape.iter().try_fold(1usize, |all, &size| all.checked_mul(size)) else {
        return false;
    };
    let Ok(network) = Network::build_for(&ModelSpec::Sequential(own), &[size], 3) else { return false };
    if network.n_params() + network.activation_size() < 1 << 20 && !network.has_graph_buffers() {
        let outputs = network.outputs(&vec![0.5; network.n_params()], &Matrix::<f64>::zeros(size, 2));
        assert_eq!(outputs.data.len(), 6);
    }
    true
}

#[test]
fn graphs_of_operations() {
    run("graph", |bytes| {
        graph(&String::from_utf8_lossy(bytes));
    });
}

/// Numbers of the seeds replaced by others: what is still JSON, and often still a graph.
#[test]
fn graphs_of_operations_with_other_numbers() {
    const NUMBERS: [&str; 12] = ["0", "1", "2", "3", "4", "7", "-1", "0.5", "64", "1000000", "4294967296", "null"];
    let mut random = changes::Random(1);
    let seeds = changes::seeds("graph");
    let mut built = 0;
    for seed in &seeds {
        let text = String::from_utf8(seed.clone()).unwrap();
        assert!(graph(&text), "a seed is a graph: {text}");
        let numbers: Vec<std::ops::Range<usize>> = text
            .match_indices(|c: char| c.is_ascii_digit())
            .map(|(at, digit)| at..at + digit.len())
            .filter(|at| !text[..at.start].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '.'))
            .collect();
        for _ in 0..CASES.div_ceil(seeds.len()) {
            let mut changed = text.clone();
            let place = numbers[random.below(numbers.len())].clone();
            changed.replace_range(place, NUMBERS[random.below(NUMBERS.len())]);
            built += usize::from(graph(&changed));
        }
    }
    assert!(built > seeds.len(), "some changes make other graphs: {built}");
}

#[test]
fn safetensors() {
    run("safetensors", |bytes| {
        if let Ok(weights) = weights::parse_f64(Path::new("net.safetensors"), bytes) {
            for tensor in weights.tensors {
                assert_eq!(tensor.values.len(), tensor.shape.iter().product::<usize>());
            }
        }
    });
}

#[test]
fn image_sets() {
    run("cifar10_binary", |bytes| drop(cifar10_binary(bytes)));
    run("cifar10_python", |bytes| drop(cifar10_python(bytes)));
    run("mnist", |bytes| drop((mnist_pixels(bytes), mnist_labels(bytes))));
}

#[test]
fn a_header_that_claims_too_much_is_refused_before_anything_is_allocated() {
    let header = br#"{"w":{"dtype":"F64","shape":[1000000,1000000],"data_offsets":[0,8000000000000]}}"#;
    let bytes = [&(header.len() as u64).to_le_bytes()[..], header].concat();
    let error = weights::parse_f64(Path::new("net.safetensors"), &bytes).unwrap_err().to_string();
    assert!(error.contains("net.safetensors is truncated or damaged"), "{error}");
}

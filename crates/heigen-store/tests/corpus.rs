//! The seeds of `fuzz/corpus` and thousands of changes of them: whatever the bytes, the parsers of experiments,
//! architectures, weights and image sets return.
#![allow(missing_docs)]

#[path = "../../../fuzz/changes.rs"]
mod changes;

use heigen::config::{AnyName, Experiment, ExperimentName, ModelSpec};
use heigen::data::{cifar10_binary, cifar10_python, mnist_labels, mnist_pixels};
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

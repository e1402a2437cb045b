//! The seeds of `fuzz/corpus` with bytes changed: whatever stands there, the parsers of experiments, architectures, weights
//! and image sets return.
#![allow(missing_docs)]

use heigen::config::{AnyName, Experiment, ExperimentName, ModelSpec};
use heigen::data::{cifar10_binary, cifar10_python, mnist_labels, mnist_pixels};
use heigen::model::Network;
use heigen_store::weights;
use proptest::prelude::*;
use proptest::sample::Index;
use std::path::{Path, PathBuf};

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{}", folder.display());
    files.iter().map(|file| std::fs::read(file).unwrap()).collect()
}

/// A seed with some bytes replaced, a piece taken out, and its end cut off.
fn changed(target: &str) -> impl Strategy<Value = Vec<u8>> {
    let edits = prop::collection::vec((any::<Index>(), any::<u8>()), 0..6);
    let piece = prop::option::of((any::<Index>(), 0usize..40));
    let cut = prop::option::weighted(0.2, any::<Index>());
    (prop::sample::select(seeds(target)), edits, piece, cut).prop_map(|(mut bytes, edits, piece, cut)| {
        for (place, byte) in edits {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        if let Some((place, length)) = piece {
            let start = place.index(bytes.len());
            bytes.drain(start..(start + length).min(bytes.len()));
        }
        if let Some(end) = cut {
            bytes.truncate(end.index(bytes.len().max(1)));
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, rng_seed: proptest::test_runner::RngSeed::Fixed(1), ..ProptestConfig::default() })]

    #[test]
    fn experiments_and_architectures(bytes in changed("config")) {
        let text = String::from_utf8_lossy(&bytes);
        let name = ExperimentName::new("mine", "first").unwrap();
        let experiment = Experiment::parse(&text, name, "mine/first.json", &AnyName).map(|p| p.experiment.model);
        for model in experiment.into_iter().chain(ModelSpec::parse(&text, "arch.json")) {
            for shape in [&[4][..], &[1, 8, 8]] {
                let _ = Network::build_for(&model, shape, 3);
            }
        }
    }

    #[test]
    fn safetensors(bytes in changed("safetensors")) {
        let _ = weights::parse_f64(Path::new("net.safetensors"), &bytes);
    }

    #[test]
    fn image_sets(binary in changed("cifar10_binary"), python in changed("cifar10_python"), idx in changed("mnist")) {
        let _ = cifar10_binary(&binary);
        let _ = cifar10_python(&python);
        let _ = (mnist_pixels(&idx), mnist_labels(&idx));
    }
}

#[test]
fn a_header_that_claims_too_much_is_refused_before_anything_is_allocated() {
    let header = br#"{"w":{"dtype":"F64","shape":[1000000,1000000],"data_offsets":[0,8000000000000]}}"#;
    let bytes = [&(header.len() as u64).to_le_bytes()[..], header].concat();
    let error = weights::parse_f64(Path::new("net.safetensors"), &bytes).unwrap_err().to_string();
    assert!(error.contains("net.safetensors is truncated or damaged"), "{error}");
}

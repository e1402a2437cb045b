//! Damaged files: any answer but a panic.

use super::build::Model;
use super::fixtures::path;
use crate::import;
use proptest::prelude::*;
use std::fs;
use std::path::{Path, PathBuf};

/// The fuzzer's seeds.
fn corpus() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", "..", "fuzz", "corpus", "onnx"].iter().collect()
}

/// The ONNX files in `folder`.
fn files_in(folder: &Path) -> Vec<Vec<u8>> {
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "onnx"));
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

/// Files of exporters, and the seeds.
fn files() -> Vec<Vec<u8>> {
    [files_in(&path("")), files_in(&corpus())].concat()
}

#[test]
fn seeds_are_read() {
    let seeds = files_in(&corpus());
    assert!(!seeds.is_empty());
    seeds.iter().for_each(|seed| assert_eq!(import(seed).err(), None));
}

struct Numbers(u64);

impl Numbers {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as usize % n.max(1)
    }
}

fn mutate(bytes: &mut Vec<u8>, numbers: &mut Numbers) {
    for _ in 0..=numbers.below(4) {
        let (at, length) = (numbers.below(bytes.len()), numbers.below(16));
        match numbers.below(6) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..(at + length).min(bytes.len()))),
            2 => {
                let end = (at + length).min(bytes.len());
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece);
            }
            3 => bytes.splice(at..at, [0xff; 9]).for_each(drop),
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << numbers.below(8);
                }
            }
        }
    }
}

#[test]
fn mutated_files_never_panic() {
    const ROUNDS: usize = 400;
    let mut numbers = Numbers(7);
    let mut read = 0;
    for file in files() {
        for _ in 0..ROUNDS {
            let mut bytes = file.clone();
            mutate(&mut bytes, &mut numbers);
            read += usize::from(import(&bytes).is_ok());
        }
    }
    assert!(read > 0, "some mutations change only numbers");
}

#[test]
fn truncated_files_never_panic() {
    for file in files() {
        let step = file.len().div_ceil(500);
        (0..file.len()).step_by(step).for_each(|end| drop(import(&file[..end])));
    }
}

/// Operators with any inputs.
const OPERATORS: [&str; 30] = [
    "Gemm",
    "MatMul",
    "Conv",
    "Add",
    "Sub",
    "Mul",
    "Div",
    "Neg",
    "Pow",
    "Relu",
    "Erf",
    "Tanh",
    "Softmax",
    "MaxPool",
    "GlobalAveragePool",
    "ReduceMean",
    "Flatten",
    "Reshape",
    "Squeeze",
    "Unsqueeze",
    "Transpose",
    "Shape",
    "Gather",
    "Slice",
    "Concat",
    "Expand",
    "BatchNormalization",
    "Where",
    "Greater",
    "Identity",
];

proptest! {
    #[test]
    fn graphs_at_random_never_panic(
        nodes in prop::collection::vec((0..OPERATORS.len(), prop::collection::vec(0_usize..12, 1..5)), 1..12),
        image: bool,
    ) {
        let constants: [(&str, &[usize], &[f64]); 7] = [
            ("c0", &[], &[2.0]), ("c1", &[2], &[0.0, -1.0]), ("c2", &[2, 2], &[1.0, 0.0, 2.0, 1.0]), ("c3", &[1], &[1.0]),
            ("c4", &[2, 2, 1, 1], &[1.0, 2.0, 3.0, 4.0]), ("c5", &[2], &[2.0, 3.0]), ("c6", &[4], &[-1.0, 2.0, 1.0, 1.0]),
        ];
        let mut model = if image { Model::new(&[2, 2, 2]) } else { Model::new(&[2]) };
        for (name, shape, values) in constants {
            model = model.constant(name, shape, values);
        }
        let count = nodes.len();
        for (i, (operator, inputs)) in nodes.into_iter().enumerate() {
            let name = |j: usize| match j {
                0..7 => format!("c{j}"),
                _ if i == 0 || j == 7 => "x".to_owned(),
                _ => format!("v{}", i.saturating_sub(j - 7)),
            };
            let names: Vec<String> = inputs.into_iter().map(name).collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let made = if i + 1 == count { "y".to_owned() } else { format!("v{i}") };
            model = model.node(OPERATORS[operator], &names, &made);
        }
        if let Ok(imported) = import(&model.encode()) {
            prop_assert!(imported.n_features > 0 && imported.n_outputs > 0);
        }
    }
}

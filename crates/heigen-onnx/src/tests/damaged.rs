//! Damaged files: any answer but a panic.

#[path = "../../../../fuzz/changes.rs"]
mod changes;

use super::build::Model;
use super::fixtures::path;
use crate::import;
use proptest::prelude::*;
use std::fs;

/// Files of exporters, and the fuzzer's seeds.
fn files() -> Vec<Vec<u8>> {
    let mut paths: Vec<_> = fs::read_dir(path("")).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "onnx"));
    paths.sort();
    let exported = paths.iter().map(|path| fs::read(path).unwrap());
    exported.chain(changes::seeds("onnx")).collect()
}

#[test]
fn seeds_are_read() {
    changes::seeds("onnx").iter().for_each(|seed| assert_eq!(import(seed).err(), None));
}

#[test]
fn mutated_files_never_panic() {
    const ROUNDS: usize = 400;
    let mut read = 0;
    changes::each_changed(&files(), ROUNDS, |bytes| read += usize::from(import(bytes).is_ok()));
    assert!(read > files().len(), "some mutations change only numbers");
}

#[test]
fn truncated_files_never_panic() {
    for file in files() {
        let step = file.len().div_ceil(500);
        (0..file.len()).step_by(step).for_each(|end| drop(import(&file[..end])));
    }
}

/// Operators with any inputs.
const OPERATORS: [&str; 54] = [
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
    "ConvTranspose",
    "Einsum",
    "AveragePool",
    "LayerNormalization",
    "GroupNormalization",
    "PRelu",
    "Clip",
    "Tile",
    "Split",
    "Pad",
    "GatherElements",
    "GatherND",
    "ScatterND",
    "OneHot",
    "Trilu",
    "CumSum",
    "Resize",
    "Range",
    "ConstantOfShape",
    "NonZero",
    "ReduceSum",
    "Max",
    "Attention",
    "LRN",
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

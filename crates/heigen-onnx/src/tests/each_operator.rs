//! Models of one unusual operator each, against ONNX's reference implementation in double precision.

use super::evaluate::outputs;
use crate::import;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use std::fs;
use std::path::PathBuf;

/// Largest difference, relative to the largest output: the reference implementation takes attributes in single precision.
const TOLERANCE: f64 = 1e-6;

#[derive(Deserialize)]
struct Case {
    name: String,
    /// The file in base64.
    model: String,
    x: Vec<f64>,
    y: Vec<f64>,
}

/// The difference between a case and its oracle in words, if there is one.
fn wrong(case: &Case) -> Option<String> {
    let imported = match import(&STANDARD.decode(&case.model).unwrap()) {
        Ok(imported) => imported,
        Err(error) => return Some(error.to_string()),
    };
    let got = outputs(&imported, &case.x);
    if got.len() != case.y.len() {
        return Some(format!("{} outputs, not {}", got.len(), case.y.len()));
    }
    let scale = case.y.iter().fold(1.0, |m: f64, v| m.max(v.abs()));
    let worst = got.iter().zip(&case.y).map(|(got, wanted)| (got - wanted).abs()).fold(0.0, f64::max);
    (worst.is_nan() || worst > TOLERANCE * scale)
        .then(|| format!("differs by {worst:e} of {scale}: {:?}", imported.architecture))
}

#[test]
fn operators_are_those_of_the_reference_implementation() {
    let path: PathBuf =
        [env!("CARGO_MANIFEST_DIR"), "../../tests/fixtures/onnx_graphs/operators.json"].iter().collect();
    let cases: Vec<Case> = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    assert!(cases.len() > 100);
    let failed: Vec<String> =
        cases.iter().filter_map(|case| wrong(case).map(|problem| format!("{}: {problem}", case.name))).collect();
    assert!(failed.is_empty(), "{} of {}:\n{}", failed.len(), cases.len(), failed.join("\n"));
}

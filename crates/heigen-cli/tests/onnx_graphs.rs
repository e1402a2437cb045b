//! `heigen analyze` on ONNX files of networks that no list of layers expresses: certified whole spectra, against PyTorch in float64.

mod common;

use common::Sandbox;
use serde_json::Value;
use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

/// Tolerance for eigenvalues, relative to the largest, and for the loss.
const TOLERANCE: f64 = 1e-8;

fn fixture(file: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/onnx_graphs").join(file)
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

/// The whole spectrum of both exporters' files of a network, up to the report.
fn analyzed(name: &str) {
    let oracle: Value = serde_json::from_slice(&fs::read(fixture(&format!("{name}.json"))).unwrap()).unwrap();
    let (x, y) = (numbers(&oracle["x"]), numbers(&oracle["y"]));
    let features = x.len() / y.len();
    let columns: Vec<String> = (0..features).map(|i| format!("x{i}")).collect();
    let mut table = format!("{},label\n", columns.join(","));
    for (x, y) in x.chunks(features).zip(&y) {
        let numbers: Vec<String> = x.iter().map(f64::to_string).collect();
        writeln!(table, "{},{y}", numbers.join(",")).unwrap();
    }
    for exporter in ["dynamo", "script"] {
        let sandbox = Sandbox::new();
        sandbox.file("net.onnx", &fs::read(fixture(&format!("{name}.{exporter}.onnx"))).unwrap());
        sandbox.file("d.csv", table.as_bytes());
        let run = sandbox.run(&["analyze", "--json", "--model", "net.onnx", "--data", "d.csv", "--method", "dense"]);
        assert_eq!(run.code, 0, "{name} {exporter}: {}", run.stderr);
        let result: Value = serde_json::from_str(&run.stdout).unwrap();
        let got = &result["analysis"];
        let mut wanted = numbers(&oracle["eigenvalues"]);
        wanted.reverse();
        assert_eq!(got["n_params"], wanted.len(), "{name} {exporter}");
        for (i, (got, one)) in numbers(&got["eigenvalues_top"]).iter().zip(&wanted).enumerate() {
            assert!(
                (got - one).abs() <= TOLERANCE * wanted[0],
                "{name} {exporter}: eigenvalue {i} is {got}, not {one}"
            );
        }
        let (least, one) = (got["lambda_min"].as_f64().unwrap(), wanted[wanted.len() - 1]);
        assert!((least - one).abs() <= TOLERANCE * wanted[0], "{name} {exporter}: the smallest is {least}, not {one}");
        let (loss, one) = (got["loss"].as_f64().unwrap(), oracle["loss"].as_f64().unwrap());
        assert!((loss - one).abs() <= TOLERANCE * one, "{name} {exporter}: loss {loss}, not {one}");
        assert!(got["certificate"]["residual_max"].as_f64().unwrap() < 1e-10, "{name} {exporter}");
        assert!(run.stderr.contains("report ->"), "{}", run.stderr);
    }
}

#[test]
fn a_transformer_was_refused_at_its_embedding() {
    analyzed("gpt");
}

#[test]
fn a_depthwise_network_was_refused_at_its_groups() {
    analyzed("mobile");
}

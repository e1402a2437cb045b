//! Compares the crates of the workspace and their dependencies, the table of ARCHITECTURE.md, with `cargo metadata`.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

/// For every crate, the crates of the workspace that it uses.
const EDGES: [(&str, &[&str]); 13] = [
    ("heigen-spectra", &[]),
    ("heigen", &["heigen-pickle", "heigen-spectra"]),
    ("heigen-pickle", &[]),
    ("heigen-formats", &["heigen-pickle"]),
    ("heigen-onnx", &["heigen", "heigen-formats"]),
    ("heigen-store", &["heigen", "heigen-formats"]),
    ("heigen-figures", &[]),
    ("heigen-report", &[]),
    (
        "heigen-lab",
        &[
            "heigen",
            "heigen-figures",
            "heigen-formats",
            "heigen-onnx",
            "heigen-report",
            "heigen-spectra",
            "heigen-store",
        ],
    ),
    ("heigen-explore", &["heigen", "heigen-figures", "heigen-lab", "heigen-store"]),
    ("heigen-cli", &["heigen", "heigen-explore", "heigen-lab", "heigen-spectra", "heigen-store"]),
    ("heigen-mpi", &["heigen-cli", "heigen-spectra"]),
    (
        "heigen-py",
        &["heigen", "heigen-cli", "heigen-figures", "heigen-lab", "heigen-report", "heigen-spectra", "heigen-store"],
    ),
];

/// Libraries that only faces (programs and bindings) may use: no other crate depends on them.
const OF_FACES: [&str; 5] = ["anyhow", "clap", "ctrlc", "indicatif", "signal-hook"];
/// Libraries that only the explorer, a server, may use.
const OF_THE_EXPLORER: [&str; 6] = ["axum", "getrandom", "hyper", "hyper-util", "pulldown-cmark", "tokio"];

fn metadata() -> Value {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(root)
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// The dependencies of every crate, without those of its tests.
fn dependencies(metadata: &Value) -> BTreeMap<String, BTreeSet<String>> {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let of = |package: &Value| {
        let all = package["dependencies"].as_array().expect("dependencies").iter();
        all.filter(|d| d["kind"].as_str() != Some("dev")).map(|d| text(&d["name"])).collect()
    };
    let packages = metadata["packages"].as_array().expect("packages").iter();
    packages.map(|package| (text(&package["name"]), of(package))).collect()
}

#[test]
fn crates_use_what_the_table_says() {
    let found = dependencies(&metadata());
    let names: BTreeSet<&str> = found.keys().map(String::as_str).collect();
    let wanted: BTreeMap<&str, BTreeSet<&str>> =
        EDGES.iter().map(|(name, uses)| (*name, uses.iter().copied().collect())).collect();
    assert_eq!(names, wanted.keys().copied().collect());
    for (name, uses) in &found {
        let own: BTreeSet<&str> = uses.iter().map(String::as_str).filter(|d| names.contains(d)).collect();
        assert_eq!(own, wanted[name.as_str()], "{name}");
    }
}

#[test]
fn only_faces_use_what_is_theirs() {
    for (name, uses) in dependencies(&metadata()) {
        let theirs: Vec<&str> = OF_FACES.into_iter().filter(|d| uses.contains(*d)).collect();
        assert!(name == "heigen-cli" || name == "heigen-py" || theirs.is_empty(), "{name} uses {theirs:?}");
    }
}

#[test]
fn only_the_explorer_is_a_server() {
    for (name, uses) in dependencies(&metadata()) {
        let theirs: Vec<&str> = OF_THE_EXPLORER.into_iter().filter(|d| uses.contains(*d)).collect();
        assert!(name == "heigen-explore" || theirs.is_empty(), "{name} uses {theirs:?}");
    }
}

#[test]
fn the_architecture_names_every_crate() {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ARCHITECTURE.md")).unwrap();
    for (name, _) in EDGES {
        assert!(text.contains(&format!("`{name}`")), "ARCHITECTURE.md does not name {name}");
    }
}

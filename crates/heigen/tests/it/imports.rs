//! The way through the house: what each part may never use. Crate boundaries enforce the rest.

use std::fs;
use std::path::{Path, PathBuf};

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            // Modules of tests.
            if path.file_name().is_some_and(|name| name == "tests") {
                continue;
            }
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
}

/// Lines of code (no comments, no tests at the file's end) that contain one of `forbidden`.
fn violations(folder: &Path, forbidden: &[&str]) -> Vec<String> {
    let mut files = Vec::new();
    sources(folder, &mut files);
    assert!(!files.is_empty(), "{} has no sources", folder.display());
    let mut found = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        for (number, line) in code.lines().enumerate() {
            let line = line.split("//").next().unwrap();
            if let Some(word) = forbidden.iter().find(|word| line.contains(**word)) {
                found.push(format!("{}:{}: {word}", file.display(), number + 1));
            }
        }
    }
    found
}

#[test]
fn nothing_flows_backwards() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let science = crates.join("heigen/src");
    let pure = [
        "std::fs",
        "std::env",
        "std::time",
        "std::io",
        "println!",
        "eprintln!",
        "print!(",
        "anyhow",
        "clap::",
        "indicatif",
        "heigen_store",
        "heigen_figures",
        "heigen_report",
        "resvg",
        "plotters",
    ];
    let foreign = ["std::fs", "std::env", "std::process", "println!", "print!(", "heigen_store", "heigen_cli"];
    for folder in ["heigen-pickle", "heigen-formats", "heigen-onnx"] {
        let found = violations(&crates.join(folder).join("src"), &foreign);
        assert!(found.is_empty(), "parsers are given bytes and give values:\n{}", found.join("\n"));
    }
    let stages = ["config", "data", "model", "train", "curvature", "analysis"];
    let mut found = violations(&science, &pure);
    let forbid = |stage: &str, words: &[&str]| violations(&science.join(stage), words);
    let module = |name: &str| [format!("crate::{name}::"), format!("crate::{{{name}")].map(|s| s.leak() as &str);
    for (i, stage) in stages.iter().enumerate() {
        for later in &stages[i + 1..] {
            found.extend(forbid(stage, &module(later)));
        }
    }
    found.extend(forbid("analysis", &module("train")));
    found.extend(forbid("curvature", &module("train")));
    let figures =
        ["heigen::model", "heigen::train", "heigen::curvature", "heigen_store", "heigen_cli", "std::fs", "println!"];
    found.extend(violations(&crates.join("heigen-figures/src"), &figures));
    let report =
        ["heigen::", "heigen_store", "heigen_figures", "heigen_cli", "std::fs", "std::env", "std::time", "println!"];
    found.extend(violations(&crates.join("heigen-report/src"), &report));
    found.extend(violations(
        &crates.join("heigen-store/src"),
        &["heigen_figures", "heigen_report", "println!", "anyhow", "clap::", "indicatif"],
    ));
    assert!(found.is_empty(), "imports that run backwards:\n{}", found.join("\n"));
}

//! Tests of rules that the edges between crates do not enforce: the order of heigen's modules, and words that libraries
//! must not contain. (The edges are compared with cargo's metadata in heigen-cli/tests/edges.rs.)

use std::fs;
use std::path::{Path, PathBuf};

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            // Folders named `tests` hold modules of tests and are left out.
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

fn crates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

#[test]
fn libraries_print_nothing_and_touch_no_world() {
    let prints = ["println!", "eprintln!", "print!(", "eprint!("];
    let world = ["std::fs", "std::env", "std::process", "std::time", "std::io::std"];
    let both: Vec<&str> = prints.into_iter().chain(world).collect();
    let mut found = Vec::new();
    for pure in [
        "heigen",
        "heigen-spectra",
        "heigen-pickle",
        "heigen-formats",
        "heigen-onnx",
        "heigen-figures",
        "heigen-report",
    ] {
        found.extend(violations(&crates().join(pure).join("src"), &both));
    }
    found.extend(violations(&crates().join("heigen-store/src"), &prints));
    assert!(found.is_empty(), "libraries compute and return:\n{}", found.join("\n"));
}

#[test]
fn a_value_travels_one_way() {
    let science = crates().join("heigen/src");
    let stages = ["vocabulary", "config", "data", "model", "train", "curvature", "analysis"];
    let forbid = |stage: &str, words: &[&str]| violations(&science.join(stage), words);
    let module = |name: &str| [format!("crate::{name}::"), format!("crate::{{{name}")].map(|s| s.leak() as &str);
    let mut found = Vec::new();
    for (i, stage) in stages.iter().enumerate() {
        for later in &stages[i + 1..] {
            found.extend(forbid(stage, &module(later)));
        }
    }
    found.extend(forbid("analysis", &module("train")));
    found.extend(forbid("curvature", &module("train")));
    for without_files in ["model", "curvature", "analysis"] {
        found.extend(forbid(without_files, &module("config")));
    }
    assert!(found.is_empty(), "imports that run backwards:\n{}", found.join("\n"));
}

//! A temporary folder with small experiments, and the program run in it.

#![allow(dead_code, reason = "every test file uses a part of this")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use serde_json::{Value, json};
use tempfile::TempDir;

/// The working folder of a run, with experiment files below `my/`.
pub(crate) struct Sandbox {
    dir: TempDir,
}

/// How a run ended and what it wrote, with temporary paths and times replaced.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A small experiment on three Gaussian blobs: 8 x 8 hidden units, 12 epochs.
pub(crate) fn small() -> Value {
    json!({
        "model": {"type": "FNN_2layer", "args": {"num_neurons_layer1": 8, "num_neurons_layer2": 8}},
        "optimizer": {"type": "SGD", "args": {"lr": 0.1, "momentum": 0.0, "weight_decay": 0.0}},
        "dataset": {"type": "gauss_mixtures", "args": {"random": false}},
        "init_model_at": "",
        "train_fraction": 0.5,
        "test_fraction": 0.2,
        "trainer": {"num_epochs": 12, "how_often_save_model": 0, "how_often_compute_grads": 0,
                    "how_often_print": 6, "batch_size": 64}
    })
}

/// `small` with other values at JSON pointers.
pub(crate) fn changed(changes: &[(&str, Value)]) -> Value {
    let mut config = small();
    for (pointer, value) in changes {
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        let parent = if parent.is_empty() { &mut config } else { config.pointer_mut(parent).unwrap() };
        parent[key] = value.clone();
    }
    config
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.dir.path().join(relative)
    }

    /// Writes `my/<name>.json` and returns that path.
    pub(crate) fn config(&self, name: &str, config: &Value) -> String {
        self.file(&format!("my/{name}.json"), config.to_string().as_bytes())
    }

    pub(crate) fn file(&self, relative: &str, bytes: &[u8]) -> String {
        let path = self.path(relative);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
        relative.to_owned()
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = Command::cargo_bin("heigen").unwrap();
        command.current_dir(self.dir.path()).env("COLUMNS", "100");
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Run {
        self.finish(self.command().args(args))
    }

    pub(crate) fn finish(&self, command: &mut Command) -> Run {
        let output = command.output().unwrap();
        Run {
            code: output.status.code().unwrap_or(-1),
            stdout: self.shown(&output.stdout),
            stderr: self.shown(&output.stderr),
        }
    }

    /// Runs a command that must succeed.
    pub(crate) fn ok(&self, args: &[&str]) -> Run {
        let run = self.run(args);
        assert_eq!(run.code, 0, "{args:?}: {}", run.stderr);
        run
    }

    /// The text of a run that must fail with exit code 1 and print nothing on stdout.
    pub(crate) fn error(&self, args: &[&str]) -> String {
        let run = self.run(args);
        assert_eq!((run.code, run.stdout.as_str()), (1, ""), "{args:?}: {}", run.stderr);
        run.stderr
    }

    /// Output in which everything that differs from run to run is replaced.
    pub(crate) fn shown(&self, bytes: &[u8]) -> String {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let canonical = self.dir.path().canonicalize().unwrap();
        let text = text.replace(canonical.to_str().unwrap(), "[DIR]");
        let mut shown = String::new();
        let mut rest = text.as_str();
        // Seconds, as in `in 12 ms` or `in 3.2 s`.
        while let Some((before, after)) = rest.split_once(" in ") {
            let number = after.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(after.len());
            let unit = [" ms", " s"].into_iter().find(|unit| after[number..].starts_with(unit));
            shown.push_str(before);
            match unit {
                Some(unit) if number > 0 => {
                    shown.push_str(" in [TIME]");
                    rest = &after[number + unit.len()..];
                }
                _ => {
                    shown.push_str(" in ");
                    rest = after;
                }
            }
        }
        shown + rest
    }

    /// Every file below `relative` with its bytes; seconds in JSON are zeroed.
    pub(crate) fn files(&self, relative: &str) -> BTreeMap<String, Vec<u8>> {
        let mut found = BTreeMap::new();
        let root = self.path(relative);
        collect(&root, &root, &mut found);
        found
    }

    pub(crate) fn names(&self, relative: &str) -> Vec<String> {
        self.files(relative).into_keys().collect()
    }
}

fn collect(root: &Path, folder: &Path, found: &mut BTreeMap<String, Vec<u8>>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(root, &path, found);
            continue;
        }
        // A run that is under way may have given it another name meanwhile.
        let Ok(mut bytes) = fs::read(&path) else { continue };
        if let Ok(mut json) = serde_json::from_slice::<Value>(&bytes)
            && json.get("seconds").is_some()
        {
            json["seconds"] = json!(0);
            bytes = json.to_string().into_bytes();
        }
        found.insert(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned(), bytes);
    }
}

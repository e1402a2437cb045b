//! Reads the shipped experiment files, and changes them into wrong ones.

use std::path::PathBuf;

use heigen::config::{ConfigError, Experiment, ExperimentName, Parsed};
use serde_json::Value;

/// JSON pointers to the values of an image experiment with a start.
pub const PLACES: [&str; 22] = [
    "/model",
    "/model/type",
    "/model/args",
    "/optimizer",
    "/optimizer/type",
    "/optimizer/args",
    "/optimizer/args/lr",
    "/optimizer/args/momentum",
    "/optimizer/args/weight_decay",
    "/dataset",
    "/dataset/type",
    "/dataset/args",
    "/dataset/args/random",
    "/dataset/args/class_list",
    "/dataset/args/num_samples_per_cls",
    "/init_model_at",
    "/train_fraction",
    "/test_fraction",
    "/trainer",
    "/trainer/num_epochs",
    "/trainer/batch_size",
    "/trainer/how_often_print",
];

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../configs")
}

pub fn shipped_names() -> Vec<ExperimentName> {
    let mut names = Vec::new();
    for folder in std::fs::read_dir(folder()).unwrap() {
        let folder = folder.unwrap().path();
        for file in std::fs::read_dir(&folder).unwrap() {
            let stem = file.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned();
            names.push(ExperimentName::new(folder.file_name().unwrap().to_str().unwrap(), stem).unwrap());
        }
    }
    names.sort();
    names
}

pub fn shipped(name: &ExperimentName) -> String {
    std::fs::read_to_string(folder().join(format!("{name}.json"))).unwrap()
}

/// The JSON of a shipped file after a change.
pub fn edited(name: &ExperimentName, change: impl FnOnce(&mut Value)) -> Value {
    let mut value = serde_json::from_str(&shipped(name)).unwrap();
    change(&mut value);
    value
}

/// Parses a text under the name `gauss/mine`, with all shipped experiments known.
pub fn parse(text: &str) -> Result<Parsed, ConfigError> {
    let name = ExperimentName::new("gauss", "mine").unwrap();
    Experiment::parse(text, name, "configs/gauss/mine.json", &shipped_names())
}

/// The message for a shipped file whose value at the JSON pointer `at` is replaced.
pub fn message(name: &str, at: &str, value: &Value) -> String {
    let file = edited(&name.parse().unwrap(), |e| set(e, at, value.clone()));
    parse(&file.to_string()).expect_err("this should be refused").to_string()
}

/// Sets the value at `at`, adding the last key if it is absent.
pub fn set(file: &mut Value, at: &str, value: Value) {
    let (parent, key) = at.rsplit_once('/').unwrap();
    file.pointer_mut(parent).unwrap()[key] = value;
}

/// The message for a shipped file without the key at `at`.
pub fn message_without(name: &str, at: &str) -> String {
    let (parent, key) = at.rsplit_once('/').unwrap();
    let file = edited(&name.parse().unwrap(), |e| {
        e.pointer_mut(parent).unwrap().as_object_mut().unwrap().shift_remove(key).unwrap();
    });
    parse(&file.to_string()).expect_err("this should be refused").to_string()
}

//! Records of trainings: what comes back, and the ways a stored model cannot be used.

mod common;

use std::fs;

use common::{golden, shown};
use heigen_store::catalogue;
use heigen_store::record::{EpochReport, ModelRecord, PartReport, Unusable, hash_file, stamp};
use insta::assert_snapshot;

fn record() -> ModelRecord {
    let experiment = catalogue::load("gauss/adversarial_init_training").unwrap().experiment;
    let part = |loss, accuracy| PartReport { loss, accuracy: Some(accuracy) };
    ModelRecord {
        name: experiment.name.clone(),
        config: experiment.to_json(),
        seed: 3,
        shuffle_seed: None,
        code_version: "0.1.0".into(),
        stamp: stamp(["configuration", "data"]),
        start_stamp: Some(stamp(["start"])),
        data_source: "generated".into(),
        epochs: vec![
            EpochReport { epoch: 0, train: part(1.1, 1.0 / 3.0), validation: None, test: Some(part(1.2, 0.3)) },
            EpochReport { epoch: 400, train: part(1e-300, 1.0), validation: Some(part(0.1, 0.9)), test: None },
        ],
        epochs_trained: 2000,
        seconds: 1.5,
        weights_hash: hash_file(&golden("gauss_30_ce.safetensors")).unwrap(),
    }
}

#[test]
fn a_record_comes_back_equal_with_the_experiment_inside() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("gauss/normal_training.json");
    record().save(&path).unwrap();
    let back = ModelRecord::load(&path).unwrap();
    assert_eq!(back, record());
    let experiment = catalogue::load("gauss/adversarial_init_training").unwrap().experiment;
    assert_eq!(back.experiment().unwrap(), experiment);
    assert_snapshot!("a_record", fs::read_to_string(&path).unwrap());
}

#[test]
fn what_is_missing_unreadable_or_stale_is_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("normal_training.json");
    let mut lines = Vec::new();
    let mut tell = |what: &str, error: &Unusable| {
        let kind = match error {
            Unusable::Missing(_) => "Missing",
            Unusable::Unreadable(_) => "Unreadable",
            Unusable::Changed(_) => "Changed",
            Unusable::Stale(_) => "Stale",
        };
        lines.push(format!("{what} -> {kind}\n    {}", shown(error, dir.path())));
    };
    tell("nothing there", &ModelRecord::load(&path).unwrap_err());
    record().save(&path).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    let cases = [
        ("empty", String::new()),
        ("half of it", text[..text.len() / 2].to_owned()),
        ("text", "not a record".to_owned()),
        ("other JSON", "{\"model\": 1}".to_owned()),
        ("a list", "[]".to_owned()),
        ("a later version", text.replace("\"version\": 1", "\"version\": 2")),
        ("no version", text.replace("\"version\": 1,", "")),
        ("a key missing", text.replace("\"seed\": 3,", "")),
        ("a key more", text.replace("\"seed\": 3,", "\"seed\": 3, \"zeed\": 3,")),
        ("a name that leads elsewhere", text.replace("\"gauss/adversarial_init_training\"", "\"../x\"")),
        ("a wrong type", text.replace("\"seconds\": 1.5", "\"seconds\": \"long\"")),
    ];
    for (what, text) in cases {
        fs::write(&path, text).unwrap();
        tell(what, &ModelRecord::load(&path).unwrap_err());
    }
    fs::write(&path, [0xff, 0xfe, 0]).unwrap();
    tell("bytes", &ModelRecord::load(&path).unwrap_err());
    tell("a folder", &ModelRecord::load(dir.path()).unwrap_err());
    tell("another stamp", &record().check_stamp(&stamp(["other"])).unwrap_err());
    tell("weights gone", &record().check_weights(&dir.path().join("absent")).unwrap_err());
    tell("weights changed", &record().check_weights(&path).unwrap_err());
    assert_snapshot!("what_is_missing_unreadable_or_stale", lines.join("\n"));
    assert_eq!(record().check_stamp(&stamp(["configuration", "data"])), Ok(()));
    assert_eq!(record().check_weights(&golden("gauss_30_ce.safetensors")), Ok(()));
}

#[test]
fn numbers_that_json_cannot_say_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("r.json");
    let mut broken = record();
    broken.epochs[1].train.loss = f64::NAN;
    let error = broken.save(&path).unwrap_err();
    assert_snapshot!(shown(&error, dir.path()), @"cannot write <dir>/r.json: a loss or accuracy after epoch 400 is not finite");
    assert!(!path.exists());
}

#[test]
fn stamps_depend_on_every_byte_and_every_cut() {
    let all = [
        stamp::<&str>([]),
        stamp([""]),
        stamp(["", ""]),
        stamp(["ab"]),
        stamp(["a", "b"]),
        stamp(["b", "a"]),
        stamp(["ab", ""]),
    ];
    let different: std::collections::BTreeSet<&String> = all.iter().collect();
    assert_eq!(different.len(), all.len());
    assert!(all.iter().all(|stamp| stamp.len() == 64));
    assert_eq!(stamp(["ab"]), stamp([b"ab"]));
}

//! Finding experiments by name and by path, and the models they start from.

mod common;

use std::fs;
use std::path::Path;

use common::shown;
use heigen_store::catalogue::{Origin, chain, load, names, why_not};
use insta::assert_snapshot;

fn put(dir: &Path, name: &str, init_model_at: &str) -> String {
    let text = format!(
        r#"{{"model": {{"type": "FNN"}}, "optimizer": {{"type": "SGD", "args": {{"lr": 0.02}}}},
            "dataset": {{"type": "circle"}}, "init_model_at": "{init_model_at}", "train_fraction": 0.5,
            "test_fraction": 0.2, "trainer": {{"num_epochs": 1, "batch_size": 8, "how_often_print": 1}}}}"#
    );
    let path = dir.join(format!("{name}.json"));
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

fn starts(arg: &str) -> Vec<String> {
    chain(&load(arg).unwrap()).unwrap().iter().map(|start| start.experiment.name.to_string()).collect()
}

#[test]
fn all_shipped_experiments_load_and_their_chains_end() {
    assert_eq!(names().len(), 76);
    assert!(names().is_sorted());
    let mut impossible = 0;
    for name in names() {
        let loaded = load(&name.to_string()).unwrap();
        assert_eq!((&loaded.experiment.name, &loaded.origin), (name, &Origin::Shipped));
        assert!(chain(&loaded).unwrap().len() <= 2);
        impossible += usize::from(why_not(&loaded).unwrap().is_some());
    }
    assert_eq!(impossible, 5);
}

#[test]
fn the_program_holds_the_files_of_the_folder() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs");
    for name in names() {
        let text = fs::read_to_string(folder.join(format!("{name}.json"))).unwrap();
        let on_disk: serde_json::Value = serde_json::from_str(&text).unwrap();
        let loaded = load(&name.to_string()).unwrap().experiment.to_json();
        assert_eq!(on_disk["trainer"]["num_epochs"], loaded["trainer"]["num_epochs"]);
    }
}

#[test]
fn all_spellings_of_a_shipped_name_are_one() {
    let plain = load("gauss/normal_training").unwrap();
    for arg in [
        "gauss/normal_training.json",
        "configs/gauss/normal_training.json",
        "./configs/gauss/normal_training.json",
        "configs/gauss/normal_training",
    ] {
        assert_eq!(load(arg).unwrap(), plain, "{arg}");
    }
}

#[test]
fn unknown_names_are_answered_with_the_nearest() {
    let dir = tempfile::tempdir().unwrap();
    let lines = ["gauss/normal_trainin", "gaus/normal_training.json", "normal_training", "gauss", "zzz", "", "../x"]
        .map(|arg| shown(&load(arg).unwrap_err(), dir.path()));
    assert_snapshot!("unknown_names", lines.join("\n"));
}

#[test]
fn a_file_on_disk_comes_before_a_shipped_experiment_and_is_named_by_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let path = put(dir.path(), "gauss/normal_training", "");
    let loaded = load(&path).unwrap();
    assert_eq!(loaded.experiment.name.to_string(), "gauss/normal_training");
    assert_eq!(loaded.origin, Origin::File(Path::new(&path).canonicalize().unwrap()));
    let crooked = dir.path().join("gauss/../gauss/./normal_training.json");
    assert_eq!(load(crooked.to_str().unwrap()).unwrap(), loaded);
    // A name without `.json` is a name as well.
    let bare = dir.path().join("gauss/bare");
    fs::copy(&path, &bare).unwrap();
    assert_eq!(load(bare.to_str().unwrap()).unwrap().experiment.name.to_string(), "gauss/bare");
}

#[test]
fn a_start_is_looked_for_beside_the_file_and_then_in_the_catalogue() {
    let dir = tempfile::tempdir().unwrap();
    let own = put(dir.path(), "mine/second", "other/first");
    assert!(load(&own).is_err());
    put(dir.path(), "other/first", "gauss/normal_training");
    assert_eq!(starts(&own), ["gauss/normal_training", "other/first"]);
    let first = put(dir.path(), "gauss/normal_training", "");
    let own = load(&own).unwrap();
    let origins: Vec<Origin> = chain(&own).unwrap().into_iter().map(|start| start.origin).collect();
    assert_eq!(origins[0], Origin::File(Path::new(&first).canonicalize().unwrap()));
    let sibling = put(dir.path(), "mine/third", "second");
    assert_eq!(starts(&sibling), ["gauss/normal_training", "other/first", "mine/second"]);
    assert_eq!(starts("mnist2D/adversarial_init_training_c0179"), ["mnist2D/random_label_training_c0179"]);
}

#[test]
fn experiments_that_start_from_one_another_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let a = put(dir.path(), "mine/a", "mine/b");
    put(dir.path(), "mine/b", "mine/c");
    put(dir.path(), "mine/c", "mine/b");
    let own = put(dir.path(), "mine/self", "mine/self");
    let lines = [a, own].map(|path| shown(&chain(&load(&path).unwrap()).unwrap_err(), dir.path()));
    assert_snapshot!("experiments_that_start_from_one_another", lines.join("\n"));
}

#[test]
fn files_that_are_no_experiments_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("mine");
    fs::create_dir(&folder).unwrap();
    let cases: [(&str, Vec<u8>); 5] = [
        ("latin1.json", b"{\"model\": \"\xe9\"}".to_vec()),
        ("long.json", vec![b' '; 2 << 20]),
        ("broken.json", b"{\n  \"model\": \n}".to_vec()),
        ("misspelt.json", b"{\"modle\": {}}".to_vec()),
        (".hidden.json", b"{}".to_vec()),
    ];
    let lines = cases.map(|(name, bytes)| {
        let path = folder.join(name);
        fs::write(&path, bytes).unwrap();
        shown(&load(path.to_str().unwrap()).unwrap_err(), dir.path())
    });
    assert_snapshot!("files_that_are_no_experiments", lines.join("\n"));
}

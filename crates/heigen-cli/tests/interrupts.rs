//! Tests with a full disk, Ctrl-C and kill: earlier results stay, and no half-written file does.

#![cfg(target_os = "linux")]

mod common;

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::{Sandbox, changed, small};
use insta::assert_snapshot;
use serde_json::json;

/// A long training that keeps snapshots, so that there are temporary files from the first epoch on.
fn long(sandbox: &Sandbox) -> String {
    let changes = [("/trainer/num_epochs", json!(100_000_000)), ("/trainer/how_often_save_model", json!(1_000))];
    sandbox.config("plain", &changed(&changes))
}

/// Starts a training and waits for its first staged snapshot. (The file by which the program tests whether it may write
/// is removed before that.)
fn started(sandbox: &Sandbox, config: &str) -> Child {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("heigen"));
    command.args(["train", config]).current_dir(sandbox.path("")).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    let begun = Instant::now();
    while staged_snapshots(sandbox).is_empty() {
        assert!(begun.elapsed() < Duration::from_mins(1), "the training writes nothing");
        std::thread::sleep(Duration::from_millis(10));
    }
    child
}

fn temporary(sandbox: &Sandbox) -> Vec<String> {
    let names = sandbox.names("results");
    names.into_iter().filter(|name| name.rsplit('/').next().unwrap().starts_with('.')).collect()
}

fn staged_snapshots(sandbox: &Sandbox) -> Vec<String> {
    temporary(sandbox).into_iter().filter(|name| name.contains("_snapshots/")).collect()
}

fn signal(child: &Child, name: &str) {
    let status = Command::new("sh").args(["-c", &format!("kill -{name} {}", child.id())]).status().unwrap();
    assert!(status.success());
}

#[test]
fn ctrl_c_leaves_earlier_results_and_nothing_half_written() {
    let sandbox = Sandbox::new();
    sandbox.ok(&["hessian", &sandbox.config("plain", &small())]);
    let before = sandbox.files("results");
    let child = started(&sandbox, &long(&sandbox));
    signal(&child, "INT");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert_snapshot!("ctrl_c", sandbox.shown(&output.stderr));
    assert!(sandbox.files("results") == before);
}

#[test]
fn a_killed_run_leaves_earlier_results_and_the_next_one_sweeps() {
    let sandbox = Sandbox::new();
    let keeping = changed(&[("/trainer/how_often_save_model", json!(4))]);
    sandbox.ok(&["train", &sandbox.config("plain", &keeping)]);
    let before = sandbox.files("results");
    let mut child = started(&sandbox, &long(&sandbox));
    // A file of a running process is left alone.
    let others = staged_snapshots(&sandbox);
    sandbox.ok(&["train", &sandbox.config("neighbour", &keeping)]);
    let now = temporary(&sandbox);
    assert!(others.iter().all(|name| now.contains(name)));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!temporary(&sandbox).is_empty());
    let after = sandbox.files("results");
    assert!(before.iter().all(|(path, bytes)| after[path] == *bytes));
    sandbox.ok(&["train", &sandbox.config("plain", &keeping), "--force"]);
    assert_eq!(temporary(&sandbox), Vec::<String>::new());
}

/// Limits the size of files to `kib` KiB, which ends writes as a full disk does.
fn limited(sandbox: &Sandbox, kib: usize, args: &str) -> (Option<i32>, String) {
    let program = assert_cmd::cargo::cargo_bin("heigen");
    let script = format!("ulimit -f {kib}; exec '{}' {args}", program.display());
    let output = Command::new("bash").args(["-c", &script]).current_dir(sandbox.path("")).output().unwrap();
    (output.status.code(), sandbox.shown(&output.stderr))
}

#[test]
fn a_write_that_fails_half_way_leaves_earlier_results() {
    let sandbox = Sandbox::new();
    let plain = sandbox.config("plain", &small());
    sandbox.ok(&["hessian", &plain]);
    sandbox.ok(&["figure", "2", &plain]);
    let before = [sandbox.files("results"), sandbox.files("figures")];
    let mut messages = String::new();
    // In the first case eigenvalues fit and eigenvectors do not; then the record fits and the drawing does not; then
    // nothing fits.
    for (kib, args) in [
        (64, "hessian my/plain.json --full-basis"),
        (16, "figure 2 my/plain.json --resolution 60"),
        (1, "train my/plain.json --seed 1"),
    ] {
        let (code, message) = limited(&sandbox, kib, args);
        assert_eq!(code, Some(1), "{message}");
        messages += &message;
        assert!([sandbox.files("results"), sandbox.files("figures")] == before, "{args}");
    }
    assert_snapshot!("disk_full", messages);
}

#[test]
fn a_killed_training_goes_on_where_it_was() {
    let (whole, killed) = (Sandbox::new(), Sandbox::new());
    let config = |sandbox: &Sandbox| {
        let sgd = json!({"type": "SGD", "args": {"lr": 0.01, "momentum": 0.9, "weight_decay": 0.001}});
        sandbox.config("long", &changed(&[("/trainer/num_epochs", json!(3_000)), ("/optimizer", sgd)]))
    };
    whole.ok(&["train", &config(&whole)]);
    let path = config(&killed);
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("heigen"));
    command.args(["train", &path, "--checkpoint-every", "0"]).current_dir(killed.path(""));
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let begun = Instant::now();
    while !killed.path("results/models/my/long.checkpoint").exists() {
        assert!(begun.elapsed() < Duration::from_mins(1), "the training saves nothing");
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!killed.path("results/models/my/long.json").exists(), "it was over before it was killed");
    let run = killed.ok(&["train", &path]);
    assert!(run.stderr.contains("my/long: going on after "), "{}", run.stderr);
    let weights = |sandbox: &Sandbox| std::fs::read(sandbox.path("results/models/my/long.safetensors")).unwrap();
    assert!(weights(&whole) == weights(&killed));
    assert!(!killed.path("results/models/my/long.checkpoint").exists());
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let sandbox = Sandbox::new();
    let program = assert_cmd::cargo::cargo_bin("heigen");
    let script = format!("set -o pipefail; '{}' list | head -n 1", program.display());
    let output = Command::new("bash").args(["-c", &script]).current_dir(sandbox.path("")).output().unwrap();
    assert_eq!((output.status.code(), sandbox.shown(&output.stderr)), (Some(0), String::new()));
}

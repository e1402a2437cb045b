//! Tests of `heigen reproduce`: plan, parts, results that are up to date, failures, kills.

mod common;

use common::Sandbox;
use serde_json::Value;
use std::process::{Command, Stdio};
use std::time::Duration;

const PART: [&str; 2] = ["reproduce", "fig1"];

/// All results of a run, with times in JSON left out, and without the page, which tells how long the run took.
fn results(sandbox: &Sandbox) -> Vec<std::collections::BTreeMap<String, Vec<u8>>> {
    ["results", "figures"].map(|folder| sandbox.files(folder)).into()
}

/// The report's page without the places at which long names may break.
fn report_page(sandbox: &Sandbox) -> String {
    std::fs::read_to_string(sandbox.path("report/index.html")).unwrap().replace("<wbr>", "")
}

#[test]
fn the_plan_names_every_task_with_what_it_needs() {
    let sandbox = Sandbox::new();
    let plan: Value = serde_json::from_str(&sandbox.ok(&["reproduce", "--dry-run", "--json"]).stdout).unwrap();
    let tasks = plan["tasks"].as_array().unwrap();
    let task = |name: &str| tasks.iter().find(|t| t["task"] == name).unwrap_or_else(|| panic!("no {name}"));
    for figure in ["1", "2", "3", "4", "5", "6", "extra"] {
        assert_eq!(task(&format!("figure {figure}"))["up_to_date"], false);
    }
    let after = |name: &str| -> Vec<String> { serde_json::from_value(task(name)["after"].clone()).unwrap() };
    assert_eq!(after("train gauss/large_norm_training"), ["train gauss/random_label_training"]);
    assert_eq!(after("analyse gauss/large_norm_training"), ["train gauss/large_norm_training"]);
    assert!(after("figure 5").contains(&"boundary gauss_checkerboard_linear/normal_training_close".to_owned()));
    // Nothing is planned twice, and nothing was done.
    let mut names: Vec<&str> = tasks.iter().map(|t| t["task"].as_str().unwrap()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), tasks.len());
    assert!(sandbox.names("").is_empty());
    let text = sandbox.ok(&["reproduce", "--dry-run", "fig1"]).stdout;
    assert!(text.contains("5 of 5 tasks to do, about "), "{text}");
}

#[test]
fn a_part_is_reproduced_over_seeds_and_then_up_to_date() {
    let sandbox = Sandbox::new();
    let args = [&PART[..], &["--seeds", "1..3"]].concat();
    let run = sandbox.ok(&args);
    assert_eq!(run.stdout, "report/index.html\n");
    let page = report_page(&sandbox);
    assert!(page.contains("Figure 1") && page.contains("intro1D/normal_training") && page.contains("ours, 3 seeds"));
    // Seed 1 is the experiment's own; the results of the others are in folders of their own.
    for seed in ["2", "3"] {
        assert!(sandbox.path(&format!("results/seeds/{seed}/grads/intro1D/normal_training_boundary.json")).exists());
    }
    assert!(!sandbox.path("results/seeds/1").exists());
    let before = results(&sandbox);
    let again: Value = serde_json::from_str(&sandbox.ok(&[&args[..], &["--json"]].concat()).stdout).unwrap();
    for task in again["tasks"].as_array().unwrap() {
        let wanted = if task["task"] == "report" { "done" } else { "reused" };
        assert_eq!(task["state"], wanted, "{task}");
    }
    assert!(results(&sandbox) == before);
    let plan = sandbox.ok(&[&args[..], &["--dry-run"]].concat()).stdout;
    assert!(plan.contains("1 of 11 tasks to do"), "{plan}");
    // The report alone: what is there, and the names of what is not.
    std::fs::remove_file(sandbox.path("report/index.html")).unwrap();
    std::fs::remove_file(sandbox.path("results/seeds/2/grads/intro1D/normal_training_boundary.json")).unwrap();
    assert_eq!(sandbox.ok(&[&args[..], &["--report-only"]].concat()).stdout, "report/index.html\n");
    let page = report_page(&sandbox);
    assert!(
        page.contains("ours, 3 seeds") && page.contains("boundary intro1D/normal_training (seed 2): not done"),
        "{page}"
    );
    assert!(!sandbox.path("results/seeds/2/grads/intro1D/normal_training_boundary.json").exists());
}

#[test]
fn a_failed_task_stops_only_what_needs_it() {
    let sandbox = Sandbox::new();
    // A folder stands where the weights should be written, so the training fails, and everything but the report with
    // it.
    std::fs::create_dir_all(sandbox.path("results/models/intro1D/normal_training.safetensors/x")).unwrap();
    let run = sandbox.run(&[&PART[..], &["--json"]].concat());
    assert_eq!(run.code, 1, "{}", run.stderr);
    let states: Value = serde_json::from_str(&run.stdout).unwrap();
    let state = |name: &str| {
        let tasks = states["tasks"].as_array().unwrap();
        tasks.iter().find(|t| t["task"] == name).unwrap()["state"].as_str().unwrap().to_owned()
    };
    assert_eq!(state("train intro1D/normal_training"), "failed");
    assert_eq!(state("figure 1"), "skipped");
    assert_eq!(state("report"), "done");
    assert!(run.stderr.contains("error: train intro1D/normal_training: "), "{}", run.stderr);
    let page = report_page(&sandbox);
    assert!(page.contains("train intro1D/normal_training"), "the page tells what failed");
    // When the folder is removed, the command does the rest.
    std::fs::remove_dir_all(sandbox.path("results/models")).unwrap();
    sandbox.ok(&PART);
}

#[test]
fn weights_whose_record_a_kill_came_before_are_trained_again() {
    let sandbox = Sandbox::new();
    sandbox.ok(&PART);
    let before = results(&sandbox);
    std::fs::remove_file(sandbox.path("results/models/intro1D/normal_training.json")).unwrap();
    sandbox.ok(&PART);
    assert!(results(&sandbox) == before);
    // Damaged arrays are computed again, too.
    let vectors = sandbox.path("results/grads/intro1D/normal_training_heigenvectors.npy");
    let bytes = std::fs::read(&vectors).unwrap();
    std::fs::write(&vectors, &bytes[..bytes.len() / 2]).unwrap();
    sandbox.ok(&PART);
    assert!(results(&sandbox) == before);
}

#[test]
fn a_damaged_image_set_does_not_stop_the_plan() {
    let sandbox = Sandbox::new();
    sandbox.file("data/MNIST/raw/t10k-images-idx3-ubyte", b"no images");
    sandbox.file("data/MNIST/raw/t10k-labels-idx1-ubyte", b"no labels");
    let plan = sandbox.ok(&["reproduce", "--dry-run"]).stdout;
    assert!(plan.contains("train mnist2D/normal_training_c017") && plan.contains("train gauss/normal_training"));
}

#[test]
fn killed_at_any_moment_it_goes_on_and_ends_at_the_same_bytes() {
    let (whole, killed) = (Sandbox::new(), Sandbox::new());
    whole.ok(&PART);
    for milliseconds in [60, 250, 700, 900] {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin("heigen"));
        command.args(PART).args(["--checkpoint-every", "0.02"]).current_dir(killed.path(""));
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(milliseconds));
        // On a quick machine the process may have ended by itself.
        let _ = child.kill();
        child.wait().unwrap();
    }
    killed.ok(&PART);
    let (a, b) = (results(&whole), results(&killed));
    assert_eq!(a[0].keys().collect::<Vec<_>>(), b[0].keys().collect::<Vec<_>>());
    assert!(a == b);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let sandbox = Sandbox::new();
    for (args, message) in [
        (&["reproduce", "fig9"][..], "there is no figure fig9; there are 1, 2, 3, 4, 5, 6, extra"),
        (&["reproduce", "--seeds", "3..1"], "is no range of seeds; expected e.g. 0..4"),
        (&["reproduce", "--memory", "0"], "expected a number of GiB above 0"),
    ] {
        let run = sandbox.run(args);
        assert_eq!(run.code, 2, "{args:?}");
        assert!(run.stderr.contains(message), "{}", run.stderr);
    }
}

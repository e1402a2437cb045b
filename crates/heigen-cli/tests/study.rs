//! Tests of `heigen study`: a small study from its file to its page, killed at any moment, changed, and refused.

mod common;

use common::Sandbox;
use serde_json::{Value, json};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Two data sets, two starts, two seeds, on networks of 6 x 6 units.
fn small() -> Value {
    json!({
        "title": "Two starts on two planes",
        "text": ["A study of *eight* cells."],
        "seeds": {"first": 3, "count": 2},
        "converged_loss": 0.9,
        "experiment": {
            "model": {"type": "FNN_2layer", "args": {"num_neurons_layer1": 6, "num_neurons_layer2": 6}},
            "optimizer": {"type": "SGD", "args": {"lr": 0.1}},
            "train_fraction": 0.5, "test_fraction": 0.5,
            "trainer": {"num_epochs": 20, "batch_size": 32, "how_often_print": 10}
        },
        "factors": {
            "data": {"gauss": {"dataset": {"type": "gauss_mixtures"}}, "moons": {"dataset": {"type": "half_moon"}}},
            "start": {"normal": {}, "adversarial": {"first": {"dataset": {"args": {"random": true}}}}}
        },
        "claims": [
            {"name": "rank by loss", "statement": "The rank grows with the loss.", "correlate": ["train_loss", "rank"],
             "expect": "positive", "within": ["data"]},
            {"name": "sharper", "statement": "An adversarial start ends sharper.", "source": "Sec. 1", "expect": "larger",
             "compare": {"measure": "lambda_1", "factor": "start", "levels": ["adversarial", "normal"]}}
        ],
        "pairs": [["lambda_1", "trace"]]
    })
}

fn changed(pointer: &str, value: Value) -> Value {
    let mut study = small();
    *study.pointer_mut(pointer).unwrap() = value;
    study
}

fn written(sandbox: &Sandbox, name: &str, study: &Value) -> String {
    sandbox.file(&format!("{name}.json"), study.to_string().as_bytes())
}

fn table(sandbox: &Sandbox, name: &str) -> Vec<Vec<String>> {
    let path = sandbox.path(&format!("results/studies/{name}/table.csv"));
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

fn cells(sandbox: &Sandbox, name: &str) -> usize {
    // Hidden files are those of work that is being done, or was when its process was killed.
    let names = sandbox.names(&format!("results/studies/{name}/cells"));
    names.iter().filter(|name| !name.starts_with('.')).count()
}

#[test]
fn a_study_leaves_rows_a_table_figures_and_a_page_and_is_reused() {
    let sandbox = Sandbox::new();
    let file = written(&sandbox, "tiny", &small());
    let listed = sandbox.ok(&["study", &file, "--list"]).stdout;
    assert!(listed.contains("data=gauss start=normal ") && listed.contains("0 of 2 done, about "), "{listed}");
    assert!(listed.ends_with("on 2 cores\n") || listed.contains("study: 8 of 8 cells to do"), "{listed}");
    assert!(sandbox.names("results").is_empty(), "a plan changes nothing");
    let run = sandbox.ok(&["study", &file, "--json"]);
    let found: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!((&found["rows"], &found["cells"]), (&json!(8), &json!(8)));
    assert_eq!(found["claims"][1]["over_all"]["n"], 4, "pairs of equal seed");
    assert_eq!(found["claims"][0]["groups"][1]["group"], "moons");
    let rows = table(&sandbox, "tiny");
    assert_eq!(rows.len(), 9);
    assert_eq!(rows[0][..6], ["data", "start", "seed", "state", "n_params", "epochs"]);
    let keys: Vec<String> = rows[1..].iter().map(|row| row[..3].join(" ")).collect();
    let wanted = ["gauss normal 3", "gauss normal 4", "gauss adversarial 3", "gauss adversarial 4"];
    assert_eq!(keys[..4], wanted);
    let names = sandbox.names("results/studies/tiny");
    for name in ["table.parquet", "claims.svg", "claims.png", "rows.pdf", "summary.md", "report.html"] {
        assert!(names.contains(&name.to_owned()), "{name} in {names:?}");
    }
    let page = std::fs::read_to_string(sandbox.path("results/studies/tiny/report.html")).unwrap();
    assert!(
        page.contains("An adversarial start ends sharper.") && page.contains("heigen study tiny.json"),
        "the claims"
    );
    let summary = std::fs::read_to_string(sandbox.path("results/studies/tiny/summary.md")).unwrap();
    assert!(
        summary.contains("| An adversarial start ends sharper. | ") && summary.contains("8 of 8 rows"),
        "{summary}"
    );
    // A normal cell is the experiment that `heigen hessian` analyses.
    let plain = json!({
        "model": {"type": "FNN_2layer", "args": {"num_neurons_layer1": 6, "num_neurons_layer2": 6}},
        "optimizer": {"type": "SGD", "args": {"lr": 0.1}}, "dataset": {"type": "half_moon"},
        "train_fraction": 0.5, "test_fraction": 0.5, "seed": 4,
        "trainer": {"num_epochs": 20, "batch_size": 32, "how_often_print": 10}
    });
    let plain = sandbox.config("plain", &plain);
    let hessian: Value = serde_json::from_str(&sandbox.ok(&["hessian", &plain, "--json"]).stdout).unwrap();
    let at = |name: &str| rows[0].iter().position(|head| head == name).unwrap();
    let row = rows.iter().find(|row| row[..3] == ["moons", "normal", "4"]).unwrap();
    assert_eq!(row[at("lambda_1")].parse::<f64>().unwrap(), hessian["lambda_max"].as_f64().unwrap());
    assert_eq!(row[at("train_loss")].parse::<f64>().unwrap(), hessian["loss"].as_f64().unwrap());
    // Everything is reused, and written again with the same bytes.
    let before = sandbox.files("results/studies");
    let again = sandbox.ok(&["study", &file]);
    assert!(again.stderr.contains("study: 0 of 8 cells to do"), "{}", again.stderr);
    assert!(sandbox.files("results/studies") == before);
    assert!(again.stdout.contains("results/studies/tiny/report.html"), "{}", again.stdout);
}

#[test]
fn the_same_bytes_for_any_number_of_threads() {
    let run = |threads: &str| {
        let sandbox = Sandbox::new();
        let file = written(&sandbox, "tiny", &small());
        sandbox.ok(&["study", &file, "--threads", threads]);
        let mut files = sandbox.files("results/studies");
        // The page names the number of threads.
        files.remove("tiny/report.html");
        files
    };
    assert!(run("1") == run("3"));
}

#[test]
fn a_changed_study_trains_only_what_has_changed_and_levels_are_chosen() {
    let sandbox = Sandbox::new();
    let file = written(&sandbox, "tiny", &small());
    let run = sandbox.ok(&["study", &file, "--only", "data=moons", "--only", "start=normal,adversarial"]);
    assert!(run.stderr.contains("study: 4 of 4 cells to do"), "{}", run.stderr);
    assert_eq!((cells(&sandbox, "tiny"), table(&sandbox, "tiny").len()), (4, 5));
    // Another seed, and other words: the four rows that are there stay.
    written(&sandbox, "tiny", &changed("/seeds/count", json!(3)));
    let run = sandbox.ok(&["study", &file]);
    assert!(run.stderr.contains("study: 8 of 12 cells to do"), "{}", run.stderr);
    written(&sandbox, "tiny", &changed("/experiment/trainer/num_epochs", json!(21)));
    let listed = sandbox.ok(&["study", &file, "--list"]).stdout;
    assert!(listed.contains("study: 8 of 8 cells to do"), "{listed}");
}

/// Killed again and again, after a row or in the middle of one, it ends at the same bytes.
#[cfg(unix)]
#[test]
fn a_study_killed_at_any_moment_goes_on_where_it_was() {
    let (whole, killed) = (Sandbox::new(), Sandbox::new());
    let args = ["study", "tiny.json", "--threads", "2"];
    written(&whole, "tiny", &small());
    whole.ok(&args);
    written(&killed, "tiny", &small());
    let (mut most, mut went_on) = (0, false);
    for (rows, pause) in [(0, 30), (1, 0), (2, 40), (3, 7), (5, 90)] {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin("heigen"));
        command.args(args).current_dir(killed.path("")).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let begun = Instant::now();
        while cells(&killed, "tiny") < rows && child.try_wait().unwrap().is_none() {
            assert!(begun.elapsed() < Duration::from_mins(1), "no row {rows}");
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(pause));
        let _ = child.kill();
        child.wait().unwrap();
        let now = cells(&killed, "tiny");
        assert!(now >= most, "rows were lost");
        went_on |= now > 0 && now < 8;
        most = now;
    }
    assert!(went_on, "it was never killed between two rows");
    killed.ok(&args);
    let (wanted, got) = (whole.files("results/studies"), killed.files("results/studies"));
    assert_eq!(wanted.keys().collect::<Vec<_>>(), got.keys().collect::<Vec<_>>());
    for (name, bytes) in &wanted {
        assert!(got[name] == *bytes, "{name} differs");
    }
}

/// A process that is killed after a row has its name, and before it gives up its claim on it, leaves the claim: nobody waits for it,
/// since the row is there.
#[cfg(target_os = "linux")]
#[test]
fn claims_of_killed_processes_beside_finished_rows_are_cleared_by_the_next_run() {
    let sandbox = Sandbox::new();
    let args = ["study", "tiny.json", "--threads", "2"];
    written(&sandbox, "tiny", &small());
    let folder = sandbox.path("results/studies/tiny/cells");
    let claims = || -> Vec<std::path::PathBuf> {
        let found = std::fs::read_dir(&folder).into_iter().flatten().map(|entry| entry.unwrap().path());
        found.filter(|path| path.extension().is_some_and(|end| end == "claim")).collect()
    };
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("heigen"));
    command.args(args).current_dir(sandbox.path("")).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let begun = Instant::now();
    let claim = loop {
        assert!(begun.elapsed() < Duration::from_mins(1) && child.try_wait().unwrap().is_none(), "no claim was seen");
        if let Some(claim) = claims().first().and_then(|path| std::fs::read(path).ok()) {
            break claim;
        }
    };
    child.kill().unwrap();
    child.wait().unwrap();
    // Claims of the dead do not make the next run wait, and a finished study leaves none.
    sandbox.ok(&args);
    assert!(claims().is_empty(), "{:?}", claims());
    let rows = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    for row in rows.collect::<Vec<_>>() {
        std::fs::write(folder.join(format!(".{row}.claim")), &claim).unwrap();
    }
    assert_eq!(claims().len(), 8);
    let again = sandbox.ok(&args);
    assert!(again.stderr.contains("0 of 8 cells to do"), "{}", again.stderr);
    assert!(claims().is_empty(), "{:?}", claims());
    // The same beside a result that is not a study's.
    let plain = sandbox.config("plain", &common::small());
    sandbox.ok(&["train", &plain]);
    let left = sandbox.path("results/models/my/.plain.safetensors.claim");
    std::fs::write(&left, &claim).unwrap();
    assert!(sandbox.ok(&["train", &plain]).stderr.contains("reused"));
    assert!(!left.exists());
}

#[test]
fn a_training_that_diverges_is_a_row_with_its_reason_and_stops_nothing() {
    let sandbox = Sandbox::new();
    let mut study = small();
    study["factors"]["start"] = json!({"normal": {}, "wild": {"optimizer": {"args": {"lr": 1e39}}}});
    study["claims"] = json!([]);
    study["converged_loss"] = json!(1e-9);
    let file = written(&sandbox, "wild", &study);
    let run = sandbox.ok(&["study", &file]);
    assert!(run.stderr.contains("study: 8 of 8 rows: 4 failed, 4 not converged"), "{}", run.stderr);
    let rows = table(&sandbox, "wild");
    let last = rows[0].len() - 1;
    let reasons: Vec<&str> = rows[1..].iter().map(|row| &*row[last]).collect();
    assert!(reasons[0].contains("the training loss is "), "{reasons:?}");
    assert!(reasons[2].contains("training diverged"), "{reasons:?}");
    let again = sandbox.ok(&["study", &file]);
    assert!(again.stderr.contains("0 of 8 cells to do"), "what failed is known: {}", again.stderr);
}

#[test]
fn studies_that_cannot_be_run_are_refused_with_what_was_expected() {
    let sandbox = Sandbox::new();
    let file = written(&sandbox, "tiny", &small());
    for (args, wanted) in [
        (
            vec!["study", "widths"],
            "error: there is no file widths and no shipped study of that name; there are boundary",
        ),
        (
            vec!["study", &file, "--only", "data=circles"],
            "`data` in the choice of levels is the level \"circles\"; expected one of the levels of data: gauss, moons",
        ),
        (
            vec!["study", &file, "--only", "seed=3"],
            "`seed` in the choice of levels is the factor \"seed\"; expected one of data, start",
        ),
    ] {
        let said = sandbox.error(&args);
        assert!(said.contains(wanted), "{said}");
    }
    let mut study = small();
    study["factors"]["data"]["moons"]["dataset"]["typo"] = json!(1);
    let file = written(&sandbox, "wrong", &study);
    let said = sandbox.error(&["study", &file]);
    assert!(said.contains("the combination moons, normal: `dataset.typo` in wrong.json is unknown"), "{said}");
    assert!(sandbox.names("results").is_empty());
    let run = sandbox.run(&["study", &file, "--only", "moons"]);
    assert!(run.code == 2 && run.stderr.contains("expected e.g. data=circle"), "{}", run.stderr);
}

#[test]
fn the_shipped_study_has_five_planes_three_starts_and_twenty_seeds() {
    let sandbox = Sandbox::new();
    let run = sandbox.ok(&["study", "boundary", "--list", "--json"]);
    let found: Value = serde_json::from_str(&run.stdout).unwrap();
    let all = found["combinations"].as_array().unwrap();
    assert!(all.iter().all(|combination| combination["cells"] == 20));
    let starts = |data: &str| all.iter().filter(|c| c["levels"]["data"] == data).count();
    assert_eq!(["gauss", "hierachical", "circle", "half_moon", "checkerboard"].map(starts), [3, 3, 4, 4, 4]);
}

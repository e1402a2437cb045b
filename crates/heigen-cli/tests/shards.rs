//! Tests of `--shard` and `heigen gather`: shares of a sweep by processes that know nothing of each other but a folder.

mod common;

use common::{Run, Sandbox};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};

const SEEDS: [&str; 4] = ["reproduce", "fig1", "--seeds", "1..3"];

/// Results and figures, with times in JSON left out.
fn files(sandbox: &Sandbox) -> BTreeMap<String, Vec<u8>> {
    let of = |folder: &str| {
        let found = sandbox.files(folder).into_iter();
        found.map(move |(name, bytes)| (format!("{folder}/{name}"), bytes)).collect::<Vec<_>>()
    };
    ["results", "figures"].iter().flat_map(|folder| of(folder)).collect()
}

fn same(wanted: &BTreeMap<String, Vec<u8>>, got: &BTreeMap<String, Vec<u8>>) {
    assert_eq!(wanted.keys().collect::<Vec<_>>(), got.keys().collect::<Vec<_>>());
    wanted.iter().for_each(|(name, bytes)| assert!(got[name] == *bytes, "{name} differs"));
}

fn started(sandbox: &Sandbox, args: &[&str]) -> Child {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("heigen"));
    command.args(args).current_dir(sandbox.path("")).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

/// The words of a started process on stderr, once it has ended well.
fn ended(child: Child) -> String {
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    said
}

fn with<'a>(args: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    [args, more].concat()
}

fn gathered(sandbox: &Sandbox, args: &[&str]) -> Run {
    sandbox.run(&with(&["gather"], args))
}

/// Two data sets and two starts of six seeds, on networks of 5 x 5 units.
fn study(sandbox: &Sandbox) -> String {
    let study = json!({
        "title": "Shares",
        "seeds": {"count": 3},
        "converged_loss": 0.9,
        "experiment": {
            "model": {"type": "FNN_2layer", "args": {"num_neurons_layer1": 5, "num_neurons_layer2": 5}},
            "optimizer": {"type": "SGD", "args": {"lr": 0.1}},
            "dataset": {"type": "half_moon"},
            "train_fraction": 0.5, "test_fraction": 0.5,
            "trainer": {"num_epochs": 10, "batch_size": 32, "how_often_print": 10}
        },
        "factors": {
            "rate": {"slow": {}, "fast": {"optimizer": {"args": {"lr": 0.2}}}},
            "start": {"normal": {}, "adversarial": {"first": {"dataset": {"args": {"random": true}}}}}
        },
        "claims": [{"name": "sharper", "statement": "An adversarial start ends sharper.", "expect": "larger",
                    "compare": {"measure": "lambda_1", "factor": "start", "levels": ["adversarial", "normal"]}}]
    });
    sandbox.file("shares.json", study.to_string().as_bytes())
}

#[test]
fn shares_of_a_reproduction_are_gathered_to_the_bytes_of_one_process() {
    let (whole, shared) = (Sandbox::new(), Sandbox::new());
    whole.ok(&SEEDS);
    let first = shared.ok(&with(&SEEDS, &["--shard", "1/2"]));
    assert!(first.stderr.contains("tasks of share 1/2 to do"), "{}", first.stderr);
    assert_eq!(first.stdout, "", "pages are for all shares");
    assert!(shared.names("figures").is_empty() && shared.names("report").is_empty());
    // A part is there: it is gathered, and what is missing is named.
    let part = gathered(&shared, &SEEDS);
    assert_eq!(part.code, 1, "{}", part.stderr);
    assert!(part.stderr.contains("is not done") && part.stderr.contains("run their shares again"), "{}", part.stderr);
    let before = shared.files("results");
    assert!(shared.path("report/index.html").exists() && before.len() < whole.files("results").len());
    shared.ok(&with(&SEEDS, &["--shard", "2/2"]));
    let all = gathered(&shared, &SEEDS);
    assert_eq!((all.code, all.stdout.as_str()), (0, "report/index.html\n"), "{}", all.stderr);
    same(&files(&whole), &files(&shared));
    // The page is that of one process, but for the times and the word of what was there before.
    let page = |sandbox: &Sandbox| std::fs::read_to_string(sandbox.path("report/index.html")).unwrap();
    assert!(page(&shared).replace("<wbr>", "").contains("ours, 3 seeds") && !page(&shared).contains("not done"));
}

#[test]
fn shares_at_the_same_time_share_no_result_and_the_same_share_twice_waits() {
    let (whole, shared) = (Sandbox::new(), Sandbox::new());
    whole.ok(&SEEDS);
    let shares = ["1/3", "2/3", "3/3", "2/3"];
    let children = shares.map(|share| started(&shared, &with(&SEEDS, &["--shard", share])));
    let said = children.map(ended);
    // Three chains in three shares: nobody of different shares trains the same, or waits for another.
    let trained = |said: &str| said.matches(": trained ").count();
    assert_eq!((trained(&said[0]), trained(&said[2])), (1, 1), "{said:?}");
    assert_eq!(trained(&said[1]) + trained(&said[3]), 1, "{said:?}");
    assert_eq!(gathered(&shared, &SEEDS).code, 0);
    same(&files(&whole), &files(&shared));
}

#[test]
fn a_share_whose_job_was_killed_is_taken_up_by_the_next() {
    let (whole, shared) = (Sandbox::new(), Sandbox::new());
    whole.ok(&SEEDS);
    let mut killed = 0;
    for milliseconds in [40, 120, 300, 600] {
        let args = with(&SEEDS, &["--shard", "1/1", "--checkpoint-every", "0.02"]);
        let mut child = started(&shared, &args);
        std::thread::sleep(std::time::Duration::from_millis(milliseconds));
        killed += usize::from(child.try_wait().unwrap().is_none());
        let _ = child.kill();
        child.wait().unwrap();
    }
    assert!(killed > 1, "it was done before it was killed");
    shared.ok(&with(&SEEDS, &["--shard", "1/1"]));
    assert_eq!(gathered(&shared, &SEEDS).code, 0);
    same(&files(&whole), &files(&shared));
}

#[test]
fn shares_of_a_study_are_gathered_to_the_bytes_of_one_process() {
    let (whole, shared) = (Sandbox::new(), Sandbox::new());
    let file = study(&whole);
    study(&shared);
    whole.ok(&["study", &file]);
    let first = shared.ok(&["study", &file, "--shard", "1/3", "--json"]);
    let cells = serde_json::from_str::<Value>(&first.stdout).unwrap()["cells"].as_u64().unwrap();
    assert!((3..=5).contains(&cells), "{cells} of 12 cells in a third");
    assert!(!shared.path("results/studies/shares/table.csv").exists());
    let part = gathered(&shared, &["study", &file]);
    assert_eq!(part.code, 1);
    assert!(part.stderr.contains(&format!("{} of 12 cells have no row yet", 12 - cells)), "{}", part.stderr);
    // Rows stand in the table although others are missing, and nothing was trained for it.
    let table = std::fs::read_to_string(shared.path("results/studies/shares/table.csv")).unwrap();
    assert_eq!(table.lines().count() as u64, 1 + cells);
    let children = ["2/3", "3/3", "3/3"].map(|share| started(&shared, &["study", &file, "--shard", share]));
    children.into_iter().for_each(|child| drop(ended(child)));
    let all = gathered(&shared, &["study", &file]);
    assert_eq!(all.code, 0, "{}", all.stderr);
    assert!(all.stdout.contains("An adversarial start ends sharper."), "{}", all.stdout);
    same(&whole.files("results/studies"), &shared.files("results/studies"));
}

#[test]
fn shares_that_there_are_not_are_refused() {
    let sandbox = Sandbox::new();
    for (args, message) in [
        (&["reproduce", "--shard", "0/4"][..], "e.g. 1/4 to 4/4"),
        (&["reproduce", "--shard", "5/4"], "e.g. 1/4 to 4/4"),
        (&["study", "boundary", "--shard", "half"], "e.g. 1/4 to 4/4"),
        (&["study", "boundary", "--shard", "1/2", "--list"], "cannot be used with"),
        (&["gather", "reproduce", "--shard", "1/2"], "leave --shard 1/2 out"),
        (&["gather", "study", "boundary", "--shard", "1/2"], "leave --shard 1/2 out"),
        (&["reproduce", "classics", "--shard", "1/2"], "there are no shares of them"),
        (&["gather"], "Usage"),
    ] {
        let run = sandbox.run(args);
        assert_eq!(run.code, 2, "{args:?}: {}", run.stderr);
        assert!(run.stderr.contains(message), "{args:?}: {}", run.stderr);
    }
}

/// A command in namespaces of its own for processes, hosts' names and networks: for the folder, a process of another machine.
#[cfg(target_os = "linux")]
fn on_another_host(sandbox: &Sandbox, host: &str, args: &[&str]) -> Command {
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--uts", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c"]);
    command.args(["hostname \"$0\" && exec \"$@\"", host]).arg(assert_cmd::cargo::cargo_bin("heigen")).args(args);
    command.current_dir(sandbox.path("")).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

#[cfg(target_os = "linux")]
#[test]
fn two_hosts_that_write_to_one_folder_leave_it_as_one_does() {
    let (whole, shared) = (Sandbox::new(), Sandbox::new());
    let tried = on_another_host(&whole, "one", &["list"]).output();
    if !tried.as_ref().is_ok_and(|output| output.status.success()) {
        // Without namespaces there is no second host to be had. Where everything has to be tested there are some.
        assert!(std::env::var_os("CI").is_none(), "no namespaces: {tried:?}");
        return;
    }
    whole.ok(&SEEDS);
    let args = with(&SEEDS, &["--shard", "1/1", "--checkpoint-every", "0.02"]);
    let mut killed = 0;
    for milliseconds in [150, 400, 900] {
        let mut hosts = ["one", "two"].map(|host| on_another_host(&shared, host, &args).spawn().unwrap());
        // One is lost in the middle of its work, the other goes on alone.
        std::thread::sleep(std::time::Duration::from_millis(milliseconds));
        killed += usize::from(hosts[0].try_wait().unwrap().is_none());
        let _ = hosts[0].kill();
        hosts[0].wait().unwrap();
        let [_, other] = hosts;
        drop(ended(other));
        assert_eq!(gathered(&shared, &SEEDS).code, 0);
        same(&files(&whole), &without_traces(&shared));
        std::fs::remove_dir_all(shared.path("results")).unwrap();
        std::fs::remove_dir_all(shared.path("figures")).unwrap();
    }
    assert!(killed > 0, "both were done before one was killed");
}

/// Results and figures, without the temporary files of a host that is lost, which those of another host leave where they are.
#[cfg(target_os = "linux")]
fn without_traces(sandbox: &Sandbox) -> BTreeMap<String, Vec<u8>> {
    let mut all = files(sandbox);
    all.retain(|name, _| std::path::Path::new(name).extension().is_none_or(|ending| ending != "tmp"));
    all
}

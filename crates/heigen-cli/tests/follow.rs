//! Tests of `heigen follow`: killed at any moment it goes on, files are read back, and weights come from wherever they are.

mod common;

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::{Sandbox, changed, small};
use heigen_store::npy;
use insta::assert_snapshot;
use serde_json::{Value, json};

fn record(sandbox: &Sandbox, args: &[&str]) -> Value {
    serde_json::from_str(&sandbox.ok(args).stdout).unwrap()
}

fn moments(record: &Value) -> &Vec<Value> {
    record["moments"].as_array().unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

#[test]
fn a_followed_training_is_told_kept_and_reused() {
    let sandbox = Sandbox::new();
    let plain = sandbox.config("plain", &small());
    let args = ["follow", &plain, "--every", "4", "-k", "4", "--whole", "2", "--json"];
    let followed = record(&sandbox, &args);
    assert_eq!(followed["format"], "heigen along");
    let epochs: Vec<i64> = moments(&followed).iter().map(|m| m["epoch"].as_i64().unwrap()).collect();
    assert_eq!(epochs, [0, 4, 8, 12]);
    // The training is that of `heigen train`, and the last moment is its end.
    let hessian = record(&sandbox, &["hessian", &plain, "--json"]);
    let last = moments(&followed).last().unwrap();
    let (found, whole) = (numbers(&last["eigenvalues"]), numbers(&hessian["eigenvalues_top"]));
    let scale = whole[0];
    assert!((0..4).all(|i| (found[i] - whole[i]).abs() < 1e-9 * scale), "{found:?} {whole:?}");
    assert!((found[4] - hessian["lambda_min"].as_f64().unwrap()).abs() < 1e-9 * scale);
    assert!((last["train"]["loss"].as_f64().unwrap() - hessian["loss"].as_f64().unwrap()).abs() < 1e-12);
    assert_eq!(last["whole"]["g_theta"], hessian["g_theta"]);
    assert!((last["trace"]["value"].as_f64().unwrap() - hessian["trace"].as_f64().unwrap()).abs() < 1e-9);
    let rate = last["sharpness"].as_f64().unwrap() / (found[0] * 0.1 / 2.0);
    assert!((rate - 1.0).abs() < 1e-12, "lambda_1 eta / 2");
    // What stands in the arrays is what the record says.
    let at = |what: &str| sandbox.path(&format!("results/grads/my/plain_along_{what}.npy"));
    let values = npy::read::<f64>(&at("eigenvalues")).unwrap();
    assert_eq!(values.shape, [4, 6]);
    assert_eq!(values.values[18..], found);
    assert_eq!(npy::read::<i64>(&at("epochs")).unwrap().values, epochs);
    let overlaps = npy::read::<f64>(&at("subspace_overlaps")).unwrap();
    assert_eq!(overlaps.shape, [4, 4]);
    assert!((overlaps.values[1] - moments(&followed)[1]["subspace_overlap"].as_f64().unwrap()).abs() < 1e-12);
    // The pictures are there, and everything is reused.
    let names = sandbox.names("figures");
    for kind in ["spectra", "subspaces", "strip", "film"] {
        assert!(names.contains(&format!("along_{kind}_my-plain.png")), "{names:?}");
    }
    let before = [sandbox.files("results"), sandbox.files("figures")];
    let run = sandbox.ok(&args);
    assert!(run.stderr.contains("my/plain: reused results/grads/my/plain_along.json"), "{}", run.stderr);
    assert!([sandbox.files("results"), sandbox.files("figures")] == before);
    // Another request replaces it.
    let other = record(&sandbox, &["follow", &plain, "--every", "6", "--no-figures", "--json"]);
    assert_eq!(moments(&other).len(), 3);
    assert!(!sandbox.names("results").iter().any(|name| name.contains("moment_000003")));
}

#[test]
fn a_training_is_followed_by_steps_inside_of_its_epochs() {
    let sandbox = Sandbox::new();
    let plain = sandbox.config("plain", &small());
    let follow = |every: &str| {
        let args = ["follow", &plain, "--every", every, "-k", "3", "--whole", "0", "--no-figures", "--json"];
        record(&sandbox, &args)
    };
    // 150 training samples in batches of 64: three steps an epoch.
    let (steps, epochs) = (follow("2steps"), follow("2"));
    let places = |record: &Value| moments(record).iter().map(|m| m["epoch"].as_u64().unwrap()).collect::<Vec<_>>();
    assert_eq!(places(&steps), (0..=36).step_by(2).collect::<Vec<u64>>());
    assert_eq!((&steps["counted_in"], epochs.get("counted_in")), (&json!("step"), None));
    // Where both look at the same weights they find the same loss and the same eigenvalues.
    let mut together = 0;
    for (moment, epoch) in moments(&epochs).iter().zip(places(&epochs)) {
        let Some(place) = places(&steps).iter().position(|&step| step == 3 * epoch) else { continue };
        let same = &moments(&steps)[place];
        assert_eq!(same["train"]["loss"], moment["train"]["loss"]);
        let (a, b) = (numbers(&same["eigenvalues"]), numbers(&moment["eigenvalues"]));
        let scale = b.iter().fold(1.0f64, |most, x| most.max(x.abs()));
        assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-6 * scale), "{a:?} {b:?}");
        together += 1;
    }
    assert_eq!(together, 7);
    let run = sandbox.run(&["follow", &plain, "--every", "2miles"]);
    assert!(run.code == 2 && run.stderr.contains("of epochs or as in 50steps"), "{}", run.stderr);
}

#[test]
fn the_same_bytes_for_any_number_of_threads() {
    let run = |threads: &str| {
        let sandbox = Sandbox::new();
        let plain = sandbox.config("plain", &small());
        sandbox.ok(&["follow", &plain, "--every", "3", "-k", "3", "--threads", threads]);
        [sandbox.files("results"), sandbox.files("figures")]
    };
    assert!(run("1") == run("2"));
}

/// Killed again and again, at a moment or a little after it, it ends at the same bytes.
#[cfg(unix)]
#[test]
fn a_follower_killed_at_any_moment_goes_on_where_it_was() {
    let (whole, killed) = (Sandbox::new(), Sandbox::new());
    let adam = json!({"type": "Adam", "args": {"lr": 0.01}});
    let config = changed(&[("/trainer/num_epochs", json!(40)), ("/optimizer", adam)]);
    // Some moments lie inside of epochs.
    let args = ["follow", "my/plain.json", "--every", "5steps", "-k", "4", "--whole", "0", "--no-figures"];
    whole.config("plain", &config);
    whole.ok(&args);
    killed.config("plain", &config);
    let mut went_on = 0;
    for (moment, pause) in [(0, 0), (3, 4), (9, 1), (10, 9), (15, 2)] {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin("heigen"));
        command.args(args).current_dir(killed.path("")).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let begun = Instant::now();
        let there = killed.path(&format!("results/grads/my/plain_along/moment_{moment:06}.json"));
        while !there.exists() && child.try_wait().unwrap().is_none() {
            assert!(begun.elapsed() < Duration::from_mins(1), "no moment {moment}");
            std::thread::sleep(Duration::from_micros(300));
        }
        std::thread::sleep(Duration::from_millis(pause));
        // On a fast machine it may be over by now.
        let _ = child.kill();
        let output = child.wait_with_output().unwrap();
        went_on += usize::from(String::from_utf8_lossy(&output.stderr).contains("my/plain: going on after"));
    }
    assert!(went_on > 0, "nothing was kept");
    let standing = |place: usize| killed.path(&format!("results/grads/my/plain_along/moment_{place:06}.json")).exists();
    let known = (0..100).take_while(|&place| standing(place)).count();
    let finished = killed.path("results/grads/my/plain_along.json").exists();
    let said = killed.ok(&args).stderr;
    // All moments are taken over but the newest one, which may lack an array that was not written yet.
    let goes_on = |known: usize| said.contains(&format!("my/plain: going on after {known} of "));
    assert!(finished || goes_on(known) || goes_on(known - 1), "{known} moments: {said}");
    let (wanted, got) = (whole.files("results"), killed.files("results"));
    assert_eq!(wanted.keys().collect::<Vec<_>>(), got.keys().collect::<Vec<_>>());
    for (name, bytes) in &wanted {
        assert!(got[name] == *bytes, "{name} differs");
    }
}

/// A process that is killed when the result has its name, and before it has removed what led there, leaves that and its claim.
#[cfg(target_os = "linux")]
#[test]
fn what_a_follower_killed_at_its_end_leaves_is_cleared_by_the_next_run() {
    let sandbox = Sandbox::new();
    let adam = json!({"type": "Adam", "args": {"lr": 0.01}});
    sandbox.config("plain", &changed(&[("/optimizer", adam)]));
    let args = ["follow", "my/plain.json", "--every", "3", "-k", "3", "--no-figures", "--whole", "0"];
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("heigen"));
    command.args(args).current_dir(sandbox.path("")).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let claim = sandbox.path("results/grads/my/.plain_along.json.claim");
    let begun = Instant::now();
    let content = loop {
        assert!(begun.elapsed() < Duration::from_mins(1) && child.try_wait().unwrap().is_none(), "no claim was seen");
        if let Ok(content) = std::fs::read(&claim) {
            break content;
        }
    };
    child.kill().unwrap();
    child.wait().unwrap();
    sandbox.ok(&args);
    let before = sandbox.files("results");
    let of_moments = sandbox.path("results/grads/my/plain_along");
    let left = [of_moments.join("training.checkpoint"), of_moments.join("moment_000004_preconditioned.npy"), claim];
    left.iter().for_each(|path| std::fs::write(path, &content).unwrap());
    assert!(sandbox.ok(&args).stderr.contains("reused"));
    assert!(sandbox.files("results") == before, "{:?}", sandbox.names("results"));
    // What a process that is at work needs stays.
    std::fs::write(&left[0], &content).unwrap();
    sandbox.ok(&args);
    assert!(left[0].exists());
}

#[test]
fn a_damaged_moment_is_looked_at_again() {
    let sandbox = Sandbox::new();
    let plain = sandbox.config("plain", &small());
    let args = ["follow", &plain, "--every", "3", "-k", "3", "--no-figures", "--whole", "0"];
    sandbox.ok(&args);
    let before = sandbox.files("results");
    std::fs::remove_file(sandbox.path("results/grads/my/plain_along.json")).unwrap();
    let vectors = sandbox.path("results/grads/my/plain_along/moment_000002_vectors.npy");
    let mut bytes = std::fs::read(&vectors).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&vectors, bytes).unwrap();
    let run = sandbox.ok(&args);
    assert!(run.stderr.contains("going on after 2 of 5 moments"), "{}", run.stderr);
    assert!(sandbox.files("results") == before);
}

#[test]
fn snapshots_and_files_of_weights_are_followed_like_the_training() {
    let sandbox = Sandbox::new();
    let keeping = changed(&[("/trainer/how_often_save_model", json!(4))]);
    let plain = sandbox.config("plain", &keeping);
    sandbox.ok(&["train", &plain]);
    let common = ["--no-figures", "--json", "-k", "3", "--whole", "0"];
    let run = |more: &[&str]| record(&sandbox, &[&["follow", &plain], more, &common].concat());
    let trained = run(&["--every", "4"]);
    let snapshots = run(&["--snapshots"]);
    let files = run(&["--weights", "results/models/my/plain_snapshots"]);
    for other in [&snapshots, &files] {
        assert_eq!(moments(other).len(), 4);
        for (a, b) in moments(&trained).iter().zip(moments(other)) {
            assert_eq!((&a["epoch"], &a["eigenvalues"]), (&b["epoch"], &b["eigenvalues"]));
            assert_eq!(a["identities"], b["identities"]);
            assert_eq!(b["threshold"], Value::Null, "nothing is known of how files were trained");
        }
    }
    assert_eq!(moments(&files)[1]["file"], "epoch_000004.safetensors");
}

/// Checkpoints of a network that was trained elsewhere, whose last one was taken in with samples of its own.
#[test]
fn checkpoints_of_a_network_from_elsewhere_are_followed() {
    let sandbox = Sandbox::new();
    let row =
        |n: usize| format!("{:.3},{:.3},{}\n", (n % 3) as f64 + 0.3 * (n as f64).sin(), (1.3 * n as f64).cos(), n % 3);
    sandbox.file("own.csv", (0..60).map(row).collect::<String>().as_bytes());
    let data = json!({"type": "file", "args": {"path": "own.csv"}});
    let changes = [("/dataset", data), ("/train_fraction", json!(1.0)), ("/test_fraction", json!(0.0))];
    let mut config = changed(&changes);
    config["trainer"]["how_often_save_model"] = json!(6);
    let plain = sandbox.config("elsewhere", &config);
    sandbox.ok(&["train", &plain]);
    let arch = json!([{"type": "linear", "out_features": 8}, {"type": "relu"}, {"type": "linear", "out_features": 8},
                      {"type": "relu"}, {"type": "linear", "out_features": 3}]);
    sandbox.file("arch.json", json!({ "layers": arch }).to_string().as_bytes());
    let snapshots = sandbox.path("results/models/my/elsewhere_snapshots");
    let names: Vec<String> = heigen_store::weights::load(&snapshots.join("epoch_000012.safetensors"))
        .unwrap()
        .tensors
        .iter()
        .map(|t| t.name.clone())
        .collect();
    // The same tensors under the names of a Sequential of PyTorch's.
    let theirs = ["0.weight", "0.bias", "2.weight", "2.bias", "4.weight", "4.bias"];
    for epoch in [0, 6, 12] {
        let mut file = heigen_store::weights::load(&snapshots.join(format!("epoch_{epoch:06}.safetensors"))).unwrap();
        assert_eq!(file.tensors.len(), theirs.len(), "{names:?}");
        file.tensors.iter_mut().zip(theirs).for_each(|(tensor, name)| tensor.name = name.to_owned());
        let path = sandbox.path(&format!("checkpoints/step_{epoch}.safetensors"));
        heigen_store::weights::save(&path, &file.tensors, &std::collections::BTreeMap::new()).unwrap();
    }
    let last = "checkpoints/step_12.safetensors";
    sandbox.ok(&["analyze", "--model", last, "--arch", "arch.json", "--data", "own.csv", "--name", "own/net"]);
    let said = sandbox.error(&["follow", "own/net"]);
    assert!(said.contains("own/net has no weights along its training"), "{said}");
    let args = ["follow", "own/net", "--weights", "checkpoints", "-k", "3", "--whole", "0", "--json", "--no-figures"];
    let found = record(&sandbox, &args);
    let wanted =
        record(&sandbox, &["follow", &plain, "--every", "6", "-k", "3", "--whole", "0", "--json", "--no-figures"]);
    for (a, b) in moments(&found).iter().zip(moments(&wanted)) {
        let scale = b["scale"].as_f64().unwrap();
        assert_eq!(a["epoch"], b["epoch"]);
        let close = |(x, y): (&f64, &f64)| (x - y).abs() < 1e-9 * scale;
        let (x, y) = (numbers(&a["eigenvalues"]), numbers(&b["eigenvalues"]));
        assert!(x.iter().zip(&y).all(close), "{x:?} {y:?}");
    }
}

#[test]
fn adams_preconditioned_sharpness_is_recorded() {
    let sandbox = Sandbox::new();
    let adam = json!({"type": "Adam", "args": {"lr": 0.01}});
    let plain = sandbox.config("plain", &changed(&[("/optimizer", adam)]));
    let followed = record(&sandbox, &["follow", &plain, "--every", "6", "--json", "--whole", "0", "--figures", "f"]);
    let all = moments(&followed);
    // Before the first update there is nothing that steps are divided by.
    assert_eq!(all[0]["preconditioned"], Value::Null);
    for moment in &all[1..] {
        let (met, threshold) = (moment["preconditioned"].as_f64().unwrap(), moment["threshold"].as_f64().unwrap());
        assert!((threshold - 3_800.0).abs() < 1e-6 && met > 0.0, "{moment}");
        assert!((moment["sharpness"].as_f64().unwrap() - met / threshold).abs() < 1e-15);
    }
}

#[test]
fn what_cannot_be_followed_is_said() {
    let sandbox = Sandbox::new();
    let plain = sandbox.config("plain", &small());
    let mut said = sandbox.error(&["follow", &plain, "--snapshots"]);
    sandbox.file("empty/readme.txt", b"nothing");
    said += &sandbox.error(&["follow", &plain, "--weights", "empty"]);
    said += &sandbox.error(&["follow", &plain, "--weights", "missing.safetensors"]);
    assert_snapshot!("cannot_follow", said);
}

//! Tests of `heigen figure 2`.

mod common;

use common::{Sandbox, changed, small};
use serde_json::{Value, json};

const QUICK: [&str; 4] = ["--resolution", "20", "--eigenvectors", "2"];

fn circle(sandbox: &Sandbox) -> String {
    sandbox.config("circle", &changed(&[("/dataset", json!({"type": "circle", "args": {}}))]))
}

#[test]
fn figure_2_is_drawn_for_one_and_for_two_experiments() {
    let sandbox = Sandbox::new();
    let (plain, circle) = (sandbox.config("plain", &small()), circle(&sandbox));
    for (names, stem) in [(&[&*plain][..], "figure2_my-plain"), (&[&plain, &circle], "figure2_my-plain+my-circle")] {
        let run = sandbox.ok(&[&["figure", "2"], names, &QUICK].concat());
        let paths: Vec<String> = ["svg", "pdf", "png"].map(|e| format!("figures/{stem}.{e}")).into();
        assert_eq!(run.stdout.lines().collect::<Vec<_>>(), paths);
        let [svg, pdf, png] = [0, 1, 2].map(|i| std::fs::read(sandbox.path(&paths[i])).unwrap());
        assert!(svg.starts_with(b"<svg") || svg.starts_with(b"<?xml"));
        assert!(pdf.starts_with(b"%PDF") && png.starts_with(b"\x89PNG"));
    }
    // Nothing is computed twice, and equal results give equal bytes.
    let before = sandbox.files("figures");
    let run = sandbox.ok(&[&["figure", "2", &plain], &QUICK[..]].concat());
    let reused = "my/plain: reused results/models/my/plain.safetensors\n\
                  my/plain: reused results/grads/my/plain_analysis.json\n\
                  figure 2: reused figures/figure2_my-plain.svg\n";
    assert_eq!(run.stderr, reused);
    assert!(sandbox.files("figures") == before);
    assert_eq!(sandbox.names("figures").len(), 8);
    // A figure whose file somebody changed is drawn again.
    let svg = sandbox.path("figures/figure2_my-plain.svg");
    let drawn = std::fs::read(&svg).unwrap();
    std::fs::write(&svg, b"<svg/>").unwrap();
    sandbox.ok(&[&["figure", "2", &plain], &QUICK[..]].concat());
    assert!(std::fs::read(&svg).unwrap() == drawn);
}

#[test]
fn the_options_of_an_analysis_hold_for_figures_too() {
    let sandbox = Sandbox::new();
    let plain = sandbox.config("plain", &small());
    let args = ["figure", "2", &plain, "--dtype", "float32", "--seed", "2", "--figures", "drawn/here", "--json"];
    let run = sandbox.ok(&[&args[..], &QUICK].concat());
    let summary: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!((&summary["name"], &summary["dtype"]), (&json!("my/plain"), &json!("float32")));
    assert_eq!(sandbox.names("drawn/here").len(), 4);
}

#[test]
fn experiments_off_the_plane_are_refused_before_anything_is_trained() {
    let sandbox = Sandbox::new();
    let plain = sandbox.config("plain", &small());
    let iris = sandbox.config("iris", &changed(&[("/dataset", json!({"type": "iris", "args": {}}))]));
    assert_eq!(
        sandbox.error(&["figure", "2", &plain, &iris]),
        "error: my/iris has 4 features; Figure 2 draws the plane of experiments with 2, e.g. gauss/normal_training\n"
    );
    assert_eq!(sandbox.names("results"), Vec::<String>::new());
}

/// A change of the bytes of a file.
type Damage = fn(&mut Vec<u8>);

#[test]
fn damaged_results_are_noticed_by_their_hashes_and_computed_anew() {
    let sandbox = Sandbox::new();
    let plain = sandbox.config("plain", &small());
    sandbox.ok(&["hessian", &plain]);
    let whole = sandbox.files("results");
    // One flipped bit, or a file that is cut: every array and the record itself.
    let damage: [(&str, Damage); 6] = [
        ("heigenvectors.npy", |bytes| bytes.truncate(300)),
        ("heigenvalues.npy", |bytes| *bytes.last_mut().unwrap() ^= 1),
        ("overlaps.npy", |bytes| *bytes.last_mut().unwrap() ^= 0x40),
        ("coherence.npy", |bytes| bytes.truncate(bytes.len() / 2)),
        ("logit_coherence.npy", |bytes| *bytes.last_mut().unwrap() ^= 1),
        ("analysis.json", |bytes| {
            let place = bytes.windows(8).position(|w| w == b"\"trace\":").unwrap() + 9;
            bytes[place] = if bytes[place] == b'1' { b'2' } else { b'1' };
        }),
    ];
    for (i, (ending, damage)) in damage.iter().enumerate() {
        let path = format!("results/grads/my/plain_{ending}");
        let mut bytes = std::fs::read(sandbox.path(&path)).unwrap();
        damage(&mut bytes);
        sandbox.file(&path, &bytes);
        let run = if i == 0 { sandbox.ok(&["figure", "2", &plain]) } else { sandbox.ok(&["hessian", &plain]) };
        assert!(run.stderr.contains(&format!("again: {path} is not as it was written")), "{ending}: {}", run.stderr);
        assert!(sandbox.files("results") == whole, "{ending}");
    }
    let run = sandbox.ok(&["hessian", &plain]);
    assert!(run.stderr.contains("reused") && !run.stderr.contains("again"), "{}", run.stderr);
}

#[test]
fn a_loss_surface_in_random_directions_and_around_the_training_needs_no_spectrum() {
    let sandbox = Sandbox::new();
    let plain = sandbox.config("plain", &small());
    let surface = |directions: &str, more: &[&str]| {
        let args = ["plot", "surface", &plain, "--points", "5", "--json", "--directions", directions];
        let run = sandbox.ok(&[&args[..], more].concat());
        serde_json::from_str::<Value>(&run.stdout).unwrap()
    };
    let numbers =
        |value: &Value| -> Vec<f64> { value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect() };
    let random = surface("filter-normalised", &["--direction-seed", "3"]);
    assert_eq!(numbers(&random["a"]), [-1.0, -0.5, 0.0, 0.5, 1.0]);
    let row = numbers(&random["losses"][2]);
    assert!((row[2] - random["loss"].as_f64().unwrap()).abs() < 1e-15, "the middle is at the weights");
    let around = surface("trajectory", &[]);
    let path = around["path"].as_array().unwrap();
    assert_eq!(path.len(), 13, "before the first of 12 epochs, and after each");
    assert_eq!(numbers(path.last().unwrap()), [0.0, 0.0]);
    let explained = numbers(&around["explained"]);
    assert!(explained[0] >= explained[1] && explained[0] + explained[1] <= 1.0 + 1e-12 && explained[0] > 0.5);
    assert!(sandbox.path("figures/surface_my-plain+filter-normalised-3.pdf").exists());
    assert!(sandbox.path("figures/surface_my-plain+trajectory.png").exists());
    assert!(!sandbox.path("results/grads").exists(), "nothing was analysed");
    // Files of weights are a trajectory, too, whose last one is in the middle.
    let keeping = sandbox.config("keeping", &changed(&[("/trainer/how_often_save_model", json!(3))]));
    sandbox.ok(&["train", &keeping]);
    let args = ["plot", "surface", &keeping, "--points", "3", "--json", "--directions", "trajectory"];
    let own: Value = serde_json::from_str(&sandbox.ok(&args).stdout).unwrap();
    assert_eq!(own["epochs"], json!([0, 3, 6, 9, 12]));
    let folder = ["--checkpoints", "results/models/my/keeping_snapshots"];
    let files: Value = serde_json::from_str(&sandbox.ok(&[&args[..], &folder].concat()).stdout).unwrap();
    assert_eq!(files["losses"], own["losses"]);
    for (args, message) in [
        (&["plot", "surface", &plain, "--checkpoints", "x"][..], "add --directions trajectory"),
        (&["plot", "spectrum", &plain, "--directions", "trajectory"], "--directions is for `heigen plot surface`"),
        (&["plot", "minibatches", &plain, "--direction-seed", "0"], "--direction-seed is for `heigen plot surface`"),
        (&["plot", "surface", &plain, "--batch-size", "3"], "--batch-size is for `heigen plot minibatches`"),
        (&["plot", "spectrum", &plain, "--batch-seed", "0"], "--batch-seed is for `heigen plot minibatches`"),
        (&["plot", "surface", &plain, "--direction-seed", "1"], "add --directions filter-normalised"),
        (
            &["plot", "surface", &plain, "--direction-seed", "1", "--directions", "trajectory"],
            "add --directions filter-normalised",
        ),
    ] {
        let run = sandbox.run(args);
        assert!(run.code == 2 && run.stderr.contains(message), "{}", run.stderr);
    }
}

#[test]
fn eigenvalues_of_mini_batches_are_at_least_those_of_all_samples_on_average() {
    let sandbox = Sandbox::new();
    let plain = sandbox.config("plain", &small());
    let args = ["plot", "minibatches", &plain, "--batch-size", "50", "--json", "--weight-decay", "0.25"];
    let found: Value = serde_json::from_str(&sandbox.ok(&args).stdout).unwrap();
    let values: Vec<f64> = found["lambda_1"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
    let all = found["all_samples"].as_f64().unwrap();
    assert_eq!(values.len(), 3, "150 samples");
    assert!(values.iter().sum::<f64>() / 3.0 >= all && all > 0.25, "{values:?} {all}");
    let mut seen: Vec<u64> = found["batches"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|b| b.as_array().unwrap())
        .map(|n| n.as_u64().unwrap())
        .collect();
    seen.sort_unstable();
    assert_eq!(seen, (0..150).collect::<Vec<_>>(), "one pass has every sample once");
    assert!(sandbox.path("figures/minibatches_my-plain+weight-decay-2.5e-1+batches-of-50.svg").exists());
}

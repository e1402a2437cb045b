//! Tests of `heigen hessian`: files, summary, reuse, and options that must not change results.

mod common;

use common::{Sandbox, changed, small};
use heigen_store::npy::{self, Element, Order};
use insta::assert_snapshot;
use serde_json::{Value, json};

const P: usize = 123;
const N: usize = 150;

fn read<T: Element>(sandbox: &Sandbox, what: &str) -> npy::Array<T> {
    npy::read(&sandbox.path(&format!("results/grads/my/plain_{what}.npy"))).unwrap()
}

fn summary(stdout: &str) -> Value {
    serde_json::from_str(stdout).unwrap()
}

#[test]
fn result_files_are_what_the_documentation_promises() {
    let sandbox = Sandbox::new();
    let plain = sandbox.config("plain", &small());
    let run = sandbox.ok(&["hessian", &plain, "--json", "--save-hessian"]);
    assert_snapshot!("first_analysis", run.stderr);
    let s = summary(&run.stdout);
    for key in [
        "n_params",
        "n_samples",
        "loss",
        "accuracy",
        "grad_norm",
        "rank",
        "trace",
        "lambda_max",
        "eigenvalues_top",
        "residual_max",
        "orthogonality",
        "outside_bound",
        "g_theta",
        "outliers",
        "method",
        "dtype",
        "seconds",
    ] {
        assert!(!s[key].is_null(), "{key} is missing: {s}");
    }
    for g in s["g_theta"].as_array().unwrap() {
        assert!(g["value"].is_number() && g["eps"].is_number() && g["rule"].is_string(), "{g}");
    }
    let stored: Value =
        serde_json::from_slice(&std::fs::read(sandbox.path("results/grads/my/plain_analysis.json")).unwrap()).unwrap();
    assert_eq!(stored["lambda_max"], s["lambda_max"]);
    assert_eq!((&s["n_params"], &s["n_samples"], &s["dtype"]), (&json!(P), &json!(N), &json!("float64")));
    assert_snapshot!("files_of_an_analysis", sandbox.names("results").join("\n"));

    let values = read::<f64>(&sandbox, "heigenvalues");
    let vectors = read::<f64>(&sandbox, "heigenvectors");
    let overlaps = read::<f64>(&sandbox, "overlaps");
    let hessian = read::<f64>(&sandbox, "hessian");
    let k = usize::try_from(s["n_eigenvectors"].as_u64().unwrap()).unwrap();
    assert_eq!(values.shape, [P]);
    assert!(values.values.is_sorted());
    assert_eq!(json!(values.values[P - 1]), s["lambda_max"]);
    assert_eq!((&vectors.shape[..], vectors.order), (&[P, k][..], Order::Fortran));
    assert_eq!(overlaps.shape, [k, N]);
    assert!(overlaps.values.iter().all(|a| a.abs() <= 1.0 + 1e-12));
    assert_eq!(read::<f64>(&sandbox, "coherence").shape, [N, N]);
    assert_eq!(read::<f64>(&sandbox, "logit_coherence").shape, [3 * N, 3 * N]);

    // The last column belongs to lambda_max: H v = lambda_max v.
    let (hessian, lambda) = (hessian.into_c_order().values, values.values[P - 1]);
    let last = &vectors.values[(k - 1) * P..];
    for (row, v) in hessian.chunks(P).zip(last) {
        let product: f64 = row.iter().zip(last).map(|(h, v)| h * v).sum();
        assert!((product - lambda * v).abs() < 1e-12 * lambda.max(1.0));
    }
    let trace: f64 = (0..P).map(|i| hessian[i * P + i]).sum();
    assert!((trace - s["trace"].as_f64().unwrap()).abs() < 1e-10);
}

#[test]
fn analyses_are_reused_while_they_match() {
    let sandbox = Sandbox::new();
    let plain = sandbox.config("plain", &small());
    let other = sandbox.config("other", &changed(&[("/trainer/num_epochs", json!(3))]));
    sandbox.ok(&["train", &other]);
    let mut talk = Vec::new();
    let mut step = |what: &str, args: &[&str]| {
        let run = sandbox.ok(&[&["hessian", &plain], args].concat());
        talk.push(format!("# {what}\n{}", run.stderr));
        run.stdout
    };
    let first = step("first", &[]);
    assert!(first.starts_with("my/plain\n  network      P = 123 parameters, N = 150 training samples\n"), "{first}");
    assert_eq!(step("again", &[]), first);
    step("float32", &["--dtype", "float32"]);
    let values = read::<f32>(&sandbox, "heigenvalues");
    assert_eq!(values.shape, [P]);
    step("weights of another training", &["--model", "results/models/my/other.safetensors"]);
    step("back to its own", &[]);
    step("with the Hessian", &["--save-hessian"]);
    step("again with the Hessian", &["--save-hessian"]);
    let full = step("with the null space", &["--full-basis"]);
    assert_eq!(full, first, "what is kept changes no number");
    assert_eq!(read::<f64>(&sandbox, "heigenvectors").shape, [P, P]);
    sandbox.config("plain", &changed(&[("/seed", json!(1))]));
    step("other seed", &[]);
    sandbox.file("results/grads/my/plain_analysis.json", b"{");
    step("truncated summary", &[]);
    assert_snapshot!("reused_or_analysed_again", talk.join("\n"));
}

#[test]
fn results_depend_neither_on_threads_nor_on_chance() {
    let sandbox = Sandbox::new();
    let config =
        changed(&[("/trainer/how_often_save_model", json!(6)), ("/trainer/how_often_compute_grads", json!(12))]);
    let plain = sandbox.config("plain", &config);
    let results = ["1", "2", "2", "3"].map(|threads| {
        std::fs::remove_dir_all(sandbox.path("results")).ok();
        sandbox.ok(&["hessian", &plain, "--threads", threads, "--save-hessian", "--full-basis"]);
        sandbox.files("results")
    });
    assert_eq!(results[0].len(), 2 + 3 + 2 * 2 + 7);
    for other in &results[1..] {
        for (path, bytes) in &results[0] {
            assert!(other[path] == *bytes, "{path} differs");
        }
        assert_eq!(other.len(), results[0].len());
    }
}

#[test]
fn single_precision_agrees_with_double() {
    let sandbox = Sandbox::new();
    let plain = sandbox.config("plain", &small());
    let [double, single] = ["float64", "float32"]
        .map(|dtype| summary(&sandbox.ok(&["hessian", &plain, "--json", "--dtype", dtype]).stdout));
    assert_eq!(single["dtype"], "float32");
    let top = |s: &Value| -> Vec<f64> {
        s["eigenvalues_top"].as_array().unwrap().iter().map(|l| l.as_f64().unwrap()).collect()
    };
    for (a, b) in top(&double).iter().zip(top(&single)).take(5) {
        assert!((a - b).abs() < 1e-5 * double["lambda_max"].as_f64().unwrap(), "{a} {b}");
    }
}

//! `heigen analyze` with losses and targets as people have them, against float64 PyTorch (`tests/fixtures/make_losses_files.py`).
//! Each was once refused, or analysed as another loss.

mod common;

use common::Sandbox;
use serde_json::Value;
use std::fs;
use std::path::PathBuf;

fn fixture(file: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/losses_files").join(file)
}

fn runs() -> Vec<Value> {
    serde_json::from_slice(&fs::read(fixture("runs.json")).unwrap()).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

/// Runs one of the fixture's command lines with `more` arguments.
fn run(sandbox: &Sandbox, of: &Value, more: &[&str]) -> Value {
    let text = |key: &str| of[key].as_str().unwrap();
    for key in ["model", "arch", "data"] {
        sandbox.file(text(key), &fs::read(fixture(text(key))).unwrap());
    }
    let files = ["--model", text("model"), "--arch", text("arch"), "--data", text("data")];
    let own: Vec<&str> = of["args"].as_array().unwrap().iter().map(|arg| arg.as_str().unwrap()).collect();
    let run = sandbox.run(&[&["analyze", "--json"], &files[..], &own, more].concat());
    assert_eq!(run.code, 0, "{}: {}", text("name"), run.stderr);
    serde_json::from_str(&run.stdout).unwrap()
}

#[test]
fn losses_have_the_spectra_of_pytorch() {
    for of in runs() {
        let (sandbox, name) = (Sandbox::new(), of["name"].as_str().unwrap());
        let found = run(&sandbox, &of, &[]);
        let whole = if found["analysis"].is_null() { &found["top_k"] } else { &found["analysis"] };
        let key = if found["analysis"].is_null() { "eigenvalues" } else { "eigenvalues_top" };
        let (top, mut wanted) = (numbers(&whole[key]), numbers(&of["eigenvalues"]));
        wanted.reverse();
        assert!(!top.is_empty());
        for (i, (got, wanted_one)) in top.iter().zip(&wanted).enumerate() {
            assert!(
                (got - wanted_one).abs() <= 1e-8 * wanted[0].abs(),
                "{name}: eigenvalue {i} is {got}, not {wanted_one}"
            );
        }
        let (loss, wanted) = (whole["loss"].as_f64().unwrap(), of["loss"].as_f64().unwrap());
        assert!((loss - wanted).abs() <= 1e-10 * wanted.abs(), "{name}: loss {loss}, not {wanted}");
        match of["accuracy"].as_f64() {
            Some(wanted) => assert!((whole["accuracy"].as_f64().unwrap() - wanted).abs() < 1e-12, "{name}"),
            None => assert!(whole["accuracy"].is_null(), "{name}"),
        }
        let classless = name.contains("token") || of["accuracy"].is_null();
        let notes = found["notes"].to_string();
        assert_eq!(notes.contains("no classes"), classless, "{name}: {notes}");
        if classless {
            assert!(found["boundary"].is_null(), "{name}");
            assert!(whole["g_theta"].as_array().is_none_or(Vec::is_empty), "{name}");
        } else {
            assert!(found["boundary"].is_object(), "{name}");
        }
    }
}

/// Later requests for an experiment that was taken in keep its loss with the options.
#[test]
fn later_requests_keep_the_options_of_the_loss() {
    let of = runs().into_iter().find(|of| of["name"] == "several real targets").unwrap();
    let sandbox = Sandbox::new();
    let studied = run(&sandbox, &of, &[]);
    let path = sandbox.path(studied["files"]["experiment"].as_str().unwrap());
    let experiment: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    assert_eq!(experiment["loss"], serde_json::json!({"type": "huber", "args": {"delta": 0.5}}));
    let model = studied["files"]["weights"].as_str().unwrap();
    let run = sandbox.run(&["hessian", "--json", "--model", model, path.to_str().unwrap()]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    let found: Value = serde_json::from_str(&run.stdout).unwrap();
    let wanted = of["eigenvalues"].as_array().unwrap().last().unwrap().as_f64().unwrap();
    assert!((found["lambda_max"].as_f64().unwrap() - wanted).abs() < 1e-8 * wanted, "{found}");
    // What needs classes is refused by name.
    for command in [&["boundary"][..], &["plot", "overlaps"], &["plot", "coherence"]] {
        let error = sandbox.error(&[command, &[path.to_str().unwrap()]].concat());
        assert!(error.contains("its samples have no classes"), "{command:?}: {error}");
    }
}

#[test]
fn what_makes_no_sense_is_said() {
    let of = runs().into_iter().find(|of| of["name"] == "real targets of one output").unwrap();
    let sandbox = Sandbox::new();
    run(&sandbox, &of, &[]);
    let files = ["analyze", "--force", "--model", "of_1.npz", "--arch", "of_1.arch.json", "--data"];
    let error = |more: &[&str]| sandbox.error(&[&files[..], more].concat());
    let data = of["data"].as_str().unwrap();
    let wrong = error(&[data, "--loss", "mse", "--loss-arg", "delta=1"]);
    assert!(wrong.contains("`delta` is no option of the loss mse"), "{wrong}");
    let wrong = error(&[data, "--loss", "hinge"]);
    assert!(wrong.contains("a loss of real targets (mse, l1, huber, smooth_l1)"), "{wrong}");
    let wrong = error(&[data]);
    assert!(wrong.contains("for real targets name a loss of a regression"), "{wrong}");
    let wrong = error(&[data, "--loss", "gaussian_nll"]);
    assert!(wrong.contains("a mean and a variance for each"), "{wrong}");
    let run = sandbox.run(&[&files[..], &[data, "--loss-arg", "colour=blue"]].concat());
    assert!(run.code == 2 && run.stderr.contains("pos_weight"), "{}", run.stderr);
}

//! Tests of `heigen attribute`, on a plane and where there is none.

mod common;

use common::{Sandbox, changed, small};
use serde_json::{Value, json};

fn number(value: &Value, pointer: &str) -> f64 {
    value.pointer(pointer).and_then(Value::as_f64).unwrap_or_else(|| panic!("{pointer} of {value}"))
}

#[test]
fn what_eigenvectors_carry_is_told_once() {
    let sandbox = Sandbox::new();
    let plain = sandbox.config("plain", &small());
    let run = sandbox.ok(&["attribute", &plain, "-k", "2", "--json"]);
    let record: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(record["format"], "heigen attribution");
    let vectors = record["vectors"].as_array().unwrap();
    assert_eq!(vectors.len(), 2);
    for vector in vectors {
        let shares = &vector["shares"];
        let parts: f64 = ["/class", "/cross", "/within", "/own"].map(|part| number(shares, part)).iter().sum();
        let total = number(shares, "/total");
        assert!((parts - total).abs() <= 1e-12 * total.abs() && total > 0.0, "{shares}");
        assert!((0.0..=1.0 + 1e-12).contains(&number(shares, "/in_class_means")));
        assert_eq!(vector["moved"].as_array().unwrap().len(), 2);
        for moved in vector["moved"].as_array().unwrap().iter().filter(|moved| !moved["step"].is_null()) {
            assert_eq!(moved["fates"].as_array().unwrap().len(), record["pieces"].as_array().unwrap().len());
        }
    }
    assert!(!record["pieces"].as_array().unwrap().is_empty(), "three blobs have a boundary");
    assert!(vectors.iter().any(|vector| vector.pointer("/moved/0/step").is_some_and(Value::is_number)));
    for piece in record["pieces"].as_array().unwrap() {
        let carried: f64 = piece["carried"].as_array().unwrap().iter().map(|share| share.as_f64().unwrap()).sum();
        assert!((carried - 1.0).abs() < 1e-12, "{piece}");
    }
    let again = sandbox.ok(&["attribute", &plain, "-k", "2"]);
    assert!(again.stderr.contains("reused results/grads/my/plain_attribution.json"), "{}", again.stderr);
    assert!(again.stdout.contains("piece 1") && again.stdout.contains("class part"), "{}", again.stdout);
    // Another number of vectors, or another rise, is another question.
    let other = sandbox.ok(&["attribute", &plain, "-k", "2", "--rise", "0.01"]);
    assert!(other.stderr.contains("attributed in"), "{}", other.stderr);
}

#[test]
fn losses_without_class_structure_still_have_pieces_of_the_boundary() {
    let sandbox = Sandbox::new();
    let config = changed(&[("/loss", json!("mse")), ("/optimizer/args/lr", json!(0.1))]);
    let run = sandbox.ok(&["attribute", &sandbox.config("mse", &config)]);
    assert!(run.stdout.contains("classes      not told apart: the loss is mse"), "{}", run.stdout);
    let record = sandbox.ok(&["attribute", "my/mse.json", "--json"]).stdout;
    let record: Value = serde_json::from_str(&record).unwrap();
    assert_eq!(record["spectra"], Value::Null);
    assert!(!record["pieces"].as_array().unwrap().is_empty(), "three blobs have a boundary");
}

#[test]
fn a_rise_that_is_none_is_refused() {
    let sandbox = Sandbox::new();
    for rise in ["0", "-1", "nan", "much"] {
        let run = sandbox.run(&["attribute", "gauss/normal_training", &format!("--rise={rise}")]);
        assert_eq!(run.code, 2);
        assert!(run.stderr.contains("expected a rise of the loss above 0"), "{}", run.stderr);
    }
}

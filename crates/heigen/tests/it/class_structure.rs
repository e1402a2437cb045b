//! The Gauss-Newton matrix taken apart by classes, against matrices formed by NumPy and PyTorch
//! (`tests/fixtures/make_class_structure.py`).

use heigen::config::{Activation, LossKind};
use heigen::curvature::{ClassShares, ClassStructure, ClassStructureError, GaussNewton, Problem, SymmetricOperator};
use heigen::linalg::Matrix;
use heigen::model::Network;
use heigen::vocabulary::{LossArgs, Targets};
use serde_json::{Value, json};

const TOLERANCE: f64 = 1e-12;

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

fn cases() -> Vec<Value> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/class_structure.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Calls `f` with the problem of a case.
fn with_problem<R>(case: &Value, loss: LossKind, f: impl FnOnce(&Problem<'_, f64>) -> R) -> R {
    let classes = case["classes"].as_u64().unwrap() as usize;
    let network = Network::fully_connected(&[2, 6, classes], Activation::Tanh).unwrap();
    let x: Vec<f64> = case["x"].as_array().unwrap().iter().flat_map(numbers).collect();
    let labels = case["y"].as_array().unwrap().iter().map(|y| y.as_u64().unwrap() as usize).collect();
    let args: LossArgs = match &case["weights"] {
        Value::Null => LossArgs::default(),
        weights => serde_json::from_value(json!({"weight": weights, "label_smoothing": case["smoothing"]})).unwrap(),
    };
    let x = Matrix { rows: 2, columns: x.len() / 2, data: x };
    let objective = args.objective(loss);
    f(&Problem::at(&network, numbers(&case["theta"]), x, Targets::Classes(labels), objective).unwrap())
}

fn close(got: f64, wanted: f64, scale: f64, what: &str) {
    assert!((got - wanted).abs() <= TOLERANCE * scale, "{what}: {got} against {wanted}");
}

#[test]
fn parts_of_the_gauss_newton_matrix_are_numpys() {
    for case in cases() {
        let name = case["name"].as_str().unwrap();
        let largest = case["largest"].as_f64().unwrap();
        with_problem(&case, LossKind::CrossEntropy, |problem| {
            let structure = ClassStructure::of(problem).unwrap();
            let spectra = structure.spectra().unwrap();
            for (got, wanted) in [(&spectra.class, "class_spectrum"), (&spectra.cross, "cross_spectrum")] {
                let wanted = numbers(&case[wanted]);
                let (zeros, got) = got.split_at(got.len() - wanted.len());
                zeros.iter().for_each(|zero| close(*zero, 0.0, largest, name));
                got.iter().zip(&wanted).for_each(|(got, wanted)| close(*got, *wanted, largest, name));
            }
            let vectors: Vec<f64> = case["vectors"].as_array().unwrap().iter().flat_map(numbers).collect();
            let vectors = Matrix { rows: problem.n_params(), columns: 3, data: vectors };
            let products = GaussNewton(problem).product(&vectors).unwrap();
            let found = structure.shares(&vectors).unwrap();
            assert_eq!(found.len(), 3);
            for (j, (got, wanted)) in found.iter().zip(case["shares"].as_array().unwrap()).enumerate() {
                let ClassShares { total, class, cross, within, own, pairs, in_class_means } = got;
                let scale = 4.0 * largest;
                for (key, got) in
                    [("total", total), ("class", class), ("cross", cross), ("within", within), ("own", own)]
                {
                    close(*got, wanted[key].as_f64().unwrap(), scale, &format!("{name}, vector {j}, {key}"));
                }
                close(*in_class_means, wanted["in_class_means"].as_f64().unwrap(), 1e2, name);
                let wanted: Vec<f64> = wanted["pairs"].as_array().unwrap().iter().flat_map(numbers).collect();
                for (got, wanted) in pairs.iter().flatten().zip(&wanted) {
                    close(*got, *wanted, scale, name);
                }
                // Identities: the parts, and the pairs, add up to v^T G v.
                let quadratic = vectors.column(j).iter().zip(products.column(j)).map(|(a, b)| a * b).sum();
                close(class + cross + within + own, quadratic, scale, name);
                close(pairs.iter().flatten().sum(), quadratic, scale, name);
            }
            if case["weights"].is_null() {
                close(structure.pair_weights().data.iter().sum(), 1.0, 1.0, name);
            }
            // The mean gradient of a class as it is labelled is that of all other labels, turned around: w_cc g_cc = -w_c g_c.
            let (weights, means) = (structure.pair_weights(), structure.pair_means());
            let classes = structure.n_classes();
            for c in 0..classes {
                for i in 0..problem.n_params() {
                    let sum: f64 = (0..classes).map(|d| weights.column(c)[d] * means.column(c * classes + d)[i]).sum();
                    close(sum, 0.0, 1.0, name);
                }
            }
        });
    }
}

#[test]
fn other_losses_have_no_class_structure() {
    let case = &cases()[0];
    with_problem(case, LossKind::Mse, |problem| {
        let refused = ClassStructure::of(problem).unwrap_err();
        assert_eq!(refused, ClassStructureError::NotCrossEntropy(LossKind::Mse));
        assert!(refused.to_string().contains("mse"), "{refused}");
    });
}

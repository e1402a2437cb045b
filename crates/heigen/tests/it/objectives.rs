//! Objectives with options and statistics of the batch, against float64 PyTorch (`tests/fixtures/make_objectives.py`).

use heigen::analysis::{Cause, by_layer, layer_groups, likely_causes, named_groups};
use heigen::curvature::{
    Batched, EmpiricalFisher, ExampleLabels, FunctionalRemainder, GaussNewton, Hessian, Host, Method, OperatorKind,
    Problem, Restricted, Spectrum, SymmetricOperator, TopKOptions, Which, dense, named_parameters, spectrum, top_k,
};
use heigen::linalg::Matrix;
use heigen::model::{Network, predict};
use heigen::vocabulary::{Decay, LossKind, ModelSpec, Objective, Reduction, Sequential};
use serde_json::Value;
use std::num::NonZeroUsize;

/// One case of the fixture.
struct Case {
    name: String,
    network: Network,
    objective: Objective,
    batch: Option<NonZeroUsize>,
    theta: Vec<f64>,
    x: Matrix<f64>,
    y: Vec<usize>,
    oracle: Value,
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

fn indices(value: &Value) -> Vec<usize> {
    value.as_array().unwrap().iter().map(|v| v.as_u64().unwrap() as usize).collect()
}

impl Case {
    fn of(oracle: Value) -> Self {
        let layers = serde_json::json!({ "layers": oracle["layers"] }).to_string();
        let spec = ModelSpec::Sequential(Sequential::parse(&layers, "test").unwrap());
        let network = Network::build(&spec, 2, 3).unwrap();
        let loss = if oracle["loss"] == "mse" { LossKind::Mse } else { LossKind::CrossEntropy };
        let (mu, only) = (oracle["mu"].as_f64().unwrap(), oracle["only"].as_str().unwrap());
        let only = if only.is_empty() { vec![] } else { vec![only.to_owned()] };
        let objective = Objective {
            smoothing: oracle["smoothing"].as_f64().unwrap(),
            reduction: if oracle["reduction"] == "sum" { Reduction::Sum } else { Reduction::Mean },
            decay: Some(Decay { mu, only }),
            ..loss.into()
        };
        let batch = oracle["batch"].as_u64().and_then(|b| NonZeroUsize::new(b as usize));
        let y = indices(&oracle["y"]);
        let x = Matrix { data: numbers(&oracle["x"]), rows: 2, columns: y.len() };
        let (name, theta) = (oracle["name"].as_str().unwrap().to_owned(), numbers(&oracle["theta"]));
        Self { name, network, objective, batch, theta, x, y, oracle }
    }

    fn problem(&self) -> Problem<'_, f64> {
        let (theta, objective) = (self.theta.clone(), self.objective.clone());
        let problem = Problem::at(&self.network, theta, self.x.clone(), self.y.clone(), objective).unwrap();
        match self.batch {
            Some(size) => problem.in_batches(size),
            None => problem,
        }
    }
}

fn cases() -> Vec<Case> {
    let text = include_str!("../../../../tests/fixtures/objectives.json");
    let all: Vec<Value> = serde_json::from_str(text).unwrap();
    all.into_iter().map(Case::of).collect()
}

fn close(got: &[f64], wanted: &[f64], what: &str) {
    assert_eq!(got.len(), wanted.len(), "{what}");
    let scale = wanted.iter().fold(1.0f64, |m, w| m.max(w.abs()));
    for (i, (g, w)) in got.iter().zip(wanted).enumerate() {
        assert!((g - w).abs() < 1e-12 * scale, "{what}, number {i}: {g} instead of {w}");
    }
}

fn of(operator: &dyn SymmetricOperator<Host<f64>>, method: Method) -> Spectrum<Matrix<f64>> {
    spectrum(operator, method, 1e9, &mut ()).unwrap()
}

/// Eigenvalues, the certificate's traces and the eigenvectors in their places.
fn whole(operator: &dyn SymmetricOperator<Host<f64>>, method: Method, wanted: &Value, what: &str) {
    let wanted = numbers(wanted);
    let mut found = of(operator, method);
    close(&found.eigenvalues, &wanted, what);
    let trace: f64 = wanted.iter().sum();
    close(&[found.certificate.trace_eigenvalues], &[trace], &format!("{what}, trace"));
    close(
        &found.certificate.trace_exact.map_or(vec![], |t| vec![t]),
        &found.certificate.trace_exact.map_or(vec![], |_| vec![trace]),
        &format!("{what}, exact trace"),
    );
    for completed in [false, true] {
        if completed {
            found.complete().unwrap();
            assert_eq!(found.eigenvectors.columns, wanted.len(), "{what}");
        }
        let products = operator.product(&found.eigenvectors).unwrap();
        for (c, &place) in found.places.iter().enumerate() {
            let scaled: Vec<f64> = found.eigenvectors.column(c).iter().map(|v| found.eigenvalues[place] * v).collect();
            for (got, wanted) in products.column(c).iter().zip(&scaled) {
                assert!((got - wanted).abs() < 1e-10, "{what}, eigenvector {c}, completed: {completed}");
            }
        }
    }
}

#[test]
fn loss_gradient_and_matrices_are_those_of_pytorch() {
    for case in cases() {
        let (problem, oracle) = (case.problem(), &case.oracle);
        close(&[problem.loss()], &[oracle["value"].as_f64().unwrap()], &case.name);
        close(&problem.gradient(), &numbers(&oracle["gradient"]), &case.name);
        if let Some(batch_size) = case.batch {
            let batched = Batched { problem: &problem, kind: OperatorKind::Hessian, batch_size };
            whole(&batched, Method::Dense, &oracle["hessian"], &case.name);
            continue;
        }
        whole(&Hessian(&problem), Method::Dense, &oracle["hessian"], &case.name);
        whole(&Hessian(&problem), Method::Auto, &oracle["hessian"], &case.name);
        let top = top_k(&Hessian(&problem), 3, Which::BothEnds, &TopKOptions::default()).unwrap().eigenvalues;
        let wanted = numbers(&oracle["hessian"]);
        for (got, wanted) in top.iter().zip([wanted[wanted.len() - 1], wanted[wanted.len() - 2], wanted[0]]) {
            assert!((got - wanted).abs() < 1e-7 * top[0].abs(), "{}: {top:?}", case.name);
        }
        for (operator, key) in [
            (&GaussNewton(&problem) as &dyn SymmetricOperator<Host<f64>>, "ggn"),
            (&EmpiricalFisher(&problem), "fisher"),
            (&FunctionalRemainder(&problem), "remainder"),
        ] {
            if !oracle[key].is_null() {
                whole(operator, Method::Dense, &oracle[key], &format!("{}, {key}", case.name));
                whole(operator, Method::Auto, &oracle[key], &format!("{}, {key}", case.name));
            }
        }
    }
}

#[test]
fn weight_decay_leaves_the_exact_way_open() {
    let mut ways = 0;
    for case in cases().iter().filter(|case| case.name.contains("decay") && case.batch.is_none()) {
        let problem = case.problem();
        whole(&Hessian(&problem), Method::Exact, &case.oracle["hessian"], &case.name);
        whole(&GaussNewton(&problem), Method::Exact, &case.oracle["ggn"], &case.name);
        let found = of(&Hessian(&problem), Method::Exact);
        ways += usize::from(found.method == Method::Exact && found.on_complement.is_some());
        // A block, of which only a part decays.
        let tensors = named_parameters(case.network.layout(), &["0.bias", "2"]).unwrap();
        let block = Restricted::new(Hessian(&problem), tensors).unwrap();
        let (exact, full) = (of(&block, Method::Exact), of(&block, Method::Dense));
        close(&exact.eigenvalues, &full.eigenvalues, &case.name);
    }
    assert!(ways >= 3, "{ways}");
}

#[test]
fn gradients_match_central_differences_of_the_objective() {
    for case in cases() {
        let gradient = case.problem().gradient();
        for (i, g) in gradient.iter().enumerate() {
            let moved = |h: f64| {
                let mut theta = case.theta.clone();
                theta[i] += h;
                Case {
                    theta,
                    network: case.network.clone(),
                    objective: case.objective.clone(),
                    name: String::new(),
                    x: case.x.clone(),
                    y: case.y.clone(),
                    oracle: Value::Null,
                    ..case
                }
                .problem()
                .loss()
            };
            let difference = (moved(1e-6) - moved(-1e-6)) / 2e-6;
            assert!((g - difference).abs() < 1e-8, "{}, {i}: {g} {difference}", case.name);
        }
    }
}

#[test]
fn samples_under_batch_statistics_were_taken_as_batches_of_one() {
    for case in cases().iter().filter(|case| case.network.couples_samples()) {
        let (problem, oracle) = (case.problem(), &case.oracle);
        let gradients = problem.example_gradients(&ExampleLabels::True);
        for (n, wanted) in oracle["gradients"].as_array().unwrap().iter().enumerate() {
            close(gradients.column(n), &numbers(wanted), &format!("{}, sample {n}", case.name));
        }
        assert_eq!(predict(&problem.classifier().outputs(&case.theta, &case.x)), indices(&oracle["predicted"]));
        // An input that is no sample goes through the statistics of the samples.
        let input = Matrix::from_fn(2, 1, |i, _| case.x.column(3)[i] + 0.5);
        let outputs = problem.classifier().outputs(&case.theta, &input);
        close(&outputs.data, &numbers(&oracle["held_outputs"]), &case.name);
        // Every way to alignments agrees with the gradients: at once, one by one, and for a choice of the samples.
        let direction = Matrix::from_fn(case.theta.len(), 1, |i, _| (i as f64).sin());
        let norm = |g: &[f64]| g.iter().map(|x| x * x).sum::<f64>().sqrt();
        let wanted: Vec<f64> = gradients
            .iter_columns()
            .map(|g| g.iter().zip(&direction.data).map(|(a, b)| a * b).sum::<f64>() / norm(g))
            .collect();
        let got = problem.alignments_at(problem.inputs(), &ExampleLabels::True, &direction);
        close(&got.data, &wanted, &case.name);
        let each = problem.alignment_gradients_at(problem.inputs(), &ExampleLabels::True, &direction.data);
        close(&each.alignments, &wanted, &case.name);
        let some = problem.of_samples(&[7, 2]).unwrap();
        let got = some.alignments_at(some.inputs(), &ExampleLabels::True, &direction);
        close(&got.data, &[wanted[7], wanted[2]], &case.name);
    }
}

#[test]
fn the_loss_of_mini_batches_was_that_of_the_whole_batch() {
    let cases = cases();
    let find = |name: &str| cases.iter().find(|case| case.name == name).unwrap();
    let case = find("mini-batches");
    let apart = Problem::at(&case.network, case.theta.clone(), case.x.clone(), case.y.clone(), LossKind::CrossEntropy);
    let together = apart.unwrap().loss();
    assert!((case.problem().loss() - together).abs() > 1e-3);
    // Where samples do not depend on each other, mini-batches change nothing, to the bit.
    let plain = find("plain");
    let problem = plain.problem().in_batches(NonZeroUsize::new(3).unwrap());
    assert_eq!(problem.loss().to_bits(), plain.problem().loss().to_bits());
    assert_eq!(problem.gradient(), plain.problem().gradient());
}

#[test]
fn a_loss_of_zero_was_minus_zero() {
    let network = Network::fully_connected(&[1, 2], heigen::config::Activation::Relu).unwrap();
    let x = Matrix { data: vec![1.0], rows: 1, columns: 1 };
    let problem = Problem::at(&network, vec![1e3, -1e3, 0.0, 0.0], x, vec![0], LossKind::CrossEntropy).unwrap();
    assert_eq!(problem.loss().to_bits(), 0.0f64.to_bits());
}

#[test]
fn what_cannot_decay_is_named() {
    let case = &cases()[0];
    let at = |objective: Objective| {
        Problem::at(&case.network, case.theta.clone(), case.x.clone(), case.y.clone(), objective)
            .unwrap_err()
            .to_string()
    };
    let plain: Objective = LossKind::CrossEntropy.into();
    let decay = Some(Decay { mu: 0.1, only: vec!["fc9".into()] });
    let error = at(Objective { decay, ..plain.clone() });
    assert!(
        error.starts_with("the parameters that decay: the network has no layer or tensor `fc9`; it has `0.weight`"),
        "{error}"
    );
    assert!(at(Objective { class_weights: Some(vec![1.0; 2]), ..plain }).contains("has 2 numbers; expected 3"));
}

#[test]
fn a_matrix_without_a_nonzero_entry_was_certified_as_rounding() {
    // The block of one layer of a piecewise-linear network has no functional remainder. Behind a log-softmax its products
    // are sums that cancel.
    let relu = &cases()[2];
    let text = r#"{"layers": [{"type": "linear", "out_features": 12}, {"type": "relu"}, {"type": "linear", "out_features": 3},
        {"type": "log_softmax"}]}"#;
    let spec = ModelSpec::Sequential(Sequential::parse(text, "test").unwrap());
    let network = Network::build(&spec, 2, 3).unwrap();
    let problem = Problem::at(&network, relu.theta.clone(), relu.x.clone(), relu.y.clone(), LossKind::Nll).unwrap();
    let layer = named_parameters(network.layout(), &["0"]).unwrap();
    let block = Restricted::new(FunctionalRemainder(&problem), layer).unwrap();
    let full = dense(&block, &mut ()).unwrap();
    assert!(full.data.iter().any(|&entry| entry != 0.0), "rounding left no trace, so that this tests nothing");
    for method in [Method::Auto, Method::Exact, Method::Dense] {
        let mut found = of(&block, method);
        assert!(found.certificate.vanishes, "{method:?}: {:?}", found.certificate);
        assert_eq!((found.rank(), found.lambda_max(), found.places.len()), (0, 0.0, 0));
        assert!(found.eigenvalues.iter().all(|l| l.to_bits() == 0));
        found.complete().unwrap();
        assert_eq!(found.eigenvectors.columns, found.eigenvalues.len());
    }
    // The whole remainder is no rounding.
    assert!(!of(&FunctionalRemainder(&problem), Method::Dense).certificate.vanishes);
}

#[test]
fn the_table_by_layer_is_that_of_blocks_of_the_hessian() {
    for case in cases().iter().filter(|case| case.batch.is_none()) {
        let problem = case.problem();
        let groups = layer_groups(case.network.layout()).unwrap();
        let table = by_layer(&Hessian(&problem), &problem.gradient(), &groups, &mut ()).unwrap();
        let blocks = case.oracle["blocks"].as_array().unwrap();
        assert_eq!(table.len(), blocks.len());
        let whole: f64 = blocks.iter().map(|block| block[2].as_f64().unwrap()).sum();
        for (got, block) in table.iter().zip(blocks) {
            assert_eq!(
                (got.name.as_str(), got.n_params as u64),
                (block[0].as_str().unwrap(), block[1].as_u64().unwrap())
            );
            let wanted: Vec<f64> = (2..6).map(|i| block[i].as_f64().unwrap()).collect();
            close(&[got.trace, got.lambda_max, got.lambda_min, got.grad_norm], &wanted, &case.name);
            close(&[got.share.unwrap()], &[wanted[0] / whole], &case.name);
        }
    }
    // Groups of one's own, which do not hold every parameter.
    let case = &cases()[0];
    let problem = case.problem();
    let groups = named_groups(case.network.layout(), &["re:bias$", "2.weight"]).unwrap();
    let table = by_layer(&Hessian(&problem), &problem.gradient(), &groups, &mut ()).unwrap();
    assert_eq!((table[0].n_params, table[1].n_params), (7, 12));
    let whole: f64 = numbers(&case.oracle["hessian"]).iter().sum();
    assert!((table[1].share.unwrap() - table[1].trace / whole).abs() < 1e-10);
}

#[test]
fn a_layer_that_is_not_written_out_has_its_ends_by_lanczos() {
    let network = Network::fully_connected(&[30, 40, 3], heigen::config::Activation::Tanh).unwrap();
    let theta: Vec<f64> = (0..network.n_params()).map(|i| 0.3 * (i as f64 * 2.399).sin()).collect();
    let x = Matrix::from_fn(30, 20, |i, j| (i as f64 * 1.3 + j as f64 * 0.7).cos());
    let labels: Vec<_> = (0..20).map(|n| n % 3).collect();
    let problem = Problem::at(&network, theta, x, labels, LossKind::CrossEntropy).unwrap();
    let groups = layer_groups(network.layout()).unwrap();
    let table = by_layer(&Hessian(&problem), &problem.gradient(), &groups, &mut ()).unwrap();
    assert_eq!((table[0].n_params, table[1].n_params), (1_240, 123));
    let block = Restricted::new(Hessian(&problem), groups[0].parameters.clone()).unwrap();
    let wanted = of(&block, Method::Dense);
    let scale = wanted.scale();
    assert!((table[0].lambda_max - wanted.lambda_max()).abs() < 1e-7 * scale && table[0].residual > 0.0);
    assert!((table[0].lambda_min - wanted.eigenvalues[0]).abs() < 1e-7 * scale);
    assert!((table[0].trace - wanted.trace()).abs() < 4.0 * table[0].trace_standard_error + 1e-9 * scale);
}

#[test]
fn what_the_training_had_and_the_analysis_lacks_is_found_by_trying() {
    let all: Vec<Value> = serde_json::from_str(include_str!("../../../../tests/fixtures/minima.json")).unwrap();
    for case in all {
        let spec = serde_json::json!({ "layers": case["layers"] }).to_string();
        let network = Network::build(&ModelSpec::Sequential(Sequential::parse(&spec, "test").unwrap()), 2, 3).unwrap();
        let x = Matrix { data: numbers(&case["x"]), rows: 2, columns: 60 };
        let problem =
            Problem::at(&network, numbers(&case["theta"]), x, indices(&case["y"]), LossKind::CrossEntropy).unwrap();
        let causes = likely_causes(&problem);
        let first = &causes.first().unwrap_or_else(|| panic!("{}: no cause", case["name"])).cause;
        let right = match (case["name"].as_str().unwrap(), first) {
            ("weight decay", Cause::WeightDecay(mu)) => (mu - 0.01).abs() < 1e-6,
            ("label smoothing", Cause::LabelSmoothing(s)) => (s - 0.15).abs() < 0.02,
            ("squared error", Cause::Loss(loss)) => *loss == LossKind::Mse,
            ("standardisation", Cause::Standardization) => true,
            ("order of classes", Cause::ClassOrder(order)) => *order == [2, 0, 1],
            _ => false,
        };
        assert!(right, "{}: {causes:?}", case["name"]);
    }
    // At a minimum there is nothing to find.
    let all: Vec<Value> = serde_json::from_str(include_str!("../../../../tests/fixtures/minima.json")).unwrap();
    let case = &all[0];
    let spec = serde_json::json!({ "layers": case["layers"] }).to_string();
    let network = Network::build(&ModelSpec::Sequential(Sequential::parse(&spec, "test").unwrap()), 2, 3).unwrap();
    let x = Matrix { data: numbers(&case["x"]), rows: 2, columns: 60 };
    let objective = Objective { decay: Some(Decay::of_all(0.01)), ..LossKind::CrossEntropy.into() };
    let problem = Problem::at(&network, numbers(&case["theta"]), x, indices(&case["y"]), objective).unwrap();
    assert_eq!(likely_causes(&problem), []);
}

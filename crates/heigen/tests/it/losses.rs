//! Every loss with its options against float64 PyTorch (`tests/fixtures/make_losses.py`), and identities that hold for all.

use heigen::analysis::likely_causes;
use heigen::curvature::{
    Batched, EmpiricalFisher, ExampleLabels, FunctionalRemainder, GaussNewton, Hessian, Host, Method, OperatorKind,
    Problem, SymmetricOperator, dense, spectrum,
};
use heigen::linalg::{Matrix, Scalar};
use heigen::model::Network;
use heigen::vocabulary::{LossArgs, LossKind, ModelSpec, Objective, PositionLayout, Reduction, Sequential, Targets};
use serde_json::Value;
use std::num::NonZeroUsize;

/// One case of the fixture.
struct Case {
    name: String,
    network: Network,
    objective: Objective,
    theta: Vec<f64>,
    x: Matrix<f64>,
    targets: Targets,
    oracle: Value,
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

/// Labels as PyTorch has them; those that are no classes are ignored ones.
fn labels(value: &Value) -> Vec<usize> {
    let of = |v: &Value| usize::try_from(v.as_i64().unwrap()).unwrap_or(Targets::IGNORED);
    value.as_array().unwrap().iter().map(of).collect()
}

impl Case {
    fn of(oracle: Value) -> Self {
        let layers = serde_json::json!({ "layers": oracle["layers"] }).to_string();
        let spec = ModelSpec::Sequential(Sequential::parse(&layers, "test").unwrap());
        let network = Network::build(&spec, 2, oracle["outputs"].as_u64().unwrap() as usize).unwrap();
        let loss = LossKind::from_name(oracle["loss"].as_str().unwrap()).unwrap();
        let args: LossArgs = serde_json::from_value(oracle["args"].clone()).unwrap();
        args.check(loss).unwrap();
        let given = &oracle["targets"];
        let targets = match oracle["form"].as_str().unwrap() {
            "classes" => Targets::Classes(labels(given)),
            "real" => Targets::Real { values: numbers(given), outputs: oracle["numbers"].as_u64().unwrap() as usize },
            _ => Targets::Positions {
                classes: labels(given),
                positions: oracle["positions"].as_u64().unwrap() as usize,
                layout: serde_json::from_value(oracle["layout"].clone()).unwrap(),
            },
        };
        let x = numbers(&oracle["x"]);
        let x = Matrix { columns: x.len() / 2, data: x, rows: 2 };
        let name = oracle["name"].as_str().unwrap().to_owned();
        Self { name, network, objective: args.objective(loss), theta: numbers(&oracle["theta"]), x, targets, oracle }
    }

    fn problem(&self) -> Problem<'_, f64> {
        let (theta, objective) = (self.theta.clone(), self.objective.clone());
        Problem::at(&self.network, theta, self.x.clone(), self.targets.clone(), objective).unwrap()
    }
}

fn cases() -> Vec<Case> {
    let text = include_str!("../../../../tests/fixtures/losses.json");
    let all: Vec<Value> = serde_json::from_str(text).unwrap();
    all.into_iter().map(Case::of).collect()
}

fn close(got: &[f64], wanted: &[f64], what: &str) {
    assert_eq!(got.len(), wanted.len(), "{what}");
    let scale = wanted.iter().fold(1e-3f64, |m, w| m.max(w.abs()));
    for (i, (g, w)) in got.iter().zip(wanted).enumerate() {
        assert!((g - w).abs() < 2e-12 * scale, "{what}, number {i}: {g} instead of {w}");
    }
}

fn eigenvalues(operator: &dyn SymmetricOperator<Host<f64>>, method: Method) -> Vec<f64> {
    spectrum(operator, method, 1e9, &mut ()).unwrap().eigenvalues
}

#[test]
fn value_gradient_and_matrices_are_those_of_pytorch() {
    let mut traces = 0;
    for case in cases() {
        let (problem, oracle, name) = (case.problem(), &case.oracle, &case.name);
        close(&[problem.loss()], &[oracle["value"].as_f64().unwrap()], name);
        close(&problem.gradient(), &numbers(&oracle["gradient"]), name);
        for (operator, key) in [
            (&Hessian(&problem) as &dyn SymmetricOperator<Host<f64>>, "hessian"),
            (&GaussNewton(&problem), "ggn"),
            (&EmpiricalFisher(&problem), "fisher"),
        ] {
            let wanted = numbers(&oracle[key]);
            for method in [Method::Dense, Method::Exact, Method::Auto] {
                close(&eigenvalues(operator, method), &wanted, &format!("{name}, {key} {method:?}"));
            }
            if let Some(trace) = operator.exact_trace() {
                traces += 1;
                // Eigenvalues cancel in the trace of a matrix whose diagonal is zero.
                let (sum, size): (f64, f64) = (wanted.iter().sum(), wanted.iter().map(|l| l.abs()).sum());
                assert!((trace - sum).abs() < 1e-12 * (1.0 + size), "{name}, trace of {key}: {trace}, {sum}");
            }
        }
    }
    assert!(traces > 100, "{traces}");
}

#[test]
fn the_hessian_is_gauss_newton_and_the_remainder() {
    for case in cases() {
        let problem = case.problem();
        let whole = dense(&Hessian(&problem), &mut ()).unwrap();
        let [ggn, rest] =
            [dense(&GaussNewton(&problem), &mut ()).unwrap(), dense(&FunctionalRemainder(&problem), &mut ()).unwrap()];
        let sum: Vec<f64> = ggn.data.iter().zip(&rest.data).map(|(g, r)| g + r).collect();
        close(&sum, &whole.data, &case.name);
        if let Some(trace) = FunctionalRemainder(&problem).exact_trace() {
            let own: f64 = (0..rest.rows).map(|i| rest.column(i)[i]).sum();
            assert!((trace - own).abs() < 1e-12, "{}", case.name);
        }
    }
}

/// Batches whose targets were mostly ignored counted as much as all others.
#[test]
fn mini_batches_with_few_targets_have_no_more_weight_than_their_targets() {
    for case in cases() {
        let problem = case.problem();
        for batch_size in [1, 2, 3].map(|size| NonZeroUsize::new(size).unwrap()) {
            for (kind, key) in [
                (OperatorKind::Hessian, "hessian"),
                (OperatorKind::GaussNewton, "ggn"),
                (OperatorKind::EmpiricalFisher, "fisher"),
            ] {
                let batched = Batched { problem: &problem, kind, batch_size };
                let found = eigenvalues(&batched, Method::Dense);
                close(&found, &numbers(&case.oracle[key]), &format!("{}, {key} of batches of {batch_size}", case.name));
            }
        }
    }
}

#[test]
fn gradients_of_samples_add_up_to_that_of_the_loss() {
    for case in cases() {
        let problem = case.problem();
        let each = problem.example_gradients(&ExampleLabels::True);
        let gradient = problem.gradient();
        let mut sum = vec![0.0; each.rows];
        each.iter_columns().for_each(|g| sum.iter_mut().zip(g).for_each(|(sum, g)| *sum += g));
        // They have a common divisor, the loss's own count.
        let largest = (0..sum.len()).max_by(|&a, &b| gradient[a].abs().total_cmp(&gradient[b].abs())).unwrap();
        let divisor = sum[largest] / gradient[largest];
        let scaled: Vec<f64> = sum.iter().map(|s| s / divisor).collect();
        close(&scaled, &gradient, &case.name);
        if case.objective.reduction == Reduction::Sum {
            assert!((divisor - 1.0).abs() < 1e-12, "{}", case.name);
        }
        // Predictions have the form of the targets, and nothing of any case is undefined.
        let predicted = problem.example_gradients(&ExampleLabels::Predicted);
        assert!(predicted.data.iter().all(|g| g.is_finite()), "{}", case.name);
        assert_eq!(problem.accuracy().is_some(), !matches!(case.targets, Targets::Real { .. }), "{}", case.name);
        assert!(likely_causes(&problem).iter().all(|cause| cause.grad_norm.is_finite()), "{}", case.name);
    }
}

#[test]
fn float32_says_the_same_to_its_digits() {
    fn of<T: Scalar>(case: &Case) -> (f64, Vec<f64>) {
        let wide = |v: &[f64]| v.iter().map(|&v| T::from_f64(v)).collect::<Vec<T>>();
        let x = Matrix { data: wide(&case.x.data), rows: 2, columns: case.x.columns };
        let problem =
            Problem::at(&case.network, wide(&case.theta), x, case.targets.clone(), case.objective.clone()).unwrap();
        (problem.loss(), dense(&Hessian(&problem), &mut ()).unwrap().data.iter().map(|v| v.to_f64()).collect())
    }
    for case in cases() {
        let ((loss, hessian), (single, matrix)) = (of::<f64>(&case), of::<f32>(&case));
        assert!((loss - single).abs() < 1e-5 * (1.0 + loss.abs()), "{}: {loss} {single}", case.name);
        let scale = hessian.iter().fold(1.0f64, |m, h| m.max(h.abs()));
        assert!(hessian.iter().zip(&matrix).all(|(a, b)| (a - b).abs() < 1e-4 * scale), "{}", case.name);
    }
}

/// A network of one logit had no class 1, so that labels 1 were refused.
#[test]
fn one_logit_tells_two_classes() {
    for case in cases().iter().filter(|case| case.name.starts_with("one logit")) {
        let problem = case.problem();
        let labels = problem.classes().unwrap();
        assert_eq!((problem.network().n_outputs(), labels.len()), (2, 7));
        let logits = case.network.outputs(&case.theta, &case.x);
        let right = logits.data.iter().zip(labels).filter(|&(&z, &y)| usize::from(z > 0.0) == y).count();
        assert_eq!(problem.accuracy(), Some(right as f64 / 7.0));
        // A network that has the two logits already is the same problem.
        let two = case.network.with_binary_logits().unwrap();
        let same = Problem::at(&two, case.theta.clone(), case.x.clone(), case.targets.clone(), case.objective.clone());
        assert_eq!(same.unwrap().gradient(), problem.gradient());
        // Only some samples, of one class.
        let ones = problem.of_classes(&[1]).unwrap();
        assert!(ones.n_samples() < 7 && ones.loss().is_finite());
    }
}

#[test]
fn what_does_not_fit_is_refused_by_name() {
    let network = Network::fully_connected(&[1, 2], heigen::vocabulary::Activation::Relu).unwrap();
    let x = Matrix { data: vec![1.0, 2.0], rows: 1, columns: 2 };
    let of = |targets: Targets, objective: Objective| {
        Problem::at(&network, vec![0.5, -0.5, 0.1, -0.2], x.clone(), targets, objective).unwrap_err().to_string()
    };
    let ignored = Objective { ignore_index: Some(1), ..LossKind::CrossEntropy.into() };
    assert!(of(vec![1, 1].into(), ignored.clone()).starts_with("all targets are ignored"));
    assert!(of(vec![0, 7].into(), ignored).contains("label 7"));
    let numbers = |outputs| Targets::Real { values: vec![0.5; 2 * outputs], outputs };
    assert!(of(numbers(1), LossKind::Mse.into()).contains("targets of 1 numbers need 1"));
    assert!(of(numbers(1), LossKind::GaussianNll.into()).contains("variance of sample 0"));
    assert!(of(numbers(2), LossKind::Nll.into()).contains("takes no targets that are real numbers"));
    assert!(of(vec![0, 1].into(), LossKind::GaussianNll.into()).contains("expected real numbers"));
    let positions = Targets::Positions { classes: vec![0; 6], positions: 3, layout: PositionLayout::ClassesLast };
    assert!(of(positions, LossKind::CrossEntropy.into()).contains("multiple of 3"));
    let zero = Objective { class_weights: Some(vec![0.0, 1.0]), ..LossKind::CrossEntropy.into() };
    assert!(of(vec![0, 0].into(), zero).contains("weight 0"));
}

#[test]
fn choices_of_samples_keep_their_targets() {
    for case in cases() {
        let problem = case.problem();
        let chosen = problem.of_samples(&[2, 0]).unwrap();
        let x = Matrix::from_fn(2, 2, |i, j| case.x.column([2, 0][j])[i]);
        let targets = case.targets.of_samples([2, 0]);
        let alone = Problem::at(&case.network, case.theta.clone(), x, targets, case.objective.clone()).unwrap();
        assert_eq!((chosen.loss(), chosen.gradient()), (alone.loss(), alone.gradient()), "{}", case.name);
    }
    // Samples of which all targets are ignored have no mean.
    let case = cases().into_iter().find(|case| case.name == "ignored samples").unwrap();
    assert!(case.problem().of_samples(&[1, 3]).is_err());
    assert!(case.problem().classes().is_none());
}

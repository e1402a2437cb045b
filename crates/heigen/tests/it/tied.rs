//! Networks whose layers have tensors in common, against float64 PyTorch (`tests/fixtures/make_tied.py`): each such tensor is
//! one parameter.

use heigen::analysis::{by_layer, layer_groups};
use heigen::curvature::{
    EmpiricalFisher, ExampleLabels, FunctionalRemainder, GaussNewton, Hessian, Host, Method, Problem,
    SymmetricOperator, TopKOptions, Which, dense, named_parameters, spectrum, top_k,
};
use heigen::linalg::{Matrix, self_adjoint_eigen};
use heigen::model::{ModelError, Network, fresh};
use heigen::rng::TorchGenerator;
use heigen::vocabulary::{Decay, LossKind, ModelSpec, Objective, Sequential};
use serde_json::{Value, json};

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

fn network(layers: &Value, shape: &[usize]) -> Result<Network, ModelError> {
    let text = json!({ "layers": layers }).to_string();
    Network::build_for(&ModelSpec::Sequential(Sequential::parse(&text, "test").unwrap()), shape, 3)
}

/// Calls `check` with every case's name, problem and oracle.
fn each(check: impl Fn(&str, &Problem<'_, f64>, &Value)) {
    let text = include_str!("../../../../tests/fixtures/tied.json");
    let cases: Vec<Value> = serde_json::from_str(text).unwrap();
    for oracle in &cases {
        let shape: Vec<usize> = numbers(&oracle["shape"]).iter().map(|&n| n as usize).collect();
        let network = network(&oracle["layers"], &shape).unwrap();
        let loss = if oracle["loss"] == "mse" { LossKind::Mse } else { LossKind::CrossEntropy };
        let only = oracle["only"].as_str().filter(|only| !only.is_empty()).map(str::to_owned);
        let decay = Decay { mu: oracle["mu"].as_f64().unwrap(), only: only.into_iter().collect() };
        let labels: Vec<usize> = numbers(&oracle["y"]).iter().map(|&y| y as usize).collect();
        let x = Matrix { data: numbers(&oracle["x"]), rows: network.n_inputs(), columns: labels.len() };
        let objective = Objective { decay: Some(decay), ..loss.into() };
        let problem = Problem::at(&network, numbers(&oracle["theta"]), x, labels, objective).unwrap();
        check(oracle["name"].as_str().unwrap(), &problem, oracle);
    }
    assert_eq!(cases.len(), 8);
}

fn close(got: &[f64], wanted: &[f64], what: &str) {
    assert_eq!(got.len(), wanted.len(), "{what}");
    let scale = wanted.iter().fold(1.0f64, |m, w| m.max(w.abs()));
    for (i, (g, w)) in got.iter().zip(wanted).enumerate() {
        assert!((g - w).abs() < 1e-12 * scale, "{what}, number {i}: {g} instead of {w}");
    }
}

#[test]
fn a_tensor_of_two_layers_counted_twice() {
    each(|name, problem, oracle| {
        close(&[problem.loss()], &[oracle["value"].as_f64().unwrap()], name);
        close(&problem.gradient(), &numbers(&oracle["gradient"]), name);
        let operators: [(&dyn SymmetricOperator<Host<f64>>, &str); 4] = [
            (&Hessian(problem), "hessian"),
            (&GaussNewton(problem), "ggn"),
            (&EmpiricalFisher(problem), "fisher"),
            (&FunctionalRemainder(problem), "remainder"),
        ];
        for (operator, key) in operators {
            let wanted = numbers(&oracle[key]);
            // The certificate compares the traces, where the operator knows its own.
            for method in [Method::Dense, Method::Auto] {
                let what = format!("{name}, {key}, {method:?}");
                let found = spectrum(operator, method, 1e9, &mut ()).unwrap_or_else(|why| panic!("{what}: {why}"));
                close(&found.eigenvalues, &wanted, &what);
                if let Some(trace) = found.certificate.trace_exact {
                    close(&[trace], &[wanted.iter().sum()], &what);
                }
            }
        }
        let ends = top_k(&Hessian(problem), 2, Which::BothEnds, &TopKOptions::default()).unwrap().eigenvalues;
        let wanted = numbers(&oracle["hessian"]);
        let scale = wanted[wanted.len() - 1];
        assert!((ends[0] - scale).abs() + (ends[1] - wanted[0]).abs() < 1e-7 * scale, "{name}: {ends:?}");
    });
}

#[test]
fn gradients_of_single_samples_without_the_other_layers_part() {
    each(|name, problem, oracle| {
        let gradients = problem.example_gradients(&ExampleLabels::True);
        let wanted = numbers(&oracle["sample_gradients"]);
        close(&gradients.data, &wanted, name);
        // Alignments follow from these gradients, though they are computed without them, and so do their derivatives.
        let v: Vec<f64> = (0..problem.n_params()).map(|i| (i as f64 * 1.3).sin()).collect();
        let aligned = |gradients: &Matrix<f64>| -> Vec<f64> {
            let of = |g: &[f64]| {
                let norm = g.iter().map(|g| g * g).sum::<f64>().sqrt();
                g.iter().zip(&v).map(|(g, v)| g * v).sum::<f64>() / norm
            };
            gradients.iter_columns().map(of).collect()
        };
        let wanted = aligned(&gradients);
        let direction = Matrix { data: v.clone(), rows: v.len(), columns: 1 };
        close(&problem.alignments_at(problem.inputs(), &ExampleLabels::True, &direction).data, &wanted, name);
        let found = problem.alignment_gradients_at(problem.inputs(), &ExampleLabels::True, &v);
        close(&found.alignments, &wanted, name);
        let h = 1e-6;
        let (mut near, mut all) = (0, 0);
        for i in 0..problem.inputs().rows {
            let moved = |h: f64| {
                let mut x = problem.inputs().clone();
                (0..x.columns).for_each(|n| x.column_mut(n)[i] += h);
                aligned(&problem.example_gradients_at(&x, &ExampleLabels::True))
            };
            for (n, (plus, minus)) in moved(h).iter().zip(moved(-h)).enumerate() {
                all += 1;
                near += usize::from((found.gradients.column(n)[i] - (plus - minus) / (2.0 * h)).abs() < 1e-6);
            }
        }
        assert_eq!(near, all, "{name}");
    });
}

#[test]
fn names_of_a_tensor_of_several_layers_mean_one_parameter() {
    let layers = json!([
        {"type": "linear", "name": "a", "out_features": 4},
        {"type": "linear", "name": "b", "out_features": 4, "tie": {"weight": "a.weight"}},
        {"type": "linear", "name": "c", "out_features": 3},
    ]);
    let network = network(&layers, &[4]).unwrap();
    let layout = network.layout();
    assert_eq!(network.n_params(), 16 + 4 + 4 + 15);
    let names: Vec<&str> = layout.names().map(|(name, _)| name).collect();
    assert_eq!(names, ["a.weight", "a.bias", "b.weight", "b.bias", "c.weight", "c.bias"]);
    let chosen = |names: &[&str]| named_parameters(layout, names).unwrap().ranges().to_vec();
    assert_eq!(chosen(&["b"]), [0..16, 20..24]);
    assert_eq!(chosen(&["a", "b", "re:weight"]).first(), Some(&(0..36)), "once each");
    // In the table by layer it stands with the first layer that has it.
    let groups = layer_groups(layout).unwrap();
    let sizes: Vec<_> = groups.iter().map(|group| (group.name.as_str(), group.parameters.len())).collect();
    assert_eq!(sizes, [("a", 20), ("b", 4), ("c", 15)]);
    let theta: Vec<f64> = (0..39).map(|i| (i as f64).sin()).collect();
    let x = Matrix::from_fn(4, 5, |i, n| (i as f64 + 1.7 * n as f64).cos());
    let problem = Problem::at(&network, theta, x, vec![0, 1, 2, 0, 1], LossKind::CrossEntropy).unwrap();
    let table = by_layer(&Hessian(&problem), &problem.gradient(), &groups, &mut ()).unwrap();
    let whole =
        self_adjoint_eigen(&dense(&Hessian(&problem), &mut ()).unwrap()).unwrap().eigenvalues.iter().sum::<f64>();
    let sum: f64 = table.iter().map(|layer| layer.trace).sum();
    assert!(
        (sum - whole).abs() < 1e-12 * whole.abs() && (table[0].share.unwrap() - table[0].trace / whole).abs() < 1e-12
    );
}

#[test]
fn files_have_a_tied_tensor_under_one_name_or_under_several() {
    let layers = json!([
        {"type": "linear", "name": "a", "out_features": 3, "bias": false},
        {"type": "linear", "name": "b", "out_features": 3, "bias": false, "tie": {"weight": "a.weight"}},
    ]);
    let network = network(&layers, &[3]).unwrap();
    let (w, other) = ([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0], [0.0; 9]);
    let shape = &[3, 3][..];
    for names in [&["a.weight"][..], &["b.weight"], &["b.weight", "a.weight"]] {
        let tensors = names.iter().map(|name| (*name, shape, &w[..]));
        assert_eq!(network.layout().assemble(tensors).unwrap(), w, "{names:?}");
    }
    let refused = |tensors: &[(&str, &[usize], &[f64])]| {
        network.layout().assemble(tensors.iter().copied()).unwrap_err().to_string()
    };
    let message = refused(&[("a.weight", shape, &w), ("b.weight", shape, &other)]);
    assert!(message.contains("other numbers than in the tensor that it is tied to: b.weight"), "{message}");
    assert!(refused(&[]).contains("missing: a.weight;"));
    assert!(refused(&[("b.weight", &[9], &w)]).contains("wrong shape: b.weight is [9], expected [3, 3];"));
}

#[test]
fn layers_draw_before_they_are_tied() {
    let with = |tie: Value| {
        let mut layers = json!([
            {"type": "linear", "out_features": 3}, {"type": "linear", "out_features": 3}, {"type": "linear", "out_features": 3}
        ]);
        layers[1]["tie"] = tie;
        let text = json!({ "layers": layers }).to_string();
        let spec = ModelSpec::Sequential(Sequential::parse(&text, "test").unwrap());
        let network = Network::build(&spec, 3, 3).unwrap();
        fresh(&spec, &network, &mut TorchGenerator::new(5))
    };
    let (apart, tied) = (with(Value::Null), with(json!({"weight": "0.weight"})));
    assert_eq!(tied, [&apart[..12], &apart[21..]].concat());
}

#[test]
fn ties_to_what_is_not_there_are_refused_by_name() {
    let refused = |tie: Value| {
        let layers = json!([
            {"type": "linear", "name": "a", "out_features": 3},
            {"type": "linear", "name": "b", "out_features": 3, "tie": tie},
        ]);
        network(&layers, &[2]).unwrap_err().to_string()
    };
    let expected = "expected the name of a tensor of the same shape in an earlier layer";
    for (tie, wanted) in [
        (json!({"weight": "a.weight"}), "b.weight [3, 3] is tied to a.weight, which is [3, 2]"),
        (json!({"weight": "c.weight"}), "b.weight [3, 3] is tied to c.weight, which no earlier layer has"),
        (json!({"bias": "b.bias"}), "b.bias [3] is tied to b.bias, which no earlier layer has"),
    ] {
        assert_eq!(refused(tie), format!("{wanted}; {expected}"));
    }
    let parse = |layer: &str| {
        let text = format!(r#"{{"layers": [{{"type": "linear", "out_features": 3, {layer}}}]}}"#);
        Sequential::parse(&text, "arch.json").unwrap_err().to_string()
    };
    for (layer, said) in [
        (r#""tie": "a.weight""#, "an object with weight, bias"),
        (r#""tie": {"weight": 3}"#, "the name of a tensor of an earlier layer"),
        (r#""tie": {"wieght": "a.weight"}"#, "`weight`"),
        (r#""bias": false, "tie": {"bias": "a.bias"}"#, "no such key for a layer without bias"),
    ] {
        let message = parse(layer);
        assert!(message.contains(said), "{message}");
    }
}

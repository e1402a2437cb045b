//! Image networks against PyTorch.
mod common;

use common::Golden;
use common::images::{RESNET18, assert_matches, cnn_problem, cosine_direction, training_digits, wave_problem};
use heigen::config::ModelSpec;
use heigen::curvature::{Hessian, SymmetricOperator};
use heigen::linalg::Matrix;
use heigen::model::Network;

#[test]
fn lenet5_on_waves() {
    let network = Network::build(&ModelSpec::LeNet5 {}, 3072, 10).unwrap();
    assert_eq!(network.n_params(), 62_006);
    assert_matches(&wave_problem(&network, 0.15), &Golden::open("lenet5_wave"));
}

#[test]
fn resnet18_on_waves_with_the_statistics_of_the_batch() {
    let golden = Golden::open("resnet18_wave_train");
    let network = Network::build(&RESNET18, 3072, 10).unwrap();
    assert_eq!(network.n_params() as f64, golden.get("params").scalar());
    assert!(network.couples_samples());
    assert_matches(&wave_problem(&network, 0.05), &golden);
}

#[test]
fn resnet18_on_waves_with_fixed_statistics() {
    let network = Network::build(&RESNET18, 3072, 10).unwrap();
    let fresh = |name: &str| {
        let buffer = network.layout().buffers().iter().find(|b| b.name == name)?;
        Some(vec![if name.ends_with("var") { 1.0 } else { 0.0 }; buffer.shape[0]])
    };
    let network = network.with_fixed_statistics(fresh).unwrap();
    assert!(!network.couples_samples());
    assert_matches(&wave_problem(&network, 0.05), &Golden::open("resnet18_wave_eval"));
}

#[test]
fn cnn_on_digits() {
    let golden = Golden::open("mnist017_cnn");
    let network = Network::build(&ModelSpec::Cnn {}, 784, 3).unwrap();
    assert_eq!(network.n_params(), 7203);
    let data = training_digits();
    let all = cnn_problem(&network, &data);
    let wanted = golden.get("loss_all450").scalar();
    assert!((all.loss() - wanted).abs() <= 1e-9 * wanted);
    let first: Vec<usize> = (0..48).collect();
    let data = data.subset(&first);
    assert_eq!(data.labels, golden.get("y").usize());
    let problem = cnn_problem(&network, &data);
    let wanted = golden.get("logits").values;
    let scale = wanted.iter().fold(0.0f64, |m, v| m.max(v.abs()));
    for (got, wanted) in problem.outputs().data.iter().zip(&wanted) {
        assert!((got - wanted).abs() <= 1e-12 * scale, "{got} {wanted}");
    }
    let v = cosine_direction(7203);
    let mut hv = Matrix::zeros(7203, 1);
    Hessian(&problem).apply(&v, &mut hv);
    let scale = hv.data.iter().fold(0.0f64, |m, v| m.max(v.abs()));
    for (got, wanted) in hv.data.iter().zip(&golden.get("hvp_cos_head").values) {
        assert!((got - wanted).abs() <= 1e-9 * scale, "{got} {wanted}");
    }
}

//! Tests that training follows PyTorch's trajectory from the same seed.

use crate::common::Golden;
use crate::common::networks::{Case, dataset, large_case, small_cases, two_layers, weights};
use heigen::config::{Activation, BatchSize, LossKind, OptimizerSpec};
use heigen::curvature::{Hessian, Method, Problem, spectrum};
use heigen::data::{Dataset, Split};
use heigen::model::{Network, fresh};
use heigen::rng::TorchGenerator;
use heigen::train::{Parts, Training};

/// Tolerance: relative for losses, absolute for weights.
const TRAJECTORY: f64 = 1e-4;

fn sgd(lr: f64) -> OptimizerSpec {
    OptimizerSpec::Sgd { lr, momentum: 0.0, weight_decay: 0.0 }
}

/// The recipe by which make_golden.py trains each network: seed of the weights, update rule, epochs, batch size.
fn recipe(name: &str) -> (u64, OptimizerSpec, usize, usize) {
    match name {
        "intro_fnn10" => (3, sgd(0.02), 6000, 6),
        "gauss_30_hinge" => (1, sgd(0.05), 30, 64),
        "gauss_30_ce_sigmoid" => (1, sgd(0.5), 3000, 64),
        "gauss_100_ce" => (0, sgd(0.02), 2000, 64),
        _ => (1, sgd(0.05), 600, 64),
    }
}

fn all_in_training(data: &Dataset) -> Parts {
    Parts::new(data, &Split { train: (0..data.labels.len()).collect(), test: vec![], validation: vec![] })
}

fn network(case: &Case, data: &Dataset) -> Network {
    Network::build(&case.spec, data.shape.iter().product(), data.n_classes).unwrap()
}

#[test]
fn fresh_weights_are_pytorchs() {
    let case = &small_cases()[1];
    let network = Network::build(&case.spec, 2, 3).unwrap();
    let theta = fresh(&case.spec, &network, &mut TorchGenerator::new(1));
    assert_eq!(theta, weights(&network, "gauss_30_ce_init"));
}

#[test]
fn losses_and_final_eigenvalues_follow_pytorch() {
    for case in small_cases().into_iter().chain([large_case()]) {
        let golden = Golden::open(case.name);
        let data = dataset(&golden);
        let (network, parts) = (network(&case, &data), all_in_training(&data));
        let (seed, spec, epochs, batch) = recipe(case.name);
        let theta = fresh(&case.spec, &network, &mut TorchGenerator::new(seed));
        let batch = BatchSize::Samples(batch);
        let mut run = Training::new(&network, &parts, theta, case.loss, spec, None, batch, 0).unwrap();
        let losses: Vec<f64> = (0..epochs).map(|_| run.run_epoch().unwrap()).collect();
        let wanted = golden.get("train_loss_first50").values;
        for (epoch, (got, wanted)) in losses.iter().zip(&wanted).enumerate() {
            let off = (got - wanted).abs() / wanted.abs();
            assert!(off < TRAJECTORY, "{} epoch {epoch}: {got} against {wanted}", case.name);
        }
        // Compares the spectrum of the network trained here with that of the network trained by PyTorch.
        if case.name == "gauss_100_ce" {
            let last = golden.get("final_epoch_loss").scalar();
            assert!((losses[epochs - 1] / last - 1.0).abs() < 0.02, "{} against {last}", losses[epochs - 1]);
        }
        let problem: Problem<f64> = Problem::new(&network, run.theta(), &data, case.loss).unwrap();
        let spectrum = spectrum(&Hessian(&problem), Method::Auto, f64::INFINITY, &mut ()).unwrap();
        let wanted = golden.get("eigenvalues").values;
        for i in 1..=3 {
            let (got, wanted) = (spectrum.eigenvalues[wanted.len() - i], wanted[wanted.len() - i]);
            assert!((got - wanted).abs() <= 0.02 * wanted.abs(), "{} lambda_{i}: {got} against {wanted}", case.name);
        }
    }
}

#[test]
fn weights_after_40_epochs_of_momentum_and_adam_are_pytorchs() {
    let momentum = OptimizerSpec::Sgd { lr: 0.02, momentum: 0.9, weight_decay: 1e-2 };
    for (name, spec) in [("sgd", momentum), ("adam", OptimizerSpec::Adam { lr: 0.02 })] {
        let name = format!("gauss_30_after40_{name}");
        let data = dataset(&Golden::open("gauss_30_ce"));
        let case =
            Case { name: "gauss_30_ce", loss: LossKind::CrossEntropy, spec: two_layers(30, Activation::Relu, false) };
        let (network, parts) = (network(&case, &data), all_in_training(&data));
        let theta = fresh(&case.spec, &network, &mut TorchGenerator::new(1));
        let batch = BatchSize::Samples(64);
        let mut run = Training::new(&network, &parts, theta, case.loss, spec, None, batch, 0).unwrap();
        let losses: Vec<f64> = (0..40).map(|_| run.run_epoch().unwrap()).collect();
        let worst_l = losses
            .iter()
            .zip(&Golden::open(&name).get("losses").values)
            .map(|(a, b)| (a / b - 1.0).abs())
            .fold(0.0f64, f64::max);
        let worst_w = run
            .theta()
            .iter()
            .zip(&weights(&network, &name))
            .map(|(a, b)| f64::from((a - b).abs()))
            .fold(0.0f64, f64::max);
        println!("WORST {name} {worst_l:e} {worst_w:e}");
        for (i, (got, wanted)) in run.theta().iter().zip(&weights(&network, &name)).enumerate() {
            assert!(f64::from((got - wanted).abs()) < TRAJECTORY, "{name} weight {i}: {got} against {wanted}");
        }
    }
}

#[test]
fn weights_after_40_epochs_of_sharpness_aware_minimisation_are_pytorchs() {
    let golden = Golden::open("../golden_extra/gauss_30_after40_sam");
    let data = dataset(&Golden::open("gauss_30_ce"));
    let model = two_layers(30, Activation::Relu, false);
    let case = Case { name: "gauss_30_ce", loss: LossKind::CrossEntropy, spec: model };
    let (network, parts) = (network(&case, &data), all_in_training(&data));
    let theta = fresh(&case.spec, &network, &mut TorchGenerator::new(1));
    let sam = OptimizerSpec::Sam { lr: 0.02, momentum: 0.9, weight_decay: 1e-2, rho: 0.1 };
    let batch = BatchSize::Samples(64);
    let mut run = Training::new(&network, &parts, theta, case.loss, sam, None, batch, 0).unwrap();
    for (epoch, wanted) in golden.get("losses").values.iter().enumerate() {
        let got = run.run_epoch().unwrap();
        assert!((got / wanted - 1.0).abs() < TRAJECTORY, "epoch {epoch}: {got} against {wanted}");
    }
    for (i, (got, wanted)) in run.theta().iter().zip(&golden.get("theta").values).enumerate() {
        assert!((f64::from(*got) - wanted).abs() < TRAJECTORY, "weight {i}: {got} against {wanted}");
    }
}

#[test]
fn weights_after_40_epochs_of_nesterovs_momentum_are_pytorchs() {
    let golden = Golden::open("../golden_extra/gauss_30_after40_nesterov");
    let data = dataset(&Golden::open("gauss_30_ce"));
    let model = two_layers(30, Activation::Relu, false);
    let case = Case { name: "gauss_30_ce", loss: LossKind::CrossEntropy, spec: model };
    let (network, parts) = (network(&case, &data), all_in_training(&data));
    let theta = fresh(&case.spec, &network, &mut TorchGenerator::new(1));
    let nesterov = OptimizerSpec::Nesterov { lr: 0.02, momentum: 0.9, weight_decay: 1e-2 };
    let batch = BatchSize::Samples(64);
    let mut run = Training::new(&network, &parts, theta, case.loss, nesterov, None, batch, 0).unwrap();
    for (epoch, wanted) in golden.get("losses").values.iter().enumerate() {
        let got = run.run_epoch().unwrap();
        assert!((got / wanted - 1.0).abs() < TRAJECTORY, "epoch {epoch}: {got} against {wanted}");
    }
    for (i, (got, wanted)) in run.theta().iter().zip(&golden.get("theta").values).enumerate() {
        assert!((f64::from(*got) - wanted).abs() < TRAJECTORY, "weight {i}: {got} against {wanted}");
    }
}

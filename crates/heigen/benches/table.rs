//! heigen's side of the table of `reference/table.py`: the lines that are named on the command line, each measured alone.
//!
//! `cargo bench -p heigen --bench table -- LINE...` prints for each line its name, the seconds, and what else there is to say of it,
//! tabs between them; without names it lists the lines. Every line is the best of some rounds.
#![allow(missing_docs)]

#[path = "../tests/it/common/mod.rs"]
mod common;

use common::networks::{dataset, large_case, weights};
use common::{Golden, images};
use heigen::analysis::analyze;
use heigen::config::{BatchSize, DatasetSpec, LossKind, ModelSpec, OptimizerSpec};
use heigen::curvature::{
    ExampleLabels, Hessian, Host, Method, Problem, SymmetricOperator, TopKOptions, Which, spectrum, top_k,
};
use heigen::data::{Split, generate, split};
use heigen::linalg::{Matrix, Scalar};
use heigen::model::{Network, fresh};
use heigen::rng::TorchGenerator;
use heigen::train::{Parts, Training};
use std::hint::black_box;
use std::time::Instant;

/// A line of the table: its name, and the work with its seconds and a remark.
type Line = (&'static str, fn() -> (f64, String));

const LINES: [Line; 13] = [
    ("resnet18-float64", || resnet::<f64>(1)),
    ("resnet18-float32", || resnet::<f32>(4)),
    ("lenet5-float64", lenet::<f64>),
    ("lenet5-float32", lenet::<f32>),
    ("gauss-top10-1e-6", || gauss_top(10, 1e-6)),
    ("gauss-top10-1e-10", || gauss_top(10, 1e-10)),
    ("gauss-top50-1e-6", || gauss_top(50, 1e-6)),
    ("gauss-top50-1e-10", || gauss_top(50, 1e-10)),
    ("gauss-exact", gauss_exact),
    ("cnn-spectrum", cnn_spectrum),
    ("cnn-epoch", cnn_epoch),
    ("width300-exact", || wide_exact(300)),
    ("width30-exact", || wide_exact(30)),
];

fn main() {
    let asked: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    if asked.is_empty() {
        LINES.iter().for_each(|(name, _)| println!("{name}"));
    }
    for name in asked {
        match LINES.iter().find(|line| line.0 == name) {
            Some((_, measure)) => {
                let (seconds, more) = measure();
                println!("{name}\t{seconds:.6}\t{more}");
            }
            None => println!("{name}\tno such line"),
        }
    }
}

/// The seconds of the fastest of some rounds, and what the last one gave.
fn best<R>(rounds: usize, mut work: impl FnMut() -> R) -> (f64, Option<R>) {
    let (mut best, mut result) = (f64::INFINITY, None);
    for _ in 0..rounds {
        let begun = Instant::now();
        result = Some(black_box(work()));
        best = best.min(begun.elapsed().as_secs_f64());
    }
    (best, result)
}

/// Seconds of a product with `k` directions, for each of them.
fn product<T: Scalar>(network: &Network, theta: &[f32], samples: usize, k: usize, rounds: usize) -> (f64, String) {
    let x = Matrix::from_fn(network.n_inputs(), samples, |i, n| T::from_f64(((i * 13 + n * 7919) as f64 * 0.61).sin()));
    let labels: Vec<usize> = (0..samples).map(|n| n % 10).collect();
    let theta = theta.iter().map(|&w| T::from_f64(f64::from(w))).collect();
    let problem: Problem<T> = Problem::at(network, theta, x, labels, LossKind::CrossEntropy).expect("problem");
    let v = Matrix::from_fn(problem.n_params(), k, |i, j| T::from_f64(((i * (j + 3)) as f64 * 0.37).sin()));
    let mut out = Matrix::zeros(v.rows, k);
    let hessian: &dyn SymmetricOperator<Host<T>> = &Hessian(&problem);
    let (seconds, _) = best(rounds, || hessian.apply(black_box(&v), &mut out).expect("product"));
    let operations = 2.0 * network.multiplications() as f64 * (samples * (2 + 6 * k)) as f64;
    (seconds / k as f64, format!("{:.1} GFLOP/s", operations / seconds / 1e9))
}

fn resnet<T: Scalar>(k: usize) -> (f64, String) {
    let spec = ModelSpec::ResNet18 { pretrained: false, for_cifar: true };
    let network = Network::build(&spec, 3 * 32 * 32, 10).expect("network");
    let theta = fresh(&spec, &network, &mut TorchGenerator::new(0));
    let network = network
        .with_fixed_statistics(|name| {
            let layer =
                network.layout().entries().iter().find(|e| name.starts_with(e.name.trim_end_matches("weight")))?;
            Some(vec![if name.ends_with("var") { 1.0 } else { 0.0 }; layer.range.len()])
        })
        .expect("statistics");
    product::<T>(&network, &theta, 32, k, 4)
}

fn lenet<T: Scalar>() -> (f64, String) {
    let network = Network::build(&ModelSpec::LeNet5 {}, 3 * 32 * 32, 10).expect("network");
    let theta = fresh(&ModelSpec::LeNet5 {}, &network, &mut TorchGenerator::new(0));
    product::<T>(&network, &theta, 1024, 1, 10)
}

fn with_gauss<R>(work: impl FnOnce(&Problem<'_, f64>) -> R) -> R {
    let case = large_case();
    let data = dataset(&Golden::open(case.name));
    let network = Network::build(&case.spec, 2, 3).expect("network");
    let theta = weights(&network, case.name);
    work(&Problem::new(&network, &theta, &data, case.loss).expect("problem"))
}

fn gauss_top(k: usize, tolerance: f64) -> (f64, String) {
    with_gauss(|problem| {
        let options = TopKOptions { tolerance, ..TopKOptions::default() };
        let (seconds, top) = best(5, || top_k(&Hessian(problem), k, Which::Largest, &options).expect("converges"));
        (seconds, top.map_or_else(String::new, |top| format!("{} products", top.products)))
    })
}

/// All that an analysis computes, with its certificate.
fn analysis(problem: &Problem<'_, f64>, rounds: usize) -> (f64, String) {
    let (seconds, analysis) = best(rounds, || {
        let found = spectrum(&Hessian(problem), Method::Auto, 16e9, &mut ()).expect("spectrum");
        analyze(problem, problem.example_gradients(&ExampleLabels::Predicted), found, false).expect("analysis")
    });
    (seconds, analysis.map_or_else(String::new, |a| format!("P = {}, rank {}", a.summary.n_params, a.summary.rank)))
}

fn gauss_exact() -> (f64, String) {
    with_gauss(|problem| analysis(problem, 3))
}

/// The network of gauss/normal_training with other widths, trained for 2,000 epochs.
fn wide_exact(width: usize) -> (f64, String) {
    let network = Network::fully_connected(&[2, width, width, 3], heigen::config::Activation::Relu).expect("network");
    let all = generate(&DatasetSpec::GaussMixtures { random: false, seed: 28, four_classes: false }).expect("data");
    let parts = split(300, 0.5, 0.2);
    let spec = common::networks::two_layers(width, heigen::config::Activation::Relu, false);
    let theta = fresh(&spec, &network, &mut TorchGenerator::new(0));
    let sgd = OptimizerSpec::Sgd { lr: 0.02, momentum: 0.0, weight_decay: 0.0 };
    let samples = Parts::new(&all, &parts);
    let batch = BatchSize::Samples(64);
    let mut run = Training::new(&network, &samples, theta, LossKind::CrossEntropy, sgd, None, batch, 0).expect("run");
    for _ in 0..2000 {
        run.run_epoch().expect("finite");
    }
    let data = all.subset(&parts.train);
    analysis(&Problem::new(&network, run.theta(), &data, LossKind::CrossEntropy).expect("problem"), 1)
}

fn with_training<R>(work: impl FnOnce(&mut Training<'_>, &Network) -> R) -> R {
    let data = images::training_digits();
    let parts = Parts::new(&data, &Split { train: (0..data.labels.len()).collect(), validation: vec![], test: vec![] });
    let network = Network::build(&ModelSpec::Cnn {}, 784, 3).expect("network");
    let theta = fresh(&ModelSpec::Cnn {}, &network, &mut TorchGenerator::new(0));
    let sgd = OptimizerSpec::Sgd { lr: 0.02, momentum: 0.0, weight_decay: 0.0 };
    let batch = BatchSize::Samples(64);
    let mut run = Training::new(&network, &parts, theta, LossKind::CrossEntropy, sgd, None, batch, 0).expect("run");
    work(&mut run, &network)
}

fn cnn_epoch() -> (f64, String) {
    with_training(|run, _| {
        let (seconds, _) = best(30, || run.run_epoch().expect("finite"));
        (seconds, "450 digits in batches of 64, float32".into())
    })
}

fn cnn_spectrum() -> (f64, String) {
    with_training(|run, network| {
        while run.epochs_done() < 500 {
            run.run_epoch().expect("finite");
        }
        let data = images::training_digits();
        analysis(&Problem::new(network, run.theta(), &data, LossKind::CrossEntropy).expect("problem"), 1)
    })
}

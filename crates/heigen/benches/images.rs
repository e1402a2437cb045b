//! Measures the time of an epoch and of an analysis of the paper's CNN, against the time of their matrix products
//! alone.
//!
//! mnist2D/normal_training_c017: 450 training digits in batches of 64, SGD. The limit of an epoch is the number of
//! floating-point operations of its matrix products over the rate of faer's float32 product of the second convolution's
//! shape on the same threads, measured in turns with the epochs. `cargo bench -p heigen --bench images [-- spectrum]`.
#![allow(missing_docs)]

#[path = "../tests/it/common/mod.rs"]
mod common;

use common::images;
use faer::Par;
use heigen::analysis::analyze;
use heigen::config::{BatchSize, LossKind, ModelSpec, OptimizerSpec};
use heigen::curvature::{ExampleLabels, Hessian, Method, Problem, spectrum};
use heigen::data::Split;
use heigen::linalg::{Matrix, product};
use heigen::model::{Network, fresh};
use heigen::rng::TorchGenerator;
use heigen::train::{Parts, Training};
use rayon::prelude::*;
use std::hint::black_box;
use std::time::Instant;

const EPOCHS: usize = 5;
const ROUNDS: usize = 12;

fn main() {
    let data = images::training_digits();
    let (n, threads) = (data.labels.len(), rayon::current_num_threads());
    let parts = Parts::new(&data, &Split { train: (0..n).collect(), validation: vec![], test: vec![] });
    let network = Network::build(&ModelSpec::Cnn {}, 784, 3).expect("network");
    let theta = fresh(&ModelSpec::Cnn {}, &network, &mut TorchGenerator::new(0));
    let sgd = OptimizerSpec::Sgd { lr: 0.02, momentum: 0.0, weight_decay: 0.0 };
    let batch = BatchSize::Samples(64);
    let mut run = Training::new(&network, &parts, theta, LossKind::CrossEntropy, sgd, None, batch, 0).expect("run");

    // Operations for each weight and place: 2 forward, 2 for the gradient of the weights, 2 for the gradient of the
    // inputs (not in the first layer).
    let first = 16.0 * 9.0 * 676.0;
    let operations = n as f64 * (6.0 * network.multiplications() as f64 - 2.0 * first);
    let (mut best_epoch, mut best_rate) = (f64::INFINITY, 0.0f64);
    let mut ratios = Vec::new();
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        for _ in 0..EPOCHS {
            black_box(run.run_epoch().expect("finite"));
        }
        let epoch = begun.elapsed().as_secs_f64() / EPOCHS as f64;
        let rate = faer_rate(threads);
        ratios.push(epoch / (operations / rate));
        best_epoch = best_epoch.min(epoch);
        best_rate = best_rate.max(rate);
    }
    ratios.sort_by(f64::total_cmp);
    println!("epoch on {threads} threads, best of {ROUNDS} {:8.1} ms", best_epoch * 1e3);
    println!("operations in matrix products   {:8.2} GFLOP", operations / 1e9);
    println!("faer float32 32x144x968         {:8.1} GFLOP/s on all threads", best_rate / 1e9);
    println!("limit                           {:8.1} ms", operations / best_rate * 1e3);
    println!("epoch over limit, median        {:8.2}", ratios[ratios.len() / 2]);

    if std::env::args().any(|a| a == "spectrum") {
        while run.epochs_done() < 500 {
            run.run_epoch().expect("finite");
        }
        analysis(&Problem::new(&network, run.theta(), &data, LossKind::CrossEntropy).expect("problem"));
    }
}

/// Operations per second of faer's product of the second convolution's shape, where each thread has its own product.
fn faer_rate(threads: usize) -> f64 {
    const TIMES: usize = 200;
    let a = Matrix::from_fn(32, 144, |i, j| ((i * 7 + j) as f32).sin());
    let b = Matrix::from_fn(144, 968, |i, j| ((i + 3 * j) as f32).cos());
    let begun = Instant::now();
    (0..threads).into_par_iter().for_each(|_| {
        let mut c = Matrix::zeros(32, 968);
        for _ in 0..TIMES {
            product(c.as_mut(), black_box(&a).as_ref(), black_box(&b).as_ref(), Par::Seq);
        }
        black_box(c);
    });
    (threads * TIMES) as f64 * 2.0 * 32.0 * 144.0 * 968.0 / begun.elapsed().as_secs_f64()
}

/// Computes everything that `heigen hessian` computes.
fn analysis(problem: &Problem<'_, f64>) {
    let begun = Instant::now();
    let found = spectrum(&Hessian(problem), Method::Auto, 8e9, &mut ()).expect("spectrum");
    let spectrum_seconds = begun.elapsed().as_secs_f64();
    let gradients = problem.example_gradients(&ExampleLabels::Predicted);
    let analysis = analyze(problem, gradients, found, false).expect("analysis");
    let (whole, summary) = (begun.elapsed().as_secs_f64(), &analysis.summary);
    println!("spectrum of P = {}, rank {}  {spectrum_seconds:8.1} s", summary.n_params, summary.rank);
    println!("with alignments and G_theta     {whole:8.1} s");
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    if let Some(line) = status.lines().find(|l| l.starts_with("VmHWM")) {
        println!("peak memory                     {}", line.trim_start_matches("VmHWM:").trim());
    }
}

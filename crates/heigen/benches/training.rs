//! Measures the time of an epoch of the paper's 300,000-epoch run, against the time of its matrix products alone.
//!
//! gauss/random_label_training: 2-100-100-3, 150 training samples in batches of 64, SGD, losses of the 90 validation
//! and 60 test samples after every epoch, as the reference does. One thread. The limit is the number of floating-point
//! operations of the epoch's matrix products over the rate of faer's float32 product of the middle layer's shape,
//! measured in turns with the epochs so that a busy machine slows both.
#![allow(missing_docs)]

use faer::Par;
use heigen::config::{Activation, BatchSize, DatasetSpec, Initialization, LossKind, ModelSpec, OptimizerSpec};
use heigen::data::{generate, split};
use heigen::linalg::{Matrix, product};
use heigen::model::{Network, fresh};
use heigen::rng::TorchGenerator;
use heigen::train::{Parts, Training};
use std::hint::black_box;
use std::time::Instant;

const EPOCHS: usize = 500;
const ROUNDS: usize = 20;

fn main() {
    let spec = ModelSpec::Fnn2Layer {
        num_neurons_layer1: 100,
        num_neurons_layer2: 100,
        activation_func: Activation::Relu,
        initialization: Initialization::Random,
        lsoftmax: false,
    };
    let data = generate(&DatasetSpec::GaussMixtures { random: true, seed: 28, four_classes: false }).expect("data");
    let parts = Parts::new(&data, &split(300, 0.5, 0.2));
    let network = Network::build(&spec, 2, 3).expect("network");
    let theta = fresh(&spec, &network, &mut TorchGenerator::new(0));
    let sgd = OptimizerSpec::Sgd { lr: 0.02, momentum: 0.0, weight_decay: 0.0 };
    let batch = BatchSize::Samples(64);
    let mut run = Training::new(&network, &parts, theta, LossKind::CrossEntropy, sgd, None, batch, 0).expect("run");

    let a = Matrix::from_fn(100, 100, |i, j| ((i * 7 + j) as f32).sin());
    let b = Matrix::from_fn(100, 64, |i, j| ((i + 3 * j) as f32).cos());
    let mut c = Matrix::zeros(100, 64);
    let weights = (2 * 100 + 100 * 100 + 100 * 3) as f64;
    // Operations for each weight and sample: 2 forward, 2 for the gradient of the weights, 2 for the gradient of the
    // inputs (not in the first layer).
    let operations = 150.0 * (6.0 * weights - 2.0 * 200.0) + 150.0 * 2.0 * weights;

    let (mut best_epoch, mut best_product) = (f64::INFINITY, f64::INFINITY);
    let mut ratios = Vec::new();
    for _ in 0..ROUNDS {
        let start = Instant::now();
        for _ in 0..EPOCHS {
            black_box(run.run_epoch().expect("finite"));
            black_box((run.evaluate_validation().expect("evaluation"), run.evaluate_test().expect("evaluation")));
        }
        let epoch = start.elapsed().as_secs_f64() / EPOCHS as f64;
        let start = Instant::now();
        for _ in 0..EPOCHS {
            product(c.as_mut(), black_box(&a).as_ref(), black_box(&b).as_ref(), Par::Seq);
        }
        let one = start.elapsed().as_secs_f64() / EPOCHS as f64;
        let rate = 2.0 * 100.0 * 100.0 * 64.0 / one;
        ratios.push(epoch / (operations / rate));
        best_epoch = best_epoch.min(epoch);
        best_product = best_product.min(one);
    }
    ratios.sort_by(f64::total_cmp);
    let rate = 2.0 * 100.0 * 100.0 * 64.0 / best_product;
    println!("epoch, best of {ROUNDS} rounds        {:8.1} us", best_epoch * 1e6);
    println!("operations in matrix products {:8.2} MFLOP", operations / 1e6);
    println!("faer float32 100x100x64       {:8.1} GFLOP/s", rate / 1e9);
    println!("limit                         {:8.1} us", operations / rate * 1e6);
    println!("epoch over limit, median      {:8.2}", ratios[ratios.len() / 2]);
}

//! The rate of Hessian-vector products over faer's float64 matrix-product rate, measured in turns.
//!
//! gauss/normal_training: 2-100-100-3, P = 10,703, N = 150. One block of K = 64 directions, and the same directions one
//! by one. Operations: 2 a weight, sample and direction for each of the six products of the dual passes (forward: W dx
//! and dW x; reverse: W^T d(delta) and dW^T delta; gradient: d(delta) x^T and delta dx^T), of which the first layer,
//! whose input does not vary and needs no derivative, has two.
#![allow(missing_docs)]

use heigen::config::{Activation, DatasetSpec, LossKind};
use heigen::curvature::{Hessian, Problem, SymmetricOperator};
use heigen::data::{generate, split};
use heigen::linalg::{Matrix, par, product};
use heigen::model::Network;
use std::hint::black_box;
use std::time::Instant;

const ROUNDS: usize = 15;
const K: usize = 64;

fn main() {
    let data = generate(&DatasetSpec::GaussMixtures { random: false, seed: 28, four_classes: false }).expect("data");
    let train = data.subset(&split(300, 0.5, 0.2).train);
    println!(
        "{:>6} {:>8} {:>12} {:>12} {:>10} {:>14}",
        "width", "P", "block GF/s", "faer GF/s", "fraction", "over singles"
    );
    for width in [30, 100, 300] {
        let network = Network::fully_connected(&[2, width, width, 3], Activation::Relu).expect("network");
        let p = network.n_params();
        let theta: Vec<f32> = (0..p).map(|i| 0.1 * (i as f32 * 0.7).sin()).collect();
        let problem: Problem<f64> = Problem::new(&network, &theta, &train, LossKind::CrossEntropy).expect("problem");
        let hessian = Hessian(&problem);
        let v = Matrix::from_fn(p, K, |i, k| ((i * (k + 3)) as f64 * 0.37).sin());
        let mut out = Matrix::zeros(p, K);
        let operations = 2.0 * 150.0 * K as f64 * (2.0 * (2 * width) as f64 + 6.0 * (width * width + 3 * width) as f64);

        let n = 1000;
        let a = Matrix::from_fn(n, n, |i, j| ((i * 7 + j) as f64).sin());
        let mut c = Matrix::zeros(n, n);
        let (mut ratios, mut single_ratios) = (Vec::new(), Vec::new());
        let (mut best, mut best_faer) = (f64::INFINITY, f64::INFINITY);
        for _ in 0..ROUNDS {
            let start = Instant::now();
            hessian.apply(black_box(&v), &mut out).expect("product");
            let block = start.elapsed().as_secs_f64();
            let start = Instant::now();
            product(c.as_mut(), black_box(&a).as_ref(), a.as_ref(), par());
            let faer = 2.0 * (n as f64).powi(3) / start.elapsed().as_secs_f64();
            let start = Instant::now();
            for k in 0..8 {
                black_box(hessian.product(&v.columns(k..k + 1)).unwrap());
            }
            let singles = start.elapsed().as_secs_f64() / 8.0 * K as f64;
            ratios.push(operations / block / faer);
            single_ratios.push(singles / block);
            best = best.min(block);
            best_faer = best_faer.min(1.0 / faer);
        }
        ratios.sort_by(f64::total_cmp);
        single_ratios.sort_by(f64::total_cmp);
        println!(
            "{width:>6} {p:>8} {:>12.1} {:>12.1} {:>10.2} {:>14.1}",
            operations / best / 1e9,
            1e-9 / best_faer,
            ratios[ROUNDS / 2],
            single_ratios[ROUNDS / 2]
        );
    }
}

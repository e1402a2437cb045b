//! Extreme eigenpairs of the paper's 10,703-parameter network: seconds and products against the size of the block.
//!
//! gauss/normal_training (2-100-100-3, N = 150, cross entropy), float64, the golden file's weights. Times are the best
//! of some rounds; the first table is the cost of one product with K directions, which decides the size of the block.
#![allow(missing_docs)]

#[path = "../tests/it/common/mod.rs"]
mod common;

use common::Golden;
use common::networks::{dataset, large_case, weights};
use heigen::curvature::{Hessian, Problem, SymmetricOperator, TopKOptions, Which, top_k};
use heigen::linalg::Matrix;
use heigen::model::Network;
use std::hint::black_box;
use std::time::Instant;

const ROUNDS: usize = 5;

fn best<R>(mut f: impl FnMut() -> R) -> (f64, R) {
    let mut best = f64::INFINITY;
    let mut result = None;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        result = Some(black_box(f()));
        best = best.min(start.elapsed().as_secs_f64());
    }
    (best, result.expect("at least one round"))
}

fn main() {
    let case = large_case();
    let golden = Golden::open(case.name);
    let data = dataset(&golden);
    let network = Network::build(&case.spec, 2, 3).expect("network");
    let theta = weights(&network, case.name);
    let problem = Problem::<f64>::new(&network, &theta, &data, case.loss).expect("problem");
    let hessian = Hessian(&problem);
    let p = problem.n_params();
    let operations = 12.0 * problem.n_samples() as f64 * p as f64;

    println!("   K   ms a product   ms a column   GFLOP/s");
    for k in [1, 2, 4, 8, 16, 32, 64, 128] {
        let v = Matrix::from_fn(p, k, |i, j| ((i * (j + 1)) as f64).sin());
        let (seconds, _) = best(|| hessian.product(&v).unwrap());
        let column = seconds / k as f64;
        println!("{k:4} {:14.3} {:13.3} {:9.1}", seconds * 1e3, column * 1e3, operations / column / 1e9);
    }

    let golden_values = golden.get("eigenvalues").values;
    println!("\n   k  tolerance  block  seconds  products  restarts  largest residual / |A|  error / |A|");
    for (k, tolerance) in [(10, 1e-6), (10, 1e-10), (50, 1e-6), (50, 1e-10)] {
        for block in [2, 4, 8, 16, 32] {
            let options = TopKOptions { tolerance, block: Some(block), ..TopKOptions::default() };
            let (seconds, top) = best(|| top_k(&hessian, k, Which::Largest, &options).expect("converges"));
            let residual = top.residuals.iter().fold(0.0f64, |m, &r| m.max(r)) / top.scale;
            let errors = top.eigenvalues.iter().zip(golden_values.iter().rev()).map(|(a, b)| (a - b).abs());
            let error = errors.fold(0.0f64, f64::max) / top.scale;
            println!(
                "{k:4} {tolerance:10.0e} {block:6} {seconds:8.3} {:9} {:9} {residual:23.1e} {error:12.1e}",
                top.products, top.restarts
            );
        }
    }
}

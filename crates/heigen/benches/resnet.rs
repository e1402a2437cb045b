//! The rate of Hessian-vector products of ResNet18 over the rate of faer's matrix products, measured in turns.
//!
//! The first convolution is 3 x 3 with stride 1, batch normalisation has fixed statistics, 32 images of 3 x 32 x 32. Operations:
//! 2 for each weight, place, and sample in each of the 2 products of the values (forward and reverse) and the 6 of each direction
//! (forward: W dx and dW x; reverse: W^T d(delta) and dW^T delta; gradient: d(delta) x^T and delta dx^T). `cargo bench -p heigen --bench resnet [-- f32|f64]`; `reference/resnet.py` is PyTorch's side.
//!
//! `-- top3` takes the three largest eigenvalues of 512 images in mini-batches of 32 in float32 instead, and prints the largest
//! memory of the process.
#![allow(missing_docs)]

use heigen::config::{LossKind, ModelSpec};
use heigen::curvature::{Batched, Hessian, Host, OperatorKind, Problem, SymmetricOperator, TopKOptions, Which, top_k};
use heigen::linalg::{Matrix, Scalar, par, product};
use heigen::model::{Network, fresh};
use heigen::rng::TorchGenerator;
use std::hint::black_box;
use std::num::NonZeroUsize;
use std::time::Instant;

const N: usize = 32;
const ROUNDS: usize = 3;

fn main() {
    let spec = ModelSpec::ResNet18 { pretrained: false, for_cifar: true };
    let network = Network::build(&spec, 3 * 32 * 32, 10).expect("network");
    let theta = fresh(&spec, &network, &mut TorchGenerator::new(0));
    let network = network
        .with_fixed_statistics(|name| {
            let channels =
                network.layout().entries().iter().find(|e| name.starts_with(e.name.trim_end_matches("weight")))?;
            Some(vec![if name.ends_with("var") { 1.0 } else { 0.0 }; channels.range.len()])
        })
        .expect("statistics");
    if std::env::args().any(|a| a == "top3") {
        return top3(&network, &theta);
    }
    println!("{:>5} {:>3} {:>8} {:>12} {:>12} {:>10}", "type", "K", "s", "GFLOP/s", "faer GF/s", "fraction");
    let only = std::env::args().find(|a| a == "f32" || a == "f64");
    if only.as_deref() != Some("f32") {
        measure::<f64>("f64", &network, &theta);
    }
    if only.as_deref() != Some("f64") {
        measure::<f32>("f32", &network, &theta);
    }
}

/// Images that look alike nowhere, with their classes in turn.
fn problem<'a, T: Scalar>(network: &'a Network, theta: &[f32], n: usize) -> Problem<'a, T> {
    let x = Matrix::from_fn(3 * 32 * 32, n, |i, n| T::from_f64(((i * 13 + n * 7919) as f64 * 0.61).sin()));
    let labels: Vec<usize> = (0..n).map(|n| n % 10).collect();
    let theta = theta.iter().map(|&w| T::from_f64(f64::from(w))).collect();
    Problem::at(network, theta, x, labels, LossKind::CrossEntropy).expect("problem")
}

/// The three largest eigenvalues of 512 images in mini-batches, to 1e-4.
fn top3(network: &Network, theta: &[f32]) {
    let problem = problem::<f32>(network, theta, 512);
    let operator =
        Batched { problem: &problem, kind: OperatorKind::Hessian, batch_size: NonZeroUsize::new(N).expect("not 0") };
    let begun = Instant::now();
    let top = top_k(&operator, 3, Which::Largest, &TopKOptions { tolerance: 1e-4, ..TopKOptions::default() });
    let top = top.expect("converged");
    println!("eigenvalues {:?}", top.eigenvalues);
    println!("residuals   {:?}", top.residuals);
    println!("products    {}, {:.0} s", top.products, begun.elapsed().as_secs_f64());
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    if let Some(line) = status.lines().find(|l| l.starts_with("VmHWM")) {
        println!("peak memory {}", line.trim_start_matches("VmHWM:").trim());
    }
}

fn measure<T: Scalar>(name: &str, network: &Network, theta: &[f32])
where
    for<'a> Hessian<'a, T>: SymmetricOperator<Host<T>>,
{
    let p = network.n_params();
    let problem = problem::<T>(network, theta, N);
    let size = 1200;
    let a = Matrix::from_fn(size, size, |i, j| T::from_f64(((i * 7 + j) as f64).sin()));
    let mut c = Matrix::zeros(size, size);
    for k in [1, 2, 4] {
        let v = Matrix::from_fn(p, k, |i, j| T::from_f64(((i * (j + 3)) as f64 * 0.37).sin()));
        let mut out = Matrix::zeros(p, k);
        let (mut best, mut faer) = (f64::INFINITY, f64::INFINITY);
        for _ in 0..ROUNDS {
            let begun = Instant::now();
            Hessian(&problem).apply(black_box(&v), &mut out).expect("product");
            best = best.min(begun.elapsed().as_secs_f64());
            let begun = Instant::now();
            product(c.as_mut(), black_box(&a).as_ref(), a.as_ref(), par());
            faer = faer.min(begun.elapsed().as_secs_f64());
        }
        let operations = 2.0 * network.multiplications() as f64 * (N * (2 + 6 * k)) as f64;
        let (rate, limit) = (operations / best / 1e9, 2.0 * (size as f64).powi(3) / faer / 1e9);
        println!("{name:>5} {k:>3} {best:>8.2} {rate:>12.1} {limit:>12.1} {:>10.2}", rate / limit);
    }
}

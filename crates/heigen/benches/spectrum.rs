//! The exact spectrum of gauss/normal_training stage by stage against the rate of faer's matrix product, the dense way
//! beside it if asked for, and growth with P and N.
//!
//! `cargo bench -p heigen --bench spectrum [-- dense growth wide picture=FILE]`: `dense` measures the dense way too (two
//! minutes), `growth` fits exponents of time against P and N, `wide` adds two hidden layers of 300 (P = 92,103),
//! `picture` draws the rates as an SVG.
#![allow(missing_docs)]

#[path = "spectrum/growth.rs"]
mod growth;
#[path = "spectrum/picture.rs"]
mod picture;
#[path = "spectrum/setup.rs"]
mod setup;

use heigen::analysis::{alignments, analyze, cosine_similarities};
use heigen::curvature::{ExampleLabels, Hessian, Method, Problem, Progress, WatchFn, dense, spectrum, stage};
use heigen::linalg::{Matrix, self_adjoint_eigen};
use setup::{Trained, faer_rate, normal_training};
use std::ops::ControlFlow;
use std::time::Instant;

/// A stage with its time, operations and bytes.
pub(crate) struct Measured {
    pub(crate) name: &'static str,
    pub(crate) seconds: f64,
    pub(crate) operations: f64,
    /// Bytes that must move through memory at least once.
    pub(crate) bytes: f64,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let asked = |what: &str| arguments.iter().any(|a| a == what);
    let trained = normal_training(100, 2000, 1);
    let problem = trained.problem();
    let (p, n) = (problem.n_params(), problem.n_samples());

    // The best of five, with the machine's rate measured before and after each.
    let mut best: Option<(f64, Vec<Measured>, f64)> = None;
    for _ in 0..5 {
        let before = faer_rate();
        let stages = measure(&trained, &problem);
        let rate = before.max(faer_rate());
        let total: f64 = stages.iter().map(|s| s.seconds).sum();
        if best.as_ref().is_none_or(|(t, _, _)| total < *t) {
            best = Some((total, stages, rate));
        }
    }
    let (total, stages, rate) = best.expect("five runs");
    println!("gauss/normal_training: P = {p}, N = {n}, float64, {} threads", rayon::current_num_threads());
    println!("faer float64 matrix product {:.1} GFLOP/s", rate / 1e9);
    println!("{:<26} {:>9} {:>9} {:>9} {:>9}", "stage", "seconds", "GFLOP", "GFLOP/s", "of limit");
    for s in &stages {
        let achieved = s.operations / s.seconds;
        println!(
            "{:<26} {:>9.3} {:>9.1} {:>9.1} {:>9.2}",
            s.name,
            s.seconds,
            s.operations / 1e9,
            achieved / 1e9,
            achieved / rate
        );
    }
    let operations: f64 = stages.iter().map(|s| s.operations).sum();
    let limit = operations / rate;
    println!(
        "{:<26} {total:>9.3} {:>9.1}; limit {limit:.3} s, {:.2} times it",
        "total",
        operations / 1e9,
        total / limit
    );

    if let Some(file) = arguments.iter().find_map(|a| a.strip_prefix("picture=")) {
        std::fs::write(file, picture::roofline(&stages, rate)).expect("picture");
        println!("drew {file}");
    }
    if asked("dense") {
        dense_way(&problem);
    }
    if asked("growth") {
        growth::growth(asked("wide"));
    }
}

/// Everything that the reference computes, stage by stage.
fn measure(trained: &Trained, problem: &Problem<f64>) -> Vec<Measured> {
    let (p, n) = (problem.n_params() as f64, problem.n_samples() as f64);
    let per_product = trained.operations_of_a_product();
    let mut marks: Vec<(&str, f64)> = Vec::new();
    let begun = Instant::now();
    let mut watch = WatchFn(|progress: Progress| {
        marks.push((progress.stage, begun.elapsed().as_secs_f64()));
        ControlFlow::Continue(())
    });
    let found = spectrum(&Hessian(problem), Method::Exact, f64::INFINITY, &mut watch).expect("spectrum");
    let end = begun.elapsed().as_secs_f64();
    let at = |wanted: &str| marks.iter().find(|(s, _)| *s == wanted).map_or(end, |m| m.1);
    let [eigen, vectors, certificate] = [stage::EIGENPROBLEM, stage::EIGENVECTORS, stage::CERTIFICATE].map(at);
    let k = found.places.len() as f64;

    let rest = Instant::now();
    let gradients = problem.example_gradients(&ExampleLabels::Predicted);
    let analysis = analyze(problem, gradients.clone(), found, false).expect("analysis");
    let logits: Vec<Matrix<f64>> = (0..3).map(|c| problem.logit_gradients(c)).collect();
    let data = logits.iter().flat_map(|l| l.data.iter().copied()).collect();
    let logits = Matrix { data, rows: problem.n_params(), columns: 3 * problem.n_samples() };
    std::hint::black_box((cosine_similarities(&gradients), cosine_similarities(&logits), analysis));
    let rest = rest.elapsed().as_secs_f64();

    // The factor of the Gauss-Newton matrix has 3 N columns, of which two for each sample are independent.
    let (columns, rank) = (3.0 * n, 2.0 * n);
    // Products along the first layer and along one unit of the second take a third of others. Then the factor's Gram matrix and
    // its independent columns, three steps of Gram-Schmidt, and the products of the basis with the factor.
    let products = (problem.network().n_inputs() as f64 + 1.0) * 100.0 + 101.0;
    let structure = products * per_product / 3.0 + p * (columns * columns + 2.0 * columns * rank + 11.0 * rank * rank);
    let number = 8.0;
    vec![
        Measured {
            name: "range by the structure",
            seconds: eigen,
            operations: structure,
            bytes: number * p * (4.0 * columns + 16.0 * rank),
        },
        // Tridiagonal form 4/3 k^3, its eigenproblem about 4/3 k^3, back transformation 2 k^3.
        Measured {
            name: "eigenproblem",
            seconds: vectors - eigen,
            operations: 14.0 / 3.0 * k * k * k,
            bytes: number * 3.0 * k * k,
        },
        Measured {
            name: "eigenvectors",
            seconds: certificate - vectors,
            operations: 2.0 * p * rank * k,
            bytes: number * 2.0 * p * k,
        },
        Measured {
            name: "certificate",
            seconds: end - certificate,
            operations: 40.0 * per_product + 80.0 * p * k,
            bytes: number * p * k * 4.0,
        },
        Measured {
            name: "alignments, coherence",
            seconds: rest,
            operations: 2.0 * n * p * (2.0 * k + n / 2.0 + 9.0 * n / 2.0 + n / 2.0),
            bytes: number * p * (3.0 * k + 10.0 * n),
        },
    ]
}

fn dense_way(problem: &Problem<f64>) {
    let begun = Instant::now();
    let matrix = dense(&Hessian(problem), &mut ()).unwrap();
    let build = begun.elapsed().as_secs_f64();
    let begun = Instant::now();
    let pairs = self_adjoint_eigen(&matrix).expect("eigenpairs");
    let eigen = begun.elapsed().as_secs_f64();
    let begun = Instant::now();
    let gradients = problem.example_gradients(&ExampleLabels::Predicted);
    let a = alignments(&gradients, &pairs.eigenvectors);
    let aligned = begun.elapsed().as_secs_f64();
    println!("dense: Hessian {build:.2} s, eigendecomposition {eigen:.2} s (ratio {:.3})", build / eigen);
    println!("dense: alignments of {} samples with {} eigenvectors {aligned:.2} s", a.columns, a.rows);
}

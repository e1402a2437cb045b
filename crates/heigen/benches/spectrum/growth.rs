//! Growth of the time of a whole certified spectrum with P and with N.

use super::setup::{Trained, normal_training};
use heigen::curvature::{Hessian, Method, spectrum};
use std::time::Instant;

pub(crate) fn growth(wide: bool) {
    println!("{:>6} {:>8} {:>6} {:>6} {:>9}", "width", "P", "N", "rank", "seconds");
    let mut points = Vec::new();
    for width in [30, 50, 100, 200].into_iter().chain(wide.then_some(300)) {
        points.push(one(&normal_training(width, 2000, 1), width));
    }
    println!("time grows as P^{:.2}", exponent(&points.iter().map(|p| (p.0, p.2)).collect::<Vec<_>>()));
    let mut points = Vec::new();
    for copies in [1, 2, 4, 8] {
        points.push(one(&normal_training(100, 2000, copies), 100));
    }
    println!("time grows as N^{:.2}", exponent(&points.iter().map(|p| (p.1, p.2)).collect::<Vec<_>>()));
}

/// P, N and the seconds of one spectrum, the best of two where it is quick.
fn one(trained: &Trained, width: usize) -> (f64, f64, f64) {
    let problem = trained.problem();
    let mut best = f64::INFINITY;
    let mut rank = 0;
    for _ in 0..if width < 150 { 3 } else { 1 } {
        let begun = Instant::now();
        let found = spectrum(&Hessian(&problem), Method::Exact, f64::INFINITY, &mut ()).expect("spectrum");
        best = best.min(begun.elapsed().as_secs_f64());
        rank = found.rank();
    }
    println!("{width:>6} {:>8} {:>6} {rank:>6} {best:>9.3}", problem.n_params(), problem.n_samples());
    (problem.n_params() as f64, problem.n_samples() as f64, best)
}

/// The slope of the least-squares line through (log x, log y).
fn exponent(points: &[(f64, f64)]) -> f64 {
    let n = points.len() as f64;
    let logs: Vec<(f64, f64)> = points.iter().map(|(x, y)| (x.ln(), y.ln())).collect();
    let (mx, my) = (logs.iter().map(|l| l.0).sum::<f64>() / n, logs.iter().map(|l| l.1).sum::<f64>() / n);
    let covariance: f64 = logs.iter().map(|l| (l.0 - mx) * (l.1 - my)).sum();
    covariance / logs.iter().map(|l| (l.0 - mx).powi(2)).sum::<f64>()
}

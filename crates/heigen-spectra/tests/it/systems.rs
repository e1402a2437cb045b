//! Linear systems, the Frobenius norm, log-determinants and effective dimensions of operators with a known spectrum, in two
//! homes of vectors.

use crate::operators::{Reflected, low_rank};
use crate::pieces::Pieces;
use heigen_spectra::linalg::Matrix;
use heigen_spectra::{
    DensityOptions, EstimateError, Failure, Host, Law, Shifted, Solution, SolveError, SolveOptions, Space,
    SymmetricOperator, frobenius_norm, solve, spectral_density,
};

const P: usize = 160;

fn positive() -> Vec<f64> {
    low_rank(P, 40).into_iter().map(f64::abs).collect()
}

fn rows<S: Space>(space: &S, block: &S::Block) -> Matrix<f64> {
    space.to_host(space.all(block), 0..space.len()).unwrap()
}

/// The largest distance of a solution from (A + mu I)^-1 b by the eigenvectors, and the largest residual from entries.
fn errors<S: Space<Block: std::fmt::Debug>>(
    operator: &Reflected<S>,
    right: &S::Block,
    found: &Solution<S::Block>,
    damping: f64,
) -> (f64, f64) {
    let (x, b) = (rows(&operator.space, &found.x), rows(&operator.space, right));
    let a = operator.matrix();
    let (mut distance, mut residual) = (0.0f64, 0.0f64);
    for (x, b) in x.iter_columns().zip(b.iter_columns()) {
        let mut wanted = vec![0.0; P];
        for (k, l) in operator.eigenvalues.iter().enumerate() {
            let v = operator.eigenvector(k);
            let c = v.iter().zip(b).map(|(v, b)| v * b).sum::<f64>() / (l + damping);
            wanted.iter_mut().zip(v).for_each(|(w, v)| *w += c * v);
        }
        let square: f64 = wanted.iter().zip(x).map(|(w, x)| (w - x).powi(2)).sum();
        distance = distance.max(square.sqrt());
        let off = |i: usize| b[i] - damping * x[i] - (0..P).map(|j| a.column(j)[i] * x[j]).sum::<f64>();
        residual = residual.max((0..P).map(|i| off(i).powi(2)).sum::<f64>().sqrt());
    }
    (distance, residual)
}

fn check<S: Space<Block: std::fmt::Debug>>(space: S) {
    let operator = Reflected::new(space, positive());
    let right = operator.space.random(4, 0..3, Law::Gaussian).unwrap();
    for damping in [1.0, 1e-2] {
        let options = SolveOptions { damping, tolerance: 1e-10, max_products: None };
        let found = solve(&operator, &right, &options, &mut ()).unwrap();
        let (distance, residual) = errors(&operator, &right, &found, damping);
        let told = found.residuals.iter().fold(0.0f64, |m, &r| m.max(r));
        assert!((residual - told).abs() < 1e-12, "{residual:e} {told:e}");
        assert!(distance <= told / damping * (1.0 + 1e-6) + 1e-12, "{distance:e} is beyond the bound of {told:e}");
        assert!(found.converged && found.residuals.iter().zip(&found.norms).all(|(r, n)| *r <= 1e-10 * n));
        // As many iterations as there are distinct eigenvalues suffice, one more product tells the residual.
        assert!(found.products <= 3 * (45 + 1), "{}", found.products);
    }
}

#[test]
fn systems_are_solved_within_their_bound() {
    check(Host::<f64>::new(P));
    check(Pieces::new(P));
}

#[test]
fn columns_that_have_converged_cost_nothing_more() {
    let operator = Reflected::new(Host::<f64>::new(P), positive());
    // An eigenvector needs one step, a zero none, a random direction many.
    let mut data = operator.eigenvector(0);
    data.extend(vec![0.0; P]);
    data.extend(rows(&operator.space, &operator.space.random(4, 0..1, Law::Gaussian).unwrap()).data);
    let right = Matrix { data, rows: P, columns: 3 };
    let options = SolveOptions { damping: 0.1, ..SolveOptions::default() };
    let found = solve(&operator, &right, &options, &mut ()).unwrap();
    let alone = solve(&operator, &right.columns(2..3), &options, &mut ()).unwrap();
    assert_eq!(found.products, alone.products + 1 + 2);
    assert!(found.x.column(1).iter().all(|&x| x == 0.0));
    let (distance, _) = errors(&operator, &right, &found, 0.1);
    assert!(distance < 1e-6, "{distance:e}");
}

#[test]
fn negative_curvature_is_met_and_named() {
    let operator = Reflected::new(Host::<f64>::new(P), low_rank(P, 40));
    let right = operator.space.random(4, 0..2, Law::Gaussian).unwrap();
    let lowest = operator.eigenvalues.iter().copied().fold(0.0, f64::min);
    let options = SolveOptions { damping: 0.01, ..SolveOptions::default() };
    match solve(&operator, &right, &options, &mut ()) {
        Err(SolveError::NotPositive { curvature, damping }) => {
            assert!(damping == 0.01 && curvature <= -0.01 && curvature >= lowest, "{curvature}");
        }
        other => panic!("{other:?}"),
    }
    let zero = Reflected::new(Host::<f64>::new(P), vec![0.0; P]);
    let options = SolveOptions::default();
    assert!(matches!(solve(&zero, &right, &options, &mut ()), Err(SolveError::NotPositive { .. })));
}

#[test]
fn what_was_reached_comes_back() {
    let operator = Reflected::new(Host::<f64>::new(P), positive());
    let right = operator.space.random(4, 0..2, Law::Gaussian).unwrap();
    let options = SolveOptions { damping: 1e-8, tolerance: 1e-10, max_products: Some(5) };
    match solve(&operator, &right, &options, &mut ()) {
        Err(SolveError::NotConverged(reached)) => {
            assert!(!reached.converged && reached.products <= 2 * 6);
        }
        other => panic!("{other:?}"),
    }
    let bad = Matrix::from_fn(P, 1, |i, _| if i == 3 { f64::NAN } else { 1.0 });
    let refused = solve(&operator, &bad, &SolveOptions::default(), &mut ());
    assert!(matches!(refused, Err(SolveError::Failed(Failure::NotFinite))));
}

#[test]
fn the_frobenius_norm() {
    let known = low_rank(P, 100);
    let wanted = known.iter().map(|l| l * l).sum::<f64>().sqrt();
    let (host, pieces) = (Reflected::new(Host::<f64>::new(P), known.clone()), Reflected::new(Pieces::new(P), known));
    for products in [30, 60, P] {
        let found = frobenius_norm(&host, products, 1, &mut ()).unwrap();
        let other = frobenius_norm(&pieces, products, 1, &mut ()).unwrap();
        assert!(
            (found.value - other.value).abs() < 1e-12 && (found.standard_error - other.standard_error).abs() < 1e-12
        );
        let off = (found.value - wanted).abs();
        assert!(off <= 4.0 * found.standard_error + 1e-12, "{products}: {off:e} {found:?}");
        assert!(found.standard_error < 0.06 * wanted, "{found:?}");
    }
    // Where the sketch holds the range, nothing is left to chance.
    let low = Reflected::new(Host::<f64>::new(P), low_rank(P, 6));
    let wanted = low.eigenvalues.iter().map(|l| l * l).sum::<f64>().sqrt();
    let found = frobenius_norm(&low, 30, 1, &mut ()).unwrap();
    assert!((found.value - wanted).abs() < 1e-13 && found.standard_error < 1e-14, "{found:?}");
    let few = frobenius_norm(&low, 5, 1, &mut ());
    assert!(matches!(few, Err(EstimateError::TooFew { got: 5, wanted: 6, .. })));
}

/// Over many seeds, the mean is the norm, and standard errors are the scatter.
#[test]
fn errors_of_the_frobenius_norm_are_honest() {
    let flat = Reflected::new(Host::<f64>::new(P), (0..P).map(|i| 1.0 + (i as f64 * 0.7).sin()).collect());
    let wanted = flat.eigenvalues.iter().map(|l| l * l).sum::<f64>().sqrt();
    let seeds = 200;
    let scores: Vec<f64> = (0..seeds)
        .map(|seed| {
            let found = frobenius_norm(&flat, 36, seed, &mut ()).unwrap();
            (found.value - wanted) / found.standard_error
        })
        .collect();
    let square = scores.iter().map(|z| z * z).sum::<f64>() / f64::from(seeds);
    let mean = scores.iter().sum::<f64>() / f64::from(seeds);
    assert!((0.7..1.6).contains(&square) && mean.abs() < 0.4, "{mean} {square}");
}

#[test]
fn log_determinant_and_effective_dimension() {
    let known = positive();
    let operator = Reflected::new(Host::<f64>::new(P), known.clone());
    let density = spectral_density(&operator, &DensityOptions { probes: 40, steps: 60, seed: 3 }, &mut ()).unwrap();
    for damping in [1.0, 0.05] {
        let wanted: f64 = known.iter().map(|l| (l + damping).ln()).sum();
        let found = density.log_determinant(damping).unwrap();
        assert!((found.value - wanted).abs() < 4.0 * found.standard_error, "{found:?} {wanted}");
        let wanted: f64 = known.iter().map(|l| l / (l + damping)).sum();
        let found = density.effective_dimension(damping).unwrap();
        assert!((found.value - wanted).abs() < 4.0 * found.standard_error, "{found:?} {wanted}");
        // The determinant of the shifted operator itself.
        let shifted = Shifted { operator: &operator, shift: damping };
        let same = spectral_density(&shifted, &DensityOptions { probes: 40, steps: 60, seed: 3 }, &mut ()).unwrap();
        let (a, b) = (same.log_determinant(0.0).unwrap(), density.log_determinant(damping).unwrap());
        assert!((a.value - b.value).abs() < 1e-8, "{a:?} {b:?}");
    }
    let negative = Reflected::new(Host::<f64>::new(P), low_rank(P, 40));
    let density = spectral_density(&negative, &DensityOptions { probes: 4, steps: 40, seed: 3 }, &mut ()).unwrap();
    let refused = density.log_determinant(1e-3);
    assert!(matches!(refused, Err(EstimateError::NotPositive { smallest, .. }) if smallest < -0.1));
    assert!(density.effective_dimension(1e-3).is_err() && density.log_determinant(1.0).is_ok());
    assert_eq!(negative.n_params(), P);
}

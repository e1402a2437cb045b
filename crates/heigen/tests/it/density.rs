//! Tests of stochastic Lanczos quadrature on known spectra.
use std::ops::ControlFlow;

use crate::common::networks::small_cases;
use crate::common::operators::{Dense, Reflected, with_problem};
use heigen::curvature::{
    DensityOptions, EstimateError, Failure, Hessian, Law, Progress, SpectralDensity, WatchFn, spectral_density,
};
use heigen::linalg::Matrix;

fn density(spectrum: &[f64], probes: usize, steps: usize) -> SpectralDensity {
    let options = DensityOptions { probes, steps, seed: 3 };
    spectral_density(&Reflected::<f64>::new(spectrum.to_vec()), &options, &mut ()).unwrap()
}

/// An indefinite spectrum with a long tail beside a bulk.
fn spectrum(n: usize) -> Vec<f64> {
    (0..n).map(|i| if i < 5 { 3.0 - 0.3 * i as f64 } else { (i as f64 / n as f64 - 0.4).powi(3) }).collect()
}

fn mean(values: &[f64], f: impl Fn(f64) -> f64) -> f64 {
    values.iter().map(|&l| f(l)).sum::<f64>() / values.len() as f64
}

#[test]
fn quadrature_is_gaussian() {
    // A complete Lanczos run of one probe: the nodes are the eigenvalues, the weights the squared components of the
    // probe in the eigenvectors; on a diagonal matrix those are its squared entries.
    let n = 12;
    let known: Vec<f64> = (0..n).map(|i| (i as f64).powf(1.5) - 7.0).collect();
    let diagonal = Dense(Matrix::from_fn(n, n, |i, j| if i == j { known[i] } else { 0.0 }));
    let options = DensityOptions { probes: 2, steps: 100, seed: 8 };
    let density = spectral_density(&diagonal, &options, &mut ()).unwrap();
    for (column, probe) in density.probes.iter().enumerate() {
        let v = heigen_spectra::random_entries(0..n, column as u64, 8, Law::Gaussian);
        let squares: f64 = v.iter().map(|x| x * x).sum();
        assert_eq!(probe.nodes.len(), n);
        for i in 0..n {
            assert!((probe.nodes[i] - known[i]).abs() < 1e-11, "{i}");
            assert!((probe.weights[i] - v[i] * v[i] / squares).abs() < 1e-11, "{i}");
        }
    }
    // After m steps, moments up to 2 m - 1 are the probe's own.
    let short = spectral_density(&diagonal, &DensityOptions { steps: 4, ..options }, &mut ()).unwrap();
    for (short, full) in short.probes.iter().zip(&density.probes) {
        for power in 0..8 {
            let (a, b) = (short.integral(|x| (0.05 * x).powi(power)), full.integral(|x| (0.05 * x).powi(power)));
            assert!((a - b).abs() < 1e-12, "moment {power}: {a} and {b}");
        }
        let (a, b) = (short.integral(|x| (0.05 * x).powi(8)), full.integral(|x| (0.05 * x).powi(8)));
        assert!((a - b).abs() > 1e-9);
    }
}

#[test]
fn moments_agree_within_their_errors() {
    let known = spectrum(600);
    let density = density(&known, 40, 30);
    assert!((density.mean_of(|_| 1.0).value - 1.0).abs() < 1e-14);
    for power in 1..=4 {
        let got = density.mean_of(|x| x.powi(power));
        let wanted = mean(&known, |x| x.powi(power));
        assert!((got.value - wanted).abs() < 3.0 * got.standard_error, "{power}: {got:?}, wanted {wanted}");
        assert!(got.standard_error < 0.2 * wanted.abs() + 0.02, "{got:?}");
    }
}

#[test]
fn standard_errors_are_honest() {
    let known = spectrum(200);
    let wanted = mean(&known, |x| x * x);
    let runs = 120;
    let within = (0..runs).filter(|&seed| {
        let options = DensityOptions { probes: 20, steps: 5, seed };
        let density = spectral_density(&Reflected::<f64>::new(known.clone()), &options, &mut ()).unwrap();
        let got = density.mean_of(|x| x * x);
        (got.value - wanted).abs() <= 2.0 * got.standard_error
    });
    let share = within.count() as f64 / f64::from(runs);
    assert!((0.85..=0.995).contains(&share), "{share}");
}

#[test]
fn curve_integrates_to_one() {
    for known in [spectrum(300), vec![2.0; 40], vec![0.0; 40]] {
        let density = density(&known, 8, 40);
        let curve = density.curve(2001, 0.01).unwrap();
        let spacing = curve.grid[1] - curve.grid[0];
        let integral: f64 = curve.density.iter().map(|e| e.value * spacing).sum();
        assert!((integral - 1.0).abs() < 1e-5, "{integral}");
        assert!(curve.density.iter().all(|e| e.value >= 0.0 && e.standard_error >= 0.0));
    }
}

#[test]
fn counts_eigenvalues_in_gaps() {
    let known = spectrum(300);
    let density = density(&known, 30, 60);
    assert_eq!(density.count_below(4.0).value.round(), 300.0);
    assert_eq!(density.count_below(-1.0).value, 0.0);
    let below = density.count_below(1.0);
    assert!((below.value - 295.0).abs() < 3.0 * below.standard_error, "{below:?}");
    assert!(below.standard_error < 2.0);
}

#[test]
fn networks_of_low_rank() {
    with_problem(&small_cases()[1], |golden, problem| {
        let known = golden.get("eigenvalues").values;
        let options = DensityOptions { probes: 24, steps: 80, seed: 1 };
        let mut steps = 0;
        let mut watch = WatchFn(|_: Progress| {
            steps += 1;
            ControlFlow::Continue(())
        });
        let density = spectral_density(&Hessian(problem), &options, &mut watch).unwrap();
        assert_eq!(steps, 80);
        for power in 1..=2 {
            let (got, wanted) = (density.mean_of(|x| x.powi(power)), mean(&known, |x| x.powi(power)));
            assert!((got.value - wanted).abs() < 3.0 * got.standard_error, "{power}: {got:?}, wanted {wanted}");
        }
        let (low, high) = density.range();
        assert!((high - known[known.len() - 1]).abs() < 1e-10 * high && low >= known[0] - 1e-14);
    });
}

#[test]
fn same_bytes_on_any_number_of_threads() {
    with_problem(&small_cases()[1], |_, problem| {
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let options = DensityOptions { probes: 5, steps: 20, seed: 0 };
            pool.install(|| spectral_density(&Hessian(problem), &options, &mut ()).unwrap())
        };
        assert_eq!(run(1), run(2));
    });
}

#[test]
fn refuses_what_has_no_error_bar() {
    let operator = Reflected::<f64>::new(vec![1.0; 5]);
    let one = DensityOptions { probes: 1, ..DensityOptions::default() };
    let error = spectral_density(&operator, &one, &mut ()).unwrap_err();
    assert_eq!(error.to_string(), "the number of probes of the spectral density is 1; expected 2 or more");
    let none = DensityOptions { steps: 0, ..DensityOptions::default() };
    assert!(matches!(spectral_density(&operator, &none, &mut ()), Err(EstimateError::TooFew { .. })));
    let broken = Reflected::<f64>::new(vec![f64::INFINITY; 5]);
    let error = spectral_density(&broken, &DensityOptions::default(), &mut ()).unwrap_err();
    assert!(matches!(error, EstimateError::Failed(Failure::NotFinite)));
}

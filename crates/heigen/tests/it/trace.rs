//! Tests of estimates of trace and diagonal: they are unbiased, and their errors are honest.

use crate::common::networks::small_cases;
use crate::common::operators::{Reflected, laplacian, sines, with_problem};
use heigen::curvature::{
    Estimate, EstimateError, Failure, Hessian, dense, diagonal, exact_diagonal, hutchinson, trace,
};

/// A spectrum that decays slowly, is indefinite and has full rank.
fn slow() -> Vec<f64> {
    (0..200).map(|i| (1.0 / (1.0 + f64::from(i))).sqrt() * if i % 3 == 0 { -1.0 } else { 1.0 }).collect()
}

fn fast() -> Vec<f64> {
    (0..200).map(|i| 0.8f64.powi(i)).collect()
}

/// The mean over seeds, and the fraction of runs within two of their own standard errors.
fn over_seeds(wanted: f64, estimate: impl Fn(u32) -> Estimate) -> (f64, f64, f64) {
    let estimates: Vec<Estimate> = (0..150).map(estimate).collect();
    let n = estimates.len() as f64;
    let mean = estimates.iter().map(|e| e.value).sum::<f64>() / n;
    let spread = (estimates.iter().map(|e| (e.value - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt();
    let within = estimates.iter().filter(|e| (e.value - wanted).abs() <= 2.0 * e.standard_error).count() as f64 / n;
    (mean, spread, within)
}

#[test]
fn traces_are_unbiased_and_their_errors_honest() {
    for spectrum in [slow(), fast()] {
        let wanted: f64 = spectrum.iter().sum();
        let operator = sines(&spectrum);
        let (mean, spread, within) = over_seeds(wanted, |seed| trace(&operator, 60, seed, &mut ()).unwrap());
        println!("Hutch++ {mean} +- {spread} for {wanted}, {within} within two standard errors");
        assert!((mean - wanted).abs() < 4.0 * spread / 150f64.sqrt(), "{mean} for {wanted}");
        assert!(within > 0.85, "{within}");
        let (mean, plain, within) = over_seeds(wanted, |seed| hutchinson(&operator, 60, seed, &mut ()).unwrap());
        println!("Hutchinson {mean} +- {plain}, {within}");
        assert!((mean - wanted).abs() < 4.0 * plain / 150f64.sqrt(), "{mean} for {wanted}");
        assert!(within > 0.85, "{within}");
    }
}

#[test]
fn decay_makes_hutch_plus_plus_far_better_than_an_average() {
    let operator = sines(&fast());
    let (_, spread, _) = over_seeds(0.0, |seed| trace(&operator, 60, seed, &mut ()).unwrap());
    let (_, plain, _) = over_seeds(0.0, |seed| hutchinson(&operator, 60, seed, &mut ()).unwrap());
    assert!(spread < 0.1 * plain, "{spread} against {plain}");
}

#[test]
fn exact_where_the_rank_is_small() {
    let spectrum: Vec<f64> = (0..150).map(|i| if i < 12 { f64::from(i) - 4.0 } else { 0.0 }).collect();
    let wanted: f64 = spectrum.iter().sum();
    let got = trace(&Reflected::<f64>::new(spectrum), 40, 0, &mut ()).unwrap();
    assert!((got.value - wanted).abs() < 1e-10 && got.standard_error == 0.0, "{got:?}");
    let zero = trace(&Reflected::<f64>::new(vec![0.0; 30]), 6, 0, &mut ()).unwrap();
    assert_eq!(zero, Estimate { value: 0.0, standard_error: 0.0 });
    for p in [1, 2, 6] {
        let all = trace(&Reflected::<f64>::new(vec![2.5; p]), 6, 0, &mut ()).unwrap();
        assert!((all.value - 2.5 * p as f64).abs() < 1e-12 && all.standard_error == 0.0);
    }
}

#[test]
fn networks() {
    for case in small_cases() {
        with_problem(&case, |golden, problem| {
            let wanted = golden.get("trace").scalar();
            let got = trace(&Hessian(problem), 60, 7, &mut ()).unwrap();
            let rounding = 1e-9 * golden.get("eigenvalues").values.iter().fold(0.0f64, |m, l| m.max(l.abs()));
            assert!(
                (got.value - wanted).abs() <= 3.0 * got.standard_error + rounding,
                "{}: {got:?}, {wanted}",
                case.name
            );
            let known = exact_diagonal(&Hessian(problem), &mut ()).unwrap();
            let matrix = dense(&Hessian(problem), &mut ()).unwrap();
            assert!(
                (0..known.len()).all(|i| (known[i] - matrix.column(i)[i]).abs() <= 1e-14 * matrix.column(i)[i].abs())
            );
            let sum: f64 = known.iter().sum();
            let scale = golden.get("eigenvalues").values.iter().fold(0.0f64, |m, l| m.max(l.abs()));
            assert!((sum - wanted).abs() <= 1e-9 * scale, "{sum} for {wanted}");
        });
    }
}

#[test]
fn diagonal_estimates_cover_the_diagonal() {
    let operator = sines(&slow());
    let known = exact_diagonal(&operator, &mut ()).unwrap();
    let got = diagonal(&operator, 150, 2, &mut ()).unwrap();
    let within = got.iter().zip(&known).filter(|(e, d)| (e.value - *d).abs() <= 2.0 * e.standard_error).count();
    assert!((0.90..0.99).contains(&(within as f64 / known.len() as f64)), "{within} of {}", known.len());
    // A diagonal matrix is exact from the first samples; the Laplacian's off-diagonal makes the variance 2 inside.
    let laplacian = diagonal(&laplacian(50), 400, 0, &mut ()).unwrap();
    let inner = &laplacian[1..49];
    let mean_error = inner.iter().map(|e| e.standard_error).sum::<f64>() / inner.len() as f64;
    assert!((mean_error - (2.0f64 / 400.0).sqrt()).abs() < 0.1 * mean_error, "{mean_error}");
}

#[test]
fn float32() {
    let spectrum = fast();
    let wanted: f64 = spectrum.iter().sum();
    let operator = Reflected::<f32>::new(spectrum);
    let got = trace(&operator, 60, 0, &mut ()).unwrap();
    assert!((got.value - wanted).abs() <= 4.0 * got.standard_error + 1e-3, "{got:?} for {wanted}");
}

#[test]
fn same_bytes_on_any_number_of_threads() {
    with_problem(&small_cases()[1], |_, problem| {
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let h = Hessian(problem);
                (
                    trace(&h, 30, 0, &mut ()).unwrap(),
                    hutchinson(&h, 70, 0, &mut ()).unwrap(),
                    diagonal(&h, 70, 0, &mut ()).unwrap(),
                )
            })
        };
        assert_eq!(run(1), run(2));
    });
}

#[test]
fn refuses_too_few_samples_and_broken_operators() {
    let operator = Reflected::<f64>::new(vec![1.0; 5]);
    let error = trace(&operator, 5, 0, &mut ()).unwrap_err();
    assert_eq!(error.to_string(), "the number of products of the trace is 5; expected 6 or more");
    assert!(matches!(diagonal(&operator, 0, 0, &mut ()), Err(EstimateError::TooFew { .. })));
    let broken = Reflected::<f64>::new(vec![f64::NAN; 5]);
    let not_finite = |error: EstimateError| matches!(error, EstimateError::Failed(Failure::NotFinite));
    assert!(not_finite(trace(&broken, 6, 0, &mut ()).unwrap_err()));
    assert!(not_finite(diagonal(&broken, 3, 0, &mut ()).unwrap_err()));
}

//! Compares extreme eigenpairs with known spectra and with PyTorch's.
use std::ops::ControlFlow;

use crate::common::networks::{large_case, small_cases};
use crate::common::operators::{Dense, Reflected, laplacian, with_problem};
use heigen::curvature::{
    Failure, Hessian, Host, KrylovBasis, Progress, Start, SymmetricOperator, TopK, TopKError, TopKOptions, WatchFn,
    Which, top_k, top_k_from,
};
use heigen::linalg::{Matrix, Scalar};

const ENDS: [Which; 4] = [Which::Largest, Which::Smallest, Which::BothEnds, Which::LargestMagnitude];
/// Tolerance for the orthonormality of eigenvectors in float64.
const ORTHONORMAL: f64 = 1e-11;

/// The k eigenvalues that are wanted among the known ones, in the order of return.
fn wanted(eigenvalues: &[f64], k: usize, which: Which) -> Vec<f64> {
    let mut ascending = eigenvalues.to_vec();
    ascending.sort_by(f64::total_cmp);
    let k = k.min(ascending.len());
    let descending: Vec<f64> = ascending.iter().rev().copied().collect();
    match which {
        Which::Largest => descending[..k].to_vec(),
        Which::Smallest => ascending[..k].to_vec(),
        Which::BothEnds => [&descending[..k.div_ceil(2)], &ascending[..k / 2]].concat(),
        Which::LargestMagnitude => {
            let mut order = descending;
            order.sort_by(|a, b| b.abs().total_cmp(&a.abs()));
            order[..k].to_vec()
        }
    }
}

fn orthonormality<T: Scalar>(v: &Matrix<T>) -> f64 {
    let gram = v.transposed_product(v);
    let entry = |i: usize, j: usize| gram.data[i + j * gram.rows].to_f64() - f64::from(u8::from(i == j));
    (0..gram.rows).flat_map(|i| (0..gram.rows).map(move |j| (i, j))).map(|(i, j)| entry(i, j).abs()).fold(0.0, f64::max)
}

#[track_caller]
fn check(
    operator: &impl SymmetricOperator<Host<f64>>,
    known: &[f64],
    k: usize,
    which: Which,
    options: &TopKOptions,
) -> TopK<Matrix<f64>> {
    let top = top_k(operator, k, which, options).unwrap();
    let scale = known.iter().fold(0.0f64, |m, l| m.max(l.abs()));
    let expected = wanted(known, k, which);
    assert_eq!(top.eigenvalues.len(), expected.len());
    let by_size = |l: &[f64]| -> Vec<f64> {
        if which == Which::LargestMagnitude { l.iter().map(|l| l.abs()).collect() } else { l.to_vec() }
    };
    for (i, (got, wanted)) in by_size(&top.eigenvalues).iter().zip(by_size(&expected)).enumerate() {
        assert!((got - wanted).abs() <= 1e-9 * scale, "{which:?} {i} of {k}: got {got:e}, wanted {wanted:e}");
    }
    assert!(top.converged && top.residuals.iter().all(|&r| r <= top.tolerance * top.scale), "{:?}", top.residuals);
    assert!(top.scale <= scale * (1.0 + 1e-12));
    assert!(orthonormality(&top.eigenvectors) < ORTHONORMAL, "{:e}", orthonormality(&top.eigenvectors));
    top
}

fn options(tolerance: f64, block: usize) -> TopKOptions {
    TopKOptions { tolerance, block: Some(block), ..TopKOptions::default() }
}

#[test]
fn known_spectra() {
    let n = 300;
    let at = |i: usize| i as f64 / n as f64;
    let spectra: Vec<(&str, Vec<f64>)> = vec![
        ("separated", (0..n).map(|i| 0.8f64.powf(i as f64)).collect()),
        ("indefinite", (0..n).map(|i| (at(i) - 0.6).powi(3)).collect()),
        ("rank-deficient", (0..n).map(|i| if i < 25 { 1.0 + at(i) } else { 0.0 }).collect()),
        ("indefinite and rank-deficient", (0..n).map(|i| if i < 20 { at(i) - 0.03 } else { 0.0 }).collect()),
        ("clusters", (0..n).map(|i| (i / 30) as f64 + 1e-13 * at(i)).collect()),
        ("one repeated beyond any block", (0..n).map(|i| if i < 40 { 2.0 } else { at(i) }).collect()),
        ("plus and minus", (0..n).map(|i| if i % 2 == 0 { 1.0 } else { -1.0 } / (1.0 + (i / 2) as f64)).collect()),
        ("identity", vec![3.0; n]),
        ("zero", vec![0.0; n]),
    ];
    for (name, spectrum) in spectra {
        let operator = Reflected::<f64>::new(spectrum.clone());
        for which in ENDS {
            for block in [1, 4, 8] {
                for k in [1, 7, 50] {
                    println!("{name} {which:?} block {block} k {k}");
                    // A block of one direction cannot see repetitions.
                    let repeated = ["clusters", "one repeated beyond any block"].contains(&name);
                    if block > 1 || !repeated {
                        check(&operator, &spectrum, k, which, &options(1e-9, block));
                    }
                }
            }
        }
    }
}

#[test]
fn badly_separated_ends_with_restarts() {
    let n = 400;
    let known: Vec<f64> =
        (1..=n).map(|i| 4.0 * (std::f64::consts::PI * i as f64 / (2.0 * (n + 1) as f64)).sin().powi(2)).collect();
    let options = TopKOptions { max_subspace: Some(90), max_products: Some(20_000), ..options(1e-8, 4) };
    for which in [Which::Largest, Which::BothEnds] {
        let top = check(&laplacian(n), &known, 6, which, &options);
        assert!(top.restarts > 0);
    }
}

#[test]
fn small_and_extreme_sizes() {
    for p in [1, 2, 3, 5, 12] {
        for spectrum in [(0..p).map(|i| i as f64 - 2.0).collect::<Vec<_>>(), vec![0.0; p], vec![-1.5; p]] {
            let operator = Reflected::<f64>::new(spectrum.clone());
            for which in ENDS {
                for k in [1, 2, p, p + 3] {
                    for block in [1, 4, 40] {
                        check(&operator, &spectrum, k, which, &options(1e-12, block));
                    }
                }
            }
        }
    }
    let none = top_k(&laplacian(5), 0, Which::Largest, &TopKOptions::default()).unwrap();
    assert!(none.converged && none.eigenvalues.is_empty() && none.products == 0);
}

#[test]
fn float32() {
    let spectrum: Vec<f64> = (0..200).map(|i| 0.9f64.powi(i) - 0.2).collect();
    let top = top_k(&Reflected::<f32>::new(spectrum.clone()), 8, Which::BothEnds, &TopKOptions::default()).unwrap();
    assert!(top.converged && top.tolerance > 1e-8);
    for (got, wanted) in top.eigenvalues.iter().zip(wanted(&spectrum, 8, Which::BothEnds)) {
        assert!((got - wanted).abs() < 1e-5);
    }
    assert!(orthonormality(&top.eigenvectors) < 1e-4);
}

#[test]
fn small_networks_agree_with_pytorch() {
    for case in small_cases() {
        with_problem(&case, |golden, problem| {
            let known = golden.get("eigenvalues").values;
            for which in ENDS {
                println!("{} {which:?}", case.name);
                check(&Hessian(problem), &known, 20, which, &options(1e-10, 4));
            }
        });
    }
}

#[test]
fn more_pairs_than_the_rank() {
    with_problem(&small_cases()[1], |golden, problem| {
        let known = golden.get("eigenvalues").values;
        let rank = golden.get("rank_1e_10").scalar() as usize;
        let top = check(&Hessian(problem), &known, rank + 10, Which::LargestMagnitude, &options(1e-10, 16));
        assert!(top.products < 2 * rank + 100, "{}", top.products);
    });
}

#[test]
fn large_network_agrees_with_pytorch() {
    with_problem(&large_case(), |golden, problem| {
        let known = golden.get("eigenvalues").values;
        let tight = options(1e-10, TopKOptions::DEFAULT_BLOCK);
        check(&Hessian(problem), &known, 10, Which::Largest, &tight);
        check(&Hessian(problem), &known, 50, Which::Largest, &tight);
        check(&Hessian(problem), &known, 20, Which::BothEnds, &tight);
    });
}

/// The number of products is what a search costs. Those of other programs for the same spectrum stand in the guide.
#[test]
fn products_for_the_large_network_do_not_grow() {
    with_problem(&large_case(), |golden, problem| {
        let known = golden.get("eigenvalues").values;
        let scale = known.iter().fold(0.0f64, |m, l| m.max(l.abs()));
        // Products in float64, and those in float32 before them.
        let cases = [(10, 1e-6, [14, 62]), (10, 1e-10, [86, 0]), (50, 1e-6, [60, 390]), (50, 1e-10, [390, 0])];
        for (k, tolerance, most) in cases {
            let options = TopKOptions { tolerance, ..TopKOptions::default() };
            let top = top_k(&Hessian(problem), k, Which::Largest, &options).unwrap();
            let got = [top.products, top.drafts];
            assert!(got[0] <= most[0] && got[1] <= most[1], "{k} pairs to {tolerance:e} took {got:?}, not {most:?}");
            for (got, wanted) in top.eigenvalues.iter().zip(wanted(&known, k, Which::Largest)) {
                assert!((got - wanted).abs() <= tolerance * scale, "{got:e} {wanted:e}");
            }
        }
    });
}

#[test]
fn continues_where_it_stopped() {
    let spectrum: Vec<f64> = (0..500).map(|i| 1.0 / (1.0 + f64::from(i))).collect();
    let operator = Reflected::<f64>::new(spectrum.clone());
    let mut basis = KrylovBasis::random(&Host::<f64>::new(500), 4, 0).unwrap();
    let loose = options(1e-4, 4);
    let tight = options(1e-11, 4);
    let first = top_k_from(Start::Continue(&mut basis), &operator, 5, Which::Largest, &loose, &mut ()).unwrap();
    let mut looks = 0;
    let mut watch = WatchFn(|_: Progress| {
        looks += 1;
        ControlFlow::Continue(())
    });
    let second = top_k_from(Start::Continue(&mut basis), &operator, 12, Which::Largest, &tight, &mut watch).unwrap();
    let at_once = top_k(&operator, 12, Which::Largest, &tight).unwrap();
    assert!(looks > 0 && first.products < at_once.products);
    assert!(first.products + second.products <= at_once.products + 40);
    for (got, wanted) in second.eigenvalues.iter().zip(&spectrum) {
        assert!((got - wanted).abs() < 1e-11);
    }
    let again = top_k_from(Start::Continue(&mut basis), &operator, 12, Which::Largest, &tight, &mut ()).unwrap();
    assert_eq!(again.products, 2, "only the bounds on the residuals are computed again");
    assert_eq!(basis.products(), first.products + second.products + 2);
}

#[test]
fn starting_directions_help_and_do_not_mislead() {
    let spectrum: Vec<f64> = (0..500).map(|i| 1.0 / (1.0 + f64::from(i))).collect();
    let operator = Reflected::<f64>::new(spectrum.clone());
    let options = options(1e-9, 4);
    let eight = top_k(&operator, 8, Which::Largest, &options).unwrap();
    let warm =
        top_k_from(Start::Directions(&eight.eigenvectors), &operator, 8, Which::Largest, &options, &mut ()).unwrap();
    assert!(warm.products < eight.products, "{} against {}", warm.products, eight.products);
    // The start is exact eigenvectors, but of the wrong end.
    let low = top_k(&operator, 5, Which::Smallest, &options).unwrap();
    let top =
        top_k_from(Start::Directions(&low.eigenvectors), &operator, 5, Which::Largest, &options, &mut ()).unwrap();
    assert!((top.eigenvalues[0] - 1.0).abs() < 1e-9 && (top.eigenvalues[4] - 0.2).abs() < 1e-9);
}

#[test]
fn errors_hold_what_was_reached() {
    let few = TopKOptions { max_products: Some(40), ..options(1e-10, 4) };
    let error = top_k(&laplacian(300), 5, Which::Largest, &few).unwrap_err();
    assert!(error.to_string().contains("0 of 5 eigenpairs"), "{error}");
    let TopKError::NotConverged(reached) = error else { panic!("{error}") };
    assert!(!reached.converged && reached.products <= 40);
    // An eigenvalue lies within the residual, converged or not.
    for (value, residual) in reached.eigenvalues.iter().zip(&reached.residuals) {
        let nearest = (1..=300)
            .map(|i| 4.0 * (std::f64::consts::PI * f64::from(i) / 602.0).sin().powi(2))
            .fold(f64::INFINITY, |m, l| m.min((l - value).abs()));
        assert!(nearest <= residual * (1.0 + 1e-9));
    }
    let broken = Dense(Matrix::from_fn(9, 9, |i, j| if i + j == 8 { f64::NAN } else { 0.0 }));
    assert!(matches!(top_k(&broken, 2, Which::Largest, &few), Err(TopKError::Failed(Failure::NotFinite))));
    let mut basis = KrylovBasis::random(&Host::<f64>::new(7), 2, 0).unwrap();
    let size = top_k_from(Start::Continue(&mut basis), &laplacian(9), 2, Which::Largest, &few, &mut ());
    assert!(matches!(size, Err(TopKError::Size { got: 7, wanted: 9 })));
}

#[test]
fn same_bytes_on_any_number_of_threads() {
    with_problem(&small_cases()[1], |_, problem| {
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| top_k(&Hessian(problem), 12, Which::BothEnds, &TopKOptions::default()).unwrap())
        };
        let (one, two) = (run(1), run(2));
        assert_eq!(one, two);
        assert!(one.eigenvectors.data.iter().zip(&two.eigenvectors.data).all(|(a, b)| a.to_bits() == b.to_bits()));
    });
}

//! Whatever the unit of the loss, the numbers of a matrix are found: searches, densities, traces, norms, diagonals and solutions of
//! matrices whose squares are no numbers any more. A power of two changes no digit of them.

use crate::operators::{Reflected, Times};
use crate::pieces::Pieces;
use heigen_spectra::linalg::{Matrix, Scalar};
use heigen_spectra::{
    DensityOptions, Estimate, Failure, Host, KrylovBasis, SolveOptions, Space, Start, SymmetricOperator, TopK,
    TopKError, TopKOptions, Which, diagonal, exact_diagonal, frobenius_norm, hutchinson, refine, refine_ends, solve,
    spectral_density, top_k, top_k_from, trace,
};
use std::fmt::Debug;

const P: usize = 120;
const SCALES: [f64; 4] = [1e200, 1e-200, 1e290, 1e-290];
const LARGEST: f64 = 10.01;

/// Outliers of both signs, thinning out towards a bulk.
fn eigenvalues() -> Vec<f64> {
    let value =
        |i: usize| if i % 3 == 1 { -3.0 * 0.7f64.powf((i / 3) as f64) } else { 10.0 * 0.8f64.powf((i / 2) as f64) };
    (0..P).map(|i| value(i) + 0.01).collect()
}

fn scaled<S: Space>(space: &S, scale: f64) -> Times<S> {
    Times(Reflected::new(space.clone(), eigenvalues()), scale)
}

fn close(got: f64, wanted: f64, room: f64, what: &dyn Debug) {
    assert!((got - wanted).abs() <= room, "{what:?}: {got:e}, wanted {wanted:e} within {room:e}");
}

/// Everything that is estimated or found of a matrix, as numbers with their names, and by which power of the matrix each grows.
fn numbers<S: Space<Block: Debug>>(space: &S, scale: f64, tolerance: f64) -> Vec<(String, f64, i32)> {
    let operator = scaled(space, scale);
    let mut found: Vec<(String, f64, i32)> = Vec::new();
    let mut add = |name: &str, numbers: &mut dyn Iterator<Item = f64>, power: i32| {
        found.extend(numbers.enumerate().map(|(i, x)| (format!("{name} {i}"), x, power)));
    };
    let entries = |block: &S::Block| space.to_host(space.all(block), 0..P).unwrap().data;

    let options = TopKOptions { tolerance, ..TopKOptions::default() };
    let searched = top_k(&operator, 4, Which::BothEnds, &options).unwrap();
    let refined = refine(&searched.eigenvectors, &operator, 3, Which::Largest, &options, &mut ()).unwrap();
    let ends = refine_ends(&searched.eigenvectors, &operator, 2, 1, &options, &mut ()).unwrap();
    let mut warm = space.copy(space.all(&searched.eigenvectors)).unwrap();
    space.scale_columns(&mut warm, &[scale, scale, scale, scale]).unwrap();
    let directed =
        top_k_from(Start::Directions(&warm), &operator, 2, Which::LargestMagnitude, &options, &mut ()).unwrap();
    let mut basis = KrylovBasis::random(space, 2, 5).unwrap();
    let first = top_k_from(Start::Continue(&mut basis), &operator, 2, Which::Largest, &options, &mut ()).unwrap();
    let products = basis.products();
    let second = top_k_from(Start::Continue(&mut basis), &operator, 4, Which::Largest, &options, &mut ()).unwrap();
    assert_eq!(basis.products(), products + second.products);
    let few = TopKOptions { max_products: Some(16), ..options.clone() };
    let Err(TopKError::NotConverged(early)) = top_k(&operator, 4, Which::BothEnds, &few) else {
        panic!("16 products are enough")
    };
    for (name, top) in [
        ("searched", &searched),
        ("refined", &refined),
        ("ends", &ends),
        ("directed", &directed),
        ("first", &first),
        ("second", &second),
        ("early", &*early),
    ] {
        let TopK { eigenvalues, eigenvectors, residuals, scale, products, restarts, .. } = top;
        add(&format!("{name}: eigenvalue"), &mut eigenvalues.iter().copied(), 1);
        add(&format!("{name}: residual"), &mut residuals.iter().copied(), 1);
        add(&format!("{name}: scale"), &mut [*scale].into_iter(), 1);
        add(&format!("{name}: costs"), &mut [*products, *restarts].into_iter().map(|x| x as f64), 0);
        add(&format!("{name}: entry"), &mut entries(eigenvectors).into_iter(), 0);
    }

    let density = spectral_density(&operator, &DensityOptions { probes: 6, steps: 25, seed: 1 }, &mut ()).unwrap();
    for probe in &density.probes {
        add("node", &mut probe.nodes.iter().copied(), 1);
        add("weight", &mut probe.weights.iter().copied(), 0);
    }
    let mut estimates = vec![("mean", density.mean_of(|x| x), 1), ("below", density.count_below(scale), 0)];
    let curve = density.curve(40, 0.02).unwrap();
    add("grid", &mut curve.grid.iter().copied(), 1);
    estimates.extend(curve.density.iter().map(|&height| ("density", height, -1)));
    estimates.push(("trace", trace(&operator, 30, 0, &mut ()).unwrap(), 1));
    estimates.push(("Hutchinson's trace", hutchinson(&operator, 70, 0, &mut ()).unwrap(), 1));
    for products in [30, P] {
        estimates.push(("Frobenius norm", frobenius_norm(&operator, products, 0, &mut ()).unwrap(), 1));
    }
    estimates.extend(diagonal(&operator, 80, 3, &mut ()).unwrap().into_iter().map(|entry| ("diagonal", entry, 1)));
    for (name, Estimate { value, standard_error }, power) in estimates {
        add(name, &mut [value].into_iter(), power);
        add(&format!("error of {name}"), &mut [standard_error].into_iter(), power);
    }
    add("exact diagonal", &mut exact_diagonal(&operator, &mut ()).unwrap().into_iter(), 1);
    found
}

/// Digits do not depend on a power of two.
#[track_caller]
fn same_digits<S: Space<Block: Debug>>(space: &S, binary: i32, tolerance: f64) {
    let scale = 2f64.powi(binary);
    let (plain, other) = (numbers(space, 1.0, tolerance), numbers(space, scale, tolerance));
    assert_eq!(plain.len(), other.len());
    let differs = |&((_, wanted, power), (_, got, _)): &(&(String, f64, i32), &(String, f64, i32))| {
        (wanted * scale.powi(*power)).to_bits() != got.to_bits()
    };
    let different: Vec<_> = plain.iter().zip(&other).filter(differs).map(|((name, ..), _)| name).collect();
    assert!(different.is_empty(), "2^{binary}: {} numbers differ, {different:?}", different.len());
}

#[test]
fn a_power_of_two_changes_no_digit() {
    for binary in [600, -600, 900, -900] {
        same_digits(&Host::<f64>::new(P), binary, 1e-9);
    }
}

#[test]
fn a_power_of_two_changes_no_digit_in_pieces() {
    for binary in [600, -600] {
        same_digits(&Pieces::new(P), binary, 1e-9);
    }
}

#[test]
fn a_power_of_two_changes_no_digit_in_float32() {
    for binary in [80, -80] {
        same_digits(&Host::<f32>::new(P), binary, 1e-4);
    }
}

/// By closed forms, and by the estimates of the plain matrix where these are at random.
fn of_any_scale<S: Space<Block: Debug>>(space: &S) {
    let mut descending = eigenvalues();
    descending.sort_by(|a, b| b.total_cmp(a));
    let sum: f64 = descending.iter().sum();
    let norm = descending.iter().map(|l| l * l).sum::<f64>().sqrt();
    let matrix = Reflected::new(space.clone(), eigenvalues()).matrix();
    let options = TopKOptions { tolerance: 1e-9, ..TopKOptions::default() };
    for scale in SCALES {
        let operator = scaled(space, scale);
        let found = top_k(&operator, 4, Which::BothEnds, &options).unwrap();
        let wanted = [descending[0], descending[1], descending[P - 1], descending[P - 2]];
        let refined = refine(&found.eigenvectors, &operator, 4, Which::BothEnds, &options, &mut ()).unwrap();
        for pairs in [&found, &refined] {
            for ((got, wanted), residual) in pairs.eigenvalues.iter().zip(&wanted).zip(&pairs.residuals) {
                close(got / scale, *wanted, 1e-8 * LARGEST, &("eigenvalue", scale));
                assert!(*residual > 0.0 && residual / scale < 1e-8 * LARGEST, "{scale:e}: residual {residual:e}");
            }
        }
        let estimate = trace(&operator, 30, 0, &mut ()).unwrap();
        assert!(estimate.standard_error / scale > 1e-3);
        close(estimate.value / scale, sum, 6.0 * estimate.standard_error / scale, &("trace", scale));
        for products in [30, P] {
            let estimate = frobenius_norm(&operator, products, 0, &mut ()).unwrap();
            let room = 6.0 * estimate.standard_error / scale + 1e-12 * norm;
            assert!(room < 0.1 * norm, "{scale:e}: {estimate:?}");
            close(estimate.value / scale, norm, room, &("norm", scale));
        }
        let density = spectral_density(&operator, &DensityOptions { probes: 6, steps: 25, seed: 1 }, &mut ()).unwrap();
        let mean = density.mean_of(|x| x);
        close(mean.value / scale, sum / P as f64, 6.0 * mean.standard_error / scale, &("mean", scale));
        let estimates = diagonal(&operator, 80, 3, &mut ()).unwrap();
        let exact = exact_diagonal(&operator, &mut ()).unwrap();
        let mut beyond = 0;
        for (i, (exact, estimate)) in exact.iter().zip(&estimates).enumerate() {
            close(exact / scale, matrix.column(i)[i], 1e-12 * LARGEST, &("diagonal", scale));
            beyond += usize::from((estimate.value - exact).abs() > 3.0 * estimate.standard_error);
        }
        assert!(beyond < P / 20, "{scale:e}: {beyond} entries of the diagonal are off");
    }
}

#[test]
fn numbers_of_matrices_of_any_scale() {
    of_any_scale(&Host::<f64>::new(P));
}

#[test]
fn numbers_of_matrices_of_any_scale_in_pieces() {
    of_any_scale(&Pieces::new(P));
}

/// A x = b where A, b, or both are far from 1: x is that of the plain system, scaled.
#[test]
fn systems_of_any_scale() {
    let space = Host::<f64>::new(P);
    let positive: Vec<f64> = (0..P).map(|i| 1.0 + i as f64).collect();
    let solved = |of_a: f64, of_b: f64| {
        let operator = Times(Reflected::new(space.clone(), positive.clone()), of_a);
        let right = Matrix::from_fn(P, 2, |i, j| of_b * ((i + 3 * j) as f64).cos());
        let options = SolveOptions { damping: 0.5 * of_a, ..SolveOptions::default() };
        solve(&operator, &right, &options, &mut ()).unwrap()
    };
    let plain = solved(1.0, 1.0);
    for (a, b) in [(600, 600), (600, 0), (0, 600), (-600, -600), (-300, 300), (300, -600), (0, -600)] {
        let (of_a, of_b) = (2f64.powi(a), 2f64.powi(b));
        let found = solved(of_a, of_b);
        assert_eq!((found.converged, found.products), (true, plain.products), "2^{a}, 2^{b}");
        let of = |numbers: &[f64], scale: f64| numbers.iter().map(|x| x * scale).collect::<Vec<f64>>();
        assert_eq!(found.x.data, of(&plain.x.data, of_b / of_a), "2^{a}, 2^{b}");
        assert_eq!(found.residuals, of(&plain.residuals, of_b));
        assert_eq!(found.norms, of(&plain.norms, of_b));
    }
}

/// c A with a form in float32, whose entries are numbers of float32, but not their squares.
struct Coarsened<T: Scalar>(Times<Host<T>>);

impl<T: Scalar> SymmetricOperator<Host<T>> for Coarsened<T> {
    fn space(&self) -> Host<T> {
        self.0.space()
    }

    fn apply(&self, directions: &Matrix<T>, out: &mut Matrix<T>) -> Result<(), Failure> {
        self.0.apply(directions, out)
    }

    fn coarse(&self) -> Result<Option<Box<dyn SymmetricOperator<Host<f32>> + '_>>, Failure> {
        Ok(Some(Box::new(scaled(&Host::<f32>::new(P), self.0.1))))
    }
}

fn drafted<T: Scalar>(tolerance: f64, scales: &[i32]) {
    let options = TopKOptions { tolerance, ..TopKOptions::default() };
    let space = Host::<T>::new(P);
    let search = |scale: f64| top_k(&Coarsened(scaled(&space, scale)), 3, Which::Largest, &options).unwrap();
    let plain = search(1.0);
    assert!(plain.drafts > 0 && plain.products < plain.drafts, "{} {}", plain.products, plain.drafts);
    for &binary in scales {
        let scale = 2f64.powi(binary);
        let found = search(scale);
        // Beyond the numbers of float32 there is no draft.
        if binary.abs() < 120 {
            assert_eq!([found.drafts, found.products], [plain.drafts, plain.products], "2^{binary}");
        }
        for (got, wanted) in found.eigenvalues.iter().zip(&plain.eigenvalues) {
            close(got / scale, *wanted, tolerance * LARGEST, &("eigenvalue", scale));
        }
        assert!(found.residuals.iter().all(|r| *r <= tolerance * found.scale));
    }
}

#[test]
fn drafts_of_matrices_of_any_scale() {
    drafted::<f64>(1e-6, &[80, -80, 600, -600]);
    drafted::<f32>(1e-4, &[80, -80]);
}

//! Whatever the unit of the loss, the numbers of a matrix are found: searches, densities, traces, norms and diagonals of matrices
//! that are scaled by 1e200 and 1e-200, whose squares are no numbers any more.

use crate::operators::{Reflected, Times};
use crate::pieces::Pieces;
use heigen_spectra::{
    Estimate, Host, Space, TopKOptions, Which, diagonal, exact_diagonal, frobenius_norm, hutchinson, refine,
    spectral_density, top_k, trace,
};
use std::fmt::Debug;

const P: usize = 120;
const SCALES: [f64; 5] = [1.0, 1e200, 1e-200, 1e290, 1e-290];

/// Outliers of both signs, thinning out towards a bulk.
fn eigenvalues() -> Vec<f64> {
    (0..P)
        .map(
            |i| if i % 3 == 1 { -3.0 * 0.7f64.powf((i / 3) as f64) } else { 10.0 * 0.8f64.powf((i / 2) as f64) } + 0.01,
        )
        .collect()
}

fn close(got: f64, wanted: f64, room: f64, what: &dyn Debug) {
    assert!((got - wanted).abs() <= room, "{what:?}: {got:e}, wanted {wanted:e} within {room:e}");
}

/// An estimate of a scaled matrix is the scaled estimate, with its standard error.
fn same(got: Estimate, plain: Estimate, scale: f64, what: &dyn Debug) {
    close(got.value / scale, plain.value, 1e-9 * plain.value.abs(), what);
    close(got.standard_error / scale, plain.standard_error, 1e-6 * plain.standard_error.max(1e-6), what);
}

fn of_any_scale<S: Space<Block: Debug>>(space: &S) {
    let values = eigenvalues();
    let largest = 10.01;
    let sum: f64 = values.iter().sum();
    let norm = values.iter().map(|l| l * l).sum::<f64>().sqrt();
    let plain = Reflected::new(space.clone(), values.clone());
    let matrix = plain.matrix();
    let mut descending = values.clone();
    descending.sort_by(|a, b| b.total_cmp(a));
    let options = TopKOptions { tolerance: 1e-9, ..TopKOptions::default() };
    let density = heigen_spectra::DensityOptions { probes: 6, steps: 25, seed: 1 };
    let unscaled = spectral_density(&plain, &density, &mut ()).unwrap();
    for scale in SCALES {
        let operator = Times(Reflected::new(space.clone(), values.clone()), scale);
        // Extreme eigenpairs, searched for and refined.
        let found = top_k(&operator, 4, Which::BothEnds, &options).unwrap();
        let wanted = [&descending[..4], &descending[P - 4..]].concat();
        let start = space.copy(space.all(&found.eigenvectors)).unwrap();
        let refined = refine(&start, &operator, 4, Which::BothEnds, &options, &mut ()).unwrap();
        for pairs in [&found, &refined] {
            assert_eq!(pairs.eigenvalues.len(), 8);
            for ((got, wanted), residual) in pairs.eigenvalues.iter().zip(&wanted).zip(&pairs.residuals) {
                close(got / scale, *wanted, 1e-8 * largest, &("eigenvalue", scale));
                assert!(*residual > 0.0 && residual / scale < 1e-8 * largest, "{scale:e}: residual {residual:e}");
            }
        }
        // The density: its nodes are those of the plain matrix, its moments the matrix's.
        let found = spectral_density(&operator, &density, &mut ()).unwrap();
        for (got, wanted) in found.probes.iter().zip(&unscaled.probes) {
            assert_eq!(got.nodes.len(), wanted.nodes.len(), "{scale:e}");
            for (got, wanted) in got.nodes.iter().zip(&wanted.nodes) {
                close(got / scale, *wanted, 1e-6 * largest, &("node", scale));
            }
        }
        let mean = found.mean_of(|x| x);
        same(mean, unscaled.mean_of(|x| x), scale, &("mean", scale));
        close(mean.value / scale, sum / P as f64, 6.0 * mean.standard_error / scale, &("mean", scale));
        let (curve, wanted) = (found.curve(200, 0.02).unwrap(), unscaled.curve(200, 0.02).unwrap());
        for (got, wanted) in curve.density.iter().zip(&wanted.density) {
            let most = 1.0 / wanted.value.max(0.1);
            close(got.value * scale, wanted.value, 1e-5 / most.min(10.0), &("density", scale));
            close(got.standard_error * scale, wanted.standard_error, 1e-5, &("error of the density", scale));
        }
        let counted = (found.count_below(scale * 1.0), unscaled.count_below(1.0));
        assert!((counted.0.value - counted.1.value).abs() < 1e-6, "{scale:e}: {counted:?}");
        // Traces, norms and diagonals.
        let own = trace(&operator, 30, 0, &mut ()).unwrap();
        same(own, trace(&plain, 30, 0, &mut ()).unwrap(), scale, &("trace", scale));
        assert!(own.standard_error / scale > 0.0);
        close(own.value / scale, sum, 6.0 * own.standard_error / scale, &("trace", scale));
        same(
            hutchinson(&operator, 40, 0, &mut ()).unwrap(),
            hutchinson(&plain, 40, 0, &mut ()).unwrap(),
            scale,
            &("Hutchinson's trace", scale),
        );
        for products in [30, P] {
            let own = frobenius_norm(&operator, products, 0, &mut ()).unwrap();
            same(own, frobenius_norm(&plain, products, 0, &mut ()).unwrap(), scale, &("norm", scale));
            close(own.value / scale, norm, 6.0 * own.standard_error / scale + 1e-12 * norm, &("norm", scale));
        }
        let exact = exact_diagonal(&operator, &mut ()).unwrap();
        let (estimated, plain) =
            (diagonal(&operator, 80, 3, &mut ()).unwrap(), diagonal(&plain, 80, 3, &mut ()).unwrap());
        for (i, (exact, (estimated, plain))) in exact.iter().zip(estimated.iter().zip(&plain)).enumerate() {
            close(exact / scale, matrix.column(i)[i], 1e-12 * largest, &("diagonal", scale));
            close(estimated.value / scale, plain.value, 1e-9 * largest, &("estimated diagonal", scale));
            let errors = [estimated.standard_error / scale, plain.standard_error];
            close(errors[0], errors[1], 1e-6 * errors[1], &("error of the diagonal", scale));
        }
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

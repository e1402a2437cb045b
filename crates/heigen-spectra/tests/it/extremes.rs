//! Tests of the search for extreme eigenpairs: how many products it takes, and that its bounds on residuals hold.

use crate::operators::Reflected;
use heigen_spectra::linalg::{Matrix, Scalar};
use heigen_spectra::{
    Failure, Host, KrylovBasis, Space, Start, SymmetricOperator, TopK, TopKError, TopKOptions, Which, top_k, top_k_from,
};
use std::cell::Cell;

/// The largest |A v - lambda v|, in float64 from the eigenvalues of A.
fn true_residual<T: Scalar>(eigenvalues: &[f64], found: &TopK<Matrix<T>>) -> f64
where
    Host<T>: Space<Block = Matrix<T>>,
{
    let exact = Reflected::new(Host::<f64>::new(eigenvalues.len()), eigenvalues.to_vec());
    let data = found.eigenvectors.data.iter().map(|v| v.to_f64()).collect();
    let v = Matrix { data, rows: found.eigenvectors.rows, columns: found.eigenvectors.columns };
    let products = exact.product(&v).unwrap();
    let residual = |((p, v), lambda): ((&[f64], &[f64]), &f64)| {
        p.iter().zip(v).map(|(p, v)| (p - lambda * v).powi(2)).sum::<f64>().sqrt()
    };
    products.iter_columns().zip(v.iter_columns()).zip(&found.eigenvalues).map(residual).fold(0.0, f64::max)
}

/// Outliers of both signs that thin out towards a bulk, as those of a network for images: the largest 10 of 3,000 are a few
/// percent apart.
fn of_images() -> Vec<f64> {
    let outlier = |i: usize| 37.0 * (1.0 + 0.12 * i as f64).powf(-0.8);
    (0..300).map(outlier).chain((0..300).map(|i| -0.7 * outlier(i))).chain((0..2400).map(|i| 1e-3 * i as f64)).collect()
}

#[test]
fn products_that_a_search_takes_do_not_grow() {
    let eigenvalues = of_images();
    let counted = |block: Option<usize>, max_subspace: Option<usize>| {
        let operator = Reflected::new(Host::<f32>::new(eigenvalues.len()), eigenvalues.clone());
        let options = TopKOptions { tolerance: 2e-3, block, max_subspace, ..TopKOptions::default() };
        let found = top_k(&operator, 10, Which::Largest, &options).unwrap();
        let scale = found.scale;
        let off = found.eigenvalues.iter().zip(&eigenvalues).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(off <= 2e-3 * scale && true_residual(&eigenvalues, &found) <= 2e-3 * scale, "{off}");
        found.products
    };
    // Four of the products bound the residuals.
    let got = [counted(Some(1), None), counted(None, None), counted(None, Some(46)), counted(Some(4), None)];
    let most = [52, 62, 64, 80];
    assert!(got.iter().zip(most).all(|(&got, most)| got <= most), "{got:?} products, wanted at most {most:?}");
}

#[test]
fn bounds_on_residuals_hold() {
    let eigenvalues: Vec<f64> = (0..600).map(|i| 0.9f64.powi(i) - 0.1).collect();
    for tolerance in [1e-3, 1e-6, 1e-9] {
        let operator = Reflected::new(Host::<f64>::new(600), eigenvalues.clone());
        let options = TopKOptions { tolerance, ..TopKOptions::default() };
        let found = top_k(&operator, 12, Which::BothEnds, &options).unwrap();
        let (largest, real) =
            (found.residuals.iter().copied().fold(0.0, f64::max), true_residual(&eigenvalues, &found));
        assert!(real <= largest * (1.0 + 1e-6) && largest <= tolerance * found.scale, "{real:e} {largest:e}");
        assert!(largest < 10.0 * real.max(1e-11), "the bound is far away: {real:e} {largest:e}");
    }
}

/// An operator that becomes another one after some products: as a loader that shuffles its samples, or weights that someone
/// changes meanwhile.
struct Changing {
    operator: Reflected<Host<f64>>,
    left: Cell<usize>,
}

impl SymmetricOperator for Changing {
    fn space(&self) -> Host<f64> {
        self.operator.space()
    }

    fn apply(&self, v: &Matrix<f64>, out: &mut Matrix<f64>) -> Result<(), Failure> {
        self.operator.apply(v, out)?;
        if self.left.get() == 0 {
            // A rank-one change of the size 1e-5.
            let rows = v.rows as f64;
            for (out, v) in out.data.chunks_exact_mut(v.rows).zip(v.iter_columns()) {
                let mean = v.iter().sum::<f64>() / rows;
                out.iter_mut().for_each(|out| *out += 1e-5 * mean);
            }
        }
        self.left.set(self.left.get().saturating_sub(1));
        Ok(())
    }
}

#[test]
fn an_operator_that_has_changed_meanwhile_is_not_taken_for_converged() {
    let eigenvalues: Vec<f64> = (0..400).map(|i| 0.9f64.powi(i)).collect();
    let operator = || Reflected::new(Host::<f64>::new(400), eigenvalues.clone());
    let options = TopKOptions { tolerance: 1e-8, max_products: Some(150), ..TopKOptions::default() };
    let calm = Changing { operator: operator(), left: Cell::new(usize::MAX) };
    let products = top_k(&calm, 8, Which::Largest, &options).unwrap().products;
    let changing = Changing { operator: operator(), left: Cell::new(products / 2 - 4) };
    let Err(TopKError::NotConverged(reached)) = top_k(&changing, 8, Which::Largest, &options) else {
        panic!("the change was not noticed")
    };
    let largest = reached.residuals.iter().copied().fold(0.0, f64::max);
    assert!(largest > 1e-7, "{largest:e}");
}

#[test]
fn repeated_eigenvalues_are_found_with_the_smallest_block_that_shows_them() {
    let mut eigenvalues: Vec<f64> = (0..500).map(|i| 0.97f64.powi(i)).collect();
    (3..9).for_each(|i| eigenvalues[i] = 0.91);
    (20..22).for_each(|i| eigenvalues[i] = 0.5);
    eigenvalues.sort_by(|a, b| b.total_cmp(a));
    let operator = Reflected::new(Host::<f64>::new(500), eigenvalues.clone());
    let found = top_k(&operator, 30, Which::Largest, &TopKOptions::default()).unwrap();
    for (got, wanted) in found.eigenvalues.iter().zip(&eigenvalues) {
        assert!((got - wanted).abs() < 1e-8, "{got} {wanted}");
    }
}

#[test]
fn a_basis_stays_orthonormal_where_the_spectrum_falls_over_many_decades() {
    // What rounding leaves of the largest eigenvector grows by 1e4 in every step.
    let eigenvalues: Vec<f64> =
        (0..700).map(|i| if i < 5 { 10.0f64.powi(-i) } else { 1e-4 / (i as f64).powf(0.3) }).collect();
    let operator = Reflected::new(Host::<f64>::new(700), eigenvalues.clone());
    for block in [1, 2, 3, 5] {
        let mut basis = KrylovBasis::random(&operator.space(), block, 0).unwrap();
        let options = TopKOptions { tolerance: 1e-11, block: Some(block), ..TopKOptions::default() };
        let found = top_k_from(Start::Continue(&mut basis), &operator, 20, Which::Largest, &options, &mut ()).unwrap();
        for (i, (a, b)) in found.eigenvalues.iter().zip(&eigenvalues).enumerate() {
            assert!((a - b).abs() < 1e-11, "block {block}, number {i}: {a:e} {b:e}");
        }
        let gram = found.eigenvectors.gram();
        let off = |(i, g): (usize, &f64)| (g - f64::from(u8::from(i % 21 == 0))).abs();
        let off = gram.data.iter().enumerate().map(off).fold(0.0, f64::max);
        assert!(off < 1e-11, "block {block}: {off:e}");
    }
}

#[test]
fn blocks_that_wait_are_not_oblique_to_their_products() {
    // Couplings shrink with the eigenvalues, so that what rounding leaves of the largest grows twice before it is taken away.
    for ratio in [0.5f64, 0.7, 0.8] {
        let eigenvalues: Vec<f64> = (0..300).map(|i| ratio.powi(i)).collect();
        let operator = Reflected::new(Host::<f64>::new(300), eigenvalues);
        for block in [1, 2] {
            let options = TopKOptions { tolerance: 1e-9, block: Some(block), ..TopKOptions::default() };
            let found = top_k(&operator, 50, Which::Largest, &options).unwrap();
            let gram = found.eigenvectors.gram();
            let off = |(i, g): (usize, &f64)| (g - f64::from(u8::from(i % 51 == 0))).abs();
            let off = gram.data.iter().enumerate().map(off).fold(0.0, f64::max);
            assert!(off < 1e-13, "{ratio}, block {block}: {off:e}");
        }
    }
}

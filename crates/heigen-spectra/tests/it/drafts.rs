//! Eigenpairs that are searched for in float32 and refined in float64.

use heigen_spectra::linalg::{Matrix, Scalar};
use heigen_spectra::{
    Failure, Host, Progress, Start, SymmetricOperator, TopK, TopKError, TopKOptions, WatchFn, Which, top_k, top_k_from,
};
use std::cell::Cell;
use std::ops::ControlFlow;

const P: usize = 600;

/// A diagonal matrix.
struct Diagonal<'a, T> {
    entries: Vec<T>,
    products: &'a Cell<usize>,
}

impl<T: Scalar> SymmetricOperator<Host<T>> for Diagonal<'_, T> {
    fn space(&self) -> Host<T> {
        Host::new(self.entries.len())
    }

    fn apply(&self, v: &Matrix<T>, out: &mut Matrix<T>) -> Result<(), Failure> {
        self.products.set(self.products.get() + v.columns);
        *out = Matrix::from_fn(v.rows, v.columns, |i, j| self.entries[i] * v.column(j)[i]);
        Ok(())
    }
}

/// A diagonal matrix in float64, and another one that it says is its form in float32.
struct Twins {
    fine: Vec<f64>,
    coarse: Vec<f32>,
    /// Products with both.
    products: [Cell<usize>; 2],
}

impl Twins {
    fn of(fine: Vec<f64>, coarse: impl Fn(usize, f64) -> f32) -> Self {
        let coarse = fine.iter().enumerate().map(|(i, &x)| coarse(i, x)).collect();
        Self { fine, coarse, products: Default::default() }
    }

    /// The k largest eigenpairs, which are checked: their residuals are computed anew.
    #[track_caller]
    fn largest(&self, k: usize, tolerance: f64) -> TopK<Matrix<f64>> {
        let top = top_k(self, k, Which::Largest, &TopKOptions { tolerance, ..TopKOptions::default() }).unwrap();
        let counted = self.products.each_ref().map(Cell::get);
        assert_eq!([top.products, top.drafts], counted, "products with the operator and with its coarse form");
        let mut known = self.fine.clone();
        known.sort_by(|a, b| b.total_cmp(a));
        let scale = known.iter().fold(0.0f64, |m, l| m.max(l.abs()));
        assert!(top.scale <= scale * (1.0 + 1e-12) && top.scale > 0.99 * scale);
        for (i, (&value, &wanted)) in top.eigenvalues.iter().zip(&known).enumerate() {
            assert!((value - wanted).abs() <= tolerance * scale, "{i}: got {value:e}, wanted {wanted:e}");
            let v = top.eigenvectors.column(i);
            let rest: f64 = v.iter().zip(&self.fine).map(|(v, l)| ((l - value) * v).powi(2)).sum();
            assert!(rest.sqrt() <= top.residuals[i] + 1e-13 * scale, "{i}: {:e} {:e}", rest.sqrt(), top.residuals[i]);
            assert!(top.residuals[i] <= tolerance * top.scale);
        }
        let gram = top.eigenvectors.gram();
        let off = |i: usize, j: usize| (gram.data[i + j * k] - f64::from(u8::from(i == j))).abs();
        assert!((0..k * k).all(|at| off(at % k, at / k) < 1e-11));
        top
    }
}

impl SymmetricOperator for Twins {
    fn space(&self) -> Host<f64> {
        Host::new(self.fine.len())
    }

    fn apply(&self, v: &Matrix<f64>, out: &mut Matrix<f64>) -> Result<(), Failure> {
        Diagonal { entries: self.fine.clone(), products: &self.products[0] }.apply(v, out)
    }

    fn coarse(&self) -> Result<Option<Box<dyn SymmetricOperator<Host<f32>> + '_>>, Failure> {
        Ok(Some(Box::new(Diagonal { entries: self.coarse.clone(), products: &self.products[1] })))
    }
}

fn spectrum() -> Vec<f64> {
    (0..P).map(|i| 1.0 / (1.0 + i as f64).powf(1.5)).collect()
}

#[test]
fn pairs_are_searched_for_in_float32_and_refined_in_float64() {
    for tolerance in [1e-5, 1e-6, 1e-8] {
        let top = Twins::of(spectrum(), |_, x| x as f32).largest(8, tolerance);
        assert!(top.drafts > 20 && top.products <= 24, "{} {}", top.products, top.drafts);
    }
}

#[test]
fn finer_than_float32_is_searched_for_in_float64() {
    assert_eq!(Twins::of(spectrum(), |_, x| x as f32).largest(8, 1e-11).drafts, 0);
}

#[test]
fn the_largest_magnitude_is_known_although_its_pair_is_not_wanted() {
    let mut fine = spectrum();
    fine[300] = -5.0;
    let top = Twins::of(fine, |_, x| x as f32).largest(3, 1e-6);
    assert!(top.drafts > 0 && top.scale > 4.9);
}

#[test]
fn a_coarse_form_that_is_another_matrix_only_costs_its_products() {
    // The largest eigenvalues of the other matrix are the smallest ones here.
    let top = Twins::of(spectrum(), |i, _| 1.0 / (P - i) as f32).largest(8, 1e-8);
    assert!(top.drafts > 0 && top.products > 30);
    let slightly = Twins::of(spectrum(), |i, x| (x * (1.0 + 1e-3 * (i as f64).sin())) as f32).largest(8, 1e-6);
    assert!(slightly.drafts > 0);
}

#[test]
fn eigenvectors_in_another_order_are_not_taken_for_the_largest_ones() {
    // Both have the same eigenvectors, and those that the coarse form calls the largest have small residuals at once.
    let fine = (0..P).map(|i| if i < 16 { 1.0 - 0.02 * i as f64 } else { 1e-3 / i as f64 }).collect();
    let turned = |i: usize, x: f64| if i < 16 { (0.7 + 0.02 * i as f64) as f32 } else { x as f32 };
    let top = Twins::of(fine, turned).largest(8, 1e-5);
    assert!(top.drafts > 0 && top.products > 18, "{} {}", top.products, top.drafts);
}

#[test]
fn numbers_that_overflow_in_float32_are_searched_for_in_float64() {
    let fine: Vec<f64> = spectrum().into_iter().map(|x| 1e60 * x).collect();
    let top = Twins::of(fine, |_, x| x as f32).largest(5, 1e-8);
    assert!(top.products > 20);
}

#[test]
fn eigenvalues_below_the_rounding_of_float32_are_searched_for_in_float64() {
    // Besides three large ones the wanted eigenvalues are a millionth of |A|, which float32 does not tell apart from zero.
    let fine = (0..P)
        .map(|i| {
            if i < 3 {
                1.0 + i as f64
            } else if i < 9 {
                1e-6 * (i as f64)
            } else {
                0.0
            }
        })
        .collect();
    let top = Twins::of(fine, |_, x| x as f32).largest(8, 1e-8);
    assert!(top.products > 11, "{}", top.products);
}

#[test]
fn copies_of_an_eigenvalue_are_found_in_float32_too() {
    let fine = (0..P).map(|i| if i < 6 { 2.0 } else { 1.0 / (i as f64) }).collect();
    let top = Twins::of(fine, |_, x| x as f32).largest(8, 1e-6);
    assert!(top.drafts > 0 && top.eigenvalues[..6].iter().all(|l| (l - 2.0).abs() < 1e-6));
}

#[test]
fn a_search_in_float32_can_be_stopped() {
    let twins = Twins::of(spectrum(), |_, x| x as f32);
    let mut asked = 0;
    let mut watch = WatchFn(|_: Progress| {
        asked += 1;
        if asked == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    let stopped = top_k_from(Start::Random, &twins, 8, Which::Largest, &TopKOptions::default(), &mut watch);
    assert!(matches!(stopped, Err(TopKError::Failed(Failure::Stopped(_)))));
    assert_eq!(twins.products[0].get(), 0);
}

#[test]
fn what_was_reached_in_float32_is_told_with_its_residuals() {
    let twins = Twins::of(spectrum(), |_, x| x as f32);
    let few = TopKOptions { max_products: Some(44), ..TopKOptions::default() };
    let Err(TopKError::NotConverged(reached)) = top_k(&twins, 8, Which::Largest, &few) else { panic!() };
    assert!(!reached.converged && reached.products + reached.drafts <= 44 && reached.drafts > 0);
    for (i, (&value, &residual)) in reached.eigenvalues.iter().zip(&reached.residuals).enumerate() {
        let v = reached.eigenvectors.column(i);
        let rest: f64 = v.iter().zip(&twins.fine).map(|(v, l)| ((l - value) * v).powi(2)).sum();
        assert!((rest.sqrt() - residual).abs() <= 1e-12);
    }
}

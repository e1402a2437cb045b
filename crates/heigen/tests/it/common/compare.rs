//! Comparison of numbers of either type with float64 oracles.

use heigen::curvature::{Hessian, Method, Problem, Spectrum, dense, spectrum};
use heigen::linalg::{Matrix, Scalar};

/// The rounding error that is allowed, in units of n * eps * scale.
pub const ROUNDING: f64 = 8.0;

/// The rounding error that is allowed in sums of `n` terms of size `scale` in type T.
pub fn rounding<T: Scalar>(n: usize, scale: f64) -> f64 {
    ROUNDING * n as f64 * T::EPSILON * scale
}

pub fn largest<T: Scalar>(v: &[T]) -> f64 {
    v.iter().fold(0.0, |m, x| m.max(x.to_f64().abs()))
}

pub fn norm<T: Scalar>(v: &[T]) -> f64 {
    v.iter().map(|x| x.to_f64() * x.to_f64()).sum::<f64>().sqrt()
}

pub fn dot<T: Scalar>(a: &[T], b: &[T]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| a.to_f64() * b.to_f64()).sum()
}

pub fn to_f64<T: Scalar>(v: &[T]) -> Vec<f64> {
    v.iter().map(|x| x.to_f64()).collect()
}

#[track_caller]
pub fn close<T: Scalar>(got: &[T], wanted: &[f64], tolerance: f64, what: &str) {
    assert_eq!(got.len(), wanted.len(), "{what}");
    for (i, (g, w)) in got.iter().zip(wanted).enumerate() {
        let off = (g.to_f64() - w).abs();
        assert!(off <= tolerance, "{what}[{i}]: got {g:?}, wanted {w:e}, off by {off:e} > {tolerance:e}");
    }
}

/// A matrix [P, K] of type T from float64 numbers.
pub fn matrix<T: Scalar>(data: &[f64], rows: usize) -> Matrix<T> {
    Matrix { data: data.iter().map(|&x| T::from_f64(x)).collect(), rows, columns: data.len() / rows }
}

/// The spectrum and the dense Hessian of a problem.
pub fn spectrum_of<T: Scalar>(problem: &Problem<T>) -> (Spectrum<Matrix<T>>, Matrix<T>) {
    let operator = Hessian(problem);
    let matrix = dense(&operator, &mut ()).unwrap();
    let data = matrix.data.into_iter().map(T::from_f64).collect();
    let matrix = Matrix { data, rows: matrix.rows, columns: matrix.columns };
    (spectrum(&operator, Method::Dense, f64::INFINITY, &mut ()).unwrap(), matrix)
}

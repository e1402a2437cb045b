//! The self-adjoint eigenproblem, checked before and after.

use super::{Matrix, Scalar};
use std::ops::RangeInclusive;

/// Eigenvalues in ascending order and the eigenvectors as columns in the same order (the convention of
/// `numpy.linalg.eigh`). The sign of each column is arbitrary.
#[derive(Clone, Debug)]
pub struct Eigenpairs<T> {
    /// The eigenvalues, ascending.
    pub eigenvalues: Vec<T>,
    /// The eigenvectors [n, k]; column i belongs to `eigenvalues[i]`.
    pub eigenvectors: Matrix<T>,
}

/// Why an eigenproblem was refused or failed.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum EigenError {
    /// The matrix is not square.
    #[error("the matrix has {rows} rows and {columns} columns; an eigenproblem needs a square one")]
    NotSquare {
        /// Rows.
        rows: usize,
        /// Columns.
        columns: usize,
    },
    /// An entry is infinite or NaN.
    #[error("the matrix has an entry that is infinite or NaN; look for the layer or the weights that overflow")]
    NotFinite,
    /// The two triangles differ by more than rounding.
    #[error("the matrix is not symmetric: |A - A^T| reaches {asymmetry:e}, its largest entry is {scale:e}")]
    NotSymmetric {
        /// Largest difference between an entry and its mirror image.
        asymmetry: f64,
        /// Largest magnitude of an entry.
        scale: f64,
    },
    /// The iteration did not converge.
    #[error("the eigenvalue iteration did not converge")]
    NoConvergence,
    /// There was not enough memory for the workspace.
    #[error("not enough memory for an eigenproblem of size {0}")]
    Memory(usize),
}

/// The binary exponents of largest entries that are solved as they stand.
const NEAR_ONE: RangeInclusive<i32> = -3..=300;

/// Asymmetry that rounding may cause, relative to the largest entry, in units of machine epsilon times n.
const ASYMMETRY_PER_N_EPS: f64 = 8.0;

/// All eigenpairs of the symmetric matrix `a` [n, n]: `a = V diag(lambda) V^T`.
///
/// faer reads one triangle only; so symmetry (up to rounding, `8 n eps max|a|`) and finiteness are checked first. Its divide and
/// conquer takes numbers below 8 eps for zeros, as if the matrix were of order 1. A matrix that is smaller is multiplied by a power of
/// two before, and so is one whose squares could overflow: relative errors do not depend on the scale of `a`.
///
/// Cost: about 9 n^3 operations, memory 2 n^2 numbers beside `a`.
///
/// # Errors
/// [`EigenError`] for a matrix that is not square, finite and symmetric, or if the iteration fails.
pub fn self_adjoint_eigen<T: Scalar>(a: &Matrix<T>) -> Result<Eigenpairs<T>, EigenError> {
    let largest = check(a)?;
    if is_near_one(largest) { solve_either_way(a) } else { solve_scaled(a.clone(), largest) }
}

/// [`self_adjoint_eigen`] of a matrix that is not needed any more, without a copy of it.
pub(crate) fn self_adjoint_eigen_of<T: Scalar>(a: Matrix<T>) -> Result<Eigenpairs<T>, EigenError> {
    let largest = check(&a)?;
    if is_near_one(largest) { solve_either_way(&a) } else { solve_scaled(a, largest) }
}

/// Whether a largest entry is such that faer's thresholds are relative to the matrix, and nothing overflows.
fn is_near_one(largest: f64) -> bool {
    largest == 0.0 || NEAR_ONE.contains(&exponent(largest))
}

/// Eigenpairs of `a` times the power of two that brings its largest entry between 1 and 2, and the eigenvalues of `a` from them.
fn solve_scaled<T: Scalar>(mut a: Matrix<T>, largest: f64) -> Result<Eigenpairs<T>, EigenError> {
    let binary = exponent(largest);
    a.data.iter_mut().for_each(|x| *x = times_power_of_two(*x, -binary));
    let mut pairs = solve_either_way(&a)?;
    pairs.eigenvalues.iter_mut().for_each(|x| *x = times_power_of_two(*x, binary));
    Ok(pairs)
}

/// All eigenpairs of `a`, also where faer fails in the given order.
fn solve_either_way<T: Scalar>(a: &Matrix<T>) -> Result<Eigenpairs<T>, EigenError> {
    // faer's scratch request subtracts 1 from the size.
    if a.rows == 0 {
        return Ok(Eigenpairs { eigenvalues: vec![], eigenvectors: Matrix::zeros(0, 0) });
    }
    match solve(a) {
        Err(EigenError::NoConvergence) => solve_reversed(a),
        result => result,
    }
}

/// The binary exponent of a finite number other than 0: 2^exponent <= |x| < 2^(exponent + 1).
pub(crate) fn exponent(x: f64) -> i32 {
    const BITS: i32 = 52;
    const BIAS: i32 = 1023;
    let stored = |x: f64| ((x.to_bits() >> BITS) & 0x7ff) as i32;
    match stored(x) {
        0 => stored(x * 2f64.powi(BITS + 2)) - BIAS - BITS - 2,
        normal => normal - BIAS,
    }
}

/// x 2^n, exact unless the result is below the normal numbers or overflows.
pub(crate) fn times_power_of_two<T: Scalar>(x: T, n: i32) -> T {
    // Two factors, since 2^n alone may overflow where the product does not.
    let half = n / 2;
    x * T::from_f64(2f64.powi(half)) * T::from_f64(2f64.powi(n - half))
}

/// All eigenpairs of `a` as faer computes them, without checks of `a`.
fn solve<T: Scalar>(a: &Matrix<T>) -> Result<Eigenpairs<T>, EigenError> {
    let n = a.rows;
    let mut eigenvectors = Matrix::zeros(n, n);
    let mut eigenvalues = vec![T::ZERO; n];
    T::eigen(a.as_ref(), &mut eigenvalues, eigenvectors.as_mut())?;
    Ok(Eigenpairs { eigenvalues, eigenvectors })
}

/// Solves the eigenproblem of `a` with rows and columns in reverse order, where faer fails in the given order.
///
/// faer 0.24.4 gives up on rare rank-deficient matrices (Hessians of small random `ReLU` networks: about 1 of 10,000 in
/// float32, 1 of 50,000 in float64). All of them converged in the reversed order.
fn solve_reversed<T: Scalar>(a: &Matrix<T>) -> Result<Eigenpairs<T>, EigenError> {
    let mut reversed = a.clone();
    reversed.data.reverse();
    let mut pairs = solve(&reversed)?;
    pairs.eigenvectors.data.chunks_exact_mut(a.rows).for_each(<[T]>::reverse);
    Ok(pairs)
}

/// Side of the tiles that are mirrored at a time, small enough that their reads and writes stay in cache.
const TILE: usize = 64;

/// Checks that `a` is square, finite and symmetric; returns the largest magnitude of an entry.
fn check<T: Scalar>(a: &Matrix<T>) -> Result<f64, EigenError> {
    let n = a.rows;
    if a.columns != n {
        return Err(EigenError::NotSquare { rows: n, columns: a.columns });
    }
    if !a.is_finite() {
        return Err(EigenError::NotFinite);
    }
    let (mut scale, mut asymmetry) = (0.0f64, 0.0f64);
    for j0 in (0..n).step_by(TILE) {
        for i0 in (j0..n).step_by(TILE) {
            for j in j0..(j0 + TILE).min(n) {
                for i in i0.max(j)..(i0 + TILE).min(n) {
                    let (lower, upper) = (a.data[i + j * n].to_f64(), a.data[j + i * n].to_f64());
                    scale = scale.max(lower.abs()).max(upper.abs());
                    asymmetry = asymmetry.max((lower - upper).abs());
                }
            }
        }
    }
    if asymmetry > ASYMMETRY_PER_N_EPS * n as f64 * T::EPSILON * scale {
        return Err(EigenError::NotSymmetric { asymmetry, scale });
    }
    Ok(scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The chain with 2 on the diagonal and -1 beside it has the eigenvalues 4 sin^2(pi i / (2 n + 2)), in any reflected basis.
    #[test]
    fn relative_errors_do_not_depend_on_the_scale() {
        let n = 200;
        let chain = |i: usize, j: usize| [2.0, -1.0, 0.0][i.abs_diff(j).min(2)];
        let u: Vec<f64> = (0..n).map(|i| (i as f64 * 0.71).sin()).collect();
        let square: f64 = u.iter().map(|x| x * x).sum();
        let reflection = |i: usize, j: usize| f64::from(u8::from(i == j)) - 2.0 * u[i] * u[j] / square;
        let half = Matrix::from_fn(n, n, |i, j| (0..n).map(|k| chain(i, k) * reflection(k, j)).sum::<f64>());
        let whole = Matrix::from_fn(n, n, |i, j| (0..n).map(|k| reflection(i, k) * half.data[k + j * n]).sum::<f64>());
        let wanted = |i: usize| 4.0 * (std::f64::consts::PI * (i + 1) as f64 / (2 * n + 2) as f64).sin().powi(2);
        for scale in [1.0, 1e-7, 3e-12, 1e-200, 1e200, 1e-300, 1e-320, 1e307] {
            let entry = |i: usize, j: usize| scale * f64::midpoint(whole.data[i + j * n], whole.data[j + i * n]);
            let found = self_adjoint_eigen(&Matrix::from_fn(n, n, entry)).unwrap();
            // Entries below the normal numbers have few digits themselves.
            let error = if scale < 1e-305 { 1e-2 } else { 1e-13 };
            for (i, got) in found.eigenvalues.iter().enumerate() {
                assert!(
                    (got / scale - wanted(i)).abs() < error,
                    "{scale:e}: {got:e} is not {scale:e} times {}",
                    wanted(i)
                );
            }
        }
    }

    /// One large eigenvalue and hundreds that fall over nine decades, as those of the Hessian at a minimum do, in a reflected basis:
    /// divide and conquer leaves many of them out of its steps.
    #[test]
    fn residuals_are_relative_to_the_largest_eigenvalue() {
        let n = 300;
        let value = |i: usize| if i == 0 { 1.0 } else { 10f64.powf(-3.0 - 9.0 * i as f64 / n as f64) };
        let u: Vec<f64> = (0..n).map(|i| (i as f64 * 0.71).sin()).collect();
        let square: f64 = u.iter().map(|x| x * x).sum();
        let reflection = |i: usize, j: usize| f64::from(u8::from(i == j)) - 2.0 * u[i] * u[j] / square;
        let vectors = Matrix::from_fn(n, n, reflection);
        for scale in [1.0, 1e-6, 1e-12, 1e-250, 1e250] {
            let scaled = Matrix::from_fn(n, n, |i, j| scale * value(i) * vectors.data[i + j * n]);
            let mut a = vectors.transposed_product(&scaled);
            a.mirror_lower();
            let found = self_adjoint_eigen(&a).unwrap();
            for (lambda, v) in found.eigenvalues.iter().zip(found.eigenvectors.iter_columns()) {
                let entry =
                    |i: usize| (0..n).map(|j| a.data[i + j * n] / scale * v[j]).sum::<f64>() - lambda / scale * v[i];
                let residual = (0..n).map(|i| entry(i).powi(2)).sum::<f64>().sqrt();
                assert!(residual < 1e-14, "{scale:e}: {residual:e} at {lambda:e}");
            }
        }
    }

    #[test]
    fn exponents_are_those_of_the_binary_digits() {
        for (x, wanted) in [(1.0, 0), (-1.99, 0), (2.0, 1), (0.75, -1), (1e308, 1023), (5e-324, -1074), (2e-308, -1023)]
        {
            assert_eq!(exponent(x), wanted, "{x:e}");
            assert_eq!(times_power_of_two(times_power_of_two(x, -wanted), wanted), x);
        }
    }

    #[test]
    fn the_other_order_has_the_same_pairs() {
        let a = Matrix { data: vec![4.0f64, 1.0, 0.5, 1.0, 3.0, -0.25, 0.5, -0.25, -1.0], rows: 3, columns: 3 };
        let (wanted, got) = (solve(&a).unwrap(), solve_reversed(&a).unwrap());
        for i in 0..3 {
            assert!((got.eigenvalues[i] - wanted.eigenvalues[i]).abs() < 1e-14);
            let pairs = got.eigenvectors.column(i).iter().zip(wanted.eigenvectors.column(i));
            let cosine: f64 = pairs.map(|(a, b)| a * b).sum();
            assert!((cosine.abs() - 1.0).abs() < 1e-14, "{i}: {cosine}");
        }
    }
}

//! The self-adjoint eigenproblem, checked before and after.

use super::{Matrix, Scalar};

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

/// Asymmetry that rounding may cause, relative to the largest entry, in units of machine epsilon times n.
const ASYMMETRY_PER_N_EPS: f64 = 8.0;

/// All eigenpairs of the symmetric matrix `a` [n, n]: `a = V diag(lambda) V^T`.
///
/// faer reads one triangle only; so symmetry (up to rounding, `8 n eps max|a|`) and finiteness are checked first.
///
/// Cost: about 9 n^3 operations, memory 2 n^2 numbers beside `a`.
///
/// # Errors
/// [`EigenError`] for a matrix that is not square, finite and symmetric, or if the iteration fails.
pub fn self_adjoint_eigen<T: Scalar>(a: &Matrix<T>) -> Result<Eigenpairs<T>, EigenError> {
    let n = a.rows;
    if a.columns != n {
        return Err(EigenError::NotSquare { rows: n, columns: a.columns });
    }
    check_symmetric(a)?;
    // faer's scratch request subtracts 1 from the size.
    if n == 0 {
        return Ok(Eigenpairs { eigenvalues: vec![], eigenvectors: Matrix::zeros(0, 0) });
    }
    match solve(a) {
        Err(EigenError::NoConvergence) => solve_reversed(a),
        result => result,
    }
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

fn check_symmetric<T: Scalar>(a: &Matrix<T>) -> Result<(), EigenError> {
    let n = a.rows;
    let (mut scale, mut asymmetry) = (0.0f64, 0.0f64);
    if !a.is_finite() {
        return Err(EigenError::NotFinite);
    }
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
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

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

//! Orthonormal bases of blocks of columns.

use super::{EigenError, Matrix, Scalar};

/// Columns `from..` of the identity [m, m], `count` of them.
fn identity<T: Scalar>(m: usize, from: usize, count: usize) -> Matrix<T> {
    let mut out = Matrix::zeros(m, count);
    (0..count).for_each(|j| out.data[from + j + j * m] = T::ONE);
    out
}

/// Replaces the columns of `a` [m, n], m >= n, by an orthonormal basis Q of their span, by Householder's A = Q R;
/// returns the magnitudes of R's diagonal, `[n]`.
///
/// For columns in general position the diagonal drops to the level of rounding where the span is exhausted; the columns
/// of Q from there on are orthonormal to the others but arbitrary. About 4 m n^2 operations.
///
/// # Errors
/// [`EigenError::Memory`] if there is no room for the workspace.
pub fn orthonormalize<T: Scalar>(a: &mut Matrix<T>) -> Result<Vec<T>, EigenError> {
    let (m, n) = (a.rows, a.columns);
    if n == 0 {
        return Ok(vec![]);
    }
    let mut q = identity(m, 0, n);
    T::factor_and_apply(a.as_mut(), q.as_mut())?;
    let diagonal = (0..n).map(|j| a.data[j + j * m]).map(|r| if r < T::ZERO { -r } else { r }).collect();
    *a = q;
    Ok(diagonal)
}

/// An orthonormal basis of everything orthogonal to the orthonormal columns of `v` [m, k]: [m, m - k].
///
/// About 4 m k (m - k) operations.
///
/// # Errors
/// [`EigenError::Memory`] if there is no room for the workspace.
pub fn complement<T: Scalar>(v: &Matrix<T>) -> Result<Matrix<T>, EigenError> {
    let (m, k) = (v.rows, v.columns);
    let mut out = identity(m, k, m - k);
    if k > 0 && k < m {
        T::factor_and_apply(v.clone().as_mut(), out.as_mut())?;
    }
    Ok(out)
}

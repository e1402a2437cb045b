//! Orthonormal bases of blocks of columns.

use super::{EigenError, Matrix, Scalar, par};
use faer::Conj;
use faer::dyn_stack::{MemBuffer, MemStack, StackReq};
use faer::linalg::householder::{
    apply_block_householder_sequence_on_the_left_in_place_scratch,
    apply_block_householder_sequence_on_the_left_in_place_with_conj,
};
use faer::linalg::qr::no_pivoting::factor::{qr_in_place, qr_in_place_scratch, recommended_block_size};

/// Householder's A = Q R of `a` [m, n] in place, m >= n >= 1, then `targets` [m, c] = Q `targets`. Returns the factored A.
fn factor_and_apply<T: Scalar>(a: &mut Matrix<T>, targets: &mut Matrix<T>) -> Result<(), EigenError> {
    let (m, n) = (a.rows, a.columns);
    let block = recommended_block_size::<T>(m, n);
    let request = StackReq::any_of(&[
        qr_in_place_scratch::<T>(m, n, block, par(), faer::Spec::default()),
        apply_block_householder_sequence_on_the_left_in_place_scratch::<T>(m, block, targets.columns),
    ]);
    let mut buffer = MemBuffer::try_new(request).map_err(|_| EigenError::Memory(m))?;
    let stack = MemStack::new(&mut buffer);
    let mut factor = Matrix::zeros(block, n);
    qr_in_place(a.as_mut(), factor.as_mut(), par(), stack, faer::Spec::default());
    let (basis, factor, targets) = (a.as_ref(), factor.as_ref(), targets.as_mut());
    apply_block_householder_sequence_on_the_left_in_place_with_conj(basis, factor, Conj::No, targets, par(), stack);
    Ok(())
}

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
    factor_and_apply(a, &mut q)?;
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
        factor_and_apply(&mut v.clone(), &mut out)?;
    }
    Ok(out)
}

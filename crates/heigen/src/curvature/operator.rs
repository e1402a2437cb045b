//! Symmetric linear operators on theta.

use super::Stage;
use crate::linalg::{Matrix, Scalar};

/// A symmetric linear map of R^P, known by its products with blocks of directions.
pub trait SymmetricOperator<T: Scalar>: Sync {
    /// P.
    fn n_params(&self) -> usize;
    /// `out = A V` for directions V [P, K], column by column.
    fn apply(&self, directions: &Matrix<T>, out: &mut Matrix<T>);

    /// The same operator, up to rounding, in a form whose products are much cheaper, where there is one and `limit_bytes`
    /// of memory hold it. Spectra are computed with it and certified with `self`.
    fn written_out(
        &self,
        _limit_bytes: f64,
        _progress: &mut dyn FnMut(Stage),
    ) -> Option<Box<dyn SymmetricOperator<T> + '_>> {
        None
    }

    /// tr A by a route of its own, exact up to rounding, where the structure gives one that needs no products.
    fn exact_trace(&self) -> Option<f64> {
        None
    }

    /// What rounding may leave where terms cancel until A v is 0: relative accuracy ends there.
    fn rounding(&self) -> f64 {
        0.0
    }

    /// A V as a new matrix.
    fn product(&self, directions: &Matrix<T>) -> Matrix<T> {
        let mut out = Matrix::zeros(directions.rows, directions.columns);
        self.apply(directions, &mut out);
        out
    }
}

/// Columns of the identity that one product takes when an operator is written out.
const BLOCK: usize = 256;

/// The operator as a dense matrix [P, P], from its products with the identity, symmetrised as (A + A^T) / 2.
///
/// `progress` is told the number of finished columns. Memory P^2 numbers; cost P / K block products.
pub fn dense<T: Scalar>(operator: &impl SymmetricOperator<T>, mut progress: impl FnMut(usize)) -> Matrix<T> {
    let p = operator.n_params();
    let mut a = Matrix::zeros(p, p);
    for start in (0..p).step_by(BLOCK) {
        let end = (start + BLOCK).min(p);
        let identity = Matrix::from_fn(p, end - start, |i, j| if i == start + j { T::ONE } else { T::ZERO });
        let columns = operator.product(&identity);
        a.data[start * p..end * p].copy_from_slice(&columns.data);
        progress(end);
    }
    symmetrize(&mut a);
    a
}

/// A = (A + A^T) / 2, tile by tile so that the mirrored accesses stay in cache.
fn symmetrize<T: Scalar>(a: &mut Matrix<T>) {
    const TILE: usize = 64;
    let n = a.rows;
    let half = T::from_f64(0.5);
    for j0 in (0..n).step_by(TILE) {
        for i0 in (j0..n).step_by(TILE) {
            for j in j0..(j0 + TILE).min(n) {
                for i in i0.max(j + 1)..(i0 + TILE).min(n) {
                    let mean = half * (a.data[i + j * n] + a.data[j + i * n]);
                    a.data[i + j * n] = mean;
                    a.data[j + i * n] = mean;
                }
            }
        }
    }
}

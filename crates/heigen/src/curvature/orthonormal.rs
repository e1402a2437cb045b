//! Orthonormal blocks by matrix products and one small eigenproblem: the singular-vector form of Gram-Schmidt.

use crate::linalg::{
    EigenError, Matrix, Scalar, add_product, gram_by_tiles, norm, par, product, self_adjoint_eigen,
    transposed_product_by_tiles,
};
use faer::MatRef;

/// W = X R with X [P, r] orthonormal and R [r, K].
#[derive(Clone, Debug)]
pub(super) struct Orthonormal<T> {
    pub(super) block: Matrix<T>,
    pub(super) r: Matrix<T>,
}

/// Singular values within this ratio: one pass leaves the directions orthonormal to rounding.
const WELL_CONDITIONED: f64 = 0.3;
/// Below this ratio, what rounding left of the basis in the block is worth another pass against the basis.
const REORTHOGONALIZE: f64 = 0.05;
/// Normalised columns more dependent than this are the same direction up to rounding.
const DEPENDENT: f64 = 1e-10;
/// Three suffice for a condition of 1 / eps; the others are a reserve.
const MAX_PASSES: usize = 6;

/// Columns `from..` of a basis.
pub(super) fn tail<T: Scalar>(basis: &Matrix<T>, from: usize) -> MatRef<'_, T> {
    MatRef::from_column_major_slice(&basis.data[from * basis.rows..], basis.rows, basis.columns - from)
}

/// W -= Q Q^T W; returns Q^T W.
pub(super) fn project_out<T: Scalar>(basis: MatRef<'_, T>, w: &mut Matrix<T>) -> Matrix<T> {
    let c = transposed_product_by_tiles(basis, w.as_ref(), par());
    subtract(basis, &c, w);
    c
}

/// W -= Q C.
pub(super) fn subtract<T: Scalar>(basis: MatRef<'_, T>, c: &Matrix<T>, w: &mut Matrix<T>) {
    let negative = Matrix { data: c.data.iter().map(|&x| -x).collect(), ..*c };
    add_product(w.as_mut(), basis, negative.as_ref(), par());
}

/// a * b as a new matrix.
pub(super) fn times<T: Scalar>(a: &Matrix<T>, b: &Matrix<T>) -> Matrix<T> {
    let mut out = Matrix::zeros(a.rows, b.columns);
    product(out.as_mut(), a.as_ref(), b.as_ref(), par());
    out
}

/// An orthonormal basis of the columns of W, which the caller has made orthogonal to `basis` once (or there is none).
///
/// Directions whose share of W is at most `drop` (a norm) are left out: X has fewer columns than W then, possibly none.
/// Every pass takes the eigenvectors U of the Gram matrix W^T W, so X = W U / sigma; repeated until the singular values
/// sigma of what enters lie close together. Cost: 4 P K^2 a pass, one or two passes; 4 P m K more where W was nearly
/// dependent.
///
/// Reference: Stathopoulos and Wu, SIAM J. Sci. Comput. 23 (2002), 2165, algorithm SVQB, doi:10.1137/S1064827500370883.
pub(super) fn orthonormalize<T: Scalar>(
    mut w: Matrix<T>,
    basis: Option<MatRef<'_, T>>,
    drop: f64,
) -> Result<Orthonormal<T>, EigenError> {
    let k = w.columns;
    let mut r = Matrix::from_fn(k, k, |i, j| if i == j { T::ONE } else { T::ZERO });
    for pass in 0..MAX_PASSES {
        if w.columns == 0 {
            break;
        }
        let u = self_adjoint_eigen(&gram_by_tiles(w.as_ref(), par()))?.eigenvectors;
        let rotated = times(&w, &u);
        let r_rotated = u.transposed_product(&r);
        let sigma: Vec<f64> = rotated.iter_columns().map(norm).collect();
        let share = |i: usize| {
            let row: f64 = (0..k).map(|j| r_rotated.data[i + j * r_rotated.rows].to_f64().powi(2)).sum();
            sigma[i] * row.sqrt()
        };
        let apart = |i: usize| sigma[i] > if pass == 0 { 0.0 } else { DEPENDENT };
        let kept: Vec<usize> = (0..w.columns).filter(|&i| apart(i) && share(i) > drop).collect();
        let all_kept = kept.len() == w.columns;
        w = scaled_columns(&rotated, &kept, &sigma);
        r = Matrix::from_fn(kept.len(), k, |i, j| {
            T::from_f64(sigma[kept[i]]) * r_rotated.data[kept[i] + j * r_rotated.rows]
        });
        let largest = kept.iter().fold(0.0f64, |m, &i| m.max(sigma[i]));
        let smallest = kept.iter().fold(f64::INFINITY, |m, &i| m.min(sigma[i]));
        if all_kept && smallest >= WELL_CONDITIONED * largest {
            break;
        }
        if let Some(basis) = basis.filter(|_| smallest < REORTHOGONALIZE * largest) {
            project_out(basis, &mut w);
        }
    }
    Ok(Orthonormal { block: w, r })
}

/// The mean of A and A^T, for small matrices.
pub(super) fn symmetrize<T: Scalar>(a: &mut Matrix<T>) {
    let (n, half) = (a.rows, T::from_f64(0.5));
    for j in 0..n {
        for i in 0..j {
            let mean = half * (a.data[i + j * n] + a.data[j + i * n]);
            a.data[i + j * n] = mean;
            a.data[j + i * n] = mean;
        }
    }
}

/// Columns `kept` of a, each divided by its sigma.
fn scaled_columns<T: Scalar>(a: &Matrix<T>, kept: &[usize], sigma: &[f64]) -> Matrix<T> {
    let mut data = Vec::with_capacity(a.rows * kept.len());
    for &i in kept {
        let factor = T::from_f64(1.0 / sigma[i]);
        data.extend(a.column(i).iter().map(|&x| factor * x));
    }
    Matrix { data, rows: a.rows, columns: kept.len() }
}

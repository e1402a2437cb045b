//! Orthonormal blocks by Gram matrices and one small eigenproblem: the singular-vector form of Gram-Schmidt.

use crate::linalg::{EigenError, Eigenpairs, Matrix, self_adjoint_eigen};
use crate::space::{Columns, Space};
use crate::{Failure, linalg};

/// A block W as the product X R, with X [P, r] orthonormal and R [r, K].
#[derive(Clone, Debug)]
pub(crate) struct Orthonormal<B> {
    pub(crate) block: B,
    pub(crate) r: Matrix<f64>,
}

/// If the smallest singular value is at least this fraction of the largest, one pass leaves the columns of X
/// orthonormal to rounding.
const WELL_CONDITIONED: f64 = 0.3;
/// If the ratio is below this one, the block may still contain components of the basis that rounding left: it is
/// projected against the basis again.
const REORTHOGONALIZE: f64 = 0.05;
/// Normalised columns more dependent than this are the same direction up to rounding.
const DEPENDENT: f64 = 1e-10;
/// The largest number of passes. Three suffice for a condition of 1 / eps; the others are a reserve.
const MAX_PASSES: usize = 6;

/// W -= Q Q^T W; returns Q^T W.
pub(crate) fn project_out<S: Space>(
    space: &S,
    basis: Columns<'_, S::Block>,
    w: &mut S::Block,
) -> Result<Matrix<f64>, Failure> {
    let c = space.gram(basis.clone(), space.all(w))?;
    space.combine(-1.0, basis, &c, 1.0, w)?;
    Ok(c)
}

/// A S as a new block.
pub(crate) fn times<S: Space>(space: &S, a: &S::Block, s: &Matrix<f64>) -> Result<S::Block, Failure> {
    combined(space, space.all(a), s)
}

/// A S as a new block, where A is some columns of a block.
pub(crate) fn combined<S: Space>(space: &S, a: Columns<'_, S::Block>, s: &Matrix<f64>) -> Result<S::Block, Failure> {
    let mut out = space.zeros(s.columns)?;
    space.combine(1.0, a, s, 0.0, &mut out)?;
    Ok(out)
}

/// All eigenpairs of a small matrix, on the threads of the space.
pub(crate) fn small_eigen<S: Space>(space: &S, a: &Matrix<f64>) -> Result<Eigenpairs<f64>, EigenError> {
    if a.rows <= linalg::SMALL { self_adjoint_eigen(a) } else { space.threads().run(|| self_adjoint_eigen(a)) }
}

/// A product of small matrices, on the threads of the space.
pub(crate) fn small_product<S: Space>(space: &S, a: &Matrix<f64>, b: &Matrix<f64>) -> Matrix<f64> {
    let mut out = Matrix::zeros(a.rows, b.columns);
    space.threads().run(|| linalg::product(out.as_mut(), a.as_ref(), b.as_ref(), linalg::par()));
    out
}

/// [`orthonormal`] of a block W whose Gram matrix is known. Where its columns are far from dependent, as those of a Krylov
/// sequence mostly are, W U / sigma is orthonormal to rounding, and W is read once.
pub(crate) fn orthonormal_of<S: Space>(
    space: &S,
    mut w: S::Block,
    gram: &Matrix<f64>,
    basis: &S::Block,
    drop: f64,
) -> Result<Orthonormal<S::Block>, Failure> {
    let k = gram.columns;
    let Eigenpairs { eigenvalues, eigenvectors: u } = small_eigen(space, gram)?;
    let sigma: Vec<f64> = eigenvalues.iter().map(|l| l.max(0.0).sqrt()).collect();
    let (smallest, largest) = (sigma.first().copied().unwrap_or(0.0), sigma.last().copied().unwrap_or(0.0));
    if smallest <= drop || smallest < WELL_CONDITIONED * largest {
        return orthonormal(space, w, Some(basis), drop);
    }
    if k == 1 {
        space.scale_columns(&mut w, &[1.0 / sigma[0]])?;
        return Ok(Orthonormal { block: w, r: Matrix { data: sigma, rows: 1, columns: 1 } });
    }
    let block = times(space, &w, &Matrix::from_fn(k, k, |i, j| u.data[i + j * k] / sigma[j]))?;
    Ok(Orthonormal { block, r: Matrix::from_fn(k, k, |i, j| sigma[i] * u.data[j + i * k]) })
}

/// An orthonormal basis of the columns of W without directions whose share of W is at most `drop` (a norm), possibly of no
/// columns at all. Columns may have any lengths and depend on each other.
///
/// About 6 P K^2 operations, or twice as many where columns are nearly dependent.
///
/// # Errors
/// [`Failure`] if an operation of the space or a small eigenproblem fails.
pub fn orthonormal_basis<S: Space>(space: &S, w: S::Block, drop: f64) -> Result<S::Block, Failure> {
    Ok(orthonormal(space, w, None, drop)?.block)
}

/// An orthonormal basis of the columns of W, which the caller has made orthogonal to `basis` once (or there is none).
///
/// Directions whose share of W is at most `drop` (a norm) are left out: X has fewer columns than W then, possibly none.
/// Every pass takes the eigenvectors U of the Gram matrix W^T W, so X = W U / sigma; repeated until the singular values
/// sigma of what enters lie close together. Cost: 4 P K^2 a pass, one or two passes; 4 P m K more where W was nearly
/// dependent.
///
/// Reference: Stathopoulos and Wu, SIAM J. Sci. Comput. 23 (2002), 2165, algorithm SVQB, doi:10.1137/S1064827500370883.
pub(crate) fn orthonormal<S: Space>(
    space: &S,
    mut w: S::Block,
    basis: Option<&S::Block>,
    drop: f64,
) -> Result<Orthonormal<S::Block>, Failure> {
    let k = space.columns(&w);
    let mut r = Matrix::from_fn(k, k, |i, j| f64::from(u8::from(i == j)));
    for pass in 0..MAX_PASSES {
        if space.columns(&w) == 0 {
            break;
        }
        let u = small_eigen(space, &space.gram(space.all(&w), space.all(&w))?)?.eigenvectors;
        let rotated = times(space, &w, &u)?;
        let r_rotated = space.threads().run(|| u.transposed_product(&r));
        let sigma = space.norms(space.all(&rotated))?;
        let share = |i: usize| {
            let row: f64 = (0..k).map(|j| r_rotated.data[i + j * r_rotated.rows].powi(2)).sum();
            sigma[i] * row.sqrt()
        };
        let apart = |i: usize| sigma[i] > if pass == 0 { 0.0 } else { DEPENDENT };
        let kept: Vec<usize> = (0..sigma.len()).filter(|&i| apart(i) && share(i) > drop).collect();
        let all_kept = kept.len() == sigma.len();
        w = space.select(&rotated, &kept)?;
        std::mem::drop(rotated);
        space.scale_columns(&mut w, &kept.iter().map(|&i| 1.0 / sigma[i]).collect::<Vec<f64>>())?;
        r = Matrix::from_fn(kept.len(), k, |i, j| sigma[kept[i]] * r_rotated.data[kept[i] + j * r_rotated.rows]);
        let largest = kept.iter().fold(0.0f64, |m, &i| m.max(sigma[i]));
        let smallest = kept.iter().fold(f64::INFINITY, |m, &i| m.min(sigma[i]));
        if all_kept && smallest >= WELL_CONDITIONED * largest {
            break;
        }
        if let Some(basis) = basis.filter(|_| smallest < REORTHOGONALIZE * largest) {
            project_out(space, space.all(basis), &mut w)?;
        }
    }
    Ok(Orthonormal { block: w, r })
}

//! The exact spectrum without the dense matrix: range, projection, small eigenproblem.

use super::random::{Law, random};
use super::{Stage, SymmetricOperator};
use crate::linalg::{
    EigenError, Matrix, Scalar, norm, orthonormalize, par, product, self_adjoint_eigen, subtract_product,
    transposed_product_by_tiles,
};

/// Random directions that one step of the range finder tries.
const BLOCK: usize = 128;

/// The range is exhausted where what a random direction still adds falls below this fraction of the operator's scale:
/// a hundredth of what counts as zero, four digits above the rounding of a product.
const EXHAUSTED: f64 = 1e-12;

/// Random directions that must find nothing more before the range counts as exhausted: one alone misses by a factor of a
/// hundred every hundredth time.
const WITNESSES: usize = 8;

/// Rounding of a product with a random direction of length sqrt(P), in units of sqrt(P) eps.
const ROUNDING: f64 = 4.0;

/// Seed of the random directions.
const SEED: u32 = 20_230_612;

/// What the exact way found out.
#[derive(Debug)]
pub enum Exact<T> {
    /// A = V diag(lambda) V^T up to rounding.
    LowRank {
        /// Ascending, `[K]`.
        eigenvalues: Vec<T>,
        /// Orthonormal columns, [P, K].
        eigenvectors: Matrix<T>,
    },
    /// The range is larger than it pays to follow: a basis of that many columns was not enough.
    HighRank(usize),
}

/// All eigenpairs of a symmetric operator whose rank is far below P.
///
/// A block range finder (Halko, Martinsson, Tropp, SIAM Review 53 (2011), 217, algorithm 4.2 with blocks): products
/// Y = A Omega with random Omega are orthogonalised against the basis Q so far and among themselves (both twice) until
/// the diagonal of R shows that nothing is left; then T = Q^T A Q, T = U diag(lambda) U^T, V = Q U. Since A is
/// symmetric with its range in Q, A = Q T Q^T, and nonzero eigenvalues are those of T.
///
/// Gives up with [`Exact::HighRank`] beyond `max_columns` columns. `progress` is told every stage.
///
/// Cost for rank r: 2 r products, about 9 P r^2 operations in matrix products, 9 r^3 in the eigenproblem; memory
/// 2 P r numbers.
///
/// # Errors
/// [`EigenError`] if a product is not finite or the small eigenproblem fails.
pub fn exact<T: Scalar>(
    operator: &(impl SymmetricOperator<T> + ?Sized),
    max_columns: usize,
    progress: &mut impl FnMut(Stage),
) -> Result<Exact<T>, EigenError> {
    let p = operator.n_params();
    let mut tried = 0;
    let mut basis = Matrix { data: Vec::new(), rows: p, columns: 0 };
    let mut scale = 0.0f64;
    loop {
        let width = BLOCK.min(p - basis.columns);
        if width == 0 {
            break;
        }
        if basis.columns + width > max_columns {
            return Ok(Exact::HighRank(basis.columns));
        }
        let directions = random(p, tried..tried + width as u64, SEED, Law::Uniform);
        tried += width as u64;
        let mut y = operator.product(&directions);
        drop(directions);
        if !y.is_finite() {
            return Err(EigenError::NotFinite);
        }
        scale = y.iter_columns().map(norm).fold(scale, f64::max);
        project_out(&basis, &mut y);
        let diagonal = orthonormalize(&mut y)?;
        let limit = scale * EXHAUSTED.max(ROUNDING * T::EPSILON * (p as f64).sqrt());
        // A random direction may miss what is left by chance: columns that follow tell.
        let found = diagonal.iter().rposition(|r| r.to_f64() > limit).map_or(0, |last| last + 1);
        // Once more, now that the columns have length 1: what was left of the basis in the short ones has grown with them.
        y.data.truncate(found * p);
        y.columns = found;
        project_out(&basis, &mut y);
        orthonormalize(&mut y)?;
        basis.data.reserve_exact(found * p);
        basis.data.extend_from_slice(&y.data);
        basis.columns += found;
        progress(Stage::Range(basis.columns));
        if found == 0 || width - found >= WITNESSES {
            break;
        }
    }
    let t = projected(operator, &basis, progress);
    progress(Stage::Eigen(t.rows));
    let pairs = self_adjoint_eigen(&t)?;
    progress(Stage::Vectors);
    let mut eigenvectors = Matrix::zeros(p, basis.columns);
    product(eigenvectors.as_mut(), basis.as_ref(), pairs.eigenvectors.as_ref(), par());
    Ok(Exact::LowRank { eigenvalues: pairs.eigenvalues, eigenvectors })
}

/// y -= Q Q^T y.
fn project_out<T: Scalar>(basis: &Matrix<T>, y: &mut Matrix<T>) {
    let coefficients = transposed_product_by_tiles(basis.as_ref(), y.as_ref(), par());
    subtract_product(y.as_mut(), basis.as_ref(), coefficients.as_ref(), par());
}

/// T = Q^T A Q, block column by block column, lower triangle only; then mirrored.
fn projected<T: Scalar>(
    operator: &(impl SymmetricOperator<T> + ?Sized),
    q: &Matrix<T>,
    progress: &mut impl FnMut(Stage),
) -> Matrix<T> {
    let k = q.columns;
    let mut t = Matrix::zeros(k, k);
    for start in (0..k).step_by(BLOCK) {
        let end = (start + BLOCK).min(k);
        let aq = operator.product(&q.columns(start..end));
        let below = transposed_product_by_tiles(q.as_ref().subcols(start, k - start), aq.as_ref(), par());
        t.as_mut().submatrix_mut(start, start, k - start, end - start).copy_from(below.as_ref());
        progress(Stage::Projection(end));
    }
    t.mirror_lower();
    t
}

//! The exact spectrum without the dense matrix: range, projection, small eigenproblem.

use crate::gram_schmidt::{project_out, small_eigen, times};
use crate::linalg::Matrix;
use crate::operator::{Compressed, finite_product};
use crate::ordinary::Ordinary;
use crate::space::{Columns, Space};
use crate::{Failure, Law, SymmetricOperator, Watch, stage};

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
const SEED: u64 = 20_230_612;

/// The outcome of [`exact`]: the eigenpairs, or the news that the rank is too large for this method.
#[derive(Debug)]
pub enum Exact<B> {
    /// A = V diag(lambda) V^T up to rounding.
    LowRank {
        /// The eigenvalues in ascending order, `[K]`.
        eigenvalues: Vec<f64>,
        /// The eigenvectors as orthonormal columns, [P, K], in the order of the eigenvalues.
        eigenvectors: B,
    },
    /// The rank is larger than it pays to follow: a basis of this many columns did not hold the range of A.
    HighRank(usize),
}

/// All eigenpairs of a symmetric operator whose rank is far below P.
///
/// A block range finder (Halko, Martinsson, Tropp, SIAM Review 53 (2011), 217, algorithm 4.2 with blocks): products
/// Y = A Omega with random Omega are orthogonalised against the basis Q so far and among themselves (both twice) until
/// nothing is left; then T = Q^T A Q, T = U diag(lambda) U^T, V = Q U. Since A is symmetric with its range in Q,
/// A = Q T Q^T, and nonzero eigenvalues are those of T.
///
/// Gives up with [`Exact::HighRank`] beyond `max_columns` columns. `watch` is told of every stage.
///
/// # Cost
/// For rank r: 2 r products, about 9 P r^2 operations in matrix products, 9 r^3 in the eigenproblem; memory 2 P r numbers.
///
/// # Errors
/// [`Failure`] if a product fails or is not finite, the small eigenproblem fails, or `watch` stops it.
pub fn exact<S: Space>(
    operator: &(impl SymmetricOperator<S> + ?Sized),
    max_columns: usize,
    watch: &mut dyn Watch,
) -> Result<Exact<S::Block>, Failure> {
    let space = operator.space();
    let p = space.len();
    let mut tried = 0;
    let mut basis = space.zeros(0)?;
    let mut scale = 0.0f64;
    // The range does not depend on the scale of A.
    let near_one = Ordinary::new(operator, None);
    let most = Some(max_columns.min(p) as u64);
    loop {
        let found_before = space.columns(&basis);
        let width = BLOCK.min(p - found_before);
        if width == 0 {
            break;
        }
        if found_before + width > max_columns {
            return Ok(Exact::HighRank(found_before));
        }
        let directions = space.random(SEED, tried..tried + width as u64, Law::Uniform)?;
        tried += width as u64;
        let mut y = finite_product(&near_one, &directions)?;
        drop(directions);
        scale = space.norms(space.all(&y))?.into_iter().fold(scale, f64::max);
        project_out(&space, space.all(&basis), &mut y)?;
        let limit = scale * EXHAUSTED.max(ROUNDING * space.epsilon() * (p as f64).sqrt());
        space.orthonormalize(&mut y, limit)?;
        // Project once more, now that the columns have length 1: components along the basis that were negligible in the
        // short columns have grown with them.
        project_out(&space, space.all(&basis), &mut y)?;
        space.orthonormalize(&mut y, 0.0)?;
        let found = space.columns(&y);
        space.append(&mut basis, space.all(&y))?;
        watch.tell(stage::RANGE, space.columns(&basis) as u64, most, "columns")?;
        if found == 0 || width - found >= WITNESSES {
            break;
        }
    }
    let t = projected(operator, &space, &basis, watch)?;
    let (eigenvalues, u) = solved(&space, &t, watch)?;
    Ok(Exact::LowRank { eigenvectors: times(&space, &basis, &u)?, eigenvalues })
}

/// All eigenpairs of an operator A = Q T Q^T: T = U diag(lambda) U^T, V = Q U.
pub(crate) fn of_compressed<S: Space>(
    space: &S,
    compressed: Compressed<S>,
    watch: &mut dyn Watch,
) -> Result<Exact<S::Block>, Failure> {
    let Compressed { small, basis } = compressed;
    let (eigenvalues, u) = solved(space, &small, watch)?;
    drop(small);
    Ok(Exact::LowRank { eigenvectors: basis.combined(&u)?, eigenvalues })
}

/// Eigenvalues and eigenvectors of the small matrix T; `watch` is told that the eigenvectors of A are to come.
fn solved<S: Space>(space: &S, t: &Matrix<f64>, watch: &mut dyn Watch) -> Result<(Vec<f64>, Matrix<f64>), Failure> {
    let size = Some(t.rows as u64);
    watch.tell(stage::EIGENPROBLEM, 0, size, "columns")?;
    let pairs = small_eigen(space, t)?;
    watch.tell(stage::EIGENVECTORS, 0, size, "columns")?;
    Ok((pairs.eigenvalues, pairs.eigenvectors))
}

/// T = Q^T A Q, computed one block of columns after another: the lower triangle first, then mirrored to the upper one.
fn projected<S: Space>(
    operator: &(impl SymmetricOperator<S> + ?Sized),
    space: &S,
    q: &S::Block,
    watch: &mut dyn Watch,
) -> Result<Matrix<f64>, Failure> {
    let k = space.columns(q);
    let mut t = Matrix::zeros(k, k);
    for start in (0..k).step_by(BLOCK) {
        let end = (start + BLOCK).min(k);
        let aq = operator.product(&space.copy(Columns { block: q, range: start..end })?)?;
        let below = space.gram(Columns { block: q, range: start..k }, space.all(&aq))?;
        t.as_mut().submatrix_mut(start, start, k - start, end - start).copy_from(below.as_ref());
        watch.tell(stage::PROJECTION, end as u64, Some(k as u64), "columns")?;
    }
    t.mirror_lower();
    Ok(t)
}

//! The block Krylov decomposition A Q = Q T + X B: extended, widened, compressed.

use super::TopKError;
use crate::curvature::SymmetricOperator;
use crate::curvature::orthonormal::{orthonormalize, project_out, subtract, symmetrize, tail, times};
use crate::curvature::random::{Law, random};
use crate::linalg::{EigenError, Matrix, Scalar, add_product, norm, par, self_adjoint_eigen};

/// What block Lanczos knows of an operator A: an orthonormal basis Q [P, m] with A's projection T = Q^T A Q, and the
/// block X [P, b] that A maps the basis into beside itself, A Q = Q T + X B.
///
/// Hand it to [`top_k_from`](super::top_k_from) again, with the same operator, to ask for more pairs or a smaller
/// tolerance: nothing known is computed anew.
#[derive(Clone, Debug)]
pub struct KrylovBasis<T> {
    pub(super) q: Matrix<T>,
    pub(super) t: Matrix<T>,
    pub(super) x: Matrix<T>,
    /// B [b, m]; its columns before `coupled_from` are zero.
    b: Matrix<T>,
    coupled_from: usize,
    /// Random directions so far: no repeated eigenvalue can show more often than this.
    pub(super) starts: usize,
    /// Products with blocks since random directions last came in, and the most that such directions have needed until a
    /// look at the Ritz values called for more of them.
    steps: usize,
    pub(super) steps_needed: usize,
    /// Largest magnitude of a Ritz value, or norm of a product with a unit vector, so far: at most |A|.
    pub(super) scale: f64,
    /// Columns the operator was applied to, over all calls.
    pub(super) products: usize,
    seed: u32,
    /// Columns of the seed's random matrix that have been used.
    drawn: u64,
}

/// Ritz pairs of the projection, ascending, and the estimates |B s_i| of their residuals.
pub(super) struct Ritz<T> {
    pub(super) values: Vec<f64>,
    pub(super) vectors: Matrix<T>,
    pub(super) residuals: Vec<f64>,
}

/// Directions with less than this many epsilons of |A| are rounding, not directions.
const ROUNDING: f64 = 100.0;
/// Random directions beside given ones.
const COMPANIONS: usize = 2;
/// Share of a random direction outside the basis below which there is no outside.
const COMPLETE: f64 = 1e-8;

impl<T: Scalar> KrylovBasis<T> {
    /// A random block of `block` directions (at least 1, at most P) in R^P.
    ///
    /// # Errors
    /// [`TopKError::Eigen`] if orthonormalising fails.
    pub fn random(n_params: usize, block: usize, seed: u32) -> Result<Self, TopKError<T>> {
        let mut basis = Self::empty(n_params, seed);
        basis.widen(block.max(1))?;
        Ok(basis)
    }

    /// Starts from given directions [P, b], for instance the eigenvectors found an epoch earlier. They need not be
    /// orthonormal; dependent ones count once. Two random directions of `seed` join them: given eigenvectors alone
    /// would never let other eigenvectors be seen.
    ///
    /// # Errors
    /// [`TopKError::NotFinite`] for a direction with infinite or NaN entries.
    pub fn from_directions(directions: &Matrix<T>, seed: u32) -> Result<Self, TopKError<T>> {
        if !directions.is_finite() {
            return Err(TopKError::NotFinite);
        }
        let mut basis = Self::empty(directions.rows, seed);
        let largest = directions.iter_columns().map(norm).fold(0.0f64, f64::max);
        basis.x = orthonormalize(directions.clone(), None, ROUNDING * T::EPSILON * largest)?.block;
        basis.starts = basis.x.columns;
        basis.b = Matrix::zeros(basis.x.columns, 0);
        basis.widen(COMPANIONS)?;
        Ok(basis)
    }

    fn empty(n_params: usize, seed: u32) -> Self {
        Self {
            q: Matrix::zeros(n_params, 0),
            t: Matrix::zeros(0, 0),
            x: Matrix::zeros(n_params, 0),
            b: Matrix::zeros(0, 0),
            coupled_from: 0,
            starts: 0,
            steps: 0,
            steps_needed: 0,
            scale: 0.0,
            products: 0,
            seed,
            drawn: 0,
        }
    }

    /// P.
    pub fn n_params(&self) -> usize {
        self.q.rows
    }

    /// m, the number of directions whose products are known.
    pub fn len(&self) -> usize {
        self.q.columns
    }

    /// Whether no product has been taken yet.
    pub fn is_empty(&self) -> bool {
        self.q.columns == 0
    }

    /// Columns of the operator's products used so far.
    pub fn products(&self) -> usize {
        self.products
    }

    /// Whether A maps the basis into itself: every Ritz pair is an eigenpair.
    pub(super) fn is_invariant(&self) -> bool {
        self.x.columns == 0 || self.coupled_from == self.q.columns
    }

    /// Whether the random directions added last have had as many steps as those before them needed.
    pub(super) fn is_developed(&self) -> bool {
        self.x.columns == 0 || self.steps >= self.steps_needed
    }

    /// Appends up to `more` random directions, orthogonal to all there are, to the block; A Q = Q T + X B still holds,
    /// with zero rows in B.
    pub(super) fn widen(&mut self, more: usize) -> Result<(), EigenError> {
        let p = self.n_params();
        let more = more.min(p - self.q.columns - self.x.columns);
        let mut w = random(p, self.drawn..self.drawn + more as u64, self.seed, Law::Gaussian);
        self.drawn += more as u64;
        // Twice: the second time for what is left where the basis is nearly complete.
        for _ in 0..2 {
            project_out(self.q.as_ref(), &mut w);
            project_out(self.x.as_ref(), &mut w);
        }
        let new = orthonormalize(w, None, COMPLETE)?.block;
        self.starts += new.columns;
        self.steps_needed = self.steps_needed.max(self.steps);
        self.steps = 0;
        let (old, columns) = (self.b.rows, self.b.columns);
        self.x.data.extend(new.data);
        self.x.columns += new.columns;
        let coupling =
            Matrix::from_fn(self.x.columns, columns, |i, j| if i < old { self.b.data[i + j * old] } else { T::ZERO });
        self.b = coupling;
        Ok(())
    }

    /// One product with the block: Q grows by X, the remainder becomes the next block.
    ///
    /// The product is first freed of what T already tells (the coupling with the last blocks and X^T A X), then of the
    /// whole basis, which is what keeps Q orthonormal.
    pub(super) fn extend(&mut self, operator: &impl SymmetricOperator<T>) -> Result<(), TopKError<T>> {
        let (m, width) = (self.q.columns, self.x.columns);
        let mut w = operator.product(&self.x);
        self.products += width;
        self.steps += 1;
        if !w.is_finite() {
            return Err(TopKError::NotFinite);
        }
        self.scale = w.iter_columns().map(norm).fold(self.scale, f64::max);
        let mut own = project_out(self.x.as_ref(), &mut w);
        let coupled = m - self.coupled_from;
        let from = self.coupled_from;
        let known = Matrix::from_fn(coupled, width, |i, j| self.b.data[j + (from + i) * width]);
        if coupled > 0 {
            subtract(tail(&self.q, from), &known, &mut w);
        }

        self.q.data.extend_from_slice(&self.x.data);
        self.q.columns += width;
        let rest = project_out(self.q.as_ref(), &mut w);
        for j in 0..width {
            for i in 0..width {
                own.data[i + j * width] += rest.data[m + i + j * rest.rows];
            }
        }
        symmetrize(&mut own);
        let row = |i: usize, j: usize| {
            let known = if i < from { T::ZERO } else { known.data[i - from + j * coupled] };
            known + rest.data[i + j * rest.rows]
        };
        let old = std::mem::take(&mut self.t);
        self.t = Matrix::from_fn(m + width, m + width, |i, j| match (i < m, j < m) {
            (true, true) => old.data[i + j * m],
            (true, false) => row(i, j - m),
            (false, true) => row(j, i - m),
            (false, false) => own.data[i - m + (j - m) * width],
        });

        let next = orthonormalize(w, Some(self.q.as_ref()), ROUNDING * T::EPSILON * self.scale)?;
        let room = self.n_params() - self.q.columns;
        let rows = next.block.columns.min(room);
        self.x = next.block.columns(next.block.columns - rows..next.block.columns);
        let skipped = next.r.rows - rows;
        self.b = Matrix::from_fn(rows, m + width, |i, j| {
            if j < m { T::ZERO } else { next.r.data[skipped + i + (j - m) * next.r.rows] }
        });
        self.coupled_from = if rows == 0 { m + width } else { m };
        Ok(())
    }

    /// The Ritz pairs. Cost: about 9 m^3.
    pub(super) fn ritz(&mut self) -> Result<Ritz<T>, EigenError> {
        let pairs = self_adjoint_eigen(&self.t)?;
        let values: Vec<f64> = pairs.eigenvalues.iter().map(|l| l.to_f64()).collect();
        self.scale = values.iter().fold(self.scale, |m, l| m.max(l.abs()));
        let mut outside = Matrix::zeros(self.b.rows, values.len());
        if self.b.rows > 0 {
            add_product(outside.as_mut(), self.b.as_ref(), pairs.eigenvectors.as_ref(), par());
        }
        let residuals = (0..values.len()).map(|i| norm(outside.column(i))).collect();
        Ok(Ritz { values, vectors: pairs.eigenvectors, residuals })
    }

    /// Ritz vectors `which` in R^P, [P, k].
    pub(super) fn vectors(&self, ritz: &Ritz<T>, which: &[usize]) -> Matrix<T> {
        times(&self.q, &chosen(&ritz.vectors, which))
    }

    /// Thick restart: the basis becomes the Ritz vectors `kept`; the block stays.
    ///
    /// Reference: Stewart, SIAM J. Matrix Anal. Appl. 23 (2002), 601, doi:10.1137/S0895479800371529.
    pub(super) fn compress(&mut self, ritz: &Ritz<T>, kept: &[usize]) {
        let s = chosen(&ritz.vectors, kept);
        self.q = times(&self.q, &s);
        self.b = if self.b.rows == 0 { Matrix::zeros(0, kept.len()) } else { times(&self.b, &s) };
        self.t =
            Matrix::from_fn(
                kept.len(),
                kept.len(),
                |i, j| {
                    if i == j { T::from_f64(ritz.values[kept[i]]) } else { T::ZERO }
                },
            );
        self.coupled_from = 0;
    }
}

fn chosen<T: Scalar>(vectors: &Matrix<T>, which: &[usize]) -> Matrix<T> {
    let data = which.iter().flat_map(|&i| vectors.column(i)).copied().collect();
    Matrix { data, rows: vectors.rows, columns: which.len() }
}

//! The block Krylov decomposition A Q = Q T + X B: extended, widened, compressed.

use crate::gram_schmidt::{combined, orthonormal, orthonormal_of, project_out, small_eigen, small_product};
use crate::linalg::{Matrix, norm, symmetrize};
use crate::ordinary::brought_near;
use crate::space::{Columns, Space};
use crate::{Failure, Law, SymmetricOperator};

/// The state of block Lanczos for an operator A: an orthonormal basis Q [P, m], the projection T = Q^T A Q, and the
/// block X [P, b], orthonormal to Q, into which A maps the basis beside itself: A Q = Q T + X B.
///
/// Start from it again ([`Start::Continue`](super::Start::Continue)), with the same operator, to ask for more pairs or
/// a smaller tolerance: no product is computed again. The type parameter B is that of a block of vectors in their home.
#[derive(Clone, Debug)]
pub struct KrylovBasis<B> {
    n_params: usize,
    pub(super) q: B,
    pub(super) t: Matrix<f64>,
    pub(super) x: B,
    /// B [b, m]; its columns before `coupled_from` are zero.
    b: Matrix<f64>,
    coupled_from: usize,
    /// Whether X may have components of more than rounding along Q, up to `SECOND_ORDER` times the root of epsilon, which
    /// are taken away with those of its product.
    pending: bool,
    /// Random directions added so far. A repeated eigenvalue shows at most this many of its copies.
    pub(super) starts: usize,
    /// Products with blocks since random directions were last added; and the largest number of such products that were
    /// needed before a look at the Ritz values called for more directions.
    steps: usize,
    pub(super) steps_needed: usize,
    /// The largest magnitude of a Ritz value, or norm of a product with a unit vector, seen so far: a lower bound on
    /// |A|.
    pub(super) scale: f64,
    /// Columns the operator was applied to, over all calls.
    pub(super) products: usize,
    /// The power of two that the operator is divided by, once it is known: everything here is of A / 2^n.
    pub(super) binary: Option<i32>,
    /// Whether what is found is refined in a finer type of numbers.
    pub(super) coarse: bool,
    seed: u64,
    /// Columns of the seed's random matrix that have been used.
    drawn: u64,
}

/// Ritz pairs of the projection, ascending, and the estimates |B s_i| of their residuals.
pub(super) struct Ritz {
    pub(super) values: Vec<f64>,
    pub(super) vectors: Matrix<f64>,
    pub(super) residuals: Vec<f64>,
}

/// Directions shorter than this many epsilons of |A| are rounding errors.
const ROUNDING: f64 = 100.0;
/// Components of a block along the basis that may wait to be taken away, in units of the root of epsilon: their squares
/// are smaller than rounding by the square of this.
const SECOND_ORDER: f64 = 0.1;
/// The same in a coarse search, whose results are refined: the squares may be as large as rounding.
const SECOND_ORDER_COARSE: f64 = 0.7;
/// If what is left of a product is shorter than the product by this factor, rounding has left components along the last
/// blocks, too.
const CANCELLED: f64 = 10.0;
/// Random directions that join the directions given by the caller.
const COMPANIONS: usize = 2;
/// If less than this share of a random direction lies outside the basis, the basis spans the whole space.
const COMPLETE: f64 = 1e-8;

impl<B> KrylovBasis<B> {
    /// A basis to start from: a random block of `block` directions (at least 1, at most P).
    ///
    /// # Errors
    /// [`Failure`] if an operation on vectors fails.
    pub fn random<S: Space<Block = B>>(space: &S, block: usize, seed: u32) -> Result<Self, Failure> {
        let mut basis = Self::empty(space, seed)?;
        basis.widen(space, block.max(1))?;
        Ok(basis)
    }

    /// Starts from given directions [P, b], for instance the eigenvectors found an epoch earlier. They need not be
    /// orthonormal; dependent ones count once. Two random directions of `seed` join them: given eigenvectors alone
    /// would never let other eigenvectors be seen.
    ///
    /// # Errors
    /// [`Failure::NotFinite`] for a direction with infinite or NaN entries.
    pub fn from_directions<S: Space<Block = B>>(space: &S, directions: &B, seed: u32) -> Result<Self, Failure> {
        if !space.is_finite(space.all(directions))? {
            return Err(Failure::NotFinite);
        }
        let mut basis = Self::empty(space, seed)?;
        let given = match brought_near(space, directions)? {
            Some((near, _)) => near,
            None => space.copy(space.all(directions))?,
        };
        let largest = space.norms(space.all(&given))?.into_iter().fold(0.0f64, f64::max);
        basis.x = orthonormal(space, given, None, ROUNDING * space.epsilon() * largest)?.block;
        basis.starts = space.columns(&basis.x);
        basis.b = Matrix::zeros(basis.starts, 0);
        basis.widen(space, COMPANIONS)?;
        Ok(basis)
    }

    fn empty<S: Space<Block = B>>(space: &S, seed: u32) -> Result<Self, Failure> {
        Ok(Self {
            n_params: space.len(),
            q: space.zeros(0)?,
            t: Matrix::zeros(0, 0),
            x: space.zeros(0)?,
            b: Matrix::zeros(0, 0),
            coupled_from: 0,
            pending: false,
            starts: 0,
            steps: 0,
            steps_needed: 0,
            scale: 0.0,
            products: 0,
            binary: None,
            coarse: false,
            seed: u64::from(seed),
            drawn: 0,
        })
    }

    /// P.
    pub fn n_params(&self) -> usize {
        self.n_params
    }

    /// m, the number of directions whose products are known.
    pub fn len(&self) -> usize {
        self.t.columns
    }

    /// Whether no product has been taken yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Columns that the operator was applied to so far, over all calls.
    pub fn products(&self) -> usize {
        self.products
    }

    /// The basis Q, without columns that a failed extension may have left behind.
    fn known(&self) -> Columns<'_, B> {
        Columns { block: &self.q, range: 0..self.len() }
    }

    /// Number of directions in the block X, with which the next product is taken.
    pub(super) fn width(&self) -> usize {
        self.b.rows
    }

    /// Whether A maps the basis into itself: every Ritz pair is an eigenpair.
    pub(super) fn is_invariant(&self) -> bool {
        self.width() == 0 || self.coupled_from == self.len()
    }

    /// Whether the random directions added last have taken as many steps as earlier ones needed to show their
    /// eigenvalues.
    pub(super) fn is_developed(&self) -> bool {
        self.width() == 0 || self.steps >= self.steps_needed
    }

    /// Appends up to `more` random directions to the block X, orthogonal to it and to the basis. The new rows of B are
    /// zero, and A Q = Q T + X B still holds.
    pub(super) fn widen<S: Space<Block = B>>(&mut self, space: &S, more: usize) -> Result<(), Failure> {
        let more = more.min(space.len() - self.len() - self.width()) as u64;
        let mut w = space.random(self.seed, self.drawn..self.drawn + more, Law::Gaussian)?;
        self.drawn += more;
        // Project twice: once is not enough where the basis is nearly complete and little of the directions is left.
        for _ in 0..2 {
            project_out(space, self.known(), &mut w)?;
            project_out(space, space.all(&self.x), &mut w)?;
        }
        let new = orthonormal(space, w, None, COMPLETE)?.block;
        space.append(&mut self.x, space.all(&new))?;
        self.starts += space.columns(&new);
        self.steps_needed = self.steps_needed.max(self.steps);
        self.steps = 0;
        let (old, columns) = (self.b.rows, self.b.columns);
        let width = old + space.columns(&new);
        self.b = Matrix::from_fn(width, columns, |i, j| if i < old { self.b.data[i + j * old] } else { 0.0 });
        Ok(())
    }

    /// Takes one product with the block X: Q grows by X, and the part of the product outside Q becomes the next block.
    ///
    /// The product is freed of its components along the last blocks and along X, which are all that there are but for
    /// rounding. What rounding leaves along the rest of the basis grows by up to |A| / |R| in every step, where R is the new
    /// coupling, and has to be taken away, which reads the whole basis twice. That is done for two blocks together: every
    /// second block is left as it is (`pending`), and freed of its components c along the basis together with its product.
    /// The relation A Q = Q T + X B holds all the time, and c B is of the size of rounding: B^T, which is X^T A Q, is known to
    /// rounding before c is taken away as well as afterwards. Of the errors of second order c^2 stays in the lengths; where c
    /// would be so large that this matters, no block is left as it is. The components of c with those of the product, which
    /// are |A| / |R| times as large, would make X and the next block oblique, and are taken away.
    ///
    /// If something fails, the decomposition stays as it was.
    ///
    /// Cost beside the product: 4 P m b operations for a block of b columns, and 12 P b^2 for the last blocks.
    pub(super) fn extend<S: Space<Block = B>>(
        &mut self,
        space: &S,
        operator: &(impl SymmetricOperator<S> + ?Sized),
    ) -> Result<(), Failure> {
        let (m, width) = (self.len(), self.width());
        let mut w = operator.product(&self.x)?;
        self.products += width;
        self.steps += 1;
        let mut own = project_out(space, space.all(&self.x), &mut w)?;
        // An entry that is infinite or NaN makes every inner product of its column so.
        if !own.is_finite() {
            return Err(Failure::NotFinite);
        }
        let coupled = project_out(space, self.coupled(), &mut w)?;
        let mut gram = space.gram(space.all(&w), space.all(&w))?;
        // What was taken away and what is left are orthogonal.
        let square =
            |j: usize| gram.data[j + j * width] + norm(own.column(j)).powi(2) + norm(coupled.column(j)).powi(2);
        let longest = (0..width).map(square).fold(0.0, f64::max).sqrt();
        self.scale = self.scale.max(longest);
        let least = small_eigen(space, &gram)?.eigenvalues.first().map_or(0.0, |l| l.max(0.0).sqrt());
        let order = if self.coarse { SECOND_ORDER_COARSE } else { SECOND_ORDER };
        let may_wait = !self.pending && space.epsilon().sqrt() * self.scale <= order * least;

        if space.columns(&self.q) > m {
            // An earlier attempt failed after this step.
            self.q = space.copy(self.known())?;
        }
        if self.pending {
            let mut pair = space.copy(space.all(&self.x))?;
            space.append(&mut pair, space.all(&w))?;
            project_out(space, self.known(), &mut pair)?;
            space.append(&mut self.q, Columns { block: &pair, range: 0..width })?;
            w = space.copy(Columns { block: &pair, range: width..2 * width })?;
        } else {
            space.append(&mut self.q, space.all(&self.x))?;
        }
        if !may_wait {
            // Where X has just been freed of its components along Q, those of the product along X may have come with them.
            let range = if self.pending && longest <= CANCELLED * least { m..m + width } else { 0..m + width };
            project_out(space, Columns { block: &self.q, range }, &mut w)?;
            gram = space.gram(space.all(&w), space.all(&w))?;
        }

        symmetrize(&mut own);
        let from = self.coupled_from;
        let coupling = |i: usize, j: usize| if i < from { 0.0 } else { coupled.data[i - from + j * (m - from)] };
        let t = Matrix::from_fn(m + width, m + width, |i, j| match (i < m, j < m) {
            (true, true) => self.t.data[i + j * m],
            (true, false) => coupling(i, j - m),
            (false, true) => coupling(j, i - m),
            (false, false) => own.data[i - m + (j - m) * width],
        });
        let next = orthonormal_of(space, w, &gram, &self.q, ROUNDING * space.epsilon() * self.scale)?;
        let found = space.columns(&next.block);
        let rows = found.min(space.len() - (m + width));
        let x = if rows == found {
            next.block
        } else {
            space.copy(Columns { block: &next.block, range: found - rows..found })?
        };
        // Nothing can fail from here on.
        (self.t, self.x, self.pending) = (t, x, may_wait);
        let skipped = next.r.rows - rows;
        self.b = Matrix::from_fn(rows, m + width, |i, j| {
            if j < m { 0.0 } else { next.r.data[skipped + i + (j - m) * next.r.rows] }
        });
        self.coupled_from = if rows == 0 { m + width } else { m };
        Ok(())
    }

    /// The columns of Q that A maps beside Q.
    fn coupled(&self) -> Columns<'_, B> {
        Columns { block: &self.q, range: self.coupled_from..self.len() }
    }

    /// The Ritz pairs of the basis. Cost: about 9 m^3.
    pub(super) fn ritz<S: Space<Block = B>>(&mut self, space: &S) -> Result<Ritz, Failure> {
        let pairs = small_eigen(space, &self.t)?;
        self.scale = pairs.eigenvalues.iter().fold(self.scale, |m, l| m.max(l.abs()));
        let outside = small_product(space, &self.b, &pairs.eigenvectors);
        let residuals = (0..outside.columns).map(|i| norm(outside.column(i))).collect();
        Ok(Ritz { values: pairs.eigenvalues, vectors: pairs.eigenvectors, residuals })
    }

    /// The Ritz vectors numbered `which`, [P, k].
    pub(super) fn vectors<S: Space<Block = B>>(&self, space: &S, ritz: &Ritz, which: &[usize]) -> Result<B, Failure> {
        combined(space, self.known(), &ritz.vectors.select_columns(which))
    }

    /// The columns of B S that belong to the Ritz pairs numbered `which`: their residuals are X times these.
    pub(super) fn outside<S: Space<Block = B>>(&self, space: &S, ritz: &Ritz, which: &[usize]) -> Matrix<f64> {
        small_product(space, &self.b, &ritz.vectors.select_columns(which))
    }

    /// Thick restart: the basis becomes the Ritz vectors `kept`; the block stays.
    ///
    /// Reference: Stewart, SIAM J. Matrix Anal. Appl. 23 (2002), 601, doi:10.1137/S0895479800371529.
    pub(super) fn compress<S: Space<Block = B>>(
        &mut self,
        space: &S,
        ritz: &Ritz,
        kept: &[usize],
    ) -> Result<(), Failure> {
        let s = ritz.vectors.select_columns(kept);
        self.q = combined(space, self.known(), &s)?;
        self.b = small_product(space, &self.b, &s);
        let value = |i: usize, j: usize| if i == j { ritz.values[kept[i]] } else { 0.0 };
        self.t = Matrix::from_fn(kept.len(), kept.len(), value);
        self.coupled_from = 0;
        Ok(())
    }
}

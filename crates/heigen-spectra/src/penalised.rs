//! Spectra of operators of low rank with a multiple of the identity on some coordinates added.
//!
//! A = B + mu D with B of low rank and D the identity on the coordinates in S. The space K spanned by the range of B and by
//! its image under D holds all of B and is left invariant by D, so that A is known by its block on K, of at most twice the
//! rank of B; on the complement of K it is mu D.

use crate::gram_schmidt::{orthonormal_basis, small_eigen, times};
use crate::linalg::Matrix;
use crate::operator::Split;
use crate::{Certificate, Failure, Space, SymmetricOperator};
use std::ops::Range;

/// What is left of a direction, of length 1, is dropped below this length: far below the limits of certificates, and far
/// above rounding, which would have parts in S and outside of it.
const EXHAUSTED: f64 = 1e-12;

/// Eigenpairs of A on K, and the eigenvalues on the complement.
pub(crate) struct Penalised<B> {
    pub(crate) eigenvalues: Vec<f64>,
    pub(crate) eigenvectors: B,
    /// Number of directions of the complement in which A is mu, and in which it is 0.
    pub(crate) complement: [usize; 2],
}

/// The eigenpairs of `split` from those of its rest, `eigenvalues` `[K]` and `eigenvectors` [P, K], ascending.
pub(crate) fn penalised<S: Space>(
    space: &S,
    split: &Split<'_, S>,
    eigenvalues: &[f64],
    eigenvectors: S::Block,
) -> Result<Penalised<S::Block>, Failure> {
    let (p, k) = (space.len(), eigenvalues.len());
    let decaying: usize = split.coordinates.iter().map(ExactSizeIterator::len).sum();
    if decaying == p || k == 0 {
        let eigenvalues = eigenvalues.iter().map(|l| l + split.shift).collect();
        return Ok(Penalised { eigenvalues, eigenvectors, complement: [decaying - k, p - decaying] });
    }
    let inside = masked(space, &eigenvectors, &split.coordinates)?;
    let mut outside = space.copy(space.all(&eigenvectors))?;
    space.add_scaled(&vec![-1.0; k], space.all(&inside), &mut outside)?;
    // Gram-Schmidt combines columns with each other and with nothing else, so that entries that are zero in all of them stay
    // zero, also in directions that consist of rounding. Householder's reflections do not keep them.
    let mut basis = orthonormal_basis(space, inside, EXHAUSTED)?;
    let own = space.columns(&basis);
    let outside = orthonormal_basis(space, outside, EXHAUSTED)?;
    space.append(&mut basis, space.all(&outside))?;
    // T = W^T (V diag(lambda) V^T + mu D) W, and the first columns of W lie in S, the others outside of it.
    let coefficients = space.gram(space.all(&eigenvectors), space.all(&basis))?;
    let size = space.columns(&basis);
    let scaled = Matrix::from_fn(k, size, |i, j| eigenvalues[i] * coefficients.column(j)[i]);
    let mut t = space.threads().run(|| coefficients.transposed_product(&scaled));
    (0..own).for_each(|i| t.column_mut(i)[i] += split.shift);
    t.mirror_lower();
    let pairs = small_eigen(space, &t)?;
    let eigenvectors = times(space, &basis, &pairs.eigenvectors)?;
    let complement = [decaying - own, p - decaying - (size - own)];
    Ok(Penalised { eigenvalues: pairs.eigenvalues, eigenvectors, complement })
}

/// D V: the rows in `coordinates`, and zeros elsewhere.
fn masked<S: Space>(space: &S, block: &S::Block, coordinates: &[Range<usize>]) -> Result<S::Block, Failure> {
    space.scatter_rows(&space.gather_rows(block, coordinates)?, coordinates)
}

/// B + mu D V V^T: what A = B + mu D is without its part on the complement of the columns of V, so that its range is spanned
/// by V where V is an invariant space.
pub(crate) struct Explained<'a, S: Space> {
    pub(crate) split: &'a Split<'a, S>,
    /// B.
    pub(crate) rest: &'a dyn SymmetricOperator<S>,
    pub(crate) vectors: &'a S::Block,
}

impl<S: Space> Explained<'_, S> {
    fn add(&self, directions: &S::Block, out: &mut S::Block) -> Result<(), Failure> {
        let space = self.rest.space();
        let coefficients = space.gram(space.all(self.vectors), space.all(directions))?;
        let explained = times(&space, self.vectors, &coefficients)?;
        let inside = masked(&space, &explained, &self.split.coordinates)?;
        space.add_scaled(&vec![self.split.shift; space.columns(directions)], space.all(&inside), out)
    }
}

impl<S: Space> SymmetricOperator<S> for Explained<'_, S> {
    fn space(&self) -> S {
        self.rest.space()
    }

    fn apply(&self, directions: &S::Block, out: &mut S::Block) -> Result<(), Failure> {
        self.rest.apply(directions, out)?;
        self.add(directions, out)
    }

    fn rounding(&self) -> f64 {
        self.rest.rounding()
    }

    fn recomputed(&self, directions: &S::Block, trial: u32) -> Result<Option<S::Block>, Failure> {
        let Some(mut out) = self.rest.recomputed(directions, trial)? else { return Ok(None) };
        self.add(directions, &mut out)?;
        Ok(Some(out))
    }
}

impl Certificate {
    /// The certificate of A from that of [`Explained`]: `more` is the trace of A on the complement, `exact` the exact trace
    /// of A.
    pub(crate) fn with_complement(mut self, more: f64, exact: Option<f64>) -> Self {
        self.trace_eigenvalues += more;
        self.trace_probes += more;
        self.trace_exact = exact;
        self.trace_scale += more.abs();
        // On the complement the matrix is no rounding, but a multiple of the identity.
        self.vanishes &= more == 0.0;
        self
    }
}

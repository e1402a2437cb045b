//! Eigenvalue clusters as subspaces: numbers that do not depend on an arbitrary basis.

use super::generalization::inverse;
use super::{Rule, count_aligned};
use crate::curvature::{Failure, OnComplement, Spectrum, WholeColumns};
use crate::linalg::{EigenError, Matrix, Scalar, self_adjoint_eigen};

/// Neighbouring eigenvalues closer than this fraction of max |lambda| belong to one cluster: rounding mixes their
/// eigenvectors.
const CLUSTER: f64 = 1e-12;
/// In float32, neighbouring eigenvalues closer than this many eps times max |lambda| belong to one cluster.
const ROUNDING: f64 = 64.0;

/// Alignments of the inputs' gradients with the principal directions of every cluster of eigenvalues.
///
/// In the eigenspace of a cluster, rounding or degeneracy decides which orthonormal vectors an eigensolver returns. The
/// projections of all unit gradients onto the subspace have principal directions (the left singular vectors of the
/// matrix of projections), which do not depend on that choice. For a single eigenvalue the direction is its eigenvector,
/// so the alignment is the paper's A_i.
#[derive(Clone, Debug)]
pub struct SubspaceAlignments {
    /// |A| by rule max of every direction of the nonzero eigenvalues, cluster by cluster.
    pub nonzero_max: Vec<f64>,
    /// |A| by rule mean of every direction of the nonzero eigenvalues, cluster by cluster.
    pub nonzero_mean: Vec<f64>,
    /// |A| by rule max of the principal directions of the null space, at most N of them; all others have 0.
    pub null_max: Vec<f64>,
    /// |A| by rule mean of the principal directions of the null space, at most N of them; all others have 0.
    pub null_mean: Vec<f64>,
    /// Number of clusters of two or more nonzero eigenvalues.
    pub n_clusters: usize,
}

impl SubspaceAlignments {
    /// The alignments from gradients [P, N] and their `lengths`, a spectrum whose columns are all nonzero eigenpairs, and their alignments
    /// [k, N]. The rows of gradients and eigenvectors have the home `space`.
    ///
    /// # Errors
    /// [`Failure`] if an eigenproblem of size N or of a cluster's size fails, or the connection between pieces.
    pub fn new<T: Scalar>(
        space: &impl WholeColumns<T>,
        gradients: Matrix<T>,
        lengths: &[T],
        spectrum: &Spectrum<Matrix<T>>,
        alignments: &Matrix<T>,
    ) -> Result<Self, Failure> {
        let (n, threads) = (gradients.columns, space.threads());
        let mut out =
            Self { nonzero_max: vec![], nonzero_mean: vec![], null_max: vec![], null_mean: vec![], n_clusters: 0 };
        for cluster in clusters(spectrum) {
            out.n_clusters += usize::from(cluster.len() > 1);
            let rows = Matrix::from_fn(cluster.len(), n, |i, x| alignments.column(x)[cluster.start + i]);
            out.add(&threads.run(|| principal(&rows))?, false);
        }
        // The part of the unit gradients that no eigenvector of a nonzero eigenvalue explains lies in the null space.
        let mut rest = gradients;
        space.scale_columns(&mut rest, &lengths.iter().map(|&l| inverse(l).to_f64()).collect::<Vec<_>>())?;
        let coefficients = alignments.data.iter().map(|a| a.to_f64()).collect();
        let coefficients = Matrix { data: coefficients, rows: alignments.rows, columns: n };
        space.combine(-1.0, space.all(&spectrum.eigenvectors), &coefficients, 1.0, &mut rest)?;
        let mut null = spectrum.eigenvalues.len() - spectrum.places.len();
        // Where weight decay gives the complement an eigenvalue of its own, the decaying part of it is another eigenspace.
        if let Some(OnComplement { shift, coordinates, count }) = &spectrum.on_complement
            && spectrum.is_nonzero(*shift)
            && *count > 0
        {
            let decaying = space.scatter_rows(&space.gather_rows(&rest, coordinates)?, coordinates)?;
            space.add_scaled(&vec![-1.0; n], space.all(&decaying), &mut rest)?;
            out.n_clusters += usize::from(*count > 1);
            out.add(&largest(&principal_in(space, &decaying)?, *count), false);
            null -= count;
        }
        out.add(&largest(&principal_in(space, &rest)?, null), true);
        Ok(out)
    }

    fn add<T: Scalar>(&mut self, alignments: &Matrix<T>, null: bool) {
        let (max, mean) = if null {
            (&mut self.null_max, &mut self.null_mean)
        } else {
            (&mut self.nonzero_max, &mut self.nonzero_mean)
        };
        max.extend(super::per_vector(alignments, Rule::Max));
        mean.extend(super::per_vector(alignments, Rule::Mean));
    }

    /// Directions of nonzero eigenvalues and of the null space whose |A| is at least `eps`.
    pub fn count(&self, rule: Rule, eps: f64) -> (usize, usize) {
        let (nonzero, null) = match rule {
            Rule::Max => (&self.nonzero_max, &self.null_max),
            Rule::Mean => (&self.nonzero_mean, &self.null_mean),
        };
        (count_aligned(nonzero, eps), count_aligned(null, eps))
    }
}

/// Alignments with the principal directions of the columns' span: for M [m, N], the rows sigma_j w_j^T of its singular
/// value decomposition, [min(m, N), N], computed from the smaller of the two Gram matrices.
fn principal<T: Scalar>(m: &Matrix<T>) -> Result<Matrix<T>, EigenError> {
    if m.rows <= 1 {
        return Ok(m.clone());
    }
    if m.rows <= m.columns {
        // M M^T = U S U^T, and the rows of U^T M are the alignments.
        let transposed = Matrix::from_fn(m.columns, m.rows, |i, j| m.column(i)[j]);
        let pairs = self_adjoint_eigen(&transposed.gram())?;
        return Ok(pairs.eigenvectors.transposed_product(m));
    }
    of_gram(&m.gram())
}

/// [`principal`] of M [P, N] whose rows have a home.
fn principal_in<T: Scalar>(space: &impl WholeColumns<T>, m: &Matrix<T>) -> Result<Matrix<T>, Failure> {
    let n = m.columns;
    if space.len() <= n {
        let whole = space.whole(m, 0..n)?;
        return Ok(space.threads().run(|| principal(&whole))?);
    }
    let gram = space.gram(space.all(m), space.all(m))?;
    let rows = space.threads().run(|| of_gram(&gram))?;
    Ok(Matrix { data: rows.data.into_iter().map(T::from_f64).collect(), rows: n, columns: n })
}

/// [`principal`] of M from M^T M.
fn of_gram<T: Scalar>(gram: &Matrix<T>) -> Result<Matrix<T>, EigenError> {
    let pairs = self_adjoint_eigen(gram)?;
    let sigma = |j: usize| if pairs.eigenvalues[j] > T::ZERO { pairs.eigenvalues[j].sqrt() } else { T::ZERO };
    Ok(Matrix::from_fn(gram.columns, gram.columns, |j, x| sigma(j) * pairs.eigenvectors.column(j)[x]))
}

/// The rows of the at most `most` largest singular values, which are ascending.
fn largest<T: Scalar>(directions: &Matrix<T>, most: usize) -> Matrix<T> {
    let kept = directions.rows.min(most);
    Matrix::from_fn(kept, directions.columns, |i, x| directions.column(x)[directions.rows - kept + i])
}

/// The ranges of columns whose eigenvalues follow one another within rounding.
fn clusters<T: Scalar>(spectrum: &Spectrum<Matrix<T>>) -> Vec<std::ops::Range<usize>> {
    let gap = spectrum.scale() * CLUSTER.max(ROUNDING * spectrum.epsilon);
    let value = |c: usize| spectrum.eigenvalues[spectrum.places[c]].to_f64();
    let mut out: Vec<std::ops::Range<usize>> = Vec::new();
    for c in 0..spectrum.places.len() {
        match out.last_mut() {
            Some(last) if value(c) - value(last.end - 1) <= gap => last.end = c + 1,
            _ => out.push(c..c + 1),
        }
    }
    out
}

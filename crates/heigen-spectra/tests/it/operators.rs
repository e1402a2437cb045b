//! Operators with a known spectrum, in any home of vectors.

use heigen_spectra::linalg::Matrix;
use heigen_spectra::{Failure, Space, SymmetricOperator};

/// Q diag(lambda) Q^T with Q = I - 2 n n^T, in any home. Its eigenvalues are `eigenvalues`, and its eigenvectors are
/// far from unit vectors.
pub(crate) struct Reflected<S: Space> {
    pub(crate) space: S,
    pub(crate) eigenvalues: Vec<f64>,
    normal: Vec<f64>,
}

impl<S: Space> Reflected<S> {
    pub(crate) fn new(space: S, eigenvalues: Vec<f64>) -> Self {
        let raw: Vec<f64> = (0..space.len()).map(|i| ((i as f64 + 1.0) * 1.618).sin()).collect();
        let norm = raw.iter().map(|x| x * x).sum::<f64>().sqrt();
        Self { space, eigenvalues, normal: raw.iter().map(|x| x / norm).collect() }
    }

    /// Entry (i, j) of the matrix.
    fn entry(&self, i: usize, j: usize) -> f64 {
        let (n, l) = (&self.normal, &self.eigenvalues);
        let mean: f64 = n.iter().zip(l).map(|(n, l)| n * n * l).sum();
        let diagonal = if i == j { l[i] } else { 0.0 };
        diagonal + n[i] * n[j] * (4.0 * mean - 2.0 * l[i] - 2.0 * l[j])
    }

    pub(crate) fn matrix(&self) -> Matrix<f64> {
        let p = self.space.len();
        Matrix::from_fn(p, p, |i, j| self.entry(i, j))
    }

    /// The eigenvector of `eigenvalues[k]`.
    pub(crate) fn eigenvector(&self, k: usize) -> Vec<f64> {
        let n = &self.normal;
        (0..n.len()).map(|i| f64::from(u8::from(i == k)) - 2.0 * n[i] * n[k]).collect()
    }
}

impl<S: Space> SymmetricOperator<S> for Reflected<S> {
    fn space(&self) -> S {
        self.space.clone()
    }

    fn apply(&self, directions: &S::Block, out: &mut S::Block) -> Result<(), Failure> {
        let space = &self.space;
        let p = space.len();
        let mut v = space.to_host(space.all(directions), 0..p)?;
        let reflect = |column: &mut [f64]| {
            let twice = 2.0 * column.iter().zip(&self.normal).map(|(v, n)| v * n).sum::<f64>();
            column.iter_mut().zip(&self.normal).for_each(|(v, n)| *v -= twice * n);
        };
        for column in v.data.chunks_exact_mut(p) {
            reflect(column);
            column.iter_mut().zip(&self.eigenvalues).for_each(|(v, l)| *v *= l);
            reflect(column);
        }
        *out = space.to_home(v)?;
        Ok(())
    }
}

/// Eigenvalues of a matrix of low rank: `rank` of them fall over four decades, with both signs; the others are 0.
pub(crate) fn low_rank(p: usize, rank: usize) -> Vec<f64> {
    let value = |i: usize| 10f64.powf(-4.0 * i as f64 / rank as f64) * if i % 3 == 2 { -0.5 } else { 1.0 };
    (0..p).map(|i| if i < rank { value(i) } else { 0.0 }).collect()
}

/// c A, with nothing but products that could tell the scale.
pub(crate) struct Times<S: Space>(pub(crate) Reflected<S>, pub(crate) f64);

impl<S: Space> SymmetricOperator<S> for Times<S> {
    fn space(&self) -> S {
        self.0.space()
    }

    fn apply(&self, directions: &S::Block, out: &mut S::Block) -> Result<(), Failure> {
        self.0.apply(directions, out)?;
        let space = self.space();
        space.scale_columns(out, &vec![self.1; space.columns(directions)])
    }
}

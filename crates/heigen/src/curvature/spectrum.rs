//! The spectrum of an operator.

use super::{SymmetricOperator, dense};
use crate::linalg::{EigenError, Matrix, Scalar, self_adjoint_eigen};

/// Eigenvalues within this fraction of the largest magnitude count as zero: the null space.
pub const NULL_TOLERANCE: f64 = 1e-10;

/// Eigenvalues and eigenvectors of a symmetric operator.
#[derive(Clone, Debug)]
pub struct Spectrum<T> {
    /// All P eigenvalues, ascending.
    pub eigenvalues: Vec<T>,
    /// [P, P], column i belongs to `eigenvalues[i]`; signs are arbitrary, and so is the basis of a repeated eigenvalue.
    pub eigenvectors: Matrix<T>,
}

/// Why there is no spectrum.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum SpectrumError {
    /// The dense matrix would not fit.
    #[error(
        "a dense {n_params} x {n_params} Hessian and its eigenvectors need {gib:.1} GiB; the limit is {limit_gib:.1} GiB"
    )]
    TooLarge {
        /// P.
        n_params: usize,
        /// Needed.
        gib: f64,
        /// Allowed.
        limit_gib: f64,
    },
    /// The eigenproblem failed.
    #[error(transparent)]
    Eigen(#[from] EigenError),
}

impl<T: Scalar> Spectrum<T> {
    /// Largest magnitude of an eigenvalue.
    pub fn scale(&self) -> f64 {
        self.eigenvalues.iter().map(|l| l.to_f64().abs()).fold(0.0, f64::max)
    }

    /// Whether an eigenvalue counts as nonzero: |lambda| > 1e-10 |lambda|_max ([`NULL_TOLERANCE`]), or, in float32,
    /// above what rounding leaves of zero (sqrt(P) eps |lambda|_max).
    pub fn is_nonzero(&self, eigenvalue: T) -> bool {
        let rounding = if T::EPSILON > 1e-10 { T::EPSILON * (self.eigenvalues.len() as f64).sqrt() } else { 0.0 };
        eigenvalue.to_f64().abs() > NULL_TOLERANCE.max(rounding) * self.scale()
    }

    /// Number of nonzero eigenvalues.
    pub fn rank(&self) -> usize {
        self.eigenvalues.iter().filter(|&&l| self.is_nonzero(l)).count()
    }

    /// Sum of the eigenvalues.
    pub fn trace(&self) -> f64 {
        self.eigenvalues.iter().map(|l| l.to_f64()).sum()
    }

    /// lambda_1, the largest eigenvalue.
    pub fn lambda_max(&self) -> f64 {
        self.eigenvalues.last().map_or(0.0, |l| l.to_f64())
    }

    /// The `k` largest eigenvalues, largest first, and their eigenvectors [P, k] in that order.
    pub fn top(&self, k: usize) -> (Vec<T>, Matrix<T>) {
        let p = self.eigenvectors.columns;
        let k = k.min(p);
        let values = self.eigenvalues.iter().rev().take(k).copied().collect();
        let mut vectors = Matrix::zeros(self.eigenvectors.rows, k);
        for i in 0..k {
            vectors.column_mut(i).copy_from_slice(self.eigenvectors.column(p - 1 - i));
        }
        (values, vectors)
    }
}

/// The spectrum from the dense matrix: the simplest way, and the oracle for every other.
///
/// `progress` is told the number of finished columns of the matrix. Memory 4 P^2 numbers, about 21 P^3 / 2 operations.
///
/// # Errors
/// [`SpectrumError::TooLarge`] before anything is allocated if more than `limit_bytes` would be needed;
/// [`SpectrumError::Eigen`] if the matrix is not finite or the iteration fails.
pub fn dense_spectrum<T: Scalar>(
    operator: &impl SymmetricOperator<T>,
    limit_bytes: f64,
    progress: impl FnMut(usize),
) -> Result<(Spectrum<T>, Matrix<T>), SpectrumError> {
    let p = operator.n_params();
    let bytes = 4.0 * (p as f64).powi(2) * size_of::<T>() as f64;
    if bytes > limit_bytes {
        let gib = f64::from(1u32 << 30);
        return Err(SpectrumError::TooLarge { n_params: p, gib: bytes / gib, limit_gib: limit_bytes / gib });
    }
    let matrix = dense(operator, progress);
    let pairs = self_adjoint_eigen(&matrix)?;
    Ok((Spectrum { eigenvalues: pairs.eigenvalues, eigenvectors: pairs.eigenvectors }, matrix))
}

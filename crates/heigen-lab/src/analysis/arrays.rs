//! The arrays of an analysis in float64, whatever its number type: as they were computed, or read when they are needed.

use super::Analysed;
use crate::LabError;
use heigen::linalg::{Matrix, Scalar};
use heigen_store::files;
use heigen_store::npy::{self, Element, Order};
use heigen_store::record::Dtype;
use std::any::Any;
use std::path::Path;
use std::sync::OnceLock;

/// An eigenvalue counts as larger than the weight decay if it is by this fraction.
const ABOVE: f64 = 1e-9;

/// The arrays as far as they are in memory.
#[derive(Debug, Default)]
pub(crate) struct Arrays {
    eigenvalues: OnceLock<Vec<f64>>,
    eigenvectors: OnceLock<Matrix<f64>>,
    overlaps: OnceLock<Matrix<f64>>,
    coherence: OnceLock<Matrix<f64>>,
    logit_coherence: OnceLock<Matrix<f64>>,
}

impl Arrays {
    pub(super) fn of(
        eigenvalues: Vec<f64>,
        eigenvectors: Option<Matrix<f64>>,
        overlaps: Matrix<f64>,
        [coherence, logit_coherence]: [Option<Matrix<f64>>; 2],
    ) -> Self {
        let cell = |matrix: Option<Matrix<f64>>| matrix.map_or_else(OnceLock::new, OnceLock::from);
        Self {
            eigenvalues: OnceLock::from(eigenvalues),
            eigenvectors: cell(eigenvectors),
            overlaps: OnceLock::from(overlaps),
            coherence: cell(coherence),
            logit_coherence: cell(logit_coherence),
        }
    }
}

/// A matrix in float64; a matrix that is in float64 already is moved and not copied.
pub(super) fn widened<T: Scalar>(matrix: Matrix<T>) -> Matrix<f64> {
    let boxed: Box<dyn Any> = Box::new(matrix);
    match boxed.downcast::<Matrix<f64>>() {
        Ok(wide) => *wide,
        Err(narrow) => narrow.downcast::<Matrix<T>>().map_or_else(
            |_| Matrix::zeros(0, 0),
            |m| Matrix { data: m.data.iter().map(|v| v.to_f64()).collect(), rows: m.rows, columns: m.columns },
        ),
    }
}

/// The value of `cell`; `read` makes it where the cell is still empty.
fn known<V>(cell: &OnceLock<V>, read: impl FnOnce() -> Result<V, LabError>) -> Result<&V, LabError> {
    if let Some(value) = cell.get() {
        return Ok(value);
    }
    let value = read()?;
    Ok(cell.get_or_init(|| value))
}

/// Reads a stored matrix into column-major memory, if `memory` holds it: a machine with more may have written it.
fn matrix(dtype: Dtype, path: &Path, [rows, columns]: [usize; 2], memory: f64) -> Result<Matrix<f64>, LabError> {
    fn read<T: Scalar + Element>(path: &Path, shape: [usize; 2]) -> Result<Vec<f64>, LabError> {
        let stored: npy::Array<T> = npy::read_shaped(path, &shape)?;
        if stored.order != Order::Fortran && shape.iter().all(|&n| n > 1) {
            return Err(LabError::ArrayOrder { path: path.to_owned() });
        }
        Ok(stored.values.into_iter().map(Scalar::to_f64).collect())
    }
    let shape = [rows, columns];
    let bytes =
        rows as f64 * columns as f64 * size_of::<f64>() as f64 * if dtype == Dtype::Float32 { 1.5 } else { 1.0 };
    if bytes > memory {
        let what = format!("the {rows} x {columns} numbers of {}", path.display());
        return Err(LabError::Memory { what, bytes, limit: memory, instead: String::new() });
    }
    let data = if dtype == Dtype::Float32 { read::<f32>(path, shape) } else { read::<f64>(path, shape) };
    Ok(Matrix { data: data?, rows, columns })
}

impl Analysed {
    /// The kept eigenvectors [P, k], columns ascending.
    fn eigenvectors(&self) -> Result<&Matrix<f64>, LabError> {
        let s = &self.record.summary;
        let shape = [s.n_params, s.n_eigenvectors];
        known(&self.arrays.eigenvectors, || matrix(s.dtype, &self.paths.heigenvectors(), shape, self.memory))
    }

    /// The stored cosines of all pairs of `n` gradients.
    fn cosines(&self, path: &Path, n: usize) -> Result<Matrix<f64>, LabError> {
        if !files::is_file(path) {
            return Err(LabError::CoherenceLeftOut { name: self.record.name.clone(), side: n });
        }
        matrix(self.record.summary.dtype, path, [n, n], self.memory)
    }

    /// The cosines of all pairs of per-example loss gradients, a symmetric matrix of order `n`.
    pub(crate) fn coherence(&self, n: usize) -> Result<Vec<f64>, LabError> {
        let read = || self.cosines(&self.paths.coherence(), n);
        Ok(known(&self.arrays.coherence, read)?.data.clone())
    }

    /// The cosines of all pairs of per-example gradients of logits, a symmetric matrix of order `n`.
    pub(crate) fn logit_coherence(&self, n: usize) -> Result<Vec<f64>, LabError> {
        let read = || self.cosines(&self.paths.logit_coherence(), n);
        Ok(known(&self.arrays.logit_coherence, read)?.data.clone())
    }

    /// The eigenvectors with the numbers `columns` among the kept ones; number 0 belongs to the smallest eigenvalue.
    pub(crate) fn columns(&self, columns: &[usize]) -> Result<Matrix<f64>, LabError> {
        Ok(self.eigenvectors()?.select_columns(columns))
    }

    /// All P eigenvalues, ascending.
    pub(crate) fn eigenvalues(&self) -> Result<&[f64], LabError> {
        let s = &self.record.summary;
        let path = self.paths.heigenvalues();
        let read = || {
            if s.dtype == Dtype::Float32 {
                return Ok(npy::read_shaped::<f32>(&path, &[s.n_params])?.values.into_iter().map(f64::from).collect());
            }
            Ok(npy::read_shaped::<f64>(&path, &[s.n_params])?.values)
        };
        known(&self.arrays.eigenvalues, read).map(|values| &values[..])
    }

    /// How many of the `k` largest eigenvalues are positive and have a kept eigenvector.
    fn positive(&self, k: usize) -> Result<usize, LabError> {
        let s = &self.record.summary;
        // Where weight decay alone gives the rest of the matrix an eigenvalue, its eigenvectors are not kept, so that only
        // larger eigenvalues have theirs in the last columns.
        let decay = if s.n_eigenvectors < s.n_params { self.record.of.weight_decay * (1.0 + ABOVE) } else { 0.0 };
        let floor = s.outside_bound.max(decay);
        let positive = self.eigenvalues()?.iter().rev().take_while(|&&l| l > floor).count();
        match k.min(s.n_eigenvectors).min(positive) {
            0 => Err(LabError::NoPositiveEigenvalue { name: self.record.name.clone() }),
            k => Ok(k),
        }
    }

    /// The `k` largest eigenvalues, largest first, and their eigenvectors [P, k]; fewer where fewer are positive.
    pub(crate) fn top(&self, k: usize) -> Result<(Vec<f64>, Matrix<f64>), LabError> {
        let (vectors, have) = (self.eigenvectors()?, self.record.summary.n_eigenvectors);
        let k = self.positive(k)?;
        let columns: Vec<usize> = (0..k).map(|i| have - 1 - i).collect();
        Ok((self.eigenvalues()?.iter().rev().take(k).copied().collect(), vectors.select_columns(&columns)))
    }

    /// The `k` largest eigenvalues, largest first, and the alignments of the training samples with their eigenvectors, a
    /// row for each; fewer where fewer are positive.
    pub(crate) fn overlaps(&self, k: usize) -> Result<Vec<(f64, Vec<f64>)>, LabError> {
        let s = &self.record.summary;
        let have = s.n_eigenvectors;
        let read = || matrix(s.dtype, &self.paths.overlaps(), [have, s.n_samples], self.memory);
        let stored = known(&self.arrays.overlaps, read)?;
        let (k, values) = (self.positive(k)?, self.eigenvalues()?);
        let row = |i: usize| stored.data.iter().skip(have - 1 - i).step_by(have).copied().collect();
        Ok((0..k).map(|i| (values[values.len() - 1 - i], row(i))).collect())
    }
}

//! What figures take from a stored analysis, in float64 whatever its number type.

use crate::hessian::Analysed;
use anyhow::{Result, bail};
use heigen::linalg::{Matrix, Scalar};
use heigen_store::StoreError;
use heigen_store::npy::{self, Element, Order};
use std::path::Path;

/// A stored matrix, column-major.
fn matrix(analysed: &Analysed, path: &Path, [rows, columns]: [usize; 2]) -> Result<Matrix<f64>> {
    fn read<T: Scalar + Element>(path: &Path, shape: [usize; 2]) -> Result<Vec<f64>> {
        let stored: npy::Array<T> = npy::read_shaped(path, &shape)?;
        if stored.order != Order::Fortran && shape.iter().all(|&n| n > 1) {
            return Err(StoreError::Content {
                path: path.to_owned(),
                found: "an array in C order".into(),
                wanted: "one in Fortran order, as this program writes it".into(),
                mend: "analyse again with --force".into(),
            }
            .into());
        }
        Ok(stored.values.into_iter().map(Scalar::to_f64).collect())
    }
    let shape = [rows, columns];
    let data =
        if analysed.record.summary.dtype == "float32" { read::<f32>(path, shape) } else { read::<f64>(path, shape) };
    Ok(Matrix { data: data?, rows, columns })
}

/// A stored symmetric matrix of order `n`.
pub(super) fn square(analysed: &Analysed, path: &Path, n: usize) -> Result<Vec<f64>> {
    Ok(matrix(analysed, path, [n, n])?.data)
}

/// The eigenvectors of the `columns` of those stored, 0 for the one of the smallest eigenvalue.
pub(super) fn columns(analysed: &Analysed, columns: &[usize]) -> Result<Matrix<f64>> {
    let summary = &analysed.record.summary;
    let stored = matrix(analysed, &analysed.paths.heigenvectors(), [summary.n_params, summary.n_eigenvectors])?;
    Ok(stored.select_columns(columns))
}

/// All P eigenvalues, ascending.
pub(super) fn eigenvalues(analysed: &Analysed) -> Result<Vec<f64>> {
    let n = analysed.record.summary.n_params;
    let path = analysed.paths.heigenvalues();
    if analysed.record.summary.dtype == "float32" {
        return Ok(npy::read_shaped::<f32>(&path, &[n])?.values.into_iter().map(f64::from).collect());
    }
    Ok(npy::read_shaped::<f64>(&path, &[n])?.values)
}

/// How many of the `k` largest eigenvalues are positive and have a stored eigenvector.
fn positive(analysed: &Analysed, eigenvalues: &[f64], k: usize) -> Result<usize> {
    let summary = &analysed.record.summary;
    let positive = eigenvalues.iter().rev().take_while(|&&l| l > summary.outside_bound).count();
    match k.min(summary.n_eigenvectors).min(positive) {
        0 => bail!(
            "{}: its Hessian has no positive eigenvalue, so there are no eigenvectors to draw",
            analysed.record.name
        ),
        k => Ok(k),
    }
}

/// The `k` largest eigenvalues, largest first, and their eigenvectors [P, k]; fewer where fewer are positive.
pub(crate) fn top(analysed: &Analysed, k: usize) -> Result<(Vec<f64>, Matrix<f64>)> {
    let summary = &analysed.record.summary;
    let (p, have) = (summary.n_params, summary.n_eigenvectors);
    let stored = matrix(analysed, &analysed.paths.heigenvectors(), [p, have])?;
    let values = eigenvalues(analysed)?;
    let k = positive(analysed, &values, k)?;
    let columns: Vec<usize> = (0..k).map(|i| have - 1 - i).collect();
    Ok((values.into_iter().rev().take(k).collect(), stored.select_columns(&columns)))
}

/// The `k` largest eigenvalues, largest first, and the alignments of the training samples with their eigenvectors, a
/// row for each; fewer where fewer are positive.
pub(super) fn overlaps(analysed: &Analysed, k: usize) -> Result<Vec<(f64, Vec<f64>)>> {
    let summary = &analysed.record.summary;
    let have = summary.n_eigenvectors;
    let stored = matrix(analysed, &analysed.paths.overlaps(), [have, summary.n_samples])?;
    let values = eigenvalues(analysed)?;
    let k = positive(analysed, &values, k)?;
    let row = |i: usize| stored.data.iter().skip(have - 1 - i).step_by(have).copied().collect();
    Ok((0..k).map(|i| (values[values.len() - 1 - i], row(i))).collect())
}

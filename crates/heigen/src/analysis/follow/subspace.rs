//! Vectors and subspaces beside each other: shares, overlaps, and the step from one moment to the next.

use crate::linalg::{Matrix, dot};
use serde::{Deserialize, Serialize};

/// |V^T g|^2 / |g|^2, the share of `vector` g `[P]` in the span of the orthonormal columns of `basis` V [P, k]; 0 for a vector that
/// is zero. (arXiv:1812.04754: the share of the gradient in the top subspace.)
///
/// ```
/// use heigen::{analysis::share_in, linalg::Matrix};
/// let first_axis = Matrix { data: vec![1.0, 0.0], rows: 2, columns: 1 };
/// assert_eq!(share_in(&first_axis, &[3.0, 4.0]), 9.0 / 25.0);
/// ```
pub fn share_in(basis: &Matrix<f64>, vector: &[f64]) -> f64 {
    let whole = dot(vector, vector);
    if whole == 0.0 {
        return 0.0;
    }
    basis.iter_columns().map(|v| dot(v, vector).powi(2)).sum::<f64>() / whole
}

/// Tr(P P') / sqrt(Tr P Tr P') for the projectors P and P' on the spans of the orthonormal columns of `a` [P, k] and `b` [P, k']:
/// the mean squared cosine of the principal angles where k = k'. By chance it is sqrt(k k') / P. (arXiv:1812.04754)
///
/// ```
/// use heigen::{analysis::subspace_overlap, linalg::Matrix};
/// let axis = |i: usize| Matrix { data: vec![f64::from(i == 0), f64::from(i == 1)], rows: 2, columns: 1 };
/// assert_eq!((subspace_overlap(&axis(0), &axis(0)), subspace_overlap(&axis(0), &axis(1))), (1.0, 0.0));
/// ```
pub fn subspace_overlap(a: &Matrix<f64>, b: &Matrix<f64>) -> f64 {
    if a.columns == 0 || b.columns == 0 {
        return 0.0;
    }
    let inner = a.transposed_product(b);
    let together: f64 = inner.data.iter().map(|x| x * x).sum();
    together / ((a.columns * b.columns) as f64).sqrt()
}

/// The way from one moment to the next.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// |theta' - theta|.
    pub length: f64,
    /// <theta' - theta, v_1>, along the leading eigenvector of the earlier moment.
    pub along_v1: f64,
    /// The share of theta' - theta in the span of the earlier moment's leading eigenvectors.
    pub share_in_top: f64,
}

impl Step {
    /// The way from `theta` to `next` `[P]`, where `top` [P, k] are the leading eigenvectors at `theta`.
    pub fn between(theta: &[f64], next: &[f64], top: &Matrix<f64>) -> Self {
        let moved: Vec<f64> = next.iter().zip(theta).map(|(b, a)| b - a).collect();
        let along_v1 = if top.columns > 0 { dot(top.column(0), &moved) } else { 0.0 };
        Self { length: dot(&moved, &moved).sqrt(), along_v1, share_in_top: share_in(top, &moved) }
    }
}

//! The decision boundary put together from alignments.

use crate::linalg::{Matrix, Scalar};

/// Why a boundary cannot be reconstructed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReconstructError {
    /// The number of eigenvalues is not the number of rows of the alignments.
    #[error("there are {eigenvalues} eigenvalues for alignments with {alignments} eigenvectors; expected one for each")]
    Sizes {
        /// Number of eigenvalues.
        eigenvalues: usize,
        /// Number of rows of the alignments.
        alignments: usize,
    },
}

/// B(x) = sum_i lambda_i A_i(x) / max_x |sum_i lambda_i A_i(x)|: large in magnitude where the reinforcing gradients lie
/// along steep directions, near the decision boundary. All zero if the sum is zero everywhere.
///
/// # Shapes
/// `eigenvalues` `[k]` and `alignments` [k, M] in the same order; `[M]`.
///
/// # Units
/// -1..1. Every A_i has the arbitrary sign of its eigenvector, so B depends on the signs where k > 1.
///
/// # Errors
/// [`ReconstructError`] if the sizes differ.
///
/// # References
/// arXiv:2306.07104, section 4.
pub fn reconstructed_boundary<T: Scalar>(
    eigenvalues: &[T],
    alignments: &Matrix<T>,
) -> Result<Vec<f64>, ReconstructError> {
    if eigenvalues.len() != alignments.rows {
        return Err(ReconstructError::Sizes { eigenvalues: eigenvalues.len(), alignments: alignments.rows });
    }
    let weighted = |a: &[T]| a.iter().zip(eigenvalues).map(|(a, l)| a.to_f64() * l.to_f64()).sum();
    let mut out: Vec<f64> = if alignments.rows == 0 {
        vec![0.0; alignments.columns]
    } else {
        alignments.iter_columns().map(weighted).collect()
    };
    let largest = out.iter().fold(0.0f64, |m, b| m.max(b.abs()));
    if largest > 0.0 {
        out.iter_mut().for_each(|b| *b /= largest);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weighted_sums_of_known_alignments() {
        let a = Matrix { data: vec![1.0, 0.0, 0.5, -0.5, -1.0, -0.25], rows: 2, columns: 3 };
        let b = reconstructed_boundary(&[2.0, 4.0], &a).unwrap();
        assert_eq!(b, [2.0 / 3.0, -1.0 / 3.0, -1.0]);
        assert_eq!(reconstructed_boundary(&[0.0, 0.0], &a).unwrap(), [0.0; 3]);
        assert_eq!(reconstructed_boundary(&[], &Matrix::<f64>::zeros(0, 2)).unwrap(), [0.0; 2]);
        let error = reconstructed_boundary(&[1.0], &a).unwrap_err();
        assert_eq!(
            error.to_string(),
            "there are 1 eigenvalues for alignments with 2 eigenvectors; expected one for each"
        );
    }
}

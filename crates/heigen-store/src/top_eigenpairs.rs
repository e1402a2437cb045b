//! The numbers of an analysis that found some eigenpairs instead of the whole spectrum, as records keep them.

use serde::{Deserialize, Serialize};

/// Some eigenpairs of a matrix too large for its whole spectrum.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TopKSummary {
    /// P, the number of parameters.
    pub n_params: usize,
    /// N, the samples that the loss is the mean over.
    pub n_samples: usize,
    /// Mean loss.
    pub loss: f64,
    /// Accuracy on those samples, 0 to 1.
    pub accuracy: f64,
    /// l2 norm of the gradient of the mean loss.
    pub grad_norm: f64,
    /// The end of the spectrum that was asked for: `largest`, `smallest`, `both` or `magnitude`.
    pub which: String,
    /// The eigenvalues, in the order that `which` says.
    pub eigenvalues: Vec<f64>,
    /// The residual |A v_i - lambda_i v_i| of every pair, computed from products with the stored vectors.
    pub residuals: Vec<f64>,
    /// The largest of the residuals.
    pub residual_max: f64,
    /// The residual that was asked for, as a fraction of `scale`.
    pub tolerance: f64,
    /// The largest magnitude of a Ritz value, the estimate of |A|.
    pub scale: f64,
    /// Largest entry of |V^T V - I|.
    pub orthogonality: f64,
    /// Number of products with single directions.
    pub products: usize,
    /// Number of restarts of the iteration.
    pub restarts: usize,
    /// The method: `lanczos`.
    pub method: String,
    /// Number type of the analysis.
    pub dtype: String,
}

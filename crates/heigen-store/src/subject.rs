//! Which matrix was analysed, and what is known of it by sampling or in part.

use serde::{Deserialize, Serialize};

/// The matrix that an analysis is of; everything empty is the Hessian of the mean training loss at the trained weights.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// `hessian`, `ggn`, `fisher` or `remainder`.
    pub operator: String,
    /// The loss.
    pub loss: String,
    /// The classes whose samples the loss is the mean over; all without.
    pub classes: Option<Vec<usize>>,
    /// The samples, by place among the training samples (or those of `classes`); all without.
    pub samples: Option<String>,
    /// The layers or tensors whose block it is; all without.
    pub layers: Option<Vec<String>>,
    /// The factors that the layers of the weights were multiplied by.
    pub reparameterize: Option<[f64; 3]>,
    /// The multiple of the identity that was added.
    pub weight_decay: f64,
}

/// A number known by sampling.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sampled {
    /// The estimate.
    pub value: f64,
    /// Its standard error, 0 where it is exact.
    pub standard_error: f64,
    /// Products with single directions that it took.
    pub products: usize,
}

/// A spectral density by stochastic Lanczos quadrature; the curve stands in its own file.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SampledDensity {
    /// Random vectors.
    pub probes: usize,
    /// Lanczos steps of each.
    pub steps: usize,
    /// Smallest and largest node.
    pub range: [f64; 2],
    /// Standard deviation of the Gaussian kernel.
    pub bandwidth: f64,
    /// P times the first moment: an estimate of the trace.
    pub trace: f64,
    /// Its standard error over probes.
    pub trace_standard_error: f64,
}

/// What was asked for besides eigenvalues.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Estimates {
    /// The trace by Hutch++.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<Sampled>,
    /// The density of eigenvalues.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub density: Option<SampledDensity>,
    /// Products that the diagonal was estimated from; P where it is exact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub diagonal_products: Option<usize>,
}

impl Estimates {
    /// Whether nothing was asked for.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Some eigenpairs of a matrix too large for its whole spectrum.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TopKSummary {
    /// P.
    pub n_params: usize,
    /// N, the samples that the loss is the mean over.
    pub n_samples: usize,
    /// Mean loss.
    pub loss: f64,
    /// Accuracy on those samples, 0 to 1.
    pub accuracy: f64,
    /// l2 norm of the gradient of the mean loss.
    pub grad_norm: f64,
    /// Which end: `largest`, `smallest`, `both` or `magnitude`.
    pub which: String,
    /// In that order.
    pub eigenvalues: Vec<f64>,
    /// |A v_i - lambda_i v_i|, computed from products with the stored vectors.
    pub residuals: Vec<f64>,
    /// The largest of them.
    pub residual_max: f64,
    /// What was asked for, as a fraction of `scale`.
    pub tolerance: f64,
    /// The largest magnitude of a Ritz value, the estimate of |A|.
    pub scale: f64,
    /// Largest entry of |V^T V - I|.
    pub orthogonality: f64,
    /// Products with single directions.
    pub products: usize,
    /// Restarts of the iteration.
    pub restarts: usize,
    /// `lanczos`.
    pub method: String,
    /// Number type of the analysis.
    pub dtype: String,
}

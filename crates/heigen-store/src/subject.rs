//! The matrix that was analysed, estimates of it by sampling, and a part of its spectrum, as records keep them.

use serde::{Deserialize, Serialize};

/// The matrix that an analysis is of. Where all fields are empty it is the Hessian of the mean training loss at the
/// trained weights.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// `hessian`, `ggn`, `fisher` or `remainder`.
    pub operator: String,
    /// The loss.
    pub loss: String,
    /// The classes whose samples the loss is the mean over; all classes if not given.
    pub classes: Option<Vec<usize>>,
    /// The samples that the loss is the mean over, by place among the training samples (or those of `classes`); all if not
    /// given.
    pub samples: Option<String>,
    /// The layers or tensors whose block of the matrix was analysed; the whole matrix if not given.
    pub layers: Option<Vec<String>>,
    /// The factors that the layers of the weights were multiplied by.
    pub reparameterize: Option<[f64; 3]>,
    /// The multiple of the identity that was added.
    pub weight_decay: f64,
}

/// A number that was estimated by sampling.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sampled {
    /// The estimate.
    pub value: f64,
    /// The standard error of the estimate, 0 where it is exact.
    pub standard_error: f64,
    /// Number of products with single directions that the estimate took.
    pub products: usize,
}

/// A spectral density by stochastic Lanczos quadrature; the curve stands in its own file.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SampledDensity {
    /// Number of random vectors.
    pub probes: usize,
    /// Lanczos steps for each of the random vectors.
    pub steps: usize,
    /// Smallest and largest node.
    pub range: [f64; 2],
    /// Standard deviation of the Gaussian kernel.
    pub bandwidth: f64,
    /// P times the first moment: an estimate of the trace.
    pub trace: f64,
    /// Standard error of that estimate over the random vectors.
    pub trace_standard_error: f64,
}

/// The estimates that were asked for besides eigenvalues.
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

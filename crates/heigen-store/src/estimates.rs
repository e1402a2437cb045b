//! Estimates of a matrix by sampling, as records keep them.

use heigen::analysis::LayerCurvature;
use heigen::vocabulary::Dtype;
use serde::{Deserialize, Serialize};

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
    /// The curvature of every layer, or of every group that was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_layer: Option<Vec<LayerCurvature>>,
}

impl Estimates {
    /// Whether nothing was asked for.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The numbers of an analysis that estimated quantities of a matrix and looked for no eigenpairs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EstimatesSummary {
    /// P, the number of parameters.
    pub n_params: usize,
    /// N, the samples that the loss is the mean over.
    pub n_samples: usize,
    /// Mean loss.
    pub loss: f64,
    /// Accuracy on those samples, 0 to 1; none where samples have no class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<f64>,
    /// l2 norm of the gradient of the mean loss.
    pub grad_norm: f64,
    /// Number type of the analysis.
    pub dtype: Dtype,
}

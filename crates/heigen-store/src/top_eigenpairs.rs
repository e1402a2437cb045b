//! The numbers of an analysis that found some eigenpairs instead of the whole spectrum, as records keep them.

use heigen::curvature::Which;
use heigen::vocabulary::Dtype;
use serde::{Deserialize, Serialize};

/// An end of the spectrum, or both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum End {
    /// The largest eigenvalues, largest first.
    Largest,
    /// The smallest eigenvalues, smallest first.
    Smallest,
    /// Half of them largest, then half of them smallest.
    Both,
    /// The eigenvalues largest in magnitude.
    Magnitude,
}

impl End {
    /// Its name in files and their names.
    pub fn name(self) -> &'static str {
        match self {
            Self::Largest => "largest",
            Self::Smallest => "smallest",
            Self::Both => "both",
            Self::Magnitude => "magnitude",
        }
    }
}

impl From<Which> for End {
    fn from(which: Which) -> Self {
        match which {
            Which::Largest => Self::Largest,
            Which::Smallest => Self::Smallest,
            Which::BothEnds => Self::Both,
            Which::LargestMagnitude => Self::Magnitude,
        }
    }
}

/// How some eigenpairs were found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PartialMethod {
    /// Block Lanczos.
    Lanczos,
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
    /// Accuracy on those samples, 0 to 1; none where samples have no class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<f64>,
    /// l2 norm of the gradient of the mean loss.
    pub grad_norm: f64,
    /// The end of the spectrum that was asked for.
    pub which: End,
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
    /// Estimate of the error that rounding made in the matrix itself, which no residual shows
    /// ([`Precision::matrix_error`](heigen::curvature::Precision::matrix_error)).
    #[serde(default)]
    pub matrix_error: Option<f64>,
    /// Whether the matrix is zero as far as can be told; the eigenvalues are then exact zeros.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub vanishes: bool,
    /// Number of products with single directions, those of a search in float32 among them.
    pub products: usize,
    /// Number of restarts of the iteration.
    pub restarts: usize,
    /// How the eigenpairs were found.
    pub method: PartialMethod,
    /// Number type of the analysis.
    pub dtype: Dtype,
}

//! Summaries beside that of a whole spectrum: of which matrix it is, and what is known of it by sampling or in part.

use heigen::config::LossKind;
use heigen::curvature::{OperatorKind, Which};
use serde::{Deserialize, Serialize};

/// A kind of matrix.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Operator {
    /// Second derivatives of the mean loss.
    #[default]
    Hessian,
    /// The generalized Gauss-Newton matrix.
    Ggn,
    /// The empirical Fisher matrix.
    Fisher,
    /// The Hessian minus Gauss-Newton.
    Remainder,
}

impl Operator {
    /// Its name in files and their names.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hessian => "hessian",
            Self::Ggn => "ggn",
            Self::Fisher => "fisher",
            Self::Remainder => "remainder",
        }
    }
}

impl From<OperatorKind> for Operator {
    fn from(kind: OperatorKind) -> Self {
        match kind {
            OperatorKind::Hessian => Self::Hessian,
            OperatorKind::GaussNewton => Self::Ggn,
            OperatorKind::EmpiricalFisher => Self::Fisher,
            OperatorKind::FunctionalRemainder => Self::Remainder,
        }
    }
}

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

/// The number type of an analysis.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dtype {
    /// Single precision.
    Float32,
    /// Double precision.
    #[default]
    Float64,
}

impl Dtype {
    /// Its name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Float32 => "float32",
            Self::Float64 => "float64",
        }
    }
}

/// The name of a loss in experiment files and records.
pub fn loss_name(loss: LossKind) -> &'static str {
    match loss {
        LossKind::CrossEntropy => "cross_entropy",
        LossKind::Mse => "mse",
        LossKind::Nll => "nll",
        LossKind::Hinge => "hinge",
    }
}

/// The matrix that an analysis is of; everything empty is the Hessian of the mean training loss at the trained weights.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// The kind of matrix.
    pub operator: Operator,
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
    /// The end of the spectrum that they are from.
    pub which: End,
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
    /// How they were found.
    pub method: PartialMethod,
    /// Number type of the analysis.
    pub dtype: Dtype,
}

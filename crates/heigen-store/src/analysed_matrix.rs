//! The description of the matrix that an analysis is of, as records keep it.

use heigen::curvature::OperatorKind;
use heigen::vocabulary::{LossArgs, LossKind};
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

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
fn is_zero(number: &f64) -> bool {
    *number == 0.0
}

/// The name of a loss in experiment files and records.
pub fn loss_name(loss: LossKind) -> &'static str {
    loss.name()
}

/// The matrix that an analysis is of. Where all fields are empty it is the Hessian of the mean training loss at the
/// trained weights.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// The kind of matrix.
    pub operator: Operator,
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
    /// mu of the weight decay mu/2 |theta|^2 that is part of the loss.
    pub weight_decay: f64,
    /// The layers or tensors that decay; all parameters if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decay_only: Option<Vec<String>>,
    /// Label smoothing of the cross-entropy.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub label_smoothing: f64,
    /// The other options of the loss.
    #[serde(default, skip_serializing_if = "LossArgs::is_empty")]
    pub loss_args: LossArgs,
}

//! The options of a loss as files and requests write them.

use super::{LossKind, LossOptions, Objective, ObjectiveError, Reduction};
use serde::{Deserialize, Serialize};

/// The options of a loss that are given, under PyTorch's names; those that are not are PyTorch's defaults.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LossArgs {
    /// A weight for every class, or for every output of the binary cross-entropy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<Vec<f64>>,
    /// The label that is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ignore_index: Option<i64>,
    /// Label smoothing of the cross-entropy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label_smoothing: Option<f64>,
    /// How the losses of the samples become one number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reduction: Option<Reduction>,
    /// The weight of positive targets of the binary cross-entropy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pos_weight: Option<Vec<f64>>,
    /// The exponent of the hinge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p: Option<u8>,
    /// The margin of the hinge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub margin: Option<f64>,
    /// Where the square of `huber` ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delta: Option<f64>,
    /// Where the square of `smooth_l1` ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beta: Option<f64>,
    /// The least variance of `gaussian_nll`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eps: Option<f64>,
    /// Whether `gaussian_nll` has its constant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub full: Option<bool>,
}

impl LossArgs {
    /// The names of all options.
    pub const NAMES: [&'static str; 11] = [
        "weight",
        "ignore_index",
        "label_smoothing",
        "reduction",
        "pos_weight",
        "p",
        "margin",
        "delta",
        "beta",
        "eps",
        "full",
    ];

    /// Whether no option is given.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// These options, and of those that are not given here the ones of `others`.
    #[must_use]
    pub fn or(self, others: &Self) -> Self {
        Self {
            weight: self.weight.or_else(|| others.weight.clone()),
            ignore_index: self.ignore_index.or(others.ignore_index),
            label_smoothing: self.label_smoothing.or(others.label_smoothing),
            reduction: self.reduction.or(others.reduction),
            pos_weight: self.pos_weight.or_else(|| others.pos_weight.clone()),
            p: self.p.or(others.p),
            margin: self.margin.or(others.margin),
            delta: self.delta.or(others.delta),
            beta: self.beta.or(others.beta),
            eps: self.eps.or(others.eps),
            full: self.full.or(others.full),
        }
    }

    /// The objective of a loss with these options, without a penalty.
    pub fn objective(&self, loss: LossKind) -> Objective {
        let default = LossOptions::DEFAULT;
        Objective {
            loss,
            smoothing: self.label_smoothing.unwrap_or(0.0),
            class_weights: self.weight.clone(),
            ignore_index: self.ignore_index,
            options: LossOptions {
                pos_weight: self.pos_weight.clone(),
                p: self.p.unwrap_or(default.p),
                margin: self.margin.unwrap_or(default.margin),
                delta: self.delta.unwrap_or(default.delta),
                beta: self.beta.unwrap_or(default.beta),
                eps: self.eps.unwrap_or(default.eps),
                full: self.full.unwrap_or(default.full),
            },
            reduction: self.reduction.unwrap_or_default(),
            decay: None,
        }
    }

    /// Whether these are options of the loss, in their ranges.
    ///
    /// # Errors
    /// [`ObjectiveError`] for the first option that is not.
    ///
    /// ```
    /// use heigen::vocabulary::{LossArgs, LossKind};
    /// let args = LossArgs { delta: Some(1.0), ..LossArgs::default() };
    /// assert!(args.check(LossKind::Huber).is_ok() && args.check(LossKind::Mse).is_err());
    /// ```
    pub fn check(&self, loss: LossKind) -> Result<(), ObjectiveError> {
        let only = [
            ("p", self.p.is_some(), LossKind::Hinge),
            ("margin", self.margin.is_some(), LossKind::Hinge),
            ("delta", self.delta.is_some(), LossKind::Huber),
            ("beta", self.beta.is_some(), LossKind::SmoothL1),
            ("eps", self.eps.is_some(), LossKind::GaussianNll),
            ("full", self.full.is_some(), LossKind::GaussianNll),
        ];
        match only.into_iter().find(|&(_, given, of)| given && of != loss) {
            Some((option, ..)) => Err(ObjectiveError::Option { option, loss }),
            None => self.objective(loss).check(),
        }
    }
}

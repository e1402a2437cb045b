//! The kinds of loss.

use serde::Serialize;

/// A loss, by the name of PyTorch's function for it. How the losses of the samples become one number, and the options of a
/// loss, belong to the [`Objective`](super::Objective).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LossKind {
    /// Cross-entropy of the softmax of the logits (`cross_entropy`).
    CrossEntropy,
    /// Squared error (`mse_loss`) against real numbers, or against one-hot labels.
    Mse,
    /// Negative log-likelihood of outputs that are log-probabilities already (`nll_loss`).
    Nll,
    /// Multi-class margin loss (`multi_margin_loss`), divided by the number of classes.
    Hinge,
    /// Binary cross-entropy of one logit for every output (`binary_cross_entropy_with_logits`).
    #[serde(rename = "binary_cross_entropy_with_logits")]
    BinaryCrossEntropy,
    /// Absolute error (`l1_loss`).
    L1,
    /// Huber's loss (`huber_loss`): squared error / 2 up to delta, delta times the absolute error beyond.
    Huber,
    /// Huber's loss divided by beta (`smooth_l1_loss`).
    SmoothL1,
    /// Negative log-likelihood of a normal distribution (`gaussian_nll_loss`). A network for targets of D numbers has 2 D
    /// outputs, first the D means, then the D variances.
    GaussianNll,
}

impl LossKind {
    /// All kinds.
    pub const ALL: [Self; 9] = [
        Self::CrossEntropy,
        Self::Mse,
        Self::Nll,
        Self::Hinge,
        Self::BinaryCrossEntropy,
        Self::L1,
        Self::Huber,
        Self::SmoothL1,
        Self::GaussianNll,
    ];

    /// The name in files and requests.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CrossEntropy => "cross_entropy",
            Self::Mse => "mse",
            Self::Nll => "nll",
            Self::Hinge => "hinge",
            Self::BinaryCrossEntropy => "binary_cross_entropy_with_logits",
            Self::L1 => "l1",
            Self::Huber => "huber",
            Self::SmoothL1 => "smooth_l1",
            Self::GaussianNll => "gaussian_nll",
        }
    }

    /// The kind of a name, if there is one. PyTorch's names of functions are known, too: `mse_loss` is `mse`,
    /// `multi_margin_loss` is `hinge`.
    ///
    /// ```
    /// use heigen::vocabulary::LossKind;
    /// assert_eq!(LossKind::from_name("huber_loss"), Some(LossKind::Huber));
    /// assert_eq!(LossKind::from_name("entropy"), None);
    /// ```
    pub fn from_name(name: &str) -> Option<Self> {
        let short = name.strip_suffix("_loss").unwrap_or(name);
        match short {
            "multi_margin" => Some(Self::Hinge),
            "bce_with_logits" => Some(Self::BinaryCrossEntropy),
            _ => Self::ALL.into_iter().find(|kind| kind.name() == short),
        }
    }

    /// Whether targets of this loss may be real numbers.
    pub const fn takes_numbers(self) -> bool {
        !matches!(self, Self::Nll | Self::Hinge)
    }

    /// Whether the loss is one of regression: its targets are real numbers unless they are said to be classes.
    pub const fn is_regression(self) -> bool {
        matches!(self, Self::L1 | Self::Huber | Self::SmoothL1 | Self::GaussianNll)
    }

    /// Whether the loss of a sample is a sum over outputs, each against its own number.
    pub const fn is_by_output(self) -> bool {
        matches!(self, Self::Mse | Self::BinaryCrossEntropy | Self::L1 | Self::Huber | Self::SmoothL1)
    }
}

impl std::fmt::Display for LossKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

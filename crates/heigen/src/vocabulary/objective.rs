//! What is minimised: a loss with its options, and the targets that it is taken against.

use super::LossKind;

/// The function that training minimises and whose curvature is analysed: the reduced loss of the samples, and a penalty
/// on the weights.
///
/// L(theta) = 1/N sum_n l(f(x_n; theta), y_n) + mu/2 |theta_S|^2, with S the parameters that decay. Definitions are
/// PyTorch's: `smoothing` is `label_smoothing` of `cross_entropy`, `reduction` is its `reduction`, and `decay` is what
/// `weight_decay` of `torch.optim.SGD` adds to the gradient.
///
/// A [`LossKind`] alone is an objective: its mean, without options. Options that heigen does not know yet (class weights,
/// a class that is ignored) have their place here and are refused, never ignored.
///
/// ```
/// use heigen::vocabulary::{Decay, LossKind, Objective};
/// let objective = Objective { smoothing: 0.1, decay: Some(Decay::of_all(5e-4)), ..LossKind::CrossEntropy.into() };
/// assert_eq!(objective.check(), Ok(()));
/// let unknown = Objective { ignore_index: Some(-100), ..objective };
/// assert!(unknown.check().unwrap_err().to_string().starts_with("a class that is ignored is not known yet"));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Objective {
    /// The loss of one sample.
    pub loss: LossKind,
    /// Label smoothing s of the cross-entropy, 0 to 1: the target is (1 - s) for the true class and s / C spread over all
    /// C classes.
    pub smoothing: f64,
    /// A weight for the samples of every class, `[C]`. Not known yet.
    pub class_weights: Option<Vec<f64>>,
    /// The label of samples that the loss leaves out. Not known yet.
    pub ignore_index: Option<i64>,
    /// How the losses of the samples become one number.
    pub reduction: Reduction,
    /// The penalty on the weights.
    pub decay: Option<Decay>,
}

impl From<LossKind> for Objective {
    fn from(loss: LossKind) -> Self {
        let (class_weights, ignore_index, reduction, decay) = (None, None, Reduction::Mean, None);
        Self { loss, smoothing: 0.0, class_weights, ignore_index, reduction, decay }
    }
}

/// How the losses of the samples become one number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reduction {
    /// Their mean over the N samples.
    #[default]
    Mean,
    /// Their sum.
    Sum,
}

/// Weight decay: the penalty mu/2 |theta_S|^2, which adds mu theta_S to the gradient and mu to the diagonal of the
/// Hessian, for the parameters in S.
#[derive(Clone, Debug, PartialEq)]
pub struct Decay {
    /// mu, `weight_decay` of PyTorch's optimizers.
    pub mu: f64,
    /// The layers or tensors that decay, as [`named_parameters`](crate::curvature::named_parameters) takes them; empty for
    /// all parameters.
    pub only: Vec<String>,
}

impl Decay {
    /// Weight decay `mu` of all parameters.
    pub fn of_all(mu: f64) -> Self {
        Self { mu, only: vec![] }
    }
}

/// Why an objective is refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ObjectiveError {
    /// The smoothing is no part of a whole.
    #[error("the label smoothing is {0}; expected a number from 0 to 1")]
    Smoothing(f64),
    /// Only the cross-entropy can be smoothed.
    #[error(
        "label smoothing is defined for the cross-entropy, the loss is {0:?}; a network that ends in log_softmax may take \
         the cross-entropy, too: it is the same function"
    )]
    SmoothingOf(LossKind),
    /// The weight decay is infinite or NaN.
    #[error("the weight decay is {0}; expected a finite number")]
    Decay(f64),
    /// Class weights are not known yet.
    #[error(
        "weights of classes are not known yet; without them the loss is another one, so leave them out only to analyse that \
         one"
    )]
    ClassWeights,
    /// A class that is ignored is not known yet.
    #[error(
        "a class that is ignored is not known yet; leave its samples out of the data: the mean is then over the others"
    )]
    IgnoreIndex,
    /// Targets of this form are not known yet.
    #[error("targets that are {0} are not known yet; expected one class for each sample")]
    Targets(&'static str),
}

impl Objective {
    /// mu, 0 without a penalty.
    pub fn mu(&self) -> f64 {
        self.decay.as_ref().map_or(0.0, |decay| decay.mu)
    }

    /// Whether heigen knows this objective.
    ///
    /// # Errors
    /// [`ObjectiveError`] for the first option that is out of range or not known yet.
    pub fn check(&self) -> Result<(), ObjectiveError> {
        if !(0.0..=1.0).contains(&self.smoothing) {
            return Err(ObjectiveError::Smoothing(self.smoothing));
        }
        if self.smoothing != 0.0 && self.loss != LossKind::CrossEntropy {
            return Err(ObjectiveError::SmoothingOf(self.loss));
        }
        if !self.mu().is_finite() {
            return Err(ObjectiveError::Decay(self.mu()));
        }
        if self.class_weights.is_some() {
            return Err(ObjectiveError::ClassWeights);
        }
        if self.ignore_index.is_some() {
            return Err(ObjectiveError::IgnoreIndex);
        }
        Ok(())
    }
}

/// What the outputs of N samples are compared with. Only classes are known yet; the other forms have their place here and
/// are refused.
#[derive(Clone, Debug, PartialEq)]
pub enum Targets {
    /// A class for every sample, `[N]`.
    Classes(Vec<usize>),
    /// A class for every position of every sample, such as the tokens of a text: `[N * positions]`, sample after sample.
    Positions {
        /// The classes.
        classes: Vec<usize>,
        /// Number of positions of a sample.
        positions: usize,
    },
    /// Real numbers, one for every output of every sample: `[N * C]`, sample after sample.
    Real {
        /// The numbers.
        values: Vec<f64>,
        /// C, the number of outputs.
        outputs: usize,
    },
}

impl Targets {
    /// The class of every sample.
    ///
    /// # Errors
    /// [`ObjectiveError::Targets`] for targets that are no classes of samples.
    pub fn into_classes(self) -> Result<Vec<usize>, ObjectiveError> {
        match self {
            Self::Classes(classes) => Ok(classes),
            Self::Positions { .. } => Err(ObjectiveError::Targets("classes of positions")),
            Self::Real { .. } => Err(ObjectiveError::Targets("real numbers")),
        }
    }
}

impl From<Vec<usize>> for Targets {
    fn from(classes: Vec<usize>) -> Self {
        Self::Classes(classes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_yet_is_refused_and_never_ignored() {
        let plain: Objective = LossKind::CrossEntropy.into();
        let refused = [
            Objective { class_weights: Some(vec![1.0, 2.0]), ..plain.clone() },
            Objective { ignore_index: Some(0), ..plain.clone() },
            Objective { smoothing: 1.5, ..plain.clone() },
            Objective { smoothing: f64::NAN, ..plain.clone() },
            Objective { smoothing: 0.1, ..LossKind::Mse.into() },
            Objective { decay: Some(Decay::of_all(f64::INFINITY)), ..plain.clone() },
        ];
        assert!(refused.iter().all(|objective| objective.check().is_err()));
        assert_eq!(plain.check(), Ok(()));
        assert!(Targets::Real { values: vec![0.5], outputs: 1 }.into_classes().is_err());
        assert!(Targets::Positions { classes: vec![1], positions: 1 }.into_classes().is_err());
        assert_eq!(Targets::from(vec![1, 0]).into_classes(), Ok(vec![1, 0]));
    }
}

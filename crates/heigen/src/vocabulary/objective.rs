//! The objective, which is minimised: a loss with its options and its penalty.

use super::{LossKind, Targets, TargetsView};

/// The function that training minimises and whose curvature is analysed: the reduced loss of the samples, and a penalty
/// on the weights.
///
/// L(theta) = 1/W sum_n l(f(x_n; theta), y_n) + mu/2 |theta_S|^2, with S the parameters that decay. Definitions are
/// PyTorch's: `smoothing` is `label_smoothing` of `cross_entropy`, `class_weights` is `weight`, `reduction` is its
/// `reduction`, and `decay` is what `weight_decay` of `torch.optim.SGD` adds to the gradient.
///
/// The divisor W of a mean is the loss's own count:
///
/// | loss | W |
/// | --- | --- |
/// | cross-entropy, `nll` of classes | the sum of the weights of the targets that are not ignored; without weights their number |
/// | cross-entropy of probabilities, `hinge` | N |
/// | losses by output (`mse`, `l1`, ...) | N times the number of outputs |
/// | `gaussian_nll` | N times the number of means |
///
/// A [`LossKind`] alone is an objective: its mean, with PyTorch's defaults.
///
/// ```
/// use heigen::vocabulary::{Decay, LossKind, LossOptions, Objective};
/// let objective = Objective { smoothing: 0.1, decay: Some(Decay::of_all(5e-4)), ..LossKind::CrossEntropy.into() };
/// assert_eq!(objective.check(), Ok(()));
/// let other = Objective { ignore_index: Some(-100), ..LossKind::Huber.into() };
/// assert_eq!(other.check().unwrap_err().to_string(), "`ignore_index` is no option of the loss huber");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Objective {
    /// The loss of one sample.
    pub loss: LossKind,
    /// Label smoothing s of the cross-entropy, 0 to 1: the target is (1 - s) for the true class and s / C spread over all
    /// C classes.
    pub smoothing: f64,
    /// A weight for the samples of every class, `[C]`; of the binary cross-entropy a weight for every output.
    pub class_weights: Option<Vec<f64>>,
    /// The label of samples, or of their positions, that the loss leaves out, besides [`Targets::IGNORED`].
    pub ignore_index: Option<i64>,
    /// The options that only some losses have.
    pub options: LossOptions,
    /// How the losses of the samples become one number.
    pub reduction: Reduction,
    /// The penalty on the weights.
    pub decay: Option<Decay>,
}

/// Options that only some losses have, under PyTorch's names and with its defaults.
#[derive(Clone, Debug, PartialEq)]
pub struct LossOptions {
    /// Binary cross-entropy: the weight of positive targets, one for each output or one for all.
    pub pos_weight: Option<Vec<f64>>,
    /// `hinge`: the exponent of the violations, 1 or 2.
    pub p: u8,
    /// `hinge`: the margin.
    pub margin: f64,
    /// `huber`: where the square ends.
    pub delta: f64,
    /// `smooth_l1`: where the square ends.
    pub beta: f64,
    /// `gaussian_nll`: the least variance; smaller ones count as this one.
    pub eps: f64,
    /// `gaussian_nll`: whether the constant 1/2 log(2 pi) is part of the loss.
    pub full: bool,
}

impl LossOptions {
    /// PyTorch's defaults.
    pub const DEFAULT: Self =
        Self { pos_weight: None, p: 1, margin: 1.0, delta: 1.0, beta: 1.0, eps: 1e-6, full: false };
}

impl Default for LossOptions {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl From<LossKind> for Objective {
    fn from(loss: LossKind) -> Self {
        let (class_weights, ignore_index, reduction, decay) = (None, None, Reduction::Mean, None);
        Self { loss, smoothing: 0.0, class_weights, ignore_index, options: LossOptions::DEFAULT, reduction, decay }
    }
}

/// How the losses of the samples become one number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reduction {
    /// Their mean, by the loss's own count.
    #[default]
    Mean,
    /// Their sum, over outputs, too.
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
        "label smoothing is defined for the cross-entropy, the loss is {0}; a network that ends in log_softmax may take \
         the cross-entropy, too: it is the same function"
    )]
    SmoothingOf(LossKind),
    /// The weight decay is infinite or NaN.
    #[error("the weight decay is {0}; expected a finite number")]
    Decay(f64),
    /// The loss does not have the option.
    #[error("`{option}` is no option of the loss {loss}")]
    Option {
        /// PyTorch's name of the option.
        option: &'static str,
        /// The loss.
        loss: LossKind,
    },
    /// An option is out of its range.
    #[error("`{option}` of the loss is {got}; expected {wanted}")]
    Range {
        /// PyTorch's name of the option.
        option: &'static str,
        /// The value.
        got: String,
        /// The range.
        wanted: &'static str,
    },
    /// There are too few or too many weights.
    #[error("`{option}` of the loss has {got} numbers; expected {wanted}, one for each {of}")]
    Length {
        /// PyTorch's name of the option.
        option: &'static str,
        /// How many numbers there are.
        got: usize,
        /// How many there must be.
        wanted: usize,
        /// The name of the things that have one number each.
        of: &'static str,
    },
    /// The loss has no targets of this form.
    #[error("the loss {loss} takes no targets that are {form}; expected {wanted}")]
    Targets {
        /// The loss.
        loss: LossKind,
        /// The form of the targets.
        form: &'static str,
        /// The form that the loss takes.
        wanted: &'static str,
    },
    /// Targets and outputs do not fit.
    #[error("the network has {outputs} outputs; {wanted}")]
    Outputs {
        /// Number of outputs.
        outputs: usize,
        /// The number of outputs that the targets ask for, in words.
        wanted: String,
    },
    /// A target is infinite or NaN.
    #[error("the target of sample {sample} is infinite or NaN")]
    Target {
        /// The index of the sample.
        sample: usize,
    },
    /// A variance is negative.
    #[error(
        "the network's variance of sample {sample} is {got}; the outputs of a network under gaussian_nll are first the means, \
         then the variances, which must not be negative"
    )]
    Variance {
        /// The index of the sample.
        sample: usize,
        /// The variance.
        got: f64,
    },
    /// All targets are ignored, or have weight 0.
    #[error("all targets are ignored or have weight 0; the mean loss over none is undefined")]
    NothingCounts,
}

impl Objective {
    /// mu, 0 without a penalty.
    pub fn mu(&self) -> f64 {
        self.decay.as_ref().map_or(0.0, |decay| decay.mu)
    }

    /// Whether the objective is one: its options belong to its loss and are in their ranges.
    ///
    /// # Errors
    /// [`ObjectiveError`] for the first option that is not.
    pub fn check(&self) -> Result<(), ObjectiveError> {
        use LossKind::{BinaryCrossEntropy, CrossEntropy, GaussianNll, Hinge, Huber, Nll, SmoothL1};
        if !(0.0..=1.0).contains(&self.smoothing) {
            return Err(ObjectiveError::Smoothing(self.smoothing));
        }
        if self.smoothing != 0.0 && self.loss != CrossEntropy {
            return Err(ObjectiveError::SmoothingOf(self.loss));
        }
        if !self.mu().is_finite() {
            return Err(ObjectiveError::Decay(self.mu()));
        }
        let (given, default) = (&self.options, &LossOptions::DEFAULT);
        let (loss, is) = (self.loss, |losses: &[LossKind]| losses.contains(&self.loss));
        let same = |a: f64, b: f64| a.to_bits() == b.to_bits();
        let strangers = [
            ("weight", self.class_weights.is_some() && !is(&[CrossEntropy, Nll, Hinge, BinaryCrossEntropy])),
            ("ignore_index", self.ignore_index.is_some() && !is(&[CrossEntropy, Nll])),
            ("pos_weight", given.pos_weight.is_some() && !is(&[BinaryCrossEntropy])),
            ("p", given.p != default.p && !is(&[Hinge])),
            ("margin", !same(given.margin, default.margin) && !is(&[Hinge])),
            ("delta", !same(given.delta, default.delta) && !is(&[Huber])),
            ("beta", !same(given.beta, default.beta) && !is(&[SmoothL1])),
            ("eps", !same(given.eps, default.eps) && !is(&[GaussianNll])),
            ("full", given.full && !is(&[GaussianNll])),
        ];
        if let Some((option, _)) = strangers.into_iter().find(|(_, stranger)| *stranger) {
            return Err(ObjectiveError::Option { option, loss });
        }
        let range = |option, got: f64, wanted| Err(ObjectiveError::Range { option, got: got.to_string(), wanted });
        let weights = self.class_weights.iter().flatten().map(|w| ("weight", w));
        let positive = given.pos_weight.iter().flatten().map(|w| ("pos_weight", w));
        if let Some((option, &got)) = weights.chain(positive).find(|(_, w)| !(w.is_finite() && **w >= 0.0)) {
            return range(option, got, "finite numbers, none of them negative");
        }
        if !matches!(given.p, 1 | 2) {
            return range("p", given.p.into(), "1 or 2");
        }
        if !given.margin.is_finite() {
            return range("margin", given.margin, "a finite number");
        }
        for (option, got) in [("delta", given.delta), ("eps", given.eps)] {
            if !(got.is_finite() && got > 0.0) {
                return range(option, got, "a positive number");
            }
        }
        if !(given.beta.is_finite() && given.beta >= 0.0) {
            return range("beta", given.beta, "a number that is not negative");
        }
        Ok(())
    }

    /// Whether targets and the outputs of a network fit this objective; all classes are checked by the caller.
    ///
    /// # Errors
    /// [`ObjectiveError`] for a form of targets that the loss does not take, a wrong number of outputs or of weights.
    pub fn check_targets(&self, targets: &Targets, outputs: usize) -> Result<(), ObjectiveError> {
        let loss = self.loss;
        let refused = |form, wanted| Err(ObjectiveError::Targets { loss, form, wanted });
        let mismatch = |wanted| Err(ObjectiveError::Outputs { outputs, wanted });
        let mut classes = outputs;
        match targets.view() {
            TargetsView::Classes(_) if loss == LossKind::GaussianNll => {
                return refused("classes", "real numbers");
            }
            TargetsView::Classes(_) => {}
            TargetsView::Positions { .. } if !matches!(loss, LossKind::CrossEntropy | LossKind::Nll) => {
                return refused("classes of positions", "one target for each sample");
            }
            TargetsView::Positions { classes: given, positions, .. } => {
                if positions == 0 || !outputs.is_multiple_of(positions) || !given.len().is_multiple_of(positions) {
                    return mismatch(format!("targets of {positions} positions need a multiple of {positions}"));
                }
                classes = outputs / positions;
            }
            TargetsView::Real { .. } if !loss.takes_numbers() => return refused("real numbers", "classes"),
            TargetsView::Real { values, outputs: numbers } => {
                let wanted = if loss == LossKind::GaussianNll { 2 * numbers } else { numbers };
                if numbers == 0 || wanted != outputs || !values.len().is_multiple_of(numbers) {
                    let why = if loss == LossKind::GaussianNll { ", a mean and a variance for each" } else { "" };
                    return mismatch(format!("targets of {numbers} numbers need {wanted}{why}"));
                }
                if let Some(i) = values.iter().position(|value| !value.is_finite()) {
                    return Err(ObjectiveError::Target { sample: i / numbers });
                }
            }
        }
        let by_output = loss == LossKind::BinaryCrossEntropy;
        let of = if by_output { "output" } else { "class" };
        let length = |option, weights: &Option<Vec<f64>>, one_for_all: bool| match weights {
            Some(w) if w.len() != classes && !(one_for_all && w.len() == 1) => {
                Err(ObjectiveError::Length { option, got: w.len(), wanted: classes, of })
            }
            _ => Ok(()),
        };
        length("weight", &self.class_weights, by_output)?;
        length("pos_weight", &self.options.pos_weight, true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_no_sense_is_refused_and_never_ignored() {
        let plain: Objective = LossKind::CrossEntropy.into();
        let with = |loss: LossKind, options| Objective { options, ..loss.into() };
        let refused = [
            Objective { class_weights: Some(vec![1.0, -2.0]), ..plain.clone() },
            Objective { class_weights: Some(vec![1.0, f64::NAN]), ..plain.clone() },
            Objective { class_weights: Some(vec![1.0, 2.0]), ..LossKind::Mse.into() },
            Objective { ignore_index: Some(0), ..LossKind::Hinge.into() },
            Objective { smoothing: 1.5, ..plain.clone() },
            Objective { smoothing: f64::NAN, ..plain.clone() },
            Objective { smoothing: 0.1, ..LossKind::Mse.into() },
            Objective { decay: Some(Decay::of_all(f64::INFINITY)), ..plain.clone() },
            with(LossKind::Hinge, LossOptions { p: 3, ..LossOptions::DEFAULT }),
            with(LossKind::Huber, LossOptions { delta: 0.0, ..LossOptions::DEFAULT }),
            with(LossKind::Huber, LossOptions { beta: 2.0, ..LossOptions::DEFAULT }),
            with(LossKind::SmoothL1, LossOptions { beta: -1.0, ..LossOptions::DEFAULT }),
            with(LossKind::GaussianNll, LossOptions { eps: f64::NAN, ..LossOptions::DEFAULT }),
            with(LossKind::Mse, LossOptions { full: true, ..LossOptions::DEFAULT }),
            with(LossKind::L1, LossOptions { pos_weight: Some(vec![1.0]), ..LossOptions::DEFAULT }),
        ];
        for objective in &refused {
            assert!(objective.check().is_err(), "{objective:?}");
        }
        for kind in LossKind::ALL {
            assert_eq!(Objective::from(kind).check(), Ok(()), "{kind}");
            assert_eq!(LossKind::from_name(kind.name()), Some(kind));
        }
    }

    #[test]
    fn targets_that_do_not_fit_are_refused() {
        let real = |outputs| Targets::Real { values: vec![0.5; 2 * outputs], outputs };
        let of = |kind: LossKind, targets: &Targets, outputs| Objective::from(kind).check_targets(targets, outputs);
        assert!(of(LossKind::Mse, &real(2), 2).is_ok() && of(LossKind::Mse, &real(2), 3).is_err());
        assert!(of(LossKind::GaussianNll, &real(2), 4).is_ok() && of(LossKind::GaussianNll, &real(2), 2).is_err());
        assert!(of(LossKind::Nll, &real(2), 2).is_err() && of(LossKind::Hinge, &real(2), 2).is_err());
        assert!(of(LossKind::GaussianNll, &vec![0, 1].into(), 2).is_err());
        let layout = super::super::PositionLayout::ClassesFirst;
        let positions = |n| Targets::Positions { classes: vec![0; 6], positions: n, layout };
        assert!(of(LossKind::CrossEntropy, &positions(3), 6).is_ok());
        assert!(of(LossKind::CrossEntropy, &positions(3), 7).is_err());
        assert!(of(LossKind::CrossEntropy, &positions(0), 7).is_err());
        assert!(of(LossKind::Mse, &positions(3), 6).is_err());
        let infinite = Targets::Real { values: vec![0.0, f64::INFINITY], outputs: 1 };
        assert_eq!(of(LossKind::L1, &infinite, 1), Err(ObjectiveError::Target { sample: 1 }));
        let weights = |n: usize| Objective { class_weights: Some(vec![1.0; n]), ..LossKind::CrossEntropy.into() };
        assert!(weights(3).check_targets(&vec![0].into(), 3).is_ok());
        assert!(weights(2).check_targets(&vec![0].into(), 3).is_err());
    }
}

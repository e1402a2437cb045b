//! Losses: their value, their derivative with respect to the outputs, and the derivative of that derivative.
//!
//! | loss | of one sample with outputs o, label y or targets t, C outputs |
//! | --- | --- |
//! | `cross_entropy` | sum_c a_c (log sum_j exp(o_j) - o_c), with masses a_c |
//! | `nll` | -w_y o_y |
//! | `hinge` | w_y sum_(c != y) max(0, margin - o_y + o_c)^p / C |
//! | `mse` | sum_c (o_c - t_c)^2 / C |
//! | `l1` | sum_c abs(o_c - t_c) / C |
//! | `huber`, `smooth_l1` | sum_c h(o_c - t_c) / C, a square with straight ends |
//! | `binary_cross_entropy_with_logits` | sum_c w_c ((1 - t_c) log(1 + exp(o_c)) + pos_c t_c log(1 + exp(-o_c))) / C |
//! | `gaussian_nll` | sum_d (log v_d + (o_d - t_d)^2 / v_d) / 2 D, with the variances v_d = o_(D + d) |
//!
//! The masses of the cross-entropy are a_c = w_c ((1 - s) q_c + s / C), with the smoothing s, the weights w of the classes
//! (1 without), and q_c = [c = y], or the given probabilities. Losses by output take a label as its one-hot targets. A sample
//! of several positions has the sum of the losses of its positions. Under the reduction `sum`, nothing is divided by C or D
//! except the hinge.
//!
//! The training loss is the mean over what counts ([`Objective`]). Definitions and reductions are PyTorch's.

mod accuracy;
mod by_class;
mod by_output;
mod gaussian;
mod positions;
mod roots;
mod two_logits;

use crate::linalg::{Matrix, Scalar};
use crate::model::ColumnMap;
use crate::vocabulary::{LossKind, LossOptions, Objective, Reduction, Targets, TargetsView};
pub use accuracy::Answers;
use positions::{Position, by_position};

impl LossKind {
    /// Loss of one sample with outputs `o` `[C]`.
    pub fn of_sample<T: Scalar>(self, o: &[T], label: usize) -> T {
        SampleLoss::from(self).of_sample(o, label)
    }

    /// Sum of the losses of all columns of `outputs` [C, N].
    pub fn sum<T: Scalar>(self, outputs: &Matrix<T>, labels: &[usize]) -> f64 {
        SampleLoss::from(self).sum(outputs, TargetsView::Classes(labels))
    }

    /// Mean of the losses of all columns of `outputs` [C, N].
    pub fn mean<T: Scalar>(self, outputs: &Matrix<T>, labels: &[usize]) -> f64 {
        self.sum(outputs, labels) / labels.len() as f64
    }
}

/// The loss of one sample: a kind of loss with its options.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SampleLoss<'a> {
    /// The kind of loss.
    pub kind: LossKind,
    /// Label smoothing s, 0 to 1; other losses than the cross-entropy have none.
    pub smoothing: f64,
    /// The weights of the classes, or of the outputs.
    pub class_weights: Option<&'a [f64]>,
    /// The label that is left out, besides [`Targets::IGNORED`].
    pub ignore_index: Option<i64>,
    /// The options of single losses.
    pub options: &'a LossOptions,
    /// Whether the loss of a sample is the mean over its outputs, or their sum.
    pub reduction: Reduction,
}

impl From<LossKind> for SampleLoss<'_> {
    fn from(kind: LossKind) -> Self {
        let (class_weights, ignore_index, reduction) = (None, None, Reduction::Mean);
        Self { kind, smoothing: 0.0, class_weights, ignore_index, options: &LossOptions::DEFAULT, reduction }
    }
}

impl<'a> From<&'a Objective> for SampleLoss<'a> {
    fn from(objective: &'a Objective) -> Self {
        Self {
            kind: objective.loss,
            smoothing: objective.smoothing,
            class_weights: objective.class_weights.as_deref(),
            ignore_index: objective.ignore_index,
            options: &objective.options,
            reduction: objective.reduction,
        }
    }
}

/// The target of one sample, or of one of its positions.
#[derive(Clone, Copy, Debug)]
enum Target<'a> {
    /// A class.
    Class(usize),
    /// A number for every output, or for every mean.
    Real(&'a [f64]),
}

impl Target<'_> {
    /// The number that output `c` is compared with; a class stands for its one-hot targets.
    fn number(&self, c: usize) -> f64 {
        match self {
            Self::Class(y) => f64::from(u8::from(*y == c)),
            Self::Real(numbers) => numbers.get(c).copied().unwrap_or(0.0),
        }
    }
}

impl SampleLoss<'_> {
    /// Whether the loss leaves a label out.
    pub fn ignores(&self, label: usize) -> bool {
        label == Targets::IGNORED || self.ignore_index.is_some_and(|index| i64::try_from(label) == Ok(index))
    }

    /// Whether the second derivative with respect to the outputs is zero (almost) everywhere.
    pub fn is_linear(&self) -> bool {
        match self.kind {
            LossKind::Nll | LossKind::L1 => true,
            LossKind::Hinge => self.options.p == 1,
            LossKind::SmoothL1 => self.options.beta == 0.0,
            _ => false,
        }
    }

    /// Loss of one sample with outputs `o` `[C]` and a class as its target.
    pub fn of_sample<T: Scalar>(&self, o: &[T], label: usize) -> T {
        if self.ignores(label) { T::ZERO } else { self.of(o, Target::Class(label)) }
    }

    /// Sum of the losses of all columns of `outputs` [C, N]; of losses that are all zero it is 0, never -0.
    pub fn sum<T: Scalar>(&self, outputs: &Matrix<T>, targets: TargetsView<'_>) -> f64 {
        let mut sum = 0.0;
        self.each(outputs, targets, |loss| sum += loss);
        sum + 0.0
    }

    /// Tells the losses of all columns of `outputs` [C, N], one after the other.
    pub(crate) fn each<T: Scalar>(&self, outputs: &Matrix<T>, targets: TargetsView<'_>, mut tell: impl FnMut(f64)) {
        let each = outputs.iter_columns();
        match targets {
            TargetsView::Classes(labels) => each.zip(labels).for_each(|(o, &y)| tell(self.of_sample(o, y).to_f64())),
            TargetsView::Real { values, outputs } => {
                let each = each.zip(values.chunks_exact(outputs.max(1)));
                each.for_each(|(o, t)| tell(self.of(o, Target::Real(t)).to_f64()));
            }
            TargetsView::Positions { .. } => {
                each.enumerate().for_each(|(n, o)| tell(self.of_positions(n, o, targets).to_f64()));
            }
        }
    }

    /// The loss of sample `n`, the sum over its positions.
    fn of_positions<T: Scalar>(&self, n: usize, o: &[T], targets: TargetsView<'_>) -> T {
        let mut sum = T::ZERO;
        by_position(n, [o], targets, |Position { columns: [o], label, .. }| sum += self.of_sample(o, label));
        sum
    }

    /// The loss of one sample, or of one of its positions.
    fn of<T: Scalar>(&self, o: &[T], target: Target<'_>) -> T {
        match self.kind {
            LossKind::CrossEntropy | LossKind::Nll | LossKind::Hinge => self.of_classes(o, target),
            LossKind::GaussianNll => self.of_means_and_variances(o, target),
            _ => self.of_outputs(o, target),
        }
    }

    /// `weight` times the derivative of the loss with respect to the outputs of one sample.
    fn slope<T: Scalar>(&self, o: &[T], target: Target<'_>, weight: T, rounding: Rounding, out: &mut [T]) {
        match self.kind {
            LossKind::CrossEntropy | LossKind::Nll | LossKind::Hinge => {
                self.slope_of_classes(o, target, weight, rounding, out);
            }
            LossKind::GaussianNll => self.slope_of_means_and_variances(o, target, weight, out),
            _ => self.slope_of_outputs(o, target, weight, out),
        }
    }

    /// `weight` times the second derivative of the loss with respect to the outputs of one sample, applied to `directions`
    /// (columns of C numbers, one after another).
    fn bend<T: Scalar>(&self, o: &[T], target: Target<'_>, weight: T, directions: &[T], out: &mut [T]) {
        match self.kind {
            LossKind::CrossEntropy | LossKind::Nll | LossKind::Hinge => {
                self.bend_of_classes(o, target, weight, directions, out);
            }
            LossKind::GaussianNll => self.bend_of_means_and_variances(o, target, weight, directions, out),
            _ => self.bend_of_outputs(o, target, weight, directions, out),
        }
    }

    /// The weight of a class; 1 without weights.
    fn class_weight(&self, class: usize) -> f64 {
        self.class_weights.and_then(|weights| weights.get(class)).copied().unwrap_or(1.0)
    }

    /// The factor of the loss of one of `outputs` outputs: 1 / C of a mean, 1 of a sum.
    fn share<T: Scalar>(&self, outputs: usize) -> T {
        match self.reduction {
            Reduction::Mean => T::ONE / T::from_f64(outputs as f64),
            Reduction::Sum => T::ONE,
        }
    }

    /// The share that the losses of some samples add to the divisor of a mean ([`Objective`]), for losses whose samples have a mean of
    /// their own where they have several outputs.
    pub fn count(&self, targets: &Targets) -> f64 {
        match targets.view() {
            TargetsView::Classes(labels) | TargetsView::Positions { classes: labels, .. } => self.count_of(labels),
            TargetsView::Real { .. } => targets.len() as f64,
        }
    }

    /// [`SampleLoss::count`] of every sample by itself, `[N]`.
    pub(crate) fn counts(&self, targets: &Targets) -> Vec<f64> {
        match targets.view() {
            TargetsView::Classes(labels) => labels.chunks(1).map(|label| self.count_of(label)).collect(),
            TargetsView::Positions { classes, positions, .. } => {
                classes.chunks_exact(positions.max(1)).map(|labels| self.count_of(labels)).collect()
            }
            TargetsView::Real { .. } => vec![1.0; targets.len()],
        }
    }

    fn count_of(&self, labels: &[usize]) -> f64 {
        let counted = labels.iter().filter(|&&label| !self.ignores(label));
        match self.kind {
            LossKind::CrossEntropy | LossKind::Nll if self.class_weights.is_some() => {
                counted.map(|&label| self.class_weight(label)).sum()
            }
            _ => counted.count() as f64,
        }
    }
}

/// The derivative of `weight` times the loss of every sample with respect to its outputs, as a map that carriers apply.
#[derive(Clone, Copy, Debug)]
pub struct LossDelta<'a, T> {
    /// The loss.
    pub loss: SampleLoss<'a>,
    /// The targets of all samples.
    pub targets: TargetsView<'a>,
    /// The factor of the loss: 1/N for a mean, 1 for per-example gradients.
    pub weight: T,
    /// The rounding of p - 1.
    pub rounding: Rounding,
}

/// The rounding of the derivative p - 1 of the cross-entropy with respect to the output of the true class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// Computed by subtraction. It becomes 0 in float32 as soon as p rounds to 1; training uses it, to follow the
    /// reference.
    PyTorch,
    /// Computed to full relative precision. Analyses use it, since p is close to 1 at minima.
    Exact,
}

impl<T: Scalar> LossDelta<'_, T> {
    /// The target of sample `n`, where it has one for all of its outputs that counts.
    fn target(&self, n: usize) -> Option<Target<'_>> {
        match self.targets {
            TargetsView::Classes(labels) => {
                labels.get(n).filter(|&&label| !self.loss.ignores(label)).map(|&label| Target::Class(label))
            }
            TargetsView::Real { values, outputs } => values.get(n * outputs..(n + 1) * outputs).map(Target::Real),
            TargetsView::Positions { .. } => None,
        }
    }
}

impl<T: Scalar> ColumnMap<T, 1> for LossDelta<'_, T> {
    fn value(&self, n: usize, [o]: [&[T]; 1], out: &mut [T]) {
        let Self { loss, weight, rounding, .. } = *self;
        if let Some(target) = self.target(n) {
            return loss.slope(o, target, weight, rounding, out);
        }
        out.fill(T::ZERO);
        by_position(n, [o], self.targets, |mut position| {
            let [o] = position.columns;
            if !loss.ignores(position.label) {
                loss.slope(o, Target::Class(position.label), weight, rounding, position.scratch());
                position.put(out);
            }
        });
    }

    fn tangents(&self, n: usize, [o]: [&[T]; 1], [d_outputs]: [Option<&[T]>; 1], out: &mut [T]) -> bool {
        let Some(d_outputs) = d_outputs else { return false };
        let Self { loss, weight, .. } = *self;
        if loss.is_linear() {
            return false;
        }
        if let Some(target) = self.target(n) {
            loss.bend(o, target, weight, d_outputs, out);
            return true;
        }
        out.fill(T::ZERO);
        for (direction, out) in d_outputs.chunks_exact(o.len()).zip(out.chunks_exact_mut(o.len())) {
            by_position(n, [o, direction], self.targets, |mut position| {
                let [o, direction] = position.columns;
                if !loss.ignores(position.label) {
                    loss.bend(o, Target::Class(position.label), weight, direction, position.scratch());
                    position.put(out);
                }
            });
        }
        true
    }
}

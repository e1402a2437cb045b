//! Losses: their value, their derivative with respect to the outputs, and the derivative of that derivative.
//!
//! | loss | of one sample with outputs o, label y, C classes |
//! | --- | --- |
//! | cross-entropy | log sum_c exp(o_c) - o_y |
//! | `mse` | sum_c (o_c - [c = y])^2 / C |
//! | `nll` | -o_y |
//! | `hinge` | sum_(c != y) max(0, 1 - o_y + o_c) / C |
//!
//! With label smoothing s the cross-entropy is log sum_c exp(o_c) - sum_c q_c o_c with q_c = (1 - s) [c = y] + s / C.
//!
//! The training loss is the mean over the N samples. Definitions and reductions are PyTorch's (`cross_entropy`,
//! `mse_loss` on one-hot labels, `nll_loss`, `multi_margin_loss`).

use crate::linalg::{Matrix, Scalar};
use crate::model::{ColumnMap, log_softmax, softmax, subtract_mean, with_softmax};
use crate::vocabulary::{LossKind, Objective};

impl LossKind {
    /// Loss of one sample with outputs `o` `[C]`.
    pub fn of_sample<T: Scalar>(self, o: &[T], label: usize) -> T {
        let classes = T::from_f64(o.len() as f64);
        match self {
            Self::CrossEntropy => -log_softmax(o, label),
            Self::Nll => -o[label],
            Self::Mse => {
                let square = |(c, &o): (usize, &T)| {
                    let d = if c == label { o - T::ONE } else { o };
                    d * d
                };
                o.iter().enumerate().map(square).sum::<T>() / classes
            }
            Self::Hinge => {
                let margin = |(c, &other): (usize, &T)| {
                    let m = T::ONE - o[label] + other;
                    if c == label || m < T::ZERO { T::ZERO } else { m }
                };
                o.iter().enumerate().map(margin).sum::<T>() / classes
            }
        }
    }

    /// Sum of the losses of all columns of `outputs` [C, N].
    pub fn sum<T: Scalar>(self, outputs: &Matrix<T>, labels: &[usize]) -> f64 {
        SampleLoss::from(self).sum(outputs, labels)
    }

    /// Mean of the losses of all columns of `outputs` [C, N].
    pub fn mean<T: Scalar>(self, outputs: &Matrix<T>, labels: &[usize]) -> f64 {
        self.sum(outputs, labels) / labels.len() as f64
    }
}

/// The loss of one sample: a kind of loss with label smoothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SampleLoss {
    /// The kind of loss.
    pub kind: LossKind,
    /// Label smoothing s, 0 to 1; other losses than the cross-entropy have none.
    pub smoothing: f64,
}

impl From<LossKind> for SampleLoss {
    fn from(kind: LossKind) -> Self {
        Self { kind, smoothing: 0.0 }
    }
}

impl From<&Objective> for SampleLoss {
    fn from(objective: &Objective) -> Self {
        Self { kind: objective.loss, smoothing: objective.smoothing }
    }
}

impl SampleLoss {
    /// Loss of one sample with outputs `o` `[C]`.
    pub fn of_sample<T: Scalar>(self, o: &[T], label: usize) -> T {
        let own = self.kind.of_sample(o, label);
        if self.smoothing == 0.0 {
            return own;
        }
        let s = T::from_f64(self.smoothing);
        let spread: T = (0..o.len()).map(|c| self.kind.of_sample(o, c)).sum();
        (T::ONE - s) * own + s / T::from_f64(o.len() as f64) * spread
    }

    /// Sum of the losses of all columns of `outputs` [C, N]; of losses that are all zero it is 0, never -0.
    pub fn sum<T: Scalar>(self, outputs: &Matrix<T>, labels: &[usize]) -> f64 {
        let sum: f64 = outputs.iter_columns().zip(labels).map(|(o, &y)| self.of_sample(o, y).to_f64()).sum();
        sum + 0.0
    }
}

/// The derivative of `weight` times the loss of every sample with respect to its outputs, as a map that carriers apply.
#[derive(Clone, Copy, Debug)]
pub struct LossDelta<'a, T> {
    /// The loss.
    pub loss: SampleLoss,
    /// Class of every sample, `[N]`.
    pub labels: &'a [usize],
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

impl<T: Scalar> ColumnMap<T, 1> for LossDelta<'_, T> {
    fn value(&self, n: usize, [o]: [&[T]; 1], out: &mut [T]) {
        let (y, w) = (self.labels[n], self.weight);
        let per_class = w / T::from_f64(o.len() as f64);
        match self.loss.kind {
            LossKind::CrossEntropy => {
                softmax(o, out);
                out[y] = match self.rounding {
                    Rounding::PyTorch => out[y] - T::ONE,
                    // Equal to p_y - 1, without its cancellation: minus the sum of the other probabilities.
                    Rounding::Exact => {
                        out[y] = T::ZERO;
                        -out.iter().copied().sum::<T>()
                    }
                };
                if self.loss.smoothing != 0.0 {
                    // p - q = (p - e_y) + s (e_y - 1/C).
                    let s = T::from_f64(self.loss.smoothing);
                    let spread = s / T::from_f64(o.len() as f64);
                    out[y] += s;
                    out.iter_mut().for_each(|d| *d -= spread);
                }
                out.iter_mut().for_each(|d| *d *= w);
            }
            LossKind::Nll => {
                out.fill(T::ZERO);
                out[y] = -w;
            }
            LossKind::Mse => {
                for (c, (d, &o)) in out.iter_mut().zip(o).enumerate() {
                    let difference = if c == y { o - T::ONE } else { o };
                    *d = (per_class + per_class) * difference;
                }
            }
            LossKind::Hinge => {
                let mut violations = T::ZERO;
                for (c, d) in out.iter_mut().enumerate() {
                    let violated = c != y && T::ONE - o[y] + o[c] > T::ZERO;
                    *d = if violated { per_class } else { T::ZERO };
                    violations += *d;
                }
                out[y] = -violations;
            }
        }
    }

    fn tangents(&self, _: usize, [o]: [&[T]; 1], [d_outputs]: [Option<&[T]>; 1], out: &mut [T]) -> bool {
        let Some(d_outputs) = d_outputs else { return false };
        let (classes, w) = (o.len(), self.weight);
        match self.loss.kind {
            LossKind::Nll | LossKind::Hinge => return false,
            LossKind::Mse => {
                let per_class = w / T::from_f64(classes as f64);
                out.iter_mut().zip(d_outputs).for_each(|(d, &v)| *d = (per_class + per_class) * v);
            }
            // The product (diag(p) - p p^T) do.
            LossKind::CrossEntropy => with_softmax(o, |p| {
                for (d, v) in out.chunks_exact_mut(classes).zip(d_outputs.chunks_exact(classes)) {
                    subtract_mean(p, v, d);
                    d.iter_mut().zip(p).for_each(|(d, &p)| *d *= w * p);
                }
            }),
        }
        true
    }
}

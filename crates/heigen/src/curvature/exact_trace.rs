//! Exact traces, computed from squared norms of per-example gradients.

use super::Problem;
use super::factored::Root;
use super::passes::{delta_at_logits, ends_in_log_probabilities};
use crate::linalg::Scalar;
use crate::model::{ColumnMap, Layer};
use crate::vocabulary::LossKind;

/// The rounding error of sums of some tens of terms of order 1, in epsilons.
const ROUNDING: f64 = 64.0;

/// Column j of a factor S_n, at the outputs, of the second derivative A_n = S_n S_n^T of the cross-entropy of classes without
/// weights.
///
/// Cross-entropy: diag(p) - p p^T = sum_j s_j s_j^T with s_j = sqrt(p_j) (e_j - p). Where the network ends in log-softmax,
/// whose derivative is I - 1 p^T, the same vector at the logits comes from sqrt(p_j) e_j at the outputs.
struct Factor {
    j: usize,
    log_probabilities: bool,
}

impl<T: Scalar> ColumnMap<T, 1> for Factor {
    fn value(&self, _: usize, [o]: [&[T]; 1], out: &mut [T]) {
        let largest = o.iter().fold(o[0], |m, &x| if x > m { x } else { m });
        out.iter_mut().zip(o).for_each(|(p, &o)| *p = (o - largest).exp());
        let sum: T = out.iter().copied().sum();
        let root = (out[self.j] / sum).sqrt();
        let share = if self.log_probabilities { T::ZERO } else { -root / sum };
        out.iter_mut().for_each(|p| *p = share * *p);
        out[self.j] += root;
    }

    fn tangents(&self, _: usize, _: [&[T]; 1], _: [Option<&[T]>; 1], _: &mut [T]) -> bool {
        false
    }
}

impl<T: Scalar> Problem<'_, T> {
    /// The trace of the Gauss-Newton matrix of the samples, 1/N sum_n sum_j |J_n^T s_j|^2; `None` where samples depend on each
    /// other.
    pub(super) fn gauss_newton_trace(&self) -> Option<f64> {
        if self.network().couples_samples() {
            return None;
        }
        let delta = delta_at_logits(self, T::ONE);
        if !delta.loss.has_roots() {
            return None;
        }
        if delta.loss.is_linear() {
            return Some(0.0);
        }
        let log_probabilities = ends_in_log_probabilities(self);
        let outputs = 0..self.network().n_outputs();
        let counted = self.targets().classes().is_some() && self.count().samples == self.n_all_samples() as f64;
        let plain = delta.loss.kind == LossKind::CrossEntropy && delta.loss.class_weights.is_none() && counted;
        let of = |j| {
            if plain {
                self.squared_norms(&Factor { j, log_probabilities })
            } else {
                self.squared_norms(&Root { delta, column: j })
            }
        };
        outputs.map(of).sum::<Option<f64>>().map(|sum| self.reduced(sum))
    }

    /// The trace of the Hessian of the samples' loss. It equals that of the Gauss-Newton matrix for networks that are linear in the
    /// parameters of every single layer: H - GGN, the second derivative of the network, has entries only between
    /// different layers, and so a zero diagonal.
    pub(super) fn hessian_trace(&self) -> Option<f64> {
        let log_probabilities = matches!(self.network().layers().last(), Some(Layer::LogSoftmax));
        // A log-softmax at the end is part of the loss where the loss is that of its logits.
        let as_logits = !log_probabilities || matches!(self.sample_loss().kind, LossKind::CrossEntropy | LossKind::Nll);
        if self.network().is_multilinear() && as_logits { self.gauss_newton_trace() } else { None }
    }

    /// The mean of |g_n|^2 over the samples, where g_n is the gradient of a sample on its own; NaN where the other pieces of a
    /// computation cannot be reached.
    pub(crate) fn mean_squared_gradient(&self) -> f64 {
        let sum = self.squared_norms(&self.unit_delta(self.targets().view()));
        sum.unwrap_or(f64::NAN) / self.n_all_samples() as f64
    }

    /// The trace of the functional remainder, 0 for networks that are linear in the parameters of every single layer.
    pub(super) fn remainder_trace(&self) -> Option<f64> {
        (self.network().is_multilinear() && !self.network().couples_samples()).then_some(0.0)
    }

    /// The trace of the empirical Fisher matrix, 1/N sum_n |g_n|^2.
    pub(super) fn fisher_trace(&self) -> Option<f64> {
        if self.network().couples_samples() {
            return None;
        }
        let norms = self.squared_norms(&self.unit_delta(self.targets().view()))?;
        Some(if self.counts_samples() { self.reduced(norms) } else { self.fisher_weight() * norms })
    }

    /// The absolute error that rounding leaves of a curvature that is 0, estimated from the size of the outputs that
    /// its terms are made of.
    pub(super) fn rounding(&self) -> f64 {
        let mut largest = [self.outputs().data.iter().fold(1.0f64, |m, o| m.max(o.to_f64().abs()))];
        // Where the other pieces cannot be reached it stays that of the own samples, and every product says so.
        let _ = self.largest_of_pieces(&mut largest);
        ROUNDING * T::EPSILON * largest[0]
    }
}

//! Batch normalisation with the batch's own statistics or with fixed ones.

use super::{Algebra, Function, Tape};
use std::ops::Range;

/// y = gamma (x - m) / sqrt(v + epsilon) + beta, channel by channel (arXiv:1502.03167, algorithm 1).
#[derive(Clone, Debug, PartialEq)]
pub struct BatchNorm {
    /// PyTorch's name, e.g. `layer1.0.bn1`.
    pub name: String,
    /// Number of channels.
    pub channels: usize,
    /// Places of gamma and of beta, each `[channels]`; `None` where gamma is 1 and beta is 0 and neither is a parameter.
    pub affine: Option<[Range<usize>; 2]>,
    /// The number that is added to the variance before its root is taken; PyTorch's is 1e-5.
    pub epsilon: f64,
    /// The source of the mean m and the variance v.
    pub statistics: Statistics,
}

/// The source of the mean and the variance.
#[derive(Clone, Debug, PartialEq)]
pub enum Statistics {
    /// They are computed from all samples and pixels of the batch (training mode); the variance divides by their
    /// number. Every sample's output then depends on all samples.
    Batch,
    /// They are given (evaluation mode).
    Fixed {
        /// Running means, `[channels]`; empty until they are given.
        mean: Vec<f64>,
        /// Running variances, `[channels]`; empty until they are given.
        variance: Vec<f64>,
    },
}

impl BatchNorm {
    /// Whether fixed statistics have not been given yet.
    pub(super) fn lacks_statistics(&self) -> bool {
        matches!(&self.statistics, Statistics::Fixed { mean, .. } if mean.is_empty())
    }

    pub(super) fn forward<A: Algebra>(&self, a: &mut A, x: A::Tensor, tape: &mut Tape<A::Tensor>) -> A::Tensor {
        let (normalised, inverse) = match &self.statistics {
            Statistics::Batch => {
                let mean = a.mean(&x);
                let minus = a.negate(mean);
                let centred = a.add(x, &minus);
                a.recycle(minus);
                let square = a.copy(&centred);
                let square = a.multiply(square, &centred);
                let variance = a.mean(&square);
                a.recycle(square);
                let inverse = a.elementwise(Function::InverseSqrt { epsilon: self.epsilon }, 0, &variance);
                a.recycle(variance);
                (a.multiply(centred, &inverse), inverse)
            }
            Statistics::Fixed { .. } if self.lacks_statistics() => {
                // Statistics that nobody has given are no numbers.
                let none = a.constant(&vec![f64::NAN; self.channels]);
                (a.multiply(x, &none), none)
            }
            Statistics::Fixed { mean, variance } => {
                let minus: Vec<f64> = mean.iter().map(|m| -m).collect();
                let minus = a.constant(&minus);
                let centred = a.add(x, &minus);
                a.recycle(minus);
                let inverse: Vec<f64> = variance.iter().map(|v| 1.0 / (v + self.epsilon).sqrt()).collect();
                let inverse = a.constant(&inverse);
                (a.multiply(centred, &inverse), inverse)
            }
        };
        let Some([weight, bias]) = &self.affine else {
            let y = a.copy(&normalised);
            tape.push(a, normalised);
            tape.push(a, inverse);
            return y;
        };
        let gamma = a.parameter(weight);
        let y = a.copy(&normalised);
        let y = a.multiply(y, &gamma);
        let beta = a.parameter(bias);
        let y = a.add(y, &beta);
        a.recycle(beta);
        let slope = a.multiply(gamma, &inverse);
        a.recycle(inverse);
        tape.push(a, normalised);
        tape.push(a, slope);
        y
    }

    /// With n = (x - m) / s: delta_x = gamma / s (delta - mean(delta) - n mean(delta n)), without the means if m and s
    /// are fixed.
    ///
    /// `None` never happens after a forward pass.
    pub(super) fn reverse<A: Algebra>(
        &self,
        a: &mut A,
        delta: A::Tensor,
        tape: &mut Tape<A::Tensor>,
    ) -> Option<A::Tensor> {
        let (slope, normalised) = (tape.pop()?, tape.pop()?);
        let product = a.copy(&delta);
        let product = a.multiply(product, &normalised);
        if let Some([weight, bias]) = &self.affine {
            a.parameter_gradient(bias, &delta);
            a.parameter_gradient(weight, &product);
        }
        let delta = match self.statistics {
            Statistics::Fixed { .. } => {
                a.recycle(normalised);
                delta
            }
            Statistics::Batch => {
                let mean = a.mean(&delta);
                let minus_mean = a.negate(mean);
                let delta = a.add(delta, &minus_mean);
                a.recycle(minus_mean);
                let slope = a.mean(&product);
                let minus_slope = a.negate(slope);
                let along = a.multiply(normalised, &minus_slope);
                a.recycle(minus_slope);
                let delta = a.add(delta, &along);
                a.recycle(along);
                delta
            }
        };
        a.recycle(product);
        let out = a.multiply(delta, &slope);
        a.recycle(slope);
        Some(out)
    }
}

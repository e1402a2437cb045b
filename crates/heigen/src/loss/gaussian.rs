//! The negative log-likelihood of a normal distribution, whose means and variances are the outputs.

use super::{SampleLoss, Target};
use crate::linalg::Scalar;

/// Half of log(2 pi).
const HALF_LOG_TWO_PI: f64 = 0.918_938_533_204_672_8;

impl SampleLoss<'_> {
    /// The residual and the variance of number `d` out of `n`. Variances below the least one count as that, and their
    /// derivatives are those at the least one, as PyTorch has it.
    fn residual_and_variance<T: Scalar>(&self, o: &[T], d: usize, target: Target<'_>) -> (T, T) {
        let (least, n) = (T::from_f64(self.options.eps), o.len() / 2);
        let variance = o[n + d];
        (o[d] - T::from_f64(target.number(d)), if variance < least { least } else { variance })
    }

    pub(super) fn of_means_and_variances<T: Scalar>(&self, o: &[T], target: Target<'_>) -> T {
        let (n, half) = (o.len() / 2, T::from_f64(0.5));
        let constant = T::from_f64(if self.options.full { HALF_LOG_TWO_PI } else { 0.0 });
        let of = |d: usize| {
            let (r, v) = self.residual_and_variance(o, d, target);
            half * (v.ln() + r * r / v) + constant
        };
        (0..n).map(of).sum::<T>() * self.share::<T>(n)
    }

    pub(super) fn slope_of_means_and_variances<T: Scalar>(
        &self,
        o: &[T],
        target: Target<'_>,
        weight: T,
        out: &mut [T],
    ) {
        let n = o.len() / 2;
        let (w, half) = (weight * self.share::<T>(n), T::from_f64(0.5));
        for d in 0..n {
            let (r, v) = self.residual_and_variance(o, d, target);
            out[d] = w * r / v;
            out[n + d] = w * half * (v - r * r) / (v * v);
        }
    }

    pub(super) fn bend_of_means_and_variances<T: Scalar>(
        &self,
        o: &[T],
        target: Target<'_>,
        weight: T,
        directions: &[T],
        out: &mut [T],
    ) {
        let n = o.len() / 2;
        let (w, half) = (weight * self.share::<T>(n), T::from_f64(0.5));
        for d in 0..n {
            let (r, v) = self.residual_and_variance(o, d, target);
            let [of_mean, of_both, of_variance] = [w / v, -(w * r / (v * v)), w * (r * r - half * v) / (v * v * v)];
            let columns = out.chunks_exact_mut(o.len()).zip(directions.chunks_exact(o.len()));
            for (out, direction) in columns {
                let (mean, variance) = (direction[d], direction[n + d]);
                out[d] = of_mean * mean + of_both * variance;
                out[n + d] = of_both * mean + of_variance * variance;
            }
        }
    }
}

//! Losses by output: every output is compared with its own number.

use super::{SampleLoss, Target};
use crate::linalg::Scalar;
use crate::vocabulary::{LossKind, Reduction};

impl SampleLoss<'_> {
    pub(super) fn of_outputs<T: Scalar>(&self, o: &[T], target: Target<'_>) -> T {
        let sum = o.iter().enumerate().map(|(c, &o)| self.of_output(o, c, target.number(c))).sum::<T>();
        match self.reduction {
            Reduction::Mean => sum / T::from_f64(o.len() as f64),
            Reduction::Sum => sum,
        }
    }

    /// The loss of output `c`, whose target is `t`.
    fn of_output<T: Scalar>(&self, o: T, c: usize, t: f64) -> T {
        let (target, half) = (T::from_f64(t), T::from_f64(0.5));
        let r = o - target;
        let distance = if r < T::ZERO { -r } else { r };
        match self.kind {
            LossKind::Huber => {
                let delta = T::from_f64(self.options.delta);
                if distance < delta { half * r * r } else { delta * (distance - half * delta) }
            }
            LossKind::SmoothL1 => {
                let beta = T::from_f64(self.options.beta);
                if distance < beta { half * r * r / beta } else { distance - half * beta }
            }
            LossKind::L1 => distance,
            LossKind::BinaryCrossEntropy => {
                let [positive, negative]: [T; 2] = self.binary_masses(c, t);
                positive * log_one_plus_exp(-o) + negative * log_one_plus_exp(o)
            }
            _ => r * r,
        }
    }

    /// The factors of -log(sigma(o)) and of -log(1 - sigma(o)) in the binary cross-entropy of output `c`.
    fn binary_masses<T: Scalar>(&self, c: usize, t: f64) -> [T; 2] {
        // One weight may stand for all outputs.
        let of = |weights: Option<&[f64]>| {
            weights.and_then(|weights| weights.get(c).or(weights.first())).copied().unwrap_or(1.0)
        };
        let weight = of(self.class_weights);
        [weight * of(self.options.pos_weight.as_deref()) * t, weight * (1.0 - t)].map(T::from_f64)
    }

    pub(super) fn slope_of_outputs<T: Scalar>(&self, o: &[T], target: Target<'_>, weight: T, out: &mut [T]) {
        let share = self.share_of(weight, o.len());
        let limit = |r: T, limit: T| {
            if r > limit {
                limit
            } else if r < -limit {
                -limit
            } else {
                r
            }
        };
        for (c, (d, &o)) in out.iter_mut().zip(o).enumerate() {
            let t = target.number(c);
            let r = o - T::from_f64(t);
            *d = match self.kind {
                LossKind::Huber => share * limit(r, T::from_f64(self.options.delta)),
                LossKind::SmoothL1 if self.options.beta != 0.0 => {
                    let beta = T::from_f64(self.options.beta);
                    share * (limit(r, beta) / beta)
                }
                LossKind::L1 | LossKind::SmoothL1 => match r.partial_cmp(&T::ZERO) {
                    Some(std::cmp::Ordering::Greater) => share,
                    Some(std::cmp::Ordering::Less) => -share,
                    _ => T::ZERO,
                },
                LossKind::BinaryCrossEntropy => {
                    let [positive, negative]: [T; 2] = self.binary_masses(c, t);
                    share * (negative * sigmoid(o) - positive * sigmoid(-o))
                }
                _ => (share + share) * r,
            };
        }
    }

    /// `weight` over C of a mean.
    fn share_of<T: Scalar>(&self, weight: T, outputs: usize) -> T {
        match self.reduction {
            Reduction::Mean => weight / T::from_f64(outputs as f64),
            Reduction::Sum => weight,
        }
    }

    /// The second derivative of the loss of output `c`, times the share of the output.
    pub(super) fn curvature_of_output<T: Scalar>(&self, o: T, c: usize, t: f64, share: T) -> T {
        let r = o - T::from_f64(t);
        let within = |limit: f64| r < T::from_f64(limit) && r > T::from_f64(-limit);
        match self.kind {
            LossKind::Mse => share + share,
            LossKind::Huber if within(self.options.delta) => share,
            LossKind::SmoothL1 if within(self.options.beta) => share / T::from_f64(self.options.beta),
            LossKind::BinaryCrossEntropy => {
                let [positive, negative] = self.binary_masses::<T>(c, t);
                share * (positive + negative) * (sigmoid(o) * sigmoid(-o))
            }
            _ => T::ZERO,
        }
    }

    pub(super) fn bend_of_outputs<T: Scalar>(
        &self,
        o: &[T],
        target: Target<'_>,
        weight: T,
        directions: &[T],
        out: &mut [T],
    ) {
        let share = self.share_of(weight, o.len());
        for (c, &value) in o.iter().enumerate() {
            let curvature = self.curvature_of_output(value, c, target.number(c), share);
            let all = out.iter_mut().skip(c).step_by(o.len()).zip(directions.iter().skip(c).step_by(o.len()));
            all.for_each(|(d, &v)| *d = curvature * v);
        }
    }
}

/// 1 / (1 + exp(-x)) without overflow.
fn sigmoid<T: Scalar>(x: T) -> T {
    if x > T::ZERO {
        T::ONE / (T::ONE + (-x).exp())
    } else {
        let e = x.exp();
        e / (T::ONE + e)
    }
}

/// log(1 + exp(x)), which keeps its digits where it is small.
fn log_one_plus_exp<T: Scalar>(x: T) -> T {
    let distance = if x < T::ZERO { -x } else { x };
    let tail = T::from_f64((-distance).exp().to_f64().ln_1p());
    if x > T::ZERO { x + tail } else { tail }
}

//! Losses that compare the outputs of one sample with each other: cross-entropy, negative log-likelihood, hinge.

use super::{Rounding, SampleLoss, Target};
use crate::linalg::Scalar;
use crate::model::{argmax, log_softmax, softmax, subtract_mean, with_softmax};
use crate::vocabulary::LossKind;

impl SampleLoss<'_> {
    pub(super) fn of_classes<T: Scalar>(&self, o: &[T], target: Target<'_>) -> T {
        let classes = T::from_f64(o.len() as f64);
        match (self.kind, target) {
            (LossKind::CrossEntropy, Target::Class(label)) => {
                let own = -log_softmax(o, label);
                match (self.class_weights, self.smoothing == 0.0) {
                    (None, true) => own,
                    (Some(_), true) => T::from_f64(self.class_weight(label)) * own,
                    (None, false) => {
                        let s = T::from_f64(self.smoothing);
                        let spread: T = (0..o.len()).map(|c| -log_softmax(o, c)).sum();
                        (T::ONE - s) * own + s / classes * spread
                    }
                    (Some(_), false) => self.of_masses(o, target),
                }
            }
            (LossKind::CrossEntropy, Target::Real(_)) => self.of_masses(o, target),
            (LossKind::Hinge, Target::Class(label)) => {
                let (margin, two) = (T::from_f64(self.options.margin), self.options.p == 2);
                let violation = |(c, &other): (usize, &T)| {
                    let m = margin - o[label] + other;
                    match c == label || m < T::ZERO {
                        true => T::ZERO,
                        false if two => m * m,
                        false => m,
                    }
                };
                let own = o.iter().enumerate().map(violation).sum::<T>() / classes;
                if self.class_weights.is_some() { T::from_f64(self.class_weight(label)) * own } else { own }
            }
            (_, Target::Class(label)) => {
                let own = -o[label];
                if self.class_weights.is_some() { T::from_f64(self.class_weight(label)) * own } else { own }
            }
            (_, Target::Real(_)) => T::ZERO,
        }
    }

    /// The cross-entropy for any masses of the classes.
    fn of_masses<T: Scalar>(&self, o: &[T], target: Target<'_>) -> T {
        let mass = |c: usize| T::from_f64(self.mass(target, c, o.len()));
        (0..o.len()).map(|c| -(mass(c) * log_softmax(o, c))).sum()
    }

    /// The mass a_c of class `c` out of `classes` in the cross-entropy.
    fn mass(&self, target: Target<'_>, c: usize, classes: usize) -> f64 {
        let smoothed = (1.0 - self.smoothing) * target.number(c) + self.smoothing / classes as f64;
        self.class_weight(c) * smoothed
    }

    /// The sum of all masses in the cross-entropy, 1 without weights for a class.
    pub(super) fn total_mass(&self, target: Target<'_>, classes: usize) -> f64 {
        match (target, self.class_weights) {
            (Target::Class(_), None) => 1.0,
            (Target::Class(label), Some(_)) if self.smoothing == 0.0 => self.class_weight(label),
            _ => (0..classes).map(|c| self.mass(target, c, classes)).sum(),
        }
    }

    pub(super) fn slope_of_classes<T: Scalar>(
        &self,
        o: &[T],
        target: Target<'_>,
        weight: T,
        rounding: Rounding,
        out: &mut [T],
    ) {
        match (self.kind, target) {
            (LossKind::CrossEntropy, Target::Class(y)) if self.class_weights.is_none() || self.smoothing == 0.0 => {
                softmax(o, out);
                out[y] = match rounding {
                    Rounding::PyTorch => out[y] - T::ONE,
                    // Equal to p_y - 1, without its cancellation: minus the sum of the other probabilities.
                    Rounding::Exact => {
                        out[y] = T::ZERO;
                        -out.iter().copied().sum::<T>()
                    }
                };
                if self.smoothing != 0.0 {
                    // p - q = (p - e_y) + s (e_y - 1/C).
                    let s = T::from_f64(self.smoothing);
                    let spread = s / T::from_f64(o.len() as f64);
                    out[y] += s;
                    out.iter_mut().for_each(|d| *d -= spread);
                }
                let w = self.weighted(y, weight);
                out.iter_mut().for_each(|d| *d *= w);
            }
            (LossKind::CrossEntropy, _) => {
                let total = T::from_f64(self.total_mass(target, o.len()));
                let largest = argmax(o);
                with_softmax(o, |p| {
                    for (c, d) in out.iter_mut().enumerate() {
                        // A p_c - a_c = (A - a_c) p_c - a_c (1 - p_c), where 1 - p_c is a sum without cancellation.
                        let mass = T::from_f64(self.mass(target, c, o.len()));
                        *d = weight * ((total - mass) * p[c] - mass * others(p, c, largest));
                    }
                });
            }
            (LossKind::Hinge, Target::Class(y)) => {
                let per_class = self.weighted(y, weight) / T::from_f64(o.len() as f64);
                let (margin, square) = (T::from_f64(self.options.margin), self.options.p == 2);
                let mut violations = T::ZERO;
                for (c, d) in out.iter_mut().enumerate() {
                    let m = margin - o[y] + o[c];
                    let slope = if square { (per_class + per_class) * m } else { per_class };
                    *d = if c != y && m > T::ZERO { slope } else { T::ZERO };
                    violations += *d;
                }
                out[y] = -violations;
            }
            (_, Target::Class(y)) => {
                out.fill(T::ZERO);
                out[y] = -self.weighted(y, weight);
            }
            (_, Target::Real(_)) => out.fill(T::ZERO),
        }
    }

    /// `weight` times the weight of a class, where classes have weights.
    fn weighted<T: Scalar>(&self, class: usize, weight: T) -> T {
        if self.class_weights.is_some() { weight * T::from_f64(self.class_weight(class)) } else { weight }
    }

    pub(super) fn bend_of_classes<T: Scalar>(
        &self,
        o: &[T],
        target: Target<'_>,
        weight: T,
        directions: &[T],
        out: &mut [T],
    ) {
        let classes = o.len();
        let columns = out.chunks_exact_mut(classes).zip(directions.chunks_exact(classes));
        match (self.kind, target) {
            // The product A (diag(p) - p p^T) do with the sum A of the masses.
            (LossKind::CrossEntropy, _) => {
                let plain = self.class_weights.is_none() && matches!(target, Target::Class(_));
                let w = if plain { weight } else { weight * T::from_f64(self.total_mass(target, classes)) };
                with_softmax(o, |p| {
                    for (d, v) in columns {
                        subtract_mean(p, v, d);
                        d.iter_mut().zip(p).for_each(|(d, &p)| *d *= w * p);
                    }
                });
            }
            // The sum over violations of 2 w / C (e_c - e_y) (e_c - e_y)^T.
            (LossKind::Hinge, Target::Class(y)) if self.options.p == 2 => {
                let per_class = self.weighted(y, weight) / T::from_f64(classes as f64);
                let margin = T::from_f64(self.options.margin);
                for (d, v) in columns {
                    let mut violations = T::ZERO;
                    for (c, d) in d.iter_mut().enumerate() {
                        let violated = c != y && margin - o[y] + o[c] > T::ZERO;
                        *d = if violated { (per_class + per_class) * (v[c] - v[y]) } else { T::ZERO };
                        violations += *d;
                    }
                    d[y] = -violations;
                }
            }
            _ => out.fill(T::ZERO),
        }
    }
}

/// 1 - p_c without cancellation: the sum of the other probabilities, for the largest of them.
fn others<T: Scalar>(p: &[T], c: usize, largest: usize) -> T {
    if c != largest {
        return T::ONE - p[c];
    }
    p.iter().enumerate().filter(|&(i, _)| i != c).map(|(_, &p)| p).sum()
}

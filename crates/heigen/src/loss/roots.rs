//! Roots of the second derivative of a loss with respect to the outputs, column by column.

use super::positions::{Position, by_position};
use super::{LossDelta, SampleLoss, Target};
use crate::linalg::Scalar;
use crate::model::with_softmax;
use crate::vocabulary::{LossKind, PositionLayout, TargetsView};

impl SampleLoss<'_> {
    /// Whether the second derivative is S S^T with known columns. That of `gaussian_nll` may be indefinite.
    pub(crate) fn has_roots(&self) -> bool {
        self.kind != LossKind::GaussianNll
    }

    /// Column `j` of a matrix S with S S^T the second derivative of the loss, times `weight`:
    /// sqrt(A p_j) (e_j - p) of the cross-entropy with the sum A of its masses, sqrt(a_j) e_j of losses by output, and
    /// sqrt(2 w_y / C) (e_j - e_y) of violations of the squared hinge.
    fn root<T: Scalar>(&self, o: &[T], target: Target<'_>, j: usize, weight: T, out: &mut [T]) {
        match (self.kind, target) {
            (LossKind::CrossEntropy, _) => {
                let total = self.total_mass(target, o.len());
                let weight = if total == 1.0 { weight } else { weight * T::from_f64(total).sqrt() };
                with_softmax(o, |p| {
                    let w = weight * p[j].sqrt();
                    // e_j - p without cancellation: 1 - p_j is the sum of the others.
                    let others: T = p.iter().enumerate().filter(|&(i, _)| i != j).map(|(_, &p)| p).sum();
                    out.iter_mut().zip(p).for_each(|(out, &p)| *out = -w * p);
                    out[j] = w * others;
                });
            }
            (LossKind::Mse, _) => {
                out.fill(T::ZERO);
                let share: f64 = self.share(o.len());
                out[j] = weight * T::from_f64((2.0 * share).sqrt());
            }
            (LossKind::Hinge, Target::Class(y)) => {
                out.fill(T::ZERO);
                let violated = T::from_f64(self.options.margin) - o[y] + o[j] > T::ZERO;
                if self.options.p == 2 && j != y && violated {
                    out[j] = weight * T::from_f64((2.0 * self.class_weight(y) / o.len() as f64).sqrt());
                    out[y] = -out[j];
                }
            }
            (LossKind::BinaryCrossEntropy | LossKind::Huber | LossKind::SmoothL1, _) => {
                out.fill(T::ZERO);
                out[j] = weight * self.curvature_of_output(o[j], j, target.number(j), self.share::<T>(o.len())).sqrt();
            }
            _ => out.fill(T::ZERO),
        }
    }
}

impl<T: Scalar> LossDelta<'_, T> {
    /// Writes column `j` of the root of the second derivative of the loss of sample `n`, times the map's weight.
    pub(crate) fn root(&self, n: usize, o: &[T], j: usize, out: &mut [T]) {
        if let Some(target) = self.target(n) {
            return self.loss.root(o, target, j, self.weight, out);
        }
        out.fill(T::ZERO);
        let TargetsView::Positions { positions, layout, .. } = self.targets else { return };
        let classes = o.len() / positions.max(1);
        let (own, class) = match layout {
            PositionLayout::ClassesLast => (j / classes.max(1), j % classes.max(1)),
            PositionLayout::ClassesFirst => (j % positions.max(1), j / positions.max(1)),
        };
        let mut place = 0;
        by_position(n, [o], self.targets, |mut position: Position<'_, T, 1>| {
            let [o] = position.columns;
            if place == own && !self.loss.ignores(position.label) {
                self.loss.root(o, Target::Class(position.label), class, self.weight, position.scratch());
                position.put(out);
            }
            place += 1;
        });
    }
}

//! How many targets the largest outputs meet.

use super::SampleLoss;
use super::positions::by_position;
use crate::linalg::{Matrix, Scalar};
use crate::model::{argmax, predict};
use crate::vocabulary::{LossKind, Targets, TargetsView};

/// Answers of a classifier that are right, out of those that count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Answers {
    /// Number of samples, or of positions, whose largest output is that of their label.
    pub right: usize,
    /// Number of samples, or of positions, that are not ignored.
    pub counted: usize,
}

impl Answers {
    /// The answers of two groups of samples; of one that is not there, those of the other.
    pub(crate) fn together(one: Option<Self>, other: Option<Self>) -> Option<Self> {
        match (one, other) {
            (Some(a), Some(b)) => Some(Self { right: a.right + b.right, counted: a.counted + b.counted }),
            (one, other) => one.or(other),
        }
    }

    /// The fraction of answers that are right; 0 of none.
    pub fn accuracy(&self) -> f64 {
        if self.counted == 0 { 0.0 } else { self.right as f64 / self.counted as f64 }
    }
}

impl SampleLoss<'_> {
    /// The answers of all columns of `outputs` [C, N]; `None` where targets are no classes.
    pub fn answers<T: Scalar>(&self, outputs: &Matrix<T>, targets: TargetsView<'_>) -> Option<Answers> {
        let mut found = Answers::default();
        let mut count = |o: &[T], label: usize| {
            if !self.ignores(label) {
                found.counted += 1;
                found.right += usize::from(argmax(o) == label);
            }
        };
        match targets {
            TargetsView::Real { .. } => return None,
            TargetsView::Classes(_) if self.kind.is_regression() => return None,
            TargetsView::Classes(labels) => outputs.iter_columns().zip(labels).for_each(|(o, &y)| count(o, y)),
            TargetsView::Positions { .. } => {
                for (n, o) in outputs.iter_columns().enumerate() {
                    by_position(n, [o], targets, |position| count(position.columns[0], position.label));
                }
            }
        }
        Some(found)
    }

    /// The targets that the outputs of samples name themselves, in the form of `targets`: the class of the largest output (of every
    /// position), for the binary cross-entropy of several outputs whether they are positive, for a regression the outputs, and
    /// of these the means.
    pub fn predictions<T: Scalar>(&self, outputs: &Matrix<T>, targets: TargetsView<'_>) -> Targets {
        match targets {
            TargetsView::Classes(_) => Targets::Classes(predict(outputs)),
            TargetsView::Positions { positions, layout, .. } => {
                let nothing = vec![0; outputs.columns * positions];
                let same = TargetsView::Positions { classes: &nothing, positions, layout };
                let mut classes = Vec::with_capacity(nothing.len());
                for (n, o) in outputs.iter_columns().enumerate() {
                    by_position(n, [o], same, |position| classes.push(argmax(position.columns[0])));
                }
                Targets::Positions { classes, positions, layout }
            }
            TargetsView::Real { outputs: numbers, .. } => {
                let said = |o: &T| match self.kind {
                    LossKind::BinaryCrossEntropy => f64::from(u8::from(*o > T::ZERO)),
                    _ => o.to_f64(),
                };
                let values = match self.kind {
                    LossKind::CrossEntropy => {
                        let one_hot = |o: &[T]| {
                            let largest = argmax(o);
                            (0..o.len()).map(move |c| f64::from(u8::from(c == largest)))
                        };
                        outputs.iter_columns().flat_map(one_hot).collect()
                    }
                    _ => outputs.iter_columns().flat_map(|o| o.iter().take(numbers).map(said)).collect(),
                };
                Targets::Real { values, outputs: numbers }
            }
        }
    }
}

//! Targets: the classes or numbers that the outputs of samples are compared with.

use std::ops::Range;

/// The targets of N samples.
#[derive(Clone, Debug, PartialEq)]
pub enum Targets {
    /// A class for every sample, `[N]`.
    Classes(Vec<usize>),
    /// A class for every position of every sample, such as the tokens of a text: `[N * positions]`, sample after sample.
    Positions {
        /// The classes.
        classes: Vec<usize>,
        /// Number of positions of a sample.
        positions: usize,
        /// The order of the outputs of a sample.
        layout: PositionLayout,
    },
    /// Real numbers, `outputs` of them for every sample: `[N * outputs]`, sample after sample.
    Real {
        /// The numbers.
        values: Vec<f64>,
        /// How many numbers a sample has.
        outputs: usize,
    },
}

/// The order of the outputs of a sample that has several positions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PositionLayout {
    /// [positions, classes]: the classes of one position stand together, as transformers have them.
    #[default]
    ClassesLast,
    /// [classes, positions], as PyTorch's `cross_entropy` takes them.
    ClassesFirst,
}

/// The targets of some samples, borrowed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum TargetsView<'a> {
    /// A class for every sample.
    Classes(&'a [usize]),
    /// A class for every position of every sample.
    Positions {
        /// The classes, sample after sample.
        classes: &'a [usize],
        /// Number of positions of a sample.
        positions: usize,
        /// The order of the outputs of a sample.
        layout: PositionLayout,
    },
    /// Real numbers for every sample.
    Real {
        /// The numbers, sample after sample.
        values: &'a [f64],
        /// How many numbers a sample has.
        outputs: usize,
    },
}

/// The number that stands for no class where classes are numbers.
const NO_CLASS: f64 = -1.0;

impl Targets {
    /// The class of samples and positions that the loss leaves out, besides those of its `ignore_index`.
    pub const IGNORED: usize = usize::MAX;

    /// N, the number of samples.
    pub fn len(&self) -> usize {
        match self {
            Self::Classes(classes) => classes.len(),
            Self::Positions { classes, positions, .. } => classes.len() / (*positions).max(1),
            Self::Real { values, outputs } => values.len() / (*outputs).max(1),
        }
    }

    /// Whether there are no samples.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All targets, borrowed.
    pub fn view(&self) -> TargetsView<'_> {
        match self {
            Self::Classes(classes) => TargetsView::Classes(classes),
            Self::Positions { classes, positions, layout } => {
                TargetsView::Positions { classes, positions: *positions, layout: *layout }
            }
            Self::Real { values, outputs } => TargetsView::Real { values, outputs: *outputs },
        }
    }

    /// The class of every sample, where samples have classes.
    pub fn classes(&self) -> Option<&[usize]> {
        match self {
            Self::Classes(classes) => Some(classes),
            Self::Positions { .. } | Self::Real { .. } => None,
        }
    }

    /// No targets of the same kind, with room for those of `samples` samples.
    #[must_use]
    pub fn none_of_this_kind(&self, samples: usize) -> Self {
        match *self {
            Self::Classes(_) => Self::Classes(Vec::with_capacity(samples)),
            Self::Positions { positions, layout, .. } => {
                Self::Positions { classes: Vec::with_capacity(samples * positions), positions, layout }
            }
            Self::Real { outputs, .. } => Self::Real { values: Vec::with_capacity(samples * outputs), outputs },
        }
    }

    /// Removes all targets and keeps their memory.
    pub fn clear(&mut self) {
        match self {
            Self::Classes(classes) | Self::Positions { classes, .. } => classes.clear(),
            Self::Real { values, .. } => values.clear(),
        }
    }

    /// Appends the target of sample `n` of `other`, which must be of the same kind (nothing is appended otherwise).
    ///
    /// # Panics
    /// If `other` has no sample `n`, as indexing a slice does.
    pub fn push_from(&mut self, other: &Self, n: usize) {
        match (self, other) {
            (Self::Classes(to), Self::Classes(from)) => to.push(from[n]),
            (Self::Positions { classes: to, .. }, Self::Positions { classes: from, positions, .. }) => {
                to.extend_from_slice(&from[n * positions..(n + 1) * positions]);
            }
            (Self::Real { values: to, .. }, Self::Real { values: from, outputs }) => {
                to.extend_from_slice(&from[n * outputs..(n + 1) * outputs]);
            }
            _ => {}
        }
    }

    /// How many numbers the target of a sample is.
    pub(crate) fn numbers_of_a_sample(&self) -> usize {
        match self {
            Self::Classes(_) => 1,
            Self::Positions { positions, .. } => *positions,
            Self::Real { outputs, .. } => *outputs,
        }
    }

    /// Appends the target of sample `n` as numbers, from which [`Targets::push_numbers`] makes it again.
    pub(crate) fn numbers_of(&self, n: usize, numbers: &mut Vec<f64>) {
        let of_class = |&class: &usize| if class == Self::IGNORED { NO_CLASS } else { class as f64 };
        match self {
            Self::Classes(classes) => numbers.extend(classes.get(n).map(of_class)),
            Self::Positions { classes, positions, .. } => {
                numbers.extend(classes[n * positions..(n + 1) * positions].iter().map(of_class));
            }
            Self::Real { values, outputs } => numbers.extend_from_slice(&values[n * outputs..(n + 1) * outputs]),
        }
    }

    /// Appends targets that stand as numbers, sample after sample.
    pub(crate) fn push_numbers(&mut self, numbers: &[f64]) {
        let class = |&number: &f64| if number == NO_CLASS { Self::IGNORED } else { number as usize };
        match self {
            Self::Classes(classes) | Self::Positions { classes, .. } => classes.extend(numbers.iter().map(class)),
            Self::Real { values, .. } => values.extend_from_slice(numbers),
        }
    }

    /// The targets of the samples `indices`, in that order.
    ///
    /// # Panics
    /// If an index is not below N, as indexing a slice does.
    #[must_use]
    pub fn of_samples(&self, indices: impl IntoIterator<Item = usize>) -> Self {
        let indices = indices.into_iter();
        let mut chosen = self.none_of_this_kind(indices.size_hint().0);
        indices.for_each(|n| chosen.push_from(self, n));
        chosen
    }

    /// The targets of the samples in `range`.
    ///
    /// # Panics
    /// If the range reaches beyond N.
    #[must_use]
    pub fn in_range(&self, range: Range<usize>) -> Self {
        self.of_samples(range)
    }
}

impl TargetsView<'_> {
    /// The targets of the samples from number `n` on; none where there are fewer.
    #[must_use]
    pub fn from(self, n: usize) -> Self {
        match self {
            Self::Classes(classes) => Self::Classes(classes.get(n..).unwrap_or(&[])),
            Self::Positions { classes, positions, layout } => {
                Self::Positions { classes: classes.get(n * positions..).unwrap_or(&[]), positions, layout }
            }
            Self::Real { values, outputs } => Self::Real { values: values.get(n * outputs..).unwrap_or(&[]), outputs },
        }
    }
}

impl From<Vec<usize>> for Targets {
    fn from(classes: Vec<usize>) -> Self {
        Self::Classes(classes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_of_every_kind_are_chosen_by_sample() {
        let all = [
            Targets::Classes(vec![4, 5, Targets::IGNORED]),
            Targets::Positions {
                classes: vec![0, 1, Targets::IGNORED, 3, 4, 5],
                positions: 2,
                layout: PositionLayout::ClassesLast,
            },
            Targets::Real { values: vec![0.0, 0.5, 1.0, 1.5, 2.0, 2.5], outputs: 2 },
        ];
        for targets in &all {
            assert_eq!((targets.len(), targets.in_range(0..3)), (3, targets.clone()));
            let chosen = targets.of_samples([2, 0]);
            assert_eq!((chosen.len(), chosen.in_range(1..2)), (2, targets.in_range(0..1)));
            assert_eq!(targets.view().from(2), targets.in_range(2..3).view());
            assert_eq!(targets.view().from(7), targets.none_of_this_kind(0).view());
            let (mut numbers, mut again) = (vec![], targets.none_of_this_kind(0));
            (1..3).for_each(|n| targets.numbers_of(n, &mut numbers));
            again.push_numbers(&numbers);
            assert_eq!((numbers.len(), again), (2 * targets.numbers_of_a_sample(), targets.in_range(1..3)));
        }
        assert_eq!(all[0].classes(), Some(&[4, 5, Targets::IGNORED][..]));
        assert!(all[1].classes().is_none() && all[2].classes().is_none());
    }
}

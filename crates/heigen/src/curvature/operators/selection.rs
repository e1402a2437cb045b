//! A choice of parameters: a sub-vector of theta.

use crate::linalg::{Matrix, Scalar};
use crate::model::ParamLayout;
use std::ops::Range;

/// Some of the P parameters, in the order of theta: the P_sub coordinates of a sub-vector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParamSelection {
    /// Ascending, disjoint, none empty.
    ranges: Vec<Range<usize>>,
    n_params: usize,
}

/// Why a choice of parameters was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParamSelectionError {
    /// Names that no layer or tensor has.
    #[error("the network has no layer or tensor {}; it has {}", quoted(unknown), quoted(available))]
    Unknown {
        /// What was asked for.
        unknown: Vec<String>,
        /// All tensors of the network.
        available: Vec<String>,
    },
    /// Nothing was chosen.
    #[error("the choice holds no parameter: name at least one layer or tensor")]
    Empty,
    /// A range that does not lie in theta.
    #[error("the range {start}..{end} does not lie in theta, which has {n_params} parameters")]
    OutOfRange {
        /// First parameter.
        start: usize,
        /// One past the last parameter.
        end: usize,
        /// P.
        n_params: usize,
    },
    /// Two ranges share a parameter.
    #[error("parameter {index} is chosen twice: ranges must not overlap")]
    Overlap {
        /// The parameter.
        index: usize,
    },
    /// The choice was made for another network.
    #[error("the parameters are chosen among {selection}, the operator acts on {operator}")]
    Size {
        /// P of the choice.
        selection: usize,
        /// P of the operator.
        operator: usize,
    },
}

fn quoted(names: &[String]) -> String {
    names.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ")
}

impl ParamSelection {
    /// The tensors of some layers: a name is that of a tensor (`fc2.weight`) or of what holds tensors (`fc2`). The order
    /// is that of theta, whatever the order of `names`; what is named twice is taken once.
    ///
    /// # Errors
    /// [`ParamSelectionError::Unknown`] with every name that fits nothing and the list of what there is;
    /// [`ParamSelectionError::Empty`] without names.
    ///
    /// ```
    /// use heigen::{config::Activation, curvature::ParamSelection, model::Network};
    /// let network = Network::fully_connected(&[2, 3, 2], Activation::Relu)?;
    /// let last = ParamSelection::named(network.layout(), &["fc2"])?;
    /// assert_eq!((last.len(), last.ranges()), (8, &[9..17][..]));
    /// let error = ParamSelection::named(network.layout(), &["fc9"]).unwrap_err();
    /// assert!(error.to_string().starts_with("the network has no layer or tensor `fc9`; it has `fc1.weight`, "));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn named(layout: &ParamLayout, names: &[impl AsRef<str>]) -> Result<Self, ParamSelectionError> {
        let fits = |entry: &str, name: &str| {
            entry.strip_prefix(name).is_some_and(|rest| rest.is_empty() || (rest.starts_with('.') && !name.is_empty()))
        };
        let entries = layout.entries();
        let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
        let unknown: Vec<String> =
            names.iter().filter(|n| !entries.iter().any(|e| fits(&e.name, n))).map(ToString::to_string).collect();
        if !unknown.is_empty() {
            let available = entries.iter().map(|e| e.name.clone()).collect();
            return Err(ParamSelectionError::Unknown { unknown, available });
        }
        let chosen = entries.iter().filter(|e| names.iter().any(|n| fits(&e.name, n)));
        Self::of_ranges(layout.n_params(), chosen.map(|e| e.range.clone()).collect())
    }

    /// The parameters of some ranges of theta `[P]`, in ascending order.
    ///
    /// # Errors
    /// [`ParamSelectionError`] if a range reaches beyond P or runs backwards, if two overlap, or if all are empty.
    pub fn of_ranges(n_params: usize, mut ranges: Vec<Range<usize>>) -> Result<Self, ParamSelectionError> {
        if let Some(&Range { start, end }) = ranges.iter().find(|r| r.start > r.end || r.end > n_params) {
            return Err(ParamSelectionError::OutOfRange { start, end, n_params });
        }
        ranges.retain(|r| !r.is_empty());
        ranges.sort_by_key(|r| r.start);
        if let Some(pair) = ranges.windows(2).find(|pair| pair[1].start < pair[0].end) {
            return Err(ParamSelectionError::Overlap { index: pair[1].start });
        }
        if ranges.is_empty() {
            return Err(ParamSelectionError::Empty);
        }
        // Neighbours are one range.
        ranges.dedup_by(|next, range| {
            let adjacent = range.end == next.start;
            if adjacent {
                range.end = next.end;
            }
            adjacent
        });
        Ok(Self { ranges, n_params })
    }

    /// P_sub, the number of chosen parameters: 1 or more.
    #[expect(clippy::len_without_is_empty, reason = "never empty")]
    pub fn len(&self) -> usize {
        self.ranges.iter().map(ExactSizeIterator::len).sum()
    }

    /// P, the number of parameters they are chosen from.
    pub fn n_params(&self) -> usize {
        self.n_params
    }

    /// Where they lie in theta: ascending, disjoint, not adjacent.
    pub fn ranges(&self) -> &[Range<usize>] {
        &self.ranges
    }

    /// Vectors of theta's space from sub-vectors [P_sub, K], with zeros elsewhere: [P, K].
    pub fn embed<T: Scalar>(&self, sub: &Matrix<T>) -> Matrix<T> {
        let mut all = Matrix::zeros(self.n_params, sub.columns);
        for (all, mut sub) in all.data.chunks_exact_mut(self.n_params).zip(sub.iter_columns()) {
            for range in &self.ranges {
                let (head, rest) = sub.split_at(range.len());
                all[range.clone()].copy_from_slice(head);
                sub = rest;
            }
        }
        all
    }

    /// The sub-vectors of vectors [P, K] into `sub` [P_sub, K].
    pub fn extract<T: Scalar>(&self, all: &Matrix<T>, sub: &mut Matrix<T>) {
        for (all, mut sub) in all.iter_columns().zip(sub.data.chunks_exact_mut(self.len())) {
            for range in &self.ranges {
                let (head, rest) = sub.split_at_mut(range.len());
                head.copy_from_slice(&all[range.clone()]);
                sub = rest;
            }
        }
    }
}

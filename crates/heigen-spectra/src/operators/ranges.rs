//! A choice of coordinates: a sub-vector.

use crate::linalg::{Matrix, Scalar};
use std::ops::Range;

/// Some of the P coordinates of a vector, in their order: the P_sub coordinates of a sub-vector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexRanges {
    /// The chosen ranges of indices: ascending, disjoint, none empty.
    ranges: Vec<Range<usize>>,
    n_params: usize,
}

/// Why a choice of coordinates was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IndexRangesError {
    /// Nothing was chosen.
    #[error("the choice holds no parameter: name at least one layer or tensor")]
    Empty,
    /// A range does not lie in the vector.
    #[error("the range {start}..{end} does not lie in theta, which has {n_params} parameters")]
    OutOfRange {
        /// First coordinate.
        start: usize,
        /// One past the last coordinate.
        end: usize,
        /// P.
        n_params: usize,
    },
    /// Two ranges share a coordinate.
    #[error("parameter {index} is chosen twice: ranges must not overlap")]
    Overlap {
        /// The coordinate.
        index: usize,
    },
    /// The choice was made for another number of parameters than the operator has.
    #[error("the parameters are chosen among {selection}, the operator acts on {operator}")]
    Size {
        /// P of the choice.
        selection: usize,
        /// P of the operator.
        operator: usize,
    },
}

impl IndexRanges {
    /// The coordinates of some ranges of 0..P, in ascending order.
    ///
    /// # Errors
    /// [`IndexRangesError`] if a range reaches beyond P or runs backwards, if two overlap, or if all are empty.
    pub fn new(n_params: usize, mut ranges: Vec<Range<usize>>) -> Result<Self, IndexRangesError> {
        if let Some(&Range { start, end }) = ranges.iter().find(|r| r.start > r.end || r.end > n_params) {
            return Err(IndexRangesError::OutOfRange { start, end, n_params });
        }
        ranges.retain(|r| !r.is_empty());
        ranges.sort_by_key(|r| r.start);
        if let Some(pair) = ranges.windows(2).find(|pair| pair[1].start < pair[0].end) {
            return Err(IndexRangesError::Overlap { index: pair[1].start });
        }
        if ranges.is_empty() {
            return Err(IndexRangesError::Empty);
        }
        // Neighbouring ranges are joined.
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

    /// P, the number of parameters that the choice was made from.
    pub fn n_params(&self) -> usize {
        self.n_params
    }

    /// The ranges of the chosen parameters in theta: ascending, disjoint, not adjacent.
    pub fn ranges(&self) -> &[Range<usize>] {
        &self.ranges
    }

    /// Vectors of theta's space from sub-vectors [P_sub, K], with zeros elsewhere: [P, K].
    pub fn embed<T: Scalar>(&self, sub: &Matrix<T>) -> Matrix<T> {
        scatter(sub, &self.ranges, self.n_params)
    }

    /// The sub-vectors of vectors [P, K] into `sub` [P_sub, K].
    pub fn extract<T: Scalar>(&self, all: &Matrix<T>, sub: &mut Matrix<T>) {
        sub.data.copy_from_slice(&gather(all, &self.ranges).data);
    }
}

/// Rows `ranges` of a matrix, one range below another.
pub(crate) fn gather<T: Scalar>(all: &Matrix<T>, ranges: &[Range<usize>]) -> Matrix<T> {
    let rows = ranges.iter().map(ExactSizeIterator::len).sum();
    let mut data = Vec::with_capacity(rows * all.columns);
    for column in all.iter_columns() {
        ranges.iter().for_each(|range| data.extend_from_slice(&column[range.clone()]));
    }
    Matrix { data, rows, columns: all.columns }
}

/// A matrix of `rows` rows that has the rows of `sub` in `ranges`, and zeros elsewhere.
pub(crate) fn scatter<T: Scalar>(sub: &Matrix<T>, ranges: &[Range<usize>], rows: usize) -> Matrix<T> {
    let mut all = Matrix::zeros(rows, sub.columns);
    for (all, mut sub) in all.data.chunks_exact_mut(rows.max(1)).zip(sub.iter_columns()) {
        for range in ranges {
            let (head, rest) = sub.split_at(range.len());
            all[range.clone()].copy_from_slice(head);
            sub = rest;
        }
    }
    all
}

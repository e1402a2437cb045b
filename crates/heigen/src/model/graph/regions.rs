//! The largest entries of parts of a tensor: pools of any kind, and maxima along axes.

use crate::linalg::Scalar;

/// Parts of the middle one of three axes [outer, n, inner], each of which is replaced by its largest entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Regions {
    pub(crate) outer: usize,
    pub(crate) inner: usize,
    /// n, the length of the axis before.
    pub(crate) length: usize,
    /// Part i has the members `starts[i]..starts[i + 1]`.
    pub(crate) starts: Vec<usize>,
    /// The places of the members along the axis.
    pub(crate) members: Vec<usize>,
}

impl Regions {
    /// Numbers of numbers of one sample before and after.
    pub(crate) fn lengths(&self) -> (usize, usize) {
        (self.outer * self.length * self.inner, self.outer * (self.starts.len() - 1) * self.inner)
    }

    /// The place in `x` of the largest entry of every part, the first one of several; one that is no number counts as
    /// largest, so that it is seen.
    pub(crate) fn choose<T: Scalar>(&self, x: &[T]) -> Vec<usize> {
        let mut chosen = Vec::with_capacity(self.lengths().1);
        for o in 0..self.outer {
            for part in self.starts.windows(2) {
                for i in 0..self.inner {
                    let mut places =
                        self.members[part[0]..part[1]].iter().map(|m| (o * self.length + m) * self.inner + i);
                    let first = places.next().unwrap_or(0);
                    chosen.push(places.fold(
                        first,
                        |best, place| {
                            if x[place] > x[best] || x[place].is_nan() { place } else { best }
                        },
                    ));
                }
            }
        }
        chosen
    }
}

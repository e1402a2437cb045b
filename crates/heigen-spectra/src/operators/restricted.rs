//! The block of an operator that belongs to some of its parameters.

use super::{IndexRanges, IndexRangesError};
use crate::operator::Split;
use crate::{Failure, Space, SymmetricOperator};
use std::ops::Range;

/// S^T A S, the operator A with all but some parameters held fixed: the columns of S [P, P_sub] are the columns of the
/// identity that belong to the chosen parameters.
///
/// # Shapes
/// Symmetric, [P_sub, P_sub]; products take [P_sub, K] to [P_sub, K]. Sub-vectors follow the order of theta;
/// [`IndexRanges::embed`] takes eigenvectors back to theta's space.
///
/// # Cost
/// The cost of K products of the whole operator, and two blocks [P, K] of memory.
#[derive(Clone, Debug)]
pub struct Restricted<O, S> {
    operator: O,
    selection: IndexRanges,
    /// The home of vectors [P].
    whole: S,
    /// The home of sub-vectors [P_sub].
    part: S,
}

impl<O: SymmetricOperator<S>, S: Space> Restricted<O, S> {
    /// The block of `operator` that belongs to the coordinates of `selection`.
    ///
    /// # Errors
    /// [`IndexRangesError::Size`], inside [`Failure::Operator`], if the choice was made for another number of
    /// parameters; [`Failure`] if the home of the vectors cannot make one for the sub-vectors.
    pub fn new(operator: O, selection: IndexRanges) -> Result<Self, Failure> {
        let whole = operator.space();
        if whole.len() != selection.n_params() {
            let (selection, operator) = (selection.n_params(), whole.len());
            return Err(Failure::of(IndexRangesError::Size { selection, operator }));
        }
        let part = whole.of_rows(selection.ranges())?;
        Ok(Self { operator, selection, whole, part })
    }

    /// The places in a sub-vector of those chosen coordinates that lie in ascending `ranges`.
    fn own(&self, ranges: &[Range<usize>]) -> Vec<Range<usize>> {
        let (mut before, mut own) = (0, Vec::<Range<usize>>::new());
        for chosen in self.selection.ranges() {
            for range in ranges {
                let (from, to) = (range.start.max(chosen.start), range.end.min(chosen.end));
                if from >= to {
                    continue;
                }
                let next = before + from - chosen.start..before + to - chosen.start;
                match own.last_mut() {
                    Some(last) if last.end == next.start => last.end = next.end,
                    _ => own.push(next),
                }
            }
            before += chosen.len();
        }
        own
    }

    /// The chosen coordinates.
    pub fn selection(&self) -> &IndexRanges {
        &self.selection
    }
}

impl<O: SymmetricOperator<S>, S: Space> SymmetricOperator<S> for Restricted<O, S> {
    /// The home of vectors of length P_sub.
    fn space(&self) -> S {
        self.part.clone()
    }

    fn rounding(&self) -> f64 {
        self.operator.rounding()
    }

    fn split(&self) -> Result<Option<Split<'_, S>>, Failure> {
        let Some(Split { rest, shift, coordinates }) = self.operator.split()? else { return Ok(None) };
        let rest = Restricted {
            operator: rest,
            selection: self.selection.clone(),
            whole: self.whole.clone(),
            part: self.part.clone(),
        };
        Ok(Some(Split { rest: Box::new(rest), shift, coordinates: self.own(&coordinates) }))
    }

    fn recomputed(&self, directions: &S::Block, trial: u32) -> Result<Option<S::Block>, Failure> {
        let ranges = self.selection.ranges();
        let all = self.operator.recomputed(&self.whole.scatter_rows(directions, ranges)?, trial)?;
        all.map(|all| self.whole.gather_rows(&all, ranges)).transpose()
    }

    fn apply(&self, directions: &S::Block, out: &mut S::Block) -> Result<(), Failure> {
        let ranges = self.selection.ranges();
        let all = self.operator.product(&self.whole.scatter_rows(directions, ranges)?)?;
        *out = self.whole.gather_rows(&all, ranges)?;
        Ok(())
    }
}

//! The operations that all layers are written in; layers use no others.

use super::{Contraction, Function, ImageMap, Join, Linear, Regions, Window};
use crate::linalg::Scalar;
use std::ops::Range;

/// The operations that layers may use on their tensors. A tensor is a matrix [features, samples], column after column,
/// so in memory it is PyTorch's row-major [samples, features]; images are [channels, pixels * samples] ([`ImageMap`]).
///
/// Every operation is linear in each of its arguments, elementwise or per sample, so a carrier that also holds
/// derivatives follows from the product rule alone.
pub trait Algebra {
    /// The number type.
    type Real: Scalar;
    /// An activation [features, samples].
    type Tensor;

    /// W x + b of every column, or of every patch.
    fn affine(&mut self, layer: &Linear, x: &Self::Tensor) -> Self::Tensor;
    /// W^T delta of every column; where patches overlap, all that belongs to one pixel of an image is added up.
    fn affine_transposed(&mut self, layer: &Linear, delta: &Self::Tensor) -> Self::Tensor;
    /// The gradient of a weight, delta x^T, and of its bias, delta summed over columns, for the sink.
    fn affine_gradient(&mut self, layer: &Linear, delta: &Self::Tensor, x: &Self::Tensor);
    /// The `order`-th derivative of a function, entry by entry.
    fn elementwise(&mut self, f: Function, order: u8, x: &Self::Tensor) -> Self::Tensor;
    /// a * b, entry by entry; `a` is used up. A `b` of one column is multiplied to every column of `a`.
    fn multiply(&mut self, a: Self::Tensor, b: &Self::Tensor) -> Self::Tensor;
    /// a + b; `a` is used up. A `b` of one column is added to every column of `a`.
    fn add(&mut self, a: Self::Tensor, b: &Self::Tensor) -> Self::Tensor;
    /// The negative -a.
    fn negate(&mut self, a: Self::Tensor) -> Self::Tensor;
    /// A copy of a tensor.
    fn copy(&mut self, x: &Self::Tensor) -> Self::Tensor;
    /// The mean over all columns, one column.
    fn mean(&mut self, x: &Self::Tensor) -> Self::Tensor;
    /// The slice `theta[range]` as one column.
    fn parameter(&mut self, range: &Range<usize>) -> Self::Tensor;
    /// A vector of numbers that do not depend on theta, as one column.
    fn constant(&mut self, values: &[f64]) -> Self::Tensor;
    /// The gradient of a parameter vector, `delta` summed over its columns, for the sink.
    fn parameter_gradient(&mut self, range: &Range<usize>, delta: &Self::Tensor);
    /// Applies a map to every sample on its own.
    fn per_sample<const M: usize>(
        &mut self,
        x: [&Self::Tensor; M],
        map: &impl ColumnMap<Self::Real, M>,
    ) -> Self::Tensor;
    /// Applies a linear map to every image on its own.
    fn per_image(&mut self, map: &impl ImageMap<Self::Real>, x: &Self::Tensor) -> Self::Tensor;
    /// The largest entry in every place of a window, channel by channel.
    fn max_pool(&mut self, window: &Window, x: &Self::Tensor) -> Self::Tensor;
    /// Puts `delta` where the values of `x` are largest: the transposed map of the derivative of [`Self::max_pool`] at x.
    fn max_pool_transposed(&mut self, window: &Window, delta: &Self::Tensor, x: &Self::Tensor) -> Self::Tensor;
    /// The tensor [features, samples] as [rows, columns], or the other way round: the same numbers in the same order, of
    /// which `rows` belong to each column.
    fn regroup(&mut self, x: Self::Tensor, rows: usize) -> Self::Tensor;
    /// The sums of products of two tensors [features, samples], sample by sample; one column is the same for all samples.
    /// With `fold` the sums of all samples are added up, as in the derivative by something that they share, unless the
    /// carrier keeps samples apart.
    fn contract(&mut self, map: &Contraction, a: &Self::Tensor, b: &Self::Tensor, fold: bool) -> Self::Tensor;
    /// Several tensors [features, samples] put together to one, sample by sample; those of one column are the same for all.
    fn join(&mut self, join: &Join, x: &[&Self::Tensor]) -> Self::Tensor;
    /// The sum of all columns; where the carrier keeps samples apart, that of the `own` columns of each.
    fn total(&mut self, x: &Self::Tensor, own: usize) -> Self::Tensor;
    /// a * m, entry by entry, and 0 wherever m is 0, whatever a is there; `a` is used up. The mask m does not vary with
    /// theta; it may have one column.
    fn masked(&mut self, a: Self::Tensor, mask: &Self::Tensor) -> Self::Tensor;
    /// The sign of a - b, entry by entry, which does not vary with theta: -1, 0 or 1, and no number (NaN) where a or b is none.
    /// Infinite numbers of one sign are equal. `a` is used up; `b` may have one column.
    fn order(&mut self, a: Self::Tensor, b: &Self::Tensor) -> Self::Tensor;
    /// The entries of `x` that are largest in `by`, region by region; `by` may have one column.
    fn choose(&mut self, regions: &Regions, x: &Self::Tensor, by: &Self::Tensor) -> Self::Tensor;
    /// Puts `delta` where `by` is largest: the transposed map of [`Self::choose`].
    fn choose_transposed(&mut self, regions: &Regions, delta: &Self::Tensor, by: &Self::Tensor) -> Self::Tensor;
    /// The rows, of `row` numbers each, that a table has at the places `ids`, which are whole numbers; each of the two may
    /// have one column. A place outside of the table gives numbers that are none (NaN).
    fn look_up(&mut self, table: &Self::Tensor, ids: &Self::Tensor, row: usize) -> Self::Tensor;
    /// Adds the rows of `delta` to those of a table of `length` numbers that have the places `ids`: the transposed map of
    /// [`Self::look_up`]. With `fold` for all samples together, as in [`Self::contract`].
    fn look_up_transposed(
        &mut self,
        delta: &Self::Tensor,
        ids: &Self::Tensor,
        shape: [usize; 2],
        fold: bool,
    ) -> Self::Tensor;
    /// Says before a reverse pass that several layers may have a parameter in common, whose gradient is then the sum of
    /// theirs. Carriers that always add have nothing to do.
    fn expect_ties(&mut self) {}
    /// Says that a reverse pass is over and all gradients have been handed in.
    fn end_reverse(&mut self) {}
    /// The part of a tensor that the tape keeps for the reverse pass: all of it, unless the carrier's reverse pass
    /// needs less.
    fn keep(&mut self, tensor: Self::Tensor) -> Self::Tensor {
        tensor
    }
    /// Gives a tensor's memory back.
    fn recycle(&mut self, tensor: Self::Tensor);
}

/// A map of M columns (the same sample in M tensors of equal shape) to one column of the same length, with its derivative.
pub trait ColumnMap<T, const M: usize> {
    /// `out = f(x)` for sample `n`.
    fn value(&self, n: usize, x: [&[T]; M], out: &mut [T]);
    /// For each of the directions (columns of length `x[0].len()` stacked in `dx[i]`, `None` where the input does not
    /// vary): `out = Df(x)[dx]`. Returns without writing and says `false` if the derivative is zero for all samples.
    fn tangents(&self, n: usize, x: [&[T]; M], dx: [Option<&[T]>; M], out: &mut [T]) -> bool;
}

/// The tensors that the forward pass leaves for the reverse pass, last in first out.
#[derive(Debug)]
pub struct Tape<X> {
    stack: Vec<X>,
    /// The heights of the stack that steps of a graph have noted.
    marks: Vec<usize>,
    keep: bool,
}

impl<X> Tape<X> {
    /// A tape that records, because a reverse pass follows.
    pub fn recording() -> Self {
        Self { stack: Vec::new(), marks: Vec::new(), keep: true }
    }

    /// A tape that keeps nothing, for inference only.
    pub fn forgetting() -> Self {
        Self { stack: Vec::new(), marks: Vec::new(), keep: false }
    }

    /// Keeps a tensor for the reverse pass, or recycles it.
    pub fn push<A: Algebra<Tensor = X>>(&mut self, algebra: &mut A, tensor: X) {
        if self.keep {
            self.stack.push(algebra.keep(tensor));
        } else {
            algebra.recycle(tensor);
        }
    }

    /// Notes how many tensors there are now.
    pub(super) fn mark(&mut self) {
        self.marks.push(self.stack.len());
    }

    /// Recycles what has been left since the last mark, which is forgotten.
    pub(super) fn back_to_mark<A: Algebra<Tensor = X>>(&mut self, algebra: &mut A) {
        let height = self.marks.pop().unwrap_or(0);
        self.stack.drain(height.min(self.stack.len())..).for_each(|tensor| algebra.recycle(tensor));
    }

    /// Recycles the tensors that no reverse pass has taken.
    pub fn clear<A: Algebra<Tensor = X>>(&mut self, algebra: &mut A) {
        self.marks.clear();
        self.stack.drain(..).for_each(|tensor| algebra.recycle(tensor));
    }

    /// The tensor kept last. `None` never happens where a reverse pass takes what its forward pass has left.
    pub fn pop(&mut self) -> Option<X> {
        let kept = self.stack.pop();
        debug_assert!(kept.is_some(), "a reverse pass takes what its forward pass left");
        kept
    }
}

//! The closed set of operations that layers are written in.

use crate::config::Activation;
use crate::linalg::Scalar;
use std::ops::Range;

/// What a layer may do with its tensors. A tensor is a matrix [features, samples], column after column, so in memory
/// it is PyTorch's row-major [samples, features].
///
/// Every operation is bilinear, elementwise or per sample, so a carrier that also holds derivatives follows from the
/// product rule alone.
pub trait Algebra {
    /// Number type.
    type Real: Scalar;
    /// An activation [features, samples].
    type Tensor;

    /// W x + b, with `W = theta[weight]` of shape [out, in], `b = theta[bias]` broadcast over samples.
    fn affine(&mut self, weight: &Range<usize>, bias: &Range<usize>, x: &Self::Tensor) -> Self::Tensor;
    /// W^T delta.
    fn affine_transposed(&mut self, weight: &Range<usize>, delta: &Self::Tensor) -> Self::Tensor;
    /// The gradient of a weight, delta x^T, and of its bias, delta summed over samples, for the sink.
    fn affine_gradient(&mut self, weight: &Range<usize>, bias: &Range<usize>, delta: &Self::Tensor, x: &Self::Tensor);
    /// The `order`-th derivative of an activation function, entry by entry.
    fn elementwise(&mut self, f: Activation, order: u8, x: &Self::Tensor) -> Self::Tensor;
    /// a * b, entry by entry; `a` is used up.
    fn multiply(&mut self, a: Self::Tensor, b: &Self::Tensor) -> Self::Tensor;
    /// A map of every sample by itself.
    fn per_sample<const M: usize>(
        &mut self,
        x: [&Self::Tensor; M],
        map: &impl ColumnMap<Self::Real, M>,
    ) -> Self::Tensor;
    /// What the tape keeps of a tensor for the reverse pass: all of it, unless the carrier's reverse pass needs less.
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

/// What the forward pass leaves for the reverse pass, last in first out.
#[derive(Debug)]
pub struct Tape<X> {
    stack: Vec<X>,
    keep: bool,
}

impl<X> Tape<X> {
    /// A tape that records: a reverse pass follows.
    pub fn recording() -> Self {
        Self { stack: Vec::new(), keep: true }
    }

    /// A tape that forgets: inference only.
    pub fn forgetting() -> Self {
        Self { stack: Vec::new(), keep: false }
    }

    /// Keeps a tensor for the reverse pass, or recycles it.
    pub fn push<A: Algebra<Tensor = X>>(&mut self, algebra: &mut A, tensor: X) {
        if self.keep {
            self.stack.push(algebra.keep(tensor));
        } else {
            algebra.recycle(tensor);
        }
    }

    /// The tensor kept last.
    ///
    /// # Panics
    /// If the reverse pass of a layer takes more than its forward pass left, or no forward pass was recorded.
    #[expect(clippy::expect_used, reason = "a layer's passes disagree: a mistake in this crate, not in its input")]
    pub fn pop(&mut self) -> X {
        self.stack.pop().expect("a reverse pass takes what its forward pass left")
    }
}

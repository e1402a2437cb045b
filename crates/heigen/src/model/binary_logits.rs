//! Two logits for the single output of a binary classifier.

use super::{Image, ImageMap, ImageMut};
use crate::linalg::Scalar;

/// The map from a single output z to the logits [0, z] of two classes, or its transposed map, which takes the second of
/// two numbers. The cross-entropy of [0, z] is log(1 + exp(z)) - y z, the binary cross-entropy with logits.
#[derive(Clone, Copy, Debug)]
pub(super) struct BinaryLogits {
    /// Whether this is the transposed map.
    pub transposed: bool,
}

impl<T: Scalar> ImageMap<T> for BinaryLogits {
    fn input(&self) -> (usize, usize) {
        (if self.transposed { 2 } else { 1 }, 1)
    }

    fn output(&self) -> (usize, usize) {
        (if self.transposed { 1 } else { 2 }, 1)
    }

    #[inline(always)]
    fn apply(&self, x: Image<'_, T>, y: ImageMut<'_, T>) {
        if self.transposed {
            y.data[0] = x.data[1];
        } else {
            y.data[0] = T::ZERO;
            y.data[1] = x.data[0];
        }
    }
}

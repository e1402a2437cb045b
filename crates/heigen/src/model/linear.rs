//! Linear layers: fully connected ones and convolutions. They differ only in the columns that W multiplies.

use super::Window;
use crate::linalg::Scalar;
use std::ops::Range;

/// Weights of more numbers than these do not stay in the cache beside what they are multiplied with.
const HEAVY: usize = 1 << 14;
/// A product with so many columns takes longer than reading and packing the weights.
const COLUMNS: usize = 256;

/// The map y = W x + b of every sample; or of every patch of every image, which is a convolution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Linear {
    /// The range of W in theta, [outputs, inputs] row by row; for a convolution [outputs, channels, k, k] as in
    /// PyTorch.
    pub weight: Range<usize>,
    /// The range of b in theta, `[outputs]`, if there is a b.
    pub bias: Option<Range<usize>>,
    /// Number of outputs; for a convolution, of output channels.
    pub outputs: usize,
    /// The window from which a convolution takes its patches; `None` for a fully connected layer.
    pub window: Option<Window>,
    /// Whether theta has W in the order of patches, channels fastest, in place of PyTorch's.
    pub ordered: bool,
}

impl Linear {
    /// Number of inputs; for a convolution, of numbers in a patch.
    pub fn inputs(&self) -> usize {
        self.weight.len() / self.outputs
    }

    /// Number of columns of the input and of the output that belong to one sample.
    pub(super) fn columns_per_sample(&self) -> (usize, usize) {
        self.window.map_or((1, 1), |w| {
            let (rows, columns) = w.places();
            (w.input.pixels(), rows * columns)
        })
    }

    /// The window of a convolution whose patches are not simply the pixels of the image, as those of a window of one pixel
    /// are.
    pub(super) fn patched(&self) -> Option<&Window> {
        self.window.as_ref().filter(|w| w.kernel > 1 || w.stride > 1 || w.padding > 0)
    }

    /// The least number of samples that W should be multiplied with at once: weights that do not stay in the cache are read
    /// and packed anew for every product, which pays for many columns only.
    pub(super) fn paying_samples(&self) -> usize {
        if self.is_light() { 1 } else { COLUMNS.div_ceil(self.columns_per_sample().1.max(1)) }
    }

    /// Whether the weights stay in the cache beside what they are multiplied with.
    pub(super) fn is_light(&self) -> bool {
        self.weight.len() < HEAVY
    }

    /// The numbers of channels and of pixels in a patch, if the order of a patch's entries differs from theta's: in
    /// patches the channels are fastest, in PyTorch's weights the window's columns.
    fn permuted(&self) -> Option<(usize, usize)> {
        let sizes = self.window.map(|w| (w.input.channels, w.taps()));
        sizes.filter(|&(channels, taps)| channels > 1 && taps > 1 && !self.ordered)
    }

    /// Copies one row of W, `[inputs]`, from theta's order to the order of patches.
    #[inline]
    pub(super) fn row_to_patch_order<T: Scalar>(&self, row: &[T], out: &mut [T]) {
        let Some((channels, taps)) = self.permuted() else { return out.copy_from_slice(row) };
        for (c, row) in row.chunks_exact(taps).enumerate() {
            row.iter().zip(out[c..].iter_mut().step_by(channels)).for_each(|(&w, out)| *out = w);
        }
    }

    /// Copies one row of W from the order of patches to theta's order.
    #[inline]
    pub(super) fn row_from_patch_order<T: Scalar>(&self, row: &[T], out: &mut [T]) {
        let Some((channels, taps)) = self.permuted() else { return out.copy_from_slice(row) };
        for (c, out) in out.chunks_exact_mut(taps).enumerate() {
            row[c..].iter().step_by(channels).zip(out).for_each(|(&w, out)| *out = w);
        }
    }

    /// Adds a row in the order of patches to a row in theta's order.
    #[inline]
    pub(super) fn add_row_from_patch_order<T: Scalar>(&self, row: &[T], out: &mut [T]) {
        let Some((channels, taps)) = self.permuted() else {
            return out.iter_mut().zip(row).for_each(|(out, &w)| *out += w);
        };
        for (c, out) in out.chunks_exact_mut(taps).enumerate() {
            row[c..].iter().step_by(channels).zip(out).for_each(|(&w, out)| *out += w);
        }
    }

    /// Whether W in theta is already in the order of patches.
    pub(super) fn in_patch_order(&self) -> bool {
        self.permuted().is_none()
    }
}

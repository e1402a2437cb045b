//! Maps of single images without parameters: the pieces of convolution, pooling and flattening.
//!
//! Inside a network an image is a matrix [channels, pixels], its pixels row by row, and a batch of N is
//! [channels, pixels * N]: a convolution is then a linear layer over patches. Samples outside have PyTorch's order, all
//! pixels of one channel after another.

use super::{Shape, Window};
use crate::linalg::{Scalar, short_zip, vectorized};
use std::ops::Range;

/// One image: channel c of pixel p is `data[p * stride + c]`.
#[derive(Clone, Copy, Debug)]
pub struct Image<'a, T> {
    /// The numbers of the image.
    pub data: &'a [T],
    /// Distance in `data` between neighbouring pixels; at least the number of channels.
    pub stride: usize,
}

/// An image in a buffer that is written to; [`Image`] is its counterpart for reading.
#[derive(Debug)]
pub struct ImageMut<'a, T> {
    /// The numbers of the image.
    pub data: &'a mut [T],
    /// Distance in `data` between neighbouring pixels; at least the number of channels.
    pub stride: usize,
}

/// A linear map of one image to one image. Carriers apply it to values and to every tangent alike.
pub trait ImageMap<T> {
    /// The number of channels and of pixels of an input image.
    fn input(&self) -> (usize, usize);
    /// The number of channels and of pixels of an output image.
    fn output(&self) -> (usize, usize);
    /// Applies the map to `x`, and writes all of `y`.
    fn apply(&self, x: Image<'_, T>, y: ImageMut<'_, T>);
}

/// A sample in PyTorch's order, one column, turned into an image, or the reverse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reorder {
    /// Size of the image.
    pub shape: Shape,
    /// Whether the map goes from the image to the column (PyTorch's `flatten`); otherwise it goes to the image.
    pub flatten: bool,
    /// Whether the column has pixel after pixel, each with all of its channels (Keras's order), instead of channel after
    /// channel.
    pub channels_last: bool,
}

impl<T: Scalar> ImageMap<T> for Reorder {
    fn input(&self) -> (usize, usize) {
        if self.flatten { (self.shape.channels, self.shape.pixels()) } else { (self.shape.features(), 1) }
    }

    fn output(&self) -> (usize, usize) {
        if self.flatten { (self.shape.features(), 1) } else { (self.shape.channels, self.shape.pixels()) }
    }

    #[inline(always)]
    fn apply(&self, x: Image<'_, T>, y: ImageMut<'_, T>) {
        let (channels, pixels) = (self.shape.channels, self.shape.pixels());
        let (of_channel, of_pixel) = if self.channels_last { (1, channels) } else { (pixels, 1) };
        for c in 0..channels {
            for p in 0..pixels {
                let place = c * of_channel + p * of_pixel;
                if self.flatten {
                    y.data[place] = x.data[p * x.stride + c];
                } else {
                    y.data[p * y.stride + c] = x.data[place];
                }
            }
        }
    }
}

/// All patches of an image, each as a column [taps * channels] (channels fastest), as a convolution multiplies them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patches<'a>(pub &'a Window);

impl<T: Scalar> ImageMap<T> for Patches<'_> {
    fn input(&self) -> (usize, usize) {
        (self.0.input.channels, self.0.input.pixels())
    }

    fn output(&self) -> (usize, usize) {
        let (rows, columns) = self.0.places();
        (self.0.taps() * self.0.input.channels, rows * columns)
    }

    #[inline(always)]
    fn apply(&self, x: Image<'_, T>, mut y: ImageMut<'_, T>) {
        let (w, channels) = (self.0, self.0.input.channels);
        if w.padding == 0 && channels == 1 && x.stride == 1 && w.kernel == 3 {
            return patches_of_3_by_3(w, x, &mut y);
        }
        if dense(w, x.stride, y.stride) {
            return dense_rows(
                w,
                #[inline(always)]
                |patch, pixels| {
                    short_zip(
                        &mut y.data[patch],
                        &x.data[pixels],
                        #[inline(always)]
                        |_, x| x,
                    );
                },
            );
        }
        if w.padding > 0 {
            for p in 0..ImageMap::<T>::output(self).1 {
                y.data[p * y.stride..][..w.taps() * channels].fill(T::ZERO);
            }
        }
        w.visit_rows(
            1,
            #[inline(always)]
            |place, tap, pixels| {
                let to = &mut y.data[place * y.stride + tap * channels..][..pixels.len() * channels];
                if x.stride == channels {
                    let from = &x.data[pixels.start * channels..pixels.end * channels];
                    short_zip(
                        to,
                        from,
                        #[inline(always)]
                        |_, from| from,
                    );
                } else {
                    for (to, p) in to.chunks_exact_mut(channels).zip(pixels) {
                        let from = &x.data[p * x.stride..][..channels];
                        short_zip(
                            to,
                            from,
                            #[inline(always)]
                            |_, from| from,
                        );
                    }
                }
            },
        );
    }
}

/// Whether images and patches have no gaps, and no window reaches outside. In this common case all rows are handled
/// alike.
#[inline(always)]
fn dense(w: &Window, image_stride: usize, patch_stride: usize) -> bool {
    let channels = w.input.channels;
    w.padding == 0 && image_stride == channels && patch_stride == w.taps() * channels
}

/// Calls `f(patch, pixels)` for every row of every window of such images, with the ranges of its numbers in the patches
/// and in the image. Every pixel is met in the same order as by [`Window::visit_rows`].
#[inline(always)]
fn dense_rows(w: &Window, mut f: impl FnMut(Range<usize>, Range<usize>)) {
    let (rows, columns) = w.places();
    let (run, own) = (w.kernel * w.input.channels, w.taps() * w.input.channels);
    for row in 0..rows {
        for ky in 0..w.kernel {
            let mut pixel = (row * w.stride + ky) * w.input.width * w.input.channels;
            let mut patch = row * columns * own + ky * run;
            for _ in 0..columns {
                f(patch..patch + run, pixel..pixel + run);
                pixel += w.stride * w.input.channels;
                patch += own;
            }
        }
    }
}

/// Copies patches whose rows have three numbers, which is too short for a loop of unknown length.
#[inline(always)]
fn patches_of_3_by_3<T: Scalar>(w: &Window, x: Image<'_, T>, y: &mut ImageMut<'_, T>) {
    let (rows, columns) = w.places();
    for row in 0..rows {
        for column in 0..columns {
            let start = row * w.stride * w.input.width + column * w.stride;
            let place = (row * columns + column) * y.stride;
            // Four numbers fill one register. The fourth is overwritten by the next row or patch, if `y` has room for
            // it.
            let wide = y.data.get_mut(place..place + 10).filter(|_| y.stride == 9);
            let four = |ky: usize| x.data.get(start + ky * w.input.width..)?.first_chunk::<4>();
            if let (Some(to), Some(a), Some(b), Some(c)) = (wide, four(0), four(1), four(2)) {
                to[..4].copy_from_slice(a);
                to[3..7].copy_from_slice(b);
                to[6..].copy_from_slice(c);
                continue;
            }
            for (ky, to) in y.data[place..place + 9].chunks_exact_mut(3).enumerate() {
                let start = start + ky * w.input.width;
                to.copy_from_slice(&x.data[start..start + 3]);
            }
        }
    }
}

/// The transposed map of [`Patches`]: adds the patches to the pixels that they came from.
#[derive(Clone, Copy, Debug)]
pub(super) struct PatchesTransposed<'a>(pub &'a Window);

impl<T: Scalar> ImageMap<T> for PatchesTransposed<'_> {
    fn input(&self) -> (usize, usize) {
        ImageMap::<T>::output(&Patches(self.0))
    }

    fn output(&self) -> (usize, usize) {
        ImageMap::<T>::input(&Patches(self.0))
    }

    #[inline(always)]
    fn apply(&self, x: Image<'_, T>, mut y: ImageMut<'_, T>) {
        let channels = self.0.input.channels;
        zero(&mut y, channels, self.0.input.pixels());
        if dense(self.0, y.stride, x.stride) {
            return dense_rows(
                self.0,
                #[inline(always)]
                |patch, pixels| {
                    short_zip(
                        &mut y.data[pixels],
                        &x.data[patch],
                        #[inline(always)]
                        |y, x| y + x,
                    );
                },
            );
        }
        self.0.visit_rows(
            1,
            #[inline(always)]
            |place, tap, pixels| {
                let from = &x.data[place * x.stride + tap * channels..][..pixels.len() * channels];
                if y.stride == channels {
                    let to = &mut y.data[pixels.start * channels..pixels.end * channels];
                    short_zip(
                        to,
                        from,
                        #[inline(always)]
                        |y, x| y + x,
                    );
                } else {
                    for (from, p) in from.chunks_exact(channels).zip(pixels) {
                        let to = &mut y.data[p * y.stride..][..channels];
                        short_zip(
                            to,
                            from,
                            #[inline(always)]
                            |y, x| y + x,
                        );
                    }
                }
            },
        );
    }
}

/// The mean over every window, padding counted as zeros (PyTorch's `AvgPool2d`), or its transposed map.
#[derive(Clone, Copy, Debug)]
pub(super) struct Average<'a> {
    /// The window.
    pub window: &'a Window,
    /// Whether this is the transposed map.
    pub transposed: bool,
}

impl<T: Scalar> ImageMap<T> for Average<'_> {
    fn input(&self) -> (usize, usize) {
        let (rows, columns) = self.window.places();
        let pixels = if self.transposed { rows * columns } else { self.window.input.pixels() };
        (self.window.input.channels, pixels)
    }

    fn output(&self) -> (usize, usize) {
        ImageMap::<T>::input(&Self { transposed: !self.transposed, ..*self })
    }

    #[inline(always)]
    fn apply(&self, x: Image<'_, T>, mut y: ImageMut<'_, T>) {
        let channels = self.window.input.channels;
        let weight = T::from_f64(1.0 / self.window.taps() as f64);
        zero(&mut y, channels, ImageMap::<T>::output(self).1);
        self.window.visit(
            #[inline(always)]
            |place, _, pixel| {
                let Some(pixel) = pixel else { return };
                let (from, to) = if self.transposed { (place, pixel) } else { (pixel, place) };
                let from = &x.data[from * x.stride..][..channels];
                let to = &mut y.data[to * y.stride..][..channels];
                to.iter_mut().zip(from).for_each(|(y, &x)| *y += weight * x);
            },
        );
    }
}

/// Writes zeros to all pixels.
#[inline(always)]
pub(super) fn zero<T: Scalar>(y: &mut ImageMut<'_, T>, channels: usize, pixels: usize) {
    for p in 0..pixels {
        y.data[p * y.stride..][..channels].fill(T::ZERO);
    }
}

/// Applies `map` to all images of a batch, each with `k` tangents: from `x` [channels, k, pixels * N] to `y` of this
/// form.
pub(super) fn apply_to_all<T: Scalar>(map: &impl ImageMap<T>, x: &[T], y: &mut [T], k: usize) {
    let ((rows_in, pixels_in), (rows_out, pixels_out)) = (map.input(), map.output());
    let samples = x.chunks_exact((rows_in * k * pixels_in).max(1));
    vectorized(
        #[inline(always)]
        || {
            for (x, y) in samples.zip(y.chunks_exact_mut((rows_out * k * pixels_out).max(1))) {
                for i in 0..k {
                    let x = Image { data: &x[i * rows_in..], stride: rows_in * k };
                    map.apply(x, ImageMut { data: &mut y[i * rows_out..], stride: rows_out * k });
                }
            }
        },
    );
}

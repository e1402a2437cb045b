//! Max pooling: the largest entries of windows, and the derivative's way back to these entries.

use super::{Pool, Window, max_pool_2x2};
use crate::linalg::{Scalar, short_zip, vectorized};

/// The largest entry of each place of `window`, channel by channel, for all images of a batch.
pub(super) fn largest<T: Scalar>(window: &Window, x: &[T], y: &mut [T]) {
    if max_pool_2x2::fit(window) { max_pool_2x2::largest(window, x, y) } else { largest_of_any(window, x, y) }
}

/// The largest entry of every window, for windows of any kind: they may overlap.
pub(super) fn largest_of_any<T: Scalar>(window: &Window, x: &[T], y: &mut [T]) {
    let channels = window.input.channels;
    let places = window.output(channels).features();
    vectorized(
        #[inline(always)]
        || {
            for (x, y) in x.chunks_exact(window.input.features()).zip(y.chunks_exact_mut(places)) {
                y.fill(T::from_f64(f64::NEG_INFINITY));
                window.visit_rows(
                    channels,
                    #[inline(always)]
                    |place, _, pixels| {
                        let y = &mut y[place * channels..][..channels];
                        for x in x[pixels].chunks_exact(channels) {
                            // NaN counts as the largest, so that divergence is seen.
                            short_zip(y, x, larger);
                        }
                    },
                );
            }
        },
    );
}

/// The larger number, or y where both are equal; NaN counts as the largest.
#[inline(always)]
pub(super) fn larger<T: Scalar>(y: T, x: T) -> T {
    if x > y || x.is_nan() { x } else { y }
}

/// The first largest entry of every place of one image, and the linear map that takes these entries or gives them back.
#[derive(Debug)]
pub(super) struct Largest<'a> {
    window: &'a Window,
    /// For every entry of the output [channels, places] the pixel that it is taken from; [`NO_PIXEL`] where no number is largest,
    /// since there are infinite numbers or NaN.
    pixels: Vec<u32>,
}

/// Stands for no pixel.
const NO_PIXEL: u32 = u32::MAX;

impl<'a> Largest<'a> {
    /// A map that takes no entry yet.
    pub(super) fn new(window: &'a Window) -> Self {
        Self { window, pixels: vec![NO_PIXEL; window.output(window.input.channels).features()] }
    }

    /// Chooses the entries of an image `x` [channels, pixels] whose largest entries are `y` [channels, places].
    pub(super) fn choose<T: Scalar>(&mut self, x: &[T], y: &[T]) {
        let (window, pixels) = (self.window, &mut self.pixels);
        let channels = window.input.channels;
        pixels.fill(NO_PIXEL);
        vectorized(
            #[inline(always)]
            || {
                window.visit_rows(
                    channels,
                    #[inline(always)]
                    |place, _, entries| {
                        let y = &y[place * channels..][..channels];
                        let chosen = &mut pixels[place * channels..][..channels];
                        let first = (entries.start / channels) as u32;
                        for (pixel, x) in (first..).zip(x[entries].chunks_exact(channels)) {
                            for ((chosen, &x), &y) in chosen.iter_mut().zip(x).zip(y) {
                                let found = x == y && *chosen == NO_PIXEL;
                                *chosen = if found { pixel } else { *chosen };
                            }
                        }
                    },
                );
            },
        );
    }

    /// Takes the chosen entries of `x` [channels, k, pixels]: y is [channels, k, places].
    pub(super) fn take<T: Scalar>(&self, x: &[T], y: &mut [T], k: usize) {
        let channels = self.window.input.channels;
        for (y, chosen) in y.chunks_exact_mut(channels * k).zip(self.pixels.chunks_exact(channels)) {
            for (j, y) in y.chunks_exact_mut(channels).enumerate() {
                for (c, (y, &pixel)) in y.iter_mut().zip(chosen).enumerate() {
                    let from = (pixel as usize * k + j) * channels + c;
                    *y = if pixel == NO_PIXEL { T::ZERO } else { x[from] };
                }
            }
        }
    }

    /// The transposed map: gives `delta` [channels, k, places] back to the chosen entries of y [channels, k, pixels].
    pub(super) fn give_back<T: Scalar>(&self, delta: &[T], y: &mut [T], k: usize) {
        let channels = self.window.input.channels;
        y.fill(T::ZERO);
        for (delta, chosen) in delta.chunks_exact(channels * k).zip(self.pixels.chunks_exact(channels)) {
            for (j, delta) in delta.chunks_exact(channels).enumerate() {
                for (c, (&delta, &pixel)) in delta.iter().zip(chosen).enumerate() {
                    if pixel != NO_PIXEL {
                        y[(pixel as usize * k + j) * channels + c] += delta;
                    }
                }
            }
        }
    }
}

/// The transposed map of the derivative of the max-pool at images `x`, for values: y gets `delta` where x is largest.
pub(super) fn give_back_values<T: Scalar>(window: &Window, x: &[T], delta: &[T], y: &mut [T], pool: &mut Pool<T>) {
    if max_pool_2x2::fit(window) {
        return max_pool_2x2::give_back(window, x, delta, y);
    }
    give_back_to_any(window, x, delta, y, pool);
}

/// Gives every window's delta back to its largest entry, for windows of any kind: they may overlap.
pub(super) fn give_back_to_any<T: Scalar>(window: &Window, x: &[T], delta: &[T], y: &mut [T], pool: &mut Pool<T>) {
    let (numbers, places) = (window.input.features(), window.output(window.input.channels).features());
    let mut tops = pool.take(places);
    let mut own = pool.take(places);
    let samples = x.chunks_exact(numbers).zip(y.chunks_exact_mut(numbers));
    for ((x, y), delta) in samples.zip(delta.chunks_exact(places)) {
        largest_of_any(window, x, &mut tops);
        own.copy_from_slice(delta);
        give_back_image(window, x, &tops, &mut own, y);
    }
    pool.give(tops);
    pool.give(own);
}

/// Gives the delta of one image back to the largest entries `tops` of its windows. Uses `delta` up.
fn give_back_image<T: Scalar>(window: &Window, x: &[T], tops: &[T], delta: &mut [T], y: &mut [T]) {
    let channels = window.input.channels;
    vectorized(
        #[inline(always)]
        || {
            y.fill(T::ZERO);
            window.visit_rows(
                channels,
                #[inline(always)]
                |place, _, pixels| {
                    let tops = &tops[place * channels..][..channels];
                    let delta = &mut delta[place * channels..][..channels];
                    let y = y[pixels.clone()].chunks_exact_mut(channels);
                    for (x, y) in x[pixels].chunks_exact(channels).zip(y) {
                        hand_over(y, x, tops, delta);
                    }
                },
            );
        },
    );
}

/// Moves `from` to `to` where `x` equals `tops`: adds it there and sets it to 0.
#[inline(always)]
fn hand_over<T: Scalar>(to: &mut [T], x: &[T], tops: &[T], from: &mut [T]) {
    let (to_blocks, to_rest) = to.as_chunks_mut::<8>();
    let (from_blocks, from_rest) = from.as_chunks_mut::<8>();
    let ((x_blocks, x_rest), (top_blocks, top_rest)) = (x.as_chunks::<8>(), tops.as_chunks::<8>());
    let blocks = to_blocks.iter_mut().zip(from_blocks).zip(x_blocks).zip(top_blocks);
    for (((to, from), x), top) in blocks {
        // Whole blocks are copied out and in, as in `short_zip`.
        let (mut own, mut left, x, top) = (*to, *from, *x, *top);
        for i in 0..8 {
            let given = if x[i] == top[i] { left[i] } else { T::ZERO };
            own[i] += given;
            left[i] -= given;
        }
        (*to, *from) = (own, left);
    }
    for (((to, from), &x), &top) in to_rest.iter_mut().zip(from_rest).zip(x_rest).zip(top_rest) {
        if x == top {
            *to += *from;
            *from = T::ZERO;
        }
    }
}

//! Max pooling: the largest entries of windows, and the derivative's way back to these entries.

use super::{Pool, Window, max_pool_2x2};
use crate::linalg::{Scalar, short_zip, short_zip3, vectorized};

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
pub(super) struct Largest<'a, T> {
    window: &'a Window,
    /// The mask of the entries that are taken, [channels, taps, places]: 1 where the entry is taken, else 0.
    taken: Vec<T>,
}

impl<'a, T: Scalar> Largest<'a, T> {
    /// Number of entries of the mask.
    pub(super) fn size(window: &Window) -> usize {
        window.output(window.input.channels).features() * window.taps()
    }

    /// A map with memory for the mask, [`Self::size`] numbers.
    pub(super) fn new(window: &'a Window, taken: Vec<T>) -> Self {
        Self { window, taken }
    }

    /// Gives the memory of the mask back.
    pub(super) fn into_memory(self) -> Vec<T> {
        self.taken
    }

    /// Chooses the entries of an image `x` [channels, pixels] whose largest entries are `y` [channels, places]; `free`
    /// is memory of the size of `y`.
    pub(super) fn choose(&mut self, x: &[T], y: &[T], free: &mut [T]) {
        let (window, taken) = (self.window, &mut self.taken);
        let channels = window.input.channels;
        let own = channels * window.taps();
        taken.fill(T::ZERO);
        // A place has 1 here until its first largest entry is found.
        free.fill(T::ONE);
        vectorized(
            #[inline(always)]
            || {
                window.visit_rows(
                    channels,
                    #[inline(always)]
                    |place, tap, pixels| {
                        let y = &y[place * channels..][..channels];
                        let free = &mut free[place * channels..][..channels];
                        let masks = taken[place * own..(place + 1) * own][tap * channels..].chunks_exact_mut(channels);
                        for (x, mask) in x[pixels].chunks_exact(channels).zip(masks) {
                            hand_over(mask, x, y, free);
                        }
                    },
                );
            },
        );
    }

    /// Takes the chosen entries of `x` [channels, k, pixels]: y is [channels, k, places].
    pub(super) fn take(&self, x: &[T], y: &mut [T], k: usize) {
        let channels = self.window.input.channels;
        let own = channels * self.window.taps();
        vectorized(
            #[inline(always)]
            || {
                y.fill(T::ZERO);
                self.window.visit_rows(
                    channels * k,
                    #[inline(always)]
                    |place, tap, pixels| {
                        let masks = self.taken[place * own..(place + 1) * own][tap * channels..].chunks_exact(channels);
                        let y = &mut y[place * channels * k..][..channels * k];
                        for (x, mask) in x[pixels].chunks_exact(channels * k).zip(masks) {
                            add_masked(y, x, mask);
                        }
                    },
                );
            },
        );
    }

    /// The transposed map: gives `delta` [channels, k, places] back to the chosen entries of y [channels, k, pixels].
    pub(super) fn give_back(&self, delta: &[T], y: &mut [T], k: usize) {
        let channels = self.window.input.channels;
        let own = channels * self.window.taps();
        vectorized(
            #[inline(always)]
            || {
                y.fill(T::ZERO);
                self.window.visit_rows(
                    channels * k,
                    #[inline(always)]
                    |place, tap, pixels| {
                        let masks = self.taken[place * own..(place + 1) * own][tap * channels..].chunks_exact(channels);
                        let delta = &delta[place * channels * k..][..channels * k];
                        for (y, mask) in y[pixels].chunks_exact_mut(channels * k).zip(masks) {
                            add_masked(y, delta, mask);
                        }
                    },
                );
            },
        );
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

/// y += mask * x for several tangents, which share the mask.
#[inline(always)]
fn add_masked<T: Scalar>(y: &mut [T], x: &[T], mask: &[T]) {
    for (y, x) in y.chunks_exact_mut(mask.len()).zip(x.chunks_exact(mask.len())) {
        short_zip3(
            y,
            x,
            mask,
            #[inline(always)]
            |y, x, m| y + m * x,
        );
    }
}

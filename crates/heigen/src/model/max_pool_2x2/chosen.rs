//! The derivative of the max-pool with windows of 2 x 2 side by side, for any number of channels: the map that takes the first
//! largest entry of every window, and its transposed map.
//!
//! It computes the same as [`Largest`](super::super::max_pool::Largest), but remembers no pixels: what is taken is selected by
//! comparisons of whole blocks of channels.

use super::{Window, top};
use crate::linalg::{Scalar, vectorized};

/// The map chosen by one batch of images `by` [channels, pixels * N].
#[derive(Clone, Copy, Debug)]
pub(in crate::model) struct Chosen<'a, T> {
    window: &'a Window,
    by: &'a [T],
}

/// One place of the output and the four pixels of its window, row by row.
#[derive(Clone, Copy)]
struct Place {
    place: usize,
    pixels: [usize; 4],
}

impl<'a, T: Scalar> Chosen<'a, T> {
    /// The map that `by` chooses, if the windows are 2 x 2 and side by side.
    pub(in crate::model) fn by(window: &'a Window, by: &'a [T]) -> Option<Self> {
        let fits = window.kernel == 2 && window.stride == 2 && window.padding == 0;
        fits.then_some(Self { window, by })
    }

    /// Takes the chosen entries of `x` [channels, k, pixels * N]; y is [channels, k, places * N].
    pub(in crate::model) fn take(&self, x: &[T], y: &mut [T], k: usize) {
        self.in_blocks(&mut Take { by: self.by, x, y, k, channels: self.window.input.channels });
    }

    /// The transposed map: gives `delta` [channels, k, places * N] back to the chosen entries of y [channels, k, pixels * N].
    pub(in crate::model) fn give_back(&self, delta: &[T], y: &mut [T], k: usize) {
        let (rows, columns) = self.window.places();
        // The windows leave out a last column or row where the sides are odd; its entries get 0.
        if columns * 2 < self.window.input.width || rows * 2 < self.window.input.height {
            y.fill(T::ZERO);
        }
        self.in_blocks(&mut Give { by: self.by, delta, y, k, channels: self.window.input.channels });
    }

    /// Calls `work` for every place of every image, and for its channels in blocks of 8, 4, 2 and 1.
    fn in_blocks(&self, work: &mut impl Work) {
        let (rows, columns) = self.window.places();
        let (width, channels) = (self.window.input.width, self.window.input.channels);
        let pixels = self.window.input.pixels();
        let images = self.by.len() / self.window.input.features().max(1);
        vectorized(
            #[inline(always)]
            || {
                for (image, row) in (0..images).flat_map(|image| (0..rows).map(move |row| (image, row))) {
                    for column in 0..columns {
                        let upper = image * pixels + 2 * row * width + 2 * column;
                        let lower = upper + width;
                        let place = (image * rows + row) * columns + column;
                        let place = Place { place, pixels: [upper, upper + 1, lower, lower + 1] };
                        let mut channel = 0;
                        while channel + 8 <= channels {
                            work.block::<8>(place, channel);
                            channel += 8;
                        }
                        if channel + 4 <= channels {
                            work.block::<4>(place, channel);
                            channel += 4;
                        }
                        if channel + 2 <= channels {
                            work.block::<2>(place, channel);
                            channel += 2;
                        }
                        if channel < channels {
                            work.block::<1>(place, channel);
                        }
                    }
                }
            },
        );
    }
}

/// What is done with `B` channels of one place.
trait Work {
    fn block<const B: usize>(&mut self, place: Place, channel: usize);
}

/// `B` numbers of `data` from `start` on.
#[inline(always)]
fn block<const B: usize, T: Scalar>(data: &[T], start: usize) -> [T; B] {
    let mut block = [T::ZERO; B];
    block.copy_from_slice(&data[start..start + B]);
    block
}

/// The entries of the four pixels in direction `j` of `k`.
#[inline(always)]
fn four<const B: usize, T: Scalar>(
    data: &[T],
    place: Place,
    channels: usize,
    channel: usize,
    j: usize,
    k: usize,
) -> [[T; B]; 4] {
    // `map` of arrays is not always inlined, and then has narrow vectors only.
    let of = |pixel: usize| (pixel * k + j) * channels + channel;
    let [a, b, c, d] = place.pixels;
    [block(data, of(a)), block(data, of(b)), block(data, of(c)), block(data, of(d))]
}

/// See [`Chosen::take`].
struct Take<'a, T> {
    by: &'a [T],
    x: &'a [T],
    y: &'a mut [T],
    k: usize,
    channels: usize,
}

impl<T: Scalar> Work for Take<'_, T> {
    #[inline(always)]
    fn block<const B: usize>(&mut self, place: Place, channel: usize) {
        let [a, b, c, d] = four::<B, T>(self.by, place, self.channels, channel, 0, 1);
        let top = top(&a, &b, &c, &d);
        for j in 0..self.k {
            let x = four::<B, T>(self.x, place, self.channels, channel, j, self.k);
            let start = (place.place * self.k + j) * self.channels + channel;
            let mut y = [T::ZERO; B];
            for i in 0..B {
                // NaN is no largest number, and the derivative there is 0.
                y[i] = if d[i] == top[i] { x[3][i] } else { T::ZERO };
                y[i] = if c[i] == top[i] { x[2][i] } else { y[i] };
                y[i] = if b[i] == top[i] { x[1][i] } else { y[i] };
                y[i] = if a[i] == top[i] { x[0][i] } else { y[i] };
            }
            self.y[start..start + B].copy_from_slice(&y);
        }
    }
}

/// See [`Chosen::give_back`].
struct Give<'a, T> {
    by: &'a [T],
    delta: &'a [T],
    y: &'a mut [T],
    k: usize,
    channels: usize,
}

impl<T: Scalar> Work for Give<'_, T> {
    #[inline(always)]
    fn block<const B: usize>(&mut self, place: Place, channel: usize) {
        let x = four::<B, T>(self.by, place, self.channels, channel, 0, 1);
        let top = top(&x[0], &x[1], &x[2], &x[3]);
        for j in 0..self.k {
            let mut left: [T; B] = block(self.delta, (place.place * self.k + j) * self.channels + channel);
            for (x, pixel) in x.iter().zip(place.pixels) {
                let mut given = [T::ZERO; B];
                for i in 0..B {
                    given[i] = if x[i] == top[i] { left[i] } else { T::ZERO };
                    left[i] = if x[i] == top[i] { T::ZERO } else { left[i] };
                }
                let start = (pixel * self.k + j) * self.channels + channel;
                self.y[start..start + B].copy_from_slice(&given);
            }
        }
    }
}

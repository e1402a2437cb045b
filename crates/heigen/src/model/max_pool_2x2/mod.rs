//! The max-pool of most networks, with windows of 2 x 2 side by side. Every number is read once and written once.

mod chosen;

pub(super) use chosen::Chosen;

use super::Window;
use super::max_pool::larger;
use crate::linalg::{Scalar, vectorized};

/// Number of values that stay in registers together.
const BLOCK: usize = 8;

/// Whether the windows are 2 x 2, side by side, and channels come in whole blocks.
pub(super) fn fit(window: &Window) -> bool {
    window.kernel == 2 && window.stride == 2 && window.padding == 0 && window.input.channels.is_multiple_of(BLOCK)
}

/// Computes the same as [`super::max_pool::largest`].
pub(super) fn largest<T: Scalar>(window: &Window, x: &[T], y: &mut [T]) {
    let (rows, columns) = window.places();
    let (channels, width) = (window.input.channels, window.input.width * window.input.channels);
    let images = x.chunks_exact(window.input.features()).zip(y.chunks_exact_mut(rows * columns * channels));
    vectorized(
        #[inline(always)]
        || {
            for (x, y) in images {
                for (x, y) in x.chunks_exact(2 * width).zip(y.chunks_exact_mut(columns * channels)) {
                    let (upper, lower) = x.split_at(width);
                    let places = upper.chunks_exact(2 * channels).zip(lower.chunks_exact(2 * channels));
                    for ((upper, lower), y) in places.zip(y.chunks_exact_mut(channels)) {
                        let (pixels, _) = y.as_chunks_mut::<BLOCK>();
                        let [[a, b], [c, d]] = [blocks(upper, channels), blocks(lower, channels)];
                        for ((((y, a), b), c), d) in pixels.iter_mut().zip(a).zip(b).zip(c).zip(d) {
                            *y = top(a, b, c, d);
                        }
                    }
                }
            }
        },
    );
}

/// Computes the same as [`super::max_pool::give_back_values`].
pub(super) fn give_back<T: Scalar>(window: &Window, x: &[T], delta: &[T], y: &mut [T]) {
    let (rows, columns) = window.places();
    let (channels, width) = (window.input.channels, window.input.width * window.input.channels);
    let numbers = window.input.features();
    let images = x.chunks_exact(numbers).zip(y.chunks_exact_mut(numbers));
    vectorized(
        #[inline(always)]
        || {
            for ((x, y), delta) in images.zip(delta.chunks_exact(rows * columns * channels)) {
                // The windows leave out a last column or row where the sides are odd; its entries get 0.
                if columns * 2 < window.input.width || rows * 2 < window.input.height {
                    y.fill(T::ZERO);
                }
                let pairs = x.chunks_exact(2 * width).zip(y.chunks_exact_mut(2 * width));
                for ((x, y), delta) in pairs.zip(delta.chunks_exact(columns * channels)) {
                    let (x_upper, x_lower) = x.split_at(width);
                    let (y_upper, y_lower) = y.split_at_mut(width);
                    let own = 2 * channels;
                    let x = x_upper.chunks_exact(own).zip(x_lower.chunks_exact(own));
                    let y = y_upper.chunks_exact_mut(own).zip(y_lower.chunks_exact_mut(own));
                    for (((x_upper, x_lower), (y_upper, y_lower)), delta) in x.zip(y).zip(delta.chunks_exact(channels))
                    {
                        let [[a, b], [c, d]] = [blocks(x_upper, channels), blocks(x_lower, channels)];
                        let [[ya, yb], [yc, yd]] = [blocks_mut(y_upper, channels), blocks_mut(y_lower, channels)];
                        let (delta, _) = delta.as_chunks::<BLOCK>();
                        for (i, &delta) in delta.iter().enumerate() {
                            let top = top(&a[i], &b[i], &c[i], &d[i]);
                            let mut left = delta;
                            give(&mut ya[i], &a[i], &top, &mut left);
                            give(&mut yb[i], &b[i], &top, &mut left);
                            give(&mut yc[i], &c[i], &top, &mut left);
                            give(&mut yd[i], &d[i], &top, &mut left);
                        }
                    }
                }
            }
        },
    );
}

/// Two neighbouring pixels, as blocks of channels.
#[inline(always)]
fn blocks<T>(pixels: &[T], channels: usize) -> [&[[T; BLOCK]]; 2] {
    let (a, b) = pixels.split_at(channels);
    [a.as_chunks().0, b.as_chunks().0]
}

#[inline(always)]
fn blocks_mut<T>(pixels: &mut [T], channels: usize) -> [&mut [[T; BLOCK]]; 2] {
    let (a, b) = pixels.split_at_mut(channels);
    [a.as_chunks_mut().0, b.as_chunks_mut().0]
}

#[inline(always)]
fn top<const B: usize, T: Scalar>(a: &[T; B], b: &[T; B], c: &[T; B], d: &[T; B]) -> [T; B] {
    let mut top = [T::ZERO; B];
    for i in 0..B {
        top[i] = larger(larger(a[i], b[i]), larger(c[i], d[i]));
    }
    top
}

/// Gives the delta that is `left` to the entries of `x` that equal `top`.
#[inline(always)]
fn give<T: Scalar>(y: &mut [T; BLOCK], x: &[T; BLOCK], top: &[T; BLOCK], left: &mut [T; BLOCK]) {
    let mut given = [T::ZERO; BLOCK];
    for i in 0..BLOCK {
        given[i] = if x[i] == top[i] { left[i] } else { T::ZERO };
    }
    for i in 0..BLOCK {
        left[i] -= given[i];
    }
    *y = given;
}

#[cfg(test)]
mod tests {
    use super::super::max_pool::{give_back_to_any, largest_of_any};
    use super::super::{Pool, Shape};
    use super::*;

    /// Numbers with few different values, so that there are many ties, and with infinities.
    fn numbers(length: usize, scale: usize) -> Vec<f32> {
        let number = |i: usize| match i * i * 7919 % 13 {
            0 => f32::INFINITY,
            n => (n % scale) as f32 - 3.0,
        };
        (0..length).map(number).collect()
    }

    #[test]
    fn the_short_way_is_the_long_one() {
        for (channels, height, width, images) in [(8, 4, 6, 2), (16, 5, 5, 3), (8, 2, 3, 1), (24, 11, 10, 2)] {
            let window = Window::new(Shape { channels, height, width }, 2, 2, 0).unwrap();
            assert!(fit(&window));
            let x = numbers(images * window.input.features(), 5);
            let delta: Vec<f32> = (1..=images * window.output(channels).features()).map(|i| i as f32).collect();
            let mut tops = [vec![0.0; delta.len()], vec![0.0; delta.len()]];
            largest(&window, &x, &mut tops[0]);
            largest_of_any(&window, &x, &mut tops[1]);
            assert_eq!(tops[0], tops[1]);
            let mut back = [vec![9.0; x.len()], vec![0.0; x.len()]];
            give_back(&window, &x, &delta, &mut back[0]);
            give_back_to_any(&window, &x, &delta, &mut back[1], &mut Pool::new());
            assert_eq!(back[0], back[1]);
        }
    }

    #[test]
    fn nan_wins_and_stays() {
        let window = Window::new(Shape { channels: 8, height: 2, width: 2 }, 2, 2, 0).unwrap();
        for place in 0..4 {
            let mut x = vec![1.0f64; 32];
            x[place * 8 + 3] = f64::NAN;
            let mut y = vec![0.0; 8];
            largest(&window, &x, &mut y);
            assert!(y.iter().enumerate().all(|(c, v)| v.is_nan() == (c == 3)));
        }
    }
}

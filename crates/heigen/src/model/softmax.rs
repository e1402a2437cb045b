//! Softmax, its logarithm, and their derivatives without cancellation.

use super::{ColumnMap, argmax};
use crate::linalg::Scalar;

/// Writes softmax(x) to `p`.
pub(crate) fn softmax<T: Scalar>(x: &[T], p: &mut [T]) {
    let max = largest(x);
    let mut sum = T::ZERO;
    for (p, &x) in p.iter_mut().zip(x) {
        *p = (x - max).exp();
        sum += *p;
    }
    p.iter_mut().for_each(|p| *p /= sum);
}

/// The logarithm of softmax(x) for class `c`, as x_c - max - log(sum), which keeps its digits when the loss is small.
pub(crate) fn log_softmax<T: Scalar>(x: &[T], c: usize) -> T {
    let max = largest(x);
    (x[c] - max) - x.iter().map(|&v| (v - max).exp()).sum::<T>().ln()
}

fn largest<T: Scalar>(x: &[T]) -> T {
    x.iter().copied().fold(x[0], |m, v| if v > m { v } else { m })
}

/// Computes out = v - p^T v for probabilities p.
///
/// It is computed from differences from the entry of the most probable class. At a minimum p is nearly a unit vector,
/// and the plain formula would lose the digits in which p differs from it.
pub(crate) fn subtract_mean<T: Scalar>(p: &[T], v: &[T], out: &mut [T]) {
    let pivot = v[argmax(p)];
    let mean: T = p.iter().zip(v).map(|(&p, &v)| p * (v - pivot)).sum();
    for (out, &v) in out.iter_mut().zip(v) {
        *out = (v - pivot) - mean;
    }
}

/// The map y = x - log(sum(exp(x))).
pub(super) struct LogSoftmax;

/// Writes log(softmax(x)) to `y`.
pub(crate) fn log_softmax_of<T: Scalar>(x: &[T], y: &mut [T]) {
    let max = largest(x);
    let log_sum = x.iter().map(|&v| (v - max).exp()).sum::<T>().ln();
    for (y, &x) in y.iter_mut().zip(x) {
        *y = (x - max) - log_sum;
    }
}

impl<T: Scalar> ColumnMap<T, 1> for LogSoftmax {
    fn value(&self, _: usize, [x]: [&[T]; 1], out: &mut [T]) {
        log_softmax_of(x, out);
    }

    /// Its derivative dy = dx - p^T dx.
    fn tangents(&self, _: usize, [x]: [&[T]; 1], [dx]: [Option<&[T]>; 1], out: &mut [T]) -> bool {
        let Some(dx) = dx else { return false };
        with_softmax(x, |p| {
            for (dy, dx) in out.chunks_exact_mut(x.len()).zip(dx.chunks_exact(x.len())) {
                subtract_mean(p, dx, dy);
            }
        });
        true
    }
}

/// The map's reverse pass, delta_x = delta_y - p * sum(delta_y) with p = softmax(x).
pub(super) struct LogSoftmaxReverse;

impl<T: Scalar> ColumnMap<T, 2> for LogSoftmaxReverse {
    fn value(&self, _: usize, [delta, x]: [&[T]; 2], out: &mut [T]) {
        with_softmax(x, |p| {
            for (c, out) in out.iter_mut().enumerate() {
                // delta_c (1 - p_c) - p_c sum_(j != c) delta_j, where 1 - p_c is a sum without cancellation.
                let others = |v: &[T]| v.iter().enumerate().filter(|&(j, _)| j != c).map(|(_, &v)| v).sum::<T>();
                *out = delta[c] * others(p) - p[c] * others(delta);
            }
        });
    }

    /// d(delta_x) = d(delta_y) - p sum(d(delta_y)) - p * (dx - p^T dx) * sum(delta_y).
    fn tangents(&self, _: usize, [delta, x]: [&[T]; 2], [ddelta, dx]: [Option<&[T]>; 2], out: &mut [T]) -> bool {
        if ddelta.is_none() && dx.is_none() {
            return false;
        }
        let classes = x.len();
        let sum: T = delta.iter().copied().sum();
        with_softmax(x, |p| {
            for (k, out) in out.chunks_exact_mut(classes).enumerate() {
                let at = k * classes..(k + 1) * classes;
                match dx.map(|d| &d[at.clone()]) {
                    Some(dx) => {
                        subtract_mean(p, dx, out);
                        out.iter_mut().zip(p).for_each(|(out, &p)| *out = -p * *out * sum);
                    }
                    None => out.fill(T::ZERO),
                }
                if let Some(ddelta) = ddelta.map(|d| &d[at]) {
                    let dsum: T = ddelta.iter().copied().sum();
                    for ((out, &d), &p) in out.iter_mut().zip(ddelta).zip(p) {
                        *out += d - p * dsum;
                    }
                }
            }
        });
        true
    }
}

/// Calls `f` with softmax(x), which is on the stack for up to 96 classes.
pub(crate) fn with_softmax<T: Scalar>(x: &[T], f: impl FnOnce(&[T])) {
    with_memory(x.len(), |p| {
        softmax(x, p);
        f(p);
    });
}

/// Calls `f` with `n` zeros, which are on the stack if they are few.
pub(crate) fn with_memory<T: Scalar>(n: usize, f: impl FnOnce(&mut [T])) {
    let mut small = [T::ZERO; 96];
    if n <= small.len() {
        f(&mut small[..n]);
    } else {
        f(&mut vec![T::ZERO; n]);
    }
}

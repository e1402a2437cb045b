//! Layers: each writes its forward and its reverse pass once.

use super::{Algebra, ColumnMap, Tape};
use crate::config::Activation;
use crate::linalg::Scalar;
use std::ops::Range;

/// A linear layer y = W x + b.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Linear {
    /// Place of W, [outputs, inputs] row by row.
    pub weight: Range<usize>,
    /// Place of b, [outputs].
    pub bias: Range<usize>,
}

/// One step of a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Layer {
    /// W x + b.
    Linear(Linear),
    /// f(x), entry by entry.
    Activation(Activation),
    /// x - log(sum(exp(x))) of every sample.
    LogSoftmax,
}

impl Layer {
    /// y from x; leaves on the tape what [`Layer::reverse`] needs.
    pub fn forward<A: Algebra>(&self, a: &mut A, x: A::Tensor, tape: &mut Tape<A::Tensor>) -> A::Tensor {
        match self {
            Self::Linear(l) => {
                let y = a.affine(&l.weight, &l.bias, &x);
                tape.push(a, x);
                y
            }
            Self::Activation(f) => {
                let y = a.elementwise(*f, 0, &x);
                tape.push(a, x);
                y
            }
            Self::LogSoftmax => {
                let y = a.per_sample([&x], &LogSoftmax);
                tape.push(a, x);
                y
            }
        }
    }

    /// The derivative with respect to x from the one with respect to y, and the gradient of the parameters to the sink.
    /// Where nobody `needs_input` (the first layer), `None`.
    pub fn reverse<A: Algebra>(
        &self,
        a: &mut A,
        delta: A::Tensor,
        tape: &mut Tape<A::Tensor>,
        needs_input: bool,
    ) -> Option<A::Tensor> {
        let x = tape.pop();
        let out = match self {
            Self::Linear(l) => {
                a.affine_gradient(&l.weight, &l.bias, &delta, &x);
                let out = needs_input.then(|| a.affine_transposed(&l.weight, &delta));
                a.recycle(delta);
                out
            }
            Self::Activation(f) => {
                let slope = a.elementwise(*f, 1, &x);
                let out = a.multiply(delta, &slope);
                a.recycle(slope);
                Some(out)
            }
            Self::LogSoftmax => {
                let out = a.per_sample([&delta, &x], &LogSoftmaxReverse);
                a.recycle(delta);
                Some(out)
            }
        };
        a.recycle(x);
        out
    }
}

/// softmax(x) into `p`; returns log(sum(exp(x))).
pub(crate) fn softmax<T: Scalar>(x: &[T], p: &mut [T]) -> T {
    let max = x.iter().copied().fold(x[0], |m, v| if v > m { v } else { m });
    let mut sum = T::ZERO;
    for (p, &x) in p.iter_mut().zip(x) {
        *p = (x - max).exp();
        sum += *p;
    }
    for p in p.iter_mut() {
        *p = *p / sum;
    }
    max + sum.ln()
}

/// log(sum(exp(x))).
pub(crate) fn log_sum_exp<T: Scalar>(x: &[T]) -> T {
    let max = x.iter().copied().fold(x[0], |m, v| if v > m { v } else { m });
    max + x.iter().map(|&v| (v - max).exp()).sum::<T>().ln()
}

fn dot<T: Scalar>(a: &[T], b: &[T]) -> T {
    a.iter().zip(b).map(|(&a, &b)| a * b).sum()
}

/// y = x - log(sum(exp(x))).
struct LogSoftmax;

impl<T: Scalar> ColumnMap<T, 1> for LogSoftmax {
    fn value(&self, _: usize, [x]: [&[T]; 1], out: &mut [T]) {
        let total = log_sum_exp(x);
        for (y, &x) in out.iter_mut().zip(x) {
            *y = x - total;
        }
    }

    /// dy = dx - p^T dx.
    fn tangents(&self, _: usize, [x]: [&[T]; 1], [dx]: [Option<&[T]>; 1], out: &mut [T]) -> bool {
        let Some(dx) = dx else { return false };
        with_softmax(x, |p| {
            for (dy, dx) in out.chunks_exact_mut(x.len()).zip(dx.chunks_exact(x.len())) {
                let mean = dot(p, dx);
                for (dy, &dx) in dy.iter_mut().zip(dx) {
                    *dy = dx - mean;
                }
            }
        });
        true
    }
}

/// delta_x = delta_y - p * sum(delta_y), p = softmax(x).
struct LogSoftmaxReverse;

impl<T: Scalar> ColumnMap<T, 2> for LogSoftmaxReverse {
    fn value(&self, _: usize, [delta, x]: [&[T]; 2], out: &mut [T]) {
        let sum: T = delta.iter().copied().sum();
        softmax(x, out);
        for (out, &delta) in out.iter_mut().zip(delta) {
            *out = delta - *out * sum;
        }
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
                out.fill(T::ZERO);
                if let Some(ddelta) = ddelta.map(|d| &d[at.clone()]) {
                    let dsum: T = ddelta.iter().copied().sum();
                    for ((out, &d), &p) in out.iter_mut().zip(ddelta).zip(p) {
                        *out = d - p * dsum;
                    }
                }
                if let Some(dx) = dx.map(|d| &d[at]) {
                    let mean = dot(p, dx);
                    for ((out, &dx), &p) in out.iter_mut().zip(dx).zip(p) {
                        *out -= p * (dx - mean) * sum;
                    }
                }
            }
        });
        true
    }
}

/// Calls `f` with softmax(x), on the stack for up to 32 classes.
pub(crate) fn with_softmax<T: Scalar>(x: &[T], f: impl FnOnce(&[T])) {
    let mut small = [T::ZERO; 32];
    let mut large = Vec::new();
    let p = if x.len() <= small.len() {
        &mut small[..x.len()]
    } else {
        large.resize(x.len(), T::ZERO);
        &mut large[..]
    };
    softmax(x, p);
    f(p);
}

//! The plain carrier: values only.

use super::{Algebra, ColumnMap, Pool};
use crate::config::Activation;
use crate::linalg::{Matrix, Scalar, product};
use faer::{MatMut, MatRef, Par};
use std::ops::Range;

/// Where parameter gradients of a reverse pass go. Every parameter belongs to one layer, so each place is written once.
#[derive(Debug)]
pub enum Sink<'a, T> {
    /// Nowhere: inference.
    None,
    /// Summed over the samples: `[P]`.
    Sum(&'a mut [T]),
    /// One gradient a sample: [P, N], sample after sample.
    PerSample(&'a mut [T]),
    /// The squared l2 norm of every sample's gradient, added up: `[N]`.
    SquaredNorms(&'a mut [T]),
}

/// Values of the network at theta.
#[derive(Debug)]
pub struct Plain<'a, T> {
    theta: &'a [T],
    sink: Sink<'a, T>,
    pool: &'a mut Pool<T>,
    par: Par,
}

impl<'a, T: Scalar> Plain<'a, T> {
    /// At `theta` `[P]`; matrix products use `par`.
    pub fn new(theta: &'a [T], sink: Sink<'a, T>, pool: &'a mut Pool<T>, par: Par) -> Self {
        Self { theta, sink, pool, par }
    }

    /// A copy of `x` in the pool's memory.
    pub fn input(&mut self, x: &Matrix<T>) -> Matrix<T> {
        let mut tensor = self.pool.take_matrix(x.rows, x.columns);
        tensor.data.copy_from_slice(&x.data);
        tensor
    }
}

/// W = theta[weight] as [out, in].
pub(super) fn weight_matrix<T: Scalar>(values: &[T], out: usize) -> MatRef<'_, T> {
    MatRef::from_row_major_slice(values, out, values.len() / out)
}

/// The same, to be written.
pub(super) fn weight_matrix_mut<T: Scalar>(values: &mut [T], out: usize) -> MatMut<'_, T> {
    let columns = values.len() / out;
    MatMut::from_row_major_slice_mut(values, out, columns)
}

impl<T: Scalar> Algebra for Plain<'_, T> {
    type Real = T;
    type Tensor = Matrix<T>;

    fn affine(&mut self, weight: &Range<usize>, bias: &Range<usize>, x: &Matrix<T>) -> Matrix<T> {
        let mut y = self.pool.take_matrix(bias.len(), x.columns);
        let w = weight_matrix(&self.theta[weight.clone()], bias.len());
        product(y.as_mut(), w, x.as_ref(), self.par);
        let bias = &self.theta[bias.clone()];
        for column in y.data.chunks_exact_mut(bias.len()) {
            for (y, &b) in column.iter_mut().zip(bias) {
                *y += b;
            }
        }
        y
    }

    fn affine_transposed(&mut self, weight: &Range<usize>, delta: &Matrix<T>) -> Matrix<T> {
        let w = weight_matrix(&self.theta[weight.clone()], delta.rows);
        let mut out = self.pool.take_matrix(w.ncols(), delta.columns);
        product(out.as_mut(), w.transpose(), delta.as_ref(), self.par);
        out
    }

    fn affine_gradient(&mut self, weight: &Range<usize>, bias: &Range<usize>, delta: &Matrix<T>, x: &Matrix<T>) {
        match &mut self.sink {
            Sink::None => {}
            Sink::Sum(gradient) => {
                let w = weight_matrix_mut(&mut gradient[weight.clone()], delta.rows);
                product(w, delta.as_ref(), x.as_ref().transpose(), self.par);
                let b = &mut gradient[bias.clone()];
                b.fill(T::ZERO);
                for column in delta.iter_columns() {
                    for (b, &d) in b.iter_mut().zip(column) {
                        *b += d;
                    }
                }
            }
            Sink::PerSample(gradients) => {
                let p = self.theta.len();
                for ((g, delta), x) in gradients.chunks_exact_mut(p).zip(delta.iter_columns()).zip(x.iter_columns()) {
                    for (row, &d) in g[weight.clone()].chunks_exact_mut(x.len()).zip(delta) {
                        for (g, &x) in row.iter_mut().zip(x) {
                            *g = d * x;
                        }
                    }
                    g[bias.clone()].copy_from_slice(delta);
                }
            }
            Sink::SquaredNorms(norms) => {
                let square = |v: &[T]| v.iter().map(|&v| v * v).sum::<T>();
                for ((norm, delta), x) in norms.iter_mut().zip(delta.iter_columns()).zip(x.iter_columns()) {
                    *norm += square(delta) * (square(x) + T::ONE);
                }
            }
        }
    }

    fn elementwise(&mut self, f: Activation, order: u8, x: &Matrix<T>) -> Matrix<T> {
        let mut y = self.pool.take_matrix(x.rows, x.columns);
        map(f, order, &x.data, &mut y.data);
        y
    }

    fn multiply(&mut self, mut a: Matrix<T>, b: &Matrix<T>) -> Matrix<T> {
        for (a, &b) in a.data.iter_mut().zip(&b.data) {
            *a *= b;
        }
        a
    }

    fn per_sample<const M: usize>(&mut self, x: [&Matrix<T>; M], map: &impl ColumnMap<T, M>) -> Matrix<T> {
        let mut y = self.pool.take_matrix(x[0].rows, x[0].columns);
        let rows = y.rows;
        for (n, y) in y.data.chunks_exact_mut(rows).enumerate() {
            map.value(n, x.map(|x| x.column(n)), y);
        }
        y
    }

    fn recycle(&mut self, tensor: Matrix<T>) {
        self.pool.give(tensor.data);
    }
}

/// y = f^(order)(x); the match stands outside the loop so that each case is vectorised.
pub(super) fn map<T: Scalar>(f: Activation, order: u8, x: &[T], y: &mut [T]) {
    match (f, order) {
        (Activation::Relu, 0) => x.iter().zip(y).for_each(|(&x, y)| *y = Activation::Relu.derivative(0, x)),
        (Activation::Relu, 1) => x.iter().zip(y).for_each(|(&x, y)| *y = Activation::Relu.derivative(1, x)),
        _ => x.iter().zip(y).for_each(|(&x, y)| *y = f.derivative(order, x)),
    }
}

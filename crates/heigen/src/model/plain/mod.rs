//! The plain carrier, which computes values only.

mod affine;
mod general;

pub(super) use affine::{add_rows, images, in_patch_order, row_major, row_major_mut, tiles};
pub(super) use general::{column_of, compare, mask, place};

use super::image_maps::apply_to_all;
use super::max_pool::{give_back_values, largest};
use super::{Algebra, ColumnMap, Contraction, Function, ImageMap, Join, Linear, Pool, Regions, Window};
use crate::linalg::{Matrix, Scalar, add_columns, sum_columns};
use faer::Par;
use std::ops::Range;

/// The place where a reverse pass puts the gradients of the parameters. Where every parameter belongs to one layer, each
/// place is written once; in networks with tied weights ([`Algebra::expect_ties`]) gradients are added up.
#[derive(Debug)]
pub enum Sink<'a, T> {
    /// No gradients are wanted: inference.
    None,
    /// The gradient summed over the samples: `[P]`.
    Sum(&'a mut [T]),
    /// Summed over the samples and added to the numbers that are there: `[P]`.
    Add(&'a mut [T]),
    /// One gradient for each sample: [P, N], sample after sample.
    PerSample(&'a mut [T]),
    /// The squared l2 norm of every sample's gradient, added to the numbers that are there: `[N]`.
    SquaredNorms(&'a mut [T]),
}

/// The carrier of the network's values at theta.
#[derive(Debug)]
pub struct Plain<'a, T> {
    theta: &'a [T],
    sink: Sink<'a, T>,
    /// Whether several layers may have a parameter in common.
    ties: bool,
    /// The gradients of single samples, [P, N], that are formed where their squared norms are asked for and parameters are
    /// shared: the norm of a sum does not follow from the norms of its terms.
    formed: Option<Vec<T>>,
    pool: &'a mut Pool<T>,
    par: Par,
}

impl<'a, T: Scalar> Plain<'a, T> {
    /// The carrier at `theta` `[P]`; matrix products use `par`.
    pub fn new(theta: &'a [T], sink: Sink<'a, T>, pool: &'a mut Pool<T>, par: Par) -> Self {
        Self { theta, sink, ties: false, formed: None, pool, par }
    }

    /// A copy of `x` in the pool's memory.
    pub fn input(&mut self, x: &Matrix<T>) -> Matrix<T> {
        self.copy(x)
    }

    /// A copy of some columns of `x` in the pool's memory.
    pub fn input_columns(&mut self, x: &Matrix<T>, columns: Range<usize>) -> Matrix<T> {
        let mut tensor = self.pool.take_matrix(x.rows, columns.len());
        tensor.data.copy_from_slice(&x.data[columns.start * x.rows..columns.end * x.rows]);
        tensor
    }
}

impl<T: Scalar> Algebra for Plain<'_, T> {
    type Real = T;
    type Tensor = Matrix<T>;

    fn affine(&mut self, layer: &Linear, x: &Matrix<T>) -> Matrix<T> {
        affine::affine(self, layer, x)
    }

    fn affine_transposed(&mut self, layer: &Linear, delta: &Matrix<T>) -> Matrix<T> {
        affine::affine_transposed(self, layer, delta)
    }

    fn affine_gradient(&mut self, layer: &Linear, delta: &Matrix<T>, x: &Matrix<T>) {
        affine::affine_gradient(self, layer, delta, x);
    }

    fn elementwise(&mut self, f: Function, order: u8, x: &Matrix<T>) -> Matrix<T> {
        let mut y = self.pool.take_matrix(x.rows, x.columns);
        f.map(order, &x.data, &mut y.data);
        y
    }

    fn multiply(&mut self, mut a: Matrix<T>, b: &Matrix<T>) -> Matrix<T> {
        let length = b.data.len().max(1);
        a.data.chunks_exact_mut(length).for_each(|a| a.iter_mut().zip(&b.data).for_each(|(a, &b)| *a *= b));
        a
    }

    fn add(&mut self, mut a: Matrix<T>, b: &Matrix<T>) -> Matrix<T> {
        let length = b.data.len().max(1);
        a.data.chunks_exact_mut(length).for_each(|a| a.iter_mut().zip(&b.data).for_each(|(a, &b)| *a += b));
        a
    }

    fn negate(&mut self, mut a: Matrix<T>) -> Matrix<T> {
        a.data.iter_mut().for_each(|a| *a = -*a);
        a
    }

    fn copy(&mut self, x: &Matrix<T>) -> Matrix<T> {
        self.pool.copy(x)
    }

    fn mean(&mut self, x: &Matrix<T>) -> Matrix<T> {
        let mut mean = self.pool.take_matrix(x.rows, 1);
        sum_columns(&x.data, &mut mean.data);
        let weight = T::from_f64(1.0 / x.columns as f64);
        mean.data.iter_mut().for_each(|m| *m *= weight);
        mean
    }

    fn parameter(&mut self, range: &Range<usize>) -> Matrix<T> {
        let mut tensor = self.pool.take_matrix(range.len(), 1);
        tensor.data.copy_from_slice(&self.theta[range.clone()]);
        tensor
    }

    fn constant(&mut self, values: &[f64]) -> Matrix<T> {
        let mut tensor = self.pool.take_matrix(values.len(), 1);
        tensor.data.iter_mut().zip(values).for_each(|(t, &v)| *t = T::from_f64(v));
        tensor
    }

    fn parameter_gradient(&mut self, range: &Range<usize>, delta: &Matrix<T>) {
        let p = self.theta.len();
        let ties = self.ties;
        match target(&mut self.sink, &mut self.formed) {
            Sink::None => {}
            Sink::Sum(gradient) if !ties => sum_columns(&delta.data, &mut gradient[range.clone()]),
            Sink::Sum(gradient) | Sink::Add(gradient) => {
                add_columns(&delta.data, range.len(), 0, &mut gradient[range.clone()]);
            }
            Sink::PerSample(gradients) => {
                let own = delta.data.len() / (gradients.len() / p);
                for (g, delta) in gradients.chunks_exact_mut(p).zip(delta.data.chunks_exact(own)) {
                    let g = &mut g[range.clone()];
                    if ties { add_columns(delta, g.len(), 0, g) } else { sum_columns(delta, g) }
                }
            }
            Sink::SquaredNorms(norms) => {
                let own = delta.data.len() / norms.len();
                let mut sum = self.pool.take(range.len());
                for (norm, delta) in norms.iter_mut().zip(delta.data.chunks_exact(own)) {
                    sum_columns(delta, &mut sum);
                    *norm += squared_norm(&sum);
                }
                self.pool.give(sum);
            }
        }
    }

    fn per_sample<const M: usize>(&mut self, x: [&Matrix<T>; M], map: &impl ColumnMap<T, M>) -> Matrix<T> {
        let mut y = self.pool.take_matrix(x[0].rows, x[0].columns);
        let rows = y.rows;
        for (n, y) in y.data.chunks_exact_mut(rows).enumerate() {
            map.value(n, x.map(|x| x.column(n)), y);
        }
        y
    }

    fn per_image(&mut self, map: &impl ImageMap<T>, x: &Matrix<T>) -> Matrix<T> {
        let (rows, columns) = output_size(map, x);
        let mut y = self.pool.take_matrix(rows, columns);
        apply_to_all(map, &x.data, &mut y.data, 1);
        y
    }

    fn max_pool(&mut self, window: &Window, x: &Matrix<T>) -> Matrix<T> {
        let places = window.output(window.input.channels).pixels();
        let mut y = self.pool.take_matrix(x.rows, x.columns / window.input.pixels() * places);
        largest(window, &x.data, &mut y.data);
        y
    }

    fn max_pool_transposed(&mut self, window: &Window, delta: &Matrix<T>, x: &Matrix<T>) -> Matrix<T> {
        let mut y = self.pool.take_matrix(x.rows, x.columns);
        give_back_values(window, &x.data, &delta.data, &mut y.data, self.pool);
        y
    }

    fn regroup(&mut self, mut x: Matrix<T>, rows: usize) -> Matrix<T> {
        x.columns = x.data.len() / rows.max(1);
        x.rows = rows;
        x
    }

    fn contract(&mut self, map: &Contraction, a: &Matrix<T>, b: &Matrix<T>, fold: bool) -> Matrix<T> {
        general::contract(self, map, a, b, fold)
    }

    fn join(&mut self, join: &Join, x: &[&Matrix<T>]) -> Matrix<T> {
        general::join(self, join, x)
    }

    fn total(&mut self, x: &Matrix<T>, own: usize) -> Matrix<T> {
        general::total(self, x, own)
    }

    fn masked(&mut self, mut a: Matrix<T>, mask: &Matrix<T>) -> Matrix<T> {
        general::mask(&mut a.data, mask, 1, a.columns);
        a
    }

    fn order(&mut self, mut a: Matrix<T>, b: &Matrix<T>) -> Matrix<T> {
        general::compare(&mut a.data, &b.data);
        a
    }

    fn choose(&mut self, regions: &Regions, x: &Matrix<T>, by: &Matrix<T>) -> Matrix<T> {
        general::choose(self, regions, x, by)
    }

    fn choose_transposed(&mut self, regions: &Regions, delta: &Matrix<T>, by: &Matrix<T>) -> Matrix<T> {
        general::choose_transposed(self, regions, delta, by)
    }

    fn look_up(&mut self, table: &Matrix<T>, ids: &Matrix<T>, row: usize) -> Matrix<T> {
        general::look_up(self, table, ids, row)
    }

    fn look_up_transposed(&mut self, delta: &Matrix<T>, ids: &Matrix<T>, shape: [usize; 2], fold: bool) -> Matrix<T> {
        general::look_up_transposed(self, delta, ids, shape, fold)
    }

    fn expect_ties(&mut self) {
        let p = self.theta.len();
        self.ties = true;
        match &mut self.sink {
            Sink::None | Sink::Add(_) => {}
            Sink::Sum(gradients) | Sink::PerSample(gradients) => gradients.fill(T::ZERO),
            Sink::SquaredNorms(norms) => {
                let mut formed = self.pool.take(norms.len() * p);
                formed.fill(T::ZERO);
                self.formed = Some(formed);
            }
        }
    }

    fn end_reverse(&mut self) {
        let (p, formed) = (self.theta.len(), self.formed.take());
        if let (Some(formed), Sink::SquaredNorms(norms)) = (formed, &mut self.sink) {
            norms.iter_mut().zip(formed.chunks_exact(p.max(1))).for_each(|(norm, g)| *norm += squared_norm(g));
            self.pool.give(formed);
        }
    }

    fn recycle(&mut self, tensor: Matrix<T>) {
        self.pool.give(tensor.data);
    }
}

/// The place for gradients: the sink, or the gradients of single samples that are formed for their norms.
fn target<'s, T>(sink: &'s mut Sink<'_, T>, formed: &'s mut Option<Vec<T>>) -> Sink<'s, T> {
    match (sink, formed) {
        (_, Some(formed)) => Sink::PerSample(formed),
        (Sink::None, None) => Sink::None,
        (Sink::Sum(gradient), None) => Sink::Sum(gradient),
        (Sink::Add(gradient), None) => Sink::Add(gradient),
        (Sink::PerSample(gradients), None) => Sink::PerSample(gradients),
        (Sink::SquaredNorms(norms), None) => Sink::SquaredNorms(norms),
    }
}

/// The number of rows and columns of the result of `map` for the images of `x`.
pub(super) fn output_size<T: Scalar>(map: &impl ImageMap<T>, x: &Matrix<T>) -> (usize, usize) {
    let ((_, pixels_in), (rows, pixels)) = (map.input(), map.output());
    (rows, x.columns / pixels_in * pixels)
}

pub(super) fn squared_norm<T: Scalar>(v: &[T]) -> T {
    v.iter().map(|&v| v * v).sum()
}

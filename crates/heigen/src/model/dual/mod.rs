//! The dual carrier: values with K directional derivatives each.

mod affine;
mod general;
mod perturbed;

pub(crate) use perturbed::{Perturbed, squared_weights};

use super::image_maps::apply_to_all;
use super::max_pool::{Largest, largest};
use super::max_pool_2x2::Chosen;
use super::plain::{compare, output_size};
use super::{Algebra, ColumnMap, Contraction, Function, ImageMap, Join, Linear, Pool, Regions, Window};
use crate::linalg::{Matrix, Scalar, add_columns, sum_columns};
use faer::Par;
use std::ops::Range;

/// A tensor and its K tangents.
///
/// Tangents are stacked [features, K, columns] (features fastest), so that a product with a matrix that does not vary
/// is one product with [features, K * columns], and the products of K matrices with one that does not vary are one
/// product of the K matrices stacked on each other, [features * K, columns].
#[derive(Debug)]
pub struct DualTensor<T> {
    /// The values, [features, columns].
    pub value: Matrix<T>,
    /// The tangents, [features, K, columns]; `None` where the tensor does not vary.
    pub tangents: Option<Vec<T>>,
}

/// The carrier of values at theta with their derivatives along K directions.
#[derive(Debug)]
pub struct Dual<'a, T> {
    theta: &'a [T],
    /// The directions, [P, K], one after another.
    directions: &'a [T],
    k: usize,
    /// Receives the tangents of the gradient, which are the products H V, [P, K].
    out: Option<&'a mut [T]>,
    /// Whether the reverse pass is that of the network linearized at theta.
    linearized: bool,
    pool: &'a mut Pool<T>,
    par: Par,
}

impl<'a, T: Scalar> Dual<'a, T> {
    /// The carrier at `theta` `[P]` along `directions` [P, K] (column after column). A reverse pass adds the tangents
    /// of the gradient, the Hessian-vector products, to `out` [P, K].
    pub fn new(theta: &'a [T], directions: &'a [T], out: Option<&'a mut [T]>, pool: &'a mut Pool<T>, par: Par) -> Self {
        let k = if theta.is_empty() { 0 } else { directions.len() / theta.len() };
        Self { theta, directions, k, out, linearized: false, pool, par }
    }

    /// The carrier of tangents for the network linearized at `theta`. In the forward pass, the tangents of the outputs
    /// are J V as with [`Self::new`]. In the reverse pass, weights and activations are constants, so that it adds J^T D
    /// to `out`, where D are the tangents of the delta. The tape keeps values only.
    pub fn linearized(
        theta: &'a [T],
        directions: &'a [T],
        out: Option<&'a mut [T]>,
        pool: &'a mut Pool<T>,
        par: Par,
    ) -> Self {
        Self { linearized: true, ..Self::new(theta, directions, out, pool, par) }
    }

    /// Copies `x` into the pool's memory. It has no tangents, since inputs do not depend on theta.
    pub fn input(&mut self, x: &Matrix<T>) -> DualTensor<T> {
        DualTensor { value: self.pool.copy(x), tangents: None }
    }

    /// Copies some columns of `x` into the pool's memory, without tangents.
    pub fn input_columns(&mut self, x: &Matrix<T>, columns: Range<usize>) -> DualTensor<T> {
        let mut value = self.pool.take_matrix(x.rows, columns.len());
        value.data.copy_from_slice(&x.data[columns.start * x.rows..columns.end * x.rows]);
        DualTensor { value, tangents: None }
    }

    fn direction(&self, k: usize, range: &Range<usize>) -> &'a [T] {
        let p = self.theta.len();
        &self.directions[k * p + range.start..k * p + range.end]
    }

    /// Whether the parameters in `range` vary along one of the directions; also where there is no direction.
    fn varies(&self, range: &Range<usize>) -> bool {
        self.k == 0 || (0..self.k).any(|k| self.direction(k, range).iter().any(|&d| d != T::ZERO))
    }

    /// Zero tangents of a tensor with `length` numbers.
    fn zeros(&mut self, length: usize) -> Vec<T> {
        let mut zeros = self.pool.take(length * self.k);
        zeros.fill(T::ZERO);
        zeros
    }

    /// The tangents of y(x), by direction and column, where f is called as `f(tangent of x, value, tangent of y)`.
    fn along(&mut self, dx: &[T], value: &Matrix<T>, f: impl Fn(&[T], &[T], &mut [T])) -> Vec<T> {
        let mut dy = self.pool.take(dx.len());
        let rows = value.rows;
        let columns = dy.chunks_exact_mut(rows * self.k).zip(dx.chunks_exact(rows * self.k));
        for ((dy, dx), value) in columns.zip(value.iter_columns()) {
            for (dy, dx) in dy.chunks_exact_mut(rows).zip(dx.chunks_exact(rows)) {
                f(dx, value, dy);
            }
        }
        dy
    }
}

/// a += b, or a += s b, for columns of length `rows`; where `b` has only one set of K columns, it is used for all.
fn add_scaled<T: Scalar>(a: &mut [T], b: &[T], scale: Option<&Matrix<T>>, rows: usize, k: usize) {
    let own = rows * k;
    let (b_columns, a_columns) = (b.len() / own, a.len() / own);
    for (j, a) in a.chunks_exact_mut(own).enumerate() {
        let b = &b[if b_columns == a_columns { j * own } else { 0 }..][..own];
        match scale {
            None => a.iter_mut().zip(b).for_each(|(a, &b)| *a += b),
            Some(s) => {
                let s = s.column(if s.columns == a_columns { j } else { 0 });
                for (a, b) in a.chunks_exact_mut(rows).zip(b.chunks_exact(rows)) {
                    a.iter_mut().zip(b).zip(s).for_each(|((a, &b), &s)| *a += s * b);
                }
            }
        }
    }
}

impl<T: Scalar> Algebra for Dual<'_, T> {
    type Real = T;
    type Tensor = DualTensor<T>;

    fn affine(&mut self, layer: &Linear, x: &DualTensor<T>) -> DualTensor<T> {
        affine::affine(self, layer, x)
    }

    fn affine_transposed(&mut self, layer: &Linear, delta: &DualTensor<T>) -> DualTensor<T> {
        affine::affine_transposed(self, layer, delta)
    }

    fn affine_gradient(&mut self, layer: &Linear, delta: &DualTensor<T>, x: &DualTensor<T>) {
        affine::affine_gradient(self, layer, delta, x);
    }

    /// d f(x) = f'(x) * dx.
    fn elementwise(&mut self, f: Function, order: u8, x: &DualTensor<T>) -> DualTensor<T> {
        let mut value = self.pool.take_matrix(x.value.rows, x.value.columns);
        f.map(order, &x.value.data, &mut value.data);
        let tangents = match &x.tangents {
            Some(dx) if !f.vanishes(order + 1) => {
                let mut slope = self.pool.take_matrix(x.value.rows, x.value.columns);
                f.map(order + 1, &x.value.data, &mut slope.data);
                let dy = self.along(dx, &slope, |dx, slope, dy| {
                    dy.iter_mut().zip(dx).zip(slope).for_each(|((dy, &dx), &s)| *dy = s * dx);
                });
                self.pool.give(slope.data);
                Some(dy)
            }
            _ => None,
        };
        DualTensor { value, tangents }
    }

    /// d(a b) = da b + a db.
    fn multiply(&mut self, mut a: DualTensor<T>, b: &DualTensor<T>) -> DualTensor<T> {
        let (rows, of, columns) = (a.value.rows, self.k, a.value.columns);
        if let Some(da) = &mut a.tangents {
            for (j, da) in da.chunks_exact_mut(rows * of).enumerate() {
                let b = b.value.column(if b.value.columns == columns { j } else { 0 });
                for da in da.chunks_exact_mut(rows) {
                    da.iter_mut().zip(b).for_each(|(da, &b)| *da *= b);
                }
            }
        }
        if let Some(db) = &b.tangents {
            let mut da = match a.tangents.take() {
                Some(da) => da,
                None => self.zeros(rows * columns),
            };
            add_scaled(&mut da, db, Some(&a.value), rows, of);
            a.tangents = Some(da);
        }
        let length = b.value.data.len().max(1);
        a.value.data.chunks_exact_mut(length).for_each(|a| a.iter_mut().zip(&b.value.data).for_each(|(a, &b)| *a *= b));
        a
    }

    fn add(&mut self, mut a: DualTensor<T>, b: &DualTensor<T>) -> DualTensor<T> {
        if let Some(db) = &b.tangents {
            let mut da = match a.tangents.take() {
                Some(da) => da,
                None => self.zeros(a.value.data.len()),
            };
            add_scaled(&mut da, db, None, a.value.rows, self.k);
            a.tangents = Some(da);
        }
        let length = b.value.data.len().max(1);
        a.value.data.chunks_exact_mut(length).for_each(|a| a.iter_mut().zip(&b.value.data).for_each(|(a, &b)| *a += b));
        a
    }

    fn negate(&mut self, mut a: DualTensor<T>) -> DualTensor<T> {
        a.value.data.iter_mut().for_each(|a| *a = -*a);
        if let Some(da) = &mut a.tangents {
            da.iter_mut().for_each(|a| *a = -*a);
        }
        a
    }

    fn copy(&mut self, x: &DualTensor<T>) -> DualTensor<T> {
        let value = self.pool.copy(&x.value);
        let tangents = x.tangents.as_ref().map(|dx| {
            let mut copy = self.pool.take(dx.len());
            copy.copy_from_slice(dx);
            copy
        });
        DualTensor { value, tangents }
    }

    fn mean(&mut self, x: &DualTensor<T>) -> DualTensor<T> {
        let weight = T::from_f64(1.0 / x.value.columns as f64);
        let mut mean = |data: &[T], length: usize| {
            let mut mean = self.pool.take(length);
            sum_columns(data, &mut mean);
            mean.iter_mut().for_each(|m| *m *= weight);
            mean
        };
        let rows = x.value.rows;
        let value = Matrix { data: mean(&x.value.data, rows), rows, columns: 1 };
        let tangents = x.tangents.as_ref().map(|dx| mean(dx, rows * self.k));
        DualTensor { value, tangents }
    }

    fn parameter(&mut self, range: &Range<usize>) -> DualTensor<T> {
        let mut value = self.pool.take_matrix(range.len(), 1);
        value.data.copy_from_slice(&self.theta[range.clone()]);
        let mut tangents = self.pool.take(range.len() * self.k);
        for (k, d) in tangents.chunks_exact_mut(range.len()).enumerate() {
            d.copy_from_slice(self.direction(k, range));
        }
        DualTensor { value, tangents: Some(tangents) }
    }

    fn constant(&mut self, values: &[f64]) -> DualTensor<T> {
        let mut value = self.pool.take_matrix(values.len(), 1);
        value.data.iter_mut().zip(values).for_each(|(t, &v)| *t = T::from_f64(v));
        DualTensor { value, tangents: None }
    }

    fn parameter_gradient(&mut self, range: &Range<usize>, delta: &DualTensor<T>) {
        let (p, rows) = (self.theta.len(), range.len());
        let (Some(out), Some(d)) = (self.out.as_deref_mut(), &delta.tangents) else { return };
        for (i, out) in out.chunks_exact_mut(p).enumerate() {
            add_columns(d, rows * self.k, i * rows, &mut out[range.clone()]);
        }
    }

    fn per_sample<const M: usize>(&mut self, x: [&DualTensor<T>; M], map: &impl ColumnMap<T, M>) -> DualTensor<T> {
        let (rows, n) = (x[0].value.rows, x[0].value.columns);
        let mut value = self.pool.take_matrix(rows, n);
        let mut tangents = self.pool.take(rows * self.k * n);
        let mut varies = false;
        for i in 0..n {
            let columns = x.map(|x| x.value.column(i));
            map.value(i, columns, value.column_mut(i));
            let at = i * rows * self.k..(i + 1) * rows * self.k;
            let dx = x.map(|x| x.tangents.as_ref().map(|t| &t[at.clone()]));
            varies = map.tangents(i, columns, dx, &mut tangents[at.clone()]);
        }
        let tangents = if varies {
            Some(tangents)
        } else {
            self.pool.give(tangents);
            None
        };
        DualTensor { value, tangents }
    }

    fn per_image(&mut self, map: &impl ImageMap<T>, x: &DualTensor<T>) -> DualTensor<T> {
        let (rows, columns) = output_size(map, &x.value);
        let mut value = self.pool.take_matrix(rows, columns);
        apply_to_all(map, &x.value.data, &mut value.data, 1);
        let tangents = x.tangents.as_ref().map(|dx| {
            let mut dy = self.pool.take(rows * columns * self.k);
            apply_to_all(map, dx, &mut dy, self.k);
            dy
        });
        DualTensor { value, tangents }
    }

    fn max_pool(&mut self, window: &Window, x: &DualTensor<T>) -> DualTensor<T> {
        self.chosen(window, x, x, false)
    }

    fn max_pool_transposed(&mut self, window: &Window, delta: &DualTensor<T>, x: &DualTensor<T>) -> DualTensor<T> {
        self.chosen(window, delta, x, true)
    }

    fn regroup(&mut self, x: DualTensor<T>, rows: usize) -> DualTensor<T> {
        general::regroup(self, x, rows)
    }

    fn contract(&mut self, map: &Contraction, a: &DualTensor<T>, b: &DualTensor<T>, fold: bool) -> DualTensor<T> {
        general::contract(self, map, a, b, fold)
    }

    fn join(&mut self, join: &Join, x: &[&DualTensor<T>]) -> DualTensor<T> {
        general::join(self, join, x)
    }

    fn total(&mut self, x: &DualTensor<T>, _own: usize) -> DualTensor<T> {
        general::total(self, x)
    }

    fn masked(&mut self, a: DualTensor<T>, mask: &DualTensor<T>) -> DualTensor<T> {
        general::masked(self, a, mask)
    }

    fn order(&mut self, mut a: DualTensor<T>, b: &DualTensor<T>) -> DualTensor<T> {
        compare(&mut a.value.data, &b.value.data);
        if let Some(tangents) = a.tangents.take() {
            self.pool.give(tangents);
        }
        a
    }

    fn choose(&mut self, regions: &Regions, x: &DualTensor<T>, by: &DualTensor<T>) -> DualTensor<T> {
        general::choose(self, regions, x, by, false)
    }

    fn choose_transposed(&mut self, regions: &Regions, delta: &DualTensor<T>, by: &DualTensor<T>) -> DualTensor<T> {
        general::choose(self, regions, delta, by, true)
    }

    fn look_up(&mut self, table: &DualTensor<T>, ids: &DualTensor<T>, row: usize) -> DualTensor<T> {
        general::look_up(self, table, ids, row)
    }

    fn look_up_transposed(
        &mut self,
        delta: &DualTensor<T>,
        ids: &DualTensor<T>,
        shape: [usize; 2],
        fold: bool,
    ) -> DualTensor<T> {
        general::look_up_transposed(self, delta, ids, shape, fold)
    }

    fn keep(&mut self, mut tensor: DualTensor<T>) -> DualTensor<T> {
        if self.linearized
            && let Some(tangents) = tensor.tangents.take()
        {
            self.pool.give(tangents);
        }
        tensor
    }

    fn recycle(&mut self, tensor: DualTensor<T>) {
        self.pool.give(tensor.value.data);
        if let Some(tangents) = tensor.tangents {
            self.pool.give(tangents);
        }
    }
}

impl<T: Scalar> Dual<'_, T> {
    /// Takes the entries of `x` that are largest in `by`, place by place, or gives them back there. The choice is that
    /// of the value, and its derivative is zero almost everywhere.
    fn chosen(&mut self, window: &Window, x: &DualTensor<T>, by: &DualTensor<T>, transposed: bool) -> DualTensor<T> {
        let k = self.k;
        let (pixels, places) = (window.input.features(), window.output(window.input.channels).features());
        let (from, to) = if transposed { (places, pixels) } else { (pixels, places) };
        let samples = by.value.data.len() / pixels;
        let mut value = self.pool.take_matrix(by.value.rows, samples * to / by.value.rows);
        let mut tangents = x.tangents.as_ref().map(|_| self.pool.take(samples * to * k));
        if let Some(map) = Chosen::by(window, &by.value.data) {
            let apply =
                |x: &[T], y: &mut [T], k: usize| if transposed { map.give_back(x, y, k) } else { map.take(x, y, k) };
            apply(&x.value.data, &mut value.data, 1);
            if let (Some(dx), Some(dy)) = (&x.tangents, &mut tangents) {
                apply(dx, dy, k);
            }
            return DualTensor { value, tangents };
        }
        let mut tops = self.pool.take(places);
        let mut map = Largest::new(window);
        for n in 0..samples {
            let image = &by.value.data[n * pixels..(n + 1) * pixels];
            largest(window, image, &mut tops);
            map.choose(image, &tops);
            let apply = |x: &[T], y: &mut [T], k: usize| {
                let (x, y) = (&x[n * from * k..(n + 1) * from * k], &mut y[n * to * k..(n + 1) * to * k]);
                if transposed { map.give_back(x, y, k) } else { map.take(x, y, k) }
            };
            apply(&x.value.data, &mut value.data, 1);
            if let (Some(dx), Some(dy)) = (&x.tangents, &mut tangents) {
                apply(dx, dy, k);
            }
        }
        self.pool.give(tops);
        DualTensor { value, tangents }
    }
}

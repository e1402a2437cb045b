//! The dual carrier: values with K directional derivatives each.

use super::plain::{map, weight_matrix, weight_matrix_mut};
use super::{Algebra, ColumnMap, Pool};
use crate::config::Activation;
use crate::linalg::{Matrix, Scalar, add_product, product};
use faer::{MatMut, MatRef, Par};
use std::ops::Range;

/// A tensor and its K tangents.
///
/// Tangents are stacked [features, K, samples] (features fastest), so that a product with a matrix that does not vary
/// is one product with [features, K * samples], and direction k is a matrix [features, samples] with a column stride.
#[derive(Debug)]
pub struct DualTensor<T> {
    /// [features, samples].
    pub value: Matrix<T>,
    /// [features, K, samples]; `None` where the tensor does not vary.
    pub tangents: Option<Vec<T>>,
}

/// Values at theta and derivatives along K directions at once.
#[derive(Debug)]
pub struct Dual<'a, T> {
    theta: &'a [T],
    /// [P, K], direction after direction.
    directions: &'a [T],
    k: usize,
    /// Receives the tangents of the gradient, [P, K]: H V.
    out: Option<&'a mut [T]>,
    /// Whether the reverse pass is that of the network linearized at theta.
    linearized: bool,
    pool: &'a mut Pool<T>,
    par: Par,
}

impl<'a, T: Scalar> Dual<'a, T> {
    /// At `theta` `[P]` along `directions` [P, K] (column after column); a reverse pass writes the tangents of the
    /// gradient, the Hessian-vector products, to `out` [P, K].
    pub fn new(theta: &'a [T], directions: &'a [T], out: Option<&'a mut [T]>, pool: &'a mut Pool<T>, par: Par) -> Self {
        let k = if theta.is_empty() { 0 } else { directions.len() / theta.len() };
        Self { theta, directions, k, out, linearized: false, pool, par }
    }

    /// The same of the network linearized at `theta`: forward, the tangents of the outputs are J V as ever; but weights
    /// and activations of the reverse pass are constants, so that it takes tangents D of the delta to J^T D in `out`.
    /// The tape keeps values only.
    pub fn linearized(
        theta: &'a [T],
        directions: &'a [T],
        out: Option<&'a mut [T]>,
        pool: &'a mut Pool<T>,
        par: Par,
    ) -> Self {
        Self { linearized: true, ..Self::new(theta, directions, out, pool, par) }
    }

    /// `x` in the pool's memory, without tangents: inputs do not depend on theta.
    pub fn input(&mut self, x: &Matrix<T>) -> DualTensor<T> {
        let mut value = self.pool.take_matrix(x.rows, x.columns);
        value.data.copy_from_slice(&x.data);
        DualTensor { value, tangents: None }
    }

    fn direction(&self, k: usize, range: &Range<usize>) -> &'a [T] {
        let p = self.theta.len();
        &self.directions[k * p + range.start..k * p + range.end]
    }
}

/// Direction k of tangents [rows, K, columns].
fn direction_of<T: Scalar>(tangents: &[T], rows: usize, k: usize, of: usize, columns: usize) -> MatRef<'_, T> {
    let end = if columns == 0 { k * rows } else { (columns - 1) * of * rows + (k + 1) * rows };
    MatRef::from_column_major_slice_with_stride(&tangents[k * rows..end], rows, columns, of * rows)
}

fn direction_of_mut<T: Scalar>(tangents: &mut [T], rows: usize, k: usize, of: usize, columns: usize) -> MatMut<'_, T> {
    let end = if columns == 0 { k * rows } else { (columns - 1) * of * rows + (k + 1) * rows };
    MatMut::from_column_major_slice_with_stride_mut(&mut tangents[k * rows..end], rows, columns, of * rows)
}

impl<T: Scalar> Algebra for Dual<'_, T> {
    type Real = T;
    type Tensor = DualTensor<T>;

    /// d(W x + b) = W dx + dW x + db.
    fn affine(&mut self, weight: &Range<usize>, bias: &Range<usize>, x: &DualTensor<T>) -> DualTensor<T> {
        let (rows, n) = (bias.len(), x.value.columns);
        let w = weight_matrix(&self.theta[weight.clone()], rows);
        let mut value = self.pool.take_matrix(rows, n);
        product(value.as_mut(), w, x.value.as_ref(), self.par);
        let b = &self.theta[bias.clone()];
        value.data.chunks_exact_mut(rows).for_each(|c| c.iter_mut().zip(b).for_each(|(y, &b)| *y += b));

        // Starts as db, so that the bias costs no pass of its own.
        let mut tangents = self.pool.take(rows * self.k * n);
        if let Some((first, others)) = tangents.split_at_mut_checked(rows * self.k) {
            for (k, dy) in first.chunks_exact_mut(rows).enumerate() {
                dy.copy_from_slice(self.direction(k, bias));
            }
            others.chunks_exact_mut(rows * self.k).for_each(|sample| sample.copy_from_slice(first));
        }
        if let Some(dx) = &x.tangents {
            let dx = MatRef::from_column_major_slice(dx, x.value.rows, self.k * n);
            let all = MatMut::from_column_major_slice_mut(&mut tangents, rows, self.k * n);
            add_product(all, w, dx, self.par);
        }
        for k in 0..self.k {
            let dw = weight_matrix(self.direction(k, weight), rows);
            let dy = direction_of_mut(&mut tangents, rows, k, self.k, n);
            add_product(dy, dw, x.value.as_ref(), self.par);
        }
        DualTensor { value, tangents: Some(tangents) }
    }

    /// d(W^T delta) = W^T d(delta) + dW^T delta, without the second term if linearized.
    fn affine_transposed(&mut self, weight: &Range<usize>, delta: &DualTensor<T>) -> DualTensor<T> {
        let (out, n) = (delta.value.rows, delta.value.columns);
        let w = weight_matrix(&self.theta[weight.clone()], out);
        let rows = w.ncols();
        let mut value = self.pool.take_matrix(rows, n);
        product(value.as_mut(), w.transpose(), delta.value.as_ref(), self.par);

        if self.linearized && delta.tangents.is_none() {
            return DualTensor { value, tangents: None };
        }
        let mut tangents = self.pool.take(rows * self.k * n);
        let add = delta.tangents.is_some();
        if let Some(d) = &delta.tangents {
            let d = MatRef::from_column_major_slice(d, out, self.k * n);
            let all = MatMut::from_column_major_slice_mut(&mut tangents, rows, self.k * n);
            product(all, w.transpose(), d, self.par);
        }
        let varying = if self.linearized { 0 } else { self.k };
        for k in 0..varying {
            let dw = weight_matrix(self.direction(k, weight), out).transpose();
            let dx = direction_of_mut(&mut tangents, rows, k, self.k, n);
            if add {
                add_product(dx, dw, delta.value.as_ref(), self.par);
            } else {
                product(dx, dw, delta.value.as_ref(), self.par);
            }
        }
        DualTensor { value, tangents: Some(tangents) }
    }

    /// d(delta x^T) = d(delta) x^T + delta dx^T, direction by direction straight into H V.
    fn affine_gradient(
        &mut self,
        weight: &Range<usize>,
        bias: &Range<usize>,
        delta: &DualTensor<T>,
        x: &DualTensor<T>,
    ) {
        let Some(out) = self.out.as_deref_mut() else { return };
        let (p, of, n) = (self.theta.len(), self.k, x.value.columns);
        let rows = delta.value.rows;
        for (k, out) in out.chunks_exact_mut(p).enumerate() {
            let dw = &mut out[weight.clone()];
            if delta.tangents.is_none() {
                dw.fill(T::ZERO);
            }
            if let Some(d) = &delta.tangents {
                let d = direction_of(d, rows, k, of, n);
                product(weight_matrix_mut(dw, rows), d, x.value.as_ref().transpose(), self.par);
            }
            if let Some(dx) = &x.tangents {
                let dx = direction_of(dx, x.value.rows, k, of, n);
                add_product(weight_matrix_mut(dw, rows), delta.value.as_ref(), dx.transpose(), self.par);
            }
            let db = &mut out[bias.clone()];
            db.fill(T::ZERO);
            if let Some(d) = &delta.tangents {
                for sample in d.chunks_exact(rows * of) {
                    db.iter_mut().zip(&sample[k * rows..]).for_each(|(db, &d)| *db += d);
                }
            }
        }
    }

    /// d f(x) = f'(x) * dx.
    fn elementwise(&mut self, f: Activation, order: u8, x: &DualTensor<T>) -> DualTensor<T> {
        let mut value = self.pool.take_matrix(x.value.rows, x.value.columns);
        map(f, order, &x.value.data, &mut value.data);
        let tangents = match &x.tangents {
            Some(dx) if !f.vanishes(order + 1) => {
                let mut slope = self.pool.take_matrix(x.value.rows, x.value.columns);
                map(f, order + 1, &x.value.data, &mut slope.data);
                let mut tangents = self.pool.take(dx.len());
                let rows = slope.rows;
                let samples = tangents.chunks_exact_mut(rows * self.k).zip(dx.chunks_exact(rows * self.k));
                for ((dy, dx), slope) in samples.zip(slope.iter_columns()) {
                    for (dy, dx) in dy.chunks_exact_mut(rows).zip(dx.chunks_exact(rows)) {
                        for ((dy, &dx), &s) in dy.iter_mut().zip(dx).zip(slope) {
                            *dy = s * dx;
                        }
                    }
                }
                self.pool.give(slope.data);
                Some(tangents)
            }
            _ => None,
        };
        DualTensor { value, tangents }
    }

    /// d(a b) = da b + a db.
    fn multiply(&mut self, mut a: DualTensor<T>, b: &DualTensor<T>) -> DualTensor<T> {
        let (rows, of) = (a.value.rows, self.k);
        if let Some(da) = &mut a.tangents {
            for (da, b) in da.chunks_exact_mut(rows * of).zip(b.value.iter_columns()) {
                for da in da.chunks_exact_mut(rows) {
                    da.iter_mut().zip(b).for_each(|(da, &b)| *da *= b);
                }
            }
        }
        if let Some(db) = &b.tangents {
            let da = a.tangents.get_or_insert_with(|| {
                let mut zeros = self.pool.take(db.len());
                zeros.fill(T::ZERO);
                zeros
            });
            let samples = da.chunks_exact_mut(rows * of).zip(db.chunks_exact(rows * of));
            for ((da, db), a) in samples.zip(a.value.iter_columns()) {
                for (da, db) in da.chunks_exact_mut(rows).zip(db.chunks_exact(rows)) {
                    for ((da, &db), &a) in da.iter_mut().zip(db).zip(a) {
                        *da += a * db;
                    }
                }
            }
        }
        a.value.data.iter_mut().zip(&b.value.data).for_each(|(a, &b)| *a *= b);
        a
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

//! A column-major matrix in one vector, and its products.

use super::Scalar;
use faer::{Accum, MatMut, MatRef, Par};

/// A dense matrix, column after column: entry (i, j) is `data[i + j * rows]`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Matrix<T> {
    /// Entries, `rows * columns` of them.
    pub data: Vec<T>,
    /// Number of rows.
    pub rows: usize,
    /// Number of columns.
    pub columns: usize,
}

impl<T: Scalar> Matrix<T> {
    /// All entries zero.
    pub fn zeros(rows: usize, columns: usize) -> Self {
        Self { data: vec![T::ZERO; rows * columns], rows, columns }
    }

    /// Entry (i, j) is `f(i, j)`.
    pub fn from_fn(rows: usize, columns: usize, f: impl Fn(usize, usize) -> T) -> Self {
        let mut data = Vec::with_capacity(rows * columns);
        for j in 0..columns {
            data.extend((0..rows).map(|i| f(i, j)));
        }
        Self { data, rows, columns }
    }

    /// Column after column of float32 values, converted exactly: samples [N, d] in row-major order become [d, N].
    pub fn from_f32(values: &[f32], rows: usize) -> Self {
        let data: Vec<T> = values.iter().map(|&x| T::from_f32(x)).collect();
        Self { columns: data.len().checked_div(rows).unwrap_or(0), data, rows }
    }

    /// faer's view of it.
    pub fn as_ref(&self) -> MatRef<'_, T> {
        MatRef::from_column_major_slice(&self.data, self.rows, self.columns)
    }

    /// faer's mutable view of it.
    pub fn as_mut(&mut self) -> MatMut<'_, T> {
        MatMut::from_column_major_slice_mut(&mut self.data, self.rows, self.columns)
    }

    /// Column j.
    pub fn column(&self, j: usize) -> &[T] {
        &self.data[j * self.rows..(j + 1) * self.rows]
    }

    /// Column j, mutable.
    pub fn column_mut(&mut self, j: usize) -> &mut [T] {
        &mut self.data[j * self.rows..(j + 1) * self.rows]
    }

    /// The columns one after another; none where there are no rows.
    pub fn iter_columns(&self) -> impl ExactSizeIterator<Item = &[T]> {
        self.data.chunks_exact(self.rows.max(1))
    }

    /// The columns numbered `range` as a matrix of their own.
    pub fn columns(&self, range: std::ops::Range<usize>) -> Self {
        let data = self.data[range.start * self.rows..range.end * self.rows].to_vec();
        Self { data, rows: self.rows, columns: range.len() }
    }

    /// The matrix product A^T B of A = `self` and B, [columns of A, columns of B].
    pub fn transposed_product(&self, b: &Self) -> Self {
        let mut out = Self::zeros(self.columns, b.columns);
        product(out.as_mut(), self.as_ref().transpose(), b.as_ref(), super::par());
        out
    }

    /// The Gram matrix A^T A of A = `self`, [columns, columns]; half the operations of a product, mirrored.
    pub fn gram(&self) -> Self {
        let n = self.columns;
        let mut out = Self::zeros(n, n);
        lower_gram(&mut out, self.as_ref(), super::par());
        out.mirror_lower();
        out
    }

    /// Copies the lower triangle of a square matrix to its upper one.
    pub fn mirror_lower(&mut self) {
        let n = self.rows;
        for j in 0..n {
            for i in j + 1..n {
                self.data[j + i * n] = self.data[i + j * n];
            }
        }
    }

    /// The given columns, in that order.
    pub fn select_columns(&self, columns: &[usize]) -> Self {
        let mut data = Vec::with_capacity(self.rows * columns.len());
        columns.iter().for_each(|&j| data.extend_from_slice(self.column(j)));
        Self { data, rows: self.rows, columns: columns.len() }
    }

    /// Whether no entry is infinite or NaN.
    pub fn is_finite(&self) -> bool {
        self.data.iter().all(|x| x.is_finite())
    }
}

/// `out = a * b`.
#[inline]
pub fn product<T: Scalar>(out: MatMut<'_, T>, a: MatRef<'_, T>, b: MatRef<'_, T>, par: Par) {
    T::matmul(out, Accum::Replace, a, b, T::ONE, par);
}

/// `out += a * b`.
#[inline]
pub fn add_product<T: Scalar>(out: MatMut<'_, T>, a: MatRef<'_, T>, b: MatRef<'_, T>, par: Par) {
    T::matmul(out, Accum::Add, a, b, T::ONE, par);
}

/// `out -= a * b`.
#[inline]
pub fn subtract_product<T: Scalar>(out: MatMut<'_, T>, a: MatRef<'_, T>, b: MatRef<'_, T>, par: Par) {
    T::matmul(out, Accum::Add, a, b, -T::ONE, par);
}

/// A = (A + A^T) / 2, tile by tile so that the mirrored accesses stay in cache.
pub fn symmetrize<T: Scalar>(a: &mut Matrix<T>) {
    const TILE: usize = 64;
    let n = a.rows;
    let half = T::from_f64(0.5);
    for j0 in (0..n).step_by(TILE) {
        for i0 in (j0..n).step_by(TILE) {
            for j in j0..(j0 + TILE).min(n) {
                for i in i0.max(j + 1)..(i0 + TILE).min(n) {
                    let mean = half * (a.data[i + j * n] + a.data[j + i * n]);
                    a.data[i + j * n] = mean;
                    a.data[j + i * n] = mean;
                }
            }
        }
    }
}

/// The lower triangle of `out = a^T a`.
pub(super) fn lower_gram<T: Scalar>(out: &mut Matrix<T>, a: MatRef<'_, T>, par: Par) {
    T::lower_matmul(out.as_mut(), Accum::Replace, a.transpose(), a, T::ONE, par);
}

/// The lower triangle of `out += b b^T`.
pub fn add_outer<T: Scalar>(out: &mut Matrix<T>, b: &Matrix<T>) {
    T::lower_matmul(out.as_mut(), Accum::Add, b.as_ref(), b.as_ref().transpose(), T::ONE, super::par());
}

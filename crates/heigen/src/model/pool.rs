//! Buffers that are used again instead of being allocated.

use crate::linalg::{Matrix, Scalar};

/// A stack of buffers. After the first pass over a network every request is met without allocating.
#[derive(Debug, Default)]
pub struct Pool<T> {
    free: Vec<Vec<T>>,
}

impl<T: Scalar> Pool<T> {
    /// An empty pool.
    pub fn new() -> Self {
        Self { free: Vec::new() }
    }

    /// A buffer of `len` numbers with arbitrary content: the smallest free one that holds it.
    pub fn take(&mut self, len: usize) -> Vec<T> {
        let fitting = self.free.iter().enumerate().filter(|(_, b)| b.capacity() >= len);
        let mut buffer = match fitting.min_by_key(|(_, b)| b.capacity()) {
            Some((i, _)) => self.free.swap_remove(i),
            None => Vec::with_capacity(len),
        };
        buffer.resize(len, T::ZERO);
        buffer
    }

    /// A matrix with arbitrary content.
    pub fn take_matrix(&mut self, rows: usize, columns: usize) -> Matrix<T> {
        Matrix { data: self.take(rows * columns), rows, columns }
    }

    /// A copy of a matrix.
    pub fn copy(&mut self, x: &Matrix<T>) -> Matrix<T> {
        let mut copy = self.take_matrix(x.rows, x.columns);
        copy.data.copy_from_slice(&x.data);
        copy
    }

    /// Gives a buffer back.
    pub fn give(&mut self, buffer: Vec<T>) {
        self.free.push(buffer);
    }
}

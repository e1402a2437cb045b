//! The home of vectors: everything that a solver does to data of length P.

use crate::gram_schmidt::orthonormal;
use crate::linalg::Matrix;
use crate::{Failure, Law, Threads};
use std::ops::Range;

/// Some consecutive columns of a block, to be read.
#[derive(Debug)]
pub struct Columns<'a, B> {
    /// The block.
    pub block: &'a B,
    /// Which of its columns.
    pub range: Range<usize>,
}

impl<B> Clone for Columns<'_, B> {
    fn clone(&self) -> Self {
        Self { block: self.block, range: self.range.clone() }
    }
}

impl<B> Columns<'_, B> {
    /// Number of columns.
    pub fn len(&self) -> usize {
        self.range.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.range.is_empty()
    }
}

/// A vector space R^P whose vectors live in some memory: of the host, of a GPU, spread over machines.
///
/// Solvers hold blocks of vectors [P, k] and touch them by these operations only. Small matrices, whose size depends on
/// numbers of columns alone, are in host memory and in float64.
///
/// All operations are deterministic, and sums over the P rows belong to fixed tiles of rows, so that they do not depend on
/// how many pieces the rows lie in. Each may fail with [`Failure::Operator`] where its memory or device does.
///
/// Operations are called on the solver's thread, one at a time.
pub trait Space: Clone + 'static {
    /// A block of vectors [P, k].
    type Block;

    /// P, the length of a vector.
    fn len(&self) -> usize;

    /// Whether vectors have no entries.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The distance from 1 to the next larger number of the entries' type: 2^-52 for float64, 2^-23 for float32.
    fn epsilon(&self) -> f64;

    /// Bytes of an entry, for estimates of memory.
    fn entry_bytes(&self) -> usize {
        if self.epsilon() < 1e-12 { 8 } else { 4 }
    }

    /// The threads that small matrices of this space's solvers are worked on.
    fn threads(&self) -> Threads {
        Threads::current()
    }

    /// k, the number of columns of a block.
    fn columns(&self, block: &Self::Block) -> usize;

    /// All columns of a block.
    fn all<'a>(&self, block: &'a Self::Block) -> Columns<'a, Self::Block> {
        Columns { block, range: 0..self.columns(block) }
    }

    /// A block [P, k] of zeros.
    ///
    /// # Errors
    /// [`Failure`] as described for the trait; so for all operations below.
    fn zeros(&self, columns: usize) -> Result<Self::Block, Failure>;

    /// Columns `columns` of the random matrix of `seed`, as [`random_entries`](crate::random_entries) defines it.
    ///
    /// # Errors
    /// [`Failure`]
    fn random(&self, seed: u64, columns: Range<u64>, law: Law) -> Result<Self::Block, Failure>;

    /// A block of the given columns, in that order.
    ///
    /// # Errors
    /// [`Failure`]
    fn select(&self, block: &Self::Block, columns: &[usize]) -> Result<Self::Block, Failure>;

    /// A block of some consecutive columns.
    ///
    /// # Errors
    /// [`Failure`]
    fn copy(&self, columns: Columns<'_, Self::Block>) -> Result<Self::Block, Failure> {
        self.select(columns.block, &columns.range.collect::<Vec<_>>())
    }

    /// Appends columns to a block.
    ///
    /// # Errors
    /// [`Failure`]
    fn append(&self, block: &mut Self::Block, more: Columns<'_, Self::Block>) -> Result<(), Failure>;

    /// The matrix product A^T B, [columns of A, columns of B]; of a block with itself symmetric to the bit.
    ///
    /// # Errors
    /// [`Failure`]
    fn gram(&self, a: Columns<'_, Self::Block>, b: Columns<'_, Self::Block>) -> Result<Matrix<f64>, Failure>;

    /// [`Space::gram`] of several pairs of blocks; a home that gains by it does them together.
    ///
    /// # Errors
    /// [`Failure`]
    fn gram_each(
        &self,
        a: &[Columns<'_, Self::Block>],
        b: &[Columns<'_, Self::Block>],
    ) -> Result<Vec<Matrix<f64>>, Failure> {
        a.iter().zip(b).map(|(a, b)| self.gram(a.clone(), b.clone())).collect()
    }

    /// a_j^T b_j for every pair of columns.
    ///
    /// # Errors
    /// [`Failure`]
    fn dots(&self, a: Columns<'_, Self::Block>, b: Columns<'_, Self::Block>) -> Result<Vec<f64>, Failure>;

    /// The Euclidean norm of every column.
    ///
    /// # Errors
    /// [`Failure`]
    fn norms(&self, a: Columns<'_, Self::Block>) -> Result<Vec<f64>, Failure> {
        Ok(self.dots(a.clone(), a)?.into_iter().map(f64::sqrt).collect())
    }

    /// Whether no entry is infinite or NaN.
    ///
    /// # Errors
    /// [`Failure`]
    fn is_finite(&self, a: Columns<'_, Self::Block>) -> Result<bool, Failure>;

    /// `y = alpha a s + beta y` with a [P, m], s [m, k] and y [P, k]; where beta is 0, nothing is read from y.
    ///
    /// # Errors
    /// [`Failure`]
    fn combine(
        &self,
        alpha: f64,
        a: Columns<'_, Self::Block>,
        s: &Matrix<f64>,
        beta: f64,
        y: &mut Self::Block,
    ) -> Result<(), Failure>;

    /// `y_i += alpha a_i s_i`, where the columns of y are split, one group after another, by the columns of the s_i.
    ///
    /// # Errors
    /// [`Failure`]
    fn combine_each(
        &self,
        alpha: f64,
        a: &[Columns<'_, Self::Block>],
        s: &[Matrix<f64>],
        y: &mut Self::Block,
    ) -> Result<(), Failure>;

    /// Multiplies every column by its factor.
    ///
    /// # Errors
    /// [`Failure`]
    fn scale_columns(&self, a: &mut Self::Block, factors: &[f64]) -> Result<(), Failure>;

    /// `y_j += factor_j x_j` for every column.
    ///
    /// # Errors
    /// [`Failure`]
    fn add_scaled(&self, factors: &[f64], x: Columns<'_, Self::Block>, y: &mut Self::Block) -> Result<(), Failure>;

    /// `y += a * b`, entry by entry.
    ///
    /// # Errors
    /// [`Failure`]
    fn multiply_add(
        &self,
        a: Columns<'_, Self::Block>,
        b: Columns<'_, Self::Block>,
        y: &mut Self::Block,
    ) -> Result<(), Failure>;

    /// The home of vectors that hold only the rows of some ranges, which are ascending and disjoint.
    ///
    /// # Errors
    /// [`Failure`]
    fn of_rows(&self, ranges: &[Range<usize>]) -> Result<Self, Failure>;

    /// Rows `ranges` of a block, as a block of [`Space::of_rows`].
    ///
    /// # Errors
    /// [`Failure`]
    fn gather_rows(&self, block: &Self::Block, ranges: &[Range<usize>]) -> Result<Self::Block, Failure>;

    /// A block of this space from one of [`Space::of_rows`], zero in all other rows.
    ///
    /// # Errors
    /// [`Failure`]
    fn scatter_rows(&self, rows: &Self::Block, ranges: &[Range<usize>]) -> Result<Self::Block, Failure>;

    /// The entry of largest magnitude of every column with its sign; the first one of several. 0 where all are 0.
    ///
    /// # Errors
    /// [`Failure`]
    fn largest_entries(&self, a: Columns<'_, Self::Block>) -> Result<Vec<f64>, Failure>;

    /// Rows `rows` of a block in host memory.
    ///
    /// # Errors
    /// [`Failure`]
    fn to_host(&self, a: Columns<'_, Self::Block>, rows: Range<usize>) -> Result<Matrix<f64>, Failure>;

    /// A block of entries [P, k] in host memory, rounded to this home's type.
    ///
    /// # Errors
    /// [`Failure`]
    fn to_home(&self, a: Matrix<f64>) -> Result<Self::Block, Failure>;

    /// Replaces the columns of a block by an orthonormal basis of their span, without directions whose share of the block
    /// is at most `drop` (a norm): fewer columns than before, possibly none.
    ///
    /// # Errors
    /// [`Failure`]
    fn orthonormalize(&self, a: &mut Self::Block, drop: f64) -> Result<(), Failure> {
        let block = std::mem::replace(a, self.zeros(0)?);
        *a = orthonormal(self, block, None, drop)?.block;
        Ok(())
    }
}

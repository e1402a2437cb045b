//! The home of vectors: everything that a solver does to data of length P.

use crate::gram_schmidt::orthonormal;
use crate::linalg::{Matrix, SQUARES, exponent, times_power_of_two};
use crate::{Failure, Law, Threads};
use std::ops::Range;

/// Some consecutive columns of a block, to be read.
#[derive(Debug)]
pub struct Columns<'a, B> {
    /// The block.
    pub block: &'a B,
    /// The numbers of the columns, counted from 0.
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

    /// Whether there are no columns.
    pub fn is_empty(&self) -> bool {
        self.range.is_empty()
    }
}

/// A vector space R^P whose vectors live in some memory: that of the host, that of a GPU, or spread over machines.
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

    /// The home of the same vectors in a coarser type of numbers, in which work is cheaper; the home itself where there is none.
    type Coarse: Space;

    /// A block of [`Space::Coarse`] as a block of this home, the same numbers.
    ///
    /// # Errors
    /// [`Failure`] if the home of the vectors cannot do it.
    fn refined(&self, block: &<Self::Coarse as Space>::Block) -> Result<Self::Block, Failure>;

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

    /// Number of pieces, each with its own memory, that rows are spread over; 1 where vectors are whole.
    fn pieces(&self) -> usize {
        1
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
    /// [`Failure`] if the home of the vectors cannot do it, as the trait describes; so for all operations below.
    fn zeros(&self, columns: usize) -> Result<Self::Block, Failure>;

    /// The columns numbered `columns` of the random matrix of `seed`, as [`random_entries`](crate::random_entries)
    /// defines it.
    ///
    /// # Errors
    /// [`Failure`] if the home of the vectors cannot do it.
    fn random(&self, seed: u64, columns: Range<u64>, law: Law) -> Result<Self::Block, Failure>;

    /// A block of the given columns, in that order.
    ///
    /// # Errors
    /// [`Failure`] if the home of the vectors cannot do it.
    fn select(&self, block: &Self::Block, columns: &[usize]) -> Result<Self::Block, Failure>;

    /// A block of some consecutive columns.
    ///
    /// # Errors
    /// [`Failure`] if the home of the vectors cannot do it.
    fn copy(&self, columns: Columns<'_, Self::Block>) -> Result<Self::Block, Failure> {
        self.select(columns.block, &columns.range.collect::<Vec<_>>())
    }

    /// Appends columns to a block.
    ///
    /// # Errors
    /// [`Failure`] if the home of the vectors cannot do it.
    fn append(&self, block: &mut Self::Block, more: Columns<'_, Self::Block>) -> Result<(), Failure>;

    /// The matrix product A^T B, [columns of A, columns of B]; the product of a block with itself is symmetric to the
    /// bit.
    ///
    /// # Errors
    /// [`Failure`] if the home of the vectors cannot do it.
    fn gram(&self, a: Columns<'_, Self::Block>, b: Columns<'_, Self::Block>) -> Result<Matrix<f64>, Failure>;

    /// [`Space::gram`] of several pairs of blocks. A home that is faster with many pairs at a time overrides this
    /// method.
    ///
    /// # Errors
    /// [`Failure`] if the home of the vectors cannot do it.
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
    /// [`Failure`] if the home of the vectors cannot do it.
    fn dots(&self, a: Columns<'_, Self::Block>, b: Columns<'_, Self::Block>) -> Result<Vec<f64>, Failure>;

    /// The Euclidean norm of every column.
    ///
    /// # Errors
    /// [`Failure`] if the home of the vectors cannot do it.
    fn norms(&self, a: Columns<'_, Self::Block>) -> Result<Vec<f64>, Failure> {
        let squares = self.dots(a.clone(), a.clone())?;
        if squares.iter().all(|square| SQUARES.contains(square)) {
            return Ok(squares.into_iter().map(f64::sqrt).collect());
        }
        // Columns whose squares underflow or overflow are brought to entries near 1 by a power of two.
        let exponent = |x: f64| if x == 0.0 || !x.is_finite() { 0 } else { exponent(x) };
        let exponents: Vec<i32> = self.largest_entries(a.clone())?.into_iter().map(exponent).collect();
        if exponents.iter().all(|&e| e == 0) {
            return Ok(squares.into_iter().map(f64::sqrt).collect());
        }
        let mut scaled = self.copy(a)?;
        for part in [|e: i32| -e / 2, |e: i32| -e - -e / 2] {
            self.scale_columns(&mut scaled, &exponents.iter().map(|&e| 2f64.powi(part(e))).collect::<Vec<_>>())?;
        }
        let squares = self.dots(self.all(&scaled), self.all(&scaled))?;
        Ok(squares.iter().zip(exponents).map(|(square, e)| times_power_of_two(square.sqrt(), e)).collect())
    }

    /// Whether no entry is infinite or NaN.
    ///
    /// # Errors
    /// [`Failure`] if the home of the vectors cannot do it.
    fn is_finite(&self, a: Columns<'_, Self::Block>) -> Result<bool, Failure>;

    /// `y = alpha a s + beta y` with a [P, m], s [m, k] and y [P, k]; where beta is 0, nothing is read from y.
    ///
    /// # Errors
    /// [`Failure`] if the home of the vectors cannot do it.
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
    /// [`Failure`] if the home of the vectors cannot do it.
    fn combine_each(
        &self,
        alpha: f64,
        a: &[Columns<'_, Self::Block>],
        s: &[Matrix<f64>],
        y: &mut Self::Block,
    ) -> Result<(), Failure>;

    /// Multiplies every column of the block by its own factor: `a_j *= factors_j`.
    ///
    /// # Errors
    /// [`Failure`] if the home of the vectors cannot do it.
    fn scale_columns(&self, a: &mut Self::Block, factors: &[f64]) -> Result<(), Failure>;

    /// `y_j += factor_j x_j` for every column.
    ///
    /// # Errors
    /// [`Failure`] if the home of the vectors cannot do it.
    fn add_scaled(&self, factors: &[f64], x: Columns<'_, Self::Block>, y: &mut Self::Block) -> Result<(), Failure>;

    /// `y += a * b`, entry by entry.
    ///
    /// # Errors
    /// [`Failure`] if the home of the vectors cannot do it.
    fn multiply_add(
        &self,
        a: Columns<'_, Self::Block>,
        b: Columns<'_, Self::Block>,
        y: &mut Self::Block,
    ) -> Result<(), Failure>;

    /// The home of shorter vectors, which hold only the rows in `ranges`; the ranges are ascending and disjoint.
    ///
    /// # Errors
    /// [`Failure`] if the home of the vectors cannot do it.
    fn of_rows(&self, ranges: &[Range<usize>]) -> Result<Self, Failure>;

    /// The rows in `ranges` of a block, as a block of the home that [`Space::of_rows`] gives for these ranges.
    ///
    /// # Errors
    /// [`Failure`] if the home of the vectors cannot do it.
    fn gather_rows(&self, block: &Self::Block, ranges: &[Range<usize>]) -> Result<Self::Block, Failure>;

    /// The reverse of [`Space::gather_rows`]: a block of this space with the given `rows`, and zeros in all other rows.
    ///
    /// # Errors
    /// [`Failure`] if the home of the vectors cannot do it.
    fn scatter_rows(&self, rows: &Self::Block, ranges: &[Range<usize>]) -> Result<Self::Block, Failure>;

    /// For every column, its entry of largest magnitude, with its sign; the first such entry where several are equally
    /// large, and 0 where all entries are 0.
    ///
    /// # Errors
    /// [`Failure`] if the home of the vectors cannot do it.
    fn largest_entries(&self, a: Columns<'_, Self::Block>) -> Result<Vec<f64>, Failure>;

    /// The rows numbered `rows` of some columns, as a matrix in host memory.
    ///
    /// # Errors
    /// [`Failure`] if the home of the vectors cannot do it.
    fn to_host(&self, a: Columns<'_, Self::Block>, rows: Range<usize>) -> Result<Matrix<f64>, Failure>;

    /// A block of entries [P, k] in host memory, rounded to this home's type.
    ///
    /// # Errors
    /// [`Failure`] if the home of the vectors cannot do it.
    fn to_home(&self, a: Matrix<f64>) -> Result<Self::Block, Failure>;

    /// Replaces the columns of a block by an orthonormal basis of their span, without directions whose share of the block
    /// is at most `drop` (a norm): fewer columns than before, possibly none.
    ///
    /// # Errors
    /// [`Failure`] if the home of the vectors cannot do it.
    fn orthonormalize(&self, a: &mut Self::Block, drop: f64) -> Result<(), Failure> {
        let block = std::mem::replace(a, self.zeros(0)?);
        *a = orthonormal(self, block, None, drop)?.block;
        Ok(())
    }
}

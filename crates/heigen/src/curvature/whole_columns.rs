//! Work on whole columns of blocks whose rows may be spread over the pieces of a computation.

use super::{Columns, Failure, Host, Problem, Space, Spread};
use crate::linalg::{Matrix, Scalar};
use rayon::prelude::*;
use std::borrow::Cow;
use std::ops::Range;

/// A home of vectors whose blocks can be worked on column by column, each with all its rows.
///
/// Where the rows are spread ([`Spread`]), each piece gets some of the columns whole, works on them, and hands their rows back: twice
/// P / pieces numbers for each column, sent by every piece. What is done with a column depends on no other column, so that the bytes are
/// those of the host.
pub trait WholeColumns<T: Scalar>: Space<Block = Matrix<T>> {
    /// The rows that this piece has.
    fn own_rows(&self) -> Range<usize>;

    /// Some columns with all their rows, on every piece.
    ///
    /// # Errors
    /// [`Failure`] of the connection between pieces; so for all methods below.
    fn whole<'b>(&self, block: &'b Matrix<T>, columns: Range<usize>) -> Result<Cow<'b, Matrix<T>>, Failure>;

    /// Calls `change(j, columns)` for every group of so many columns of a block, which begins with column number j; the last may be
    /// smaller. Groups do not depend on the pieces.
    ///
    /// # Errors
    /// [`Failure`] of the connection between pieces.
    fn change_columns(
        &self,
        block: &mut Matrix<T>,
        group: usize,
        change: &(dyn Fn(usize, &mut [T]) + Sync),
    ) -> Result<(), Failure>;

    /// The `len` numbers that `tell(column, numbers)` writes for each of k columns, [len, k], on every piece.
    ///
    /// # Errors
    /// [`Failure`] of the connection between pieces.
    fn told_by_columns(
        &self,
        block: &Matrix<T>,
        len: usize,
        tell: &(dyn Fn(&[T], &mut [T]) + Sync),
    ) -> Result<Matrix<T>, Failure>;

    /// The block of k columns that `make(j, column)` writes into zeros.
    ///
    /// # Errors
    /// [`Failure`] of the connection between pieces.
    fn made_of_columns(&self, k: usize, make: &(dyn Fn(usize, &mut [T]) + Sync)) -> Result<Matrix<T>, Failure>;

    /// The block of a column for each sample of all pieces that `problem` was dealt to, from the columns of this piece's samples with all
    /// their rows.
    ///
    /// # Errors
    /// [`Failure`] of the connection between pieces.
    fn of_samples(&self, problem: &Problem<'_, T>, own: Matrix<T>) -> Result<Matrix<T>, Failure>;
}

impl<T: Scalar> WholeColumns<T> for Host<T> {
    fn own_rows(&self) -> Range<usize> {
        0..self.len()
    }

    fn whole<'b>(&self, block: &'b Matrix<T>, columns: Range<usize>) -> Result<Cow<'b, Matrix<T>>, Failure> {
        let all = columns == (0..block.columns);
        Ok(if all { Cow::Borrowed(block) } else { Cow::Owned(block.columns(columns)) })
    }

    fn change_columns(
        &self,
        block: &mut Matrix<T>,
        group: usize,
        change: &(dyn Fn(usize, &mut [T]) + Sync),
    ) -> Result<(), Failure> {
        self.threads().run(|| change_all(block, 0, group, change));
        Ok(())
    }

    fn told_by_columns(
        &self,
        block: &Matrix<T>,
        len: usize,
        tell: &(dyn Fn(&[T], &mut [T]) + Sync),
    ) -> Result<Matrix<T>, Failure> {
        Ok(self.threads().run(|| told_by_all(block, len, tell)))
    }

    fn made_of_columns(&self, k: usize, make: &(dyn Fn(usize, &mut [T]) + Sync)) -> Result<Matrix<T>, Failure> {
        let mut out = self.zeros(k)?;
        self.change_columns(&mut out, 1, make)?;
        Ok(out)
    }

    fn of_samples(&self, problem: &Problem<'_, T>, own: Matrix<T>) -> Result<Matrix<T>, Failure> {
        if problem.communicator().is_none() { Ok(own) } else { problem.of_all_samples(&own.data, own.rows) }
    }
}

/// The columns of k that a piece works on, in whole groups.
fn dealt(piece: usize, pieces: usize, k: usize, group: usize) -> Range<usize> {
    let groups = k.div_ceil(group);
    let first = |piece: usize| (piece * groups / pieces * group).min(k);
    first(piece)..first(piece + 1)
}

impl<T: Scalar> WholeColumns<T> for Spread<T> {
    fn own_rows(&self) -> Range<usize> {
        self.rows()
    }

    fn whole<'b>(&self, block: &'b Matrix<T>, columns: Range<usize>) -> Result<Cow<'b, Matrix<T>>, Failure> {
        self.gathered(&Columns { block, range: columns }).map(Cow::Owned)
    }

    fn change_columns(
        &self,
        block: &mut Matrix<T>,
        group: usize,
        change: &(dyn Fn(usize, &mut [T]) + Sync),
    ) -> Result<(), Failure> {
        let (k, pieces, rank) = (block.columns, self.communicator().size(), self.communicator().rank());
        let share = |piece| dealt(piece, pieces, k, group);
        let mut own = self.to_columns(block, share)?;
        self.threads().run(|| change_all(&mut own, share(rank).start, group, change));
        *block = self.to_rows(&own, share, k)?;
        Ok(())
    }

    fn told_by_columns(
        &self,
        block: &Matrix<T>,
        len: usize,
        tell: &(dyn Fn(&[T], &mut [T]) + Sync),
    ) -> Result<Matrix<T>, Failure> {
        let (k, pieces) = (block.columns, self.communicator().size());
        let own = self.to_columns(block, |piece| dealt(piece, pieces, k, 1))?;
        let told = self.threads().run(|| told_by_all(&own, len, tell));
        let place = |piece| {
            let columns = dealt(piece, pieces, k, 1);
            columns.start * len..columns.end * len
        };
        let mut all = Matrix::zeros(len, k);
        self.communicator().gather(&told.data, place, &mut all.data)?;
        Ok(all)
    }

    fn made_of_columns(&self, k: usize, make: &(dyn Fn(usize, &mut [T]) + Sync)) -> Result<Matrix<T>, Failure> {
        let (pieces, rank) = (self.communicator().size(), self.communicator().rank());
        let columns = dealt(rank, pieces, k, 1);
        let mut own = Matrix::zeros(self.len(), columns.len());
        self.threads().run(|| change_all(&mut own, columns.start, 1, make));
        self.to_rows(&own, |piece| dealt(piece, pieces, k, 1), k)
    }

    fn of_samples(&self, problem: &Problem<'_, T>, own: Matrix<T>) -> Result<Matrix<T>, Failure> {
        self.to_rows(&own, |piece| problem.samples_of(piece), problem.n_all_samples())
    }
}

/// Calls `change` with every group of columns and the number of its first one, counted from `first`.
fn change_all<T: Scalar>(block: &mut Matrix<T>, first: usize, group: usize, change: &(dyn Fn(usize, &mut [T]) + Sync)) {
    let groups = block.data.par_chunks_mut((block.rows * group).max(1)).enumerate();
    groups.for_each(|(number, columns)| change(first + number * group, columns));
}

fn told_by_all<T: Scalar>(block: &Matrix<T>, len: usize, tell: &(dyn Fn(&[T], &mut [T]) + Sync)) -> Matrix<T> {
    let mut out = Matrix::zeros(len, block.columns);
    let columns = block.data.par_chunks(block.rows.max(1)).zip(out.data.par_chunks_mut(len.max(1)));
    columns.for_each(|(column, out)| tell(column, out));
    out
}

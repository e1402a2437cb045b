//! What the pieces say to each other: each hands to each other one the rows that this one needs.

use super::Spread;
use super::rows::common;
use crate::linalg::{Matrix, Scalar, branches, nodes_within, sum_of_nodes};
use crate::{Columns, Failure, Foreign, Leaves};
use std::ops::Range;

impl<T: Scalar> Spread<T> {
    /// Rows dealt anew: those of piece i are `from(i)` before and `to(i)` afterwards, which may be rows that others have, too. `block`
    /// are some columns of this piece's rows before.
    pub(super) fn dealt_anew(
        &self,
        block: &Columns<'_, Matrix<T>>,
        from: impl Fn(usize) -> Range<usize>,
        to: impl Fn(usize) -> Range<usize>,
    ) -> Result<Matrix<T>, Failure> {
        let own = self.communicator.rank();
        let (had, wanted) = (from(own), to(own));
        let mut out = Matrix::zeros(wanted.len(), block.len());
        let place = |rows: &Range<usize>, first: usize| rows.start - first..rows.end - first;
        let stay = common(&had, &wanted);
        if !stay.is_empty() {
            for (j, column) in block.range.clone().enumerate() {
                let numbers = &block.block.column(column)[place(&stay, had.start)];
                out.column_mut(j)[place(&stay, wanted.start)].copy_from_slice(numbers);
            }
        }
        let send = |other: usize| {
            let rows = common(&had, &to(other));
            if rows.is_empty() {
                return Ok(());
            }
            let mut columns = block.range.clone().map(|column| &block.block.column(column)[place(&rows, had.start)]);
            columns.try_for_each(|numbers| self.communicator.send(other, T::numbers(numbers)))
        };
        let receive = |other: usize| {
            let rows = common(&from(other), &wanted);
            if rows.is_empty() {
                return Ok(());
            }
            (0..block.len()).try_for_each(|j| {
                let numbers = &mut out.column_mut(j)[place(&rows, wanted.start)];
                self.communicator.receive(other, T::numbers_mut(numbers))
            })
        };
        self.communicator.meet_each(send, receive)?;
        Ok(out)
    }

    /// Some columns with all their rows, [P, k], on every piece.
    ///
    /// Every piece sends its rows to every other one: P (pieces - 1) / pieces numbers a column.
    ///
    /// # Errors
    /// [`Failure`] of the connection.
    pub fn gathered(&self, columns: &Columns<'_, Matrix<T>>) -> Result<Matrix<T>, Failure> {
        self.dealt_anew(columns, |piece| self.rows.of(piece), |_| 0..self.rows.len)
    }

    /// The rows numbered `rows` of some columns, on piece 0; nothing on the others, which have to call this method, too. Range by range
    /// of rows piece 0 sees vectors that it could not hold.
    ///
    /// # Errors
    /// [`Failure`] of the connection.
    pub fn to_first(&self, columns: &Columns<'_, Matrix<T>>, rows: Range<usize>) -> Result<Option<Matrix<T>>, Failure> {
        let to = |piece: usize| if piece == 0 { rows.clone() } else { 0..0 };
        let found = self.dealt_anew(columns, |piece| self.rows.of(piece), to)?;
        Ok((self.communicator.rank() == 0).then_some(found))
    }

    /// Some columns of a block with all their rows on each piece, [P, own]: those numbered `share(i)` on piece i.
    ///
    /// Every piece sends its rows of the columns of the others.
    ///
    /// # Errors
    /// [`Failure`] of the connection.
    pub fn to_columns(&self, block: &Matrix<T>, share: impl Fn(usize) -> Range<usize>) -> Result<Matrix<T>, Failure> {
        let own = self.communicator.rank();
        let (rows, columns) = (self.rows.of(own), share(own));
        let mut out = Matrix::zeros(self.rows.len, columns.len());
        for (j, column) in columns.clone().enumerate() {
            out.column_mut(j)[rows.clone()].copy_from_slice(block.column(column));
        }
        let send = |other: usize| {
            let columns = if rows.is_empty() { 0..0 } else { share(other) };
            columns.into_iter().try_for_each(|j| self.communicator.send(other, T::numbers(block.column(j))))
        };
        let receive = |other: usize| {
            let rows = self.rows.of(other);
            let columns = if rows.is_empty() { 0 } else { columns.len() };
            (0..columns).try_for_each(|j| {
                self.communicator.receive(other, T::numbers_mut(&mut out.column_mut(j)[rows.clone()]))
            })
        };
        self.communicator.meet_each(send, receive)?;
        Ok(out)
    }

    /// The reverse of [`Spread::to_columns`]: a block of k columns, of which piece i has those numbered `share(i)` in `own`, with all their
    /// rows.
    ///
    /// # Errors
    /// [`Failure`] of the connection, or [`Foreign`] if this piece has other columns.
    pub fn to_rows(
        &self,
        own: &Matrix<T>,
        share: impl Fn(usize) -> Range<usize>,
        k: usize,
    ) -> Result<Matrix<T>, Failure> {
        let rank = self.communicator.rank();
        let (rows, columns) = (self.rows.of(rank), share(rank));
        if own.columns != columns.len() || own.data.len() != columns.len() * self.rows.len {
            return Err(Failure::of(Foreign { rank }));
        }
        let mut out = Matrix::zeros(rows.len(), k);
        for (j, column) in columns.enumerate() {
            out.column_mut(column).copy_from_slice(&own.column(j)[rows.clone()]);
        }
        let send = |other: usize| {
            let rows = self.rows.of(other);
            let columns = if rows.is_empty() { 0 } else { own.columns };
            (0..columns).try_for_each(|j| self.communicator.send(other, T::numbers(&own.column(j)[rows.clone()])))
        };
        let receive = |other: usize| {
            let mut columns = if rows.is_empty() { 0..0 } else { share(other) };
            columns.try_for_each(|j| self.communicator.receive(other, T::numbers_mut(out.column_mut(j))))
        };
        self.communicator.meet_each(send, receive)?;
        Ok(out)
    }

    /// The sum over all leaves of vectors [P, k] to the owners of their rows.
    ///
    /// `parts` are this piece's sums over the largest nodes of its share ([`Leaves::share`], [`Leaves::nodes`]), in order, each with the
    /// numbers of all rows, column after column. `out` gets this piece's rows of the sum. They are added in the tree of the leaves, so
    /// that the bytes are those of a single piece.
    ///
    /// Every piece sends to every other one the rows that this one owns: for each of its parts P (pieces - 1) / pieces numbers a column.
    /// Where there are as many pieces as a power of two, each has one part; else up to 2 log2(leaves).
    ///
    /// # Errors
    /// [`Failure`] of the connection, or [`Foreign`] if parts are missing.
    pub fn sum_to_owners(&self, leaves: &Leaves, mut parts: Vec<Vec<T>>, out: &mut Matrix<T>) -> Result<(), Failure> {
        let (pieces, own) = (self.communicator.size(), self.communicator.rank());
        let foreign = || Failure::of(Foreign { rank: own });
        let any_order = self.communicator.adds_in_any_order();
        let nodes_of = |piece: usize| {
            let share = leaves.share(piece, pieces);
            // One sum of each piece is enough where any order will do.
            if any_order { vec![share].into_iter().filter(|s| !s.is_empty()).collect() } else { leaves.nodes(&share) }
        };
        if any_order && parts.len() > 1 {
            let mut rest = parts.split_off(1);
            rest.drain(..).for_each(|part| add(&mut parts[0], &part));
        }
        let fits = parts.iter().all(|part| part.len() == self.rows.len * out.columns);
        if parts.len() != nodes_of(own).len() || !fits {
            return Err(foreign());
        }
        let rows = self.rows.of(own);
        for column in 0..out.columns {
            let first = column * self.rows.len;
            let of = |part: &[T], rows: Range<usize>| part[first + rows.start..first + rows.end].to_vec();
            let mut sums: Vec<Vec<Vec<T>>> = vec![vec![]; pieces];
            sums[own] = parts.iter().map(|part| of(part, rows.clone())).collect();
            let send = |other: usize| {
                let rows = self.rows.of(other);
                if rows.is_empty() {
                    return Ok(());
                }
                let mut numbers = parts.iter().map(|part| &part[first + rows.start..first + rows.end]);
                numbers.try_for_each(|numbers| self.communicator.send(other, T::numbers(numbers)))
            };
            let receive = |other: usize| {
                if rows.is_empty() {
                    return Ok(());
                }
                for _ in nodes_of(other) {
                    let mut numbers = vec![T::ZERO; rows.len()];
                    self.communicator.receive(other, T::numbers_mut(&mut numbers))?;
                    sums[other].push(numbers);
                }
                Ok(())
            };
            self.communicator.meet_each(send, receive)?;
            if rows.is_empty() {
                continue;
            }
            let all = sums.into_iter().enumerate().flat_map(|(piece, sums)| nodes_of(piece).into_iter().zip(sums));
            let sum = if any_order {
                all.map(|(_, sum)| sum).reduce(|mut sum, other| {
                    add(&mut sum, &other);
                    sum
                })
            } else {
                let adding = |sum: &mut Vec<T>, other: Vec<T>| add(sum, &other);
                sum_of_nodes(&leaves.root(), &Leaves::branches, &mut all.peekable(), &adding)
            };
            out.column_mut(column).copy_from_slice(&sum.ok_or_else(foreign)?);
        }
        Ok(())
    }

    /// The sum over all tiles of rows, on every piece: `of_node` tells `len` numbers, those of the tiles of a node of which all rows are
    /// this piece's.
    pub(super) fn sum_over_tiles(
        &self,
        len: usize,
        of_node: impl Fn(&Range<usize>) -> Vec<f64>,
    ) -> Result<Vec<f64>, Failure> {
        let (pieces, own, tiles) = (self.communicator.size(), self.communicator.rank(), self.rows.tiles());
        let nodes_of = |piece: usize| nodes_within(&tiles, &self.rows.tiles_of(piece));
        let numbers: Vec<f64> = nodes_of(own).iter().flat_map(&of_node).collect();
        let mut sum = vec![0.0; len];
        if self.communicator.adds_in_any_order() {
            numbers.chunks_exact(len.max(1)).for_each(|part| add(&mut sum, part));
            self.communicator.add_up(f64::numbers_mut(&mut sum))?;
            return Ok(sum);
        }
        if own > 0 {
            if !numbers.is_empty() {
                self.communicator.send(0, f64::numbers(&numbers))?;
            }
        } else {
            let mut all = numbers;
            for piece in 1..pieces {
                let first = all.len();
                all.resize(first + nodes_of(piece).len() * len, 0.0);
                if all.len() > first {
                    self.communicator.receive(piece, f64::numbers_mut(&mut all[first..]))?;
                }
            }
            let nodes = (0..pieces).flat_map(nodes_of);
            let mut parts = nodes.zip(all.chunks_exact(len.max(1)).map(<[f64]>::to_vec)).peekable();
            let adding = |sum: &mut Vec<f64>, other: Vec<f64>| add(sum, &other);
            // No rows, or no numbers, leave zeros.
            if let Some(total) = sum_of_nodes(&tiles, &branches, &mut parts, &adding) {
                sum = total;
            }
        }
        self.communicator.broadcast(&mut sum)?;
        Ok(sum)
    }

    /// The numbers of every piece, one piece after the other; each has as many.
    pub(super) fn of_each(&self, numbers: &[f64]) -> Result<Vec<f64>, Failure> {
        let n = numbers.len();
        let mut all = vec![0.0; n * self.communicator.size()];
        self.communicator.gather(numbers, |piece| piece * n..(piece + 1) * n, &mut all)?;
        Ok(all)
    }
}

/// `sum += x`.
fn add<T: Scalar>(sum: &mut [T], x: &[T]) {
    sum.iter_mut().zip(x).for_each(|(sum, &x)| *sum += x);
}

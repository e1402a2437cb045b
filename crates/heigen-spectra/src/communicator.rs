//! Communication between the pieces of one computation.

use crate::linalg::Scalar;
use crate::{Failure, Leaves};
use std::fmt;
use std::ops::Range;

/// Numbers on their way to another piece.
#[derive(Clone, Copy, Debug)]
pub enum Numbers<'a> {
    /// In float32.
    Float32(&'a [f32]),
    /// In float64.
    Float64(&'a [f64]),
}

/// The place for numbers from another piece.
#[derive(Debug)]
pub enum NumbersMut<'a> {
    /// For float32.
    Float32(&'a mut [f32]),
    /// For float64.
    Float64(&'a mut [f64]),
}

/// The connection of one of several pieces of a computation with the others: threads, processes, or machines that each have some of
/// the samples, and all do the same.
///
/// An implementation says how many pieces there are, and carries numbers from one to another. Whatever pieces do together is made of
/// that, in an order that follows from their number and the size of the problem: [`sum`](#method.sum) in the fixed tree of [`Leaves`],
/// [`broadcast`](#method.broadcast) and [`gather`](#method.gather). All pieces call the same ones in the same order, from one thread
/// each.
///
/// # Errors
/// Numbers that an implementation cannot carry are a [`Failure`]; pieces that wait for a lost one have to be told, so that none
/// waits for ever.
pub trait Communicator: fmt::Debug + Send + Sync {
    /// Number of pieces.
    fn size(&self) -> usize;

    /// The number of this piece, 0 to `size` - 1.
    fn rank(&self) -> usize;

    /// Hands numbers to piece `to`. It may wait until they are received.
    ///
    /// # Errors
    /// [`Failure`] if they cannot be carried.
    fn send(&self, to: usize, numbers: Numbers<'_>) -> Result<(), Failure>;

    /// Waits for numbers of piece `from`, as many as there is room for.
    ///
    /// # Errors
    /// [`Failure`] if none will come, or if they are not of this type and number.
    fn receive(&self, from: usize, numbers: NumbersMut<'_>) -> Result<(), Failure>;

    /// Whether numbers of piece `from` are there, so that [`receive`](#tymethod.receive) need not wait. For pieces that do not all do the
    /// same, one of which deals out work and does not know who will be ready first.
    ///
    /// # Errors
    /// [`Failure`] if none will ever come.
    fn arrived(&self, from: usize) -> Result<bool, Failure>;

    /// Whether sums are left to [`add_up`](#method.add_up), in whatever order is quickest, instead of the fixed tree. Their last digits
    /// then follow from the number of pieces, and from the connection.
    fn adds_in_any_order(&self) -> bool {
        false
    }

    /// Puts the sum of the numbers of all pieces in their place, on every piece the same. Here piece 0 adds those of one piece after
    /// the other; a connection that has a quicker way of its own takes that.
    ///
    /// # Errors
    /// [`Failure`] of the connection.
    fn add_up(&self, numbers: NumbersMut<'_>) -> Result<(), Failure> {
        match numbers {
            NumbersMut::Float32(numbers) => add_up_by_first(self, numbers),
            NumbersMut::Float64(numbers) => add_up_by_first(self, numbers),
        }
    }
}

/// [`Communicator::add_up`] with the messages that every connection has.
fn add_up_by_first<T: Scalar>(communicator: &(impl Communicator + ?Sized), numbers: &mut [T]) -> Result<(), Failure> {
    let (own, size) = (communicator.rank(), communicator.size());
    if own > 0 {
        communicator.send(0, T::numbers(numbers))?;
        return communicator.receive(0, T::numbers_mut(numbers));
    }
    let mut other = vec![T::ZERO; numbers.len()];
    for piece in 1..size {
        communicator.receive(piece, T::numbers_mut(&mut other))?;
        numbers.iter_mut().zip(&other).for_each(|(sum, &other)| *sum += other);
    }
    (1..size).try_for_each(|piece| communicator.send(piece, T::numbers(numbers)))
}

/// Numbers of a long sum that are handed on at a time, so that several pieces add at the same time.
const SEGMENT: usize = 1 << 16;

impl dyn Communicator + '_ {
    /// The sum over all leaves, in `out` of every piece.
    ///
    /// `parts` are the sums of this piece over the largest nodes of its share ([`Leaves::share`], [`Leaves::nodes`]), in order, each
    /// as long as `out`. They are added in the tree of the leaves, so that the bytes are those of a single piece. Messages: one for
    /// each node of the tree whose branches belong to different pieces, and the broadcast of the result.
    ///
    /// # Errors
    /// [`Failure`] of the connection, or [`Foreign`] if parts are missing.
    pub fn sum<T: Scalar>(&self, leaves: &Leaves, parts: Vec<Vec<T>>, out: &mut [T]) -> Result<(), Failure> {
        if self.adds_in_any_order() {
            return self.sum_in_any_order(&parts, out);
        }
        let mut parts = parts.into_iter();
        if let Some(sum) = self.sum_of_node(leaves, leaves.root(), &mut parts)? {
            if sum.len() != out.len() {
                return Err(Failure::of(Foreign { rank: self.rank() }));
            }
            out.copy_from_slice(&sum);
        }
        self.broadcast(out)
    }

    /// The sum over a node, for the piece that has its first leaf.
    fn sum_of_node<T: Scalar>(
        &self,
        leaves: &Leaves,
        node: Range<usize>,
        parts: &mut std::vec::IntoIter<Vec<T>>,
    ) -> Result<Option<Vec<T>>, Failure> {
        let (pieces, own) = (self.size(), self.rank());
        let [first, last] = [node.start, node.end - 1].map(|leaf| leaves.owner(leaf, pieces));
        if own < first || own > last {
            return Ok(None);
        }
        if first == last {
            return parts.next().map(Some).ok_or_else(|| Failure::of(Foreign { rank: own }));
        }
        let [left, right] = Leaves::branches(&node);
        let of_right = leaves.owner(right.start, pieces);
        let sum = self.sum_of_node(leaves, left, parts)?;
        let other = self.sum_of_node(leaves, right, parts)?;
        match (sum, other) {
            (Some(mut sum), other) => {
                let other = if let Some(other) = other {
                    other
                } else {
                    let mut other = vec![T::ZERO; sum.len()];
                    self.receive(of_right, T::numbers_mut(&mut other))?;
                    other
                };
                sum.iter_mut().zip(&other).for_each(|(sum, &other)| *sum += other);
                Ok(Some(sum))
            }
            (None, Some(other)) => {
                self.send(first, T::numbers(&other))?;
                Ok(None)
            }
            (None, None) => Ok(None),
        }
    }

    /// The sum of the parts of all pieces in the order in which a single piece would add them one after the other, in `out` of every
    /// piece. The parts of piece `first` come first, then those of piece `first` - 1, in the end those of piece 0; pieces beyond `first`
    /// have none. Each is as long as `out`. Messages: one from piece to piece for each segment of the numbers, on which all pieces work at
    /// the same time, and the broadcast of the result.
    ///
    /// # Errors
    /// [`Failure`] of the connection, or [`Foreign`] if parts are missing, too long or too short.
    pub fn sum_in_order<T: Scalar>(&self, first: usize, parts: &[&[T]], out: &mut [T]) -> Result<(), Failure> {
        let own = self.rank();
        let fits = parts.iter().all(|part| part.len() == out.len());
        // The first piece has a part at least, those beyond it have none.
        let as_told = (own < first) || parts.is_empty() == (own > first);
        if !fits || !as_told {
            return Err(Failure::of(Foreign { rank: own }));
        }
        if self.adds_in_any_order() {
            return self.sum_in_any_order(parts, out);
        }
        if own <= first {
            for (number, sum) in out.chunks_mut(SEGMENT).enumerate() {
                let range = number * SEGMENT..number * SEGMENT + sum.len();
                let mut parts = parts.iter().map(|part| &part[range.clone()]);
                if own < first {
                    self.receive(own + 1, T::numbers_mut(sum))?;
                } else if let Some(part) = parts.next() {
                    sum.copy_from_slice(part);
                }
                parts.for_each(|part| sum.iter_mut().zip(part).for_each(|(sum, &part)| *sum += part));
                if own > 0 {
                    self.send(own - 1, T::numbers(sum))?;
                }
            }
        }
        self.broadcast(out)
    }

    /// The sum of the parts of all pieces, in the order of the connection.
    fn sum_in_any_order<T: Scalar>(&self, parts: &[impl AsRef<[T]>], out: &mut [T]) -> Result<(), Failure> {
        out.fill(T::ZERO);
        for part in parts {
            out.iter_mut().zip(part.as_ref()).for_each(|(sum, &part)| *sum += part);
        }
        self.add_up(T::numbers_mut(out))
    }

    /// Calls `send` and `receive` with the number of every other piece, in such an order that no two pieces wait for each other although
    /// a message may wait until it is received: in each round a piece meets at most one other, and of two that meet the first sends
    /// first. Both of two pieces have to know whether there is something to say.
    ///
    /// # Errors
    /// The failures of `send` and `receive`.
    pub fn meet_each(
        &self,
        mut send: impl FnMut(usize) -> Result<(), Failure>,
        mut receive: impl FnMut(usize) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let (pieces, own) = (self.size(), self.rank());
        for round in 0..pieces {
            let other = (round + pieces - own) % pieces;
            if own < other {
                send(other)?;
                receive(other)?;
            } else if own > other {
                receive(other)?;
                send(other)?;
            }
        }
        Ok(())
    }

    /// Hands the numbers of piece 0 to all others, in as many rounds as the number of pieces has binary digits.
    ///
    /// # Errors
    /// [`Failure`] of the connection.
    pub fn broadcast<T: Scalar>(&self, numbers: &mut [T]) -> Result<(), Failure> {
        let (pieces, own) = (self.size(), self.rank());
        let mut have = 1;
        while have < pieces {
            if own < have && own + have < pieces {
                self.send(own + have, T::numbers(numbers))?;
            } else if (have..2 * have).contains(&own) {
                self.receive(own - have, T::numbers_mut(numbers))?;
            }
            have *= 2;
        }
        Ok(())
    }

    /// Hands the bytes of piece 0 to all others, which have room for as many. Six of them travel as a whole number below 2^48, which float64 holds
    /// whatever a connection does to its representation.
    ///
    /// # Errors
    /// [`Failure`] of the connection, such as for another number of bytes.
    pub fn broadcast_bytes(&self, bytes: &mut [u8]) -> Result<(), Failure> {
        for bytes in bytes.chunks_mut(6 * SEGMENT) {
            let number = |six: &[u8]| six.iter().fold(0.0, |number, &byte| 256.0 * number + f64::from(byte));
            let mut numbers: Vec<f64> = bytes.chunks(6).map(number).collect();
            self.broadcast(&mut numbers)?;
            for (six, &number) in bytes.chunks_mut(6).zip(&numbers) {
                let mut rest = number as u64;
                for byte in six.iter_mut().rev() {
                    *byte = (rest % 256) as u8;
                    rest /= 256;
                }
            }
        }
        Ok(())
    }

    /// Puts the numbers of all pieces together, in `all` of every piece: those of piece `i` belong to the range `place(i)`.
    ///
    /// # Errors
    /// [`Failure`] of the connection, or [`Foreign`] if this piece has more or fewer numbers than belong to its range.
    pub fn gather<T: Scalar>(
        &self,
        numbers: &[T],
        place: impl Fn(usize) -> Range<usize>,
        all: &mut [T],
    ) -> Result<(), Failure> {
        let own = self.rank();
        let foreign = || Failure::of(Foreign { rank: own });
        match all.get_mut(place(own)) {
            Some(to) if to.len() == numbers.len() => to.copy_from_slice(numbers),
            _ => return Err(foreign()),
        }
        if own > 0 {
            if !numbers.is_empty() {
                self.send(0, T::numbers(numbers))?;
            }
            return self.broadcast(all);
        }
        for piece in 1..self.size() {
            let to = all.get_mut(place(piece)).ok_or_else(foreign)?;
            if !to.is_empty() {
                self.receive(piece, T::numbers_mut(to))?;
            }
        }
        self.broadcast(all)
    }
}

/// The numbers of a piece are not those of the computation that the others are in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("piece {rank} of the computation is not where the others are: it has other numbers to say than they wait for")]
pub struct Foreign {
    /// The number of the piece.
    pub rank: usize,
}

/// A piece has ended, or cannot be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("piece {rank} of the computation has ended, so that the others cannot go on")]
pub struct Gone {
    /// The number of the piece.
    pub rank: usize,
}

/// The only piece of a computation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Alone;

impl Communicator for Alone {
    fn size(&self) -> usize {
        1
    }

    fn rank(&self) -> usize {
        0
    }

    fn send(&self, to: usize, _: Numbers<'_>) -> Result<(), Failure> {
        Err(Failure::of(Gone { rank: to }))
    }

    fn receive(&self, from: usize, _: NumbersMut<'_>) -> Result<(), Failure> {
        Err(Failure::of(Gone { rank: from }))
    }

    fn arrived(&self, from: usize) -> Result<bool, Failure> {
        Err(Failure::of(Gone { rank: from }))
    }
}

#[cfg(test)]
mod tests;

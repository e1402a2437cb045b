//! Communication between the pieces of one computation.

use crate::linalg::Scalar;
use crate::{Failure, Leaves};
use std::fmt;
use std::ops::Range;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::sync::{Arc, Mutex, PoisonError};

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
}

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

/// One of several pieces of a computation that are threads of one process.
///
/// A piece that ends, for whatever reason, tells those that wait for it by a [`Failure`] with [`Gone`] inside.
#[derive(Debug)]
pub struct ThreadPiece {
    rank: usize,
    to: Vec<Mutex<Sender<Message>>>,
    from: Vec<Mutex<Inbox>>,
}

/// The messages of one piece to another.
#[derive(Debug)]
struct Inbox {
    receiver: Receiver<Message>,
    /// The first message, where it was taken out to see whether there is one.
    first: Option<Message>,
}

#[derive(Debug)]
enum Message {
    Float32(Vec<f32>),
    Float64(Vec<f64>),
}

impl ThreadPiece {
    /// The pieces of a computation by `size` threads, one for each.
    ///
    /// ```
    /// use heigen_spectra::{Communicator, ThreadPiece};
    /// let pieces = ThreadPiece::all(3);
    /// let sums: Vec<f64> = std::thread::scope(|scope| {
    ///     let run = |piece: ThreadPiece| {
    ///         let piece: &dyn Communicator = &piece;
    ///         let mut numbers = vec![0.0; 3];
    ///         piece.gather(&[piece.rank() as f64], |rank| rank..rank + 1, &mut numbers).map(|()| numbers.iter().sum())
    ///     };
    ///     let started: Vec<_> = pieces.into_iter().map(|piece| scope.spawn(move || run(piece))).collect();
    ///     started.into_iter().map(|thread| thread.join().unwrap().unwrap()).collect()
    /// });
    /// assert_eq!(sums, [3.0, 3.0, 3.0]);
    /// ```
    pub fn all(size: usize) -> Vec<Self> {
        let mut pieces: Vec<Self> = (0..size).map(|rank| Self { rank, to: vec![], from: vec![] }).collect();
        for from in 0..size {
            for to in 0..size {
                let (sender, receiver) = channel();
                pieces[from].to.push(Mutex::new(sender));
                pieces[to].from.push(Mutex::new(Inbox { receiver, first: None }));
            }
        }
        pieces
    }
}

impl Communicator for ThreadPiece {
    fn size(&self) -> usize {
        self.to.len()
    }

    fn rank(&self) -> usize {
        self.rank
    }

    fn send(&self, to: usize, numbers: Numbers<'_>) -> Result<(), Failure> {
        let message = match numbers {
            Numbers::Float32(numbers) => Message::Float32(numbers.to_vec()),
            Numbers::Float64(numbers) => Message::Float64(numbers.to_vec()),
        };
        let gone = || Failure::of(Gone { rank: to });
        let sender = self.to.get(to).ok_or_else(gone)?.lock().unwrap_or_else(PoisonError::into_inner);
        sender.send(message).map_err(|_| gone())
    }

    fn receive(&self, from: usize, numbers: NumbersMut<'_>) -> Result<(), Failure> {
        let gone = || Failure::of(Gone { rank: from });
        let mut inbox = self.from.get(from).ok_or_else(gone)?.lock().unwrap_or_else(PoisonError::into_inner);
        let first = inbox.first.take();
        match (first.map_or_else(|| inbox.receiver.recv().map_err(|_| gone()), Ok)?, numbers) {
            (Message::Float32(sent), NumbersMut::Float32(numbers)) if sent.len() == numbers.len() => {
                numbers.copy_from_slice(&sent);
            }
            (Message::Float64(sent), NumbersMut::Float64(numbers)) if sent.len() == numbers.len() => {
                numbers.copy_from_slice(&sent);
            }
            _ => return Err(Failure::of(Foreign { rank: from })),
        }
        Ok(())
    }

    fn arrived(&self, from: usize) -> Result<bool, Failure> {
        let gone = || Failure::of(Gone { rank: from });
        let mut inbox = self.from.get(from).ok_or_else(gone)?.lock().unwrap_or_else(PoisonError::into_inner);
        if inbox.first.is_none() {
            inbox.first = match inbox.receiver.try_recv() {
                Ok(message) => Some(message),
                Err(TryRecvError::Empty) => None,
                Err(TryRecvError::Disconnected) => return Err(gone()),
            };
        }
        Ok(inbox.first.is_some())
    }
}

/// Shared connections are connections.
impl<C: Communicator + ?Sized> Communicator for Arc<C> {
    fn size(&self) -> usize {
        (**self).size()
    }

    fn rank(&self) -> usize {
        (**self).rank()
    }

    fn send(&self, to: usize, numbers: Numbers<'_>) -> Result<(), Failure> {
        (**self).send(to, numbers)
    }

    fn receive(&self, from: usize, numbers: NumbersMut<'_>) -> Result<(), Failure> {
        (**self).receive(from, numbers)
    }

    fn arrived(&self, from: usize) -> Result<bool, Failure> {
        (**self).arrived(from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A number for each leaf, whose sum depends on the order.
    fn leaf(i: usize) -> Vec<f64> {
        vec![(i as f64 * 0.7).sin() * 10f64.powi(i32::try_from(i % 7).unwrap()), 1.0]
    }

    fn of_node(node: &Range<usize>) -> Vec<f64> {
        if node.len() == 1 {
            return leaf(node.start);
        }
        let [mut sum, other] = Leaves::branches(node).map(|branch| of_node(&branch));
        sum.iter_mut().zip(other).for_each(|(a, b)| *a += b);
        sum
    }

    fn together<R: Send>(size: usize, work: impl Fn(&dyn Communicator) -> R + Sync) -> Vec<R> {
        std::thread::scope(|scope| {
            let work = &work;
            let all: Vec<_> =
                ThreadPiece::all(size).into_iter().map(|piece| scope.spawn(move || work(&piece))).collect();
            all.into_iter().map(|thread| thread.join().unwrap()).collect()
        })
    }

    #[test]
    fn any_number_of_pieces_adds_the_same_numbers_in_the_same_order() {
        let leaves = Leaves::of(5000);
        let wanted = of_node(&leaves.root());
        let in_order = leaves.root().map(leaf).fold(vec![0.0; 2], |s, x| vec![s[0] + x[0], s[1] + x[1]]);
        assert_ne!(wanted, in_order, "the order must matter for this test to see it");
        for pieces in [1, 2, 3, 5, 7, 16, 20] {
            let sums = together(pieces, |piece| {
                let nodes = leaves.nodes(&leaves.share(piece.rank(), piece.size()));
                let mut out = vec![0.0; 2];
                piece.sum(&leaves, nodes.iter().map(of_node).collect(), &mut out).unwrap();
                out
            });
            assert!(sums.iter().all(|sum| *sum == wanted), "{pieces} pieces");
        }
    }

    #[test]
    fn pieces_without_numbers_take_part_in_a_gathering() {
        for pieces in [1, 2, 5] {
            let place = |rank: usize| rank / 2..rank.div_ceil(2);
            let all = together(pieces, |piece| {
                let own: Vec<f32> = place(piece.rank()).map(|i| i as f32 + 0.5).collect();
                let mut all = vec![0.0f32; pieces / 2];
                piece.gather(&own, place, &mut all).unwrap();
                all
            });
            let wanted: Vec<f32> = (0..pieces / 2).map(|i| i as f32 + 0.5).collect();
            assert!(all.iter().all(|all| *all == wanted), "{all:?}");
        }
    }

    #[test]
    fn a_piece_that_has_ended_is_named_by_those_that_wait_for_it() {
        let errors = together(3, |piece| {
            let mut numbers = [0.0];
            if piece.rank() == 0 { String::new() } else { piece.broadcast(&mut numbers).unwrap_err().to_string() }
        });
        assert_eq!(errors[1], "piece 0 of the computation has ended, so that the others cannot go on");
        assert_eq!(Alone.receive(0, NumbersMut::Float64(&mut [0.0])).unwrap_err().to_string(), errors[1]);
    }

    #[test]
    fn what_has_arrived_is_known_before_it_is_received() {
        let seen = together(2, |piece| {
            let other = 1 - piece.rank();
            if piece.rank() == 0 {
                piece.send(other, Numbers::Float64(&[5.0])).unwrap();
                // The other piece answers once it has looked.
                let mut answer = [0.0];
                piece.receive(other, NumbersMut::Float64(&mut answer)).unwrap();
                return answer[0];
            }
            while !piece.arrived(other).unwrap() {
                std::thread::yield_now();
            }
            assert!(piece.arrived(other).unwrap(), "looking takes nothing away");
            let mut numbers = [0.0];
            piece.receive(other, NumbersMut::Float64(&mut numbers)).unwrap();
            assert!(!piece.arrived(other).unwrap());
            piece.send(other, Numbers::Float64(&numbers)).unwrap();
            while piece.arrived(other).is_ok() {
                std::thread::yield_now();
            }
            numbers[0]
        });
        assert_eq!(seen, [5.0, 5.0]);
        assert!(Alone.arrived(0).is_err());
    }

    #[test]
    fn numbers_of_another_type_are_no_numbers_that_were_waited_for() {
        let errors = together(2, |piece| {
            if piece.rank() == 0 {
                return piece.send(1, Numbers::Float32(&[1.0])).map_err(|e| e.to_string());
            }
            piece.receive(0, NumbersMut::Float64(&mut [0.0])).map_err(|e| e.to_string())
        });
        assert!(errors[0].is_ok() && errors[1].as_ref().is_err_and(|e| e.contains("piece 0")), "{errors:?}");
    }
}

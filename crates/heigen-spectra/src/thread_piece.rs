//! Pieces of one computation that are threads of one process.

use crate::{Communicator, Failure, Foreign, Gone, Numbers, NumbersMut};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::sync::{Mutex, PoisonError};

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

//! Connections that are made of others.

use crate::{Communicator, Failure, Numbers, NumbersMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A connection whose sums are left to its own means, in whatever order is quickest, instead of the fixed tree.
#[derive(Clone, Debug)]
pub struct InAnyOrder<C>(pub C);

impl<C: Communicator> Communicator for InAnyOrder<C> {
    fn size(&self) -> usize {
        self.0.size()
    }

    fn rank(&self) -> usize {
        self.0.rank()
    }

    fn send(&self, to: usize, numbers: Numbers<'_>) -> Result<(), Failure> {
        self.0.send(to, numbers)
    }

    fn receive(&self, from: usize, numbers: NumbersMut<'_>) -> Result<(), Failure> {
        self.0.receive(from, numbers)
    }

    fn arrived(&self, from: usize) -> Result<bool, Failure> {
        self.0.arrived(from)
    }

    fn adds_in_any_order(&self) -> bool {
        true
    }

    fn add_up(&self, numbers: NumbersMut<'_>) -> Result<(), Failure> {
        self.0.add_up(numbers)
    }
}

/// A connection that counts what this piece sends. Sums by the connection's own means are not counted.
#[derive(Debug)]
pub struct Counted<C> {
    inner: C,
    messages: AtomicU64,
    bytes: AtomicU64,
}

impl<C> Counted<C> {
    /// A connection that has sent nothing yet.
    pub fn new(inner: C) -> Self {
        Self { inner, messages: AtomicU64::new(0), bytes: AtomicU64::new(0) }
    }

    /// Number of messages that this piece has sent.
    pub fn messages(&self) -> u64 {
        self.messages.load(Ordering::Relaxed)
    }

    /// Bytes of the numbers that this piece has sent.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}

impl<C: Communicator> Communicator for Counted<C> {
    fn size(&self) -> usize {
        self.inner.size()
    }

    fn rank(&self) -> usize {
        self.inner.rank()
    }

    fn send(&self, to: usize, numbers: Numbers<'_>) -> Result<(), Failure> {
        let bytes = match numbers {
            Numbers::Float32(numbers) => size_of_val(numbers),
            Numbers::Float64(numbers) => size_of_val(numbers),
        };
        self.messages.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        self.inner.send(to, numbers)
    }

    fn receive(&self, from: usize, numbers: NumbersMut<'_>) -> Result<(), Failure> {
        self.inner.receive(from, numbers)
    }

    fn arrived(&self, from: usize) -> Result<bool, Failure> {
        self.inner.arrived(from)
    }

    fn adds_in_any_order(&self) -> bool {
        self.inner.adds_in_any_order()
    }

    fn add_up(&self, numbers: NumbersMut<'_>) -> Result<(), Failure> {
        self.inner.add_up(numbers)
    }
}

/// References to connections of any kind are connections.
macro_rules! by_reference {
    ($($reference:ty),*) => {$(
        impl<C: Communicator + ?Sized> Communicator for $reference {
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

            fn adds_in_any_order(&self) -> bool {
                (**self).adds_in_any_order()
            }

            fn add_up(&self, numbers: NumbersMut<'_>) -> Result<(), Failure> {
                (**self).add_up(numbers)
            }
        }
    )*};
}
by_reference!(&C, Arc<C>);

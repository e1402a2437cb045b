//! The part of a reproduction or of a study that one command does, where several commands share the work.

use std::fmt;

/// The part of a reproduction or of a study that one request is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Part {
    /// Everything.
    #[default]
    Whole,
    /// The results of one share of the work, without pictures and pages, which are about all of it.
    Shard(Shard),
    /// Pictures and pages of the results that are there. No result is made, and what is missing counts as failed.
    Gathered,
}

/// One of several shares of a piece of work.
///
/// The shares follow from the work alone, not from what is done already: jobs that begin at different times have the same idea of them.
/// Whatever depends on each other is in one share, as long as no two shares name the same results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    number: usize,
    of: usize,
}

impl Shard {
    /// Share `number`, counted from 1, of `of` shares; `None` if there is none of that number.
    pub fn new(number: usize, of: usize) -> Option<Self> {
        (1..=of).contains(&number).then_some(Self { number, of })
    }

    /// Number of shares.
    pub(crate) fn of(self) -> usize {
        self.of
    }

    /// The index of the share, counted from 0.
    pub(crate) fn index(self) -> usize {
        self.number - 1
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

//! The shelf on which a session leaves its parts of a drawing for another one, such as one of two minima side by side.

use heigen_figures::PlaneMapsRow;
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// The most sides that lie on the shelf; the oldest makes room for another.
const MOST: usize = 16;

/// One of two minima, as a drawing of both has it.
#[derive(Debug)]
pub(crate) struct Side {
    /// The epoch, and whether its weights are those of the training.
    pub(super) when: String,
    /// The plane, where the samples lie in one by their own features.
    pub(super) row: Option<PlaneMapsRow>,
    /// The largest eigenvalues.
    pub(super) eigenvalues: Vec<f64>,
    /// Number of parameters.
    pub(super) n_params: usize,
}

/// The place where sides wait for the session that draws them; all sessions of a server have it in common.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    inside: Mutex<(u64, VecDeque<(u64, Side)>)>,
}

impl Shelf {
    /// Puts a side down; returns the number by which it is taken.
    pub(super) fn put(&self, side: Side) -> u64 {
        let mut inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        let (number, sides) = &mut *inside;
        *number += 1;
        if sides.len() == MOST {
            sides.pop_front();
        }
        sides.push_back((*number, side));
        *number
    }

    /// Takes a side away; none if nothing waits under that number.
    pub(super) fn take(&self, number: u64) -> Option<Side> {
        let mut inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        let place = inside.1.iter().position(|(waiting, _)| *waiting == number)?;
        inside.1.remove(place).map(|(_, side)| side)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_are_taken_once_and_old_ones_make_room() {
        let shelf = Shelf::default();
        let side = |n: usize| Side { when: n.to_string(), row: None, eigenvalues: vec![], n_params: n };
        let numbers: Vec<u64> = (0..MOST + 2).map(|n| shelf.put(side(n))).collect();
        assert!(shelf.take(numbers[0]).is_none() && shelf.take(numbers[1]).is_none() && shelf.take(999).is_none());
        assert_eq!(shelf.take(numbers[5]).map(|side| side.n_params), Some(5));
        assert!(shelf.take(numbers[5]).is_none());
        assert_eq!(shelf.take(numbers[MOST + 1]).map(|side| side.n_params), Some(MOST + 1));
    }
}

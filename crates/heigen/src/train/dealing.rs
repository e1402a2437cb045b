//! How the samples of a training are dealt to several pieces, and how they come to the piece that takes them through the network.

use super::parts::{Part, Samples};
use crate::linalg::Scalar;
use crate::model::Network;
use heigen_spectra::{Communicator, Failure};
use std::ops::Range;

/// Number of samples of a large network that one thread takes at a time. They are few, so that their activations stay
/// in the cache; the number is constant, so that sums do not depend on the number of threads.
const TILE: usize = 8;

/// From this many multiplications per sample on, it pays to use several threads.
pub(super) const LARGE: usize = 1 << 17;

/// Number of times in an epoch that samples are fetched, each time those of as many steps; fewer times where an epoch has fewer steps.
const FETCHES: usize = 8;

/// The number of samples in a tile of a batch of `batch` samples.
pub(super) fn tile_of(network: &Network, batch: usize) -> usize {
    let large = network.multiplications() >= LARGE;
    if large && !network.couples_samples() { TILE.min(batch) } else { batch }
}

/// Samples in tiles that are dealt to pieces, the first ones to the last piece that gets some: the sum over all, which is handed from
/// piece to piece, is then complete at piece 0, which tells the others.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tiles {
    pub(super) samples: usize,
    /// Number of samples in a tile; the last one may have fewer.
    pub(super) size: usize,
    pub(super) pieces: usize,
}

impl Tiles {
    pub(super) fn count(self) -> usize {
        self.samples.div_ceil(self.size.max(1))
    }

    /// Number of pieces that get a tile.
    pub(super) fn sharing(self) -> usize {
        self.pieces.min(self.count())
    }

    /// The tiles of a piece.
    pub(super) fn of(self, piece: usize) -> Range<usize> {
        let (count, sharing) = (self.count(), self.sharing());
        let first = |i: usize| i * count / sharing.max(1);
        sharing.checked_sub(piece + 1).map_or(0..0, |i| first(i)..first(i + 1))
    }

    /// The samples of a piece.
    pub(super) fn samples_of(self, piece: usize) -> Range<usize> {
        let own = self.of(piece);
        (own.start * self.size).min(self.samples)..(own.end * self.size).min(self.samples)
    }

    /// The piece that has a sample.
    pub(super) fn owner(self, sample: usize) -> usize {
        let (count, sharing) = (self.count(), self.sharing());
        // The last i whose first tile is not beyond that of the sample.
        sharing - 1 - ((sample / self.size + 1) * sharing - 1) / count
    }
}

/// The batches of an epoch, as the pieces share them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Batches {
    /// Number of samples in a batch; the last one may have fewer.
    pub(super) size: usize,
    /// Number of samples in a tile of a batch.
    pub(super) tile: usize,
    pub(super) pieces: usize,
}

impl Batches {
    /// The tiles of a batch of so many samples.
    pub(super) fn tiles(self, samples: usize) -> Tiles {
        Tiles { samples, size: self.tile, pieces: self.pieces }
    }

    /// Number of steps whose samples are fetched at a time, in epochs of `samples` samples.
    fn fetched(self, samples: usize) -> usize {
        (samples / FETCHES / self.size.max(1)).max(1)
    }
}

/// The samples that other pieces have and this one takes through the network in its next steps.
#[derive(Debug)]
pub(super) struct Ahead {
    /// The samples of each piece, in the order in which they are taken, with the number of them that were taken.
    from: Vec<(Samples, usize)>,
    /// The steps of the epoch that they are for.
    steps: Range<usize>,
}

impl Ahead {
    /// Nothing fetched yet of the training samples of a piece.
    pub(super) fn new(part: &Part, pieces: usize) -> Self {
        Self { from: (0..pieces).map(|_| (part.own.none_of_this_kind(0), 0)).collect(), steps: 0..0 }
    }

    /// Has the samples for a step of an epoch in this `order`. All pieces call this before every step.
    pub(super) fn prepare(
        &mut self,
        communicator: &dyn Communicator,
        part: &Part,
        batches: Batches,
        order: &[usize],
        step: usize,
    ) -> Result<(), Failure> {
        if step > 0 && self.steps.contains(&step) {
            return Ok(());
        }
        let steps = batches.fetched(order.len());
        self.steps = step..step + steps;
        let first = (step * batches.size).min(order.len());
        let order = &order[first..(first + steps * batches.size).min(order.len())];
        // The samples that one piece has and another one needs, in the order in which it takes them.
        let between = |from: usize, to: usize| {
            let wanted =
                order.chunks(batches.size).flat_map(move |batch| &batch[batches.tiles(batch.len()).samples_of(to)]);
            wanted.copied().filter(move |&n| part.tiles.owner(n) == from)
        };
        let own = communicator.rank();
        let send = |other: usize| {
            let (mut features, mut targets) = (vec![], vec![]);
            for n in between(own, other) {
                let n = n - part.place.start;
                features.extend_from_slice(part.own.x.column(n));
                part.own.y.numbers_of(n, &mut targets);
            }
            if targets.is_empty() {
                return Ok(());
            }
            communicator.send(other, f32::numbers(&features))?;
            communicator.send(other, f64::numbers(&targets))
        };
        let from = &mut self.from;
        let receive = |other: usize| {
            let (Samples { x, y }, taken) = &mut from[other];
            (x.columns, *taken) = (between(other, own).count(), 0);
            x.data.resize(x.rows * x.columns, 0.0);
            y.clear();
            if x.columns == 0 {
                return Ok(());
            }
            communicator.receive(other, f32::numbers_mut(&mut x.data))?;
            let mut targets = vec![0.0; x.columns * y.numbers_of_a_sample()];
            communicator.receive(other, f64::numbers_mut(&mut targets))?;
            y.push_numbers(&targets);
            Ok(())
        };
        communicator.meet_each(send, receive)
    }

    /// Appends training sample `n` to a batch: the piece's own one, or the next of those that were fetched from its owner.
    pub(super) fn take(&mut self, part: &Part, n: usize, batch: &mut Samples) {
        if part.place.contains(&n) {
            return batch.push_from(&part.own, n - part.place.start);
        }
        let (samples, taken) = &mut self.from[part.tiles.owner(n)];
        batch.push_from(samples, *taken);
        *taken += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_has_the_piece_whose_range_it_is_in() {
        for (samples, size) in [(0, 8), (1, 8), (7, 8), (50, 8), (64, 8), (67, 5), (300, 1), (36, 36)] {
            for pieces in 1..12 {
                let tiles = Tiles { samples, size, pieces };
                let mut ranges: Vec<Range<usize>> = (0..pieces).map(|piece| tiles.samples_of(piece)).collect();
                for (piece, range) in ranges.iter().enumerate() {
                    assert!(range.clone().all(|n| tiles.owner(n) == piece), "{tiles:?}, piece {piece}");
                }
                // The first samples belong to the last piece that has some, and none is left out.
                ranges.reverse();
                let all: Vec<usize> = ranges.into_iter().flatten().collect();
                assert_eq!(all, (0..samples).collect::<Vec<_>>(), "{tiles:?}");
            }
        }
    }
}

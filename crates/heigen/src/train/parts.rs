//! The samples of a training, part by part.

use super::TrainError;
use super::dealing::{LARGE, Tiles};
use crate::data::{Dataset, Split};
use crate::linalg::Matrix;
use crate::model::Network;
use crate::vocabulary::Targets;
use heigen_spectra::Communicator;
use std::ops::Range;
use std::sync::Arc;

/// Samples as a matrix [d, N] with the targets of N samples.
#[derive(Clone, Debug)]
pub(super) struct Samples {
    pub(super) x: Matrix<f32>,
    pub(super) y: Targets,
}

impl Samples {
    fn of(data: &Dataset, indices: &[usize]) -> Self {
        let part = data.subset(indices);
        let features = part.n_features();
        Self { y: part.targets(), x: Matrix { data: part.features, rows: features, columns: indices.len() } }
    }

    /// No samples of the same kind, with room for so many.
    pub(super) fn none_of_this_kind(&self, samples: usize) -> Self {
        let data = Vec::with_capacity(self.x.rows * samples);
        Self { x: Matrix { data, rows: self.x.rows, columns: 0 }, y: self.y.none_of_this_kind(samples) }
    }

    /// Removes all samples and keeps their memory.
    pub(super) fn clear(&mut self) {
        self.x.data.clear();
        self.x.columns = 0;
        self.y.clear();
    }

    /// Appends sample `n` of `other`, which must be of the same kind.
    pub(super) fn push_from(&mut self, other: &Self, n: usize) {
        self.x.data.extend_from_slice(other.x.column(n));
        self.x.columns += 1;
        self.y.push_from(&other.y, n);
    }
}

/// The samples of one part that a training has: all, or the share of one of several pieces.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) own: Samples,
    /// The numbers of these samples among those of all pieces.
    pub(super) place: Range<usize>,
    /// How the samples of all pieces are dealt.
    pub(super) tiles: Tiles,
}

impl Part {
    fn whole(data: &Dataset, indices: &[usize]) -> Self {
        Self::of_piece(data, indices, Tiles { samples: indices.len(), size: indices.len(), pieces: 1 }, 0)
    }

    fn of_piece(data: &Dataset, indices: &[usize], tiles: Tiles, piece: usize) -> Self {
        let place = tiles.samples_of(piece);
        Self { own: Samples::of(data, &indices[place.clone()]), place, tiles }
    }
}

/// Training, test and validation samples.
#[derive(Clone, Debug)]
pub struct Parts {
    pub(super) train: Part,
    pub(super) validation: Part,
    pub(super) test: Part,
    /// The connection with the other pieces, where these are the share of one of several.
    pub(super) pieces: Option<Arc<dyn Communicator>>,
}

impl Parts {
    /// The training, test and validation parts of `data`, as `split` divides it.
    pub fn new(data: &Dataset, split: &Split) -> Self {
        Self {
            train: Part::whole(data, &split.train),
            validation: Part::whole(data, &split.validation),
            test: Part::whole(data, &split.test),
            pieces: None,
        }
    }

    /// The share that one of several pieces has of the parts, for a training that all pieces do together: a contiguous range of the samples
    /// of each part. All pieces deal the same data, train on their parts with the same settings, and do the same steps. Each takes some
    /// tiles of every batch through the network, and the gradients of the tiles are added in the order in which one piece alone adds them,
    /// so that weights and losses have the same bytes.
    ///
    /// An epoch has the samples in a new random order, from which it follows which samples are in a tile. Before a step, each
    /// piece therefore hands those that it has to the piece that takes them through the network; several steps are prepared
    /// together, as many as an eighth of the samples are enough for, at least one.
    ///
    /// Batches of a small network ([`Parts::shares_batches`]) are one tile each, whose sums belong to one product: every piece computes
    /// them by itself, and has all samples.
    ///
    /// # Errors
    /// [`TrainError::Coupled`] if the network takes the statistics of its batch, which no piece has.
    pub fn dealt(
        data: &Dataset,
        split: &Split,
        network: &Network,
        communicator: Arc<dyn Communicator>,
    ) -> Result<Self, TrainError> {
        let pieces = communicator.size();
        if pieces < 2 {
            return Ok(Self::new(data, split));
        }
        if network.couples_samples() {
            return Err(TrainError::Coupled);
        }
        if !Self::shares_batches(network) {
            return Ok(Self::new(data, split));
        }
        let part = |indices: &[usize]| {
            let tiles = Tiles { samples: indices.len(), size: network.tile(indices.len(), 1), pieces };
            Part::of_piece(data, indices, tiles, communicator.rank())
        };
        let (train, validation, test) = (part(&split.train), part(&split.validation), part(&split.test));
        Ok(Self { train, validation, test, pieces: Some(communicator) })
    }

    /// Whether several pieces share the batches of a network, which has 131,072 multiplications a sample or more.
    pub fn shares_batches(network: &Network) -> bool {
        network.multiplications() >= LARGE
    }

    /// Number of training samples that this piece has; all of them unless they are dealt to several.
    pub fn n_own_training(&self) -> usize {
        self.train.own.y.len()
    }

    /// Whether these are the share of one of several pieces.
    pub fn are_dealt(&self) -> bool {
        self.pieces.is_some()
    }
}

//! Sums over the samples of a problem: in the fixed tree of their leaves, by threads, and by pieces that have some samples each.

use super::{Failure, Problem, ProblemError, Space};
use crate::linalg::{Matrix, Scalar};
use crate::model::Pool;
use heigen_spectra::{Alone, Communicator, Leaves};
use rayon::prelude::*;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

/// Sums of so many numbers, over all leaves together, are held in memory at a time without more ado: 32 MiB in float64. Of larger
/// ones no more are held than threads can work on.
const NUMBERS: usize = 1 << 22;
/// Numbers that are added by one task where large sums are added.
const ADDED: usize = 1 << 16;

/// The share of one piece in a computation of several.
#[derive(Clone, Debug)]
pub(super) struct Share {
    communicator: Arc<dyn Communicator>,
    /// N, the number of the samples of all pieces.
    samples: usize,
    /// Whether all samples of all pieces have a class, so that the pieces agree on it whatever their own samples are.
    classes: bool,
}

impl Share {
    pub(super) fn of(communicator: Arc<dyn Communicator>, samples: usize, classes: bool) -> Self {
        Self { communicator, samples, classes }
    }
}

/// The samples of this piece's leaves, out of `samples` samples of all pieces.
pub(super) fn samples_of_piece(samples: usize, communicator: &dyn Communicator) -> Range<usize> {
    let leaves = Leaves::of(samples);
    leaves.items(&leaves.share(communicator.rank(), communicator.size()))
}

/// Working memory that outlives a product, so that the next one need not ask for it again and clear it: for every task that ran at
/// the same time its [`Pool`], and sums of leaves. What is kept is no more than one product has used: before a product of another size
/// all is let go.
#[derive(Debug)]
pub(super) struct Pools<T> {
    kept: Mutex<Kept<T>>,
}

#[derive(Debug)]
struct Kept<T> {
    size: usize,
    pools: Vec<Pool<T>>,
    sums: Vec<Vec<T>>,
}

impl<T: Scalar> Pools<T> {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { kept: Mutex::new(Kept { size: 0, pools: vec![], sums: vec![] }) })
    }

    fn with<R>(&self, change: impl FnOnce(&mut Kept<T>) -> R) -> R {
        change(&mut self.kept.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Lets go of what is kept, unless it was for computations of this size.
    fn prepare(&self, size: usize) {
        let outdated = self.with(|kept| {
            if kept.size == size {
                return None;
            }
            kept.size = size;
            Some((std::mem::take(&mut kept.pools), std::mem::take(&mut kept.sums)))
        });
        drop(outdated);
    }

    /// Calls `work` with a pool that nobody else uses meanwhile.
    fn lend<R>(&self, work: impl FnOnce(&mut Pool<T>) -> R) -> R {
        let mut pool = self.with(|kept| kept.pools.pop()).unwrap_or_default();
        let result = work(&mut pool);
        self.with(|kept| kept.pools.push(pool));
        result
    }

    /// Calls `work` with the place of a sum of `len` numbers, of arbitrary content.
    fn lend_sum<R>(&self, len: usize, work: impl FnOnce(&mut [T]) -> R) -> R {
        let fitting = |kept: &mut Kept<T>| {
            let found = kept.sums.iter().position(|sum| sum.len() == len)?;
            Some(kept.sums.swap_remove(found))
        };
        let mut sum = self.with(fitting).unwrap_or_else(|| vec![T::ZERO; len]);
        let result = work(&mut sum);
        self.with(|kept| kept.sums.push(sum));
        result
    }
}

/// How the sums over leaves are computed.
struct Schedule<'a, F> {
    leaves: Leaves,
    /// The number of the first of this piece's samples among those of all pieces.
    first: usize,
    /// Nodes of so many leaves are computed in parallel; the branches of larger ones, one after the other.
    width: usize,
    /// Writes the sum over a range of this piece's samples, of group `g`: `one(g, samples, pool, sum)`.
    one: &'a F,
}

impl<T: Scalar> Problem<'_, T> {
    /// This piece's share of a computation by several: the problem with the samples of its leaves alone, whose loss, gradient,
    /// operators and traces are those of all samples, by what the pieces say to each other. Every piece makes the same problem of all
    /// samples first, deals it out, and then asks for the same things in the same order; all get the same bytes, which are those of one
    /// piece alone, whatever the number of pieces.
    ///
    /// [`Problem::n_samples`], [`Problem::inputs`] and everything about single samples are those of the share. Pieces for which no
    /// leaf is left ([`Leaves`]) have no samples, and get what the others compute.
    ///
    /// # Errors
    /// [`ProblemError::Coupled`] if the network takes the statistics of its batch, which no piece has.
    pub fn dealt(self, communicator: Arc<dyn Communicator>) -> Result<Self, ProblemError> {
        if self.network().couples_samples() {
            return Err(ProblemError::Coupled);
        }
        let (samples, classes) = (self.n_samples(), self.classes().is_some());
        let own = samples_of_piece(samples, &*communicator);
        Ok(self.with_share(own, Share::of(communicator, samples, classes)))
    }

    /// The connection with the other pieces of the computation, if there are some.
    pub(super) fn communicator(&self) -> Option<&dyn Communicator> {
        self.share().map(|share| &*share.communicator)
    }

    /// N, the number of samples of all pieces together.
    pub fn n_all_samples(&self) -> usize {
        self.share().map_or(self.n_samples(), |share| share.samples)
    }

    /// The connection with the other pieces, to be kept; that of a piece alone where there are no others.
    pub(super) fn connection(&self) -> Arc<dyn Communicator> {
        self.share().map_or_else(|| Arc::new(Alone) as Arc<dyn Communicator>, |share| Arc::clone(&share.communicator))
    }

    /// The leaves of sums over all samples.
    pub(super) fn leaves(&self) -> Leaves {
        let n = self.n_all_samples();
        if self.network().couples_samples() { Leaves::single(n) } else { Leaves::of(n) }
    }

    /// The leaves of this piece.
    fn own_leaves(&self) -> Range<usize> {
        let leaves = self.leaves();
        self.communicator().map_or(leaves.root(), |all| leaves.share(all.rank(), all.size()))
    }

    /// The samples of a piece, by their numbers among those of all pieces.
    pub(super) fn samples_of(&self, piece: usize) -> Range<usize> {
        let leaves = self.leaves();
        let pieces = self.communicator().map_or(1, Communicator::size);
        leaves.items(&leaves.share(piece, pieces))
    }

    /// The number of this piece's first sample among those of all pieces.
    pub(super) fn first_sample(&self) -> usize {
        self.leaves().items(&self.own_leaves()).start
    }

    /// The largest number of samples in a leaf.
    pub(super) fn largest_leaf(&self) -> usize {
        let leaves = self.leaves();
        self.n_all_samples().div_ceil(leaves.count()).max(1)
    }

    /// The sum over all samples, in `out`, group by group of `group` numbers: `one(g, samples, pool, sum)` writes the sum over a range
    /// of this piece's samples to the numbers of group `g`. Groups and leaves are computed in parallel; at most `together` leaves at a
    /// time, where memory is scarce.
    ///
    /// # Errors
    /// [`Failure`] of the connection between pieces.
    pub(super) fn summed(
        &self,
        out: &mut [T],
        group: usize,
        together: Option<usize>,
        one: &(impl Fn(usize, Range<usize>, &mut Pool<T>, &mut [T]) + Sync),
    ) -> Result<(), Failure> {
        let leaves = self.leaves();
        let Some(communicator) = self.communicator() else {
            self.sum_of_leaves(&leaves.root(), out, group, together, one);
            return Ok(());
        };
        communicator.sum(&leaves, self.parts(out.len(), group, together, one), out)
    }

    /// This piece's parts of [`Problem::summed`]: the sums of `len` numbers over the largest nodes of its leaves, in order.
    pub(super) fn parts(
        &self,
        len: usize,
        group: usize,
        together: Option<usize>,
        one: &(impl Fn(usize, Range<usize>, &mut Pool<T>, &mut [T]) + Sync),
    ) -> Vec<Vec<T>> {
        let of_node = |node: &Range<usize>| {
            let mut part = vec![T::ZERO; len];
            self.sum_of_leaves(node, &mut part, group, together, one);
            part
        };
        self.leaves().nodes(&self.own_leaves()).iter().map(of_node).collect()
    }

    /// The sums over a node of this piece's leaves, of all groups.
    fn sum_of_leaves(
        &self,
        node: &Range<usize>,
        out: &mut [T],
        group: usize,
        together: Option<usize>,
        one: &(impl Fn(usize, Range<usize>, &mut Pool<T>, &mut [T]) + Sync),
    ) {
        let (group, leaves) = (group.max(1), self.leaves());
        self.pools().prepare(group);
        self.space().threads().run(|| {
            let groups = out.len().div_ceil(group).max(1);
            let fits = leaves.count().saturating_mul(out.len()) <= NUMBERS;
            let most = if fits { leaves.count() } else { rayon::current_num_threads().div_ceil(groups) };
            let width = most.min(together.unwrap_or(usize::MAX)).max(1);
            let schedule = Schedule { leaves, first: self.first_sample(), width, one };
            let groups = out.par_chunks_mut(group).enumerate();
            groups.for_each(|(number, out)| self.sum_of_node(&schedule, node, number, out));
        });
    }

    /// The sum over the leaves of a node, of one group.
    fn sum_of_node(
        &self,
        schedule: &Schedule<'_, impl Fn(usize, Range<usize>, &mut Pool<T>, &mut [T]) + Sync>,
        node: &Range<usize>,
        group: usize,
        out: &mut [T],
    ) {
        if node.len() == 1 {
            let samples = schedule.leaves.items(node);
            let own = samples.start - schedule.first..samples.end - schedule.first;
            return self.pools().lend(|pool| (schedule.one)(group, own, pool, out));
        }
        let [left, right] = Leaves::branches(node);
        self.pools().lend_sum(out.len(), |other| {
            let mut on_the_left = || self.sum_of_node(schedule, &left, group, out);
            let on_the_right = |other: &mut [T]| self.sum_of_node(schedule, &right, group, other);
            if node.len() <= schedule.width {
                rayon::join(on_the_left, || on_the_right(other));
            } else {
                on_the_left();
                on_the_right(other);
            }
            let chunks = out.par_chunks_mut(ADDED).zip(other.par_chunks(ADDED));
            chunks.for_each(|(out, other)| out.iter_mut().zip(other).for_each(|(out, &other)| *out += other));
        });
    }

    /// The sums over all samples of `len` numbers in float64: `one` adds those of a range of this piece's samples to zeros.
    ///
    /// # Errors
    /// [`Failure`] of the connection between pieces.
    pub(super) fn summed_numbers(
        &self,
        len: usize,
        one: impl Fn(Range<usize>, &mut [f64]),
    ) -> Result<Vec<f64>, Failure> {
        self.joined_numbers(self.parts_of_numbers(len, one), len)
    }

    /// This piece's parts of [`Problem::summed_numbers`]: the sums over the largest nodes of its leaves, in order.
    pub(super) fn parts_of_numbers(&self, len: usize, one: impl Fn(Range<usize>, &mut [f64])) -> Vec<Vec<f64>> {
        let (leaves, first) = (self.leaves(), self.first_sample());
        let of_leaf = |leaf: &Range<usize>| {
            let samples = leaves.items(leaf);
            let mut sum = vec![0.0; len];
            one(samples.start - first..samples.end - first, &mut sum);
            sum
        };
        if self.communicator().is_none() {
            return vec![numbers_of(&leaves.root(), &of_leaf)];
        }
        leaves.nodes(&self.own_leaves()).iter().map(|node| numbers_of(node, &of_leaf)).collect()
    }

    /// The sums of `len` numbers from the parts of all pieces.
    ///
    /// # Errors
    /// [`Failure`] of the connection between pieces.
    pub(super) fn joined_numbers(&self, mut parts: Vec<Vec<f64>>, len: usize) -> Result<Vec<f64>, Failure> {
        let Some(communicator) = self.communicator() else { return Ok(parts.pop().unwrap_or_default()) };
        let mut out = vec![0.0; len];
        communicator.sum(&self.leaves(), parts, &mut out)?;
        Ok(out)
    }

    /// [`Problem::summed_numbers`] for a single number of each sample; `None` where the other pieces cannot be reached.
    pub(super) fn summed_number(&self, of_sample: impl Fn(usize) -> f64) -> Option<f64> {
        let sum = self.summed_numbers(1, |samples, sum| sum[0] = samples.map(&of_sample).sum());
        sum.ok().and_then(|sum| sum.first().copied())
    }

    /// This piece's samples in tiles of at most `most`, none of which has samples of two leaves. Whatever is computed tile by tile has
    /// the same bytes for any number of pieces.
    pub fn own_tiles(&self, most: usize) -> Vec<Range<usize>> {
        let (leaves, first) = (self.leaves(), self.first_sample());
        let of_leaf = |leaf: usize| {
            let samples = leaves.items(&(leaf..leaf + 1));
            let (start, end) = (samples.start - first, samples.end - first);
            let size = samples.len().div_ceil(samples.len().div_ceil(most.max(1)).max(1)).max(1);
            (start..end).step_by(size).map(move |tile| tile..(tile + size).min(end))
        };
        self.own_leaves().flat_map(of_leaf).collect()
    }

    /// The columns [k, N] of the samples of all pieces, from those of this piece's samples, one after another; all pieces have the same.
    ///
    /// # Errors
    /// [`Failure`] of the connection between pieces.
    pub fn of_all_samples(&self, own: &[T], k: usize) -> Result<Matrix<T>, Failure> {
        let columns = self.n_all_samples();
        let Some(communicator) = self.communicator() else {
            return Ok(Matrix { data: own.to_vec(), rows: k, columns });
        };
        let (leaves, pieces) = (self.leaves(), communicator.size());
        let place = |piece: usize| {
            let samples = leaves.items(&leaves.share(piece, pieces));
            samples.start * k..samples.end * k
        };
        let mut all = Matrix::zeros(k, columns);
        communicator.gather(own, place, &mut all.data)?;
        Ok(all)
    }

    /// Whether the samples of all pieces have classes, where this is a share that was dealt to one of several.
    pub(super) fn all_have_classes(&self) -> Option<bool> {
        self.share().map(|share| share.classes)
    }

    /// Puts in the place of each number the largest that the pieces have there. All pieces have equally many.
    ///
    /// # Errors
    /// [`Failure`] of the connection between pieces.
    pub(crate) fn largest_of_pieces(&self, numbers: &mut [f64]) -> Result<(), Failure> {
        let Some(communicator) = self.communicator() else { return Ok(()) };
        let n = numbers.len();
        let mut all = vec![0.0; communicator.size() * n];
        communicator.gather(numbers, |piece| piece * n..(piece + 1) * n, &mut all)?;
        for of_piece in all.chunks_exact(n.max(1)) {
            numbers.iter_mut().zip(of_piece).for_each(|(largest, &other)| *largest = largest.max(other));
        }
        Ok(())
    }
}

/// The sums over the leaves of a node.
fn numbers_of(node: &Range<usize>, of_leaf: &impl Fn(&Range<usize>) -> Vec<f64>) -> Vec<f64> {
    if node.len() == 1 {
        return of_leaf(node);
    }
    let [mut sum, other] = Leaves::branches(node).map(|branch| numbers_of(&branch, of_leaf));
    sum.iter_mut().zip(other).for_each(|(sum, other)| *sum += other);
    sum
}

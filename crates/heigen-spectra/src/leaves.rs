//! The fixed tree in which sums over samples, or other items, are added.

use std::ops::Range;

/// The average number of items in a leaf is at least this many times the number of leaves.
const ITEMS: usize = 8;
/// Beyond two leaves there are at least so many items in a leaf on average: matrix products over the items of a leaf lose their rate
/// where it is shorter.
const LEAST: usize = 64;
/// So many items in a leaf on average are enough, however many leaves there are: to add the sum of a leaf then costs at most a few percent
/// of making it, and more machines may share the work.
const ENOUGH: usize = 192;

/// The leaves of a sum over N items: ranges of items whose sums are computed by themselves, and then added in a fixed binary
/// tree.
///
/// Their number and their ranges follow from N alone. So the bytes of a sum depend neither on threads nor on the pieces (threads,
/// processes, machines) that the leaves are dealt to: a piece computes whole leaves, and whoever adds, adds the same numbers in the
/// same order.
///
/// There are 2^k leaves, as many as leave 8 * 2^k items for each on average, and 64 where there are more than two, but never more than
/// 192: 2 for 32 items, 4 for 256, 16 for 5,000, 256 for 50,000. A sum of P numbers costs as much to be added as a few items cost to be
/// summed, and the products of which it is made are fast where they are long, so leaves are to be large; but the more there are, the more
/// pieces may share the work.
///
/// ```
/// use heigen_spectra::Leaves;
/// let leaves = Leaves::of(300);
/// assert_eq!(leaves.count(), 4);
/// assert_eq!(leaves.items(&(0..1)), 0..75);
/// // The first of three pieces has two leaves, the others have one.
/// let shares: Vec<_> = (0..3).map(|piece| leaves.share(piece, 3)).collect();
/// assert_eq!(shares, [0..2, 2..3, 3..4]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leaves {
    items: usize,
    count: usize,
}

impl Leaves {
    /// The leaves of a sum over `items` items.
    pub fn of(items: usize) -> Self {
        let mut count = 1usize;
        let fits = |count: usize| {
            let least = if count > 2 { count.saturating_mul(ITEMS).clamp(LEAST, ENOUGH) } else { count * ITEMS };
            count.saturating_mul(least) <= items
        };
        while fits(2 * count) {
            count *= 2;
        }
        Self { items, count }
    }

    /// A single leaf of all items, for sums that cannot be taken apart.
    pub fn single(items: usize) -> Self {
        Self { items, count: 1 }
    }

    /// Number of leaves.
    pub fn count(&self) -> usize {
        self.count
    }

    /// All leaves, which are the root of the tree.
    pub fn root(&self) -> Range<usize> {
        0..self.count
    }

    /// The items of a range of leaves.
    pub fn items(&self, leaves: &Range<usize>) -> Range<usize> {
        let first = |leaf: usize| (leaf as u128 * self.items as u128 / self.count as u128) as usize;
        first(leaves.start)..first(leaves.end)
    }

    /// The two branches of a node of the tree, a range of at least two leaves: the sum of the node is that of the first branch plus
    /// that of the second.
    pub fn branches(node: &Range<usize>) -> [Range<usize>; 2] {
        let middle = node.start + node.len() / 2;
        [node.start..middle, middle..node.end]
    }

    /// The leaves of piece number `piece` of `pieces`; none where there are more pieces than leaves.
    pub fn share(&self, piece: usize, pieces: usize) -> Range<usize> {
        let first = |piece: usize| (piece * self.count).div_ceil(pieces.max(1));
        first(piece)..first(piece + 1)
    }

    /// The piece of `pieces` that a leaf belongs to.
    pub fn owner(&self, leaf: usize, pieces: usize) -> usize {
        leaf * pieces / self.count
    }

    /// The largest nodes of the tree that lie in a range of leaves, in order; together they are the range.
    pub fn nodes(&self, share: &Range<usize>) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        collect(&self.root(), share, &mut found);
        found
    }
}

fn collect(node: &Range<usize>, share: &Range<usize>, found: &mut Vec<Range<usize>>) {
    if share.start <= node.start && node.end <= share.end {
        found.push(node.clone());
    } else if node.start < share.end && share.start < node.end && node.len() > 1 {
        Leaves::branches(node).iter().for_each(|branch| collect(branch, share, found));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_follow_from_the_number_of_items_and_hold_each_item_once() {
        let counts: Vec<usize> =
            [0, 1, 31, 32, 150, 255, 256, 511, 512, 1024, 2048, 6143].map(|n| Leaves::of(n).count()).to_vec();
        assert_eq!(counts, [1, 1, 1, 2, 2, 2, 4, 4, 8, 8, 16, 16]);
        let counts: Vec<usize> = [6144, 12_288, 50_000, 60_000, 1_281_167].map(|n| Leaves::of(n).count()).to_vec();
        assert_eq!(counts, [32, 64, 256, 256, 4096]);
        for items in [0, 1, 5, 33, 150, 1001] {
            let leaves = Leaves::of(items);
            let mut next = 0;
            for leaf in leaves.root() {
                let own = leaves.items(&(leaf..leaf + 1));
                assert_eq!(own.start, next);
                next = own.end;
            }
            assert_eq!(next, items);
        }
    }

    #[test]
    fn every_leaf_has_one_owner_and_shares_are_made_of_nodes() {
        let leaves = Leaves::of(5000);
        assert_eq!(leaves.count(), 16);
        for pieces in 1..40 {
            for piece in 0..pieces {
                let share = leaves.share(piece, pieces);
                for leaf in share.clone() {
                    assert_eq!(leaves.owner(leaf, pieces), piece, "leaf {leaf} of {pieces} pieces");
                }
                let nodes = leaves.nodes(&share);
                assert_eq!(nodes.iter().map(ExactSizeIterator::len).sum::<usize>(), share.len());
                assert!(nodes.iter().all(|node| node.len().is_power_of_two() && node.start % node.len() == 0));
            }
        }
        assert_eq!(leaves.nodes(&(3..9)), [3..4, 4..8, 8..9]);
        assert_eq!(leaves.nodes(&leaves.root()), std::slice::from_ref(&(0..16)));
    }
}

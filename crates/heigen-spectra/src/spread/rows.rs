//! How the rows of vectors are dealt to the pieces of a computation.

use crate::linalg::ROW_TILE;
use std::ops::Range;

/// The rows 0 to `len` - 1, dealt to `pieces` pieces in whole tiles: each has a contiguous range of them, and none has more than one tile
/// more than another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rows {
    pub(super) len: usize,
    pub(super) pieces: usize,
}

impl Rows {
    /// All tiles.
    pub(super) fn tiles(&self) -> Range<usize> {
        0..self.len.div_ceil(ROW_TILE)
    }

    /// The tiles of a piece.
    pub(super) fn tiles_of(&self, piece: usize) -> Range<usize> {
        let first = |piece: usize| (piece * self.tiles().end).div_ceil(self.pieces.max(1));
        first(piece)..first(piece + 1)
    }

    /// The rows of a piece.
    pub(super) fn of(&self, piece: usize) -> Range<usize> {
        let tiles = self.tiles_of(piece);
        (tiles.start * ROW_TILE).min(self.len)..(tiles.end * ROW_TILE).min(self.len)
    }
}

/// The indices that are in both ranges; an empty range where there are none.
pub(super) fn common(a: &Range<usize>, b: &Range<usize>) -> Range<usize> {
    let start = a.start.max(b.start);
    start..a.end.min(b.end).max(start)
}

/// The parts of ascending `ranges` that lie in `rows`, counted from the first of these.
pub(super) fn within(ranges: &[Range<usize>], rows: &Range<usize>) -> Vec<Range<usize>> {
    let parts = ranges.iter().map(|range| common(range, rows)).filter(|part| !part.is_empty());
    parts.map(|part| part.start - rows.start..part.end - rows.start).collect()
}

/// Number of indices in ascending `ranges` that are below `row`.
pub(super) fn below(ranges: &[Range<usize>], row: usize) -> usize {
    ranges.iter().map(|range| row.clamp(range.start, range.end) - range.start).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_has_one_owner_and_shares_begin_with_a_tile() {
        for len in [0, 1, ROW_TILE, 3 * ROW_TILE + 7, 100 * ROW_TILE] {
            for pieces in [1, 2, 3, 7, 40] {
                let rows = Rows { len, pieces };
                let mut next = 0;
                for piece in 0..pieces {
                    let own = rows.of(piece);
                    assert!(own.start == next && (own.is_empty() || own.start.is_multiple_of(ROW_TILE)));
                    let tiles = rows.tiles_of(piece).len();
                    assert!(tiles * pieces < rows.tiles().end + pieces, "{tiles} tiles of {rows:?}");
                    next = own.end;
                }
                assert_eq!(next, len);
            }
        }
    }

    #[test]
    fn places_of_chosen_rows() {
        let ranges = [2..5, 7..9];
        assert_eq!([0, 2, 4, 6, 8, 20].map(|row| below(&ranges, row)), [0, 0, 2, 3, 4, 5]);
        assert_eq!(within(&ranges, &(4..8)), [0..1, 3..4]);
        assert!(within(&ranges, &(5..7)).is_empty());
    }
}

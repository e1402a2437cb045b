//! The outputs of a sample that has several positions, taken apart.

use crate::linalg::Scalar;
use crate::vocabulary::{PositionLayout, TargetsView};

/// One position of a sample: its label, and its part of some columns of outputs.
pub(super) struct Position<'a, T, const M: usize> {
    /// The label.
    pub(super) label: usize,
    /// The parts of the columns, of C numbers each.
    pub(super) columns: [&'a [T]; M],
    scratch: &'a mut [T],
    place: usize,
    positions: usize,
    layout: PositionLayout,
}

impl<T: Scalar, const M: usize> Position<'_, T, M> {
    /// Room for a result of C numbers.
    pub(super) fn scratch(&mut self) -> &mut [T] {
        self.scratch
    }

    /// Puts the result in its places among those of all positions.
    pub(super) fn put(&self, out: &mut [T]) {
        let classes = self.scratch.len();
        for (c, &value) in self.scratch.iter().enumerate() {
            if let Some(to) = out.get_mut(index(self.layout, self.place, c, self.positions, classes)) {
                *to = value;
            }
        }
    }
}

/// The place of class `c` of a position among all outputs of a sample.
pub(super) fn index(layout: PositionLayout, place: usize, c: usize, positions: usize, classes: usize) -> usize {
    match layout {
        PositionLayout::ClassesLast => place * classes + c,
        PositionLayout::ClassesFirst => c * positions + place,
    }
}

/// Calls `each` with every position of sample `n`, whose `columns` have a number for every output; never for targets
/// without positions.
pub(super) fn by_position<T: Scalar, const M: usize>(
    n: usize,
    columns: [&[T]; M],
    targets: TargetsView<'_>,
    mut each: impl FnMut(Position<'_, T, M>),
) {
    let TargetsView::Positions { classes: labels, positions, layout } = targets else { return };
    let Some(labels) = labels.get(n * positions..(n + 1) * positions) else { return };
    let classes = columns.first().map_or(0, |column| column.len() / positions.max(1));
    let mut scratch = vec![T::ZERO; classes];
    let mut gathered = vec![T::ZERO; if layout == PositionLayout::ClassesFirst { M * classes } else { 0 }];
    for (place, &label) in labels.iter().enumerate() {
        let parts: [&[T]; M] = match layout {
            PositionLayout::ClassesLast => columns.map(|column| &column[place * classes..(place + 1) * classes]),
            PositionLayout::ClassesFirst => {
                for (column, part) in columns.iter().zip(gathered.chunks_exact_mut(classes.max(1))) {
                    for (c, to) in part.iter_mut().enumerate() {
                        *to = column[index(layout, place, c, positions, classes)];
                    }
                }
                std::array::from_fn(|i| &gathered[i * classes..(i + 1) * classes])
            }
        };
        each(Position { label, columns: parts, scratch: &mut scratch, place, positions, layout });
    }
}

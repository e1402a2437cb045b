//! The functional remainder of a piecewise-linear network, from a few products along many weights together.

use super::structure::Probing;
use super::{Failure, FunctionalRemainder, Problem, SymmetricOperator, Watch, stage};
use crate::linalg::{Matrix, Scalar, par, product};
use std::ops::Range;

/// Number of directions in one product through the network.
const BLOCK: usize = 128;

/// The block of the remainder that belongs to one unit: its rows are the weights of the last layer that the unit feeds,
/// its columns are the weights of the unit.
#[derive(Debug)]
pub(super) struct Block<T> {
    /// The entries, [weights of the last layer, weights of the unit].
    pub(super) entries: Matrix<T>,
    /// Places of the unit's weights in theta.
    unit: Vec<usize>,
    /// Places of the last layer's weights in theta.
    last: Vec<Range<usize>>,
}

/// Calls `take` with every parameter before the last two layers, counted from the first, and its column of the remainder,
/// `[P]`.
pub(super) fn first_columns<T: Scalar>(
    problem: &Problem<'_, T>,
    probing: &Probing,
    watch: &mut dyn Watch,
    mut take: impl FnMut(usize, &[T]),
) -> Result<(), Failure> {
    let (p, first) = (problem.n_params(), probing.first.clone());
    for start in first.clone().step_by(BLOCK) {
        let end = (start + BLOCK).min(first.end);
        let unit = Matrix::from_fn(p, end - start, |i, j| if i == start + j { T::ONE } else { T::ZERO });
        let products = FunctionalRemainder(problem).product(&unit)?;
        products.iter_columns().enumerate().for_each(|(j, column)| take(start - first.start + j, column));
        watch.tell(stage::STRUCTURE, (end - first.start) as u64, Some(products_of(probing)), "products")?;
    }
    Ok(())
}

/// The blocks of all units. A product along one weight of every unit tells a column of each block, as no two units feed the
/// same weight of the last layer.
pub(super) fn unit_blocks<T: Scalar>(
    problem: &Problem<'_, T>,
    probing: &Probing,
    watch: &mut dyn Watch,
) -> Result<Vec<Block<T>>, Failure> {
    let (p, directions) = (problem.n_params(), probing.directions());
    let mut blocks: Vec<Block<T>> = (0..probing.units)
        .map(|unit| {
            let last = probing.last(unit);
            Block {
                entries: Matrix::zeros(last.iter().map(ExactSizeIterator::len).sum(), directions),
                unit: (0..directions).map(|i| probing.weight(unit, i)).collect(),
                last,
            }
        })
        .collect();
    for start in (0..directions).step_by(BLOCK) {
        let width = BLOCK.min(directions - start);
        let mut together = Matrix::zeros(p, width);
        for j in 0..width {
            blocks.iter().for_each(|block| together.column_mut(j)[block.unit[start + j]] = T::ONE);
        }
        let products = FunctionalRemainder(problem).product(&together)?;
        for (j, product) in products.iter_columns().enumerate() {
            for block in &mut blocks {
                let column = block.entries.column_mut(start + j);
                let entries = block.last.iter().flat_map(|range| &product[range.clone()]);
                column.iter_mut().zip(entries).for_each(|(to, &from)| *to = from);
            }
        }
        let done = (probing.first.len() + start + width) as u64;
        watch.tell(stage::STRUCTURE, done, Some(products_of(probing)), "products")?;
    }
    Ok(blocks)
}

/// Number of products that tell the remainder.
fn products_of(probing: &Probing) -> u64 {
    (probing.first.len() + probing.directions()) as u64
}

impl<T: Scalar> Block<T> {
    /// Adds the product of the block, and of its transpose on the other side of the diagonal, with `directions`.
    pub(super) fn add(&self, directions: &Matrix<T>, out: &mut Matrix<T>) {
        let k = directions.columns;
        let (mut unit, mut last) = (Matrix::zeros(self.unit.len(), k), Matrix::zeros(self.entries.rows, k));
        for (j, v) in directions.iter_columns().enumerate() {
            unit.column_mut(j).iter_mut().zip(&self.unit).for_each(|(to, &i)| *to = v[i]);
            let entries = self.last.iter().flat_map(|range| &v[range.clone()]);
            last.column_mut(j).iter_mut().zip(entries).for_each(|(to, &v)| *to = v);
        }
        let to_unit = self.entries.transposed_product(&last);
        let mut to_last = last;
        product(to_last.as_mut(), self.entries.as_ref(), unit.as_ref(), par());
        for j in 0..k {
            let out = out.column_mut(j);
            self.unit.iter().zip(to_unit.column(j)).for_each(|(&i, &v)| out[i] += v);
            let mut from = to_last.column(j).iter();
            for range in &self.last {
                out[range.clone()].iter_mut().zip(&mut from).for_each(|(out, &v)| *out += v);
            }
        }
    }
}

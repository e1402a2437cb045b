//! A second home of vectors: the rows of every block lie in three separate pieces, whose lengths have nothing to do with the
//! tiles of the host. It writes the trait's operations out as plain loops over float64, so it shares no arithmetic with the
//! host.

use heigen_spectra::linalg::Matrix;
use heigen_spectra::{Columns, Failure, Law, Space, random_entries};
use std::ops::Range;

/// R^P whose rows lie in three pieces.
#[derive(Clone, Debug)]
pub(crate) struct Pieces {
    /// The rows of each piece.
    rows: [Range<usize>; 3],
}

/// A block: for every piece its rows, column after column.
#[derive(Clone, Debug)]
pub(crate) struct Split {
    pieces: [Vec<f64>; 3],
    columns: usize,
}

impl Pieces {
    pub(crate) fn new(len: usize) -> Self {
        let (a, b) = (len / 5, len / 5 + len / 3);
        Self { rows: [0..a, a..b, b..len] }
    }

    fn block(&self, columns: usize, entry: impl Fn(usize, usize) -> f64) -> Split {
        let piece = |rows: &Range<usize>| {
            (0..columns).flat_map(|j| rows.clone().map(move |i| (i, j))).map(|(i, j)| entry(i, j)).collect()
        };
        Split { pieces: [piece(&self.rows[0]), piece(&self.rows[1]), piece(&self.rows[2])], columns }
    }

    pub(crate) fn at(&self, block: &Split, i: usize, j: usize) -> f64 {
        let piece = self.rows.iter().position(|rows| rows.contains(&i)).expect("row");
        let rows = &self.rows[piece];
        block.pieces[piece][i - rows.start + j * rows.len()]
    }

    /// Column j, gathered.
    fn column(&self, block: &Split, j: usize) -> Vec<f64> {
        let part = |(piece, rows): (&Vec<f64>, &Range<usize>)| piece[j * rows.len()..(j + 1) * rows.len()].to_vec();
        block.pieces.iter().zip(&self.rows).flat_map(part).collect()
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

impl Space for Pieces {
    type Block = Split;
    type Coarse = Self;

    fn refined(&self, block: &Split) -> Result<Split, Failure> {
        self.copy(self.all(block))
    }

    fn len(&self) -> usize {
        self.rows[2].end
    }

    fn epsilon(&self) -> f64 {
        f64::EPSILON
    }

    fn columns(&self, block: &Split) -> usize {
        block.columns
    }

    fn zeros(&self, columns: usize) -> Result<Split, Failure> {
        Ok(self.block(columns, |_, _| 0.0))
    }

    fn random(&self, seed: u64, columns: Range<u64>, law: Law) -> Result<Split, Failure> {
        let piece = |rows: &Range<usize>| {
            columns.clone().flat_map(|j| random_entries(rows.clone(), j, seed, law)).collect::<Vec<f64>>()
        };
        let pieces = [piece(&self.rows[0]), piece(&self.rows[1]), piece(&self.rows[2])];
        Ok(Split { pieces, columns: (columns.end - columns.start) as usize })
    }

    fn select(&self, block: &Split, columns: &[usize]) -> Result<Split, Failure> {
        Ok(self.block(columns.len(), |i, j| self.at(block, i, columns[j])))
    }

    fn append(&self, block: &mut Split, more: Columns<'_, Split>) -> Result<(), Failure> {
        for ((piece, new), rows) in block.pieces.iter_mut().zip(&more.block.pieces).zip(&self.rows) {
            piece.extend_from_slice(&new[more.range.start * rows.len()..more.range.end * rows.len()]);
        }
        block.columns += more.len();
        Ok(())
    }

    fn gram(&self, a: Columns<'_, Split>, b: Columns<'_, Split>) -> Result<Matrix<f64>, Failure> {
        let left: Vec<_> = a.range.clone().map(|j| self.column(a.block, j)).collect();
        let right: Vec<_> = b.range.clone().map(|j| self.column(b.block, j)).collect();
        Ok(Matrix::from_fn(a.len(), b.len(), |i, j| dot(&left[i], &right[j])))
    }

    fn dots(&self, a: Columns<'_, Split>, b: Columns<'_, Split>) -> Result<Vec<f64>, Failure> {
        let pairs = a.range.clone().zip(b.range.clone());
        Ok(pairs.map(|(i, j)| dot(&self.column(a.block, i), &self.column(b.block, j))).collect())
    }

    fn is_finite(&self, a: Columns<'_, Split>) -> Result<bool, Failure> {
        Ok(a.range.clone().all(|j| self.column(a.block, j).iter().all(|x| x.is_finite())))
    }

    fn combine(
        &self,
        alpha: f64,
        a: Columns<'_, Split>,
        s: &Matrix<f64>,
        beta: f64,
        y: &mut Split,
    ) -> Result<(), Failure> {
        for (p, rows) in self.rows.iter().enumerate() {
            for j in 0..s.columns {
                for i in 0..rows.len() {
                    let sum: f64 = a
                        .range
                        .clone()
                        .enumerate()
                        .map(|(l, column)| a.block.pieces[p][i + column * rows.len()] * s.column(j)[l])
                        .sum();
                    let y = &mut y.pieces[p][i + j * rows.len()];
                    *y = alpha * sum + if beta == 0.0 { 0.0 } else { beta * *y };
                }
            }
        }
        Ok(())
    }

    fn combine_each(
        &self,
        alpha: f64,
        a: &[Columns<'_, Split>],
        s: &[Matrix<f64>],
        y: &mut Split,
    ) -> Result<(), Failure> {
        let mut first = 0;
        for (a, s) in a.iter().zip(s) {
            let group: Vec<usize> = (first..first + s.columns).collect();
            let mut part = self.select(y, &group)?;
            self.combine(alpha, a.clone(), s, 1.0, &mut part)?;
            for (p, rows) in self.rows.iter().enumerate() {
                let start = first * rows.len();
                y.pieces[p][start..start + part.pieces[p].len()].copy_from_slice(&part.pieces[p]);
            }
            first += s.columns;
        }
        Ok(())
    }

    fn scale_columns(&self, a: &mut Split, factors: &[f64]) -> Result<(), Failure> {
        *a = self.block(a.columns, |i, j| factors[j] * self.at(a, i, j));
        Ok(())
    }

    fn add_scaled(&self, factors: &[f64], x: Columns<'_, Split>, y: &mut Split) -> Result<(), Failure> {
        *y = self.block(y.columns, |i, j| self.at(y, i, j) + factors[j] * self.at(x.block, i, x.range.start + j));
        Ok(())
    }

    fn multiply_add(&self, a: Columns<'_, Split>, b: Columns<'_, Split>, y: &mut Split) -> Result<(), Failure> {
        let product =
            |i: usize, j: usize| self.at(a.block, i, a.range.start + j) * self.at(b.block, i, b.range.start + j);
        *y = self.block(y.columns, |i, j| self.at(y, i, j) + product(i, j));
        Ok(())
    }

    fn of_rows(&self, ranges: &[Range<usize>]) -> Result<Self, Failure> {
        Ok(Self::new(ranges.iter().map(ExactSizeIterator::len).sum()))
    }

    fn gather_rows(&self, block: &Split, ranges: &[Range<usize>]) -> Result<Split, Failure> {
        let rows: Vec<usize> = ranges.iter().cloned().flatten().collect();
        Ok(self.of_rows(ranges)?.block(block.columns, |i, j| self.at(block, rows[i], j)))
    }

    fn scatter_rows(&self, rows: &Split, ranges: &[Range<usize>]) -> Result<Split, Failure> {
        let (part, chosen) = (self.of_rows(ranges)?, ranges.iter().cloned().flatten().collect::<Vec<usize>>());
        Ok(self.block(rows.columns, |i, j| {
            chosen.iter().position(|&row| row == i).map_or(0.0, |place| part.at(rows, place, j))
        }))
    }

    fn largest_entries(&self, a: Columns<'_, Split>) -> Result<Vec<f64>, Failure> {
        let largest = |m: f64, x: f64| if x.abs() > m.abs() { x } else { m };
        Ok(a.range.clone().map(|j| self.column(a.block, j).into_iter().fold(0.0, largest)).collect())
    }

    fn to_host(&self, a: Columns<'_, Split>, rows: Range<usize>) -> Result<Matrix<f64>, Failure> {
        Ok(Matrix::from_fn(rows.len(), a.len(), |i, j| self.at(a.block, rows.start + i, a.range.start + j)))
    }

    fn to_home(&self, a: Matrix<f64>) -> Result<Split, Failure> {
        Ok(self.block(a.columns, |i, j| a.column(j)[i]))
    }
}

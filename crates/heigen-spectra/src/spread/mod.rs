//! Vectors whose rows are spread over the pieces of a computation.

mod householder;
mod messages;
mod rows;

use crate::host::view;
use crate::linalg::{Matrix, Scalar, dot_of_node, lower_gram_of_node, par, transposed_product_of_node};
use crate::operators::{gather, scatter};
use crate::space::{Columns, Space};
use crate::{Communicator, Failure, Host, Law, Threads};
use faer::Par;
use rayon::prelude::*;
use rows::{Rows, below, within};
use std::ops::Range;
use std::sync::Arc;

/// R^P with entries of type T, `f32` or `f64`, whose rows are dealt to the pieces of a computation: each piece holds a contiguous range
/// of whole tiles of 4,096 rows. A block is the [`Matrix`] of this piece's rows; small matrices are on every piece, the same.
///
/// All pieces call the same operations in the same order. Sums over rows are made of the sums of tiles, which are added in a fixed tree
/// over all tiles, and everything else is done row by row: so the bytes are those of one piece, whatever the number of pieces, and those
/// of [`Host`]. Random entries follow from seed, column and row,
/// so that each piece makes its own.
///
/// # Cost
/// P / pieces numbers of memory a column. A sum over rows, as [`Space::gram`] is, takes a message of each piece to piece 0 and the broadcast of
/// the result, all of a few small matrices: with m and k columns m k numbers for each of at most 2 log2(tiles) nodes of the tree. Operations
/// row by row need no message. Whole vectors are sent for products with operators alone ([`Spread::gathered`],
/// [`Spread::sum_to_owners`]).
///
/// # References
/// The home of vectors for one of several processes is that of `BV` in SLEPc (Hernandez, Roman and Vidal, ACM Trans. Math. Softw. 31
/// (2005), 351, doi:10.1145/1089014.1089019); here sums do not depend on their number.
///
/// ```
/// use heigen_spectra::{Alone, Host, Law, Space, Spread};
/// use std::sync::Arc;
/// // A single piece has all rows; `ThreadPiece::all` makes pieces that are threads.
/// let (host, spread) = (Host::<f64>::new(10_000), Spread::<f64>::new(10_000, Arc::new(Alone)));
/// let (a, b) = (host.random(0, 0..3, Law::Gaussian)?, spread.random(0, 0..3, Law::Gaussian)?);
/// assert_eq!(host.gram(host.all(&a), host.all(&a))?, spread.gram(spread.all(&b), spread.all(&b))?);
/// # Ok::<(), heigen_spectra::Failure>(())
/// ```
#[derive(Debug)]
pub struct Spread<T> {
    rows: Rows,
    /// The home of this piece's rows.
    own: Host<T>,
    communicator: Arc<dyn Communicator>,
}

impl<T> Clone for Spread<T> {
    fn clone(&self) -> Self {
        Self { rows: self.rows, own: self.own.clone(), communicator: Arc::clone(&self.communicator) }
    }
}

impl<T: Scalar> Spread<T> {
    /// Vectors of P = `len` entries over the pieces of `communicator`; operations run in rayon's current pool.
    pub fn new(len: usize, communicator: Arc<dyn Communicator>) -> Self {
        Self::on(len, communicator, Threads::current())
    }

    /// Vectors of P = `len` entries over the pieces of `communicator`; operations run in `threads`.
    pub fn on(len: usize, communicator: Arc<dyn Communicator>, threads: Threads) -> Self {
        let rows = Rows { len, pieces: communicator.size() };
        let own = Host::on(rows.of(communicator.rank()).len(), threads);
        Self { rows, own, communicator }
    }

    /// The rows of this piece.
    pub fn rows(&self) -> Range<usize> {
        self.rows.of(self.communicator.rank())
    }

    /// The connection of the pieces.
    pub fn communicator(&self) -> &Arc<dyn Communicator> {
        &self.communicator
    }

    /// The home of the same vectors in another type of numbers.
    pub fn in_type<U: Scalar>(&self) -> Spread<U> {
        Spread::on(self.rows.len, Arc::clone(&self.communicator), self.own.threads())
    }

    /// The number of this piece's first tile.
    fn first_tile(&self) -> usize {
        self.rows.tiles_of(self.communicator.rank()).start
    }

    /// The rows that piece `piece` has of those in `ranges`, counted among these.
    fn chosen(&self, ranges: &[Range<usize>], piece: usize) -> Range<usize> {
        let rows = self.rows.of(piece);
        below(ranges, rows.start)..below(ranges, rows.end)
    }

    /// Products A^T B over the tiles of a node, the lower triangle alone where they are symmetric.
    fn product_of_node(
        &self,
        a: &Columns<'_, Matrix<T>>,
        b: &Columns<'_, Matrix<T>>,
        node: &Range<usize>,
        par: Par,
    ) -> Matrix<f64> {
        if is_symmetric(a, b) {
            lower_gram_of_node(view(a), node, self.first_tile(), par)
        } else {
            transposed_product_of_node(view(a), view(b), node, self.first_tile(), par)
        }
    }
}

/// Whether A^T B is symmetric, since both are the same columns.
fn is_symmetric<B>(a: &Columns<'_, B>, b: &Columns<'_, B>) -> bool {
    std::ptr::eq(a.block, b.block) && a.range == b.range
}

/// The small matrix of a sum over rows.
fn small<B>(a: &Columns<'_, B>, b: &Columns<'_, B>, data: Vec<f64>) -> Matrix<f64> {
    let mut out = Matrix { data, rows: a.len(), columns: b.len() };
    if is_symmetric(a, b) {
        out.mirror_lower();
    }
    out
}

impl<T: Scalar> Space for Spread<T> {
    type Block = Matrix<T>;
    type Coarse = Spread<f32>;

    fn refined(&self, block: &Matrix<f32>) -> Result<Matrix<T>, Failure> {
        self.own.refined(block)
    }

    fn len(&self) -> usize {
        self.rows.len
    }

    fn epsilon(&self) -> f64 {
        T::EPSILON
    }

    fn entry_bytes(&self) -> usize {
        size_of::<T>()
    }

    fn threads(&self) -> Threads {
        self.own.threads()
    }

    fn pieces(&self) -> usize {
        self.communicator.size()
    }

    fn columns(&self, block: &Matrix<T>) -> usize {
        block.columns
    }

    fn zeros(&self, columns: usize) -> Result<Matrix<T>, Failure> {
        self.own.zeros(columns)
    }

    fn random(&self, seed: u64, columns: Range<u64>, law: Law) -> Result<Matrix<T>, Failure> {
        Ok(self.own.random_from(self.rows().start, seed, columns, law))
    }

    fn select(&self, block: &Matrix<T>, columns: &[usize]) -> Result<Matrix<T>, Failure> {
        self.own.select(block, columns)
    }

    fn copy(&self, columns: Columns<'_, Matrix<T>>) -> Result<Matrix<T>, Failure> {
        self.own.copy(columns)
    }

    fn append(&self, block: &mut Matrix<T>, more: Columns<'_, Matrix<T>>) -> Result<(), Failure> {
        self.own.append(block, more)
    }

    fn gram(&self, a: Columns<'_, Matrix<T>>, b: Columns<'_, Matrix<T>>) -> Result<Matrix<f64>, Failure> {
        let of_node = |node: &Range<usize>| self.threads().run(|| self.product_of_node(&a, &b, node, par())).data;
        let sum = self.sum_over_tiles(a.len() * b.len(), of_node)?;
        Ok(small(&a, &b, sum))
    }

    fn gram_each(
        &self,
        a: &[Columns<'_, Matrix<T>>],
        b: &[Columns<'_, Matrix<T>>],
    ) -> Result<Vec<Matrix<f64>>, Failure> {
        let of_node = |node: &Range<usize>| {
            let each = || a.par_iter().zip(b).map(|(a, b)| self.product_of_node(a, b, node, Par::Seq).data);
            let each: Vec<Vec<f64>> = self.threads().run(|| each().collect());
            each.concat()
        };
        let sizes: Vec<usize> = a.iter().zip(b).map(|(a, b)| a.len() * b.len()).collect();
        let sum = self.sum_over_tiles(sizes.iter().sum(), of_node)?;
        let mut rest = &sum[..];
        let mut next = |(a, b): (&Columns<'_, Matrix<T>>, &Columns<'_, Matrix<T>>)| {
            let (own, others) = rest.split_at(a.len() * b.len());
            rest = others;
            small(a, b, own.to_vec())
        };
        Ok(a.iter().zip(b).map(&mut next).collect())
    }

    fn dots(&self, a: Columns<'_, Matrix<T>>, b: Columns<'_, Matrix<T>>) -> Result<Vec<f64>, Failure> {
        let first = self.first_tile();
        self.sum_over_tiles(a.len(), |node| {
            let pairs = a.range.clone().zip(b.range.clone());
            pairs.map(|(i, j)| dot_of_node(a.block.column(i), b.block.column(j), node, first)).collect()
        })
    }

    fn is_finite(&self, a: Columns<'_, Matrix<T>>) -> Result<bool, Failure> {
        let own = self.own.is_finite(a)?;
        Ok(self.of_each(&[f64::from(u8::from(own))])?.iter().all(|&finite| finite == 1.0))
    }

    fn combine(
        &self,
        alpha: f64,
        a: Columns<'_, Matrix<T>>,
        s: &Matrix<f64>,
        beta: f64,
        y: &mut Matrix<T>,
    ) -> Result<(), Failure> {
        self.own.combine(alpha, a, s, beta, y)
    }

    fn combine_each(
        &self,
        alpha: f64,
        a: &[Columns<'_, Matrix<T>>],
        s: &[Matrix<f64>],
        y: &mut Matrix<T>,
    ) -> Result<(), Failure> {
        self.own.combine_each(alpha, a, s, y)
    }

    fn scale_columns(&self, a: &mut Matrix<T>, factors: &[f64]) -> Result<(), Failure> {
        self.own.scale_columns(a, factors)
    }

    fn add_scaled(&self, factors: &[f64], x: Columns<'_, Matrix<T>>, y: &mut Matrix<T>) -> Result<(), Failure> {
        self.own.add_scaled(factors, x, y)
    }

    fn multiply_add(
        &self,
        a: Columns<'_, Matrix<T>>,
        b: Columns<'_, Matrix<T>>,
        y: &mut Matrix<T>,
    ) -> Result<(), Failure> {
        self.own.multiply_add(a, b, y)
    }

    /// The chosen rows are dealt anew, so that every piece has as many as another.
    fn of_rows(&self, ranges: &[Range<usize>]) -> Result<Self, Failure> {
        let len = ranges.iter().map(ExactSizeIterator::len).sum();
        Ok(Self::on(len, Arc::clone(&self.communicator), self.threads()))
    }

    /// Messages: the rows that change their piece.
    fn gather_rows(&self, block: &Matrix<T>, ranges: &[Range<usize>]) -> Result<Matrix<T>, Failure> {
        let own = gather(block, &within(ranges, &self.rows()));
        let part = self.of_rows(ranges)?;
        self.dealt_anew(&self.all(&own), |piece| self.chosen(ranges, piece), |piece| part.rows.of(piece))
    }

    /// Messages: the rows that change their piece.
    fn scatter_rows(&self, rows: &Matrix<T>, ranges: &[Range<usize>]) -> Result<Matrix<T>, Failure> {
        let part = self.of_rows(ranges)?;
        let from = |piece: usize| part.rows.of(piece);
        let own = self.dealt_anew(&self.all(rows), from, |piece| self.chosen(ranges, piece))?;
        Ok(scatter(&own, &within(ranges, &self.rows()), self.rows().len()))
    }

    fn largest_entries(&self, a: Columns<'_, Matrix<T>>) -> Result<Vec<f64>, Failure> {
        let k = a.len();
        let mut own = self.own.largest_entries(a)?;
        own.resize(k, 0.0);
        let all = self.of_each(&own)?;
        let largest = |l: f64, x: f64| if x.abs() > l.abs() { x } else { l };
        Ok((0..k).map(|j| all.iter().skip(j).step_by(k).copied().fold(0.0, largest)).collect())
    }

    fn to_host(&self, a: Columns<'_, Matrix<T>>, rows: Range<usize>) -> Result<Matrix<f64>, Failure> {
        let found = self.dealt_anew(&a, |piece| self.rows.of(piece), |_| rows.clone())?;
        Ok(Matrix { data: found.data.into_iter().map(T::to_f64).collect(), rows: found.rows, columns: found.columns })
    }

    fn to_home(&self, a: Matrix<f64>) -> Result<Matrix<T>, Failure> {
        let rows = self.rows();
        let columns = (0..a.columns).flat_map(|j| a.column(j)[rows.clone()].iter().map(|&x| T::from_f64(x)));
        Ok(Matrix { data: columns.collect(), rows: rows.len(), columns: a.columns })
    }

    /// Householder's factorisation of this piece's tiles; piece 0 factors what they leave, in the tree over all tiles. Messages: a
    /// triangle of each node of this piece to piece 0, and a matrix of that size back.
    fn orthonormalize(&self, a: &mut Matrix<T>, drop: f64) -> Result<(), Failure> {
        let found = self.householder(a, drop)?;
        a.data.truncate(found * a.rows);
        a.columns = found;
        Ok(())
    }
}

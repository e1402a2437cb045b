//! Vectors in host memory: matrices of float32 or float64, multiplied by faer.

use crate::linalg::{
    Matrix, Scalar, combine, dot, gram_by_tiles, is_combination_shared, is_sum_shared, orthonormalize, par,
    transposed_product_by_tiles,
};
use crate::operators::{gather, scatter};
use crate::random::fill;
use crate::space::{Columns, Space};
use crate::{Failure, Law, Threads};
use faer::{Accum, MatRef, Par};
use rayon::prelude::*;
use std::marker::PhantomData;
use std::ops::Range;

/// R^P in host memory, with entries of type T, `f32` or `f64`; a block is a column-major [`Matrix`].
///
/// Operations run in the home's [`Threads`]; their results do not depend on how many these are.
///
/// ```
/// use heigen_spectra::{Host, Law, Space};
/// let space = Host::<f64>::new(1000);
/// let block = space.random(0, 0..3, Law::Gaussian)?;
/// let gram = space.gram(space.all(&block), space.all(&block))?;
/// assert_eq!((gram.rows, gram.columns), (3, 3));
/// # Ok::<(), heigen_spectra::Failure>(())
/// ```
#[derive(Debug)]
pub struct Host<T> {
    len: usize,
    threads: Threads,
    entries: PhantomData<T>,
}

impl<T> Clone for Host<T> {
    fn clone(&self) -> Self {
        Self { len: self.len, threads: self.threads.clone(), entries: PhantomData }
    }
}

impl<T> Host<T> {
    /// Vectors of P = `len` entries; operations run in rayon's current pool.
    pub fn new(len: usize) -> Self {
        Self::on(len, Threads::current())
    }

    /// Vectors of P = `len` entries; operations run in `threads`.
    pub fn on(len: usize, threads: Threads) -> Self {
        Self { len, threads, entries: PhantomData }
    }
}

impl<T: Scalar> Host<T> {
    /// Random entries of longer vectors, from row `first` on.
    pub(crate) fn random_from(&self, first: usize, seed: u64, columns: Range<u64>, law: Law) -> Matrix<T> {
        let mut out = Matrix::zeros(self.len, (columns.end - columns.start) as usize);
        let chunk = self.len.max(1);
        self.threads.run(|| {
            let chunks = out.data.par_chunks_mut(chunk).enumerate();
            chunks.for_each(|(j, out)| fill(out, first, columns.start + j as u64, seed, law));
        });
        out
    }

    /// Runs `work` in the home's threads if it is `shared` among them, else right here: to hand it over takes longer than a
    /// small operation does.
    fn enter<R: Send>(&self, shared: bool, work: impl FnOnce() -> R + Send) -> R {
        if shared { self.threads.run(work) } else { work() }
    }
}

/// The number of columns of a factorisation that count, by the diagonal of R. A random direction may by chance miss a part of the span, so
/// a small diagonal entry alone does not mean that the span is exhausted: larger entries further on show that it is not.
pub(crate) fn columns_found<T: Scalar>(diagonal: &[T], drop: f64) -> usize {
    diagonal.iter().rposition(|r| r.to_f64() > drop).map_or(0, |last| last + 1)
}

/// faer's view of some columns.
pub(crate) fn view<'a, T: Scalar>(columns: &Columns<'a, Matrix<T>>) -> MatRef<'a, T> {
    columns.block.as_ref().subcols(columns.range.start, columns.len())
}

fn slice<'a, T>(columns: &Columns<'a, Matrix<T>>) -> &'a [T] {
    let rows = columns.block.rows;
    &columns.block.data[columns.range.start * rows..columns.range.end * rows]
}

fn gram<T: Scalar>(a: &Columns<'_, Matrix<T>>, b: &Columns<'_, Matrix<T>>, par: Par) -> Matrix<f64> {
    if std::ptr::eq(a.block, b.block) && a.range == b.range {
        gram_by_tiles(view(a), par)
    } else {
        transposed_product_by_tiles(view(a), view(b), par)
    }
}

fn narrowed<T: Scalar>(s: &Matrix<f64>) -> Matrix<T> {
    Matrix { data: s.data.iter().map(|&x| T::from_f64(x)).collect(), rows: s.rows, columns: s.columns }
}

impl<T: Scalar> Space for Host<T> {
    type Block = Matrix<T>;
    type Coarse = Host<f32>;

    fn refined(&self, block: &Matrix<f32>) -> Result<Matrix<T>, Failure> {
        let data = block.data.iter().map(|&x| T::from_f32(x)).collect();
        Ok(Matrix { data, rows: block.rows, columns: block.columns })
    }

    fn len(&self) -> usize {
        self.len
    }

    fn epsilon(&self) -> f64 {
        T::EPSILON
    }

    fn entry_bytes(&self) -> usize {
        size_of::<T>()
    }

    fn threads(&self) -> Threads {
        self.threads.clone()
    }

    fn columns(&self, block: &Matrix<T>) -> usize {
        block.columns
    }

    fn zeros(&self, columns: usize) -> Result<Matrix<T>, Failure> {
        Ok(Matrix::zeros(self.len, columns))
    }

    fn random(&self, seed: u64, columns: Range<u64>, law: Law) -> Result<Matrix<T>, Failure> {
        Ok(self.random_from(0, seed, columns, law))
    }

    fn select(&self, block: &Matrix<T>, columns: &[usize]) -> Result<Matrix<T>, Failure> {
        Ok(block.select_columns(columns))
    }

    fn copy(&self, columns: Columns<'_, Matrix<T>>) -> Result<Matrix<T>, Failure> {
        Ok(columns.block.columns(columns.range))
    }

    fn append(&self, block: &mut Matrix<T>, more: Columns<'_, Matrix<T>>) -> Result<(), Failure> {
        /// Appended blocks of at least this many columns reserve exactly the memory they need: the basis of a solver is
        /// large, and letting the vector double its capacity would waste as much again.
        const WIDE: usize = 32;
        if more.len() >= WIDE {
            block.data.reserve_exact(more.len() * self.len);
        }
        block.data.extend_from_slice(slice(&more));
        block.columns += more.len();
        Ok(())
    }

    fn gram(&self, a: Columns<'_, Matrix<T>>, b: Columns<'_, Matrix<T>>) -> Result<Matrix<f64>, Failure> {
        Ok(self.enter(is_sum_shared(self.len, a.len(), b.len()), || gram(&a, &b, par())))
    }

    fn gram_each(
        &self,
        a: &[Columns<'_, Matrix<T>>],
        b: &[Columns<'_, Matrix<T>>],
    ) -> Result<Vec<Matrix<f64>>, Failure> {
        // Each Gram matrix is computed by one thread: with single columns there is nothing to split.
        Ok(self.threads.run(|| a.par_iter().zip(b).map(|(a, b)| gram(a, b, Par::Seq)).collect()))
    }

    fn dots(&self, a: Columns<'_, Matrix<T>>, b: Columns<'_, Matrix<T>>) -> Result<Vec<f64>, Failure> {
        let rows = self.len.max(1);
        Ok(slice(&a).chunks_exact(rows).zip(slice(&b).chunks_exact(rows)).map(|(a, b)| dot(a, b)).collect())
    }

    fn is_finite(&self, a: Columns<'_, Matrix<T>>) -> Result<bool, Failure> {
        Ok(slice(&a).iter().all(|x| x.is_finite()))
    }

    fn combine(
        &self,
        alpha: f64,
        a: Columns<'_, Matrix<T>>,
        s: &Matrix<f64>,
        beta: f64,
        y: &mut Matrix<T>,
    ) -> Result<(), Failure> {
        let s = narrowed::<T>(s);
        let accum = if beta == 0.0 { Accum::Replace } else { Accum::Add };
        if beta != 0.0 && beta != 1.0 {
            let beta = T::from_f64(beta);
            y.data.iter_mut().for_each(|y| *y *= beta);
        }
        let shared = is_combination_shared(self.len, &s);
        self.enter(shared, || combine(y.as_mut(), accum, view(&a), &s, T::from_f64(alpha), par()));
        Ok(())
    }

    fn combine_each(
        &self,
        alpha: f64,
        a: &[Columns<'_, Matrix<T>>],
        s: &[Matrix<f64>],
        y: &mut Matrix<T>,
    ) -> Result<(), Failure> {
        let mut rest = &mut y.data[..];
        let mut groups = Vec::with_capacity(s.len());
        for s in s {
            let (group, others) = rest.split_at_mut(self.len * s.columns);
            groups.push(group);
            rest = others;
        }
        let (len, alpha) = (self.len, T::from_f64(alpha));
        self.threads.run(|| {
            groups.into_par_iter().zip(a).zip(s).for_each(|((y, a), s)| {
                let s = narrowed::<T>(s);
                let y = faer::MatMut::from_column_major_slice_mut(y, len, s.columns);
                combine(y, Accum::Add, view(a), &s, alpha, Par::Seq);
            });
        });
        Ok(())
    }

    fn scale_columns(&self, a: &mut Matrix<T>, factors: &[f64]) -> Result<(), Failure> {
        for (column, &factor) in a.data.chunks_exact_mut(self.len.max(1)).zip(factors) {
            let factor = T::from_f64(factor);
            column.iter_mut().for_each(|x| *x *= factor);
        }
        Ok(())
    }

    fn add_scaled(&self, factors: &[f64], x: Columns<'_, Matrix<T>>, y: &mut Matrix<T>) -> Result<(), Failure> {
        let rows = self.len.max(1);
        let pairs = y.data.chunks_exact_mut(rows).zip(slice(&x).chunks_exact(rows));
        for ((y, x), &factor) in pairs.zip(factors) {
            let factor = T::from_f64(factor);
            y.iter_mut().zip(x).for_each(|(y, &x)| *y += factor * x);
        }
        Ok(())
    }

    fn multiply_add(
        &self,
        a: Columns<'_, Matrix<T>>,
        b: Columns<'_, Matrix<T>>,
        y: &mut Matrix<T>,
    ) -> Result<(), Failure> {
        y.data.iter_mut().zip(slice(&a).iter().zip(slice(&b))).for_each(|(y, (&a, &b))| *y += a * b);
        Ok(())
    }

    fn of_rows(&self, ranges: &[Range<usize>]) -> Result<Self, Failure> {
        Ok(Self::on(ranges.iter().map(ExactSizeIterator::len).sum(), self.threads.clone()))
    }

    fn gather_rows(&self, block: &Matrix<T>, ranges: &[Range<usize>]) -> Result<Matrix<T>, Failure> {
        Ok(gather(block, ranges))
    }

    fn scatter_rows(&self, rows: &Matrix<T>, ranges: &[Range<usize>]) -> Result<Matrix<T>, Failure> {
        Ok(scatter(rows, ranges, self.len))
    }

    fn largest_entries(&self, a: Columns<'_, Matrix<T>>) -> Result<Vec<f64>, Failure> {
        let magnitude = |x: T| if x < T::ZERO { -x } else { x };
        let largest = |l: T, &x: &T| if magnitude(x) > magnitude(l) { x } else { l };
        let columns = slice(&a).chunks_exact(self.len.max(1));
        Ok(columns.map(|column| column.iter().fold(T::ZERO, largest).to_f64()).collect())
    }

    fn to_host(&self, a: Columns<'_, Matrix<T>>, rows: Range<usize>) -> Result<Matrix<f64>, Failure> {
        let columns = slice(&a).chunks_exact(self.len.max(1));
        let data = columns.flat_map(|column| column[rows.clone()].iter().map(|x| x.to_f64())).collect();
        Ok(Matrix { data, rows: rows.len(), columns: a.len() })
    }

    fn to_home(&self, a: Matrix<f64>) -> Result<Matrix<T>, Failure> {
        let (rows, columns) = (a.rows, a.columns);
        Ok(Matrix { data: a.data.into_iter().map(T::from_f64).collect(), rows, columns })
    }

    /// Householder's factorisation A = Q R, whose diagonal drops where the span is exhausted: the columns before are kept.
    fn orthonormalize(&self, a: &mut Matrix<T>, drop: f64) -> Result<(), Failure> {
        let diagonal = self.threads.run(|| orthonormalize(a))?;
        let found = columns_found(&diagonal, drop);
        a.data.truncate(found * self.len);
        a.columns = found;
        Ok(())
    }
}

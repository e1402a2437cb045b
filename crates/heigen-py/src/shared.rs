//! Vectors in host memory that Python may look at.

use crate::call::aside;
use crate::native;
use heigen_spectra::linalg::{Matrix, Scalar};
use heigen_spectra::{
    Columns, Compressed, Failure, Host, Law, OrthonormalBasis, Space, Split, SymmetricOperator, Threads, Watch,
};
use std::ops::Range;
use std::sync::Arc;

/// An operation of this many multiplications takes some hundredths of a second.
const MANY: usize = 1 << 27;
/// A random entry takes the time of this many multiplications.
const PER_RANDOM_ENTRY: usize = 128;
/// A pass over memory takes the time of this many multiplications for each entry.
const PER_PASSED_ENTRY: usize = 16;

/// R^P in host memory: the operations, and the bytes, of [`Host`]. A block shares the ownership of its matrix with arrays of
/// Python's that were made from it, so that an operator that keeps such an array past its product does no harm: what is
/// shared is copied before it is changed.
#[derive(Clone, Debug)]
pub(crate) struct Shared<T>(pub(crate) Host<T>);

impl<T> Shared<T> {
    pub(crate) fn on(len: usize, threads: Threads) -> Self {
        Self(Host::on(len, threads))
    }
}

type Block<T> = Arc<Matrix<T>>;

/// Some columns of a block, and a share of its ownership.
#[derive(Clone)]
struct Held<T> {
    block: Block<T>,
    range: Range<usize>,
}

impl<T> Held<T> {
    fn of(columns: &Columns<'_, Block<T>>) -> Self {
        Self { block: Arc::clone(columns.block), range: columns.range.clone() }
    }

    fn each(columns: &[Columns<'_, Block<T>>]) -> Vec<Self> {
        columns.iter().map(Self::of).collect()
    }

    fn columns(&self) -> Columns<'_, Matrix<T>> {
        Columns { block: &self.block, range: self.range.clone() }
    }

    fn columns_of_each(held: &[Self]) -> Vec<Columns<'_, Matrix<T>>> {
        held.iter().map(Self::columns).collect()
    }
}

/// Takes a block out of its place, where an operation that fails leaves none.
fn taken<T: Scalar>(block: &mut Block<T>) -> Block<T> {
    std::mem::replace(block, Arc::new(Matrix::zeros(0, 0)))
}

impl<T: Scalar> Shared<T> {
    /// Does an operation of about so many multiplications, and looks at signals meanwhile where these are many.
    fn operation<R: Send + 'static>(
        &self,
        multiplications: usize,
        work: impl FnOnce(&Host<T>) -> Result<R, Failure> + Send + 'static,
    ) -> Result<R, Failure> {
        if multiplications < MANY {
            return work(&self.0);
        }
        let host = self.0.clone();
        aside(move || work(&host))
    }

    /// [`Shared::operation`] that changes a block. Where it fails, there is no block left.
    fn change(
        &self,
        block: &mut Block<T>,
        multiplications: usize,
        work: impl FnOnce(&Host<T>, &mut Matrix<T>) -> Result<(), Failure> + Send + 'static,
    ) -> Result<(), Failure> {
        let mut own = taken(block);
        *block = self.operation(multiplications, move |host| work(host, Arc::make_mut(&mut own)).map(|()| own))?;
        Ok(())
    }

    /// One pass over the entries of so many columns, in multiplications that take as long.
    fn pass(&self, columns: usize) -> usize {
        self.product(columns, PER_PASSED_ENTRY)
    }

    /// P m k, the multiplications of a product.
    fn product(&self, m: usize, k: usize) -> usize {
        self.len().saturating_mul(m).saturating_mul(k)
    }
}

impl<T: Scalar> Space for Shared<T> {
    type Block = Block<T>;
    type Coarse = Shared<f32>;

    fn refined(&self, block: &Block<f32>) -> Result<Block<T>, Failure> {
        let (work, block) = (self.pass(block.columns), Arc::clone(block));
        self.operation(work, move |host| host.refined(&block).map(Arc::new))
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    fn epsilon(&self) -> f64 {
        self.0.epsilon()
    }

    fn entry_bytes(&self) -> usize {
        self.0.entry_bytes()
    }

    fn threads(&self) -> Threads {
        self.0.threads()
    }

    fn columns(&self, block: &Block<T>) -> usize {
        block.columns
    }

    fn zeros(&self, columns: usize) -> Result<Block<T>, Failure> {
        self.0.zeros(columns).map(Arc::new)
    }

    fn random(&self, seed: u64, columns: Range<u64>, law: Law) -> Result<Block<T>, Failure> {
        let work = self.product((columns.end - columns.start) as usize, PER_RANDOM_ENTRY);
        self.operation(work, move |host| host.random(seed, columns, law).map(Arc::new))
    }

    fn select(&self, block: &Block<T>, columns: &[usize]) -> Result<Block<T>, Failure> {
        let (block, columns) = (Arc::clone(block), columns.to_vec());
        self.operation(self.pass(columns.len()), move |host| host.select(&block, &columns).map(Arc::new))
    }

    fn copy(&self, columns: Columns<'_, Block<T>>) -> Result<Block<T>, Failure> {
        let held = Held::of(&columns);
        self.operation(self.pass(columns.len()), move |host| host.copy(held.columns()).map(Arc::new))
    }

    fn append(&self, block: &mut Block<T>, more: Columns<'_, Block<T>>) -> Result<(), Failure> {
        let more = Held::of(&more);
        // The memory of the whole block may move.
        let work = self.pass(block.columns + more.range.len());
        self.change(block, work, move |host, block| host.append(block, more.columns()))
    }

    fn gram(&self, a: Columns<'_, Block<T>>, b: Columns<'_, Block<T>>) -> Result<Matrix<f64>, Failure> {
        let (a, b) = (Held::of(&a), Held::of(&b));
        let work = self.product(a.range.len(), b.range.len());
        self.operation(work, move |host| host.gram(a.columns(), b.columns()))
    }

    fn gram_each(&self, a: &[Columns<'_, Block<T>>], b: &[Columns<'_, Block<T>>]) -> Result<Vec<Matrix<f64>>, Failure> {
        let work = a.iter().zip(b).map(|(a, b)| self.product(a.len(), b.len())).sum();
        let (a, b) = (Held::each(a), Held::each(b));
        self.operation(work, move |host| host.gram_each(&Held::columns_of_each(&a), &Held::columns_of_each(&b)))
    }

    fn dots(&self, a: Columns<'_, Block<T>>, b: Columns<'_, Block<T>>) -> Result<Vec<f64>, Failure> {
        let (a, b) = (Held::of(&a), Held::of(&b));
        self.operation(self.pass(a.range.len()), move |host| host.dots(a.columns(), b.columns()))
    }

    fn is_finite(&self, a: Columns<'_, Block<T>>) -> Result<bool, Failure> {
        let a = Held::of(&a);
        self.operation(self.pass(a.range.len()), move |host| host.is_finite(a.columns()))
    }

    fn combine(
        &self,
        alpha: f64,
        a: Columns<'_, Block<T>>,
        s: &Matrix<f64>,
        beta: f64,
        y: &mut Block<T>,
    ) -> Result<(), Failure> {
        let work = self.product(s.rows, s.columns);
        let (a, s) = (Held::of(&a), s.clone());
        self.change(y, work, move |host, y| host.combine(alpha, a.columns(), &s, beta, y))
    }

    fn combine_each(
        &self,
        alpha: f64,
        a: &[Columns<'_, Block<T>>],
        s: &[Matrix<f64>],
        y: &mut Block<T>,
    ) -> Result<(), Failure> {
        let work = s.iter().map(|s| self.product(s.rows, s.columns)).sum();
        let (a, s) = (Held::each(a), s.to_vec());
        self.change(y, work, move |host, y| host.combine_each(alpha, &Held::columns_of_each(&a), &s, y))
    }

    fn scale_columns(&self, a: &mut Block<T>, factors: &[f64]) -> Result<(), Failure> {
        let (work, factors) = (self.pass(factors.len()), factors.to_vec());
        self.change(a, work, move |host, a| host.scale_columns(a, &factors))
    }

    fn add_scaled(&self, factors: &[f64], x: Columns<'_, Block<T>>, y: &mut Block<T>) -> Result<(), Failure> {
        let (work, factors, x) = (self.pass(factors.len()), factors.to_vec(), Held::of(&x));
        self.change(y, work, move |host, y| host.add_scaled(&factors, x.columns(), y))
    }

    fn multiply_add(
        &self,
        a: Columns<'_, Block<T>>,
        b: Columns<'_, Block<T>>,
        y: &mut Block<T>,
    ) -> Result<(), Failure> {
        let (work, a, b) = (self.pass(a.len()), Held::of(&a), Held::of(&b));
        self.change(y, work, move |host, y| host.multiply_add(a.columns(), b.columns(), y))
    }

    fn of_rows(&self, ranges: &[Range<usize>]) -> Result<Self, Failure> {
        self.0.of_rows(ranges).map(Self)
    }

    fn gather_rows(&self, block: &Block<T>, ranges: &[Range<usize>]) -> Result<Block<T>, Failure> {
        self.0.gather_rows(block, ranges).map(Arc::new)
    }

    fn scatter_rows(&self, rows: &Block<T>, ranges: &[Range<usize>]) -> Result<Block<T>, Failure> {
        self.0.scatter_rows(rows, ranges).map(Arc::new)
    }

    fn largest_entries(&self, a: Columns<'_, Block<T>>) -> Result<Vec<f64>, Failure> {
        let a = Held::of(&a);
        self.operation(self.pass(a.range.len()), move |host| host.largest_entries(a.columns()))
    }

    fn to_host(&self, a: Columns<'_, Block<T>>, rows: Range<usize>) -> Result<Matrix<f64>, Failure> {
        let a = Held::of(&a);
        self.operation(self.pass(a.range.len()), move |host| host.to_host(a.columns(), rows))
    }

    fn to_home(&self, a: Matrix<f64>) -> Result<Block<T>, Failure> {
        self.0.to_home(a).map(Arc::new)
    }

    fn orthonormalize(&self, a: &mut Block<T>, drop: f64) -> Result<(), Failure> {
        let work = 2 * self.product(a.columns, a.columns);
        self.change(a, work, move |host, a| host.orthonormalize(a, drop))
    }
}

/// An operator of the engine, whose vectors are plain matrices, among operators of Python's; it keeps all that it knows.
pub(crate) struct Lifted<O>(pub(crate) O);

impl<T: Scalar, O: SymmetricOperator<Host<T>>> SymmetricOperator<Shared<T>> for Lifted<O> {
    fn space(&self) -> Shared<T> {
        Shared(self.0.space())
    }

    fn apply(&self, directions: &Block<T>, out: &mut Block<T>) -> Result<(), Failure> {
        self.0.apply(directions, Arc::make_mut(out))
    }

    fn written_out(
        &self,
        limit_bytes: f64,
        watch: &mut dyn Watch,
    ) -> Result<Option<Box<dyn SymmetricOperator<Shared<T>> + '_>>, Failure> {
        let cheap = self.0.written_out(limit_bytes, watch)?;
        Ok(cheap.map(|cheap| -> Box<dyn SymmetricOperator<Shared<T>> + '_> { Box::new(Lifted(cheap)) }))
    }

    fn coarse(&self) -> Result<Option<Box<dyn SymmetricOperator<Shared<f32>> + '_>>, Failure> {
        let coarse = self.0.coarse()?;
        Ok(coarse.map(|coarse| -> Box<dyn SymmetricOperator<Shared<f32>> + '_> { Box::new(Lifted(coarse)) }))
    }

    fn compressed(&self, limit_bytes: f64, watch: &mut dyn Watch) -> Result<Option<Compressed<Shared<T>>>, Failure> {
        let Some(Compressed { small, basis }) = self.0.compressed(limit_bytes, watch)? else { return Ok(None) };
        Ok(Some(Compressed { small, basis: Box::new(LiftedBasis(basis)) }))
    }

    fn exact_trace(&self) -> Option<f64> {
        self.0.exact_trace()
    }

    fn rounding(&self) -> f64 {
        self.0.rounding()
    }

    fn split(&self) -> Result<Option<Split<'_, Shared<T>>>, Failure> {
        let Some(Split { rest, shift, coordinates }) = self.0.split()? else { return Ok(None) };
        Ok(Some(Split { rest: Box::new(Lifted(rest)), shift, coordinates }))
    }

    fn recomputed(&self, directions: &Block<T>, trial: u32) -> Result<Option<Block<T>>, Failure> {
        Ok(self.0.recomputed(directions, trial)?.map(Arc::new))
    }
}

/// A basis of the engine's among homes of Python's.
struct LiftedBasis<T>(Box<dyn OrthonormalBasis<Host<T>>>);

impl<T: Scalar> OrthonormalBasis<Shared<T>> for LiftedBasis<T> {
    fn combined(&self, u: &Matrix<f64>) -> Result<Block<T>, Failure> {
        self.0.combined(u).map(Arc::new)
    }
}

/// An operator of the engine as a whole: [`Lifted`], with signals looked at during its products.
pub(crate) struct Native<T> {
    pub(crate) operator: Lifted<native::Held<T>>,
    /// The operator in float32, where it is one in float64.
    pub(crate) coarse: Option<native::Held<f32>>,
    /// Operations of a product with one direction.
    pub(crate) operations: f64,
}

/// Products of fewer operations take less than some hundredths of a second.
const FEW: f64 = 1e8;

impl<T: Scalar> SymmetricOperator<Shared<T>> for Native<T> {
    fn space(&self) -> Shared<T> {
        self.operator.space()
    }

    fn apply(&self, directions: &Block<T>, out: &mut Block<T>) -> Result<(), Failure> {
        if self.operations * (directions.columns as f64) < FEW {
            return self.operator.apply(directions, out);
        }
        let (operator, directions, mut block) = (Arc::clone(&self.operator.0), Arc::clone(directions), taken(out));
        *out = aside(move || operator.apply(&directions, Arc::make_mut(&mut block)).map(|()| block))?;
        Ok(())
    }

    fn written_out(
        &self,
        limit_bytes: f64,
        watch: &mut dyn Watch,
    ) -> Result<Option<Box<dyn SymmetricOperator<Shared<T>> + '_>>, Failure> {
        self.operator.written_out(limit_bytes, watch)
    }

    fn coarse(&self) -> Result<Option<Box<dyn SymmetricOperator<Shared<f32>> + '_>>, Failure> {
        Ok(self.coarse.as_ref().map(|coarse| -> Box<dyn SymmetricOperator<Shared<f32>> + '_> {
            Box::new(Native { operator: Lifted(Arc::clone(coarse)), coarse: None, operations: self.operations })
        }))
    }

    fn compressed(&self, limit_bytes: f64, watch: &mut dyn Watch) -> Result<Option<Compressed<Shared<T>>>, Failure> {
        self.operator.compressed(limit_bytes, watch)
    }

    fn exact_trace(&self) -> Option<f64> {
        self.operator.exact_trace()
    }

    fn rounding(&self) -> f64 {
        self.operator.rounding()
    }

    fn split(&self) -> Result<Option<Split<'_, Shared<T>>>, Failure> {
        self.operator.split()
    }

    fn recomputed(&self, directions: &Block<T>, trial: u32) -> Result<Option<Block<T>>, Failure> {
        self.operator.recomputed(directions, trial)
    }
}

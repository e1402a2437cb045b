//! What a solver works on: Python's operators and expressions of them as operators of Rust's.

use crate::home::{PyBlock, PyHome};
use crate::native::{NativeOperator, as_native};
use crate::raise::{Class, Complaint, error, exception, of_failure};
use crate::shared::{Lifted, Native, Shared};
use crate::{arrays, threads};
use heigen_spectra::linalg::{Matrix, Scalar};
use heigen_spectra::{Failure, IndexRanges, Law, Restricted, Scaled, Shifted, Space, Summed, SymmetricOperator};
use numpy::Element;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use std::fmt::Debug;
use std::sync::Arc;

/// An operator that a solver may work on without holding Python's interpreter.
pub(crate) type Operator<S> = Box<dyn SymmetricOperator<S> + Send + Sync>;

/// An operator, by the home of its vectors.
pub(crate) enum Operand {
    F64(Operator<Shared<f64>>),
    F32(Operator<Shared<f32>>),
    Home(Operator<PyHome>),
}

/// Calls `$work` with the operator of an operand, whichever home its vectors have.
macro_rules! on {
    ($operand:expr, |$operator:ident| $work:expr) => {
        match $operand {
            $crate::operand::Operand::F64($operator) => $work,
            $crate::operand::Operand::F32($operator) => $work,
            $crate::operand::Operand::Home($operator) => $work,
        }
    };
}
pub(crate) use on;

/// A home whose blocks are known to Python.
pub(crate) trait Face: Space<Block: Debug + Send + Sync> + Send + Sync {
    /// The home of the vectors of an operator of Python's.
    fn of(operator: &Bound<'_, PyAny>) -> PyResult<Self>;

    /// The engine's operator inside of a Python object, if there is one.
    fn native(operator: &Bound<'_, PyAny>) -> PyResult<Option<Operator<Self>>>;

    /// Calls `call` with the directions and the output as objects [k, P] of Python's.
    fn exchange<'py>(
        py: Python<'py>,
        directions: &Self::Block,
        out: &mut Self::Block,
        call: impl FnOnce(Bound<'py, PyAny>, Bound<'py, PyAny>) -> PyResult<()>,
    ) -> PyResult<()>;

    /// A block as an object [k, P] of Python's.
    fn into_python(py: Python<'_>, block: Self::Block) -> PyResult<Bound<'_, PyAny>>;

    /// A block from an object [k, P] of Python's, with P = `len`.
    fn from_python(object: &Bound<'_, PyAny>, len: usize) -> PyResult<Self::Block>;
}

impl<T: Scalar + Element> Face for Shared<T>
where
    NativeOf<T>: FromNative<Home = Self>,
{
    fn of(operator: &Bound<'_, PyAny>) -> PyResult<Self> {
        let len = operator.getattr(intern!(operator.py(), "_length"))?.extract()?;
        Ok(Self::on(len, threads::current()))
    }

    fn native(operator: &Bound<'_, PyAny>) -> PyResult<Option<Operator<Self>>> {
        as_native(operator)?.map(NativeOf::<T>::from_native).transpose()
    }

    fn exchange<'py>(
        py: Python<'py>,
        directions: &Arc<Matrix<T>>,
        out: &mut Arc<Matrix<T>>,
        call: impl FnOnce(Bound<'py, PyAny>, Bound<'py, PyAny>) -> PyResult<()>,
    ) -> PyResult<()> {
        let rows = arrays::lent(py, directions)?.into_any();
        let block = std::mem::replace(out, Arc::new(Matrix::zeros(0, 0)));
        let block = Arc::try_unwrap(block).unwrap_or_else(|shared| (*shared).clone());
        *out = Arc::new(arrays::filled(py, block, |array| call(rows, array.into_any()))?);
        Ok(())
    }

    fn into_python(py: Python<'_>, block: Arc<Matrix<T>>) -> PyResult<Bound<'_, PyAny>> {
        let block = Arc::try_unwrap(block).unwrap_or_else(|shared| (*shared).clone());
        Ok(arrays::owned(py, block)?.into_any())
    }

    fn from_python(object: &Bound<'_, PyAny>, len: usize) -> PyResult<Arc<Matrix<T>>> {
        let block = arrays::block(object)?;
        fits(block.rows, len)?;
        Ok(Arc::new(block))
    }
}

/// Chooses the engine's operators of a type.
pub(crate) struct NativeOf<T>(std::marker::PhantomData<T>);

/// Takes an operator of the engine for one of a certain type.
pub(crate) trait FromNative {
    type Home: Space;
    fn from_native(native: NativeOperator) -> PyResult<Operator<Self::Home>>;
}

macro_rules! from_native {
    ($t:ty, $native:pat => $made:expr) => {
        impl FromNative for NativeOf<$t> {
            type Home = Shared<$t>;
            fn from_native(native: NativeOperator) -> PyResult<Operator<Shared<$t>>> {
                match native {
                    $native => Ok(Box::new($made)),
                    _ => Err(error(Class::Input, "operators of different types do not fit together")),
                }
            }
        }
    };
}
from_native!(f64, NativeOperator::F64 { operator, coarse, operations } => {
    Native { operator: Lifted(operator), coarse: Some(coarse), operations }
});
from_native!(f32, NativeOperator::F32 { operator, operations } => {
    Native { operator: Lifted(operator), coarse: None, operations }
});

impl Face for PyHome {
    fn of(operator: &Bound<'_, PyAny>) -> PyResult<Self> {
        Self::of(&operator.getattr(intern!(operator.py(), "_home"))?, threads::current())
    }

    fn native(_: &Bound<'_, PyAny>) -> PyResult<Option<Operator<Self>>> {
        Ok(None)
    }

    fn exchange<'py>(
        py: Python<'py>,
        directions: &PyBlock,
        out: &mut PyBlock,
        call: impl FnOnce(Bound<'py, PyAny>, Bound<'py, PyAny>) -> PyResult<()>,
    ) -> PyResult<()> {
        call(Self::rows(py, directions)?, Self::rows(py, out)?)
    }

    fn into_python(py: Python<'_>, block: PyBlock) -> PyResult<Bound<'_, PyAny>> {
        Self::rows(py, &block)
    }

    fn from_python(object: &Bound<'_, PyAny>, len: usize) -> PyResult<PyBlock> {
        let (_, found): (usize, usize) = object.getattr(intern!(object.py(), "shape"))?.extract()?;
        fits(found, len)?;
        Self::block(object.clone())
    }
}

fn fits(found: usize, wanted: usize) -> PyResult<()> {
    if found == wanted {
        return Ok(());
    }
    let what = "vectors do not fit the operator".to_owned();
    let (got, wanted) = (Some(format!("{found} entries")), Some(wanted.to_string()));
    Err(exception(Class::Input, Complaint { what, place: None, got, wanted }))
}

/// An operator of Python's.
struct PyOperator<S> {
    object: Py<PyAny>,
    space: S,
}

impl<S: Face> SymmetricOperator<S> for PyOperator<S> {
    fn space(&self) -> S {
        self.space.clone()
    }

    fn apply(&self, directions: &S::Block, out: &mut S::Block) -> Result<(), Failure> {
        let product = |py: Python<'_>| {
            let operator = self.object.bind(py);
            S::exchange(py, directions, out, |rows, out| {
                operator.call_method1(intern!(py, "_apply_into"), (rows, out)).map(drop)
            })
        };
        Python::attach(product).map_err(Failure::of)
    }

    fn recomputed(&self, directions: &S::Block, trial: u32) -> Result<Option<S::Block>, Failure> {
        let mut out = self.space.zeros(self.space.columns(directions))?;
        let mut done = false;
        let product = |py: Python<'_>| {
            let operator = self.object.bind(py);
            S::exchange(py, directions, &mut out, |rows, out| {
                done = operator.call_method1(intern!(py, "_recompute_into"), (rows, out, trial))?.is_truthy()?;
                Ok(())
            })
        };
        Python::attach(product).map_err(Failure::of)?;
        Ok(done.then_some(out))
    }
}

/// The operator that a Python object is. With `check`, operators that have not been looked at before are tried for symmetry
/// and for giving the same product twice.
pub(crate) fn operand(object: &Bound<'_, PyAny>, check: bool) -> PyResult<Operand> {
    let py = object.py();
    if !object.getattr(intern!(py, "_home"))?.is_none() {
        return built(object, check, 0).map(Operand::Home);
    }
    let bytes: usize = object.getattr(intern!(py, "_dtype"))?.getattr(intern!(py, "itemsize"))?.extract()?;
    if bytes == 4 { built(object, check, 0).map(Operand::F32) } else { built(object, check, 0).map(Operand::F64) }
}

fn built<S: Face>(object: &Bound<'_, PyAny>, check: bool, depth: usize) -> PyResult<Operator<S>> {
    let py = object.py();
    if depth > DEEPEST {
        return Err(error(Class::Input, format!("an expression of operators is nested more than {DEEPEST} times")));
    }
    if let Some(native) = S::native(object)? {
        return Ok(native);
    }
    let expression = object.call_method0(intern!(py, "_expression"))?;
    if expression.is_none() {
        let space = S::of(object)?;
        let operator = PyOperator { object: object.clone().unbind(), space };
        if check && !object.getattr(intern!(py, "_probed"))?.is_truthy()? {
            probe(&operator, object)?;
            // An operator that cannot be marked is looked at again.
            let _ = object.setattr(intern!(py, "_probed"), true);
        }
        return Ok(Box::new(operator));
    }
    let expression = expression.cast_into::<PyTuple>()?;
    let kind: String = expression.get_item(0)?.extract()?;
    let part = |i: usize| built::<S>(&expression.get_item(i)?, check, depth + 1);
    if kind == "sum" {
        return total((1..expression.len()).map(part).collect::<PyResult<_>>()?);
    }
    let (first, argument) = (part(1)?, expression.get_item(2)?);
    Ok(match kind.as_str() {
        "scaled" => Box::new(Scaled { operator: first, factor: argument.extract()? }),
        "shifted" => Box::new(Shifted { operator: first, shift: argument.extract()? }),
        "restricted" => {
            let ranges: Vec<(usize, usize)> = argument.extract()?;
            let ranges = ranges.into_iter().map(|(start, stop)| start..stop).collect();
            let chosen = IndexRanges::new(first.n_params(), ranges).map_err(|failed| error(Class::Input, failed))?;
            Box::new(Restricted::new(first, chosen).map_err(of_failure)?)
        }
        other => return Err(error(Class::Internal, format!("there is no expression {other:?}"))),
    })
}

/// Expressions may be nested this many times: products with them take as many frames of the stack.
const DEEPEST: usize = 200;

/// The sum of operators as a tree of sums of two, whose depth is the logarithm of their number.
fn total<S: Face>(mut terms: Vec<Operator<S>>) -> PyResult<Operator<S>> {
    let none = || error(Class::Internal, "a sum of no operators");
    if terms.len() < 2 {
        return terms.pop().ok_or_else(none);
    }
    let rest = terms.split_off(terms.len().div_ceil(2));
    Ok(Box::new(Summed { first: total(terms)?, second: total(rest)? }))
}

/// Seed of the directions that operators are tried with.
const SEED: u64 = 31_415;
/// Number of these directions: each pair of them shows an asymmetry.
const DIRECTIONS: u64 = 3;
/// Rounding of an inner product with a random direction, in units of sqrt(P) eps.
const ROUNDING: f64 = 64.0;

/// Solvers divide operators of any scale by a power of two, so only the limits of a type are limits of theirs. So far may the largest
/// entry be from 1, as a power of ten, in float64 and in float32: beyond, sums overflow, or digits are lost.
const DECADES: [i32; 2] = [290, 24];

/// The complaint about products so near to the limits of their type that solvers cannot compute with them.
fn out_of_range<S: Face>(space: &S, images: &S::Block) -> Result<Option<Complaint>, Failure> {
    let largest = space.largest_entries(space.all(images))?.into_iter().fold(0.0f64, |m, x| m.max(x.abs()));
    let decades = DECADES[usize::from(space.epsilon() > 1e-12)];
    let exponent = largest.log10();
    if largest == 0.0 || exponent.abs() <= f64::from(decades) {
        return Ok(None);
    }
    let factor = -exponent.round() as i32;
    Ok(Some(Complaint {
        what: "the operator's products are near the limits of its type, where sums overflow or digits are lost".into(),
        got: Some(format!("products with entries up to {largest:.1e}")),
        wanted: Some(format!("1e-{decades} to 1e{decades}: scale the operator, op * 1e{factor}, and the results back")),
        ..Complaint::default()
    }))
}

/// Takes two products with the same directions: they must be equal, and u^T A v must be v^T A u, up to what rounding can do.
fn probe<S: Face>(operator: &PyOperator<S>, object: &Bound<'_, PyAny>) -> PyResult<()> {
    let space = &operator.space;
    let name = || object.repr().map_or_else(|_| "the operator".to_owned(), |text| text.to_string());
    let work = || -> Result<Option<(Class, Complaint)>, Failure> {
        let directions = space.random(SEED, 0..DIRECTIONS, Law::Gaussian)?;
        let images = operator.product(&directions)?;
        if !space.is_finite(space.all(&images))? {
            return Err(Failure::NotFinite);
        }
        if let Some(complaint) = out_of_range(space, &images)? {
            return Ok(Some((Class::Input, complaint)));
        }
        let mut again = operator.product(&directions)?;
        let norms = space.norms(space.all(&images))?;
        let scale = norms.iter().fold(0.0f64, |m, &x| m.max(x));
        let p = space.len() as f64;
        let allowed = space.epsilon().sqrt().max(ROUNDING * space.epsilon() * p.sqrt()) * scale;
        space.add_scaled(&vec![-1.0; norms.len()], space.all(&images), &mut again)?;
        let changed = space.norms(space.all(&again))?.into_iter().fold(0.0f64, f64::max);
        if changed.is_nan() || changed > allowed {
            let what = "the operator gives another product for the same directions the second time (is its data shuffled, \
                        or does it draw random numbers, as dropout does?)";
            let got = format!("a difference of {:.1e} of the product", changed / scale);
            return Ok(Some((
                Class::NotDeterministic,
                Complaint { what: what.into(), got: Some(got), ..Complaint::default() },
            )));
        }
        let gram = space.gram(space.all(&directions), space.all(&images))?;
        let entry = |i: usize, j: usize| gram.column(j)[i];
        let n = norms.len();
        let pairs = (0..n).flat_map(|i| (0..i).map(move |j| (i, j)));
        let off = pairs.map(|(i, j)| (entry(i, j) - entry(j, i)).abs()).fold(0.0f64, f64::max);
        if off > allowed {
            let what = "the operator is not symmetric: u^T A v and v^T A u differ for random u and v";
            let got = format!("a difference of {:.1e} of |A v|", off / scale);
            return Ok(Some((
                Class::NotSymmetric,
                Complaint { what: what.into(), got: Some(got), ..Complaint::default() },
            )));
        }
        Ok(None)
    };
    match work().map_err(of_failure)? {
        None => Ok(()),
        Some((class, complaint)) => Err(exception(class, Complaint { place: Some(name()), ..complaint })),
    }
}

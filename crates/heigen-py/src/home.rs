//! Vectors in a home that Python defines: the protocol `heigen._homes.Home`.

use crate::raise::{Class, error};
use heigen_spectra::linalg::Matrix;
use heigen_spectra::{Columns, Failure, Law, Space, Threads};
use numpy::{PyArray1, PyArray2, PyReadonlyArray1, PyReadonlyArray2};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PySlice;
use std::ops::Range;
use std::sync::Arc;

/// R^P in a home of Python's. Every operation attaches to the interpreter by itself; small matrices cross as NumPy arrays.
#[derive(Clone, Debug)]
pub(crate) struct PyHome {
    object: Arc<Py<PyAny>>,
    len: usize,
    epsilon: f64,
    threads: Threads,
}

/// A block: the first `columns` rows of an object of the home's, which may have room for more.
#[derive(Debug)]
pub(crate) struct PyBlock {
    object: Py<PyAny>,
    columns: usize,
    room: usize,
}

fn failed(error: PyErr) -> Failure {
    Failure::of(error)
}

/// The rows of a block as an object of Python's: a view.
fn rows<'py>(py: Python<'py>, columns: &Columns<'_, PyBlock>) -> PyResult<Bound<'py, PyAny>> {
    slice(py, &columns.block.object, &columns.range)
}

fn slice<'py>(py: Python<'py>, object: &Py<PyAny>, range: &Range<usize>) -> PyResult<Bound<'py, PyAny>> {
    object.bind(py).get_item(PySlice::new(py, range.start.cast_signed(), range.end.cast_signed(), 1))
}

/// A small matrix [m, k] as an array [k, m], its rows the matrix's columns.
fn transposed<'py>(py: Python<'py>, s: &Matrix<f64>) -> PyResult<Bound<'py, PyArray2<f64>>> {
    use numpy::PyArrayMethods;
    PyArray1::from_slice(py, &s.data).reshape([s.columns, s.rows])
}

fn vector<'py>(py: Python<'py>, numbers: &[f64]) -> Bound<'py, PyArray1<f64>> {
    PyArray1::from_slice(py, numbers)
}

/// A small matrix [m, k] from an array [m, k].
fn small(object: &Bound<'_, PyAny>) -> PyResult<Matrix<f64>> {
    let array: PyReadonlyArray2<'_, f64> = object.extract()?;
    let view = array.as_array();
    let (rows, columns) = view.dim();
    Ok(Matrix { data: view.t().iter().copied().collect(), rows, columns })
}

fn numbers(object: &Bound<'_, PyAny>) -> PyResult<Vec<f64>> {
    let array: PyReadonlyArray1<'_, f64> = object.extract()?;
    Ok(array.as_array().iter().copied().collect())
}

fn pairs(ranges: &[Range<usize>]) -> Vec<(usize, usize)> {
    ranges.iter().map(|range| (range.start, range.end)).collect()
}

fn same(a: &Columns<'_, PyBlock>, b: &Columns<'_, PyBlock>) -> bool {
    std::ptr::eq(a.block, b.block) && a.range == b.range
}

/// The name of a law in Python.
fn name_of(law: Law) -> &'static str {
    match law {
        Law::Gaussian => "gaussian",
        Law::Rademacher => "rademacher",
        Law::Uniform => "uniform",
    }
}

/// The law of a name in Python.
pub(crate) fn law_of(name: &str) -> PyResult<Law> {
    let all = [Law::Gaussian, Law::Rademacher, Law::Uniform];
    let wanted = "\"gaussian\", \"rademacher\" or \"uniform\"";
    all.into_iter()
        .find(|law| name_of(*law) == name)
        .ok_or_else(|| error(Class::Input, format!("there is no law {name:?}; wanted {wanted}")))
}

impl PyHome {
    /// The home that a Python object with the protocol's operations is.
    pub(crate) fn of(object: &Bound<'_, PyAny>, threads: Threads) -> PyResult<Self> {
        let py = object.py();
        let len = object.getattr(intern!(py, "length"))?.extract()?;
        let bytes: usize = object.getattr(intern!(py, "dtype"))?.getattr(intern!(py, "itemsize"))?.extract()?;
        let epsilon = if bytes == 4 { f64::from(f32::EPSILON) } else { f64::EPSILON };
        Ok(Self { object: Arc::new(object.clone().unbind()), len, epsilon, threads })
    }

    /// The rows of a whole block as an object of Python's: a view where there is room for more.
    pub(crate) fn rows<'py>(py: Python<'py>, block: &PyBlock) -> PyResult<Bound<'py, PyAny>> {
        if block.columns == block.room {
            return Ok(block.object.bind(py).clone());
        }
        slice(py, &block.object, &(0..block.columns))
    }

    /// A block from an object [k, P] of the home's.
    pub(crate) fn block(object: Bound<'_, PyAny>) -> PyResult<PyBlock> {
        let columns = object.len()?;
        Ok(PyBlock { object: object.unbind(), columns, room: columns })
    }

    fn with<R>(&self, work: impl FnOnce(Python<'_>, &Bound<'_, PyAny>) -> PyResult<R>) -> Result<R, Failure> {
        Python::attach(|py| work(py, self.object.bind(py))).map_err(failed)
    }
}

impl Space for PyHome {
    type Block = PyBlock;
    type Coarse = Self;

    fn refined(&self, block: &PyBlock) -> Result<PyBlock, Failure> {
        self.copy(self.all(block))
    }

    fn len(&self) -> usize {
        self.len
    }

    fn epsilon(&self) -> f64 {
        self.epsilon
    }

    fn threads(&self) -> Threads {
        self.threads.clone()
    }

    fn columns(&self, block: &PyBlock) -> usize {
        block.columns
    }

    fn zeros(&self, columns: usize) -> Result<PyBlock, Failure> {
        self.with(|py, home| Self::block(home.call_method1(intern!(py, "zeros"), (columns,))?))
    }

    fn random(&self, seed: u64, columns: Range<u64>, law: Law) -> Result<PyBlock, Failure> {
        self.with(|py, home| {
            let arguments = (seed, columns.start, columns.end, name_of(law));
            Self::block(home.call_method1(intern!(py, "random"), arguments)?)
        })
    }

    fn select(&self, block: &PyBlock, columns: &[usize]) -> Result<PyBlock, Failure> {
        self.with(|py, home| {
            let rows = Self::rows(py, block)?;
            Self::block(home.call_method1(intern!(py, "select"), (rows, columns.to_vec()))?)
        })
    }

    fn append(&self, block: &mut PyBlock, more: Columns<'_, PyBlock>) -> Result<(), Failure> {
        /// Appended blocks of at least this many columns reserve exactly the memory they need, as those of the host do.
        const WIDE: usize = 32;
        let columns = block.columns + more.len();
        self.with(|py, home| {
            let added = rows(py, &more)?;
            if columns > block.room {
                // Growing by half its size keeps the work of copying in proportion to the block.
                let spare = if more.len() >= WIDE { 0 } else { columns / 2 };
                let room = (columns + spare).min(self.len.max(columns));
                let wider = home.call_method1(intern!(py, "zeros"), (room,))?;
                let old = PySlice::new(py, 0, block.columns.cast_signed(), 1);
                wider.set_item(old, Self::rows(py, block)?)?;
                (block.object, block.room) = (wider.unbind(), room);
            }
            let place = PySlice::new(py, block.columns.cast_signed(), columns.cast_signed(), 1);
            block.object.bind(py).set_item(place, added)?;
            block.columns = columns;
            Ok(())
        })
    }

    fn gram(&self, a: Columns<'_, PyBlock>, b: Columns<'_, PyBlock>) -> Result<Matrix<f64>, Failure> {
        self.with(|py, home| {
            let left = rows(py, &a)?;
            let right = if same(&a, &b) { left.clone() } else { rows(py, &b)? };
            let mut gram = small(&home.call_method1(intern!(py, "gram"), (left, right))?)?;
            if same(&a, &b) {
                gram.mirror_lower();
            }
            Ok(gram)
        })
    }

    fn dots(&self, a: Columns<'_, PyBlock>, b: Columns<'_, PyBlock>) -> Result<Vec<f64>, Failure> {
        self.with(|py, home| numbers(&home.call_method1(intern!(py, "dots"), (rows(py, &a)?, rows(py, &b)?))?))
    }

    fn is_finite(&self, a: Columns<'_, PyBlock>) -> Result<bool, Failure> {
        self.with(|py, home| home.call_method1(intern!(py, "is_finite"), (rows(py, &a)?,))?.is_truthy())
    }

    fn combine(
        &self,
        alpha: f64,
        a: Columns<'_, PyBlock>,
        s: &Matrix<f64>,
        beta: f64,
        y: &mut PyBlock,
    ) -> Result<(), Failure> {
        self.with(|py, home| {
            let arguments = (alpha, transposed(py, s)?, rows(py, &a)?, beta, Self::rows(py, y)?);
            home.call_method1(intern!(py, "combine"), arguments).map(drop)
        })
    }

    fn combine_each(
        &self,
        alpha: f64,
        a: &[Columns<'_, PyBlock>],
        s: &[Matrix<f64>],
        y: &mut PyBlock,
    ) -> Result<(), Failure> {
        self.with(|py, home| {
            let mut first = 0;
            for (a, s) in a.iter().zip(s) {
                let group = slice(py, &y.object, &(first..first + s.columns))?;
                let arguments = (alpha, transposed(py, s)?, rows(py, a)?, 1.0, group);
                home.call_method1(intern!(py, "combine"), arguments)?;
                first += s.columns;
            }
            Ok(())
        })
    }

    fn scale_columns(&self, a: &mut PyBlock, factors: &[f64]) -> Result<(), Failure> {
        self.with(|py, home| {
            home.call_method1(intern!(py, "scale"), (Self::rows(py, a)?, vector(py, factors))).map(drop)
        })
    }

    fn add_scaled(&self, factors: &[f64], x: Columns<'_, PyBlock>, y: &mut PyBlock) -> Result<(), Failure> {
        self.with(|py, home| {
            let arguments = (vector(py, factors), rows(py, &x)?, Self::rows(py, y)?);
            home.call_method1(intern!(py, "add_scaled"), arguments).map(drop)
        })
    }

    fn multiply_add(&self, a: Columns<'_, PyBlock>, b: Columns<'_, PyBlock>, y: &mut PyBlock) -> Result<(), Failure> {
        self.with(|py, home| {
            let arguments = (rows(py, &a)?, rows(py, &b)?, Self::rows(py, y)?);
            home.call_method1(intern!(py, "multiply_add"), arguments).map(drop)
        })
    }

    fn of_rows(&self, ranges: &[Range<usize>]) -> Result<Self, Failure> {
        self.with(|py, home| {
            Self::of(&home.call_method1(intern!(py, "of_rows"), (pairs(ranges),))?, self.threads.clone())
        })
    }

    fn gather_rows(&self, block: &PyBlock, ranges: &[Range<usize>]) -> Result<PyBlock, Failure> {
        self.with(|py, home| {
            Self::block(home.call_method1(intern!(py, "gather"), (Self::rows(py, block)?, pairs(ranges)))?)
        })
    }

    fn scatter_rows(&self, part: &PyBlock, ranges: &[Range<usize>]) -> Result<PyBlock, Failure> {
        self.with(|py, home| {
            Self::block(home.call_method1(intern!(py, "scatter"), (Self::rows(py, part)?, pairs(ranges)))?)
        })
    }

    fn largest_entries(&self, a: Columns<'_, PyBlock>) -> Result<Vec<f64>, Failure> {
        self.with(|py, home| numbers(&home.call_method1(intern!(py, "largest"), (rows(py, &a)?,))?))
    }

    fn to_host(&self, a: Columns<'_, PyBlock>, entries: Range<usize>) -> Result<Matrix<f64>, Failure> {
        self.with(|py, home| {
            let arguments = (rows(py, &a)?, entries.start, entries.end);
            let array = home.call_method1(intern!(py, "to_host"), arguments)?;
            crate::arrays::block::<f64>(&array)
        })
    }

    fn to_home(&self, a: Matrix<f64>) -> Result<PyBlock, Failure> {
        self.with(|py, home| Self::block(home.call_method1(intern!(py, "from_host"), (crate::arrays::owned(py, a)?,))?))
    }
}

//! NumPy arrays and blocks of vectors: a block [P, k], column after column, is an array [k, P], row after row.
//!
//! The only file with unsafe code: an array over memory of Rust's cannot be made without.
#![allow(unsafe_code)]

use crate::raise::{Class, error};
use heigen_spectra::linalg::{Matrix, Scalar};
use numpy::ndarray::{ArrayView2, ArrayViewMut2};
use numpy::{Element, PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::prelude::*;
use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How often memory had to be copied because an operator had kept an array after its product.
static COPIES: AtomicU64 = AtomicU64::new(0);

/// The owner of an array's memory. The memory is neither freed nor moved before the last array over it is gone.
#[pyclass(frozen)]
struct Memory {
    #[expect(dead_code, reason = "it is held, not read")]
    owner: Arc<dyn Any + Send + Sync>,
}

/// A block as an array [k, P] over the same memory, which Python cannot write to.
///
/// Python may keep the array: it shares the ownership of the block.
pub(crate) fn lent<'py, T: Scalar + Element>(
    py: Python<'py>,
    block: &Arc<Matrix<T>>,
) -> PyResult<Bound<'py, PyArray2<T>>> {
    let view = ArrayView2::from_shape((block.columns, block.rows), &block.data).map_err(shape)?;
    let owner: Arc<dyn Any + Send + Sync> = Arc::<Matrix<T>>::clone(block);
    let memory = Bound::new(py, Memory { owner })?.into_any();
    // SAFETY: `memory` keeps the matrix alive, and a matrix that is shared is never changed (`Shared` copies it first). The
    // flag below keeps Python from writing to it.
    let array = unsafe { PyArray2::borrow_from_array(&view, memory) };
    array.readwrite().make_nonwriteable();
    Ok(array)
}

/// Lets `fill` write into an array [k, P] over the memory of `block`, and gives the block back.
///
/// Where Python has kept the array, the block is copied, so that nobody can write to it any more.
pub(crate) fn filled<'py, T: Scalar + Element>(
    py: Python<'py>,
    mut block: Matrix<T>,
    fill: impl FnOnce(Bound<'py, PyArray2<T>>) -> PyResult<()>,
) -> PyResult<Matrix<T>> {
    let shape_of_rows = (block.columns, block.rows);
    let data = block.data.as_mut_ptr();
    let owner = Arc::new(block);
    let held: Arc<dyn Any + Send + Sync> = Arc::<Matrix<T>>::clone(&owner);
    let memory = Bound::new(py, Memory { owner: held })?.into_any();
    // SAFETY: `data` points to as many entries as the shape says, they stay where they are while `memory` lives, and nobody
    // else reads or writes them before `fill` has returned.
    let array = unsafe {
        let view = ArrayViewMut2::from_shape_ptr(shape_of_rows, data);
        PyArray2::borrow_from_array(&view, memory)
    };
    fill(array)?;
    Ok(match Arc::try_unwrap(owner) {
        Ok(block) => block,
        Err(kept) => {
            COPIES.fetch_add(1, Ordering::Relaxed);
            Matrix { data: kept.data.clone(), rows: kept.rows, columns: kept.columns }
        }
    })
}

/// A block as an array [k, P] that owns its memory.
pub(crate) fn owned<T: Scalar + Element>(py: Python<'_>, block: Matrix<T>) -> PyResult<Bound<'_, PyArray2<T>>> {
    let rows = [block.columns, block.rows];
    PyArray1::from_vec(py, block.data).reshape(rows)
}

/// Numbers as an array of one dimension.
pub(crate) fn vector(py: Python<'_>, numbers: Vec<f64>) -> Bound<'_, PyArray1<f64>> {
    PyArray1::from_vec(py, numbers)
}

/// A block from an array [k, P] of the same type, copied.
pub(crate) fn block<T: Scalar + Element>(object: &Bound<'_, PyAny>) -> PyResult<Matrix<T>> {
    let array: PyReadonlyArray2<'_, T> = object.extract().map_err(|_| {
        let text = object.repr().map_or_else(|_| String::new(), |text| text.to_string());
        error(Class::WrongType, format!("an array [k, P] of {} is expected, this is {text:.200}", T::NAME))
    })?;
    let [columns, rows] = *array.shape() else { return Err(error(Class::Input, "an array [k, P] is expected")) };
    let data = match array.as_slice() {
        Ok(entries) => entries.to_vec(),
        Err(_) => array.as_array().iter().copied().collect(),
    };
    Ok(Matrix { data, rows, columns })
}

fn shape(failed: impl std::fmt::Display) -> PyErr {
    error(Class::Internal, failed)
}

/// How often memory had to be copied because an operator had kept an array after its product; for tests.
#[pyfunction]
fn copies_of_kept_memory() -> u64 {
    COPIES.load(Ordering::Relaxed)
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    // NumPy's interface is imported at the first use of an array. If Ctrl-C came in that moment, `numpy` would panic; so it is
    // used here, where an import is under way anyway.
    let array = lent(module.py(), &Arc::new(Matrix::<f64>::zeros(1, 1)))?;
    block::<f64>(array.as_any())?;
    module.add_function(wrap_pyfunction!(copies_of_kept_memory, module)?)
}

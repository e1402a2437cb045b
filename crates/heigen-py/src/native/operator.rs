//! Operators of the engine in the hands of Python.

use super::errors;
use heigen::curvature::{Host, SymmetricOperator};
use heigen::linalg::{Matrix, Scalar};
use heigen_lab::{LabError, Owned};
use numpy::{Element, PyReadonlyArray2, PyReadwriteArray2, PyUntypedArrayMethods};
use pyo3::prelude::*;
use std::sync::Arc;

/// An operator of the engine that any number of threads may hold.
pub(crate) type Held<T> = Arc<dyn SymmetricOperator<Host<T>> + Send + Sync>;

/// An operator of the engine in float64, with its form in float32, or in float32 alone; and the operations of a product with a
/// direction.
#[derive(Clone)]
pub(crate) enum NativeOperator {
    F64 { operator: Held<f64>, coarse: Held<f32>, operations: f64 },
    F32 { operator: Held<f32>, operations: f64 },
}

/// The object in the attribute `_native` of an operator in Python that is one of the engine's.
#[pyclass(frozen, module = "heigen._heigen")]
pub(crate) struct NativeHandle {
    operator: NativeOperator,
}

/// The engine's operator inside of a Python object, if there is one.
#[expect(clippy::unnecessary_wraps, reason = "an object of the engine may be of a kind that cannot be used")]
pub(crate) fn as_native(object: &Bound<'_, PyAny>) -> PyResult<Option<NativeOperator>> {
    let Ok(handle) = object.getattr("_native") else { return Ok(None) };
    Ok(handle.cast::<NativeHandle>().ok().map(|handle| handle.get().operator.clone()))
}

impl NativeHandle {
    pub(crate) fn double(owned: &Owned<f64>) -> Self {
        Self {
            operator: NativeOperator::F64 {
                operator: Arc::clone(&owned.operator),
                coarse: Arc::clone(&owned.coarse),
                operations: owned.operations,
            },
        }
    }

    pub(crate) fn single(owned: &Owned<f32>) -> Self {
        Self { operator: NativeOperator::F32 { operator: Arc::clone(&owned.operator), operations: owned.operations } }
    }
}

#[pymethods]
impl NativeHandle {
    /// P, the order of the matrix.
    #[getter]
    fn length(&self) -> usize {
        match &self.operator {
            NativeOperator::F64 { operator, .. } => operator.n_params(),
            NativeOperator::F32 { operator, .. } => operator.n_params(),
        }
    }

    /// Writes the products with the directions `rows` [k, P] into `out`; both are of the operator's type.
    fn apply(&self, py: Python<'_>, rows: &Bound<'_, PyAny>, out: &Bound<'_, PyAny>) -> PyResult<()> {
        match &self.operator {
            NativeOperator::F64 { operator, .. } => apply::<f64>(py, operator, rows, out),
            NativeOperator::F32 { operator, .. } => apply::<f32>(py, operator, rows, out),
        }
    }
}

fn apply<T: Scalar + Element>(
    py: Python<'_>,
    operator: &Held<T>,
    rows: &Bound<'_, PyAny>,
    out: &Bound<'_, PyAny>,
) -> PyResult<()> {
    let rows: PyReadonlyArray2<'_, T> = rows.extract()?;
    let mut out: PyReadwriteArray2<'_, T> = out.extract()?;
    let (k, p) = (rows.shape()[0], operator.n_params());
    if rows.shape() != [k, p] || out.shape() != [k, p] {
        return Err(errors::internal(py, "blocks of another shape than the operator's"));
    }
    // A block [k, P] of rows is a matrix [P, k] of columns, each direction in one piece.
    let directions = Matrix { data: rows.as_slice()?.to_vec(), rows: p, columns: k };
    let product = py.detach(|| operator.product(&directions));
    let product = product.map_err(|failure| errors::of(py, &LabError::from(failure)))?;
    out.as_slice_mut()?.copy_from_slice(&product.data);
    Ok(())
}

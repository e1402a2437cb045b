//! The engine's own networks: analysis by the lab, and operators whose products never enter Python.

use heigen_spectra::{Host, SymmetricOperator};
use pyo3::prelude::*;
use std::sync::Arc;

#[expect(dead_code, reason = "no object of Python holds one yet")]
/// An operator of the engine in float64 or float32.
#[derive(Clone)]
pub(crate) enum NativeOperator {
    F64(Arc<dyn SymmetricOperator<Host<f64>> + Send + Sync>),
    F32(Arc<dyn SymmetricOperator<Host<f32>> + Send + Sync>),
}

/// The engine's operator inside of a Python object, if there is one.
#[expect(clippy::unnecessary_wraps, reason = "an object of the engine may be of a kind that cannot be used")]
pub(crate) fn as_native(_object: &Bound<'_, PyAny>) -> PyResult<Option<NativeOperator>> {
    Ok(None)
}

#[expect(clippy::unnecessary_wraps, reason = "the form of all parts")]
pub(crate) fn register(_module: &Bound<'_, PyModule>) -> PyResult<()> {
    Ok(())
}

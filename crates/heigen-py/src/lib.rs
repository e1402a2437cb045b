//! The extension module of the package `heigen` for Python.
//!
//! Every file registers what it has for Python in its own function `register`.

mod native;
mod program;

use pyo3::prelude::*;

#[pymodule]
fn _heigen(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    program::register(module)?;
    native::register(module)
}

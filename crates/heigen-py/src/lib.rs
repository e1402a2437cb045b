//! The extension module of the package `heigen` for Python.
//!
//! Every file registers what it has for Python in its own function `register`.

mod arrays;
mod call;
mod drawings;
mod home;
mod matching;
mod native;
mod operand;
mod planes;
mod program;
mod raise;
mod shared;
mod solvers;
mod threads;

use pyo3::prelude::*;

#[pymodule]
fn _heigen(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    arrays::register(module)?;
    call::register(module)?;
    drawings::register(module)?;
    matching::register(module)?;
    planes::register(module)?;
    program::register(module)?;
    solvers::register(module)?;
    threads::register(module)?;
    native::register(module)
}

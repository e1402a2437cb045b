//! The solvers of `heigen-spectra`, as functions of plain arguments that `heigen._solvers` calls.

mod densities;
mod eigenpairs;
mod estimates;
mod spectra;
mod systems;

use pyo3::prelude::*;

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    densities::register(module)?;
    eigenpairs::register(module)?;
    estimates::register(module)?;
    spectra::register(module)?;
    systems::register(module)
}

//! The engine's own networks: analysis by the lab, and operators whose products never enter Python.

mod asked;
mod drawing;
mod errors;
mod following;
mod labs;
mod network;
mod operator;
mod running;
mod workspace;

use pyo3::prelude::*;

pub(crate) use operator::{Held, NativeOperator, as_native};

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<workspace::Workspace>()?;
    module.add_class::<operator::NativeHandle>()?;
    module.add_function(wrap_pyfunction!(network::experiments, module)?)
}

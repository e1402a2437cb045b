//! The program `heigen`, which the package brings along.

use pyo3::prelude::*;
use std::io::Write;

/// Runs the program `heigen` with `arguments`, the first of which is the program's name; returns its exit code.
#[pyfunction]
fn run_program(py: Python<'_>, arguments: Vec<String>) -> u8 {
    let succeeded = py.detach(|| {
        let succeeded = heigen_cli::run(arguments) == std::process::ExitCode::SUCCESS;
        // Python ends the process, which does not know of this buffer.
        let flushed = std::io::stdout().flush().is_ok();
        succeeded && flushed
    });
    u8::from(!succeeded)
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(run_program, module)?)
}

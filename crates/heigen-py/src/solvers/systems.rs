//! Linear systems.

use crate::arrays::vector;
use crate::call::run;
use crate::operand::{Face, Operator, on, operand};
use crate::raise::{Class, error, of_failure};
use heigen_spectra::{Solution, SolveError, SolveOptions, solve};
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;

/// (solutions [k, P], residuals, norms of the right-hand sides, tolerance, products, converged) for right-hand sides [k, P]
#[pyfunction(name = "solve")]
fn solutions<'py>(
    operator: &Bound<'py, PyAny>,
    right: &Bound<'py, PyAny>,
    damping: f64,
    tolerance: f64,
    max_products: Option<usize>,
    check: bool,
    tell: Option<Py<PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let options = SolveOptions { damping, tolerance, max_products };
    let py = operator.py();
    on!(operand(operator, check)?, |found| solutions_of(py, &found, right, &options, tell))
}

fn solutions_of<'py, S: Face>(
    py: Python<'py>,
    operator: &Operator<S>,
    right: &Bound<'py, PyAny>,
    options: &SolveOptions,
    tell: Option<Py<PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let right = S::from_python(right, operator.n_params())?;
    let found = run(py, tell, |watch| match solve(operator, &right, options, watch) {
        Ok(found) => Ok(found),
        Err(SolveError::NotConverged(reached)) => Ok(*reached),
        Err(SolveError::Failed(failure)) => Err(of_failure(failure)),
        Err(other @ SolveError::NotPositive { .. }) => Err(error(Class::NotPositive, other)),
    })?;
    let Solution { x, residuals, norms, tolerance, products, converged } = found;
    let x = S::into_python(py, x)?;
    (x, vector(py, residuals), vector(py, norms), tolerance, products, converged).into_bound_py_any(py)
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(solutions, module)?)
}

//! Extreme eigenpairs.

use crate::arrays::vector;
use crate::call::run;
use crate::operand::{Face, Operator, on, operand};
use crate::raise::{Class, error, of_failure};
use heigen_spectra::{Start, TopK, TopKError, TopKOptions, Which, top_k_from};
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;

fn which_of(name: &str) -> PyResult<Which> {
    Ok(match name {
        "LA" => Which::Largest,
        "SA" => Which::Smallest,
        "BE" => Which::BothEnds,
        "LM" => Which::LargestMagnitude,
        other => {
            let wanted = "\"LM\" (largest magnitude), \"LA\" (largest), \"SA\" (smallest) or \"BE\" (both ends)";
            return Err(error(Class::Input, format!("there is no choice which={other:?}; wanted {wanted}")));
        }
    })
}

/// (eigenvalues, eigenvectors [k, P], residuals, scale, tolerance, products, restarts, converged)
#[pyfunction]
#[pyo3(signature = (operator, k, which, tolerance, start, refine, block, max_subspace, max_products, seed, check, tell))]
#[expect(clippy::too_many_arguments, reason = "they are named in Python")]
fn eigsh<'py>(
    operator: &Bound<'py, PyAny>,
    k: usize,
    which: &str,
    tolerance: f64,
    start: Option<&Bound<'py, PyAny>>,
    refine: bool,
    block: Option<usize>,
    max_subspace: Option<usize>,
    max_products: Option<usize>,
    seed: u32,
    check: bool,
    tell: Option<Py<PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let options = TopKOptions { tolerance, block, max_subspace, max_products, seed };
    let which = which_of(which)?;
    let py = operator.py();
    on!(operand(operator, check)?, |found| eigsh_of(py, &found, k, which, &options, (start, refine), tell))
}

fn eigsh_of<'py, S: Face>(
    py: Python<'py>,
    operator: &Operator<S>,
    k: usize,
    which: Which,
    options: &TopKOptions,
    (start, refine): (Option<&Bound<'py, PyAny>>, bool),
    tell: Option<Py<PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let start = start.map(|start| S::from_python(start, operator.n_params())).transpose()?;
    let found = run(py, tell, |watch| {
        let found = match &start {
            Some(start) if refine => heigen_spectra::refine(start, operator, k, which, options, watch),
            Some(start) => top_k_from(Start::Directions(start), operator, k, which, options, watch),
            None => top_k_from(Start::Random, operator, k, which, options, watch),
        };
        match found {
            Ok(found) => Ok(found),
            Err(TopKError::NotConverged(reached)) => Ok(*reached),
            Err(TopKError::Failed(failure)) => Err(of_failure(failure)),
            Err(other @ TopKError::Size { .. }) => Err(error(Class::Input, other)),
        }
    })?;
    let products = found.all_products();
    let TopK { eigenvalues, eigenvectors, residuals, scale, tolerance, restarts, converged, .. } = found;
    let vectors = S::into_python(py, eigenvectors)?;
    let (values, residuals) = (vector(py, eigenvalues), vector(py, residuals));
    (values, vectors, residuals, scale, tolerance, products, restarts, converged).into_bound_py_any(py)
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(eigsh, module)?)
}

//! Trace, diagonal, Frobenius norm; and the random directions that they are made from.

use crate::arrays::{owned, vector};
use crate::call::run;
use crate::home::law_of;
use crate::operand::{Face, Operator, on, operand};
use crate::raise::of_estimate;
use crate::threads;
use heigen_spectra::{Estimate, Host, Space, diagonal, exact_diagonal, frobenius_norm, hutchinson, trace};
use numpy::PyArray1;
use pyo3::prelude::*;

/// The trace by Hutch++ or, with `plain`, by plain averages, with its standard error.
#[pyfunction(name = "trace")]
fn trace_estimate(
    operator: &Bound<'_, PyAny>,
    products: usize,
    plain: bool,
    seed: u32,
    check: bool,
    tell: Option<Py<PyAny>>,
) -> PyResult<(f64, f64)> {
    let py = operator.py();
    let estimate = on!(operand(operator, check)?, |found| run(py, tell, |watch| {
        let estimate =
            if plain { hutchinson(&found, products, seed, watch) } else { trace(&found, products, seed, watch) };
        estimate.map_err(of_estimate)
    }))?;
    Ok((estimate.value, estimate.standard_error))
}

/// The Frobenius norm with its standard error.
#[pyfunction(name = "frobenius_norm")]
fn frobenius(
    operator: &Bound<'_, PyAny>,
    products: usize,
    seed: u32,
    check: bool,
    tell: Option<Py<PyAny>>,
) -> PyResult<(f64, f64)> {
    let py = operator.py();
    let estimate = on!(operand(operator, check)?, |found| run(py, tell, |watch| {
        frobenius_norm(&found, products, seed, watch).map_err(of_estimate)
    }))?;
    Ok((estimate.value, estimate.standard_error))
}

type Diagonal<'py> = (Bound<'py, PyArray1<f64>>, Bound<'py, PyArray1<f64>>);

/// The diagonal with its standard errors; exact without `samples`.
#[pyfunction(name = "diagonal")]
fn diagonal_estimate<'py>(
    operator: &Bound<'py, PyAny>,
    samples: Option<usize>,
    seed: u32,
    check: bool,
    tell: Option<Py<PyAny>>,
) -> PyResult<Diagonal<'py>> {
    let py = operator.py();
    on!(operand(operator, check)?, |found| diagonal_of(py, &found, samples, seed, tell))
}

fn diagonal_of<'py, S: Face>(
    py: Python<'py>,
    operator: &Operator<S>,
    samples: Option<usize>,
    seed: u32,
    tell: Option<Py<PyAny>>,
) -> PyResult<Diagonal<'py>> {
    let estimates = run(py, tell, |watch| {
        if let Some(samples) = samples {
            return diagonal(operator, samples, seed, watch).map_err(of_estimate);
        }
        let exact = |value| Estimate { value, standard_error: 0.0 };
        let entries = exact_diagonal(operator, watch).map_err(of_estimate)?;
        Ok(entries.into_iter().map(exact).collect())
    })?;
    let (values, errors) = estimates.into_iter().map(|e| (e.value, e.standard_error)).unzip();
    Ok((vector(py, values), vector(py, errors)))
}

/// Columns `start..stop` of the random matrix of `seed` as rows [stop - start, length], in float64 or float32.
#[pyfunction]
fn random_entries<'py>(
    py: Python<'py>,
    length: usize,
    seed: u64,
    start: u64,
    stop: u64,
    law: &str,
    single: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let law = law_of(law)?;
    let columns = start..stop.max(start);
    let threads = threads::current();
    let failed = crate::raise::of_failure;
    if single {
        let block = py.detach(|| Host::<f32>::on(length, threads).random(seed, columns, law)).map_err(failed)?;
        return Ok(owned(py, block)?.into_any());
    }
    let block = py.detach(|| Host::<f64>::on(length, threads).random(seed, columns, law)).map_err(failed)?;
    Ok(owned(py, block)?.into_any())
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(trace_estimate, module)?)?;
    module.add_function(wrap_pyfunction!(frobenius, module)?)?;
    module.add_function(wrap_pyfunction!(diagonal_estimate, module)?)?;
    module.add_function(wrap_pyfunction!(random_entries, module)?)
}

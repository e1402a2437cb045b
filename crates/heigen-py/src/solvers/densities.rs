//! Spectral densities and what their quadratures tell.

use crate::arrays::vector;
use crate::call::run;
use crate::operand::{Face, Operator, on, operand};
use crate::raise::{Class, error, of_estimate};
use heigen_spectra::{DensityOptions, Estimate, Quadrature, SpectralDensity, spectral_density};
use numpy::PyArray1;
use pyo3::prelude::*;

type Nodes<'py> = (Vec<Bound<'py, PyArray1<f64>>>, Vec<Bound<'py, PyArray1<f64>>>);

/// (nodes of every probe, weights of every probe)
#[pyfunction]
fn density<'py>(
    operator: &Bound<'py, PyAny>,
    probes: usize,
    steps: usize,
    seed: u32,
    check: bool,
    tell: Option<Py<PyAny>>,
) -> PyResult<Nodes<'py>> {
    let options = DensityOptions { probes, steps, seed };
    let py = operator.py();
    on!(operand(operator, check)?, |found| density_of(py, &found, &options, tell))
}

/// Vectors that a density holds at most.
#[pyfunction]
fn density_vectors(length: usize, entry_bytes: usize, probes: usize, steps: usize) -> usize {
    DensityOptions { probes, steps, seed: 0 }.vectors(length, entry_bytes)
}

fn density_of<'py, S: Face>(
    py: Python<'py>,
    operator: &Operator<S>,
    options: &DensityOptions,
    tell: Option<Py<PyAny>>,
) -> PyResult<Nodes<'py>> {
    let found = run(py, tell, |watch| spectral_density(operator, options, watch).map_err(of_estimate))?;
    let pairs = found.probes.into_iter().map(|q| (vector(py, q.nodes), vector(py, q.weights)));
    Ok(pairs.unzip())
}

/// (grid, density, standard errors, bandwidth)
type Curve<'py> = (Bound<'py, PyArray1<f64>>, Bound<'py, PyArray1<f64>>, Bound<'py, PyArray1<f64>>, f64);

fn of(n_params: usize, nodes: Vec<Vec<f64>>, weights: Vec<Vec<f64>>) -> SpectralDensity {
    let probes = nodes.into_iter().zip(weights).map(|(nodes, weights)| Quadrature { nodes, weights }).collect();
    SpectralDensity { n_params, probes }
}

fn pair(estimate: Estimate) -> (f64, f64) {
    (estimate.value, estimate.standard_error)
}

/// (grid, density, standard errors, bandwidth)
#[pyfunction]
fn density_curve(
    py: Python<'_>,
    n_params: usize,
    nodes: Vec<Vec<f64>>,
    weights: Vec<Vec<f64>>,
    points: usize,
    bandwidth: f64,
) -> PyResult<Curve<'_>> {
    let curve = of(n_params, nodes, weights).curve(points, bandwidth).map_err(of_estimate)?;
    let (values, errors) = curve.density.into_iter().map(pair).unzip();
    Ok((vector(py, curve.grid), vector(py, values), vector(py, errors), curve.bandwidth))
}

/// An estimate of a density's: the number of eigenvalues up to `x`, or the log-determinant or the effective dimension with a
/// damping of `x`, with its standard error.
#[pyfunction]
fn density_estimate(
    what: &str,
    n_params: usize,
    nodes: Vec<Vec<f64>>,
    weights: Vec<Vec<f64>>,
    x: f64,
) -> PyResult<(f64, f64)> {
    let density = of(n_params, nodes, weights);
    match what {
        "count_below" => Ok(pair(density.count_below(x))),
        "log_determinant" => density.log_determinant(x).map(pair).map_err(of_estimate),
        "effective_dimension" => density.effective_dimension(x).map(pair).map_err(of_estimate),
        other => Err(error(Class::Internal, format!("there is no estimate {other:?}"))),
    }
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(density, module)?)?;
    module.add_function(wrap_pyfunction!(density_vectors, module)?)?;
    module.add_function(wrap_pyfunction!(density_curve, module)?)?;
    module.add_function(wrap_pyfunction!(density_estimate, module)?)
}

//! Whole spectra, their certificates, and counts of outliers.

use crate::arrays::vector;
use crate::call::run;
use crate::operand::{Face, Operator, on, operand};
use crate::raise::{Class, error, of_failure, of_spectrum};
use heigen::analysis::Outliers;
use heigen_spectra::{Certificate, Method, Spectrum, certify, spectrum};
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::PyDict;

fn method_of(name: &str) -> PyResult<Method> {
    let all = [Method::Auto, Method::Exact, Method::Dense];
    all.into_iter().find(|method| method.name() == name).ok_or_else(|| {
        error(Class::Input, format!("there is no method {name:?}; wanted \"auto\", \"exact\" or \"dense\""))
    })
}

/// (eigenvalues [P], eigenvectors [K, P], places [K], method, certificate, zero, on_complement)
#[pyfunction(name = "spectrum")]
fn whole<'py>(
    operator: &Bound<'py, PyAny>,
    method: &str,
    memory: f64,
    check: bool,
    tell: Option<Py<PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let method = method_of(method)?;
    let py = operator.py();
    on!(operand(operator, check)?, |found| whole_of(py, &found, method, memory, tell))
}

fn whole_of<'py, S: Face>(
    py: Python<'py>,
    operator: &Operator<S>,
    method: Method,
    memory: f64,
    tell: Option<Py<PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let found = run(py, tell, |watch| spectrum(operator, method, memory, watch).map_err(of_spectrum))?;
    let zero = found.zero();
    let Spectrum { eigenvalues, eigenvectors, places, method, certificate, on_complement, .. } = found;
    let certificate = dictionary(py, &certificate, &eigenvalues)?;
    let on_complement = on_complement.map(|rest| {
        let coordinates: Vec<(usize, usize)> = rest.coordinates.iter().map(|r| (r.start, r.end)).collect();
        (rest.shift, coordinates, rest.count)
    });
    let vectors = S::into_python(py, eigenvectors)?;
    (vector(py, eigenvalues), vectors, places, method.name(), certificate, zero, on_complement).into_bound_py_any(py)
}

/// The numbers of a certificate, and what is wrong with it as one of a whole spectrum.
pub(crate) fn dictionary<'py>(
    py: Python<'py>,
    certificate: &Certificate,
    eigenvalues: &[f64],
) -> PyResult<Bound<'py, PyDict>> {
    let all = PyDict::new(py);
    all.set_item("residual_max", certificate.residual_max)?;
    all.set_item("residual_frobenius", certificate.residual_frobenius)?;
    all.set_item("orthogonality", certificate.orthogonality)?;
    all.set_item("outside_bound", certificate.outside_bound)?;
    all.set_item("failure_probability", certificate.failure_probability)?;
    all.set_item("trace_eigenvalues", certificate.trace_eigenvalues)?;
    all.set_item("trace_probes", certificate.trace_probes)?;
    all.set_item("trace_standard_error", certificate.trace_standard_error)?;
    all.set_item("trace_exact", certificate.trace_exact)?;
    all.set_item("limit", certificate.limit)?;
    all.set_item("rounding", certificate.rounding)?;
    all.set_item("matrix_error", certificate.matrix_error)?;
    all.set_item("vanishes", certificate.vanishes)?;
    all.set_item("scale", eigenvalues.iter().fold(0.0f64, |m, l| m.max(l.abs())))?;
    all.set_item("complaint", certificate.check(eigenvalues).err().map(|failed| failed.to_string()))?;
    Ok(all)
}

/// The certificate of eigenpairs, with `vectors` [K, P].
#[pyfunction(name = "certify")]
#[expect(clippy::needless_pass_by_value, reason = "a list of Python's is copied")]
fn certified<'py>(
    operator: &Bound<'py, PyAny>,
    values: Vec<f64>,
    vectors: &Bound<'py, PyAny>,
    check: bool,
    tell: Option<Py<PyAny>>,
) -> PyResult<Bound<'py, PyDict>> {
    let py = operator.py();
    on!(operand(operator, check)?, |found| certified_of(py, &found, &values, vectors, tell))
}

fn certified_of<'py, S: Face>(
    py: Python<'py>,
    operator: &Operator<S>,
    values: &[f64],
    vectors: &Bound<'py, PyAny>,
    tell: Option<Py<PyAny>>,
) -> PyResult<Bound<'py, PyDict>> {
    let block = S::from_python(vectors, operator.n_params())?;
    let k = operator.space().columns(&block);
    if k != values.len() {
        let text = format!("there are {} eigenvalues and {k} eigenvectors", values.len());
        return Err(error(Class::Input, text));
    }
    let certificate = run(py, tell, |watch| {
        let space = operator.space();
        if !space.is_finite(space.all(&block)).map_err(of_failure)? {
            return Err(error(Class::NotFinite, "an eigenvector has an entry that is infinite or NaN"));
        }
        certify(operator, values, &block, watch).map_err(of_failure)
    })?;
    dictionary(py, &certificate, values)
}

/// (count, gap, count at half the gap, count at twice the gap, [(other gap, count)]) from ascending eigenvalues.
#[pyfunction]
#[expect(clippy::needless_pass_by_value, reason = "a list of Python's is copied")]
fn outliers(ascending: Vec<f64>) -> (usize, f64, usize, usize, Vec<(f64, usize)>) {
    let found = Outliers::count(&ascending);
    let others = found.sensitivity.iter().map(|other| (other.gap, other.count)).collect();
    (found.count, found.gap, found.count_at_half_gap, found.count_at_double_gap, others)
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(whole, module)?)?;
    module.add_function(wrap_pyfunction!(certified, module)?)?;
    module.add_function(wrap_pyfunction!(outliers, module)?)
}

//! Eigenvectors of one moment matched with those of the next, for recorders.

use crate::raise::{Class, error};
use heigen::analysis::{Link, match_eigenvectors};
use heigen::train::UpdateRule;
use heigen_spectra::linalg::Matrix;
use numpy::{PyArray2, PyArrayMethods, PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::prelude::*;

/// What [`matched`] gives: links, predecessors, overlaps, places that have no successor, crossings, and the turn [k', k'].
type Matched<'py> =
    (Vec<&'static str>, Vec<Option<usize>>, Vec<f64>, Vec<usize>, Vec<(usize, usize)>, Bound<'py, PyArray2<f64>>);

/// Matches eigenvectors of eigenvalues `before` and `after`, given the matrix of inner products [k, k'].
#[pyfunction]
#[expect(clippy::needless_pass_by_value, reason = "Python's lists and arrays are taken by value")]
fn matched<'py>(
    py: Python<'py>,
    inner: PyReadonlyArray2<'py, f64>,
    before: Vec<f64>,
    after: Vec<f64>,
    tolerances: (f64, f64),
) -> PyResult<Matched<'py>> {
    let [rows, columns] = [inner.shape()[0], inner.shape()[1]];
    if rows != before.len() || columns != after.len() {
        return Err(error(Class::Error, "the inner products are not as many as the eigenvalues"));
    }
    let view = inner.as_array();
    let inner = Matrix::from_fn(rows, columns, |i, j| view[[i, j]]);
    let found = match_eigenvectors(&inner, &before, &after, [tolerances.0, tolerances.1]);
    let found = found.map_err(|failed| error(Class::Error, failed))?;
    let name = |link: &Link| match link {
        Link::Vector => "vector",
        Link::Cluster => "cluster",
        Link::Mixed => "mixed",
        Link::Born => "born",
    };
    let turn = PyArray2::zeros(py, [columns, columns], false);
    {
        let mut entries = turn.readwrite();
        let mut entries = entries.as_array_mut();
        for j in 0..columns {
            for i in 0..columns {
                entries[[i, j]] = found.turn.column(j)[i];
            }
        }
    }
    let links = found.links.iter().map(name).collect();
    let crossings = found.crossings.iter().map(|&[a, b]| (a, b)).collect();
    Ok((links, found.from, found.overlaps, found.died, crossings, turn))
}

/// The curvature above which an update rule with learning rate `eta` is unstable; `rule` is `plain`, `polyak`, `nesterov` or
/// `averaged`.
#[pyfunction]
fn stability_threshold(rule: &str, momentum: f64, eta: f64) -> PyResult<f64> {
    let rule = match rule {
        "plain" => UpdateRule::Plain,
        "polyak" => UpdateRule::Polyak(momentum),
        "nesterov" => UpdateRule::Nesterov(momentum),
        "averaged" => UpdateRule::Averaged(momentum),
        other => return Err(error(Class::Error, format!("there is no update rule {other}"))),
    };
    Ok(rule.threshold(eta))
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(matched, module)?)?;
    module.add_function(wrap_pyfunction!(stability_threshold, module)?)
}

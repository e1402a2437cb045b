//! Planes in the space of the weights.

use crate::raise::{Class, error};
use heigen::analysis::trajectory_plane as plane_of;
use numpy::{PyArray2, PyReadonlyArray2};
use pyo3::prelude::*;

/// The directions [2, P] of the plane of a trajectory, its path [T, 2], and the shares of its variance.
type Plane<'py> = (Bound<'py, PyArray2<f64>>, Bound<'py, PyArray2<f64>>, (f64, f64));

/// The plane of the principal components of the points [T, P] of a trajectory, through the last one.
#[pyfunction]
#[expect(clippy::needless_pass_by_value, reason = "Python's arrays are taken by value")]
fn trajectory_plane<'py>(py: Python<'py>, points: PyReadonlyArray2<'py, f64>) -> PyResult<Plane<'py>> {
    let rows: Vec<Vec<f64>> = points.as_array().rows().into_iter().map(|row| row.to_vec()).collect();
    let found = py.detach(|| plane_of(&rows)).map_err(|failed| error(Class::Input, failed))?;
    let failed = |failed| error(Class::Error, failed);
    let path: Vec<Vec<f64>> = found.path.iter().map(|at| at.to_vec()).collect();
    let directions = PyArray2::from_vec2(py, &found.directions).map_err(failed)?;
    let path = PyArray2::from_vec2(py, &path).map_err(failed)?;
    Ok((directions, path, (found.explained[0], found.explained[1])))
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(trajectory_plane, module)?)
}

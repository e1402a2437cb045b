//! Pictures of what solvers return.

use crate::call::run;
use crate::raise::{Class, error};
use heigen_figures::{
    Course, DEFAULT_DPI, Density, DensityCurve, FigureError, Histogram, Landscape, LossSurface, Scene, SpectraAlong,
    SubspaceOverlaps, Threshold, Track, Trajectory, density_curves, histogram, landscape, render_at, spectra_along,
    spectrum, subspace_overlaps, svg,
};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// The bytes of a drawing as "svg", "pdf" or "png".
fn drawn<'py>(
    py: Python<'py>,
    scene: impl FnOnce() -> Result<Scene, FigureError> + Send,
    format: &str,
    dpi: Option<f64>,
) -> PyResult<Bound<'py, PyBytes>> {
    let bytes = run(py, None, |_| {
        let failed = |failed| error(Class::Input, failed);
        let scene = scene().map_err(failed)?;
        if format == "svg" {
            return Ok(svg(&scene).map_err(failed)?.into_bytes());
        }
        let rendered = render_at(&scene, dpi.unwrap_or(DEFAULT_DPI)).map_err(failed)?;
        match format {
            "pdf" => Ok(rendered.pdf),
            "png" => Ok(rendered.png),
            other => Err(error(Class::Input, format!("there is no format {other:?}; wanted svg, pdf or png"))),
        }
    })?;
    Ok(PyBytes::new(py, &bytes))
}

/// All eigenvalues, the largest `outliers` of them in colour, and their density.
#[pyfunction]
fn draw_spectrum<'py>(
    py: Python<'py>,
    title: String,
    eigenvalues: Vec<f64>,
    outliers: usize,
    format: &str,
    dpi: Option<f64>,
) -> PyResult<Bound<'py, PyBytes>> {
    let data = Density { eigenvalues, outliers };
    drawn(py, move || spectrum(&title, &data), format, dpi)
}

/// An estimated density with its standard errors; `name` says what it is estimated from.
#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "they are named in Python")]
fn draw_density<'py>(
    py: Python<'py>,
    title: String,
    name: String,
    eigenvalues: Vec<f64>,
    density: Vec<f64>,
    errors: Vec<f64>,
    format: &str,
    dpi: Option<f64>,
) -> PyResult<Bound<'py, PyBytes>> {
    let curve = DensityCurve { name, eigenvalues, density, errors };
    drawn(py, move || density_curves(&title, &[curve]), format, dpi)
}

/// Points of a line.
type Line = Vec<[f64; 2]>;

/// Eigenvalues along a training, each a line with whether it came in and whether it is one of the lowest; losses by name, the
/// threshold of stability with its formula, and outliers.
#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "they are named in Python")]
fn draw_spectra_along<'py>(
    py: Python<'py>,
    title: String,
    along: String,
    tracks: Vec<(Line, bool, bool)>,
    losses: Vec<(String, Line)>,
    threshold: Option<(String, Line)>,
    outliers: Line,
    format: &str,
    dpi: Option<f64>,
) -> PyResult<Bound<'py, PyBytes>> {
    let data = SpectraAlong {
        title,
        along,
        tracks: tracks.into_iter().map(|(points, born, lowest)| Track { points, born, lowest }).collect(),
        threshold: threshold.map(|(formula, points)| Threshold { formula, points }),
        sharpness: None,
        losses: losses.into_iter().map(|(name, points)| Course { name, points }).collect(),
        outliers,
    };
    drawn(py, move || spectra_along(&data), format, dpi)
}

/// Overlaps [M, M] of the leading subspaces of all pairs of moments.
#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "they are named in Python")]
fn draw_subspaces<'py>(
    py: Python<'py>,
    title: String,
    along: String,
    moments: Vec<String>,
    overlaps: Vec<f64>,
    k: usize,
    format: &str,
    dpi: Option<f64>,
) -> PyResult<Bound<'py, PyBytes>> {
    let data = SubspaceOverlaps { title, along, moments, overlaps, k };
    drawn(py, move || subspace_overlaps(&data), format, dpi)
}

/// The loss over a plane: losses and accuracies [`n_b`, `n_a`] flat, the loss in the middle, and the way of a training.
#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "they are named in Python")]
fn draw_landscape<'py>(
    py: Python<'py>,
    title: String,
    axes: [String; 2],
    a_range: [f64; 2],
    b_range: [f64; 2],
    grid: [usize; 2],
    losses: Vec<f64>,
    accuracies: Option<Vec<f64>>,
    loss: f64,
    path: Option<Line>,
    logarithmic: bool,
    format: &str,
    dpi: Option<f64>,
) -> PyResult<Bound<'py, PyBytes>> {
    let surface = LossSurface { a_range, b_range, grid, losses, minimum: Some([0.0, 0.0, loss]), logarithmic };
    let data = Landscape { title, axes, surface, accuracies, path: path.map(|points| Trajectory { points }) };
    drawn(py, move || landscape(&data), format, dpi)
}

/// A histogram of numbers with named places among them; 0 bins are as many as suit the numbers.
#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "they are named in Python")]
fn draw_histogram<'py>(
    py: Python<'py>,
    title: String,
    axis: String,
    values: Vec<f64>,
    bins: usize,
    levels: Vec<(String, f64)>,
    format: &str,
    dpi: Option<f64>,
) -> PyResult<Bound<'py, PyBytes>> {
    let data = Histogram { title, axis, values, bins: Some(bins).filter(|&bins| bins > 0), levels };
    drawn(py, move || histogram(&data), format, dpi)
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(draw_spectrum, module)?)?;
    module.add_function(wrap_pyfunction!(draw_density, module)?)?;
    module.add_function(wrap_pyfunction!(draw_spectra_along, module)?)?;
    module.add_function(wrap_pyfunction!(draw_subspaces, module)?)?;
    module.add_function(wrap_pyfunction!(draw_landscape, module)?)?;
    module.add_function(wrap_pyfunction!(draw_histogram, module)?)
}

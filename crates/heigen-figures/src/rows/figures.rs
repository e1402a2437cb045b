//! The paper's Figures 2, 3, 5 and 6, which are made of rows of panels.

use super::carried::{self, CarriedRow};
use super::further_maps::{ColorBars, PlaneMapsRow};
use super::plane::{PlaneAside, PlaneRow};
use super::{EmbeddingRow, compose, embedding, plane_check};
use crate::error::FigureError;
use crate::scene::Scene;

/// Figure 2: a row for each experiment, the boundary with the training points, then a map for each eigenvector.
///
/// The panels of all rows have the same size. Titles stand above the first row where all rows show the same eigenvectors,
/// else above every row; each map carries its eigenvalue; all share one colour bar from -1 to 1. What a row has aside
/// stands at its right end.
///
/// # Errors
/// Where there are no rows or a row has no maps, lengths do not fit together, a range is empty, a number is not finite, an
/// alignment lies outside of -1..1, there are more classes than markers, or a name has a character the fonts lack.
pub fn figure2(rows: &[PlaneRow]) -> Result<Scene, FigureError> {
    planes("figure 2", rows, "Decision boundary and alignment with the top Hessian eigenvectors")
}

/// Figure 3: a row as in [`figure2`] for each of several minima of one network, with the eigenvalue density of each
/// minimum at the right and its outliers marked.
///
/// # Errors
/// As [`figure2`], and where a row has no [`PlaneAside::Density`].
pub fn figure3(rows: &[PlaneRow]) -> Result<Scene, FigureError> {
    let has = |row: &PlaneRow| matches!(row.aside, Some(PlaneAside::Density(_)));
    aside("figure 3", rows, has, "an eigenvalue density")?;
    planes("figure 3", rows, "Decision boundaries, alignments and eigenvalue densities of different minima")
}

/// Figure 5: a row as in [`figure2`] for each minimum, with its margin panel at the right: x_b, at which the gradient is
/// parallel to v_1, and the training points of largest and smallest alignment with v_1.
///
/// # Errors
/// As [`figure2`], and where a row has no [`PlaneAside::Margin`].
pub fn figure5(rows: &[PlaneRow]) -> Result<Scene, FigureError> {
    let has = |row: &PlaneRow| matches!(row.aside, Some(PlaneAside::Margin(_)));
    aside("figure 5", rows, has, "a margin panel")?;
    planes("figure 5", rows, "Simplicity bias and margin")
}

/// Figure 6: embedded samples by class and by alignment with the top eigenvectors, and the eigenvalue density.
///
/// # Errors
/// Where there are no rows, a row has no samples or maps, lengths do not fit together, a number is not finite, an
/// alignment lies outside of -1..1, there are more classes than markers, or a name has a character the fonts lack.
pub fn figure6(rows: &[EmbeddingRow]) -> Result<Scene, FigureError> {
    each("figure 6", rows, |row| &row.label, embedding::check)?;
    compose(
        rows,
        ColorBars::Shared,
        "Samples by class and by alignment with the top Hessian eigenvectors, and eigenvalue densities",
    )
}

/// Rows on the plane as in [`figure2`], with further maps, and on request a colour bar for each map.
///
/// Random directions, the lowest eigenvectors and the boundary reconstructed from the top ones are such maps. A row's
/// maps of v_i come first; a map without values has no bar. `title` goes into the file's metadata.
///
/// # Errors
/// As [`figure2`]; where an extra map has neither values nor lines, or not one value for each cell of its row's grid; and
/// where, with one shared bar, a value lies outside of -1..1.
pub fn plane_maps(rows: &[PlaneMapsRow], bars: ColorBars, title: &str) -> Result<Scene, FigureError> {
    each("maps on the plane", rows, |r| &r.row.label, |name, row| plane_check::maps_row(name, row, bars))?;
    compose(rows, bars, title)
}

/// Boundaries by the eigenvectors that carry their pieces: the boundary coloured by the eigenvectors that the gradients along it
/// are most aligned with, and for each eigenvector the boundary before and after moves of the weights along it and against it.
///
/// # Errors
/// As [`figure2`]; where a row has no eigenvectors or more than 12, or not one carrier for every segment of its boundary.
pub fn carried_boundaries(rows: &[CarriedRow]) -> Result<Scene, FigureError> {
    each("boundaries by eigenvectors", rows, |r| &r.row.label, carried::check)?;
    compose(rows, ColorBars::Each, "The decision boundary by the eigenvectors that carry it")
}

fn planes(figure: &str, rows: &[PlaneRow], title: &str) -> Result<Scene, FigureError> {
    each(figure, rows, |row| &row.label, plane_check::row)?;
    compose(rows, ColorBars::Shared, title)
}

fn each<R>(
    figure: &str,
    rows: &[R],
    label: fn(&R) -> &str,
    check: impl Fn(&str, &R) -> Result<(), FigureError>,
) -> Result<(), FigureError> {
    if rows.is_empty() {
        return Err(FigureError::Empty { what: figure.to_owned(), wanted: "row" });
    }
    rows.iter().enumerate().try_for_each(|(i, r)| check(&format!("row {} (`{}`)", i + 1, label(r)), r))
}

fn aside(figure: &str, rows: &[PlaneRow], has: fn(&PlaneRow) -> bool, wanted: &'static str) -> Result<(), FigureError> {
    match rows.iter().find(|row| !has(row)) {
        Some(row) => Err(FigureError::Empty { what: format!("row `{}` of {figure}", row.label), wanted }),
        None => Ok(()),
    }
}

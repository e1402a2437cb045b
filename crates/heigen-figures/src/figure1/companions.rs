//! The drawings at the right of the rows of Figure 1: eigenvectors, colour bar, spectrum.

use super::{BAR, BAR_GAP, Colors, InputLine, VECTOR, VECTOR_GAP};
use crate::axes::AxisStyle;
use crate::chart::{self, FRAME};
use crate::colorbar::color_bar;
use crate::diagnostics::stems;
use crate::error::FigureError;
use crate::geometry::{Path, Rect};
use crate::raster::Raster;
use crate::scene::{Element, Stroke, Style};
use crate::ticks::ticks;

/// The eigenvectors as columns of cells at the right of the gradients, row by row beside them, then the colour bar of
/// both; and where all that ends.
pub(super) fn eigenvectors(
    line: &InputLine,
    beside: Rect,
    colors: &Colors,
) -> Result<(Vec<Element>, f64), FigureError> {
    let mut elements = Vec::new();
    let mut right = beside.right();
    for (i, v) in line.eigenvectors.iter().enumerate() {
        let rect = Rect { x: right + VECTOR_GAP, width: VECTOR, ..beside };
        let from_below: Vec<f64> = v.iter().rev().copied().collect();
        let raster = Raster::from_grid([1, v.len()], &from_below, |v| colors.color(v))?;
        elements.push(Element::Image { raster, rect });
        elements.push(Element::shape(Path::rect(rect), Style::stroked(Stroke::solid(chart::FAINT, FRAME / 2.0))));
        elements.push(chart::title(&format!("$v_{{{}}}$", i + 1), rect, VECTOR + VECTOR_GAP)?);
        right = rect.right();
    }
    let rect = Rect { x: right + BAR_GAP, width: BAR, ..beside };
    let style = AxisStyle { number_size: 9.0, label_size: 10.0, line: FRAME, ..AxisStyle::default() };
    let label = Some("gradient, eigenvector");
    let bar = color_bar(rect, &colors.map, &colors.scale, &ticks(&colors.scale, 4), label, &style)?;
    elements.extend(bar.elements);
    Ok((elements, rect.right() + bar.depth))
}

/// All eigenvalues by size.
pub(super) fn spectrum(line: &InputLine, rect: Rect) -> Result<Vec<Element>, FigureError> {
    stems(&line.eigenvalues, line.outliers, rect)
}

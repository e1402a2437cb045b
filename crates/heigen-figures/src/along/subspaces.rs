//! Overlaps of the leading subspaces of all pairs of moments, as a heat map.

use crate::axes::{AxisStyle, Side, axis};
use crate::chart::{self, FRAME, MARGIN, TITLE_ROOM, axis_style};
use crate::check;
use crate::color::{ColorMap, Rgb};
use crate::colorbar::color_bar;
use crate::error::FigureError;
use crate::geometry::{Path, Rect};
use crate::raster::Raster;
use crate::scale::Scale;
use crate::scene::{Element, Scene, Stroke, Style};
use crate::ticks::{Tick, ticks};

/// The overlaps of the leading subspaces of all pairs of moments.
#[derive(Debug, Clone, PartialEq)]
pub struct SubspaceOverlaps {
    /// Set in italics as it stands.
    pub title: String,
    /// The label of both axes, for [`Label::tex`](crate::Label::tex), e.g. `epoch`.
    pub along: String,
    /// The name of each moment, `[M]`, e.g. its epoch; set between dollars.
    pub moments: Vec<String>,
    /// Overlaps [M, M] from 0 to 1, row by row, in the order of the moments.
    pub overlaps: Vec<f64>,
    /// The number of leading eigenvectors, for the label of the colour bar.
    pub k: usize,
}

// All lengths in points.
const SIDE: f64 = 260.0;
/// Names of moments stand at least this far apart.
const APART: f64 = 34.0;

/// From white over blue to dark, for shares from 0 to 1.
const SHARE: ColorMap = ColorMap::new(&[
    (0.0, Rgb(255, 255, 255)),
    (0.25, Rgb(198, 219, 239)),
    (0.5, Rgb(107, 174, 214)),
    (0.75, Rgb(33, 113, 181)),
    (1.0, Rgb(8, 29, 88)),
]);

/// A heat map of the overlaps, the first moment at the upper left.
///
/// # Errors
/// Where there are no moments, the number of overlaps is not the square of theirs, an overlap lies outside of 0..1, or a text
/// has a character the fonts lack.
pub fn subspace_overlaps(data: &SubspaceOverlaps) -> Result<Scene, FigureError> {
    let m = data.moments.len();
    check::not_empty(|| "the overlaps of subspaces".to_owned(), m, "moment")?;
    let because = "the square of the number of moments";
    check::length(|| "overlaps of subspaces".to_owned(), data.overlaps.len(), m.checked_mul(m), because)?;
    check::unit(|| "an overlap of subspaces".to_owned(), &data.overlaps)?;
    let style = axis_style();
    let marks = marks(&data.moments);
    let upright = Scale::linear(m as f64 - 0.5, -0.5)?;
    let level = Scale::linear(-0.5, m as f64 - 0.5)?;
    let origin = Rect::new(0.0, MARGIN + TITLE_ROOM, SIDE, SIDE);
    let depth = axis(origin, Side::Left, &upright, &marks, Some(&data.along), &style)?.depth;
    let rect = Rect { x: MARGIN + depth, ..origin };
    let from_below: Vec<f64> = data.overlaps.chunks_exact(m).rev().flatten().copied().collect();
    let unit = Scale::linear(0.0, 1.0)?;
    let raster = Raster::from_grid([m, m], &from_below, |v| SHARE.color(unit.fraction(v)))?;
    let mut elements = vec![Element::Image { raster, rect }];
    elements.push(Element::shape(Path::rect(rect), Style::stroked(Stroke::solid(Rgb::BLACK, FRAME))));
    elements.extend(axis(rect, Side::Left, &upright, &marks, Some(&data.along), &style)?.elements);
    let below = axis(rect, Side::Bottom, &level, &marks, Some(&data.along), &style)?;
    elements.extend(below.elements);
    elements.push(chart::name(&data.title, rect, SIDE)?);
    let bar_rect = Rect { x: rect.right() + 10.0, width: 7.0, ..rect };
    let bar_style = AxisStyle { number_size: 9.0, label_size: 10.5, line: FRAME, ..AxisStyle::default() };
    let label = format!("overlap of the spans of $v_1, ..., v_{{{}}}$", data.k);
    let bar = color_bar(bar_rect, &SHARE, &unit, &ticks(&unit, 5), Some(&label), &bar_style)?;
    elements.extend(bar.elements);
    let mut scene =
        Scene::new(bar_rect.right() + bar.depth + MARGIN, rect.bottom() + below.depth + MARGIN, &*data.title);
    scene.extend(elements);
    Ok(scene)
}

/// Marks at as many moments as have room for their names.
fn marks(names: &[String]) -> Vec<Tick> {
    let step = (APART * names.len() as f64 / SIDE).ceil().max(1.0) as usize;
    let mark = |(i, name): (usize, &String)| Tick { value: i as f64, label: format!("${name}$") };
    names.iter().enumerate().step_by(step).map(mark).collect()
}

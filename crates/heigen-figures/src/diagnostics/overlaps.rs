//! Alignments of all samples with the top eigenvectors, as a heat map.

use crate::axes::{Axis, AxisStyle, Side, axis};
use crate::blocks::{self, Block};
use crate::chart::{self, FRAME, MARGIN, TITLE_ROOM};
use crate::check;
use crate::color::{ColorMap, Rgb};
use crate::colorbar::color_bar;
use crate::error::FigureError;
use crate::geometry::{Path, Rect};
use crate::raster::Raster;
use crate::scale::Scale;
use crate::scene::{Element, Scene, Stroke, Style};
use crate::ticks::{Tick, ticks};

/// Alignments of samples with eigenvectors.
#[derive(Debug, Clone, PartialEq)]
pub struct Overlaps {
    /// Set in italics as it stands.
    pub title: String,
    /// Alignments `[k, N]`, from -1 to 1: one row for each eigenvector from v_1 on, samples in the order of `classes`.
    pub alignments: Vec<f64>,
    /// Name and number of samples of each class, in the order of the columns; together N.
    pub classes: Vec<Block>,
}

// All lengths in points.
const WIDTH: f64 = 360.0;
/// Height of a row of the heat map.
const ROW: f64 = 15.0;
/// Largest height of the whole heat map; where there are more rows than fit, they become lower.
const HIGHEST: f64 = 260.0;
const NAME_SIZE: f64 = 9.5;

/// A heat map: one row for each of the top eigenvectors, one column for each sample, sorted by class, with lines between
/// the classes.
///
/// # Errors
/// Where there are no samples or eigenvectors, the number of alignments is no multiple of that of samples, an alignment
/// lies outside of -1..1, or a name has a character the fonts lack.
pub fn overlaps(data: &Overlaps) -> Result<Scene, FigureError> {
    let n = data.classes.iter().map(|b| b.len).fold(0, usize::saturating_add);
    blocks::check("the classes of the overlaps", &data.classes, n, "samples")?;
    let k = data.alignments.len() / n;
    check::not_empty(|| "the overlaps".to_owned(), data.alignments.len(), "alignment")?;
    let because = "number of eigenvectors times number of samples";
    check::length(|| "alignments".to_owned(), data.alignments.len(), k.max(1).checked_mul(n), because)?;
    check::unit(|| "an alignment".to_owned(), &data.alignments)?;

    let height = (ROW * k as f64).clamp(60.0, HIGHEST);
    let origin = Rect::new(0.0, MARGIN + TITLE_ROOM, WIDTH, height);
    let rect = Rect { x: MARGIN + vectors(origin, k)?.depth, ..origin };
    let scale = Scale::linear(-1.0, 1.0)?;
    let from_below: Vec<f64> = data.alignments.chunks_exact(n).rev().flatten().copied().collect();
    let raster = Raster::from_grid([n, k], &from_below, |v| ColorMap::ALIGNMENT.color(scale.fraction(v)))?;
    let mut elements = vec![Element::Image { raster, rect }];
    elements.push(blocks::separators(rect, &data.classes, true, Stroke::solid(Rgb::BLACK, 0.7)));
    elements.push(Element::shape(Path::rect(rect), Style::stroked(Stroke::solid(Rgb::BLACK, FRAME))));
    elements.extend(vectors(rect, k)?.elements);
    let names = blocks::names(rect, Side::Bottom, &data.classes, NAME_SIZE)?;
    elements.extend(names.elements);
    elements.push(chart::name(&data.title, rect, WIDTH)?);
    let bar_rect = Rect { x: rect.right() + 10.0, width: 6.0, ..rect };
    let style = AxisStyle { number_size: 9.0, label_size: 10.5, line: FRAME, ..AxisStyle::default() };
    let intervals = if height < 100.0 { 2 } else { 4 };
    let bar = color_bar(bar_rect, &ColorMap::ALIGNMENT, &scale, &ticks(&scale, intervals), Some("alignment"), &style)?;
    elements.extend(bar.elements);
    let width = bar_rect.right() + bar.depth + MARGIN;
    let mut scene = Scene::new(width, rect.bottom() + names.depth.max(4.0) + MARGIN, &*data.title);
    scene.extend(elements);
    Ok(scene)
}

/// The names of the rows: every one, or every n-th where they would stand too close.
fn vectors(rect: Rect, k: usize) -> Result<Axis, FigureError> {
    let scale = Scale::linear(k as f64 + 0.5, 0.5)?;
    let room = rect.height / k as f64;
    let step = (1.25 * NAME_SIZE / room).ceil().max(1.0) as usize;
    let mark = |i: usize| Tick { value: i as f64, label: format!("$v_{{{i}}}$") };
    let marks: Vec<Tick> = (1..=k).step_by(step).map(mark).collect();
    let style = AxisStyle { number_size: NAME_SIZE + 0.5, line: FRAME, gap: 2.0, ..AxisStyle::default() };
    axis(rect, Side::Left, &scale, &marks, None, &style)
}

//! Colour bars: what the colours of a heat map mean.

use crate::axes::{Axis, AxisStyle, Side, axis};
use crate::color::{ColorMap, Rgb};
use crate::error::FigureError;
use crate::geometry::{Path, Rect};
use crate::raster::Raster;
use crate::scale::Scale;
use crate::scene::{Element, Stroke, Style};
use crate::ticks::Tick;

/// Number of colour steps in a bar.
const STEPS: usize = 256;

/// An upright colour bar in `rect`, high values above, with marks and a label at its right.
///
/// # Errors
/// Where a tick label or `label` cannot be set.
pub fn color_bar(
    rect: Rect,
    map: &ColorMap,
    scale: &Scale,
    ticks: &[Tick],
    label: Option<&str>,
    style: &AxisStyle,
) -> Result<Axis, FigureError> {
    let fractions: Vec<f64> = (0..STEPS).map(|i| i as f64 / (STEPS - 1) as f64).collect();
    let raster = Raster::from_grid([1, STEPS], &fractions, |t| map.color(t))?;
    let Axis { elements, depth } = axis(rect, Side::Right, scale, ticks, label, style)?;
    let frame = Element::shape(Path::rect(rect), Style::stroked(Stroke::solid(Rgb::BLACK, style.line)));
    let image = Element::Image { raster, rect };
    Ok(Axis { elements: [image].into_iter().chain(elements).chain([frame]).collect(), depth })
}

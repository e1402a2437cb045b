//! Cosines between gradients, as heat maps.

use crate::axes::{Axis, AxisStyle, Side};
use crate::blocks::{self, Block};
use crate::chart::{self, FRAME, MARGIN, TITLE_ROOM};
use crate::check;
use crate::color::{ColorMap, Rgb};
use crate::colorbar::color_bar;
use crate::error::FigureError;
use crate::geometry::{Path, Rect};
use crate::label::{power_of_ten, significant};
use crate::raster::Raster;
use crate::scale::Scale;
use crate::scene::{Element, Scene, Stroke, Style};
use crate::ticks::ticks;

/// Cosines between the gradients of all pairs of samples.
#[derive(Debug, Clone, PartialEq)]
pub struct Coherence {
    /// Set in italics as it stands.
    pub title: String,
    /// Cosines `[N, N]`, from -1 to 1, samples in the order of `classes`, from the upper left corner.
    pub cosines: Vec<f64>,
    /// Name and number of samples of each class, in the order of rows and columns; together N.
    pub classes: Vec<Block>,
    /// Cosines up to this magnitude are coloured linearly, larger ones logarithmically; more than 0, less than 1.
    pub threshold: f64,
}

/// Cosines between the gradients of all logits at all samples.
#[derive(Debug, Clone, PartialEq)]
pub struct LogitCoherence {
    /// Set in italics as it stands.
    pub title: String,
    /// Cosines `[M, M]` with M = C N, from -1 to 1: all samples for the first logit, then for the second, and so on.
    pub cosines: Vec<f64>,
    /// Name of each logit `[C]`.
    pub logits: Vec<String>,
    /// Name and number of samples of each class within every logit; together N.
    pub classes: Vec<Block>,
    /// As in [`Coherence`].
    pub threshold: f64,
}

// All lengths in points.
const SIDE: f64 = 270.0;
const NAME_SIZE: f64 = 9.5;
const OUTER: Stroke = Stroke::solid(Rgb::BLACK, 0.9);
const INNER: Stroke = Stroke { color: Rgb::BLACK, width: 0.45, opacity: 0.55, dash: vec![], round: false };

/// A heat map of the cosines between the gradients of all pairs of samples, sorted by class, with lines between the
/// classes; colours are symmetric logarithmic.
///
/// # Errors
/// Where there are no samples, `cosines` is not N times N long, a cosine lies outside of -1..1, the threshold outside of
/// 0..1, or a name has a character the fonts lack.
pub fn coherence(data: &Coherence) -> Result<Scene, FigureError> {
    let n = data.classes.iter().map(|b| b.len).fold(0, usize::saturating_add);
    blocks::check("the classes of the coherence", &data.classes, n, "samples")?;
    draw(&data.title, &data.cosines, n, data.threshold, |rect| {
        let lines = [true, false].map(|upright| blocks::separators(rect, &data.classes, upright, OUTER));
        let names = [Side::Left, Side::Bottom].map(|side| blocks::names(rect, side, &data.classes, NAME_SIZE));
        Ok((lines.into(), names))
    })
}

/// A heat map of the cosines between the gradients of all logits at all samples, coloured as [`coherence`] does.
///
/// Bold lines separate the logits, whose names stand at the sides; thin lines separate the classes within each logit, which
/// are named below the first logit.
///
/// # Errors
/// As [`coherence`], and where there are no logits.
pub fn logit_coherence(data: &LogitCoherence) -> Result<Scene, FigureError> {
    let n = data.classes.iter().map(|b| b.len).fold(0, usize::saturating_add);
    blocks::check("the classes of the logit coherence", &data.classes, n, "samples")?;
    check::not_empty(|| "the logit coherence".to_owned(), data.logits.len(), "logit")?;
    let logits: Vec<Block> = data.logits.iter().map(|name| Block { name: name.clone(), len: n }).collect();
    let within: Vec<Block> = data.logits.iter().flat_map(|_| data.classes.clone()).collect();
    draw(&data.title, &data.cosines, n.saturating_mul(data.logits.len()), data.threshold, |rect| {
        let inner = [true, false].map(|upright| blocks::separators(rect, &within, upright, INNER));
        let outer = [true, false].map(|upright| blocks::separators(rect, &logits, upright, OUTER));
        let names = [Side::Left, Side::Bottom].map(|side| tiers(rect, side, &within, &logits));
        Ok((inner.into_iter().chain(outer).collect(), names))
    })
}

/// Names of the classes within each logit, and farther out those of the logits.
fn tiers(rect: Rect, side: Side, within: &[Block], logits: &[Block]) -> Result<Axis, FigureError> {
    let inner = blocks::names(rect, side, within, NAME_SIZE - 1.5)?;
    let away = inner.depth + 1.0;
    let beyond = match side {
        Side::Left => Rect { x: rect.x - away, ..rect },
        _ => Rect { y: rect.y + away, ..rect },
    };
    let outer = blocks::brackets(beyond, side, logits, NAME_SIZE)?;
    Ok(Axis { elements: inner.elements.into_iter().chain(outer.elements).collect(), depth: away + outer.depth })
}

/// Lines above the heat map, and the names at its left and below it.
type Around = (Vec<Element>, [Result<Axis, FigureError>; 2]);

fn draw(
    title: &str,
    cosines: &[f64],
    n: usize,
    threshold: f64,
    around: impl Fn(Rect) -> Result<Around, FigureError>,
) -> Result<Scene, FigureError> {
    let because = "the square of the number of rows";
    check::length(|| "cosines".to_owned(), cosines.len(), n.checked_mul(n), because)?;
    check::unit(|| "a cosine".to_owned(), cosines)?;
    if !(threshold > 0.0 && threshold < 1.0) {
        return Err(FigureError::value("the threshold of the colours", threshold, "a number between 0 and 1"));
    }
    let origin = Rect::new(0.0, MARGIN + TITLE_ROOM, SIDE, SIDE);
    let [left, _] = around(origin)?.1;
    let rect = Rect { x: MARGIN + left?.depth, ..origin };
    let (lines, [left, below]) = around(rect)?;
    let (left, below) = (left?, below?);

    let scale = Scale::symlog(-1.0, 1.0, threshold)?;
    let from_below: Vec<f64> = cosines.chunks_exact(n).rev().flatten().copied().collect();
    let raster = Raster::from_grid([n, n], &from_below, |v| ColorMap::COHERENCE.color(scale.fraction(v)))?;
    let mut elements = vec![Element::Image { raster, rect }];
    elements.extend(lines);
    elements.push(Element::shape(Path::rect(rect), Style::stroked(Stroke::solid(Rgb::BLACK, FRAME))));
    elements.extend(left.elements);
    elements.extend(below.elements);
    elements.push(chart::name(title, rect, SIDE)?);
    let bar_rect = Rect { x: rect.right() + 10.0, width: 7.0, ..rect };
    let style = AxisStyle { number_size: 9.0, label_size: 10.5, line: FRAME, ..AxisStyle::default() };
    let exponent = threshold.log10().round();
    let decade = (threshold.log10() - exponent).abs() < 1e-9;
    let linear = if decade { power_of_ten(exponent as i32, false) } else { significant(threshold, 2) };
    let label = format!(r"cosine (symlog: linear up to $\pm {linear}$, logarithmic beyond)");
    let bar = color_bar(bar_rect, &ColorMap::COHERENCE, &scale, &ticks(&scale, 8), Some(&label), &style)?;
    elements.extend(bar.elements);
    let mut scene = Scene::new(bar_rect.right() + bar.depth + MARGIN, rect.bottom() + below.depth + MARGIN, title);
    scene.extend(elements);
    Ok(scene)
}

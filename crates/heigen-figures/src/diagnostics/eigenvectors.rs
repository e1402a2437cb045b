//! Eigenvectors over the parameters, tensor by tensor.

use crate::axes::{Side, axis};
use crate::blocks::{self, Block};
use crate::chart::{self, FAINT, INK, MARGIN, TITLE_ROOM, axis_style, frame};
use crate::check;
use crate::error::FigureError;
use crate::geometry::{Path, Point, Rect};
use crate::label::Label;
use crate::panel::Panel;
use crate::scale::Scale;
use crate::scene::{Align, Element, Scene, Stroke, Style};
use crate::ticks::ticks;

/// The top eigenvectors of a Hessian.
#[derive(Debug, Clone, PartialEq)]
pub struct Eigenvectors {
    /// Set in italics as it stands.
    pub title: String,
    /// From the uppermost panel down.
    pub vectors: Vec<NamedVector>,
    /// The network's tensors in the order of the parameters; together P long.
    pub tensors: Vec<Block>,
}

/// A unit vector of parameters with what is written at it.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedVector {
    /// For [`Label::tex`], e.g. `$v_1$`.
    pub name: String,
    /// Below the name, for [`Label::tex`], e.g. `$\lambda_1 = 0.154$`.
    pub note: Option<String>,
    /// Entries `[P]`, from -1 to 1.
    pub entries: Vec<f64>,
}

// All lengths in points.
const WIDTH: f64 = 430.0;
const HEIGHT: f64 = 52.0;
const GAP: f64 = 9.0;
const NOTE: f64 = 78.0;
const NAME_SIZE: f64 = 11.0;
const TENSOR_SIZE: f64 = 9.0;
/// Bars narrower than this are drawn as one, from the least to the largest entry.
const NARROWEST: f64 = 0.25;

/// A panel for each eigenvector: every entry a bar over its parameter, lines between the tensors, whose names stand below.
///
/// All panels have the same height scale, symmetric up to the largest magnitude.
///
/// # Errors
/// Where there are no vectors, entries or tensors, lengths do not fit together, an entry lies outside of -1..1, or a text
/// cannot be set.
pub fn eigenvectors(data: &Eigenvectors) -> Result<Scene, FigureError> {
    checked(data)?;
    let [low, high] = chart::ends(data.vectors.iter().flat_map(|v| &v.entries));
    let extent = low.abs().max(high.abs());
    let extent = if extent > 0.0 { 1.08 * extent } else { 1.0 };
    let n_params = data.vectors[0].entries.len() as f64;
    let (x, y) = (Scale::linear(0.0, n_params)?, Scale::linear(-extent, extent)?);
    let marks = ticks(&y, 4);
    let left = MARGIN + axis(Rect::default(), Side::Left, &y, &marks, None, &axis_style())?.depth;
    let row = |i: usize| Rect::new(left, MARGIN + TITLE_ROOM + (HEIGHT + GAP) * i as f64, WIDTH, HEIGHT);
    let mut elements = vec![chart::name(&data.title, row(0), WIDTH)?];
    let grey = Stroke { dash: vec![2.0, 1.5], ..Stroke::solid(FAINT, 0.6) };
    for (i, vector) in data.vectors.iter().enumerate() {
        let panel = Panel { rect: row(i), x, y };
        elements.push(panel.lines(&[[[0.0, 0.0], [n_params, 0.0]]], Stroke::solid(FAINT, 0.5)));
        elements.push(blocks::separators(panel.rect, &data.tensors, true, grey.clone()));
        elements.push(bars(&vector.entries, &panel));
        elements.push(frame(&panel));
        elements.extend(axis(panel.rect, Side::Left, &y, &marks, None, &axis_style())?.elements);
        elements.extend(texts(vector, panel.rect)?);
    }
    let last = row(data.vectors.len() - 1);
    let names = blocks::names(last, Side::Bottom, &data.tensors, TENSOR_SIZE)?;
    elements.extend(names.elements);
    let mut scene = Scene::new(last.right() + NOTE + MARGIN, last.bottom() + names.depth + MARGIN, &*data.title);
    scene.extend(elements);
    Ok(scene)
}

fn checked(data: &Eigenvectors) -> Result<(), FigureError> {
    check::not_empty(|| "the eigenvectors".to_owned(), data.vectors.len(), "vector")?;
    let n_params = data.vectors[0].entries.len();
    for vector in &data.vectors {
        let name = &vector.name;
        check::not_empty(|| format!("vector `{name}`"), vector.entries.len(), "entry")?;
        check::length(|| format!("vector `{name}`"), vector.entries.len(), Some(n_params), "as the first vector")?;
        check::unit(|| format!("an entry of vector `{name}`"), &vector.entries)?;
    }
    blocks::check("the tensors", &data.tensors, n_params, "entries of each vector")
}

/// Bars from zero; where there are more entries than a line is thin, several share one.
fn bars(entries: &[f64], panel: &Panel) -> Element {
    let most = (panel.rect.width / NARROWEST) as usize;
    let each = entries.len().div_ceil(most);
    let apart = panel.rect.width * each as f64 / entries.len() as f64;
    let mut path = Path::default();
    for (i, run) in entries.chunks(each).enumerate() {
        let [low, high] = chart::ends(run);
        let x = (i * each) as f64 + run.len() as f64 / 2.0;
        path.extend(Path::polyline(&[panel.place([x, low.min(0.0)]), panel.place([x, high.max(0.0)])]));
    }
    let width = (0.75 * apart).clamp(NARROWEST, 2.4);
    panel.clipped(vec![Element::shape(path, Style::stroked(Stroke::solid(INK, width)))])
}

/// Name and note at the right of the panel.
fn texts(vector: &NamedVector, rect: Rect) -> Result<Vec<Element>, FigureError> {
    let x = rect.right() + 6.0;
    let mut lines = vec![Label::tex(&vector.name, NAME_SIZE)?];
    if let Some(note) = &vector.note {
        lines.push(Label::tex(note, NAME_SIZE - 1.0)?);
    }
    let line = 1.35 * NAME_SIZE;
    let top = rect.center().y - line * lines.len() as f64 / 2.0;
    let place = |(i, label): (usize, Label)| {
        let at = Point::new(x, top + line * (i as f64 + 0.75));
        Element::text(label.shrunk_to(NOTE - 8.0), at, Align::Start)
    };
    Ok(lines.into_iter().enumerate().map(place).collect())
}

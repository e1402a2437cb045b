//! All eigenvalues of one Hessian.

use crate::axes::{Side, axis};
use crate::chart::{self, ACCENT, FAINT, INK, MARGIN, TITLE_ROOM, axis_style, colored, frame, symlog_around};
use crate::error::FigureError;
use crate::geometry::{Path, Point, Rect};
use crate::label::Label;
use crate::marker::Marker;
use crate::panel::Panel;
use crate::rows::density::{self, Density};
use crate::scale::Scale;
use crate::scene::{Align, Element, Scene, Stroke, Style};
use crate::ticks::ticks;

// All lengths in points.
const WIDTH: f64 = 230.0;
const HEIGHT: f64 = 140.0;
const DENSITY_WIDTH: f64 = 175.0;
const LEFT: f64 = 54.0;
const BELOW: f64 = 32.0;
/// Eigenvalues that stand closer than this are drawn as one curve.
const CROWDED: f64 = 0.4;

/// All eigenvalues from the largest to the smallest on a symmetric logarithmic axis, the outliers in colour, and beside
/// them the density; `title` is set in italics as it stands.
///
/// # Errors
/// Where there are no eigenvalues, fewer than outliers, one is not finite, or the title has a character the fonts lack.
pub fn spectrum(title: &str, data: &Density) -> Result<Scene, FigureError> {
    density::check("the spectrum", data)?;
    let left = Rect::new(LEFT, MARGIN + TITLE_ROOM, WIDTH, HEIGHT);
    let room = Density::ROOM;
    let right = Rect { x: left.right() + room.left + 16.0, width: DENSITY_WIDTH, ..left };
    let mut scene = Scene::new(right.right() + 2.0 * MARGIN, left.bottom() + BELOW + MARGIN / 2.0, title);
    scene.extend(stems(&data.eigenvalues, data.outliers, left)?);
    scene.push(chart::name(title, left, WIDTH)?);
    scene.extend(data.panel(right)?);
    scene.push(chart::title("eigenvalue density", right, right.width)?);
    Ok(scene)
}

/// Eigenvalues against their index, from the largest on, as markers on stems from zero, or as a curve where there are many;
/// the first `outliers` in colour.
pub(crate) fn stems(eigenvalues: &[f64], outliers: usize, rect: Rect) -> Result<Vec<Element>, FigureError> {
    let mut descending = eigenvalues.to_vec();
    descending.sort_by(|a, b| b.total_cmp(a));
    let n = descending.len() as f64;
    let pad = 0.025 * (n - 1.0).max(1.0);
    let panel = Panel { rect, x: Scale::linear(1.0 - pad, n + pad)?, y: symlog_around(eigenvalues)? };
    // Markers as large as they can stand side by side.
    let apart = rect.width / (n + 2.0 * pad);
    let size = (1.1 * apart).clamp(1.3, 4.0);
    let mut elements = vec![panel.lines(&[[[panel.x.low(), 0.0], [panel.x.high(), 0.0]]], Stroke::solid(FAINT, 0.5))];
    let (top, rest) = descending.split_at(outliers.min(descending.len()));
    for (values, first, color, size) in [(rest, outliers, INK, size), (top, 0, ACCENT, size.max(2.6) + 0.6)] {
        if apart < CROWDED && color == INK {
            elements.push(curve(values, first, &panel));
            continue;
        }
        let points: Vec<[f64; 2]> = values.iter().enumerate().map(|(i, &v)| [(first + i + 1) as f64, v]).collect();
        let stem = |&[x, v]: &[f64; 2]| Path::polyline(&[panel.place([x, 0.0]), panel.place([x, v])]);
        let width = (0.35 * apart).clamp(0.25, 0.8);
        let paths = points.iter().map(stem).collect();
        elements.push(Element::Shapes { paths, style: Style::stroked(Stroke::solid(color, width)) });
        elements.push(panel.markers(points, Marker::Circle, size, Style::filled(color)));
    }
    if outliers > 0 {
        let text = if outliers == 1 { "1 outlier".to_owned() } else { format!("{outliers} outliers") };
        let at = Point::new(rect.right() - 5.0, rect.y + 13.0);
        elements.push(colored(Element::text(Label::tex(&text, 10.0)?, at, Align::End), ACCENT));
    }
    elements.push(frame(&panel));
    let style = axis_style();
    elements
        .extend(axis(rect, Side::Bottom, &panel.x, &chart::indices(descending.len()), Some("$i$"), &style)?.elements);
    let label = chart::eigenvalue_label(&panel.y);
    elements.extend(axis(rect, Side::Left, &panel.y, &ticks(&panel.y, 6), Some(&label), &style)?.elements);
    Ok(elements)
}

/// A line through so many of the values that none is missed at the width it has.
fn curve(values: &[f64], first: usize, panel: &Panel) -> Element {
    let step = values.len().div_ceil(4 * panel.rect.width.ceil() as usize).max(1);
    let last = values.len().saturating_sub(1);
    let chosen = values.iter().enumerate().filter(|(i, _)| i % step == 0 || *i == last);
    let line: Vec<[f64; 2]> = chosen.map(|(i, &v)| [(first + i + 1) as f64, v]).collect();
    panel.lines(&[line], Stroke::solid(INK, 1.6).rounded())
}

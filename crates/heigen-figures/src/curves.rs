//! Panels of curves: numbers against other numbers, with levels that they are compared with.

use crate::axes::{Side, axis};
use crate::chart::{self, FAINT, MARGIN, TITLE_ROOM, axis_style, frame};
use crate::check;
use crate::color::Rgb;
use crate::error::FigureError;
use crate::geometry::Rect;
use crate::legend::{Entry, Key, beside};
use crate::marker::Marker;
use crate::panel::Panel;
use crate::scale::Scale;
use crate::scene::{Element, Scene, Stroke, Style};
use crate::ticks::ticks;

/// One panel.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CurvePanel {
    /// The title above it, for [`Label::tex`](crate::Label::tex).
    pub title: String,
    /// The labels of its axes, for [`Label::tex`](crate::Label::tex).
    pub axes: [String; 2],
    /// Whether an axis is logarithmic; numbers that are not positive are then left out.
    pub logarithmic: [bool; 2],
    /// Its curves, at most 12.
    pub curves: Vec<Curve>,
    /// Horizontal lines, each with its name, for [`Label::tex`](crate::Label::tex).
    pub levels: Vec<(String, f64)>,
}

/// A curve of a panel.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Curve {
    /// Its name in the legend, for [`Label::tex`](crate::Label::tex).
    pub name: String,
    /// Its points.
    pub points: Vec<[f64; 2]>,
    /// Whether its points are markers instead of a line.
    pub markers: bool,
}

// All lengths in points.
const WIDTH: f64 = 250.0;
const HEIGHT: f64 = 165.0;
const LEFT: f64 = 52.0;
const BELOW: f64 = 36.0;
const LEGEND: f64 = 9.5;
const GAP: f64 = 14.0;
const LINE: f64 = 1.3;
const MARKER: f64 = 4.0;
/// Panels in a row.
const COLUMNS: usize = 2;
/// The most curves that colours tell apart.
const MOST: usize = 12;

/// Panels of curves, two in a row, each with a legend at its right.
///
/// # Errors
/// Where there are no panels, a panel has no curves, no numbers or more than 12 curves, a number is not finite, or a label cannot
/// be set.
pub fn curve_panels(title: &str, panels: &[CurvePanel]) -> Result<Scene, FigureError> {
    check::not_empty(|| title.to_owned(), panels.len(), "panel")?;
    let mut widths = [0.0f64; COLUMNS];
    for (i, panel) in panels.iter().enumerate() {
        let (_, width) = panel_at(panel, [0.0; 2])?;
        widths[i % COLUMNS] = widths[i % COLUMNS].max(width);
    }
    let (row, columns) = (MARGIN + TITLE_ROOM + HEIGHT + BELOW, panels.len().min(COLUMNS));
    let width: f64 = widths[..columns].iter().sum::<f64>() + GAP * (columns - 1) as f64 + MARGIN;
    let mut scene = Scene::new(width, row * panels.len().div_ceil(COLUMNS) as f64 + MARGIN / 2.0, title);
    for (i, panel) in panels.iter().enumerate() {
        let x = if i % COLUMNS == 0 { 0.0 } else { widths[0] + GAP };
        scene.extend(panel_at(panel, [x, row * (i / COLUMNS) as f64])?.0);
    }
    Ok(scene)
}

/// The elements of a panel with its upper left corner at `at`, and its width with axes and legend.
fn panel_at(panel: &CurvePanel, at: [f64; 2]) -> Result<(Vec<Element>, f64), FigureError> {
    let CurvePanel { title, axes, logarithmic, curves, levels } = panel;
    check::not_empty(|| format!("the panel `{title}`"), curves.len(), "curve")?;
    if curves.len() > MOST {
        return Err(FigureError::value(format!("the number of curves of `{title}`"), curves.len(), "at most 12"));
    }
    for curve in curves {
        check::finite(|| format!("a point of `{}` in `{title}`", curve.name), curve.points.iter().flatten())?;
    }
    check::finite(|| format!("a level of `{title}`"), levels.iter().map(|(_, y)| y))?;
    let seen = |p: &&[f64; 2]| (0..2).all(|d| !logarithmic[d] || p[d] > 0.0);
    let points: Vec<[f64; 2]> = curves.iter().flat_map(|c| &c.points).filter(seen).copied().collect();
    check::not_empty(|| format!("the panel `{title}`"), points.len(), "point")?;
    let x: Vec<f64> = points.iter().map(|p| p[0]).collect();
    let mut y: Vec<f64> = points.iter().map(|p| p[1]).collect();
    y.extend(levels.iter().map(|(_, y)| *y).filter(|&y| !logarithmic[1] || y > 0.0));
    let scale = |values: &[f64], log: bool| {
        if !log {
            return chart::around(values, 0.05);
        }
        let [low, high] = chart::ends(values);
        let room = (high / low).powf(0.06).max(1.15);
        Scale::log(low / room, high * room)
    };
    let (x, y) = (scale(&x, logarithmic[0])?, scale(&y, logarithmic[1])?);
    let rect = Rect::new(at[0] + LEFT, at[1] + MARGIN + TITLE_ROOM, WIDTH, HEIGHT);
    let on = Panel { rect, x, y };
    let mut elements = Vec::new();
    let mut entries = Vec::new();
    for (i, (name, level)) in levels.iter().enumerate() {
        let stroke = dashed(i);
        elements.push(on.lines(&[[[x.low(), *level], [x.high(), *level]]], stroke.clone()));
        entries.push(Entry { key: Key::Line(stroke), label: name.clone() });
    }
    for (i, curve) in curves.iter().enumerate() {
        let color = Rgb::for_class(i).unwrap_or(Rgb::BLACK);
        let points: Vec<[f64; 2]> = curve.points.iter().filter(seen).copied().collect();
        let label = curve.name.clone();
        if curve.markers {
            let marker = Marker::for_class(i).unwrap_or(Marker::Circle);
            elements.push(on.markers(points, marker, MARKER, Style::filled(color)));
            entries.push(Entry { key: Key::Marker(marker, MARKER, Style::filled(color)), label });
        } else {
            elements.push(on.lines(&[points], Stroke::solid(color, LINE).rounded()));
            entries.push(Entry { key: Key::Line(Stroke::solid(color, LINE)), label });
        }
    }
    elements.push(frame(&on));
    elements.push(chart::title(title, rect, WIDTH)?);
    let style = axis_style();
    elements.extend(axis(rect, Side::Bottom, &x, &ticks(&x, 5), Some(&axes[0]), &style)?.elements);
    elements.extend(axis(rect, Side::Left, &y, &ticks(&y, 5), Some(&axes[1]), &style)?.elements);
    let (legend, width) = beside(Rect { x: rect.right() + 2.0, ..rect }, &entries, LEGEND)?;
    elements.extend(legend);
    Ok((elements, LEFT + WIDTH + 2.0 + width))
}

/// The line of the `i`-th level: dashed, and darker for later ones.
fn dashed(i: usize) -> Stroke {
    let color = if i == 0 { FAINT } else { Rgb::BLACK };
    let dash = if i.is_multiple_of(2) { vec![4.0, 2.5] } else { vec![1.5, 1.8] };
    Stroke { dash, ..Stroke::solid(color, 1.0) }
}

//! The four rows of Figure 1, which share the input as their axis.

use super::{Colors, InputLine, boundary_stroke, class_color, class_style, vector_stroke};
use crate::axes::{AxisStyle, Side, axis};
use crate::chart::{self, FAINT, around, axis_style, frame, verticals};
use crate::color::ColorMap;
use crate::error::FigureError;
use crate::geometry::{Path, Point, Rect};
use crate::marker::Marker;
use crate::panel::Panel;
use crate::raster::Raster;
use crate::scale::Scale;
use crate::scene::{Element, Fill, Stroke, Style};
use crate::thin::thinned;
use crate::ticks::{Tick, ticks};

const REGION_OPACITY: f64 = 0.13;
const MARKER: f64 = 5.0;

/// Symmetric around zero, up to the largest magnitude of gradients and eigenvectors, in steps of a tenth.
pub(super) fn colors(line: &InputLine) -> Result<Colors, FigureError> {
    let entries = line.eigenvectors.iter().flatten().chain(&line.gradients);
    let [low, high] = chart::ends(entries);
    let extent = ((10.0 * low.abs().max(high.abs())).ceil() / 10.0).clamp(0.1, 1.0);
    Ok(Colors { map: ColorMap::ALIGNMENT, scale: Scale::linear(-extent, extent)? })
}

fn logit_scale(line: &InputLine) -> Result<Scale, FigureError> {
    around(line.logits.iter().flatten(), 0.08)
}

/// Room for the widest numbers at the left.
pub(super) fn number_room(line: &InputLine) -> Result<f64, FigureError> {
    let mut room: f64 = 0.0;
    for (scale, intervals) in [(logit_scale(line)?, 3), (Scale::linear(-1.0, 1.0)?, 2)] {
        let marks = ticks(&scale, intervals);
        room = room.max(axis(Rect::default(), Side::Left, &scale, &marks, None, &axis_style())?.depth);
    }
    Ok(room)
}

pub(super) fn rows(
    line: &InputLine,
    rects: &[Rect; 4],
    number_room: f64,
    colors: &Colors,
) -> Result<Vec<Element>, FigureError> {
    let x = Scale::linear(line.x_range[0], line.x_range[1])?;
    let alignment = Scale::linear(-1.1, 1.1)?;
    let unit = Scale::linear(0.0, 1.0)?;
    let panel = |i: usize, y: Scale| Panel { rect: rects[i], x, y };
    let panels = [panel(0, logit_scale(line)?), panel(1, unit), panel(2, alignment), panel(3, unit)];

    let mut elements = Vec::new();
    elements.extend(logits(line, &panels[0]));
    elements.push(gradients(line, &panels[1], colors)?);
    elements.extend(alignments(line, &panels[2]));
    elements.extend(data(line, &panels[3]));
    for panel in &panels {
        elements.push(verticals(panel, &line.boundaries, boundary_stroke()));
        elements.push(frame(panel));
    }
    let marks = ticks(&x, 6);
    let unnumbered: Vec<Tick> = marks.iter().map(|t| Tick { value: t.value, label: String::new() }).collect();
    for panel in &panels[..3] {
        elements.extend(axis(panel.rect, Side::Bottom, &x, &unnumbered, None, &axis_style())?.elements);
    }
    elements.extend(axis(rects[3], Side::Bottom, &x, &marks, Some("$x$"), &axis_style())?.elements);
    let names = ["logits", "parameters", "alignment", "data"];
    let numbers = [ticks(&panels[0].y, 3), vec![], ticks(&Scale::linear(-1.0, 1.0)?, 2), vec![]];
    for ((panel, numbers), name) in panels.iter().zip(numbers).zip(names) {
        elements.extend(axis(panel.rect, Side::Left, &panel.y, &numbers, None, &axis_style())?.elements);
        elements.push(side_label(name, number_room, panel.rect)?);
    }
    Ok(elements)
}

/// The label of a row: all at the same distance, whatever their numbers.
fn side_label(name: &str, away: f64, rect: Rect) -> Result<Element, FigureError> {
    let AxisStyle { label_size, .. } = axis_style();
    let label = crate::label::Label::tex(name, label_size)?.shrunk_to(rect.height + 6.0);
    let at = Point::new(rect.x - away - 4.0, rect.center().y);
    Ok(Element::text_upwards(label, at, crate::scene::Align::Middle))
}

/// Curves in the colours of the classes above the regions in which each is predicted.
fn logits(line: &InputLine, panel: &Panel) -> Vec<Element> {
    let ends: Vec<f64> = std::iter::once(line.x_range[0])
        .chain(line.boundaries.iter().map(|b| b.clamp(line.x_range[0], line.x_range[1])))
        .chain([line.x_range[1]])
        .collect();
    let mut elements = Vec::new();
    for (pair, &class) in ends.windows(2).zip(&line.regions) {
        let [left, right] = [pair[0], pair[1]].map(|x| panel.place([x, panel.y.low()]).x);
        let area = Rect::new(left, panel.rect.y, right - left, panel.rect.height);
        let fill = Some(Fill { color: class_color(class), opacity: REGION_OPACITY });
        elements.push(Element::shape(Path::rect(area), Style { fill, stroke: None }));
    }
    for (class, curve) in line.logits.iter().enumerate() {
        elements.push(panel.lines(&[points(&line.x, curve)], Stroke::solid(class_color(class), 1.6).rounded()));
    }
    elements
}

fn points(x: &[f64], y: &[f64]) -> Vec<[f64; 2]> {
    x.iter().zip(y).map(|(&x, &y)| [x, y]).collect()
}

/// One column for each input, around it.
fn gradients(line: &InputLine, panel: &Panel, colors: &Colors) -> Result<Element, FigureError> {
    let n_x = line.x.len();
    let half = 0.5 * (line.x[n_x - 1] - line.x[0]) / (n_x - 1) as f64;
    let [left, right] = [line.x[0] - half, line.x[n_x - 1] + half].map(|x| panel.place([x, 0.0]).x);
    let from_below: Vec<f64> = line.gradients.chunks_exact(n_x).rev().flatten().copied().collect();
    let n_params = line.gradients.len() / n_x;
    let raster = Raster::from_grid([n_x, n_params], &from_below, |v| colors.color(v))?;
    let rect = Rect { x: left, width: right - left, ..panel.rect };
    Ok(panel.clipped(vec![Element::Image { raster, rect }]))
}

fn alignments(line: &InputLine, panel: &Panel) -> Vec<Element> {
    let zero = panel.lines(&[[[line.x_range[0], 0.0], [line.x_range[1], 0.0]]], Stroke::solid(FAINT, 0.5));
    let curve = |(i, curve): (usize, &Vec<f64>)| panel.lines(&[points(&line.x, curve)], vector_stroke(i));
    std::iter::once(zero).chain(line.alignments.iter().enumerate().map(curve)).collect()
}

/// Classes lie on lines of their own, so that they do not cover each other.
fn data(line: &InputLine, panel: &Panel) -> Vec<Element> {
    let n = line.logits.len().max(line.classes.iter().max().map_or(0, |c| c + 1));
    let (drawn, _) = thinned(&line.classes);
    let of_class = |class: usize| {
        let level = (n - class) as f64 / (n + 1) as f64;
        let chosen = drawn.iter().filter(|&&i| line.classes[i] == class).map(|&i| [line.points[i], level]);
        let marker = Marker::for_class(class).unwrap_or(Marker::Circle);
        panel.markers(chosen, marker, MARKER, class_style(class))
    };
    (0..n).map(of_class).collect()
}

//! The curvature of each layer of a network.

use crate::axes::{Side, axis};
use crate::chart::{self, ACCENT, FAINT, INK, MARGIN, TITLE_ROOM, axis_style, frame, symlog_around};
use crate::check;
use crate::error::FigureError;
use crate::fonts::Face;
use crate::geometry::{Path, Point, Rect};
use crate::label::{Label, elided, fixed};
use crate::marker::Marker;
use crate::panel::Panel;
use crate::scale::Scale;
use crate::scene::{Align, Element, Scene, Stroke, Style};
use crate::ticks::{Tick, ticks};

/// The numbers of one layer's block of the matrix.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerShare {
    /// Its name, set as it stands.
    pub name: String,
    /// Its share of the trace of the whole matrix, as a fraction; negative where the block's trace has the other sign.
    pub share: f64,
    /// The smallest and the largest eigenvalue of its block.
    pub ends: [f64; 2],
}

// All lengths in points.
const ROW: f64 = 15.0;
const WIDTH: f64 = 170.0;
const BETWEEN: f64 = 22.0;
const NAME_SIZE: f64 = 9.5;
const SMALLEST_NAME: f64 = 8.0;
const LONGEST_NAME: f64 = 150.0;
const BELOW: f64 = 34.0;
/// From the frame to a number in it.
const INSET: f64 = 4.0;
/// Room at the right for the percentages.
const PERCENT: f64 = 44.0;

/// A row for each layer: its share of the trace as a bar with its percentage, and its smallest and largest eigenvalue on a
/// symmetric logarithmic axis, tied by a line.
///
/// # Errors
/// Where there are no layers, a number is not finite, an end is above the other, or a name has a character the fonts lack.
pub fn layers(title: &str, all: &[LayerShare]) -> Result<Scene, FigureError> {
    checked(all)?;
    let set = |l: &LayerShare| elided(&l.name, Face::Upright, NAME_SIZE, SMALLEST_NAME, LONGEST_NAME);
    let names = all.iter().map(set).collect::<Result<Vec<Label>, _>>()?;
    let left = MARGIN + names.iter().map(Label::width).fold(0.0, f64::max) + 6.0;
    let height = ROW * all.len() as f64;
    let shares = Rect::new(left, MARGIN + TITLE_ROOM, WIDTH, height);
    let ends = Rect { x: shares.right() + PERCENT + BETWEEN, ..shares };
    let middle = |i: usize| shares.y + ROW * (i as f64 + 0.5);

    let mut elements = Vec::new();
    for (i, name) in names.into_iter().enumerate() {
        elements.push(Element::text(name, Point::new(left - 6.0, middle(i) + 0.3 * NAME_SIZE), Align::End));
    }
    let [low, high] = chart::ends(all.iter().map(|l| &l.share));
    let (low, high) = (low.min(0.0), high.max(0.0));
    let high = if low < high { high } else { 1.0 };
    let percent = Scale::linear(100.0 * (low + if low < 0.0 { 0.05 * (low - high) } else { 0.0 }), 105.0 * high)?;
    let unit = Scale::linear(0.0, 1.0)?;
    let panel = Panel { rect: shares, x: percent, y: unit };
    let at = |value: f64| panel.place([value, 0.0]).x;
    for (i, layer) in all.iter().enumerate() {
        let [from, to] = [at(0.0).min(at(100.0 * layer.share)), at(0.0).max(at(100.0 * layer.share))];
        let bar = Rect::new(from, middle(i) - 0.32 * ROW, (to - from).max(0.4), 0.64 * ROW);
        elements.push(Element::shape(Path::rect(bar), Style::filled(if layer.share < 0.0 { ACCENT } else { INK })));
        let text = Label::plain(
            &format!("{} %", fixed(100.0 * layer.share, 1).replace('-', "\u{2212}")),
            Face::Upright,
            NAME_SIZE,
        )?;
        let place = Point::new(shares.right() + INSET, middle(i) + 0.3 * NAME_SIZE);
        elements.push(Element::text(text, place, Align::Start));
    }
    elements.push(frame(&panel));
    elements.push(chart::name(title, shares, WIDTH + PERCENT)?);
    let style = axis_style();
    let label = Some(r"share of the trace in %");
    elements.extend(axis(shares, Side::Bottom, &percent, &ticks(&percent, 4), label, &style)?.elements);

    let every: Vec<f64> = all.iter().flat_map(|l| l.ends).collect();
    let panel = Panel { rect: ends, x: symlog_around(&every)?, y: unit };
    let place = |value: f64, i: usize| Point::new(panel.place([value, 0.0]).x, middle(i));
    elements.push(chart::verticals(&panel, &[0.0], Stroke::solid(FAINT, 0.6)));
    let tie = |(i, l): (usize, &LayerShare)| Path::polyline(&l.ends.map(|end| place(end, i)));
    let ties = all.iter().enumerate().map(tie).collect();
    elements.push(Element::Shapes { paths: ties, style: Style::stroked(Stroke::solid(FAINT, 1.2)) });
    for (end, marker, color) in [(0, Marker::Diamond, ACCENT), (1, Marker::Circle, INK)] {
        let paths = all.iter().enumerate().map(|(i, l)| marker.path(place(l.ends[end], i), 4.5)).collect();
        elements.push(Element::Shapes { paths, style: Style::filled(color) });
    }
    elements.push(frame(&panel));
    elements.extend(key(ends)?);
    let marks: Vec<Tick> = ticks(&panel.x, 4);
    let label = chart::eigenvalue_label(&panel.x);
    elements.extend(axis(ends, Side::Bottom, &panel.x, &marks, Some(&label), &style)?.elements);
    let mut scene = Scene::new(ends.right() + 3.0 * MARGIN, ends.bottom() + BELOW + MARGIN / 2.0, title);
    scene.extend(elements);
    Ok(scene)
}

/// Above the panel of eigenvalues: which marker is which end.
fn key(rect: Rect) -> Result<Vec<Element>, FigureError> {
    let mut elements = Vec::new();
    let mut x = rect.x + 8.0;
    let y = rect.y - 8.0;
    for (marker, color, text) in [(Marker::Diamond, ACCENT, "smallest eigenvalue"), (Marker::Circle, INK, "largest")] {
        let label = Label::plain(text, Face::Upright, NAME_SIZE)?;
        elements.push(Element::shape(marker.path(Point::new(x, y), 4.5), Style::filled(color)));
        let width = label.width();
        elements.push(Element::text(label, Point::new(x + 6.0, y + 0.3 * NAME_SIZE), Align::Start));
        x += width + 22.0;
    }
    Ok(elements)
}

fn checked(all: &[LayerShare]) -> Result<(), FigureError> {
    check::not_empty(|| "the layers".to_owned(), all.len(), "layer")?;
    for layer in all {
        check::finite(|| format!("the share of layer `{}`", layer.name), [&layer.share])?;
        check::finite(|| format!("an eigenvalue of layer `{}`", layer.name), &layer.ends)?;
        if layer.ends[0] > layer.ends[1] {
            let what = format!("the smallest eigenvalue of layer `{}`", layer.name);
            return Err(FigureError::value(what, layer.ends[0], "a number that is not above the largest"));
        }
    }
    Ok(())
}

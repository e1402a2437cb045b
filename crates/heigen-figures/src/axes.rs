//! Axes: marks, their numbers and the axis label along one side of a box.

use crate::color::Rgb;
use crate::error::FigureError;
use crate::geometry::{Path, Point, Rect};
use crate::label::Label;
use crate::scale::Scale;
use crate::scene::{Align, Element, Stroke, Style};
use crate::ticks::Tick;

/// The side of a box that an axis runs along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // the names say it
pub enum Side {
    Left,
    Right,
    Bottom,
    Top,
}

/// Sizes of an axis, in points.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AxisStyle {
    /// Font size of the numbers.
    pub number_size: f64,
    /// Font size of the label.
    pub label_size: f64,
    /// Length of the marks.
    pub mark: f64,
    /// Width of the marks.
    pub line: f64,
    /// Room between marks and numbers.
    pub gap: f64,
    /// Room between numbers and label.
    pub label_gap: f64,
}

impl Default for AxisStyle {
    fn default() -> Self {
        Self { number_size: 9.0, label_size: 10.0, mark: 3.0, line: 0.8, gap: 3.0, label_gap: 5.0 }
    }
}

/// An axis and the room it takes.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// The marks, numbers and label, ready to be drawn.
    pub elements: Vec<Element>,
    /// How far it reaches from the box, in points.
    pub depth: f64,
}

/// Height of digits, in em: numbers beside a mark are centred on it by this.
const DIGIT_HEIGHT: f64 = 0.676;

/// An axis with the given marks along a side of `rect`; marks outside of the scale's range are left out, and
/// those without a text have no number.
///
/// # Errors
/// Where a tick label or `label` cannot be set.
pub fn axis(
    rect: Rect,
    side: Side,
    scale: &Scale,
    ticks: &[Tick],
    label: Option<&str>,
    style: &AxisStyle,
) -> Result<Axis, FigureError> {
    let on_axis = |t: f64| match side {
        Side::Left => Point::new(rect.x, rect.bottom() - t * rect.height),
        Side::Right => Point::new(rect.right(), rect.bottom() - t * rect.height),
        Side::Bottom => Point::new(rect.x + t * rect.width, rect.bottom()),
        Side::Top => Point::new(rect.x + t * rect.width, rect.y),
    };
    let (dx, dy) = match side {
        Side::Left => (-1.0, 0.0),
        Side::Right => (1.0, 0.0),
        Side::Bottom => (0.0, 1.0),
        Side::Top => (0.0, -1.0),
    };
    let outward = |p: Point, by: f64| Point::new(p.x + by * dx, p.y + by * dy);

    let mut marks = Vec::new();
    let mut elements = Vec::new();
    let mut numbers: f64 = 0.0;
    let half_digit = DIGIT_HEIGHT * style.number_size / 2.0;
    for tick in ticks {
        let fraction = scale.fraction(tick.value);
        if !(-1e-6..=1.0 + 1e-6).contains(&fraction) {
            continue;
        }
        let foot = on_axis(fraction);
        marks.push(Path::polyline(&[foot, outward(foot, style.mark)]));
        if tick.label.is_empty() {
            continue;
        }
        let number = Label::tex(&tick.label, style.number_size)?;
        let at = outward(foot, style.mark + style.gap);
        let (place, align, reach) = match side {
            Side::Left => (Point::new(at.x, at.y + half_digit), Align::End, number.width()),
            Side::Right => (Point::new(at.x, at.y + half_digit), Align::Start, number.width()),
            Side::Bottom => {
                (Point::new(at.x, at.y + 2.0 * half_digit), Align::Middle, 2.0 * half_digit + number.descent())
            }
            Side::Top => (at, Align::Middle, number.ascent()),
        };
        numbers = numbers.max(reach);
        elements.push(Element::text(number, place, align));
    }
    let line = Stroke::solid(Rgb::BLACK, style.line);
    elements.insert(0, Element::Shapes { paths: marks, style: Style::stroked(line) });

    let mut depth = style.mark + style.gap + numbers;
    if let Some(label) = label {
        let label = Label::tex(label, style.label_size)?;
        let (ascent, descent) = (label.ascent(), label.descent());
        let from = outward(on_axis(0.5), depth + style.label_gap);
        depth += style.label_gap + ascent + descent;
        elements.push(match side {
            Side::Left => Element::text_upwards(label, Point::new(from.x - descent, from.y), Align::Middle),
            Side::Right => Element::text_upwards(label, Point::new(from.x + ascent, from.y), Align::Middle),
            Side::Bottom => Element::text(label, Point::new(from.x, from.y + ascent), Align::Middle),
            Side::Top => Element::text(label, Point::new(from.x, from.y - descent), Align::Middle),
        });
    }
    Ok(Axis { elements, depth })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ticks::ticks;

    #[test]
    fn marks_outside_of_the_range_are_left_out_and_labels_take_room() -> Result<(), FigureError> {
        let scale = Scale::linear(0.0, 1.0)?;
        let wide = ticks(&Scale::linear(-1.0, 2.0)?, 3);
        let rect = Rect::new(0.0, 0.0, 50.0, 50.0);
        for side in [Side::Left, Side::Right, Side::Bottom, Side::Top] {
            let bare = axis(rect, side, &scale, &wide, None, &AxisStyle::default())?;
            let labelled = axis(rect, side, &scale, &wide, Some("$x$"), &AxisStyle::default())?;
            assert_eq!(bare.elements.len(), 3);
            assert!(labelled.depth > bare.depth + 4.0);
        }
        assert!(axis(rect, Side::Left, &scale, &wide, Some("$x"), &AxisStyle::default()).is_err());
        Ok(())
    }
}

//! Legends: which line, marker or area means what.

use crate::color::Rgb;
use crate::error::FigureError;
use crate::geometry::{Path, Point, Rect};
use crate::label::Label;
use crate::marker::Marker;
use crate::scene::{Align, Element, Fill, Stroke, Style};

/// The marker, line or patch that stands before an entry's text.
#[derive(Debug, Clone, PartialEq)]
pub enum Key {
    /// A short line.
    Line(Stroke),
    /// A marker of the given size.
    Marker(Marker, f64, Style),
    /// A small filled box.
    Area(Style),
}

/// One row of a legend.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The sign.
    pub key: Key,
    /// Its meaning, for [`Label::tex`].
    pub label: String,
}

/// The corner of a panel that a legend stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // the names say it
pub enum Corner {
    UpperLeft,
    UpperRight,
    LowerLeft,
    LowerRight,
}

/// A legend in a corner of `rect`, on a ground that lets a little of the data through.
///
/// # Errors
/// Where there are no entries, or a label cannot be set.
pub fn legend(rect: Rect, corner: Corner, entries: &[Entry], size: f64) -> Result<Vec<Element>, FigureError> {
    if entries.is_empty() {
        return Err(FigureError::Empty { what: "a legend".to_owned(), wanted: "entry" });
    }
    let labels = set(entries, size)?;
    let [width, height] = extent(&labels, size);
    let pad = PAD * size;
    let x = match corner {
        Corner::UpperLeft | Corner::LowerLeft => rect.x + pad,
        Corner::UpperRight | Corner::LowerRight => rect.right() - pad - width,
    };
    let y = match corner {
        Corner::UpperLeft | Corner::UpperRight => rect.y + pad,
        Corner::LowerLeft | Corner::LowerRight => rect.bottom() - pad - height,
    };
    let ground = Style {
        fill: Some(Fill { color: Rgb::WHITE, opacity: 0.8 }),
        stroke: Some(Stroke::solid(Rgb(204, 204, 204), 0.6)),
    };
    let mut elements = vec![Element::shape(Path::rect(Rect::new(x, y, width, height)), ground)];
    elements.extend(rows(Point::new(x, y), entries, labels, size));
    Ok(elements)
}

/// A legend without a ground at the left side of `rect`, half-way up, made smaller where it is higher than `rect`; and its
/// width.
pub(crate) fn beside(rect: Rect, entries: &[Entry], size: f64) -> Result<(Vec<Element>, f64), FigureError> {
    let size = size.min(rect.height / (2.0 * PAD + ROW * entries.len().max(1) as f64));
    let labels = set(entries, size)?;
    let [width, height] = extent(&labels, size);
    Ok((rows(Point::new(rect.x, rect.center().y - height / 2.0), entries, labels, size), width))
}

/// Room around the rows, height of a row, width of a key: in font sizes.
const PAD: f64 = 0.5;
const ROW: f64 = 1.3;
const KEY: f64 = 1.8;

fn set(entries: &[Entry], size: f64) -> Result<Vec<Label>, FigureError> {
    entries.iter().map(|e| Label::tex(&e.label, size)).collect()
}

fn extent(labels: &[Label], size: f64) -> [f64; 2] {
    let widest = labels.iter().map(Label::width).fold(0.0, f64::max);
    [(3.0 * PAD + KEY) * size + widest, (2.0 * PAD + ROW * labels.len() as f64) * size]
}

/// Keys and texts, one below the other, from the upper left corner `at`.
fn rows(at: Point, entries: &[Entry], labels: Vec<Label>, size: f64) -> Vec<Element> {
    let (pad, key, row) = (PAD * size, KEY * size, ROW * size);
    let mut elements = Vec::new();
    for (i, (entry, label)) in entries.iter().zip(labels).enumerate() {
        let middle = at.y + pad + row * (i as f64 + 0.5);
        let (left, right) = (at.x + pad, at.x + pad + key);
        elements.push(self::key(&entry.key, Point::new(left, middle), Point::new(right, middle), 0.7 * size));
        elements.push(Element::text(label, Point::new(right + pad, middle + 0.3 * size), Align::Start));
    }
    elements
}

/// A key from `left` to `right`; areas have the given height.
pub(crate) fn key(key: &Key, left: Point, right: Point, height: f64) -> Element {
    match key {
        Key::Line(stroke) => Element::shape(Path::polyline(&[left, right]), Style::stroked(stroke.clone())),
        Key::Marker(marker, size, style) => {
            Element::shape(marker.path(Point::new(f64::midpoint(left.x, right.x), left.y), *size), style.clone())
        }
        Key::Area(style) => {
            let area = Rect::new(left.x, left.y - height / 2.0, right.x - left.x, height);
            Element::shape(Path::rect(area), style.clone())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_box_stays_inside_of_the_panel_in_every_corner() -> Result<(), FigureError> {
        let rect = Rect::new(10.0, 10.0, 120.0, 90.0);
        let entries = [
            Entry { key: Key::Line(Stroke::solid(Rgb::BLACK, 1.0)), label: "$v_1$".to_owned() },
            Entry { key: Key::Marker(Marker::Star, 4.0, Style::filled(Rgb::BLACK)), label: "class 1".to_owned() },
            Entry { key: Key::Area(Style::filled(Rgb::BLACK)), label: "area".to_owned() },
        ];
        for corner in [Corner::UpperLeft, Corner::UpperRight, Corner::LowerLeft, Corner::LowerRight] {
            let elements = legend(rect, corner, &entries, 9.0)?;
            assert_eq!(elements.len(), 7);
            for element in &elements {
                if let Element::Text { origin, label, .. } = element {
                    assert!(rect.contains(*origin) && origin.x + label.width() < rect.right());
                }
            }
        }
        assert!(matches!(legend(rect, Corner::UpperLeft, &[], 9.0), Err(FigureError::Empty { .. })));
        Ok(())
    }
}

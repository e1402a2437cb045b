//! Legends: which line, marker or area means what.

use crate::color::Rgb;
use crate::error::FigureError;
use crate::geometry::{Path, Point, Rect};
use crate::label::Label;
use crate::marker::Marker;
use crate::scene::{Align, Element, Fill, Stroke, Style};

/// What stands before an entry's text.
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
    let labels = entries.iter().map(|e| Label::tex(&e.label, size)).collect::<Result<Vec<_>, _>>()?;
    let (pad, key, row) = (0.5 * size, 1.8 * size, 1.3 * size);
    let widest = labels.iter().map(Label::width).fold(0.0, f64::max);
    let (width, height) = (3.0 * pad + key + widest, 2.0 * pad + row * entries.len() as f64);
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
    for (i, (entry, label)) in entries.iter().zip(labels).enumerate() {
        let middle = y + pad + row * (i as f64 + 0.5);
        let (left, right) = (x + pad, x + pad + key);
        elements.push(match &entry.key {
            Key::Line(stroke) => {
                let line = Path::polyline(&[Point::new(left, middle), Point::new(right, middle)]);
                Element::shape(line, Style::stroked(stroke.clone()))
            }
            Key::Marker(marker, size, style) => {
                Element::shape(marker.path(Point::new(f64::midpoint(left, right), middle), *size), style.clone())
            }
            Key::Area(style) => {
                let area = Rect::new(left, middle - 0.35 * size, key, 0.7 * size);
                Element::shape(Path::rect(area), style.clone())
            }
        });
        elements.push(Element::text(label, Point::new(right + pad, middle + 0.3 * size), Align::Start));
    }
    Ok(elements)
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

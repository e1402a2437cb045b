//! The legend below rows of panels: what markers, lines and colours mean, and how many of the samples are shown.

use super::{FRAME, TitledPanels};
use crate::error::FigureError;
use crate::geometry::Point;
use crate::label::{Label, escaped};
use crate::legend::{Entry, Key, key};
use crate::marker::Marker;
use crate::scene::{Align, Element, Style};

/// Font size of the legend, in points.
const SIZE: f64 = 10.0;
const LINE: f64 = 15.0;
/// From one entry to the next.
const GAP: f64 = 14.0;
/// Room for a marker and for a line, before the text.
const MARKER_ROOM: f64 = 10.0;
const LINE_ROOM: f64 = 22.0;

/// The entries of the legend that a row needs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Explained {
    /// Its markers and lines.
    pub(crate) entries: Vec<Entry>,
    /// One sample in this many is drawn.
    pub(crate) one_in: usize,
}

/// The entries of the classes that are present. Numbers are called classes; names are taken as they are.
pub(crate) fn classes(present: &[usize], names: &[String], style: impl Fn(usize) -> Style) -> Vec<Entry> {
    let entry = |class: usize| {
        let name = names.get(class).map_or_else(|| class.to_string(), Clone::clone);
        let name = if name.parse::<f64>().is_ok() { format!("class {name}") } else { name };
        let key = Key::Marker(Marker::for_class(class)?, 5.0, style(class));
        Some(Entry { key, label: escaped(&name) })
    };
    let most = present.iter().max().map_or(0, |class| class + 1);
    (0..most).filter(|class| present.contains(class)).filter_map(entry).collect()
}

/// The entries of the legend of all rows together: one for each key, with every name that it has.
fn together(rows: &[Explained]) -> Vec<Entry> {
    let mut all: Vec<Entry> = Vec::new();
    for entry in rows.iter().flat_map(|row| &row.entries) {
        match all.iter_mut().find(|known| known.key == entry.key) {
            None => all.push(entry.clone()),
            Some(known) if known.label.split(" / ").any(|label| label == entry.label) => {}
            Some(known) => known.label = format!("{} / {}", known.label, entry.label),
        }
    }
    // Classes first, the rest in the order of the rows.
    all.sort_by_key(|entry| !matches!(entry.key, Key::Marker(..)));
    all
}

/// The legend from the left side of the panels on, in as many lines as it needs, and its height.
pub(super) fn below(rows: &[Explained], panels: &TitledPanels) -> Result<(Vec<Element>, f64), FigureError> {
    let room = panels.right - panels.left;
    let mut pieces: Vec<(Option<Key>, Label)> = Vec::new();
    for Entry { key, label } in together(rows) {
        pieces.push((Some(key), Label::tex(&label, SIZE)?.shrunk_to(room - LINE_ROOM)));
    }
    let one_in = rows.iter().map(|row| row.one_in).max().unwrap_or(1);
    if one_in > 1 {
        let text = format!("one sample in {one_in} is drawn");
        pieces.push((None, Label::tex(&text, SIZE)?));
    }
    let mut elements = Vec::new();
    let (mut x, mut lines) = (panels.left, 0.0);
    for (sign, label) in pieces {
        let before = match sign {
            None => 0.0,
            Some(Key::Marker(..)) => MARKER_ROOM,
            Some(_) => LINE_ROOM,
        };
        let width = before + label.width();
        if lines == 0.0 || x + width > panels.right {
            (x, lines) = (panels.left, lines + 1.0);
        }
        let baseline = panels.bottom + LINE * lines - 4.0;
        if let Some(sign) = sign {
            let middle = baseline - 0.3 * SIZE;
            let [left, right] = [x + FRAME, x + before - 4.0].map(|x| Point::new(x, middle));
            elements.push(key(&sign, left, right, 0.7 * SIZE));
        }
        elements.push(Element::text(label, Point::new(x + before, baseline), Align::Start));
        x += width + GAP;
    }
    Ok((elements, LINE * lines))
}

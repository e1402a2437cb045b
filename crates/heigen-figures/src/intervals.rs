//! Estimates with their intervals, one below the other, in groups with a title each.

use crate::axes::{Side, axis};
use crate::chart::{ACCENT, FAINT, FRAME, INK, MARGIN, axis_style, colored};
use crate::check;
use crate::color::Rgb;
use crate::error::FigureError;
use crate::fonts::Face;
use crate::geometry::{Point, Rect};
use crate::label::{Label, fixed};
use crate::marker::Marker;
use crate::panel::Panel;
use crate::scale::Scale;
use crate::scene::{Align, Element, Scene, Stroke, Style};
use crate::ticks::ticks;

/// Estimates that belong together.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct IntervalGroup {
    /// The title above them, for [`Label::tex`](crate::Label::tex).
    pub title: String,
    /// Words behind the title, in a weaker colour.
    pub note: String,
    /// The estimates, from top to bottom.
    pub rows: Vec<IntervalRow>,
}

/// One estimate.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct IntervalRow {
    /// Its name.
    pub label: String,
    /// The estimate and the ends of its interval; none where it could not be made.
    pub estimate: Option<[f64; 3]>,
    /// Whether it is the one that the others are parts of.
    pub strong: bool,
}

// All lengths in points.
const NAMES: f64 = 150.0;
const WIDTH: f64 = 250.0;
const NUMBERS: f64 = 106.0;
const ROW: f64 = 13.0;
const TITLE: f64 = 16.0;
const GAP: f64 = 6.0;
const BELOW: f64 = 36.0;
const TEXT: f64 = 9.0;
const HEAD: f64 = 10.5;
const INDENT: f64 = 10.0;

/// Estimates from `range[0]` to `range[1]` with their intervals as lines, their numbers beside them, and dashed lines at
/// `levels`; `label` stands below the axis.
///
/// # Errors
/// Where there are no groups, a group has no rows, a number is not finite, an interval does not hold its ends in order, or a label
/// cannot be set.
pub fn intervals(
    title: &str,
    groups: &[IntervalGroup],
    range: [f64; 2],
    levels: &[f64],
    label: &str,
) -> Result<Scene, FigureError> {
    check::not_empty(|| title.to_owned(), groups.len(), "group")?;
    check::range(|| format!("the range of `{title}`"), range)?;
    check::finite(|| format!("a level of `{title}`"), levels)?;
    let rows: usize = groups.iter().map(|group| group.rows.len()).sum();
    let height = groups.len() as f64 * (TITLE + GAP) + rows as f64 * ROW;
    let rect = Rect::new(MARGIN + NAMES, MARGIN, WIDTH, height);
    let panel = Panel { rect, x: Scale::linear(range[0], range[1])?, y: Scale::linear(height, 0.0)? };
    let mut scene = Scene::new(rect.right() + NUMBERS + MARGIN, rect.bottom() + BELOW, title);
    for &level in levels {
        let stroke = Stroke { dash: vec![3.0, 2.5], ..Stroke::solid(FAINT, FRAME) };
        scene.push(panel.lines(&[[[level, 0.0], [level, height]]], stroke));
    }
    let mut y = 0.0;
    for group in groups {
        check::not_empty(|| format!("the group `{}`", group.title), group.rows.len(), "row")?;
        y += GAP / 2.0 + TITLE;
        scene.extend(heading(group, rect, rect.y + y - 4.5)?);
        for row in &group.rows {
            y += ROW;
            scene.extend(estimate(row, &panel, y - ROW / 2.0)?);
        }
        y += GAP / 2.0;
    }
    scene.push(panel.frame(Stroke::solid(Rgb::BLACK, FRAME)));
    scene.extend(axis(rect, Side::Bottom, &panel.x, &ticks(&panel.x, 8), Some(label), &axis_style())?.elements);
    Ok(scene)
}

/// The title of a group over the names, and its note over the panel.
fn heading(group: &IntervalGroup, rect: Rect, baseline: f64) -> Result<Vec<Element>, FigureError> {
    let name = Label::tex(&group.title, HEAD)?.shrunk_to(NAMES - 6.0);
    let mut elements = vec![Element::text(name, Point::new(MARGIN, baseline), Align::Start)];
    if !group.note.is_empty() {
        let note = Label::plain(&group.note, Face::Italic, TEXT)?.shrunk_to(NUMBERS - 6.0);
        let note = Element::text(note, Point::new(rect.right() + 6.0, baseline), Align::Start);
        elements.push(colored(note, ACCENT));
    }
    Ok(elements)
}

fn estimate(row: &IntervalRow, panel: &Panel, y: f64) -> Result<Vec<Element>, FigureError> {
    let rect = panel.rect;
    let baseline = rect.y + y + 0.35 * TEXT;
    let name = Label::plain(&row.label, Face::Upright, TEXT)?.shrunk_to(NAMES - INDENT - 6.0);
    let mut elements = vec![Element::text(name, Point::new(MARGIN + INDENT, baseline), Align::Start)];
    let Some([value, low, high]) = row.estimate else {
        let dash = Label::plain("not measured", Face::Italic, TEXT)?;
        let dash = Element::text(dash, Point::new(rect.right() + 6.0, baseline), Align::Start);
        elements.push(colored(dash, FAINT));
        return Ok(elements);
    };
    check::finite(|| format!("the estimate `{}`", row.label), &[value, low, high])?;
    if low > high {
        return Err(FigureError::value(
            format!("the interval of `{}`", row.label),
            format!("{low}..{high}"),
            "the lower end first",
        ));
    }
    let color = if row.strong { Rgb::BLACK } else { INK };
    let end = |x: f64| [[x, y - 2.2], [x, y + 2.2]];
    let lines = [[[low, y], [high, y]], end(low), end(high)];
    elements.push(panel.lines(&lines, Stroke::solid(color, if row.strong { 1.6 } else { 1.1 })));
    let marker = if row.strong { (Marker::Diamond, 5.5) } else { (Marker::Circle, 4.2) };
    elements.push(panel.markers([[value, y]], marker.0, marker.1, Style::filled(color)));
    let [value, low, high] = [value, low, high].map(|x| fixed(x, 2));
    let numbers = Label::tex(&format!("${value}$  $[{low}, {high}]$"), TEXT)?.shrunk_to(NUMBERS - 6.0);
    elements.push(Element::text(numbers, Point::new(rect.right() + 6.0, baseline), Align::Start));
    Ok(elements)
}

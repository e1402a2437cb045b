//! Eigenvalues along a training as lines, with losses and outliers above.

use crate::axes::{Side, axis};
use crate::chart::{self, FAINT, INK, MARGIN, TITLE_ROOM, axis_style, eigenvalue_label, frame, symlog_around};
use crate::check;
use crate::color::Rgb;
use crate::error::FigureError;
use crate::geometry::{Point, Rect};
use crate::label::{Label, significant};
use crate::legend::{Entry, Key, beside};
use crate::marker::Marker;
use crate::panel::Panel;
use crate::scale::{Kind, Scale};
use crate::scene::{Align, Element, Scene, Stroke, Style};
use crate::ticks::{Tick, ticks};

/// One eigenvector's eigenvalue along the way.
#[derive(Debug, Clone, PartialEq)]
pub struct Track {
    /// Pairs of the place along the way and the eigenvalue, ascending by place.
    pub points: Vec<[f64; 2]>,
    /// Whether the vector came in after the first moment.
    pub born: bool,
    /// Whether it belongs to the lowest eigenvalues.
    pub lowest: bool,
}

/// A number along the way, such as the training loss.
#[derive(Debug, Clone, PartialEq)]
pub struct Course {
    /// Its name in the legend, for [`Label::tex`].
    pub name: String,
    /// Pairs of the place along the way and the number.
    pub points: Vec<[f64; 2]>,
}

/// The curvature at which the update rule becomes unstable.
#[derive(Debug, Clone, PartialEq)]
pub struct Threshold {
    /// Its formula, for [`Label::tex`], e.g. `$2/\eta$`.
    pub formula: String,
    /// Pairs of the place along the way and the threshold.
    pub points: Vec<[f64; 2]>,
}

/// A training in numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct SpectraAlong {
    /// Set in italics as it stands.
    pub title: String,
    /// The label of the axis along the way, for [`Label::tex`], e.g. `epoch`.
    pub along: String,
    /// The eigenvalues by eigenvector.
    pub tracks: Vec<Track>,
    /// The threshold of stability.
    pub threshold: Option<Threshold>,
    /// The curvature that the update rule meets where that is not an eigenvalue of the Hessian: Adam's preconditioned sharpness
    /// as a fraction of the threshold, which is then drawn in a panel of its own.
    pub sharpness: Option<Course>,
    /// Losses, all 0 or more.
    pub losses: Vec<Course>,
    /// The number of outliers.
    pub outliers: Vec<[f64; 2]>,
}

// All lengths in points.
const WIDTH: f64 = 420.0;
const LEFT: f64 = 58.0;
const BELOW: f64 = 34.0;
const BETWEEN: f64 = 12.0;
const LOSSES: f64 = 70.0;
const OUTLIERS: f64 = 44.0;
const EIGENVALUES: f64 = 210.0;
const LEGEND: f64 = 9.5;
/// A threshold this many times above all eigenvalues would press them together, and is told in words.
const FAR: f64 = 100.0;
/// Losses below this fraction of the largest are drawn at it.
const LEAST: f64 = 1e-8;

/// Losses, the number of outliers, and each eigenvector's eigenvalue against the way, one below the other.
///
/// A line belongs to one eigenvector, followed from moment to moment; open circles are vectors that came in, lines that end are
/// vectors that left the ones that were looked at. The dashed line is the threshold of stability; one that lies far above all
/// eigenvalues is told in words.
///
/// # Errors
/// Where there are no eigenvalues, a number is not finite, a loss is negative, or a text has a character the fonts lack.
pub fn spectra_along(data: &SpectraAlong) -> Result<Scene, FigureError> {
    checked(data)?;
    let places: Vec<f64> = data.tracks.iter().flat_map(|t| &t.points).map(|p| p[0]).collect();
    let x = chart::around(&places, 0.01)?;
    let style = axis_style();
    let mut top = MARGIN + TITLE_ROOM;
    let mut elements = vec![];
    let mut right = LEFT + WIDTH;
    let mut panels: Vec<Rect> = vec![];
    let mut next = |height: f64| {
        let rect = Rect::new(LEFT, top, WIDTH, height);
        top = rect.bottom() + BETWEEN;
        panels.push(rect);
        rect
    };
    if !data.losses.is_empty() {
        let rect = next(LOSSES);
        let panel = Panel { rect, x, y: loss_scale(&data.losses)? };
        for (i, course) in data.losses.iter().enumerate() {
            let floor = panel.y.low();
            let line: Vec<[f64; 2]> = course.points.iter().map(|&[x, v]| [x, v.max(floor)]).collect();
            elements.push(panel.lines(&[line], Stroke::solid(color(i), 1.3)));
        }
        let entry =
            |(i, c): (usize, &Course)| Entry { key: Key::Line(Stroke::solid(color(i), 1.3)), label: c.name.clone() };
        let entries: Vec<Entry> = data.losses.iter().enumerate().map(entry).collect();
        let (drawn, width) = beside(Rect { x: rect.right() + 4.0, ..rect }, &entries, LEGEND)?;
        right = right.max(rect.right() + 4.0 + width);
        elements.extend(drawn);
        elements.push(frame(&panel));
        elements.extend(axis(rect, Side::Left, &panel.y, &ticks(&panel.y, 3), Some("loss"), &style)?.elements);
    }
    if let Some(course) = &data.sharpness {
        let rect = next(LOSSES);
        let values: Vec<f64> = course.points.iter().map(|p| p[1]).chain([0.0, 1.0]).collect();
        let panel = Panel { rect, x, y: chart::around(&values, 0.08)? };
        elements.push(level(&panel, 1.0));
        elements.push(panel.lines(&[&course.points], Stroke::solid(INK, 1.4)));
        elements.push(frame(&panel));
        let entries = [Entry { key: Key::Line(Stroke::solid(INK, 1.4)), label: course.name.clone() }];
        let (drawn, width) = beside(Rect { x: rect.right() + 4.0, ..rect }, &entries, LEGEND)?;
        right = right.max(rect.right() + 4.0 + width);
        elements.extend(drawn);
        elements.extend(axis(rect, Side::Left, &panel.y, &ticks(&panel.y, 3), Some("sharpness"), &style)?.elements);
    }
    if !data.outliers.is_empty() {
        let rect = next(OUTLIERS);
        let most = chart::ends(data.outliers.iter().map(|p| &p[1]))[1].max(1.0);
        let panel = Panel { rect, x, y: Scale::linear(-0.15 * most, 1.15 * most)? };
        elements.push(panel.lines(&[steps(&data.outliers)], Stroke::solid(chart::ACCENT, 1.3)));
        elements.push(frame(&panel));
        let marks = whole(most);
        elements.extend(axis(rect, Side::Left, &panel.y, &marks, Some("outliers"), &style)?.elements);
    }
    let rect = next(EIGENVALUES);
    let (drawn, width) = eigenvalues(data, x, rect)?;
    elements.extend(drawn);
    right = right.max(width);
    elements.extend(axis(rect, Side::Bottom, &x, &ticks(&x, 8), Some(&data.along), &style)?.elements);
    let first = panels.first().copied().unwrap_or(rect);
    elements.push(chart::name(&data.title, first, WIDTH)?);
    let mut scene = Scene::new(right + 2.0 * MARGIN, rect.bottom() + BELOW + MARGIN / 2.0, &*data.title);
    scene.extend(elements);
    Ok(scene)
}

/// The panel of the eigenvalues, and how far to the right it reaches.
fn eigenvalues(data: &SpectraAlong, x: Scale, rect: Rect) -> Result<(Vec<Element>, f64), FigureError> {
    let values: Vec<f64> = data.tracks.iter().flat_map(|t| &t.points).map(|p| p[1]).collect();
    let largest = values.iter().fold(0.0f64, |most, v| most.max(v.abs()));
    let threshold = data.threshold.as_ref();
    let near = threshold.filter(|t| t.points.iter().any(|p| p[1] <= FAR * largest));
    let mut y = symlog_around(&values)?;
    if let (Some(threshold), Kind::Symlog { threshold: linear }) = (near, y.kind()) {
        let highest = threshold.points.iter().map(|p| p[1]).filter(|&v| v <= FAR * largest).fold(0.0, f64::max);
        y = Scale::symlog(y.low(), y.high().max(1.8 * highest), linear)?;
    }
    let panel = Panel { rect, x, y };
    let mut elements = vec![level_in(&panel, 0.0, Stroke::solid(FAINT, 0.5))];
    let mut entries = vec![];
    if let Some(threshold) = near {
        let stroke = Stroke { dash: vec![4.0, 2.5], ..Stroke::solid(Rgb::BLACK, 1.0) };
        elements.push(panel.lines(&[steps(&threshold.points)], stroke.clone()));
        entries.push(Entry { key: Key::Line(stroke), label: threshold.formula.clone() });
    }
    for (track, color) in data.tracks.iter().zip(colors(&data.tracks)) {
        let width = if track.lowest { 0.8 } else { 1.4 };
        elements.push(panel.lines(&[&track.points], Stroke::solid(color, width)));
        if let (true, Some(&first)) = (track.born, track.points.first()) {
            let open =
                Style { fill: Some(crate::scene::Fill::solid(Rgb::WHITE)), stroke: Some(Stroke::solid(color, 0.9)) };
            elements.push(panel.markers([first], Marker::Circle, 3.4, open));
        }
        // A vector that was there at one moment only has no line.
        if let [alone] = track.points[..] {
            elements.push(panel.markers([alone], Marker::Circle, 1.8, Style::filled(color)));
        }
    }
    elements.push(frame(&panel));
    let open = Style { fill: Some(crate::scene::Fill::solid(Rgb::WHITE)), stroke: Some(Stroke::solid(INK, 0.9)) };
    entries.push(Entry { key: Key::Line(Stroke::solid(color(0), 1.4)), label: "an eigenvector's".to_owned() });
    if data.tracks.iter().any(|track| track.lowest) {
        entries.push(Entry { key: Key::Line(Stroke::solid(INK, 0.8)), label: "of the lowest".to_owned() });
    }
    if data.tracks.iter().any(|track| track.born) {
        entries.push(Entry { key: Key::Marker(Marker::Circle, 3.4, open), label: "came in".to_owned() });
    }
    let (drawn, mut width) = beside(Rect { x: rect.right() + 4.0, ..rect }, &entries, LEGEND)?;
    elements.extend(drawn);
    if let (Some(threshold), None) = (threshold, near) {
        let least = chart::ends(threshold.points.iter().map(|p| &p[1]))[0];
        let lines = [threshold.formula.clone(), format!("$= {}$,", significant(least, 3)), "far above".to_owned()];
        for (i, line) in lines.iter().enumerate() {
            let label = Label::tex(line, LEGEND)?;
            width = width.max(8.0 + label.width());
            let at = Point::new(rect.right() + 8.0, rect.y + 12.0 + 12.0 * i as f64);
            elements.push(Element::text(label, at, Align::Start));
        }
    }
    let style = axis_style();
    let label = eigenvalue_label(&panel.y);
    elements.extend(axis(rect, Side::Left, &panel.y, &ticks(&panel.y, 8), Some(&label), &style)?.elements);
    Ok((elements, rect.right() + 4.0 + width))
}

/// A dashed line across the panel.
fn level(panel: &Panel, at: f64) -> Element {
    level_in(panel, at, Stroke { dash: vec![4.0, 2.5], ..Stroke::solid(Rgb::BLACK, 1.0) })
}

fn level_in(panel: &Panel, at: f64, stroke: Stroke) -> Element {
    panel.lines(&[[[panel.x.low(), at], [panel.x.high(), at]]], stroke)
}

/// The colours of lines. Yellow is too light for a thin one.
const LINES: [usize; 10] = [0, 1, 2, 3, 4, 5, 6, 8, 9, 10];

/// The colour of the i-th line; after ten they begin anew.
fn color(i: usize) -> Rgb {
    Rgb::for_class(LINES[i % LINES.len()]).unwrap_or(INK)
}

/// The colours of the tracks: two that stand side by side at any place differ, as long as there are colours enough.
fn colors(tracks: &[Track]) -> Vec<Rgb> {
    let ends = |track: &Track| track.points.first().zip(track.points.last()).map(|(first, last)| [first[0], last[0]]);
    let mut chosen: Vec<usize> = vec![];
    for (i, track) in tracks.iter().enumerate() {
        let meets = |other: &Track| match (ends(track), ends(other)) {
            (Some([from, to]), Some([start, end])) => from <= end && start <= to,
            _ => false,
        };
        let taken: Vec<usize> = tracks.iter().zip(&chosen).filter(|(other, _)| meets(other)).map(|(_, &c)| c).collect();
        let free = (0..LINES.len()).map(|k| (i + k) % LINES.len()).find(|c| !taken.contains(c));
        chosen.push(free.unwrap_or(i % LINES.len()));
    }
    chosen.into_iter().map(color).collect()
}

/// A line that stays where it is until the next point.
fn steps(points: &[[f64; 2]]) -> Vec<[f64; 2]> {
    let corners = points.windows(2).flat_map(|pair| [pair[0], [pair[1][0], pair[0][1]]]);
    corners.chain(points.last().copied()).collect()
}

/// Marks at whole numbers from 0 on, up to four of them.
fn whole(most: f64) -> Vec<Tick> {
    let step = (most / 3.0).ceil().max(1.0);
    let mark = |i: usize| i as f64 * step;
    (0..=4).map(mark).filter(|&v| v <= most).map(|value| Tick { value, label: format!("${value}$") }).collect()
}

/// A logarithmic scale around the losses; a linear one where they are all zero.
fn loss_scale(losses: &[Course]) -> Result<Scale, FigureError> {
    let all: Vec<f64> = losses.iter().flat_map(|c| &c.points).map(|p| p[1]).collect();
    let high = chart::ends(&all)[1];
    if high < 1e-300 {
        return chart::around(&all, 0.1);
    }
    let low = all.iter().copied().filter(|&v| v >= LEAST * high).fold(high, f64::min);
    Scale::log(0.7 * low, 1.4 * high)
}

fn checked(data: &SpectraAlong) -> Result<(), FigureError> {
    let n = data.tracks.iter().map(|t| t.points.len()).sum();
    check::not_empty(|| "the eigenvalues along the way".to_owned(), n, "eigenvalue")?;
    let finite = |what: &str, points: &[[f64; 2]]| check::finite(|| what.to_owned(), points.iter().flatten());
    for track in &data.tracks {
        finite("an eigenvalue along the way", &track.points)?;
    }
    for course in data.losses.iter().chain(&data.sharpness) {
        finite("a number along the way", &course.points)?;
    }
    if let Some(loss) = data.losses.iter().flat_map(|c| &c.points).find(|p| p[1] < 0.0) {
        return Err(FigureError::value("a loss along the way", loss[1], "0 or more"));
    }
    if let Some(threshold) = &data.threshold {
        finite("the threshold of stability", &threshold.points)?;
    }
    finite("the number of outliers along the way", &data.outliers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_stand_side_by_side_have_different_colours() {
        // One line that stays, and short ones that come and go beside it.
        let track = |from: usize, to: usize| {
            let points = (from..=to).map(|x| [x as f64, 1.0]).collect();
            Track { points, born: from > 0, lowest: false }
        };
        let stays = [track(0, 40), track(0, 40)];
        let tracks: Vec<Track> = stays.into_iter().chain((1..40).map(|at| track(at, at + 1))).collect();
        let found = colors(&tracks);
        for (i, a) in tracks.iter().enumerate() {
            for (j, b) in tracks.iter().enumerate().skip(i + 1) {
                let meet = a.points.iter().any(|p| b.points.contains(p));
                assert!(!meet || found[i] != found[j], "{i} and {j}: {:?}", found[i]);
            }
        }
        // More lines than colours have some of each.
        let many = colors(&vec![track(0, 1); 25]);
        assert_eq!(many, (0..25).map(color).collect::<Vec<_>>());
    }
}

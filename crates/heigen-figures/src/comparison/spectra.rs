//! Spectra of several networks in one picture.

use super::{LEGEND_SIZE, MOST, color, entry, stroke};
use crate::axes::{Side, axis};
use crate::chart::{self, FAINT, MARGIN, TITLE_ROOM, axis_style, eigenvalue_label, frame, symlog_around};
use crate::check;
use crate::error::FigureError;
use crate::geometry::{Path, Rect};
use crate::legend::{Entry, beside};
use crate::marker::Marker;
use crate::panel::Panel;
use crate::scale::Scale;
use crate::scene::{Element, Scene, Stroke, Style};
use crate::ticks::ticks;

/// The eigenvalues of one network.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedSpectrum {
    /// Its name in the legend, set as it stands.
    pub name: String,
    /// Its eigenvalues in any order: all, or the largest ones.
    pub eigenvalues: Vec<f64>,
    /// Where only the largest are known, the number of all; the legend says so.
    pub largest_of: Option<usize>,
}

// All lengths in points.
const WIDTH: f64 = 250.0;
const HEIGHT: f64 = 190.0;
const LEFT: f64 = 56.0;
const BETWEEN: f64 = 58.0;
const HISTOGRAM: f64 = 190.0;
const BELOW: f64 = 34.0;
/// Up to this index, eigenvalues have markers.
const MARKED: usize = 20;
const BINS: usize = 60;

/// Several spectra in one picture: at the left every eigenvalue by its place from the largest down, on a logarithmic axis
/// of places and a symmetric logarithmic axis of eigenvalues; at the right how many of each network's eigenvalues lie in
/// each of 60 bins of that axis. A legend names the networks, by line, colour and marker. Spectra of which only the largest
/// eigenvalues are known end where these end, and the legend says how many of how many they are.
///
/// # Errors
/// Where there are no spectra or more than 12, one has no eigenvalues or one that is not finite, or a name has a character
/// the fonts lack.
pub fn spectra(title: &str, all: &[NamedSpectrum]) -> Result<Scene, FigureError> {
    checked(all)?;
    let left = Rect::new(LEFT, MARGIN + TITLE_ROOM, WIDTH, HEIGHT);
    let right = Rect { x: left.right() + BETWEEN, width: HISTOGRAM, ..left };
    let every: Vec<f64> = all.iter().flat_map(|s| s.eigenvalues.iter().copied()).collect();
    let values = symlog_around(&every)?;
    let longest = all.iter().map(|s| s.eigenvalues.len()).max().unwrap_or(1) as f64;
    let places = Scale::log(0.85, 1.2 * longest.max(2.0))?;
    let style = axis_style();
    let mut elements = by_place(all, &Panel { rect: left, x: places, y: values });
    elements.push(chart::name(title, left, WIDTH)?);
    elements.extend(axis(left, Side::Bottom, &places, &ticks(&places, 5), Some("$i$"), &style)?.elements);
    let label = eigenvalue_label(&values);
    elements.extend(axis(left, Side::Left, &values, &ticks(&values, 6), Some(&label), &style)?.elements);

    let counts: Vec<Vec<usize>> = all.iter().map(|s| histogram(&s.eigenvalues, &values)).collect();
    let most = counts.iter().flatten().copied().max().unwrap_or(1) as f64;
    let numbers = Scale::log(0.7, 1.6 * most.max(2.0))?;
    let panel = Panel { rect: right, x: values, y: numbers };
    for (i, counts) in counts.iter().enumerate() {
        elements.push(steps(counts, &panel, &stroke(i, 1.3)));
    }
    elements.push(frame(&panel));
    elements.push(chart::title("eigenvalues per bin", right, right.width)?);
    elements.extend(axis(right, Side::Bottom, &values, &ticks(&values, 5), Some(&label), &style)?.elements);
    elements.extend(axis(right, Side::Left, &numbers, &ticks(&numbers, 4), Some("number"), &style)?.elements);

    let entries: Vec<Entry> = all.iter().enumerate().map(|(i, s)| named(i, s)).collect::<Result<_, _>>()?;
    let (drawn, width) = beside(Rect { x: right.right() + 4.0, ..right }, &entries, LEGEND_SIZE)?;
    elements.extend(drawn);
    let mut scene = Scene::new(right.right() + 4.0 + width + MARGIN, left.bottom() + BELOW + MARGIN / 2.0, title);
    scene.extend(elements);
    Ok(scene)
}

fn checked(all: &[NamedSpectrum]) -> Result<(), FigureError> {
    check::not_empty(|| "the spectra".to_owned(), all.len(), "spectrum")?;
    if all.len() > MOST {
        return Err(FigureError::value("the number of spectra in one picture", all.len(), "at most 12"));
    }
    for s in all {
        check::not_empty(|| format!("the spectrum of `{}`", s.name), s.eigenvalues.len(), "eigenvalue")?;
        check::finite(|| format!("an eigenvalue of `{}`", s.name), &s.eigenvalues)?;
    }
    Ok(())
}

/// The entry of a spectrum in the legend, which says if the spectrum is not whole.
fn named(i: usize, spectrum: &NamedSpectrum) -> Result<Entry, FigureError> {
    let mut entry = entry(i, &spectrum.name)?;
    if let Some(all) = spectrum.largest_of {
        entry.label = format!("{} (largest {} of {all})", entry.label, spectrum.eigenvalues.len());
    }
    Ok(entry)
}

/// A line for each spectrum, with markers at the largest eigenvalues.
fn by_place(all: &[NamedSpectrum], panel: &Panel) -> Vec<Element> {
    let zero = panel.lines(&[[[panel.x.low(), 0.0], [panel.x.high(), 0.0]]], Stroke::solid(FAINT, 0.5));
    let mut elements = vec![zero];
    for (i, spectrum) in all.iter().enumerate() {
        let mut descending = spectrum.eigenvalues.clone();
        descending.sort_by(|a, b| b.total_cmp(a));
        let points: Vec<[f64; 2]> = descending.iter().enumerate().map(|(k, &v)| [(k + 1) as f64, v]).collect();
        elements.push(panel.lines(&[seen(&points, panel)], stroke(i, 1.3).rounded()));
        let marker = Marker::for_class(i).unwrap_or(Marker::Circle);
        let marked = points.iter().take(MARKED).copied();
        elements.push(panel.markers(marked, marker, 3.4, Style::filled(color(i))));
    }
    elements.push(frame(panel));
    elements
}

/// Of points that would stand closer than half a point along the axis, the first and the last.
fn seen(points: &[[f64; 2]], panel: &Panel) -> Vec<[f64; 2]> {
    let mut kept: Vec<[f64; 2]> = Vec::new();
    for (i, &point) in points.iter().enumerate() {
        let far = kept.last().is_none_or(|&last| panel.place(point).x - panel.place(last).x >= 0.5);
        if far || i + 1 == points.len() {
            kept.push(point);
        }
    }
    kept
}

/// The number of values in each of equal bins of the scale.
fn histogram(values: &[f64], scale: &Scale) -> Vec<usize> {
    let mut counts = vec![0; BINS];
    for &value in values {
        let bin = (scale.fraction(value) * BINS as f64) as usize;
        counts[bin.min(BINS - 1)] += 1;
    }
    counts
}

/// The outline of a histogram; empty bins stand on the lower side.
fn steps(counts: &[usize], panel: &Panel, stroke: &Stroke) -> Element {
    let rect = panel.rect;
    let mut path = Vec::new();
    for (i, &count) in counts.iter().enumerate() {
        let height = if count == 0 { rect.bottom() } else { panel.place([panel.x.low(), count as f64]).y };
        let x = |i: usize| rect.x + rect.width * i as f64 / counts.len() as f64;
        path.extend([crate::Point::new(x(i), height), crate::Point::new(x(i + 1), height)]);
    }
    panel.clipped(vec![Element::shape(Path::polyline(&path), Style::stroked(stroke.clone()))])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_eigenvalue_is_in_a_bin() -> Result<(), FigureError> {
        let values = [-1e-3, 0.0, 0.0, 1e-9, 2.0, 2.0];
        let counts = histogram(&values, &symlog_around(&values)?);
        assert_eq!(counts.iter().sum::<usize>(), values.len());
        assert_eq!(counts.iter().copied().max(), Some(3));
        Ok(())
    }
}

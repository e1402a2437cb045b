//! How often numbers fall where.

use crate::axes::{Side, axis};
use crate::chart::{self, ACCENT, INK, MARGIN, TITLE_ROOM, axis_style, ends, frame, verticals};
use crate::check;
use crate::color::Rgb;
use crate::error::FigureError;
use crate::geometry::{Path, Rect};
use crate::legend::{Entry, Key, beside};
use crate::panel::Panel;
use crate::scale::Scale;
use crate::scene::{Element, Fill, Scene, Stroke, Style};
use crate::ticks::ticks;

/// Numbers, and places that they are compared with.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Histogram {
    /// The title, for [`Label::tex`](crate::Label::tex).
    pub title: String,
    /// The name of the numbers, for [`Label::tex`](crate::Label::tex).
    pub axis: String,
    /// The numbers.
    pub values: Vec<f64>,
    /// The number of bins; `None` for about the root of the number of values.
    pub bins: Option<usize>,
    /// Upright lines, each with its name for [`Label::tex`](crate::Label::tex).
    pub levels: Vec<(String, f64)>,
}

// All lengths in points.
const WIDTH: f64 = 270.0;
const HEIGHT: f64 = 165.0;
const LEFT: f64 = 46.0;
const BELOW: f64 = 38.0;
const LEGEND: f64 = 9.5;
/// The most bins, and the fewest where nobody asks for a number.
const MOST: usize = 1_000;
const FEWEST: usize = 5;

/// A histogram with named places.
///
/// # Errors
/// Where there are no values, one is not finite, there are more than 1,000 bins, or a label cannot be set.
pub fn histogram(data: &Histogram) -> Result<Scene, FigureError> {
    let Histogram { title, axis: name, values, bins, levels } = data;
    check::not_empty(|| title.clone(), values.len(), "number")?;
    check::finite(|| format!("a number of `{title}`"), values)?;
    check::finite(|| format!("a level of `{title}`"), levels.iter().map(|(_, x)| x))?;
    let count = bins.unwrap_or_else(|| ((values.len() as f64).sqrt().ceil() as usize).clamp(FEWEST, 60));
    if count == 0 || count > MOST {
        return Err(FigureError::value(format!("the bins of `{title}`"), count, format!("1 to {MOST}")));
    }
    let (low, width, heights) = counted(values, count);
    let high = low + width * count as f64;
    let all = [low, high];
    let x = chart::around(all.iter().chain(levels.iter().map(|(_, x)| x)), 0.04)?;
    let most = heights.iter().copied().max().unwrap_or(1) as f64;
    let y = Scale::linear(0.0, 1.1 * most)?;
    let rect = Rect::new(LEFT, MARGIN + TITLE_ROOM, WIDTH, HEIGHT);
    let panel = Panel { rect, x, y };
    let bar = |(i, &n): (usize, &usize)| {
        let (a, b) =
            (panel.place([low + width * i as f64, n as f64]), panel.place([low + width * (i + 1) as f64, 0.0]));
        Path::rect(Rect::new(a.x, a.y, b.x - a.x, b.y - a.y))
    };
    let bars = heights.iter().enumerate().filter(|(_, n)| **n > 0).map(bar).collect();
    let ground = Style { fill: Some(Fill { color: INK, opacity: 0.45 }), stroke: Some(Stroke::solid(INK, 0.6)) };
    let mut elements = vec![panel.clipped(vec![Element::Shapes { paths: bars, style: ground.clone() }])];
    let mut entries = vec![Entry { key: Key::Area(ground), label: format!("{} of them", values.len()) }];
    for (i, (name, at)) in levels.iter().enumerate() {
        let dash = if i.is_multiple_of(2) { vec![4.0, 2.5] } else { vec![] };
        let stroke = Stroke { dash, ..Stroke::solid(if i.is_multiple_of(2) { Rgb::BLACK } else { ACCENT }, 1.3) };
        elements.push(verticals(&panel, &[*at], stroke.clone()));
        entries.push(Entry { key: Key::Line(stroke), label: name.clone() });
    }
    elements.push(frame(&panel));
    elements.push(chart::title(title, rect, WIDTH)?);
    let style = axis_style();
    // Numbers of whole things have whole marks.
    let whole = ticks(&y, 4).into_iter().filter(|tick| tick.value.fract() == 0.0).collect::<Vec<_>>();
    elements.extend(axis(rect, Side::Bottom, &x, &ticks(&x, 5), Some(name), &style)?.elements);
    elements.extend(axis(rect, Side::Left, &y, &whole, Some("how many"), &style)?.elements);
    let (legend, legend_width) = beside(Rect { x: rect.right() + 2.0, ..rect }, &entries, LEGEND)?;
    elements.extend(legend);
    let mut scene =
        Scene::new(rect.right() + 2.0 + legend_width + MARGIN, rect.bottom() + BELOW + MARGIN / 2.0, title.clone());
    scene.extend(elements);
    Ok(scene)
}

/// The lower end, the width of a bin, and the number of values in each of `count` bins; equal values stand in the middle of one.
fn counted(values: &[f64], count: usize) -> (f64, f64, Vec<usize>) {
    let [low, high] = ends(values);
    let width = if high > low { (high - low) / count as f64 } else { 0.1 * low.abs().max(1e-3) / count as f64 };
    let low = if high > low { low } else { low - width * count as f64 / 2.0 };
    let mut heights = vec![0; count];
    for &value in values {
        heights[(((value - low) / width) as usize).min(count - 1)] += 1;
    }
    (low, width, heights)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_counted_once() {
        let values: Vec<f64> = (0..=100).map(f64::from).collect();
        let (low, width, heights) = counted(&values, 4);
        assert_eq!((low, width, heights), (0.0, 25.0, vec![25, 25, 25, 26]));
        let (low, width, heights) = counted(&[2.0; 7], 5);
        assert!(low < 2.0 && low + 5.0 * width > 2.0 && heights.iter().sum::<usize>() == 7);
        assert_eq!(counted(&[0.0], 5).2.iter().sum::<usize>(), 1);
    }
}

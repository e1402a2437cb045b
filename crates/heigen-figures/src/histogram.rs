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
use crate::ticks::{Tick, ticks};

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
    let whole = |Tick { value, .. }| (f64::fract(value) == 0.0).then(|| Tick { value, label: format!("${value}$") });
    let whole: Vec<Tick> = ticks(&y, 4).into_iter().filter_map(whole).collect();
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
    use crate::geometry::{Point, Segment};

    #[test]
    fn every_number_is_counted_once() {
        let values: Vec<f64> = (0..=100).map(f64::from).collect();
        let (low, width, heights) = counted(&values, 4);
        assert_eq!((low, width, heights), (0.0, 25.0, vec![25, 25, 25, 26]));
        let (low, width, heights) = counted(&[2.0; 7], 5);
        assert!(low < 2.0 && low + 5.0 * width > 2.0 && heights.iter().sum::<usize>() == 7);
        assert_eq!(counted(&[0.0], 5).2.iter().sum::<usize>(), 1);
    }

    /// The boxes of the shapes in the first clip of a scene, each as x, y, width and height.
    fn bars(scene: &Scene) -> Vec<Rect> {
        let shapes = |element: &Element| match element {
            Element::Clip { elements, .. } => elements.iter().find_map(|inside| match inside {
                Element::Shapes { paths, .. } => Some(paths.clone()),
                _ => None,
            }),
            _ => None,
        };
        let corner = |segment: &Segment| match segment {
            Segment::Move(p) | Segment::Line(p) => Some(*p),
            _ => None,
        };
        let rect = |path: &Path| {
            let corners: Vec<Point> = path.segments.iter().filter_map(corner).collect();
            let of = |f: fn(&Point) -> f64| {
                corners.iter().map(f).fold([f64::MAX, f64::MIN], |[l, h], x| [l.min(x), h.max(x)])
            };
            let ([left, right], [top, bottom]) = (of(|p| p.x), of(|p| p.y));
            Rect::new(left, top, right - left, bottom - top)
        };
        scene.elements.iter().find_map(shapes).unwrap().iter().map(rect).collect()
    }

    #[test]
    fn bars_stand_over_the_numbers_that_they_count_and_are_as_high_as_there_are_many() {
        // 1, 3, none and 2 of ten numbers in bins of the width 2.5; numbers on a border belong to the bin above.
        let values = vec![0.0, 2.5, 3.0, 4.9, 7.5, 10.0];
        let levels = vec![("the middle".to_owned(), 5.0)];
        let data = Histogram { title: "t".to_owned(), values, bins: Some(4), levels, ..Histogram::default() };
        let scene = histogram(&data).unwrap();
        let bars = bars(&scene);
        assert_eq!(bars.len(), 3, "an empty bin has no bar");
        let unit = bars[0].height;
        for (bar, (from, high)) in bars.iter().zip([(0.0, 1.0), (2.5, 3.0), (7.5, 2.0)]) {
            assert!((bar.height - high * unit).abs() < 1e-9, "{bar:?}");
            assert!((bar.width - bars[0].width).abs() < 1e-9, "{bar:?}");
            assert!((bar.x - bars[0].x - from / 2.5 * bars[0].width).abs() < 1e-9, "{bar:?}");
            // They stand on the axis, which is the lower side of the panel.
            assert!((bar.bottom() - (MARGIN + TITLE_ROOM + HEIGHT)).abs() < 1e-9, "{bar:?}");
        }
        // The highest one leaves a tenth of its height free.
        assert!((1.1 * 3.0 * unit - HEIGHT).abs() < 1e-9);
    }

    #[test]
    fn few_numbers_are_counted_in_whole_numbers() {
        let scene = histogram(&Histogram { values: vec![0.0, 5.0], bins: Some(2), ..Histogram::default() }).unwrap();
        let texts = scene.elements.iter().filter_map(|element| match element {
            Element::Text { label, origin, .. } if origin.y > MARGIN + TITLE_ROOM && origin.x < LEFT => {
                Some(label.text())
            }
            _ => None,
        });
        let counts: Vec<String> = texts.filter(|text| text.starts_with(|c: char| c.is_ascii_digit())).collect();
        assert_eq!(counts, ["0", "1"]);
    }
}

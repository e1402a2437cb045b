//! Sizes, titles and ranges that all charts share.

use crate::axes::AxisStyle;
use crate::color::Rgb;
use crate::error::FigureError;
use crate::fonts::Face;
use crate::geometry::{Path, Point, Rect};
use crate::label::{Label, elided, power_of_ten};
use crate::panel::Panel;
use crate::scale::{Kind, Scale};
use crate::scene::{Align, Element, Stroke, Style};
use crate::ticks::Tick;

// All lengths in points.
pub(crate) const FRAME: f64 = 0.8;
pub(crate) const MARGIN: f64 = 6.0;
pub(crate) const TITLE_SIZE: f64 = 12.0;
const SMALLEST_TITLE: f64 = 8.0;
/// From the frame up to a title's baseline.
pub(crate) const TITLE_RAISE: f64 = 5.5;
/// Room above a panel for its title.
pub(crate) const TITLE_ROOM: f64 = 18.0;
pub(crate) const ACCENT: Rgb = Rgb(213, 94, 0);
pub(crate) const INK: Rgb = Rgb(84, 86, 160);
pub(crate) const FAINT: Rgb = Rgb(150, 150, 150);

pub(crate) fn axis_style() -> AxisStyle {
    AxisStyle { number_size: 9.0, label_size: 11.0, line: FRAME, gap: 2.0, ..AxisStyle::default() }
}

/// A border of a panel.
pub(crate) fn frame(panel: &Panel) -> Element {
    panel.frame(Stroke::solid(Rgb::BLACK, FRAME))
}

/// A title in the small TeX above `rect`, made smaller where it is wider than `room`.
pub(crate) fn title(text: &str, rect: Rect, room: f64) -> Result<Element, FigureError> {
    let label = Label::tex(text, TITLE_SIZE)?.shrunk_to(room);
    Ok(Element::text(label, Point::new(rect.center().x, rect.y - TITLE_RAISE), Align::Middle))
}

/// A name as it stands, in italics, above `rect`: made smaller where it is wider than `room`, then cut in its middle.
pub(crate) fn name(text: &str, rect: Rect, room: f64) -> Result<Element, FigureError> {
    let label = elided(text, Face::Italic, TITLE_SIZE, SMALLEST_TITLE, room)?;
    Ok(Element::text(label, Point::new(rect.center().x, rect.y - TITLE_RAISE), Align::Middle))
}

/// The label in another colour.
pub(crate) fn colored(element: Element, color: Rgb) -> Element {
    match element {
        Element::Text { label, origin, upwards, .. } => Element::Text { label, origin, upwards, color },
        other => other,
    }
}

/// The smallest and the largest of the numbers; 0 and 0 without any.
pub(crate) fn ends<'a>(values: impl IntoIterator<Item = &'a f64>) -> [f64; 2] {
    let fold = |ends: Option<[f64; 2]>, &v: &f64| ends.map_or(Some([v, v]), |[l, h]| Some([l.min(v), h.max(v)]));
    values.into_iter().fold(None, fold).unwrap_or([0.0; 2])
}

/// A linear scale that holds the numbers, with `pad` times their range at both ends; equal numbers stand in the middle.
pub(crate) fn around<'a>(values: impl IntoIterator<Item = &'a f64>, pad: f64) -> Result<Scale, FigureError> {
    let [low, high] = ends(values);
    let room = if high > low { pad * (high - low) } else { 0.5 * low.abs().max(1.0) };
    Scale::linear(low - room, high + room)
}

/// A symmetric logarithmic scale for eigenvalues: four decades below the largest magnitude, the rest around zero linear.
pub(crate) fn symlog_around(values: &[f64]) -> Result<Scale, FigureError> {
    let [low, high] = ends(values);
    let largest = low.abs().max(high.abs());
    // Zeros only, or numbers so small that nothing is left below them.
    if largest < 1e-300 {
        return around(values, 0.1);
    }
    let threshold = 10f64.powi(largest.log10().floor() as i32 - 3);
    let outwards = |end: f64| 1.8 * end + 0.25 * threshold * end.signum();
    let low = if low < 0.0 { outwards(low).min(-0.25 * threshold) } else { -0.25 * threshold };
    let high = if high > 0.0 { outwards(high) } else { 0.25 * threshold };
    Scale::symlog(low, high, threshold)
}

/// The label of an axis of eigenvalues: which part of it is linear, where it is symmetric logarithmic.
pub(crate) fn eigenvalue_label(scale: &Scale) -> String {
    match scale.kind() {
        Kind::Symlog { threshold } => {
            let power = power_of_ten(threshold.log10().round() as i32, false);
            format!(r"$\lambda_i$ (symlog, linear to $\pm {power}$)")
        }
        Kind::Linear | Kind::Log => r"$\lambda_i$".to_owned(),
    }
}

/// Upright lines through the whole panel at the given values.
pub(crate) fn verticals(panel: &Panel, at: &[f64], stroke: Stroke) -> Element {
    let ends = |&x: &f64| {
        let x = panel.place([x, panel.y.low()]).x;
        Path::polyline(&[Point::new(x, panel.rect.y), Point::new(x, panel.rect.bottom())])
    };
    let inside = |x: &&f64| (0.0..=1.0).contains(&panel.x.fraction(**x));
    Element::Shapes { paths: at.iter().filter(inside).map(ends).collect(), style: Style::stroked(stroke) }
}

/// Marks for what is counted from 1 to `n`: 1, and about eight multiples of a round step.
pub(crate) fn indices(n: usize) -> Vec<Tick> {
    const MOST: usize = 8;
    let round = (0..).map_while(|e| 10usize.checked_pow(e)).flat_map(|p| [1, 2, 5].map(|m| p.saturating_mul(m)));
    let step = round.into_iter().find(|s| n / s <= MOST).unwrap_or(n.max(1));
    let mark = |i: usize| Tick { value: i as f64, label: format!("${i}$") };
    std::iter::once(1).chain((step..=n).step_by(step).filter(|&i| i > 1)).map(mark).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_start_at_1_and_are_whole() {
        for (n, marks) in [(1, "1"), (3, "1 2 3"), (24, "1 5 10 15 20"), (323, "1 50 100 150 200 250 300")] {
            let values: Vec<String> = indices(n).iter().map(|t| t.value.to_string()).collect();
            assert_eq!(values.join(" "), marks);
        }
        assert!(indices(usize::MAX).len() <= 9);
    }

    #[test]
    fn scales_hold_what_they_are_made_for() -> Result<(), FigureError> {
        for values in [vec![0.0; 3], vec![-1.0, 1e-9, 12.0], vec![-3.0, -2.0], vec![1e-320], vec![5.0, 7.0], vec![]] {
            for scale in [around(&values, 0.05)?, symlog_around(&values)?] {
                assert!(values.iter().all(|&v| (0.0..=1.0).contains(&scale.fraction(v))), "{values:?} {scale:?}");
            }
        }
        Ok(())
    }
}

//! The eigenvalue density of a Hessian, as a histogram with a logarithmic axis.

use super::{AsideRoom, FRAME};
use crate::axes::{AxisStyle, Side, axis};
use crate::chart::{ACCENT, INK, colored};
use crate::check;
use crate::color::Rgb;
use crate::error::FigureError;
use crate::geometry::{Path, Point, Rect};
use crate::label::Label;
use crate::legend::{Entry, Key};
use crate::marker::Marker;
use crate::panel::Panel;
use crate::scale::Scale;
use crate::scene::{Align, Element, Stroke, Style};
use crate::ticks::ticks;

/// A spectrum.
#[derive(Debug, Clone, PartialEq)]
pub struct Density {
    /// All P eigenvalues, zeros included, in any order.
    pub eigenvalues: Vec<f64>,
    /// How many of the largest stand apart.
    pub outliers: usize,
}

/// Number of bins of the histogram, as in the paper's Figures 3 and 6.
const BINS: usize = 200;
/// Width of the thinnest bar that is seen, in points.
const THIN: f64 = 0.9;

impl Density {
    pub(crate) const ROOM: AsideRoom = AsideRoom { title: "eigenvalue density", panels: 1.3, left: 40.0, below: 32.0 };

    /// The key of the outliers' triangles.
    pub(crate) fn key(&self) -> Option<Entry> {
        let key = Key::Marker(Marker::TriangleDown, 5.0, Style::filled(ACCENT));
        (self.outliers > 0).then(|| Entry { key, label: "outliers".to_owned() })
    }

    /// Fraction of the eigenvalues in each of 200 equal bins from the smallest to the largest (`numpy.histogram`), and
    /// the ends.
    fn histogram(&self) -> ([f64; 2], Vec<f64>) {
        let fold = |f: fn(f64, f64) -> f64, start| self.eigenvalues.iter().copied().fold(start, f);
        let (mut low, mut high) = (fold(f64::min, f64::INFINITY), fold(f64::max, f64::NEG_INFINITY));
        if low == high {
            (low, high) = (low - 0.5, high + 0.5);
        }
        let mut bins = vec![0.0; BINS];
        for &value in &self.eigenvalues {
            let bin = (BINS as f64 * (value - low) / (high - low)) as usize;
            bins[bin.min(BINS - 1)] += 1.0 / self.eigenvalues.len() as f64;
        }
        ([low, high], bins)
    }

    /// The histogram in `rect`, with axes, and a triangle above each of the outliers.
    pub(crate) fn panel(&self, rect: Rect) -> Result<Vec<Element>, FigureError> {
        let ([low, high], bins) = self.histogram();
        let floor = 0.5 / self.eigenvalues.len() as f64;
        let pad = 0.04 * (high - low);
        let panel = Panel { rect, x: Scale::linear(low - pad, high + pad)?, y: Scale::log(floor, 3.0)? };
        let bin = |value: f64| low + (high - low) * value / BINS as f64;
        let bars = bins.iter().enumerate().filter(|(_, p)| **p > 0.0).map(|(i, &p)| {
            let (a, b) = (panel.place([bin(i as f64), p]), panel.place([bin(i as f64 + 1.0), floor]));
            let width = (b.x - a.x).max(THIN);
            Path::rect(Rect::new(f64::midpoint(a.x, b.x) - width / 2.0, a.y, width, b.y - a.y))
        });
        let mut one = Path::default();
        bars.for_each(|bar| one.extend(bar));
        let mut elements = vec![panel.clipped(vec![Element::shape(one, Style::filled(INK))])];

        let mut descending = self.eigenvalues.clone();
        descending.sort_by(|a, b| b.total_cmp(a));
        let marks = descending.iter().take(self.outliers).map(|&value| {
            let i = (BINS as f64 * (value - low) / (high - low)) as usize;
            let top = panel.place([value, bins[i.min(BINS - 1)]]);
            Marker::TriangleDown.path(Point::new(top.x, top.y - 5.0), 4.0)
        });
        elements.push(Element::Shapes { paths: marks.collect(), style: Style::filled(ACCENT) });
        let text = match self.outliers {
            1 => "1 outlier".to_owned(),
            n => format!("{n} outliers"),
        };
        let at = Point::new(rect.right() - 5.0, rect.y + 13.0);
        elements.push(colored(Element::text(Label::tex(&text, 10.0)?, at, Align::End), ACCENT));

        elements.push(panel.frame(Stroke::solid(Rgb::BLACK, FRAME)));
        let style = AxisStyle { number_size: 10.0, label_size: 11.0, line: FRAME, gap: 2.0, ..AxisStyle::default() };
        elements
            .extend(axis(rect, Side::Bottom, &panel.x, &ticks(&panel.x, 4), Some(r"$\lambda_i$"), &style)?.elements);
        elements
            .extend(axis(rect, Side::Left, &panel.y, &ticks(&panel.y, 4), Some(r"$P(\lambda_i)$"), &style)?.elements);
        Ok(elements)
    }
}

pub(crate) fn check(name: &str, density: &Density) -> Result<(), FigureError> {
    if density.eigenvalues.is_empty() {
        return Err(FigureError::Empty { what: format!("the density of {name}"), wanted: "eigenvalue" });
    }
    check::finite(|| format!("an eigenvalue of {name}"), &density.eigenvalues)?;
    check::outliers(name, density.outliers, density.eigenvalues.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_histogram_is_numpys() {
        // np.histogram([0, 0, 0.1, 0.5, 1], 200)[0].nonzero() -> 0, 20, 100, 199; the last bin is closed.
        let density = Density { eigenvalues: vec![0.0, 0.0, 0.1, 0.5, 1.0], outliers: 0 };
        let ([low, high], bins) = density.histogram();
        assert_eq!([low, high], [0.0, 1.0]);
        let filled: Vec<usize> = (0..BINS).filter(|&i| bins[i] > 0.0).collect();
        assert_eq!(filled, [0, 20, 100, 199]);
        assert!((bins[0] - 0.4).abs() < 1e-15);
        let equal = Density { eigenvalues: vec![2.0; 3], outliers: 0 }.histogram();
        assert_eq!(equal.0, [1.5, 2.5]);
    }
}

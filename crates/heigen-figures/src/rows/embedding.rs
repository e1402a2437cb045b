//! Rows of samples that were embedded in the plane, such as images by t-SNE.

use super::density::{self, Density};
use super::keys::{self, Explained};
use super::{AsideRoom, Caption, FRAME, Row, extent, map_checks};
use crate::check;
use crate::color::{ColorMap, Rgb};
use crate::error::FigureError;
use crate::geometry::{Point, Rect};
use crate::marker::Marker;
use crate::panel::Panel;
use crate::scale::Scale;
use crate::scene::{Element, Fill, Stroke, Style};
use crate::thin::thinned;

/// One network's row.
#[derive(Debug, Clone, PartialEq)]
pub struct EmbeddingRow {
    /// Its name, set in italics as it stands, without TeX.
    pub label: String,
    /// The samples in the plane `[N, 2]`; the axes have no unit, one length means the same in both.
    pub points: Vec<[f64; 2]>,
    /// Class of each sample `[N]`, from 0.
    pub classes: Vec<usize>,
    /// Name of each class, e.g. the digit; set as it stands.
    pub class_names: Vec<String>,
    /// One map for each eigenvector, from left to right.
    pub maps: Vec<SampleMap>,
    /// The spectrum.
    pub density: Density,
}

/// The alignments of the samples with one eigenvector.
#[derive(Debug, Clone, PartialEq)]
pub struct SampleMap {
    /// Number of the eigenvector, from 1 for the largest eigenvalue.
    pub index: usize,
    /// Its eigenvalue.
    pub eigenvalue: f64,
    /// Alignment of each sample `[N]`, from -1 to 1.
    pub values: Vec<f64>,
}

const MARKER: f64 = 3.6;
/// Alignments near 0 are white: the edge shows where the samples are.
const EDGE: Stroke = Stroke { color: Rgb(110, 110, 110), width: 0.3, opacity: 1.0, dash: vec![], round: false };

impl EmbeddingRow {
    /// Both directions in the same unit, everything inside with some room around.
    fn panel(&self, rect: Rect) -> Result<Panel, FigureError> {
        let range = |axis: usize| {
            let values = self.points.iter().map(|p| p[axis]);
            let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
            (f64::midpoint(low, high), high - low)
        };
        let ((x, width), (y, height)) = (range(0), range(1));
        let unit = (width / rect.width).max(height / rect.height).max(1e-9) * 1.12;
        let scale =
            |middle: f64, length: f64| Scale::linear(middle - unit * length / 2.0, middle + unit * length / 2.0);
        Ok(Panel { rect, x: scale(x, rect.width)?, y: scale(y, rect.height)? })
    }

    fn class_style(class: usize) -> Style {
        let color = Rgb::for_class(class).unwrap_or(Rgb::BLACK);
        Style { fill: Some(Fill::solid(color)), stroke: Some(Stroke::solid(Rgb::WHITE, 0.25)) }
    }
}

impl Row for EmbeddingRow {
    fn label(&self) -> &str {
        &self.label
    }

    fn first_title(&self) -> &'static str {
        "classes"
    }

    fn first(&self, rect: Rect) -> Result<Vec<Element>, FigureError> {
        let panel = self.panel(rect)?;
        let (drawn, _) = thinned(&self.classes);
        let of_class = |class: usize| {
            let points = drawn.iter().filter(|&&i| self.classes[i] == class).map(|&i| self.points[i]);
            Marker::for_class(class).map(|marker| panel.markers(points, marker, MARKER, Self::class_style(class)))
        };
        let mut elements: Vec<Element> = (0..self.class_names.len()).filter_map(of_class).collect();
        elements.push(panel.frame(Stroke::solid(Rgb::BLACK, FRAME)));
        Ok(elements)
    }

    fn explained(&self) -> Explained {
        let present: Vec<usize> = (0..self.class_names.len()).filter(|class| self.classes.contains(class)).collect();
        let mut entries = keys::classes(&present, &self.class_names, Self::class_style);
        entries.extend(self.density.key());
        Explained { entries, one_in: thinned(&self.classes).1 }
    }

    fn below_first(&self, _: Point, _: f64) -> Result<Vec<Element>, FigureError> {
        Ok(vec![])
    }

    fn captions(&self) -> Vec<Caption> {
        self.maps.iter().map(|m| Caption::eigenvector(m.index, m.eigenvalue)).collect()
    }

    fn extent(&self, i: usize) -> Option<f64> {
        extent(&self.maps[i].values)
    }

    /// The most aligned samples are drawn last, so that they are seen.
    fn map(&self, i: usize, scale: &Scale, rect: Rect) -> Result<Vec<Element>, FigureError> {
        let panel = self.panel(rect)?;
        let values = &self.maps[i].values;
        let (mut order, _) = thinned(&self.classes);
        order.sort_by(|&a, &b| values[a].abs().total_cmp(&values[b].abs()));
        let sample = |j: usize| {
            let fill = Fill::solid(ColorMap::ALIGNMENT.color(scale.fraction(values[j])));
            let marker = Marker::for_class(self.classes[j]).unwrap_or(Marker::Circle);
            panel.markers([self.points[j]], marker, MARKER, Style { fill: Some(fill), stroke: Some(EDGE) })
        };
        let mut elements: Vec<Element> = order.into_iter().map(sample).collect();
        elements.push(panel.frame(Stroke::solid(Rgb::BLACK, FRAME)));
        Ok(elements)
    }

    fn aside_room(&self) -> Option<AsideRoom> {
        Some(Density::ROOM)
    }

    fn aside(&self, rect: Rect) -> Result<Vec<Element>, FigureError> {
        self.density.panel(rect)
    }
}

pub(super) fn check(name: &str, row: &EmbeddingRow) -> Result<(), FigureError> {
    if row.points.is_empty() {
        return Err(FigureError::Empty { what: name.to_owned(), wanted: "sample" });
    }
    check::classes(name, &row.classes, row.points.len())?;
    check::class_names(name, &row.classes, &row.class_names)?;
    map_checks::points(|| format!("a sample of {name}"), &row.points)?;
    if row.maps.is_empty() {
        return Err(FigureError::Empty { what: name.to_owned(), wanted: "alignment map" });
    }
    for m in &row.maps {
        let name = format!("map {} of {name}", m.index);
        map_checks::map(&name, (m.index, m.eigenvalue), &m.values, Some(row.points.len()), "one for each sample")?;
    }
    density::check(name, &row.density)
}

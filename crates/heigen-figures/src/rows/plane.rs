//! Rows on the plane of two features.

use super::density::Density;
use super::keys::{self, Explained};
use super::{AsideRoom, Caption, FRAME, PANEL_WIDTH, Row, VALUE_DROP, VALUE_SIZE, extent};
use crate::chart::ACCENT;
use crate::color::{ColorMap, Rgb};
use crate::error::FigureError;
use crate::geometry::{Point, Rect};
use crate::label::{Label, significant};
use crate::legend::{Entry, Key};
use crate::marker::Marker;
use crate::panel::Panel;
use crate::raster::Raster;
use crate::scale::Scale;
use crate::scene::{Align, Element, Fill, Stroke, Style};
use crate::thin::thinned;

/// One 2-D experiment: a row of the figure.
#[derive(Debug, Clone, PartialEq)]
pub struct PlaneRow {
    /// Its name, e.g. `gaussian` or `gauss/normal_training`; set in italics as it stands, without TeX.
    pub label: String,
    /// The note below the panel of the boundary, for [`Label::tex`], e.g. `$\mathcal{G}_\theta = 0.02$`.
    pub note: Option<String>,
    /// Left and right end of the panels.
    pub x_range: [f64; 2],
    /// Lower and upper end of the panels.
    pub y_range: [f64; 2],
    /// Training points `[N, 2]`; those outside of the ranges are not shown, and of thousands only some.
    pub points: Vec<[f64; 2]>,
    /// Class of each training point `[N]`, from 0.
    pub classes: Vec<usize>,
    /// Name of each class, for the legend; classes beyond it go by their number.
    pub class_names: Vec<String>,
    /// The decision boundary as polylines in data coordinates.
    pub boundary: Vec<Vec<[f64; 2]>>,
    /// Number of cells of the maps, `[nx, ny]`; together they cover the ranges.
    pub grid: [usize; 2],
    /// One map for each eigenvector, from left to right.
    pub maps: Vec<AlignmentMap>,
    /// A panel at the right end.
    pub aside: Option<PlaneAside>,
}

/// The alignment with one eigenvector over the plane.
#[derive(Debug, Clone, PartialEq)]
pub struct AlignmentMap {
    /// Number of the eigenvector, from 1 for the largest eigenvalue.
    pub index: usize,
    /// Its eigenvalue.
    pub eigenvalue: f64,
    /// Alignments `[ny, nx]`, row 0 at the lowest y, from -1 to 1.
    pub values: Vec<f64>,
}

/// The panel at the right end of a row on the plane.
#[derive(Debug, Clone, PartialEq)]
pub enum PlaneAside {
    /// The eigenvalue density.
    Density(Density),
    /// How the margin is estimated.
    Margin(MarginPanel),
}

/// The margin as estimated from the curvature.
#[derive(Debug, Clone, PartialEq)]
pub struct MarginPanel {
    /// x_b: the input whose gradient is parallel to v_1.
    pub boundary_point: [f64; 2],
    /// The training point of largest and that of smallest alignment with v_1.
    pub extremes: [[f64; 2]; 2],
    /// The estimated margin: the smaller distance of x_b to these.
    pub estimate: f64,
    /// The true distance of the nearest training point to the boundary.
    pub distance: f64,
}

impl MarginPanel {
    pub(super) fn points(&self) -> [[f64; 2]; 3] {
        [self.boundary_point, self.extremes[0], self.extremes[1]]
    }
}

pub(super) const BOUNDARY: f64 = 1.8;
/// Marker diameter for up to `MANY` points; smaller for more, so that the maps stay visible.
const MARKER: f64 = 3.4;
const SMALLEST_MARKER: f64 = 1.8;
const MANY: f64 = 250.0;
const MARKER_EDGE: f64 = 0.35;

impl PlaneRow {
    pub(super) fn panel(&self, rect: Rect) -> Result<Panel, FigureError> {
        let [x, y] = [self.x_range, self.y_range].map(|[low, high]| Scale::linear(low, high));
        Ok(Panel { rect, x: x?, y: y? })
    }

    /// The legend of the training points alone.
    pub(super) fn explained_samples(&self) -> Explained {
        let entries = keys::classes(&self.classes, &self.class_names, |_| marker_style());
        Explained { entries, one_in: thinned(&self.classes).1 }
    }

    /// The training points: black with a thin white edge, one shape for each class.
    pub(super) fn markers(&self, panel: &Panel) -> Vec<Element> {
        let (drawn, _) = thinned(&self.classes);
        let size = MARKER * (MANY / drawn.len().max(1) as f64).sqrt().min(1.0);
        // Smaller on panels that had to be made smaller.
        let size = (size * panel.rect.width / PANEL_WIDTH).max(SMALLEST_MARKER) + MARKER_EDGE;
        let of_class = |(class, marker): (usize, &Marker)| {
            let chosen = drawn.iter().filter(|&&i| self.classes[i] == class).map(|&i| self.points[i]);
            panel.markers(chosen, *marker, size, marker_style())
        };
        let present = |class: &(usize, &Marker)| self.classes.contains(&class.0);
        Marker::ALL.iter().enumerate().filter(present).map(of_class).collect()
    }

    fn boundary_panel(&self, rect: Rect, above: Vec<Element>) -> Result<Vec<Element>, FigureError> {
        let panel = self.panel(rect)?;
        let mut elements = vec![panel.lines(&self.boundary, Stroke::solid(Rgb::BLACK, BOUNDARY).rounded())];
        elements.extend(self.markers(&panel));
        elements.extend(above);
        elements.push(panel.frame(Stroke::solid(Rgb::BLACK, FRAME)));
        Ok(elements)
    }

    /// Coloured cells if there are any, lines and training points above.
    pub(super) fn map_panel(
        &self,
        values: &[f64],
        lines: &[Vec<[f64; 2]>],
        scale: &Scale,
        rect: Rect,
    ) -> Result<Vec<Element>, FigureError> {
        let panel = self.panel(rect)?;
        let color = |v| ColorMap::ALIGNMENT.color(scale.fraction(v));
        let mut elements = Vec::new();
        if !values.is_empty() {
            elements.push(panel.image(Raster::from_grid(self.grid, values, color)?));
        }
        if !lines.is_empty() {
            elements.push(panel.lines(lines, Stroke::solid(Rgb::BLACK, BOUNDARY).rounded()));
        }
        elements.extend(self.markers(&panel));
        elements.push(panel.frame(Stroke::solid(Rgb::BLACK, FRAME)));
        Ok(elements)
    }

    /// x_b as a star, the two extreme points in rings, tied to it.
    fn margin_panel(&self, margin: &MarginPanel, rect: Rect) -> Result<Vec<Element>, FigureError> {
        let panel = self.panel(rect)?;
        let ties: Vec<[[f64; 2]; 2]> = margin.extremes.iter().map(|&e| [margin.boundary_point, e]).collect();
        let marks = vec![
            panel.lines(&ties, tie()),
            panel.markers(margin.extremes, Marker::Circle, 7.0, ring()),
            panel.markers([margin.boundary_point], Marker::Star, 8.0, star()),
        ];
        let mut elements = self.boundary_panel(rect, marks)?;
        let text = format!("margin ${}$, true ${}$", significant(margin.estimate, 3), significant(margin.distance, 3));
        let text = Label::tex(&text, VALUE_SIZE)?.shrunk_to(rect.width + 12.0);
        let at = Point::new(rect.center().x, rect.bottom() + VALUE_DROP);
        elements.push(Element::text(text, at, Align::Middle));
        Ok(elements)
    }
}

fn marker_style() -> Style {
    Style { fill: Some(Fill::solid(Rgb::BLACK)), stroke: Some(Stroke::solid(Rgb::WHITE, MARKER_EDGE)) }
}

fn tie() -> Stroke {
    Stroke { dash: vec![2.5, 1.5], ..Stroke::solid(ACCENT, 1.1) }
}

fn ring() -> Style {
    Style::stroked(Stroke::solid(ACCENT, 1.2))
}

fn star() -> Style {
    Style { fill: Some(Fill::solid(ACCENT)), stroke: Some(Stroke::solid(Rgb::WHITE, 0.5)) }
}

impl Row for PlaneRow {
    fn label(&self) -> &str {
        &self.label
    }

    fn first_title(&self) -> &'static str {
        "decision boundary"
    }

    fn first(&self, rect: Rect) -> Result<Vec<Element>, FigureError> {
        self.boundary_panel(rect, vec![])
    }

    fn explained(&self) -> Explained {
        let entry = |key: Key, label: &str| Entry { key, label: label.to_owned() };
        let Explained { mut entries, one_in } = self.explained_samples();
        if !self.boundary.is_empty() {
            entries.push(entry(Key::Line(Stroke::solid(Rgb::BLACK, BOUNDARY)), "boundary"));
        }
        match &self.aside {
            None => {}
            Some(PlaneAside::Density(density)) => entries.extend(density.key()),
            Some(PlaneAside::Margin(_)) => entries.extend([
                entry(Key::Marker(Marker::Star, 8.0, star()), "$x_b$, sought for a gradient parallel to $v_1$"),
                entry(Key::Marker(Marker::Circle, 7.0, ring()), "samples most and least aligned with $v_1$"),
                entry(Key::Line(tie()), "their distances to $x_b$"),
            ]),
        }
        Explained { entries, one_in }
    }

    fn below_first(&self, at: Point, width: f64) -> Result<Vec<Element>, FigureError> {
        let Some(note) = &self.note else { return Ok(vec![]) };
        Ok(vec![Element::text(Label::tex(note, VALUE_SIZE)?.shrunk_to(width), at, Align::Middle)])
    }

    fn captions(&self) -> Vec<Caption> {
        self.maps.iter().map(|m| Caption::eigenvector(m.index, m.eigenvalue)).collect()
    }

    fn extent(&self, i: usize) -> Option<f64> {
        extent(&self.maps[i].values)
    }

    fn map(&self, i: usize, scale: &Scale, rect: Rect) -> Result<Vec<Element>, FigureError> {
        self.map_panel(&self.maps[i].values, &[], scale, rect)
    }

    fn aside_room(&self) -> Option<AsideRoom> {
        self.aside.as_ref().map(|aside| match aside {
            PlaneAside::Density(_) => Density::ROOM,
            PlaneAside::Margin(_) => AsideRoom { title: "margin", panels: 1.0, left: 0.0, below: 0.0 },
        })
    }

    fn aside(&self, rect: Rect) -> Result<Vec<Element>, FigureError> {
        match &self.aside {
            None => Ok(vec![]),
            Some(PlaneAside::Density(density)) => density.panel(rect),
            Some(PlaneAside::Margin(margin)) => self.margin_panel(margin, rect),
        }
    }
}

//! A page: what is drawn, where, in which order. Nothing here knows about data or file formats.

use crate::color::Rgb;
use crate::geometry::{Path, Point, Rect};
use crate::label::Label;
use crate::raster::Raster;

/// How an area is filled.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fill {
    /// Its colour.
    pub color: Rgb,
    /// From 0 (not seen) to 1.
    pub opacity: f64,
}

impl Fill {
    /// Opaque.
    pub const fn solid(color: Rgb) -> Self {
        Self { color, opacity: 1.0 }
    }
}

/// How a line is drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct Stroke {
    /// Its colour.
    pub color: Rgb,
    /// Its width, in points.
    pub width: f64,
    /// From 0 (not seen) to 1.
    pub opacity: f64,
    /// Lengths of dashes and gaps in turn, in points; empty for a full line.
    pub dash: Vec<f64>,
    /// Corners and ends round instead of sharp.
    pub round: bool,
}

impl Stroke {
    /// An opaque full line with sharp corners.
    pub const fn solid(color: Rgb, width: f64) -> Self {
        Self { color, width, opacity: 1.0, dash: Vec::new(), round: false }
    }

    /// This line style, with round corners and ends.
    #[must_use]
    pub fn rounded(self) -> Self {
        Self { round: true, ..self }
    }
}

/// How a shape looks: the area first, its outline above it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Style {
    /// The area, if filled.
    pub fill: Option<Fill>,
    /// The outline, if drawn.
    pub stroke: Option<Stroke>,
}

impl Style {
    /// A filled area.
    pub fn filled(color: Rgb) -> Self {
        Self { fill: Some(Fill::solid(color)), stroke: None }
    }

    /// A line.
    pub fn stroked(stroke: Stroke) -> Self {
        Self { fill: None, stroke: Some(stroke) }
    }
}

/// The part of a label, along its line, that stands at the given place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Its beginning.
    Start,
    /// Its middle.
    Middle,
    /// Its end.
    End,
}

/// One thing on the page.
#[derive(Debug, Clone, PartialEq)]
pub enum Element {
    /// Shapes of one style, one above the other.
    Shapes {
        /// The shapes.
        paths: Vec<Path>,
        /// Their common style.
        style: Style,
    },
    /// A label.
    Text {
        /// The label, set and measured.
        label: Label,
        /// Where its origin is: the left end of its baseline.
        origin: Point,
        /// Turned by a quarter, to be read upwards.
        upwards: bool,
        /// Its colour.
        color: Rgb,
    },
    /// A cell image, stretched over a box.
    Image {
        /// The cells.
        raster: Raster,
        /// The box.
        rect: Rect,
    },
    /// Elements of which only the part inside of a box is seen.
    Clip {
        /// The box.
        rect: Rect,
        /// The elements.
        elements: Vec<Element>,
    },
}

impl Element {
    /// One shape.
    pub fn shape(path: Path, style: Style) -> Self {
        Self::Shapes { paths: vec![path], style }
    }

    /// A black label on a horizontal line with the baseline at `at`.
    pub fn text(label: Label, at: Point, align: Align) -> Self {
        let x = at.x - before(&label, align);
        Self::Text { label, origin: Point::new(x, at.y), upwards: false, color: Rgb::BLACK }
    }

    /// A black label that is read upwards, with the baseline at `at`.
    pub fn text_upwards(label: Label, at: Point, align: Align) -> Self {
        let y = at.y + before(&label, align);
        Self::Text { label, origin: Point::new(at.x, y), upwards: true, color: Rgb::BLACK }
    }
}

fn before(label: &Label, align: Align) -> f64 {
    match align {
        Align::Start => 0.0,
        Align::Middle => label.width() / 2.0,
        Align::End => label.width(),
    }
}

/// A page with everything on it; later elements cover earlier ones. The ground is white.
#[derive(Debug, Clone, PartialEq)]
pub struct Scene {
    /// Width, in points.
    pub width: f64,
    /// Height, in points.
    pub height: f64,
    /// A title that says what the page shows, for the file's metadata.
    pub title: String,
    /// From bottom to top.
    pub elements: Vec<Element>,
}

impl Scene {
    /// An empty page.
    pub fn new(width: f64, height: f64, title: impl Into<String>) -> Self {
        Self { width, height, title: title.into(), elements: Vec::new() }
    }

    /// Puts `element` above what is there.
    pub fn push(&mut self, element: Element) {
        self.elements.push(element);
    }

    /// Puts all of them above what is there.
    pub fn extend(&mut self, elements: impl IntoIterator<Item = Element>) {
        self.elements.extend(elements);
    }
}

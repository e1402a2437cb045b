//! Figure 1: one input, everything along it, and the spectrum and the loss surface beside it.

mod check;
mod companions;
mod strips;

use crate::chart::{self, MARGIN, TITLE_ROOM};
use crate::color::{ColorMap, Rgb};
use crate::error::FigureError;
use crate::geometry::Rect;
use crate::legend::{self, Entry, Key};
use crate::marker::Marker;
use crate::scale::Scale;
use crate::scene::{Fill, Scene, Stroke, Style};
use crate::surface::{self, LossSurface};

/// A classifier of one input, along that input.
#[derive(Debug, Clone, PartialEq)]
pub struct InputLine {
    /// Left and right end of the rows.
    pub x_range: [f64; 2],
    /// Inputs `[nx]` at which the network was looked at, ascending and evenly spaced.
    pub x: Vec<f64>,
    /// One curve for each class `[C]` of `[nx]` logits.
    pub logits: Vec<Vec<f64>>,
    /// Inputs at which the predicted class changes, ascending.
    pub boundaries: Vec<f64>,
    /// Predicted class of each region from left to right: one more than boundaries.
    pub regions: Vec<usize>,
    /// Entries of the normalised gradients `[P, nx]`, the uppermost row first, in any order of the parameters.
    pub gradients: Vec<f64>,
    /// The top eigenvectors, each `[P]` in the same order of the parameters; usually v_1 and v_2.
    pub eigenvectors: Vec<Vec<f64>>,
    /// Alignment of the gradients with each of these eigenvectors, each `[nx]`.
    pub alignments: Vec<Vec<f64>>,
    /// Training inputs `[N]`.
    pub points: Vec<f64>,
    /// Class of each training input `[N]`, from 0.
    pub classes: Vec<usize>,
    /// Name of each class, set as it stands.
    pub class_names: Vec<String>,
    /// All P eigenvalues, in any order.
    pub eigenvalues: Vec<f64>,
    /// How many of the largest stand apart.
    pub outliers: usize,
    /// The loss over the plane of the first two eigenvectors.
    pub surface: LossSurface,
}

// All lengths in points.
const WIDTH: f64 = 285.0;
const LOGITS: f64 = 78.0;
const GRADIENTS: f64 = 178.0;
const ALIGNMENT: f64 = 78.0;
const DATA: f64 = 26.0;
const ROW_GAP: f64 = 9.0;
/// Room at the left for labels, beyond the numbers.
const LEFT: f64 = 19.0;
const VECTOR: f64 = 15.0;
const VECTOR_GAP: f64 = 7.0;
const BAR_GAP: f64 = 10.0;
const BAR: f64 = 6.0;
const RIGHT_GAP: f64 = 52.0;
const RIGHT: f64 = 225.0;
const LEGEND_SIZE: f64 = 9.0;

/// Figure 1: four rows along one input (logits with the class regions, normalised gradients of all parameters, alignment
/// with the top eigenvectors, training points), the eigenvectors in the rows' order, the spectrum and the loss surface.
///
/// Boundaries run dotted through all rows. Gradients and eigenvectors share one colour bar, symmetric around zero up to
/// their largest magnitude.
///
/// # Errors
/// Where there is nothing to draw, lengths do not fit together, a range is empty, inputs do not ascend, a number is not
/// finite, a gradient, eigenvector or alignment lies outside of -1..1, there are more classes than markers or a class has
/// no name, or a name has a character the fonts lack.
pub fn figure1(line: &InputLine) -> Result<Scene, FigureError> {
    check::line(line)?;
    let numbers = strips::number_room(line)?;
    let mut y = MARGIN;
    let mut row = |height: f64| {
        let rect = Rect::new(LEFT + numbers, y, WIDTH, height);
        y = rect.bottom() + ROW_GAP;
        rect
    };
    let rects = [row(LOGITS), row(GRADIENTS), row(ALIGNMENT), row(DATA)];
    let bottom = rects[3].bottom();
    let colors = strips::colors(line)?;

    let mut elements = strips::rows(line, &rects, numbers, &colors)?;
    let (columns, mut right) = companions::eigenvectors(line, rects[1], &colors)?;
    elements.extend(columns);
    for (entries, rect) in [(class_entries(line), rects[0]), (vector_entries(line), rects[2])] {
        let beside = Rect::new(rect.right(), rect.y, WIDTH, rect.height);
        let (drawn, width) = legend::beside(beside, &entries, LEGEND_SIZE)?;
        elements.extend(drawn);
        right = right.max(beside.x + width);
    }

    let x = right + RIGHT_GAP;
    let upper = Rect::new(x, MARGIN + TITLE_ROOM, RIGHT, 112.0);
    elements.extend(companions::spectrum(line, upper)?);
    elements.push(chart::title("eigenvalues", upper, RIGHT)?);
    let lower = upper.bottom() + 36.0 + TITLE_ROOM;
    let below = Rect::new(x - 14.0, lower, RIGHT + 24.0, bottom + 26.0 - lower);
    elements.push(chart::title("loss at $\\hat\\theta + a v_1 + b v_2$, star: $\\hat\\theta$", below, RIGHT)?);
    elements.extend(surface::panel(&line.surface, below)?);

    let mut scene = Scene::new(x + RIGHT + 2.0 * MARGIN, bottom + 32.0, "A classifier of one input");
    scene.extend(elements);
    Ok(scene)
}

fn class_color(class: usize) -> Rgb {
    Rgb::for_class(class).unwrap_or(Rgb::BLACK)
}

/// The style of a class's markers.
fn class_style(class: usize) -> Style {
    Style { fill: Some(Fill::solid(class_color(class))), stroke: Some(Stroke::solid(Rgb::WHITE, 0.3)) }
}

/// The line of the `i`-th eigenvector: told apart by dashes as well as by colour.
fn vector_stroke(i: usize) -> Stroke {
    const COLORS: [Rgb; 4] = [Rgb(84, 86, 160), Rgb(214, 130, 0), Rgb(0, 130, 100), Rgb(110, 110, 110)];
    let dash = match i % 3 {
        0 => vec![],
        1 => vec![4.0, 1.8],
        _ => vec![1.2, 1.6],
    };
    Stroke { dash, ..Stroke::solid(COLORS[i % COLORS.len()], 1.5) }
}

fn class_entries(line: &InputLine) -> Vec<Entry> {
    let n = line.logits.len();
    let entry = |(class, name): (usize, &String)| {
        let marker = Marker::for_class(class).unwrap_or(Marker::Circle);
        Entry { key: Key::Marker(marker, 5.0, class_style(class)), label: crate::label::escaped(&named(name)) }
    };
    let boundary = Entry { key: Key::Line(boundary_stroke()), label: "boundary".to_owned() };
    let boundary = (!line.boundaries.is_empty()).then_some(boundary);
    line.class_names.iter().take(n).enumerate().map(entry).chain(boundary).collect()
}

/// Numbers are called classes; names are taken as they are.
fn named(class: &str) -> String {
    if class.parse::<f64>().is_ok() { format!("class {class}") } else { class.to_owned() }
}

fn vector_entries(line: &InputLine) -> Vec<Entry> {
    let entry = |i: usize| Entry { key: Key::Line(vector_stroke(i)), label: format!("$v_{{{}}}$", i + 1) };
    (0..line.eigenvectors.len()).map(entry).collect()
}

/// How gradients and eigenvectors are coloured.
struct Colors {
    map: ColorMap,
    scale: Scale,
}

impl Colors {
    fn color(&self, value: f64) -> Rgb {
        self.map.color(self.scale.fraction(value))
    }
}

/// The dotted line that marks a boundary of classes through all rows.
fn boundary_stroke() -> Stroke {
    Stroke { dash: vec![1.2, 2.2], ..Stroke::solid(Rgb::BLACK, 0.9) }
}

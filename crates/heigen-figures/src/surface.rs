//! The loss over a plane in parameter space, seen from above at a slant.

use crate::chart::{FRAME, around, ends};
use crate::check;
use crate::color::{ColorMap, Rgb};
use crate::error::FigureError;
use crate::geometry::{Path, Point, Rect};
use crate::label::Label;
use crate::legend::{Corner, Entry, Key, legend};
use crate::marker::Marker;
use crate::scale::Scale;
use crate::scene::{Align, Element, Fill, Scene, Stroke, Style};
use crate::ticks::ticks;

/// Losses at theta + a v_1 + b v_2.
#[derive(Debug, Clone, PartialEq)]
pub struct LossSurface {
    /// First and last step along the first direction, e.g. -1 and 1.
    pub a_range: [f64; 2],
    /// First and last step along the second direction.
    pub b_range: [f64; 2],
    /// Number of nodes in each direction, `[nx, ny]`, both ends included.
    pub grid: [usize; 2],
    /// Losses `[ny, nx]`, row 0 at the first b.
    pub losses: Vec<f64>,
    /// The minimum to be marked: a, b and the loss there.
    pub minimum: Option<[f64; 3]>,
    /// Whether the losses stand on a logarithmic scale; all have to be positive then.
    pub logarithmic: bool,
}

/// From which side and how steeply it is seen, as in matplotlib.
const AZIMUTH: f64 = -60.0;
const ELEVATION: f64 = 28.0;
/// Height of the box; its sides have length 1.
const HEIGHT: f64 = 0.84;
const GRID_LINE: Rgb = Rgb(215, 215, 215);
const NUMBER_SIZE: f64 = 8.0;
const LABEL_SIZE: f64 = 10.0;
/// From an edge of the box to its numbers and to its label.
const NUMBER_AWAY: f64 = 9.0;
const LABEL_AWAY: f64 = 23.0;
/// Longer numbers are made smaller.
const LONGEST: f64 = 21.0;
/// Room around the box for numbers and labels: left, above, right, below.
const ROOM: [f64; 4] = [24.0, 4.0, 38.0, 28.0];

/// A page with the loss surface alone.
///
/// # Errors
/// Where the grid has fewer than two nodes in a direction, `losses` does not fit it, a range is empty, or a number is not
/// finite.
pub fn loss_surface(surface: &LossSurface) -> Result<Scene, FigureError> {
    check(surface)?;
    let mut scene = Scene::new(262.0, 208.0, "Loss along two directions");
    let page = Rect::new(5.0, 5.0, 250.0, 195.0);
    scene.extend(panel(surface, page)?);
    if surface.minimum.is_some() {
        let minimum = Entry { key: Key::Marker(Marker::Star, 8.5, star()), label: "minimum".to_owned() };
        scene.extend(legend(page, Corner::UpperRight, &[minimum], 9.0)?);
    }
    Ok(scene)
}

/// The mark of the minimum.
pub(crate) fn star() -> Style {
    Style { fill: Some(Fill::solid(Rgb(213, 94, 0))), stroke: Some(Stroke::solid(Rgb::WHITE, 0.7)) }
}

pub(crate) fn check(surface: &LossSurface) -> Result<(), FigureError> {
    check::range(|| "a_range of the loss surface".to_owned(), surface.a_range)?;
    check::range(|| "b_range of the loss surface".to_owned(), surface.b_range)?;
    let [nx, ny] = surface.grid;
    if nx < 2 || ny < 2 {
        let got = format!("{nx} x {ny}");
        return Err(FigureError::value("the grid of the loss surface", got, "at least 2 x 2 nodes"));
    }
    let wanted = nx.checked_mul(ny);
    check::length(|| "losses".to_owned(), surface.losses.len(), wanted, "nx * ny of the surface's grid")?;
    check::finite(|| "a loss of the surface".to_owned(), &surface.losses)?;
    let mut all = surface.losses.iter().chain(surface.minimum.iter().map(|m| &m[2]));
    if let Some(loss) = all.find(|&&loss| surface.logarithmic && loss <= 0.0) {
        return Err(FigureError::value("a loss of the logarithmic surface", loss, "a positive number"));
    }
    check::finite(|| "the minimum of the loss surface".to_owned(), surface.minimum.iter().flatten())
}

/// Parallel projection of the unit box [0,1]^2 x [0, HEIGHT] into a rectangle.
struct View {
    scale: f64,
    origin: Point,
}

/// Right, up, and toward the eye, before it is fitted into a rectangle.
fn turned([x, y, z]: [f64; 3]) -> [f64; 3] {
    let (sin, cos) = AZIMUTH.to_radians().sin_cos();
    let (rise, run) = ELEVATION.to_radians().sin_cos();
    let (x, y, z) = (x - 0.5, y - 0.5, HEIGHT * (z - 0.5));
    let toward = x * cos + y * sin;
    [-x * sin + y * cos, z * run - toward * rise, z * rise + toward * run]
}

impl View {
    fn new(rect: Rect) -> Self {
        let corners: Vec<[f64; 3]> =
            (0..8).map(|i| turned([i & 1, (i >> 1) & 1, (i >> 2) & 1].map(f64::from))).collect();
        let [left, right] = ends(corners.iter().map(|c| &c[0]));
        let [low, high] = ends(corners.iter().map(|c| &c[1]));
        let scale = (rect.width / (right - left)).min(rect.height / (high - low));
        let origin = Point::new(
            rect.center().x - scale * f64::midpoint(left, right),
            rect.center().y + scale * f64::midpoint(low, high),
        );
        Self { scale, origin }
    }

    fn place(&self, point: [f64; 3]) -> Point {
        let [right, up, _] = turned(point);
        Point::new(self.origin.x + self.scale * right, self.origin.y - self.scale * up)
    }
}

/// The surface with its box and axes in `rect`; the numbers were checked.
pub(crate) fn panel(surface: &LossSurface, rect: Rect) -> Result<Vec<Element>, FigureError> {
    let [left, above, right, below] = ROOM;
    let inner = Rect::new(rect.x + left, rect.y + above, rect.width - left - right, rect.height - above - below);
    let view = View::new(inner);
    let loss = scale_of_losses(surface)?;
    let scales = [scale_of(surface.a_range)?, scale_of(surface.b_range)?, loss];

    let mut elements = walls(&view, &scales);
    elements.extend(quads(surface, &view, &loss));
    if let Some([a, b, z]) = surface.minimum {
        let at = view.place([scales[0].fraction(a), scales[1].fraction(b), loss.fraction(z)]);
        elements.push(Element::shape(Marker::Star.path(at, 8.5), star()));
    }
    elements.extend(axes(&view, &scales)?);
    Ok(elements)
}

/// The scale of the losses. A little room below keeps the lowest mark away from the corner, where other axes end.
pub(crate) fn scale_of_losses(surface: &LossSurface) -> Result<Scale, FigureError> {
    let all = || surface.losses.iter().chain(surface.minimum.iter().map(|m| &m[2]));
    if !surface.logarithmic {
        return around(all(), 0.06);
    }
    let [low, high] = ends(all());
    let room = (high / low).powf(0.06).max(1.05);
    Scale::log(low / room, high * room)
}

fn scale_of([low, high]: [f64; 2]) -> Result<Scale, FigureError> {
    Scale::linear(low, high)
}

/// The two walls behind and the floor, with lines at the marks.
fn walls(view: &View, scales: &[Scale; 3]) -> Vec<Element> {
    let mut paths = Vec::new();
    let mut line = |points: &[[f64; 3]]| {
        paths.push(Path::polyline(&points.iter().map(|&p| view.place(p)).collect::<Vec<_>>()));
    };
    for (axis, scale) in scales.iter().enumerate() {
        for t in ticks(scale, 4).iter().map(|tick| scale.fraction(tick.value)) {
            match axis {
                0 => line(&[[t, 0.0, 0.0], [t, 1.0, 0.0], [t, 1.0, 1.0]]),
                1 => line(&[[1.0, t, 0.0], [0.0, t, 0.0], [0.0, t, 1.0]]),
                _ => line(&[[0.0, 0.0, t], [0.0, 1.0, t], [1.0, 1.0, t]]),
            }
        }
    }
    let edges = [
        vec![[0.0, 0.0, 1.0], [0.0, 1.0, 1.0], [1.0, 1.0, 1.0]],
        vec![[0.0, 0.0, 0.0], [0.0, 1.0, 0.0], [1.0, 1.0, 0.0]],
        vec![[0.0, 1.0, 0.0], [0.0, 1.0, 1.0]],
        vec![[0.0, 0.0, 0.0], [0.0, 0.0, 1.0]],
    ];
    edges.iter().for_each(|e| line(e));
    vec![Element::Shapes { paths, style: Style::stroked(Stroke::solid(GRID_LINE, 0.5)) }]
}

/// The painter's algorithm: what is farther away is drawn first. A hair line in the quad's own colour closes the seams
/// that anti-aliasing leaves.
fn quads(surface: &LossSurface, view: &View, loss: &Scale) -> Vec<Element> {
    let [nx, ny] = surface.grid;
    let at = |i: usize, j: usize| {
        let along = |i: usize, n: usize| i as f64 / (n - 1) as f64;
        [along(i, nx), along(j, ny), loss.fraction(surface.losses[j * nx + i])]
    };
    let mut quads: Vec<(f64, [[f64; 3]; 4])> = (0..ny - 1)
        .flat_map(|j| (0..nx - 1).map(move |i| (i, j)))
        .map(|(i, j)| {
            let corners = [at(i, j), at(i + 1, j), at(i + 1, j + 1), at(i, j + 1)];
            // Depth on the floor: quads stand above disjoint squares, so their heights do not matter.
            let nearness = corners.iter().map(|c| turned([c[0], c[1], 0.0])[2]).sum::<f64>();
            (nearness, corners)
        })
        .collect();
    quads.sort_by(|a, b| a.0.total_cmp(&b.0));
    let draw = |(_, corners): (f64, [[f64; 3]; 4])| {
        let color = ColorMap::LOSS.color(corners.iter().map(|c| c[2]).sum::<f64>() / 4.0);
        let hair = Stroke::solid(color, 0.25).rounded();
        let style = Style { fill: Some(Fill::solid(color)), stroke: Some(hair) };
        Element::shape(Path::polygon(&corners.map(|c| view.place(c))), style)
    };
    quads.into_iter().map(draw).collect()
}

/// The front edges with marks, numbers and labels.
fn axes(view: &View, scales: &[Scale; 3]) -> Result<Vec<Element>, FigureError> {
    // One edge for each axis, what it is called, and another corner of the box that tells which side is inward.
    let edges = [
        ([0.0, 0.0, 0.0], [1.0, 0.0, 0.0], "$a$", [0.0, 1.0, 0.0]),
        ([1.0, 0.0, 0.0], [1.0, 1.0, 0.0], "$b$", [0.0, 0.0, 0.0]),
        ([1.0, 1.0, 0.0], [1.0, 1.0, 1.0], "loss", [0.0, 1.0, 0.0]),
    ];
    let mut paths = Vec::new();
    let mut elements = Vec::new();
    for ((from, to, name, inward), scale) in edges.into_iter().zip(scales) {
        let along = |t: f64| view.place(std::array::from_fn(|i| from[i] + t * (to[i] - from[i])));
        let (start, end, inside) = (along(0.0), along(1.0), view.place(inward));
        // At right angles to the edge on the page, away from the box.
        let length = (end.x - start.x).hypot(end.y - start.y);
        let (nx, ny) = ((end.y - start.y) / length, (start.x - end.x) / length);
        let side = if (inside.x - start.x) * nx + (inside.y - start.y) * ny > 0.0 { -1.0 } else { 1.0 };
        let away = |p: Point, by: f64| Point::new(p.x + side * by * nx, p.y + side * by * ny);
        paths.push(Path::polyline(&[start, end]));
        let upright = name == "loss";
        for tick in ticks(scale, 4) {
            let foot = along(scale.fraction(tick.value));
            paths.push(Path::polyline(&[foot, away(foot, 3.0)]));
            let number = Label::tex(&tick.label, NUMBER_SIZE)?.shrunk_to(LONGEST);
            // Numbers lean to their own side, so that those at the front corner stay clear of each other.
            let (by, shift, align) = match name {
                "$a$" => (NUMBER_AWAY, 1.5, Align::End),
                "$b$" => (NUMBER_AWAY, -1.0, Align::Start),
                _ => (5.0, 0.0, Align::Start),
            };
            let at = away(foot, by);
            elements.push(Element::text(number, Point::new(at.x + shift, at.y + 0.34 * NUMBER_SIZE), align));
        }
        let label = Label::tex(name, LABEL_SIZE)?;
        elements.push(if upright {
            let at = away(along(0.5), ROOM[2] - 4.0);
            Element::text_upwards(label, at, Align::Middle)
        } else {
            let at = away(along(0.5), LABEL_AWAY);
            Element::text(label, Point::new(at.x, at.y + 0.3 * LABEL_SIZE), Align::Middle)
        });
    }
    let line = Stroke::solid(Rgb::BLACK, FRAME).rounded();
    elements.insert(0, Element::Shapes { paths, style: Style::stroked(line) });
    Ok(elements)
}

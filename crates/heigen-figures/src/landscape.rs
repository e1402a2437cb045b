//! The loss over a plane in parameter space: from above with lines of equal loss, and at a slant.

use crate::axes::{AxisStyle, Side, axis};
use crate::chart::{self, MARGIN, TITLE_ROOM, axis_style, frame};
use crate::check;
use crate::color::{ColorMap, Rgb};
use crate::colorbar::color_bar;
use crate::contour::contour;
use crate::error::FigureError;
use crate::geometry::Rect;
use crate::legend::{Corner, Entry, Key, legend};
use crate::marker::Marker;
use crate::panel::Panel;
use crate::raster::Raster;
use crate::scale::Scale;
use crate::scene::{Element, Scene, Stroke, Style};
use crate::surface::{self, LossSurface, scale_of_losses, star};
use crate::ticks::ticks;

/// A loss surface with the names of its directions, and the path of a training on it.
#[derive(Debug, Clone, PartialEq)]
pub struct Landscape {
    /// The title, for [`Label::tex`](crate::Label::tex).
    pub title: String,
    /// The names of the directions, for [`Label::tex`](crate::Label::tex).
    pub axes: [String; 2],
    /// The losses.
    pub surface: LossSurface,
    /// Accuracies [ny, nx] at the surface's nodes, for a map of their own.
    pub accuracies: Option<Vec<f64>>,
    /// The path of a training.
    pub path: Option<Trajectory>,
}

/// The path of a training on the plane.
#[derive(Debug, Clone, PartialEq)]
pub struct Trajectory {
    /// The points, from the start to the end.
    pub points: Vec<[f64; 2]>,
}

// All lengths in points.
const SIDE: f64 = 190.0;
const LEFT: f64 = 50.0;
const BELOW: f64 = 40.0;
const BAR: f64 = 9.0;
const BAR_GAP: f64 = 7.0;
const GAP: f64 = 16.0;
const SLANT: [f64; 2] = [270.0, 235.0];
const LEGEND: f64 = 9.0;
/// Number of lines of equal loss.
const LINES: usize = 14;
/// Cells of the coloured ground along each side; between nodes values are linear in both directions.
const CELLS: usize = 160;
/// From white over yellow to dark green, for accuracies.
const ACCURACY: ColorMap = ColorMap::new(&[
    (0.0, Rgb(68, 1, 84)),
    (0.25, Rgb(59, 82, 139)),
    (0.5, Rgb(33, 145, 140)),
    (0.75, Rgb(94, 201, 98)),
    (1.0, Rgb(253, 231, 37)),
]);

/// Lines of equal loss on the plane, the surface at a slant, and a map of accuracies where there are some. On a logarithmic surface
/// the lines stand at equal ratios.
///
/// # Errors
/// Where the surface is refused by [`loss_surface`](crate::loss_surface), the accuracies do not fit it, a point of the path is not
/// finite, or a label cannot be set.
pub fn landscape(landscape: &Landscape) -> Result<Scene, FigureError> {
    let Landscape { title, axes, surface, accuracies, path } = landscape;
    surface::check(surface)?;
    let nodes = surface.losses.len();
    if let Some(accuracies) = accuracies {
        check::length(|| "accuracies".to_owned(), accuracies.len(), Some(nodes), "one for each loss")?;
        check::unit(|| "an accuracy".to_owned(), accuracies)?;
    }
    let points = path.as_ref().map_or(&[][..], |path| &path.points);
    check::finite(|| "a point of the path".to_owned(), points.iter().flatten())?;

    let loss = scale_of_losses(surface)?;
    let fractions: Vec<f64> = surface.losses.iter().map(|&l| loss.fraction(l)).collect();
    let mut elements = Vec::new();
    let top = MARGIN + TITLE_ROOM;
    let (map, right) = Plane { surface, axes, at: [LEFT, top], points }
        .map(&fractions, (ColorMap::LOSS, &loss, if surface.logarithmic { "loss (logarithmic)" } else { "loss" }))?;
    let above = Rect::new(LEFT, top, SIDE, SIDE);
    elements.push(chart::title(title, above, SIDE + BAR)?);
    elements.extend(map);
    let slant = Rect::new(right + GAP, MARGIN, SLANT[0], SLANT[1]);
    elements.extend(surface::panel(surface, slant)?);
    let mut entries = vec![];
    if !points.is_empty() {
        entries.push(Entry { key: Key::Line(way()), label: "way of the training".to_owned() });
        entries.push(Entry { key: Key::Marker(Marker::Circle, POINT, dots()), label: "moments of it".to_owned() });
    }
    if surface.minimum.is_some() {
        entries.push(Entry { key: Key::Marker(Marker::Star, 8.5, star()), label: "trained weights".to_owned() });
    }
    if !entries.is_empty() {
        let place = Rect::new(slant.x, slant.bottom() + GAP, slant.width, 50.0);
        elements.extend(legend(place, Corner::UpperLeft, &entries, LEGEND)?);
    }
    let mut bottom = top + SIDE + BELOW;
    if entries.is_empty() {
        bottom = bottom.max(slant.bottom());
    } else {
        bottom = bottom.max(slant.bottom() + GAP + LEGEND * (1.5 + 1.3 * entries.len() as f64));
    }
    if let Some(accuracies) = accuracies {
        let top = top + SIDE + BELOW + TITLE_ROOM;
        let scale = Scale::linear(0.0, 1.0)?;
        let (map, _) =
            Plane { surface, axes, at: [LEFT, top], points }.map(accuracies, (ACCURACY, &scale, "accuracy"))?;
        elements.push(chart::title("accuracy", Rect::new(LEFT, top, SIDE, SIDE), SIDE)?);
        elements.extend(map);
        bottom = bottom.max(top + SIDE + BELOW);
    }
    let mut scene = Scene::new(slant.right() + MARGIN, bottom + MARGIN, title.clone());
    scene.extend(elements);
    Ok(scene)
}

const POINT: f64 = 3.2;

/// The line of a training's way.
fn way() -> Stroke {
    Stroke::solid(Rgb::BLACK, 1.2).rounded()
}

fn dots() -> Style {
    Style { stroke: Some(Stroke::solid(Rgb::WHITE, 0.4)), ..Style::filled(Rgb::BLACK) }
}

/// The plane from above.
struct Plane<'a> {
    surface: &'a LossSurface,
    axes: &'a [String; 2],
    at: [f64; 2],
    points: &'a [[f64; 2]],
}

impl Plane<'_> {
    /// A map of fractions at the nodes, with lines of equal fractions, the path, axes and a colour bar; and where it ends.
    fn map(
        &self,
        fractions: &[f64],
        (colors, scale, name): (ColorMap, &Scale, &str),
    ) -> Result<(Vec<Element>, f64), FigureError> {
        let LossSurface { a_range, b_range, grid, minimum, .. } = self.surface;
        let rect = Rect::new(self.at[0], self.at[1], SIDE, SIDE);
        let x = Scale::linear(a_range[0], a_range[1])?;
        let y = Scale::linear(b_range[0], b_range[1])?;
        let panel = Panel { rect, x, y };
        let ground = Raster::from_grid([CELLS; 2], &refined(*grid, fractions), |f| colors.color(f))?;
        let mut elements = vec![panel.image(ground)];
        let place = |[i, j]: [f64; 2]| {
            let along = |k: f64, n: usize, [low, high]: [f64; 2]| low + (high - low) * k / (n - 1) as f64;
            panel.place([along(i, grid[0], *a_range), along(j, grid[1], *b_range)])
        };
        let lines =
            (0..LINES).flat_map(|k| contour(*grid, fractions, (k as f64 + 0.5) / LINES as f64, place)).collect();
        let thin = Style::stroked(Stroke::solid(Rgb(60, 60, 60), 0.5).rounded());
        elements.push(panel.clipped(vec![Element::Shapes { paths: lines, style: thin }]));
        if !self.points.is_empty() {
            elements.push(panel.lines(&[self.points], Stroke::solid(Rgb::WHITE, 2.4).rounded()));
            elements.push(panel.lines(&[self.points], way()));
            elements.push(panel.markers(self.points.iter().copied(), Marker::Circle, POINT, dots()));
        }
        if let Some([a, b, _]) = minimum {
            elements.push(panel.markers([[*a, *b]], Marker::Star, 8.5, star()));
        }
        elements.push(frame(&panel));
        let style = axis_style();
        elements.extend(axis(rect, Side::Bottom, &x, &ticks(&x, 4), Some(&self.axes[0]), &style)?.elements);
        elements.extend(axis(rect, Side::Left, &y, &ticks(&y, 4), Some(&self.axes[1]), &style)?.elements);
        let bar = Rect::new(rect.right() + BAR_GAP, rect.y, BAR, SIDE);
        let roomy = AxisStyle { gap: 4.0, ..axis_style() };
        let bar_axis = color_bar(bar, &colors, scale, &ticks(scale, 5), Some(name), &roomy)?;
        elements.extend(bar_axis.elements);
        Ok((elements, bar.right() + bar_axis.depth))
    }
}

/// The values at the middles of [`CELLS`] x [`CELLS`] cells over the grid, linear in both directions between its nodes.
fn refined([nx, ny]: [usize; 2], values: &[f64]) -> Vec<f64> {
    let at = |k: usize, n: usize| {
        let t = (k as f64 + 0.5) / CELLS as f64 * (n - 1) as f64;
        let below = (t.floor() as usize).min(n - 2);
        (below, t - below as f64)
    };
    let value = |row: usize, column: usize| {
        let ((j, v), (i, u)) = (at(row, ny), at(column, nx));
        let node = |i: usize, j: usize| values[j * nx + i];
        (1.0 - v) * ((1.0 - u) * node(i, j) + u * node(i + 1, j))
            + v * ((1.0 - u) * node(i, j + 1) + u * node(i + 1, j + 1))
    };
    (0..CELLS * CELLS).map(|k| value(k / CELLS, k % CELLS)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::ends;
    use crate::geometry::{Path, Point, Segment};
    use serde_json::Value;

    #[test]
    fn between_nodes_a_plane_stays_a_plane() {
        let values: Vec<f64> = (0..12).map(|k| f64::from(k % 4) + 10.0 * f64::from(k / 4)).collect();
        for (k, value) in refined([4, 3], &values).into_iter().enumerate() {
            let at = |k: usize, n: usize| (k as f64 + 0.5) / CELLS as f64 * (n - 1) as f64;
            assert!((value - at(k % CELLS, 4) - 10.0 * at(k / CELLS, 3)).abs() < 1e-12);
        }
    }

    /// The lines of equal value of the first map of a scene: both ends of every piece, from the page back to the plane.
    fn lines(scene: &Scene, surface: &LossSurface) -> Vec<[f64; 2]> {
        let rect = Rect::new(LEFT, MARGIN + TITLE_ROOM, SIDE, SIDE);
        let shapes = |element: &'_ Element| match element {
            Element::Clip { rect: of, elements } if *of == rect => match elements.as_slice() {
                [Element::Shapes { paths, .. }] => Some(paths.clone()),
                _ => None,
            },
            _ => None,
        };
        let paths = scene.elements.iter().find_map(shapes).unwrap();
        let back = |p: Point| {
            let ([a0, a1], [b0, b1]) = (surface.a_range, surface.b_range);
            let (u, v) = ((p.x - rect.x) / rect.width, (rect.bottom() - p.y) / rect.height);
            [a0 + u * (a1 - a0), b0 + v * (b1 - b0)]
        };
        let ends = |path: &Path| -> Vec<[f64; 2]> {
            let point = |segment: &Segment| match segment {
                Segment::Move(p) | Segment::Line(p) => back(*p),
                other => panic!("{other:?} in a line of equal loss"),
            };
            path.segments.iter().map(point).collect()
        };
        paths.iter().flat_map(ends).collect()
    }

    fn numbers<const N: usize>(value: &Value) -> [f64; N] {
        let all: Vec<f64> = value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
        all.try_into().unwrap()
    }

    /// A quadratic bowl of `tests/contours.json`, and its loss at a point.
    fn bowl(case: &Value, [nx, ny]: [usize; 2]) -> (LossSurface, impl Fn([f64; 2]) -> f64) {
        let [l1, l2] = numbers(&case["curvatures"]);
        let (angle, offset) = (case["angle"].as_f64().unwrap(), case["offset"].as_f64().unwrap());
        let (a_range, b_range) = (numbers(&case["a_range"]), numbers(&case["b_range"]));
        let loss = move |[a, b]: [f64; 2]| {
            let (u, v) = (angle.cos() * a + angle.sin() * b, angle.cos() * b - angle.sin() * a);
            offset + f64::midpoint(l1 * u * u, l2 * v * v)
        };
        let at = |[low, high]: [f64; 2], k: usize, n: usize| low + (high - low) * k as f64 / (n - 1) as f64;
        let losses = (0..nx * ny).map(|k| loss([at(a_range, k % nx, nx), at(b_range, k / nx, ny)])).collect();
        let logarithmic = case["logarithmic"].as_bool().unwrap();
        (LossSurface { a_range, b_range, grid: [nx, ny], losses, minimum: None, logarithmic }, loss)
    }

    fn cases() -> Vec<Value> {
        serde_json::from_str(include_str!("../tests/contours.json")).unwrap()
    }

    fn drawn(surface: &LossSurface) -> Vec<[f64; 2]> {
        let (title, axes) = (String::new(), [String::new(), String::new()]);
        let data = Landscape { title, axes, surface: surface.clone(), accuracies: None, path: None };
        lines(&landscape(&data).unwrap(), surface)
    }

    #[test]
    fn lines_of_equal_loss_go_through_the_points_that_matplotlib_draws_at_numpys_levels() {
        for case in cases() {
            let [nx, ny] = numbers(&case["grid"]).map(|n: f64| n as usize);
            let (surface, _) = bowl(&case, [nx, ny]);
            let wanted: Vec<[f64; 2]> =
                case["points"].as_array().unwrap().iter().flat_map(|of| of.as_array().unwrap()).map(numbers).collect();
            let got = drawn(&surface);
            let near = |x: &[f64; 2], all: &[[f64; 2]]| {
                all.iter().any(|y| (x[0] - y[0]).abs() < 1e-9 && (x[1] - y[1]).abs() < 1e-9)
            };
            for x in &got {
                assert!(near(x, &wanted), "{}: {x:?} is on no line of matplotlib's", case["name"]);
            }
            for x in &wanted {
                assert!(near(x, &got), "{}: nothing goes through {x:?}", case["name"]);
            }
        }
    }

    #[test]
    fn lines_of_equal_loss_of_a_bowl_are_ellipses_at_equal_steps_or_equal_ratios() {
        for case in cases() {
            // On a fine grid the points between nodes are on the ellipses, not beside them.
            let (surface, loss) = bowl(&case, [241, 241]);
            let levels: Vec<f64> = case["levels"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
            assert_eq!(levels.len(), LINES);
            let mut met = [0; LINES];
            for point in drawn(&surface) {
                let value = loss(point);
                let distance = |k: usize| (value - levels[k]).abs() / (levels[LINES - 1] - levels[0]);
                let relative = |k: usize| (value / levels[k]).ln().abs();
                let away = |k: usize| if surface.logarithmic { relative(k) } else { distance(k) };
                let nearest = (0..LINES).min_by(|&i, &j| away(i).total_cmp(&away(j))).unwrap();
                // Bounds of linear interpolation between nodes: second derivatives times a step's square, over 8.
                let bound = if surface.logarithmic { 0.02 } else { 2e-4 };
                assert!(away(nearest) < bound, "{}: loss {value} at {point:?}", case["name"]);
                met[nearest] += 1;
            }
            // The finest grid finds no new levels: all that a line can be drawn at are.
            let [low, high] = ends(&surface.losses);
            for (k, &level) in levels.iter().enumerate() {
                assert_eq!(met[k] > 0, low < level && level < high, "{}: level {k}", case["name"]);
            }
        }
    }
}

//! Figure 2: the decision boundary of a classifier in the plane and the alignment of its gradients with the top Hessian eigenvectors.

mod check;

use crate::axes::AxisStyle;
use crate::color::{ColorMap, Rgb};
use crate::colorbar::color_bar;
use crate::error::FigureError;
use crate::fonts::Face;
use crate::geometry::{Point, Rect};
use crate::label::{Label, fit_lines, significant};
use crate::layout::Grid;
use crate::marker::Marker;
use crate::panel::Panel;
use crate::raster::Raster;
use crate::scale::Scale;
use crate::scene::{Align, Element, Fill, Scene, Stroke, Style};
use crate::ticks::ticks;

/// One 2-D experiment: a row of the figure.
#[derive(Debug, Clone, PartialEq)]
pub struct PlaneRow {
    /// Its name, e.g. `gaussian` or `gauss/normal_training`; set in italics as it stands, without TeX.
    pub label: String,
    /// Left and right end of the panels.
    pub x_range: [f64; 2],
    /// Lower and upper end of the panels.
    pub y_range: [f64; 2],
    /// Training points `[N, 2]`; those outside of the ranges are not shown.
    pub points: Vec<[f64; 2]>,
    /// Class of each training point `[N]`, from 0.
    pub classes: Vec<usize>,
    /// The decision boundary as polylines in data coordinates.
    pub boundary: Vec<Vec<[f64; 2]>>,
    /// Number of cells of the maps, `[nx, ny]`; together they cover the ranges.
    pub grid: [usize; 2],
    /// One map for each eigenvector, from left to right.
    pub maps: Vec<AlignmentMap>,
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

// All lengths in points.
const PANEL_WIDTH: f64 = 108.0;
const PANEL_HEIGHT: f64 = 95.0;
const PANEL_GAP: f64 = 15.0;
const BAR_WIDTH: f64 = 6.0;
const MARGIN: f64 = 6.0;
/// Room for a title above its panel: from the panel up, with the baseline a little above the frame.
const TITLE_ROOM: f64 = 18.0;
const TITLE_RAISE: f64 = 5.5;
/// Room for an eigenvalue below its panel.
const VALUE_ROOM: f64 = 19.0;
const VALUE_DROP: f64 = 13.0;
const ROW_GAP: f64 = 7.0;
const TITLE_SIZE: f64 = 12.0;
const VALUE_SIZE: f64 = 11.0;
const NAME_SIZE: f64 = 12.0;
const NAME_LINE: f64 = 1.15 * NAME_SIZE;
const NAME_LINES: usize = 3;
const NAME_GAP: f64 = 9.0;
const FRAME: f64 = 0.8;
const BOUNDARY: f64 = 1.8;
/// Marker diameter for up to `MANY` points; smaller for more, so that the maps stay visible.
const MARKER: f64 = 3.4;
const SMALLEST_MARKER: f64 = 1.8;
const MANY: f64 = 250.0;
const MARKER_EDGE: f64 = 0.35;

/// Draws one row for each experiment: the boundary with the training points, then a map for each eigenvector.
///
/// The panels of all rows have the same size. Titles stand above the first row where all rows show the same eigenvectors,
/// else above every row; each map carries its eigenvalue; all share one colour bar from -1 to 1.
///
/// # Errors
/// Where there are no rows or a row has no maps, lengths do not fit together, a range is empty, a number is not finite, an
/// alignment lies outside of -1..1, there are more classes than markers, or a name has a character the fonts lack.
pub fn figure2(rows: &[PlaneRow]) -> Result<Scene, FigureError> {
    check::rows(rows)?;
    let names = rows
        .iter()
        .map(|row| fit_lines(&row.label, Face::Italic, NAME_SIZE, PANEL_HEIGHT, NAME_LINES))
        .collect::<Result<Vec<_>, _>>()?;
    let name_lines = names.iter().map(Vec::len).max().unwrap_or(1);
    let columns = rows.iter().map(|row| row.maps.len()).max().unwrap_or(0);
    let titles_everywhere =
        rows.windows(2).any(|pair| !pair[0].maps.iter().map(index).eq(pair[1].maps.iter().map(index)));

    let mut grid = Grid::new().column(MARGIN, NAME_LINE * name_lines as f64).column(NAME_GAP, PANEL_WIDTH);
    for _ in 0..columns {
        grid = grid.column(PANEL_GAP, PANEL_WIDTH);
    }
    grid = grid.column(0.7 * PANEL_GAP, BAR_WIDTH);
    for i in 0..rows.len() {
        let above = if i == 0 { MARGIN } else { VALUE_ROOM + ROW_GAP };
        let title = if i == 0 || titles_everywhere { TITLE_ROOM } else { 0.0 };
        grid = grid.row(above + title, PANEL_HEIGHT);
    }

    let scale = Scale::linear(-1.0, 1.0)?;
    let bar_rect = grid.whole_column(columns + 2);
    let bar = color_bar(
        bar_rect,
        &ColorMap::ALIGNMENT,
        &scale,
        &ticks(&scale, 4),
        Some("Alignment"),
        &AxisStyle { number_size: 10.0, label_size: 11.0, line: FRAME, ..AxisStyle::default() },
    )?;

    let width = bar_rect.right() + bar.depth + MARGIN;
    let mut scene = Scene::new(width, grid.bottom() + VALUE_ROOM + MARGIN / 2.0, TITLE);
    for (i, (row, name)) in rows.iter().zip(names).enumerate() {
        scene.extend(row_name(name, grid.cell(i, 0)));
        let titles = i == 0 || titles_everywhere;
        scene.extend(boundary_panel(row, grid.cell(i, 1), titles)?);
        for (j, map) in row.maps.iter().enumerate() {
            scene.extend(map_panel(row, map, &scale, grid.cell(i, j + 2), titles)?);
        }
    }
    scene.extend(bar.elements);
    Ok(scene)
}

/// The page's name in the files' metadata.
const TITLE: &str = "Decision boundary and alignment with the top Hessian eigenvectors";

fn index(map: &AlignmentMap) -> usize {
    map.index
}

/// The experiment's name, read upwards, its lines centred in `room`.
fn row_name(lines: Vec<Label>, room: Rect) -> Vec<Element> {
    let line = |size: f64| size / NAME_SIZE * NAME_LINE;
    // Flush with the panels: shorter names leave room at the left.
    let total: f64 = lines.iter().map(|l| line(l.size())).sum();
    let mut x = room.right() - total;
    let mut elements = Vec::new();
    for label in lines {
        x += line(label.size());
        // A fifth of the line lies below the baseline.
        let at = Point::new(x - 0.22 * label.size(), room.center().y);
        elements.push(Element::text_upwards(label, at, Align::Middle));
    }
    elements
}

fn panel(row: &PlaneRow, rect: Rect) -> Result<Panel, FigureError> {
    let [x, y] = [row.x_range, row.y_range].map(|[low, high]| Scale::linear(low, high));
    Ok(Panel { rect, x: x?, y: y? })
}

fn boundary_panel(row: &PlaneRow, rect: Rect, title: bool) -> Result<Vec<Element>, FigureError> {
    let panel = panel(row, rect)?;
    let mut elements = vec![panel.lines(&row.boundary, Stroke::solid(Rgb::BLACK, BOUNDARY).rounded())];
    elements.extend(points(row, &panel));
    elements.push(panel.frame(Stroke::solid(Rgb::BLACK, FRAME)));
    if title {
        elements.push(above("decision boundary", rect)?);
    }
    Ok(elements)
}

fn map_panel(
    row: &PlaneRow,
    map: &AlignmentMap,
    scale: &Scale,
    rect: Rect,
    title: bool,
) -> Result<Vec<Element>, FigureError> {
    let panel = panel(row, rect)?;
    let raster = Raster::from_grid(row.grid, &map.values, |v| ColorMap::ALIGNMENT.color(scale.fraction(v)))?;
    let mut elements = vec![panel.image(raster)];
    elements.extend(points(row, &panel));
    elements.push(panel.frame(Stroke::solid(Rgb::BLACK, FRAME)));
    if title {
        elements.push(above(&format!("$v_{{{}}}$", map.index), rect)?);
    }
    let value = format!(r"$\lambda_{{{}}} = {}$", map.index, significant(map.eigenvalue, 3));
    let value = Label::tex(&value, VALUE_SIZE)?.shrunk_to(PANEL_WIDTH + PANEL_GAP / 2.0);
    elements.push(Element::text(value, Point::new(rect.center().x, rect.bottom() + VALUE_DROP), Align::Middle));
    Ok(elements)
}

fn above(title: &str, rect: Rect) -> Result<Element, FigureError> {
    let label = Label::tex(title, TITLE_SIZE)?.shrunk_to(PANEL_WIDTH + PANEL_GAP / 2.0);
    Ok(Element::text(label, Point::new(rect.center().x, rect.y - TITLE_RAISE), Align::Middle))
}

/// The training points: black with a thin white edge, one shape for each class.
fn points(row: &PlaneRow, panel: &Panel) -> Vec<Element> {
    let style = Style { fill: Some(Fill::solid(Rgb::BLACK)), stroke: Some(Stroke::solid(Rgb::WHITE, MARKER_EDGE)) };
    let size = MARKER * (MANY / row.points.len().max(1) as f64).sqrt().min(1.0);
    let size = size.max(SMALLEST_MARKER) + MARKER_EDGE;
    let of_class = |(class, marker): (usize, &Marker)| {
        let chosen = row.points.iter().zip(&row.classes).filter(|&(_, &c)| c == class).map(|(&p, _)| p);
        panel.markers(chosen, *marker, size, style.clone())
    };
    let present = |class: &(usize, &Marker)| row.classes.contains(&class.0);
    Marker::ALL.iter().enumerate().filter(present).map(of_class).collect()
}

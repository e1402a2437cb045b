//! Many small maps on one plane, such as those of all units of a layer, each with the range of its own values.

use crate::axes::AxisStyle;
use crate::chart::{self, FRAME, MARGIN, TITLE_ROOM, frame};
use crate::check;
use crate::color::{ColorMap, Rgb};
use crate::colorbar::color_bar;
use crate::error::FigureError;
use crate::geometry::{Point, Rect};
use crate::label::Label;
use crate::panel::Panel;
use crate::raster::Raster;
use crate::scale::Scale;
use crate::scene::{Align, Element, Scene, Stroke};
use crate::ticks::ticks;

// All lengths in points.
const COLUMNS: usize = 8;
const SIDE: f64 = 66.0;
const GAP: f64 = 6.0;
/// Room above a map for its name.
const NAME_ROOM: f64 = 13.0;
const NAME_SIZE: f64 = 9.0;
const BAR: f64 = 8.0;
const BAR_HEIGHT: f64 = 130.0;

/// Maps on one plane.
#[derive(Debug, Clone, PartialEq)]
pub struct SmallMaps {
    /// The title, set in italics as it stands.
    pub title: String,
    /// Left and right end of the plane.
    pub x_range: [f64; 2],
    /// Lower and upper end of the plane.
    pub y_range: [f64; 2],
    /// Number of cells of every map, `[nx, ny]`.
    pub grid: [usize; 2],
    /// The name of each map, for [`Label::tex`], and its values `[ny, nx]` from -1 to 1, row 0 at the lowest y.
    pub maps: Vec<(String, Vec<f64>)>,
    /// Lines over every map, in data coordinates.
    pub lines: Vec<Vec<[f64; 2]>>,
    /// The name of the quantity that the colours stand for, beside the colour bar.
    pub quantity: String,
}

/// The maps in rows of eight, all in the colours of alignments, with one colour bar.
///
/// # Errors
/// Where there are no maps, one has not a value from -1 to 1 for each cell, a range is none, or a label cannot be set.
pub fn small_maps(all: &SmallMaps) -> Result<Scene, FigureError> {
    let SmallMaps { title, x_range, y_range, grid, maps, lines, quantity } = all;
    if maps.is_empty() {
        return Err(FigureError::Empty { what: "small maps".to_owned(), wanted: "map" });
    }
    let (x, y) = (Scale::linear(x_range[0], x_range[1])?, Scale::linear(y_range[0], y_range[1])?);
    let columns = maps.len().min(COLUMNS);
    let rows = maps.len().div_ceil(columns);
    let top = MARGIN + TITLE_ROOM;
    let width = columns as f64 * (SIDE + GAP) - GAP;
    let mut elements = vec![chart::name(title, Rect::new(MARGIN, top, width, SIDE), width)?];
    for (i, (name, values)) in maps.iter().enumerate() {
        check::unit(|| format!("a value of the map {}", i + 1), values)?;
        let (row, column) = (i / columns, i % columns);
        let rect = Rect::new(
            MARGIN + column as f64 * (SIDE + GAP),
            top + NAME_ROOM + row as f64 * (SIDE + NAME_ROOM + GAP),
            SIDE,
            SIDE,
        );
        let panel = Panel { rect, x, y };
        let cells = Raster::from_grid(*grid, values, |v| ColorMap::ALIGNMENT.color(f64::midpoint(1.0, v)))?;
        elements.push(panel.image(cells));
        elements.push(panel.lines(lines, Stroke::solid(Rgb::BLACK, 0.8).rounded()));
        elements.push(frame(&panel));
        let label = Label::tex(name, NAME_SIZE)?.shrunk_to(SIDE);
        elements.push(Element::text(label, Point::new(rect.center().x, rect.y - 3.0), Align::Middle));
    }
    let maps_end = top + rows as f64 * (SIDE + NAME_ROOM + GAP) - GAP;
    let bar = Rect::new(MARGIN + width + 2.0 * GAP, top + NAME_ROOM, BAR, BAR_HEIGHT);
    let height = maps_end.max(bar.bottom() + GAP);
    let unit = Scale::linear(-1.0, 1.0)?;
    let style = AxisStyle { number_size: 9.0, label_size: 10.0, line: FRAME, ..AxisStyle::default() };
    let drawn = color_bar(bar, &ColorMap::ALIGNMENT, &unit, &ticks(&unit, 3), Some(quantity), &style)?;
    elements.extend(drawn.elements);
    let mut scene = Scene::new(bar.right() + drawn.depth + MARGIN, height + MARGIN, title.clone());
    scene.extend(elements);
    Ok(scene)
}

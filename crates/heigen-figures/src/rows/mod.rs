//! Rows of panels: what a network's boundary looks like, then a map of alignments for each top Hessian eigenvector.

mod bars;
mod carried;
pub(crate) mod density;
mod embedding;
mod figures;
mod further_maps;
mod keys;
mod map_checks;
mod plane;
mod plane_check;

use bars::{OWN_BAR_GAP, OWN_BAR_WIDTH, own_bar, own_bar_room, symmetric};
pub use carried::{CarriedRow, MovedAlong};
pub use density::Density;
pub use embedding::{EmbeddingRow, SampleMap};
pub use figures::{carried_boundaries, figure2, figure3, figure5, figure6, plane_maps};
pub use further_maps::{ColorBars, ExtraMap, PlaneMapsRow};
use keys::Explained;
pub use plane::{AlignmentMap, MarginPanel, PlaneAside, PlaneRow};

use crate::axes::AxisStyle;
use crate::chart::FRAME;
use crate::color::ColorMap;
use crate::colorbar::color_bar;
use crate::error::FigureError;
use crate::fonts::Face;
use crate::geometry::{Point, Rect};
use crate::label::{Label, fit_lines, significant};
use crate::layout::Grid;
use crate::scale::Scale;
use crate::scene::{Align, Element, Scene};
use crate::ticks::ticks;

// All lengths in points.
/// Panels are as wide as this where the page has room for them, and never narrower than the other.
const PANEL_WIDTH: f64 = 108.0;
const NARROWEST_PANEL: f64 = 72.0;
/// Height of a panel, in widths.
const PANEL_HEIGHT: f64 = 0.88;
/// Pages of reports have 887 pixels for a drawing of this width: text of 10 points then has 9 pixels.
const WIDEST_PAGE: f64 = 980.0;
const PANEL_GAP: f64 = 15.0;
const BAR_WIDTH: f64 = 6.0;
/// Room for the colour bar that all maps share.
const SHARED_BAR_ROOM: f64 = 58.0;
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

/// A panel at the right end of a row.
pub(crate) struct AsideRoom {
    title: &'static str,
    /// Its width, in widths of the other panels.
    pub(crate) panels: f64,
    /// Room for its axes.
    pub(crate) left: f64,
    pub(crate) below: f64,
}

/// The texts above and below a map, for [`Label::tex`].
#[derive(PartialEq)]
struct Caption {
    title: String,
    below: Option<String>,
}

impl Caption {
    fn eigenvector(index: usize, eigenvalue: f64) -> Self {
        let below = Some(format!(r"$\lambda_{{{index}}} = {}$", significant(eigenvalue, 3)));
        Self { title: format!("$v_{{{index}}}$"), below }
    }
}

/// The largest magnitude, or none without values.
fn extent(values: &[f64]) -> Option<f64> {
    values.iter().map(|v| v.abs()).reduce(f64::max)
}

/// One network's row.
trait Row {
    /// Its name, at the left.
    fn label(&self) -> &str;
    /// The title above the first panel.
    fn first_title(&self) -> &'static str;
    /// The first panel.
    fn first(&self, rect: Rect) -> Result<Vec<Element>, FigureError>;
    /// The meaning of its markers and lines.
    fn explained(&self) -> Explained;
    /// The text below the first panel, centred at `at` on the baseline.
    fn below_first(&self, at: Point, width: f64) -> Result<Vec<Element>, FigureError>;
    /// The caption of each map.
    fn captions(&self) -> Vec<Caption>;
    /// The largest magnitude in the `i`-th map, or none where it has no colours.
    fn extent(&self, i: usize) -> Option<f64>;
    /// The `i`-th map.
    fn map(&self, i: usize, scale: &Scale, rect: Rect) -> Result<Vec<Element>, FigureError>;
    /// The room of the panel at the right end, if there is one.
    fn aside_room(&self) -> Option<AsideRoom>;
    /// The panel at the right end.
    fn aside(&self, rect: Rect) -> Result<Vec<Element>, FigureError>;
}

/// Arranges checked rows: panels of the same size, titles above the first row where all rows show the same maps, else
/// above every row; an eigenvalue below each map; colour bars as asked for.
fn compose<R: Row>(rows: &[R], bars: ColorBars, title: &str) -> Result<Scene, FigureError> {
    let captions: Vec<Vec<Caption>> = rows.iter().map(Row::captions).collect();
    let titles_of = |row: &[Caption]| row.iter().map(|c| c.title.clone()).collect::<Vec<_>>();
    let columns = captions.iter().map(Vec::len).max().unwrap_or(0);
    let titles_everywhere = captions.windows(2).any(|pair| titles_of(&pair[0]) != titles_of(&pair[1]));
    let asides: Vec<AsideRoom> = rows.iter().filter_map(Row::aside_room).collect();
    let widest = |f: fn(&AsideRoom) -> f64| asides.iter().map(f).fold(0.0, f64::max);
    let value_room = VALUE_ROOM.max(widest(|a| a.below));
    // Room at the right of each map for a bar of its own.
    let bar_room = match bars {
        ColorBars::Shared => 0.0,
        ColorBars::Each => own_bar_room(rows)?,
    };

    let between = bar_room * columns.saturating_sub(1) as f64 + PANEL_GAP * columns as f64;
    let beyond = if bars == ColorBars::Shared { SHARED_BAR_ROOM } else { bar_room };
    let aside = if asides.is_empty() { 0.0 } else { PANEL_GAP + widest(|a| a.left) };
    let taken = 2.0 * MARGIN + NAME_LINE * NAME_LINES as f64 + NAME_GAP + between + beyond + aside;
    let panel_width = (WIDEST_PAGE - taken) / (1.0 + columns as f64 + widest(|a| a.panels));
    let panel_width = panel_width.clamp(NARROWEST_PANEL, PANEL_WIDTH);
    let panel_height = PANEL_HEIGHT * panel_width;
    let value_width = panel_width + PANEL_GAP / 2.0;
    // Names may reach into the room between rows.
    let name_room = panel_height + f64::midpoint(VALUE_ROOM, ROW_GAP);
    let names = rows
        .iter()
        .map(|row| fit_lines(row.label(), Face::Italic, NAME_SIZE, name_room, NAME_LINES))
        .collect::<Result<Vec<_>, _>>()?;
    let name_lines = names.iter().map(Vec::len).max().unwrap_or(1);

    let mut grid = Grid::new().column(MARGIN, NAME_LINE * name_lines as f64).column(NAME_GAP, panel_width);
    for j in 0..columns {
        grid = grid.column(PANEL_GAP + if j == 0 { 0.0 } else { bar_room }, panel_width);
    }
    for i in 0..rows.len() {
        let above = if i == 0 { MARGIN } else { value_room + ROW_GAP };
        let title = if i == 0 || titles_everywhere { TITLE_ROOM } else { 0.0 };
        grid = grid.row(above + title, panel_height);
    }
    let unit = Scale::linear(-1.0, 1.0)?;
    let mut shared = Vec::new();
    let mut right = grid.right() + bar_room;
    if bars == ColorBars::Shared {
        let bar_rect = Rect { x: right + 0.7 * PANEL_GAP, width: BAR_WIDTH, ..grid.whole_column(0) };
        let style = AxisStyle { number_size: 10.0, label_size: 11.0, line: FRAME, ..AxisStyle::default() };
        let bar = color_bar(bar_rect, &ColorMap::ALIGNMENT, &unit, &ticks(&unit, 4), Some("Alignment"), &style)?;
        right = bar_rect.right() + bar.depth;
        shared = bar.elements;
    }
    if !asides.is_empty() {
        let gap = right - grid.right() + PANEL_GAP + widest(|a| a.left);
        grid = grid.column(gap, widest(|a| a.panels) * panel_width);
        right = grid.right();
    }

    let explained: Vec<Explained> = rows.iter().map(Row::explained).collect();
    let panels = TitledPanels { left: grid.cell(0, 1).x, right, bottom: grid.bottom() + value_room + MARGIN / 2.0 };
    let (legend, legend_height) = keys::below(&explained, &panels)?;
    let mut scene = Scene::new(right + MARGIN, panels.bottom + legend_height + MARGIN / 2.0, title);
    for (i, ((row, name), captions)) in rows.iter().zip(names).zip(&captions).enumerate() {
        let titles = i == 0 || titles_everywhere;
        scene.extend(row_name(name, grid.cell(i, 0)));
        let rect = grid.cell(i, 1);
        scene.extend(row.first(rect)?);
        let below = |rect: Rect| Point::new(rect.center().x, rect.bottom() + VALUE_DROP);
        scene.extend(row.below_first(below(rect), value_width)?);
        if titles {
            scene.push(above(row.first_title(), rect)?);
        }
        for (j, caption) in captions.iter().enumerate() {
            let rect = grid.cell(i, j + 2);
            match (bars, row.extent(j)) {
                (ColorBars::Each, Some(extent)) => {
                    let beside = Rect { x: rect.right() + OWN_BAR_GAP, width: OWN_BAR_WIDTH, ..rect };
                    scene.extend(row.map(j, &symmetric(extent)?, rect)?);
                    scene.extend(own_bar(extent, beside)?.elements);
                }
                _ => scene.extend(row.map(j, &unit, rect)?),
            }
            if titles {
                scene.push(above(&caption.title, rect)?);
            }
            if let Some(text) = &caption.below {
                let value = Label::tex(text, VALUE_SIZE)?.shrunk_to(value_width);
                scene.push(Element::text(value, below(rect), Align::Middle));
            }
        }
        if let Some(room) = row.aside_room() {
            let rect = grid.cell(i, columns + 2);
            scene.extend(row.aside(rect)?);
            if titles {
                scene.push(above(room.title, rect)?);
            }
        }
    }
    scene.extend(shared);
    scene.extend(legend);
    Ok(scene)
}

/// Where the panels end, with everything around them.
struct TitledPanels {
    left: f64,
    right: f64,
    bottom: f64,
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

fn above(title: &str, rect: Rect) -> Result<Element, FigureError> {
    let label = Label::tex(title, TITLE_SIZE)?.shrunk_to(rect.width + PANEL_GAP / 2.0);
    Ok(Element::text(label, Point::new(rect.center().x, rect.y - TITLE_RAISE), Align::Middle))
}

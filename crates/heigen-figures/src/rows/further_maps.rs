//! Rows on the plane with maps beyond the top eigenvectors', such as random directions or a reconstructed boundary.

use super::plane::PlaneRow;
use super::{AsideRoom, Caption, Explained, Row, extent};
use crate::error::FigureError;
use crate::geometry::{Point, Rect};
use crate::scale::Scale;
use crate::scene::Element;

/// A row on the plane, its maps of v_i, and further ones to their right.
#[derive(Debug, Clone, PartialEq)]
pub struct PlaneMapsRow {
    /// The row; it may be without maps of its own where there are further ones.
    pub row: PlaneRow,
    /// Further maps, from left to right.
    pub extra: Vec<ExtraMap>,
}

/// A map with a title of its own, on the grid of its row.
#[derive(Debug, Clone, PartialEq)]
pub struct ExtraMap {
    /// The title above the map, for [`Label::tex`](crate::Label::tex), e.g. `$v_{42}$`, `$r_1$` or `reconstructed boundary`.
    pub title: String,
    /// The note below the map, for [`Label::tex`](crate::Label::tex), e.g. `$\lambda_{42} = -0.001$`.
    pub note: Option<String>,
    /// Values `[ny, nx]`, row 0 at the lowest y; none for a white ground.
    pub values: Vec<f64>,
    /// Polylines above the values, in data coordinates, e.g. a reconstructed boundary.
    pub lines: Vec<Vec<[f64; 2]>>,
}

/// The colour bars that explain the colours of the maps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColorBars {
    /// One bar from -1 to 1 for all maps.
    Shared,
    /// A bar for each map, from minus to plus its largest magnitude: faint maps are seen, but maps cannot be compared.
    Each,
}

impl PlaneMapsRow {
    /// The further map behind panel `i`, or none where that is a map of v_i.
    fn extra(&self, i: usize) -> Option<&ExtraMap> {
        i.checked_sub(self.row.maps.len()).and_then(|i| self.extra.get(i))
    }
}

impl Row for PlaneMapsRow {
    fn label(&self) -> &str {
        self.row.label()
    }

    fn first_title(&self) -> &'static str {
        self.row.first_title()
    }

    fn first(&self, rect: Rect) -> Result<Vec<Element>, FigureError> {
        self.row.first(rect)
    }

    fn explained(&self) -> Explained {
        self.row.explained()
    }

    fn below_first(&self, at: Point, width: f64) -> Result<Vec<Element>, FigureError> {
        self.row.below_first(at, width)
    }

    fn captions(&self) -> Vec<Caption> {
        let extra = |m: &ExtraMap| Caption { title: m.title.clone(), below: m.note.clone() };
        self.row.captions().into_iter().chain(self.extra.iter().map(extra)).collect()
    }

    fn extent(&self, i: usize) -> Option<f64> {
        self.extra(i).map_or_else(|| self.row.extent(i), |m| extent(&m.values))
    }

    fn map(&self, i: usize, scale: &Scale, rect: Rect) -> Result<Vec<Element>, FigureError> {
        match self.extra(i) {
            Some(m) => self.row.map_panel(&m.values, &m.lines, scale, rect),
            None => self.row.map(i, scale, rect),
        }
    }

    fn aside_room(&self) -> Option<AsideRoom> {
        self.row.aside_room()
    }

    fn aside(&self, rect: Rect) -> Result<Vec<Element>, FigureError> {
        self.row.aside(rect)
    }
}

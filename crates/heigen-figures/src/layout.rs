//! A grid of boxes on the page.

use crate::geometry::Rect;

/// Columns and rows of given sizes with gaps before each, in points.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Grid {
    columns: Vec<(f64, f64)>,
    rows: Vec<(f64, f64)>,
}

impl Grid {
    /// A grid without columns and rows, at the page's upper left corner.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a column of `width`, `gap` to the right of the one before.
    #[must_use]
    pub fn column(mut self, gap: f64, width: f64) -> Self {
        self.columns.push((end(&self.columns) + gap, width));
        self
    }

    /// Adds a row of `height`, `gap` below the one before.
    #[must_use]
    pub fn row(mut self, gap: f64, height: f64) -> Self {
        self.rows.push((end(&self.rows) + gap, height));
        self
    }

    /// The box in a row and a column, counted from 0; outside of the grid it has no extent.
    pub fn cell(&self, row: usize, column: usize) -> Rect {
        let (x, width) = self.columns.get(column).copied().unwrap_or((end(&self.columns), 0.0));
        let (y, height) = self.rows.get(row).copied().unwrap_or((end(&self.rows), 0.0));
        Rect::new(x, y, width, height)
    }

    /// The box from the first row to the last in one column, for what the rows share.
    pub fn whole_column(&self, column: usize) -> Rect {
        self.cell(0, column).union(&self.cell(self.rows.len().saturating_sub(1), column))
    }

    /// Where the last column ends.
    pub fn right(&self) -> f64 {
        end(&self.columns)
    }

    /// Where the last row ends.
    pub fn bottom(&self) -> f64 {
        end(&self.rows)
    }
}

fn end(tracks: &[(f64, f64)]) -> f64 {
    tracks.last().map_or(0.0, |(start, size)| start + size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_follow_each_other() {
        let grid = Grid::new().column(5.0, 10.0).column(2.0, 20.0).row(1.0, 8.0).row(3.0, 8.0);
        assert_eq!(grid.cell(1, 1), Rect::new(17.0, 12.0, 20.0, 8.0));
        assert_eq!(grid.whole_column(1), Rect::new(17.0, 1.0, 20.0, 19.0));
        assert_eq!((grid.right(), grid.bottom()), (37.0, 20.0));
        assert_eq!(grid.cell(9, 9), Rect::new(37.0, 20.0, 0.0, 0.0));
    }
}

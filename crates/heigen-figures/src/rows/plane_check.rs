//! What must hold before a row on the plane is drawn.

use super::plane::{PlaneAside, PlaneRow};
use super::{density, maps};
use crate::error::FigureError;

pub(super) fn row(name: &str, row: &PlaneRow) -> Result<(), FigureError> {
    for (axis, [low, high]) in [("x_range", row.x_range), ("y_range", row.y_range)] {
        if !(low.is_finite() && high.is_finite() && low < high && (high - low).is_finite()) {
            let wanted = "two finite ends, the lower one first";
            return Err(FigureError::value(format!("{axis} of {name}"), format!("{low}..{high}"), wanted));
        }
    }
    maps::classes(name, &row.classes, row.points.len())?;
    maps::finite(|| format!("a training point of {name}"), &row.points)?;
    for line in &row.boundary {
        maps::finite(|| format!("a boundary point of {name}"), line)?;
    }
    let [nx, ny] = row.grid;
    if nx == 0 || ny == 0 {
        return Err(FigureError::value(format!("the grid of {name}"), format!("{nx} x {ny}"), "at least 1 x 1 cells"));
    }
    if row.maps.is_empty() {
        return Err(FigureError::Empty { what: name.to_owned(), wanted: "alignment map" });
    }
    for m in &row.maps {
        let name = format!("map {} of {name}", m.index);
        let cells = Some(nx.saturating_mul(ny));
        maps::map(&name, (m.index, m.eigenvalue), &m.values, cells, "nx * ny of the row's grid")?;
    }
    match &row.aside {
        None => Ok(()),
        Some(PlaneAside::Density(density)) => density::check(name, density),
        Some(PlaneAside::Margin(margin)) => {
            maps::finite(|| format!("a point of the margin panel of {name}"), &margin.points())?;
            match [margin.estimate, margin.distance].iter().find(|d| !d.is_finite()) {
                Some(d) => Err(FigureError::value(format!("a margin of {name}"), d, "a finite number")),
                None => Ok(()),
            }
        }
    }
}

//! Checks of the numbers of a row on the plane before it is drawn.

use super::further_maps::{ColorBars, PlaneMapsRow};
use super::plane::{PlaneAside, PlaneRow};
use super::{density, map_checks};
use crate::check;
use crate::error::FigureError;

pub(super) fn row(name: &str, row: &PlaneRow) -> Result<(), FigureError> {
    ground(name, row)?;
    check::not_empty(|| name.to_owned(), row.maps.len(), "alignment map")
}

/// A row with further maps: it may have those alone.
pub(super) fn maps_row(
    name: &str,
    PlaneMapsRow { row, extra }: &PlaneMapsRow,
    bars: ColorBars,
) -> Result<(), FigureError> {
    ground(name, row)?;
    check::not_empty(|| name.to_owned(), row.maps.len() + extra.len(), "map")?;
    for m in extra {
        let name = format!("map `{}` of {name}", m.title);
        for line in &m.lines {
            map_checks::points(|| format!("a point of a line in {name}"), line)?;
        }
        if m.values.is_empty() {
            check::not_empty(|| name.clone(), m.lines.len(), "value or line")?;
            continue;
        }
        let cells = row.grid[0].checked_mul(row.grid[1]);
        check::length(|| format!("values of {name}"), m.values.len(), cells, "nx * ny of the row's grid")?;
        match bars {
            ColorBars::Shared => check::unit(|| format!("a value of {name}"), &m.values)?,
            ColorBars::Each => check::finite(|| format!("a value of {name}"), &m.values)?,
        }
    }
    Ok(())
}

/// Everything but the number of maps.
pub(super) fn ground(name: &str, row: &PlaneRow) -> Result<(), FigureError> {
    check::range(|| format!("x_range of {name}"), row.x_range)?;
    check::range(|| format!("y_range of {name}"), row.y_range)?;
    check::classes(name, &row.classes, row.points.len())?;
    map_checks::points(|| format!("a training point of {name}"), &row.points)?;
    for line in &row.boundary {
        map_checks::points(|| format!("a boundary point of {name}"), line)?;
    }
    let [nx, ny] = row.grid;
    if nx == 0 || ny == 0 {
        return Err(FigureError::value(format!("the grid of {name}"), format!("{nx} x {ny}"), "at least 1 x 1 cells"));
    }
    for m in &row.maps {
        let name = format!("map {} of {name}", m.index);
        let cells = nx.checked_mul(ny);
        map_checks::map(&name, (m.index, m.eigenvalue), &m.values, cells, "nx * ny of the row's grid")?;
    }
    match &row.aside {
        None => Ok(()),
        Some(PlaneAside::Density(density)) => density::check(name, density),
        Some(PlaneAside::Margin(margin)) => {
            map_checks::points(|| format!("a point of the margin panel of {name}"), &margin.points())?;
            check::finite(|| format!("a margin of {name}"), [&margin.estimate, &margin.distance])
        }
    }
}

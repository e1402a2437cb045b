//! What must hold before Figure 2 is drawn.

use super::{AlignmentMap, PlaneRow};
use crate::error::FigureError;
use crate::marker::Marker;

/// Alignments are quotients of rounded numbers: this much beyond -1..1 is rounding.
const ROUNDING: f64 = 1e-6;

pub(super) fn rows(rows: &[PlaneRow]) -> Result<(), FigureError> {
    if rows.is_empty() {
        return Err(FigureError::Empty { what: "figure 2".to_owned(), wanted: "row" });
    }
    rows.iter().enumerate().try_for_each(|(i, r)| row(&format!("row {} (`{}`)", i + 1, r.label), r))
}

fn row(name: &str, row: &PlaneRow) -> Result<(), FigureError> {
    for (axis, [low, high]) in [("x_range", row.x_range), ("y_range", row.y_range)] {
        if !(low.is_finite() && high.is_finite() && low < high && (high - low).is_finite()) {
            let wanted = "two finite ends, the lower one first";
            return Err(FigureError::value(format!("{axis} of {name}"), format!("{low}..{high}"), wanted));
        }
    }
    if row.classes.len() != row.points.len() {
        return Err(FigureError::Length {
            what: format!("classes of {name}"),
            got: row.classes.len(),
            wanted: row.points.len(),
            because: "one for each training point",
        });
    }
    finite(|| format!("a training point of {name}"), &row.points)?;
    for line in &row.boundary {
        finite(|| format!("a boundary point of {name}"), line)?;
    }
    if let Some(class) = row.classes.iter().find(|&&class| Marker::for_class(class).is_none()) {
        let wanted = format!("0 to {}, one marker for each class", Marker::ALL.len() - 1);
        return Err(FigureError::value(format!("a class of {name}"), class, wanted));
    }
    let [nx, ny] = row.grid;
    if nx == 0 || ny == 0 {
        return Err(FigureError::value(format!("the grid of {name}"), format!("{nx} x {ny}"), "at least 1 x 1 cells"));
    }
    if row.maps.is_empty() {
        return Err(FigureError::Empty { what: name.to_owned(), wanted: "alignment map" });
    }
    row.maps.iter().try_for_each(|m| map(&format!("map {} of {name}", m.index), m, row.grid))
}

fn finite(what: impl Fn() -> String, points: &[[f64; 2]]) -> Result<(), FigureError> {
    match points.iter().flatten().find(|v| !v.is_finite()) {
        Some(v) => Err(FigureError::value(what(), v, "a finite number")),
        None => Ok(()),
    }
}

fn map(name: &str, map: &AlignmentMap, [nx, ny]: [usize; 2]) -> Result<(), FigureError> {
    if map.index == 0 {
        return Err(FigureError::value(format!("the index of {name}"), 0, "1 or more; v_1 has the largest eigenvalue"));
    }
    if !map.eigenvalue.is_finite() {
        return Err(FigureError::value(format!("the eigenvalue of {name}"), map.eigenvalue, "a finite number"));
    }
    if nx.checked_mul(ny) != Some(map.values.len()) {
        return Err(FigureError::Length {
            what: format!("values of {name}"),
            got: map.values.len(),
            wanted: nx.saturating_mul(ny),
            because: "nx * ny of the row's grid",
        });
    }
    match map.values.iter().find(|v| v.is_nan() || v.abs() > 1.0 + ROUNDING) {
        Some(v) => Err(FigureError::value(format!("an alignment of {name}"), v, "a number from -1 to 1")),
        None => Ok(()),
    }
}

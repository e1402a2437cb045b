//! Checks that rows on the plane and rows of embedded samples share.

use crate::error::FigureError;
use crate::marker::Marker;

/// Alignments are quotients of rounded numbers: this much beyond -1..1 is rounding.
const ROUNDING: f64 = 1e-6;

pub(super) fn finite(what: impl Fn() -> String, points: &[[f64; 2]]) -> Result<(), FigureError> {
    match points.iter().flatten().find(|v| !v.is_finite()) {
        Some(v) => Err(FigureError::value(what(), v, "a finite number")),
        None => Ok(()),
    }
}

pub(super) fn classes(name: &str, classes: &[usize], n_points: usize) -> Result<(), FigureError> {
    if classes.len() != n_points {
        return Err(FigureError::Length {
            what: format!("classes of {name}"),
            got: classes.len(),
            wanted: n_points,
            because: "one for each training point",
        });
    }
    if let Some(class) = classes.iter().find(|&&class| Marker::for_class(class).is_none()) {
        let wanted = format!("0 to {}, one marker for each class", Marker::ALL.len() - 1);
        return Err(FigureError::value(format!("a class of {name}"), class, wanted));
    }
    Ok(())
}

/// One map's numbers; `because` says where the number `wanted` of its values comes from.
pub(super) fn map(
    name: &str,
    (index, eigenvalue): (usize, f64),
    values: &[f64],
    wanted: Option<usize>,
    because: &'static str,
) -> Result<(), FigureError> {
    if index == 0 {
        return Err(FigureError::value(format!("the index of {name}"), 0, "1 or more; v_1 has the largest eigenvalue"));
    }
    if !eigenvalue.is_finite() {
        return Err(FigureError::value(format!("the eigenvalue of {name}"), eigenvalue, "a finite number"));
    }
    if wanted != Some(values.len()) {
        return Err(FigureError::Length {
            what: format!("values of {name}"),
            got: values.len(),
            wanted: wanted.unwrap_or(usize::MAX),
            because,
        });
    }
    match values.iter().find(|v| v.is_nan() || v.abs() > 1.0 + ROUNDING) {
        Some(v) => Err(FigureError::value(format!("an alignment of {name}"), v, "a number from -1 to 1")),
        None => Ok(()),
    }
}

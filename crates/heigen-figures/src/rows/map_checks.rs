//! Checks that rows on the plane and rows of embedded samples share.

use crate::check;
use crate::error::FigureError;

pub(super) fn points(what: impl Fn() -> String, points: &[[f64; 2]]) -> Result<(), FigureError> {
    check::finite(what, points.iter().flatten())
}

/// The number of an eigenvector and its eigenvalue.
pub(super) fn vector(name: &str, index: usize, eigenvalue: f64) -> Result<(), FigureError> {
    if index == 0 {
        return Err(FigureError::value(format!("the index of {name}"), 0, "1 or more; v_1 has the largest eigenvalue"));
    }
    check::finite(|| format!("the eigenvalue of {name}"), [&eigenvalue])
}

/// One map's numbers; `because` says where the number `wanted` of its values comes from.
pub(super) fn map(
    name: &str,
    (index, eigenvalue): (usize, f64),
    values: &[f64],
    wanted: Option<usize>,
    because: &'static str,
) -> Result<(), FigureError> {
    vector(name, index, eigenvalue)?;
    check::length(|| format!("values of {name}"), values.len(), wanted, because)?;
    check::unit(|| format!("an alignment of {name}"), values)
}

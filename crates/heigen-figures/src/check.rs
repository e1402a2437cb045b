//! Checks of numbers before they are drawn; the texts say what, where, got and wanted.

use crate::error::FigureError;
use crate::marker::Marker;

/// Alignments are quotients of rounded numbers: this much beyond -1..1 is rounding.
const ROUNDING: f64 = 1e-6;

pub(crate) fn finite<'a>(
    what: impl Fn() -> String,
    values: impl IntoIterator<Item = &'a f64>,
) -> Result<(), FigureError> {
    match values.into_iter().find(|v| !v.is_finite()) {
        Some(v) => Err(FigureError::value(what(), v, "a finite number")),
        None => Ok(()),
    }
}

/// Numbers from -1 to 1, such as alignments, cosines and entries of unit vectors.
pub(crate) fn unit(what: impl Fn() -> String, values: &[f64]) -> Result<(), FigureError> {
    match values.iter().find(|v| v.is_nan() || v.abs() > 1.0 + ROUNDING) {
        Some(v) => Err(FigureError::value(what(), v, "a number from -1 to 1")),
        None => Ok(()),
    }
}

pub(crate) fn length(
    what: impl Fn() -> String,
    got: usize,
    wanted: Option<usize>,
    because: &'static str,
) -> Result<(), FigureError> {
    if wanted == Some(got) {
        return Ok(());
    }
    Err(FigureError::Length { what: what(), got, wanted: wanted.unwrap_or(usize::MAX), because })
}

pub(crate) fn not_empty(what: impl Fn() -> String, count: usize, wanted: &'static str) -> Result<(), FigureError> {
    if count == 0 { Err(FigureError::Empty { what: what(), wanted }) } else { Ok(()) }
}

pub(crate) fn range(what: impl Fn() -> String, [low, high]: [f64; 2]) -> Result<(), FigureError> {
    if low.is_finite() && high.is_finite() && low < high && (high - low).is_finite() {
        return Ok(());
    }
    Err(FigureError::value(what(), format!("{low}..{high}"), "two finite ends, the lower one first"))
}

/// One class for each training point, each with a marker of its own.
pub(crate) fn classes(name: &str, classes: &[usize], n_points: usize) -> Result<(), FigureError> {
    length(|| format!("classes of {name}"), classes.len(), Some(n_points), "one for each training point")?;
    if let Some(class) = classes.iter().find(|&&class| Marker::for_class(class).is_none()) {
        let wanted = format!("0 to {}, one marker for each class", Marker::ALL.len() - 1);
        return Err(FigureError::value(format!("a class of {name}"), class, wanted));
    }
    Ok(())
}

/// A name for each class up to the largest.
pub(crate) fn class_names(name: &str, classes: &[usize], names: &[String]) -> Result<(), FigureError> {
    let needed = classes.iter().max().map_or(0, |c| c + 1);
    if names.len() >= needed {
        return Ok(());
    }
    let because = "one for each class";
    Err(FigureError::Length { what: format!("class_names of {name}"), got: names.len(), wanted: needed, because })
}

/// The number of outliers may not exceed that of eigenvalues.
pub(crate) fn outliers(name: &str, outliers: usize, eigenvalues: usize) -> Result<(), FigureError> {
    if outliers <= eigenvalues {
        return Ok(());
    }
    let wanted = format!("at most {eigenvalues}, the number of eigenvalues");
    Err(FigureError::value(format!("the outliers of {name}"), outliers, wanted))
}

//! Numbers as the report writes them.

use heigen_figures::significant;
use heigen_report::Cell;

/// Three significant digits, with the deviation over seeds behind where there is one.
pub(super) fn with_deviation(value: Option<(f64, Option<f64>)>) -> String {
    match value {
        None => "–".to_owned(),
        Some((mean, None)) => math(mean, 3),
        Some((mean, Some(deviation))) => format!("{} ± {}", math(mean, 3), math(deviation, 2)),
    }
}

/// A number, or a dash.
pub(super) fn cell(value: Option<f64>) -> Cell {
    Cell::number(value.map_or_else(|| "–".to_owned(), |v| math(v, 3)))
}

/// The same with the deviation over seeds.
pub(super) fn cell_with_deviation(value: Option<(f64, Option<f64>)>) -> Cell {
    Cell::number(with_deviation(value))
}

/// A number with `digits` significant digits, in the report's mathematics.
pub(super) fn math(value: f64, digits: usize) -> String {
    format!("${}$", significant(value, digits))
}

/// A mean of counts: without decimals where there are none.
pub(super) fn count(value: f64) -> String {
    if value.fract() == 0.0 { format!("{value:.0}") } else { format!("{value:.1}") }
}

/// A fraction in percent.
pub(super) fn percent(fraction: f64) -> String {
    format!("{:.1} %", 100.0 * fraction)
}

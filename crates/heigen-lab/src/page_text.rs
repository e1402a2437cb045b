//! Numbers and words as reports write them.

use crate::Lab;
use heigen_figures::significant;
use heigen_report::Cell;

/// Three significant digits, with the deviation over seeds behind where there is one.
pub(crate) fn with_deviation(value: Option<(f64, Option<f64>)>) -> String {
    match value {
        None => "–".to_owned(),
        Some((mean, None)) => math(mean, 3),
        Some((mean, Some(deviation))) => format!("{} ± {}", math(mean, 3), math(deviation, 2)),
    }
}

/// A number, or a dash.
pub(crate) fn cell(value: Option<f64>) -> Cell {
    Cell::number(value.map_or_else(|| "–".to_owned(), |v| math(v, 3)))
}

/// A number with its deviation over seeds, or a dash.
pub(crate) fn cell_with_deviation(value: Option<(f64, Option<f64>)>) -> Cell {
    Cell::number(with_deviation(value))
}

/// A number with `digits` significant digits, in the report's mathematics.
pub(crate) fn math(value: f64, digits: usize) -> String {
    format!("${}$", significant(value, digits))
}

/// A mean of counts: without decimals where there are none.
pub(crate) fn count(value: f64) -> String {
    if value.fract() == 0.0 { format!("{value:.0}") } else { format!("{value:.1}") }
}

/// A fraction in percent.
pub(crate) fn percent(fraction: f64) -> String {
    format!("{:.1} %", 100.0 * fraction)
}

/// Processor, threads and operating system.
pub(crate) fn machine(lab: &Lab) -> String {
    let system = std::env::consts::OS;
    heigen_report::literal(&format!("{}, {} threads, {system}", lab.machine, lab.threads()))
}

/// With a capital letter in front.
pub(crate) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

//! Numbers and words in the form in which reports show them.

use crate::Lab;
use heigen_figures::significant;
use heigen_report::Cell;

/// A number with three significant digits, followed by its deviation over seeds where there is one.
pub(crate) fn with_deviation(value: Option<(f64, Option<f64>)>) -> String {
    match value {
        None => "–".to_owned(),
        Some((mean, None)) => math(mean, 3),
        Some((mean, Some(deviation))) => format!("{} ± {}", math(mean, 3), math(deviation, 2)),
    }
}

/// A table's cell with a number, or a dash where there is none.
pub(crate) fn cell(value: Option<f64>) -> Cell {
    Cell::number(value.map_or_else(|| "–".to_owned(), |v| math(v, 3)))
}

/// A table's cell with a number and its deviation over seeds, or a dash where there is none.
pub(crate) fn cell_with_deviation(value: Option<(f64, Option<f64>)>) -> Cell {
    Cell::number(with_deviation(value))
}

/// A number with `digits` significant digits, in the report's mathematics.
pub(crate) fn math(value: f64, digits: usize) -> String {
    format!("${}$", significant(value, digits))
}

/// A mean of counts, without decimals where it is a whole number.
pub(crate) fn count(value: f64) -> String {
    if value.fract() == 0.0 { format!("{value:.0}") } else { format!("{value:.1}") }
}

/// A fraction as text in percent.
pub(crate) fn percent(fraction: f64) -> String {
    format!("{:.1} %", 100.0 * fraction)
}

/// The machine's processor, number of threads and operating system.
pub(crate) fn machine(lab: &Lab) -> String {
    let system = std::env::consts::OS;
    heigen_report::literal(&format!("{}, {} threads, {system}", lab.machine, lab.threads()))
}

/// The text with its first letter as a capital.
pub(crate) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

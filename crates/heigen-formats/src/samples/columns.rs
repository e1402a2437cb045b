//! Columns of tables: their names in messages, and the choice of the one that has the labels.

use super::{Column, SampleOptions};
use crate::error::{listed, shown};
use crate::{FormatError, Remedy};

/// Columns of labels by their usual names, the likeliest first: `y` is also a coordinate.
pub(super) const USUAL: [&str; 4] = ["label", "class", "target", "y"];

/// A column's name in messages.
pub(super) fn quoted(name: &str) -> String {
    format!("`{}`", shown(name))
}

/// The name of column `i` in messages: the one in the header, else its number counted from 1.
pub(super) fn column_name(names: Option<&[String]>, i: usize) -> String {
    names
        .and_then(|names| names.get(i))
        .filter(|name| !name.is_empty())
        .map_or((i + 1).to_string(), |name| quoted(name))
}

/// The column of the labels among `width` columns.
pub(super) fn label_column(
    names: Option<&[String]>,
    width: usize,
    options: &SampleOptions,
    origin: &str,
) -> Result<usize, FormatError> {
    let mend = "say which one has the labels";
    match (&options.label_column, names) {
        (Some(Column::Position(position)), _) => {
            let from_start = if *position < 0 { position.saturating_add_unsigned(width as u64) } else { *position };
            let chosen = usize::try_from(from_start).ok().filter(|&i| i < width);
            chosen.ok_or_else(|| {
                let wanted = format!("more for the label column {position} (0 is the first, -1 the last)");
                FormatError::holds(origin, format!("{width} columns"), wanted, mend).mended_by(Remedy::LabelColumn)
            })
        }
        (Some(Column::Name(name)), None) => {
            let wanted = format!("a first line with one named {}", quoted(name));
            Err(FormatError::holds(origin, "columns without names", wanted, "give the label column by its position"))
        }
        (Some(Column::Name(name)), Some(names)) => {
            let mut places = (0..names.len()).filter(|&i| names[i] == *name);
            match (places.next(), places.next()) {
                (Some(place), None) => Ok(place),
                (Some(_), Some(_)) => {
                    let (found, wanted) = (format!("several columns {}", quoted(name)), "one with the labels");
                    Err(FormatError::holds(origin, found, wanted, "give the label column by its position"))
                }
                (None, _) => {
                    let found = format!("the columns {}", listed(names.iter().map(String::as_str)));
                    let wanted = format!("one named {}", quoted(name));
                    Err(FormatError::holds(origin, found, wanted, mend).mended_by(Remedy::LabelColumn))
                }
            }
        }
        (None, names) => {
            let named = |usual: &&str| names?.iter().position(|name| name.eq_ignore_ascii_case(usual));
            let usual = USUAL.iter().find_map(named);
            let last = width.checked_sub(1);
            usual.or(last).ok_or_else(|| FormatError::holds(origin, "no columns", "features and a label", "add them"))
        }
    }
}

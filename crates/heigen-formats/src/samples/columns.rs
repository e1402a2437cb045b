//! Columns of tables: their names in messages, the choice of the one that has the labels, and columns that may be no
//! features.

use super::{Column, SampleOptions};
use crate::error::{listed, shown};
use crate::{FormatError, Remedy};

/// Columns of labels by their usual names, the likeliest first: `y` is also a coordinate.
pub(super) const USUAL: [&str; 4] = ["label", "class", "target", "y"];

/// How a missing value is mended. To leave its row out could change which class comes first, and with it the order of the
/// classes.
pub(super) const FILL: &str = "fill it in as it was filled in for the training";

/// Names that programs give to columns that number or name the rows.
const IDENTIFIERS: [&str; 8] = ["id", "index", "idx", "row", "rowid", "row_id", "sample_id", "unnamed: 0"];

/// Fewer rows than this may count upwards by chance.
const COUNTED: usize = 8;

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

/// The place of the column at `position` among `width` columns.
fn at(position: i64, width: usize) -> Option<usize> {
    let from_start = if position < 0 { position.saturating_add_unsigned(width as u64) } else { position };
    usize::try_from(from_start).ok().filter(|&i| i < width)
}

/// Whether each of the columns is to be left out.
pub(super) fn dropped(
    names: Option<&[String]>,
    width: usize,
    options: &SampleOptions,
    origin: &str,
) -> Result<Vec<bool>, FormatError> {
    let mut dropped = vec![false; width];
    for column in &options.drop {
        let place = match column {
            Column::Position(position) => at(*position, width),
            Column::Name(name) => names.and_then(|names| names.iter().position(|own| own == name)),
        };
        let Some(place) = place else {
            let found = match names {
                Some(names) => format!("the columns {}", listed(names.iter().map(String::as_str))),
                None => format!("{width} columns without names"),
            };
            let wanted = match column {
                Column::Name(name) => format!("one named {} to leave out", quoted(name)),
                Column::Position(position) => format!("one at the place {position} to leave out"),
            };
            let mend = "say which columns are left out";
            return Err(FormatError::holds(origin, found, wanted, mend).mended_by(Remedy::Drop));
        };
        dropped[place] = true;
    }
    Ok(dropped)
}

/// The column of the labels among `width` columns, of which some are left out.
pub(super) fn label_column(
    names: Option<&[String]>,
    width: usize,
    options: &SampleOptions,
    dropped: &[bool],
    origin: &str,
) -> Result<usize, FormatError> {
    let mend = "say which one has the labels";
    let is_kept = |i: usize| !dropped.get(i).copied().unwrap_or(false);
    match (&options.label_column, names) {
        (Some(Column::Position(position)), _) => at(*position, width).ok_or_else(|| {
            let wanted = format!("more for the label column {position} (0 is the first, -1 the last)");
            FormatError::holds(origin, format!("{width} columns"), wanted, mend).mended_by(Remedy::LabelColumn)
        }),
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
            let named = |usual: &&str| {
                let mut all = names?.iter().enumerate();
                all.find(|&(i, name)| is_kept(i) && name.eq_ignore_ascii_case(usual)).map(|(i, _)| i)
            };
            let usual = USUAL.iter().find_map(named);
            let last = (0..width).rev().find(|&i| is_kept(i));
            usual.or(last).ok_or_else(|| FormatError::holds(origin, "no columns", "features and a label", "add them"))
        }
    }
}

/// Sentences about columns of [N, d] features that look like no features: they count the rows, are named as identifiers
/// are and have no value twice, or have one value only.
pub(super) fn suspicious(features: &[f64], d: usize, names: &[String], origin: &str) -> Vec<String> {
    let n = features.len() / d.max(1);
    let value = |row: usize, i: usize| features[row * d + i];
    let counts = |i: usize| n >= COUNTED && (1..n).all(|row| value(row, i) == value(row - 1, i) + 1.0);
    let identifies = |i: usize| {
        names.get(i).is_some_and(|name| IDENTIFIERS.iter().any(|usual| name.trim().eq_ignore_ascii_case(usual))) && {
            let mut all: Vec<f64> = (0..n).map(|row| value(row, i)).collect();
            all.sort_unstable_by(f64::total_cmp);
            n >= COUNTED && all.iter().all(|x| x.fract() == 0.0) && all.windows(2).all(|pair| pair[0] < pair[1])
        }
    };
    let constant = |i: usize| n >= COUNTED && (1..n).all(|row| value(row, i) == value(0, i));
    let named = |which: &dyn Fn(usize) -> bool| -> Vec<String> {
        let name = |i: usize| names.get(i).cloned().unwrap_or_else(|| (i + 1).to_string());
        (0..d).filter(|&i| which(i)).map(name).collect()
    };
    let sentence = |found: Vec<String>, one: &str, many: &str| {
        let list = listed(found.iter().map(String::as_str));
        match found.len() {
            0 => None,
            1 => Some(format!("the column {list} of {origin} {one}")),
            _ => Some(format!("the columns {list} of {origin} {many}")),
        }
    };
    let rows = sentence(
        named(&|i| counts(i) || identifies(i)),
        "numbers the rows, and is taken as a feature; leave it out if the network was not trained on it",
        "number the rows, and are taken as features; leave them out if the network was not trained on them",
    );
    let same = sentence(named(&constant), "has the same value in every row", "have the same value in every row");
    rows.into_iter().chain(same).collect()
}

//! Targets of samples that are no classes: numbers, and classes of positions.

use super::labels::{Labels, Place};
use super::{Column, SampleOptions, columns};
use crate::error::listed;
use crate::{FormatError, Remedy};

/// The form of the labels of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TargetKind {
    /// A class for every sample.
    #[default]
    Classes,
    /// Numbers, as many for every sample.
    Numbers,
    /// A class for every position of a sample.
    Positions,
}

/// Numbers that are no classes of samples.
#[derive(Clone, Debug, PartialEq)]
pub struct Numbers {
    /// The numbers, sample after sample.
    pub values: Vec<f64>,
    /// How many a sample has.
    pub width: usize,
}

impl Labels {
    /// The labels as numbers.
    pub(super) fn numbers<R: Fn(usize) -> u64>(self, place: &Place<R>) -> Result<Numbers, FormatError> {
        let (values, width) = match self {
            Self::Numbers(values) => (values, 1),
            Self::Rows(values, width) => (values, width),
            Self::Texts(texts) => {
                let found = format!("the label {}", listed(texts.names.iter().map(String::as_str).take(1)));
                let mend = "say which column has the numbers, or take a loss of classes";
                return Err(
                    FormatError::holds(place.origin, found, "numbers as targets", mend).mended_by(Remedy::LabelColumn)
                );
            }
            Self::OneHot(places, width) => {
                let one_hot = |&y: &usize| (0..width).map(move |c| f64::from(u8::from(c == y)));
                (places.iter().flat_map(one_hot).collect(), width)
            }
        };
        if let Some(i) = values.iter().position(|value| !value.is_finite()) {
            let found = format!("{} as a target of sample {}", values[i], (place.row)(i / width.max(1)));
            return Err(FormatError::holds(place.origin, found, "finite numbers", columns::FILL));
        }
        Ok(Numbers { values, width })
    }
}

/// Takes the columns of further targets out of [N, d] features, and adds them to the `labels`.
pub(super) fn further(
    (features, names): (&mut Vec<f64>, &mut Vec<String>),
    labels: Labels,
    options: &SampleOptions,
    origin: &str,
) -> Result<Labels, FormatError> {
    if options.more_label_columns.is_empty() {
        return Ok(labels);
    }
    let d = names.len();
    let place = |column: &Column| {
        let Column::Name(name) = column else { return None };
        names.iter().position(|known| known == name)
    };
    let mut places = Vec::new();
    for column in &options.more_label_columns {
        let Some(found) = place(column) else {
            let found = format!("the columns {}", listed(names.iter().map(String::as_str)));
            let wanted = match column {
                Column::Name(name) => format!("one named {}", columns::quoted(name)),
                Column::Position(_) => "names of columns, where several have the labels".to_owned(),
            };
            let mend = "say which ones have the labels";
            return Err(FormatError::holds(origin, found, wanted, mend).mended_by(Remedy::LabelColumn));
        };
        places.push(found);
    }
    let first = Place { origin, column: None, row: |n: usize| n as u64 + 1 };
    let own = labels.numbers(&first)?;
    let mut values = Vec::with_capacity(own.values.len() * (1 + places.len()));
    let mut rest = Vec::with_capacity(features.len());
    for (row, targets) in features.chunks_exact(d.max(1)).zip(own.values.chunks_exact(own.width.max(1))) {
        values.extend_from_slice(targets);
        values.extend(places.iter().map(|&i| row[i]));
        rest.extend(row.iter().enumerate().filter(|(i, _)| !places.contains(i)).map(|(_, &x)| x));
    }
    *features = rest;
    let kept = names.iter().enumerate().filter(|(i, _)| !places.contains(i)).map(|(_, name)| name.clone());
    *names = kept.collect();
    Ok(Labels::Rows(values, own.width + places.len()))
}

//! From the labels in a file to the indices of classes.

use std::collections::HashMap;

use crate::FormatError;
use crate::error::{Cell, shown};

/// Most classes that are believed. Where there are more, the labels are something else: measurements, or names of samples.
const MAX_CLASSES: usize = 10_000;

/// The labels as a file has them.
pub(super) enum Labels {
    Numbers(Vec<f64>),
    Texts(Texts),
}

/// Labels that are texts. Every different text is kept once.
#[derive(Default)]
pub(super) struct Texts {
    places: HashMap<String, usize>,
    /// The different texts in the order of their first occurrence.
    pub(super) names: Vec<String>,
    /// Place of every label in `names`.
    pub(super) labels: Vec<usize>,
}

impl Texts {
    pub(super) fn push(&mut self, text: &str) {
        let place = self.places.get(text).copied().unwrap_or_else(|| {
            self.names.push(text.to_owned());
            self.places.insert(text.to_owned(), self.names.len() - 1);
            self.names.len() - 1
        });
        self.labels.push(place);
    }
}

impl Labels {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Numbers(numbers) => numbers.len(),
            Self::Texts(texts) => texts.labels.len(),
        }
    }

    /// The class of every sample and the names of the classes.
    pub(super) fn classes(
        self,
        origin: &str,
        column: Option<&str>,
        row: impl Fn(usize) -> u64 + Copy,
        known: Option<usize>,
    ) -> Result<(Vec<usize>, Vec<String>), FormatError> {
        let (labels, names) = match self {
            Self::Texts(texts) => {
                if texts.names.len() > MAX_CLASSES {
                    let found = format!("{} different labels", texts.names.len());
                    let mend = "say which column has the labels";
                    return Err(FormatError::holds(origin, found, format!("at most {MAX_CLASSES}"), mend));
                }
                (texts.labels, texts.names)
            }
            Self::Numbers(numbers) => {
                let labels = indices(&numbers, origin, column, row, known)?;
                let classes = known.unwrap_or_else(|| labels.iter().max().map_or(0, |&max| max + 1));
                (labels, (0..classes).map(|class| class.to_string()).collect())
            }
        };
        check_counts(&labels, &names, origin, column, row, known.is_some())?;
        Ok((labels, names))
    }
}

fn indices(
    numbers: &[f64],
    origin: &str,
    column: Option<&str>,
    row: impl Fn(usize) -> u64,
    known: Option<usize>,
) -> Result<Vec<usize>, FormatError> {
    let most = known.unwrap_or(MAX_CLASSES);
    let index = |(n, &number): (usize, &f64)| {
        let mend = if number.fract() != 0.0 || !number.is_finite() {
            "say which column has the labels, or write classes as texts"
        } else if number < 0.0 {
            "number the classes from 0, or write them as texts"
        } else if number >= most as f64 && known.is_some() {
            "take the network whose classes these are, and number the labels as in its training"
        } else if number >= MAX_CLASSES as f64 {
            "number the classes without gaps, say which column has the labels, or write classes as texts"
        } else {
            return Ok(number as usize);
        };
        let cell = Cell {
            origin: origin.to_owned(),
            row: row(n),
            column: column.map(str::to_owned),
            found: format!("the label {}", shown(&number.to_string())),
            wanted: format!("the index of a class, 0 to {}", most.saturating_sub(1)),
            mend: mend.to_owned(),
            remedy: None,
        };
        Err(cell.into())
    };
    numbers.iter().enumerate().map(index).collect()
}

/// Checks that there are two classes or more, and that every class has two samples or more. If the number of classes is
/// `known` from elsewhere, classes without any sample are allowed.
fn check_counts(
    labels: &[usize],
    names: &[String],
    origin: &str,
    column: Option<&str>,
    row: impl Fn(usize) -> u64,
    known: bool,
) -> Result<(), FormatError> {
    let mut counts = vec![0_usize; names.len()];
    labels.iter().for_each(|&label| counts[label] += 1);
    let quoted = |class: usize| shown(&names[class]);
    if let [_] = names {
        let found = format!("only the class {}", quoted(0));
        return Err(FormatError::holds(origin, found, "2 classes or more", "add samples of another class"));
    }
    if let Some(missing) = counts.iter().position(|&count| count == 0).filter(|_| !known) {
        let found = format!("labels up to {} but no sample of class {missing}", names.len() - 1);
        let mend = "number the classes without gaps, or write them as texts";
        return Err(FormatError::holds(origin, found, "samples of every class", mend));
    }
    if let Some(n) = labels.iter().position(|&label| counts[label] == 1) {
        let cell = Cell {
            origin: origin.to_owned(),
            row: row(n),
            column: column.map(str::to_owned),
            found: format!("the only sample of class {}", quoted(labels[n])),
            wanted: "2 or more of each, for training and test".to_owned(),
            mend: "add samples of that class".to_owned(),
            remedy: None,
        };
        return Err(cell.into());
    }
    Ok(())
}

//! From the labels in a file to the indices of classes.

use std::collections::{BTreeSet, HashMap};

use super::SampleOptions;
use crate::error::{Cell, listed, shown};
use crate::{FormatError, Remedy};

/// Most classes that are believed. Where there are more, the labels are something else: measurements, or names of samples.
const MAX_CLASSES: usize = 10_000;

/// The rule by which labels became the indices of classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClassOrder {
    /// The labels are the indices.
    Index,
    /// Texts in the order of their first sample.
    FirstSample,
    /// The order of the names that the caller gave.
    Given,
    /// Labels 1 to C, counted from 1.
    FromOne,
    /// The labels -1 and +1.
    Signs,
    /// As many different numbers as there are classes, in ascending order.
    Ascending,
    /// The place of the only 1 among zeros.
    OneHot,
}

impl ClassOrder {
    /// The rule in words, as the beginning of a sentence that the list of the classes ends.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Index => "labels are the numbers of classes",
            Self::FirstSample => "outputs are classes in the order of their first sample",
            Self::Given => "outputs are classes in the order of the given names",
            Self::FromOne => "labels are taken as numbers of classes that count from 1",
            Self::Signs => "the labels -1 and 1 are taken as two classes",
            Self::Ascending => "labels are taken as classes in ascending order",
            Self::OneHot => "one-hot labels are taken as the place of their 1",
        }
    }
}

/// The labels as a file has them.
pub(super) enum Labels {
    Numbers(Vec<f64>),
    Texts(Texts),
    /// The places of the ones, and the number of places.
    OneHot(Vec<usize>, usize),
    /// Several numbers a sample, sample after sample, and how many a sample has. They are no classes.
    Rows(Vec<f64>, usize),
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

/// The class of every sample, and the classes.
pub(super) struct Classes {
    pub(super) labels: Vec<usize>,
    pub(super) names: Vec<String>,
    pub(super) order: ClassOrder,
}

/// Where labels stand, for messages.
#[derive(Clone, Copy)]
pub(super) struct Place<'a, R> {
    pub(super) origin: &'a str,
    pub(super) column: Option<&'a str>,
    pub(super) row: R,
}

impl<R: Fn(usize) -> u64> Place<'_, R> {
    fn cell(&self, n: usize, found: String, wanted: String, mend: &str) -> FormatError {
        let (origin, column) = (self.origin.to_owned(), self.column.map(str::to_owned));
        Cell { origin, row: (self.row)(n), column, found, wanted, mend: mend.to_owned(), remedy: None }.into()
    }
}

impl Labels {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Numbers(numbers) => numbers.len(),
            Self::Texts(texts) => texts.labels.len(),
            Self::OneHot(places, _) => places.len(),
            Self::Rows(values, width) => values.len() / (*width).max(1),
        }
    }

    /// The class of every sample and the names of the classes.
    pub(super) fn classes<R: Fn(usize) -> u64>(
        self,
        place: &Place<R>,
        options: &SampleOptions,
    ) -> Result<Classes, FormatError> {
        let known = options.n_classes;
        if let Some(names) = &options.class_names {
            return self.named(names, place, known);
        }
        let found = match self {
            Self::Texts(texts) => {
                if texts.names.len() > known.unwrap_or(MAX_CLASSES) {
                    let found =
                        format!("{} classes: {}", texts.names.len(), listed(texts.names.iter().map(String::as_str)));
                    let wanted = match known {
                        Some(known) => format!("at most {known}, as many as the network has outputs"),
                        None => format!("at most {MAX_CLASSES}"),
                    };
                    let mend = "say which column has the labels, or take the network whose classes these are";
                    return Err(FormatError::holds(place.origin, found, wanted, mend).mended_by(Remedy::LabelColumn));
                }
                Classes { labels: texts.labels, names: texts.names, order: ClassOrder::FirstSample }
            }
            Self::Numbers(numbers) => of_numbers(&numbers, place, known)?,
            Self::OneHot(labels, width) => {
                if known.is_some_and(|known| known != width) {
                    let found = format!("one-hot labels of {width} classes");
                    let wanted = format!("{}, one for every output", known.unwrap_or_default());
                    let mend = "take the network whose classes these are";
                    return Err(FormatError::holds(place.origin, found, wanted, mend));
                }
                Classes { labels, names: indices(width), order: ClassOrder::OneHot }
            }
            Self::Rows(_, width) => return Err(not_classes(place.origin, width)),
        };
        if known.is_none() {
            check_counts(&found, place)?;
        }
        Ok(found)
    }

    /// The classes of labels whose names the caller has put in order.
    fn named<R: Fn(usize) -> u64>(
        self,
        names: &[String],
        place: &Place<R>,
        known: Option<usize>,
    ) -> Result<Classes, FormatError> {
        let texts = match self {
            Self::Texts(texts) => texts,
            // Numbers beside names that are texts are places among the names.
            Self::Numbers(numbers) if names.iter().any(|name| name.parse::<f64>().is_err()) => {
                let labels = of_numbers(&numbers, place, Some(names.len()))?.labels;
                return Ok(Classes { labels, names: names.to_vec(), order: ClassOrder::Given });
            }
            Self::Numbers(numbers) => {
                let mut texts = Texts::default();
                numbers.iter().for_each(|number| texts.push(&number.to_string()));
                texts
            }
            Self::Rows(_, width) => return Err(not_classes(place.origin, width)),
            Self::OneHot(..) => {
                let mend = "leave the names out: the places of the ones are the classes";
                return Err(FormatError::holds(place.origin, "one-hot labels", "names of classes", mend));
            }
        };
        if let Some(known) = known.filter(|&known| known != names.len()) {
            let wanted = format!("{known}, one for every output of the network");
            let found = format!("{} given names of classes", names.len());
            return Err(FormatError::holds(place.origin, found, wanted, "name all classes in the network's order")
                .mended_by(Remedy::ClassNames));
        }
        let index: Vec<Option<usize>> =
            texts.names.iter().map(|text| names.iter().position(|name| name == text)).collect();
        let class = |(n, &label): (usize, &usize)| {
            index[label].ok_or_else(|| {
                let wanted = format!("one of {}", listed(names.iter().map(String::as_str)));
                let found = format!("the label {}", shown(&texts.names[label]));
                place.cell(n, found, wanted, "name all classes in the network's order").mended_by(Remedy::ClassNames)
            })
        };
        let labels = texts.labels.iter().enumerate().map(class).collect::<Result<Vec<_>, _>>()?;
        Ok(Classes { labels, names: names.to_vec(), order: ClassOrder::Given })
    }
}

/// The error for several numbers a sample where there must be a class.
fn not_classes(origin: &str, width: usize) -> FormatError {
    FormatError::holds(
        origin,
        format!("{width} numbers a sample"),
        "one class for each",
        "say that targets are numbers",
    )
}

fn indices(n: usize) -> Vec<String> {
    (0..n).map(|class| class.to_string()).collect()
}

/// The classes of labels that are numbers; `known` is their number where the network tells it.
fn of_numbers<R: Fn(usize) -> u64>(
    numbers: &[f64],
    place: &Place<R>,
    known: Option<usize>,
) -> Result<Classes, FormatError> {
    let most = MAX_CLASSES as f64;
    if let Some(n) = numbers.iter().position(|x| x.fract() != 0.0 || !x.is_finite()) {
        let mend = "say which column has the labels; real targets, as of a regression, are not analysed yet";
        let found = format!("the label {}", numbers[n]);
        return Err(place.cell(n, found, "a class: a whole number or a text".to_owned(), mend));
    }
    let different = numbers.iter().filter(|x| x.abs() <= most).map(|&x| x as i64).collect::<BTreeSet<i64>>();
    let small = numbers.iter().all(|x| x.abs() <= most);
    let (first, last) = (different.first().copied().unwrap_or(0), different.last().copied().unwrap_or(0));
    let map = |order: ClassOrder| {
        let names: Vec<i64> = match order {
            // Of labels that count from 1 some may have no samples.
            ClassOrder::FromOne => (1..=last).collect(),
            _ => different.iter().copied().collect(),
        };
        let index: HashMap<i64, usize> = names.iter().enumerate().map(|(i, &name)| (name, i)).collect();
        let labels = numbers.iter().filter_map(|&x| index.get(&(x as i64)).copied()).collect();
        Ok(Classes { labels, names: names.iter().map(i64::to_string).collect(), order })
    };
    let limit = i64::try_from(known.unwrap_or(MAX_CLASSES)).unwrap_or(i64::MAX);
    if small && known == Some(1) && different.len() == 2 {
        let mend =
            "one logit with binary cross-entropy is not analysed yet: give the network one output for each class";
        return Err(FormatError::holds(place.origin, "two classes", "one, as the network has one output", mend));
    }
    if small && different.iter().eq(&[-1, 1]) && known.is_none_or(|known| known == 2) {
        return map(ClassOrder::Signs);
    }
    let from_one = first >= 1
        && match known {
            Some(_) => last == limit,
            None => last >= 2 && i64::try_from(different.len()) == Ok(last),
        };
    if small && from_one {
        return map(ClassOrder::FromOne);
    }
    if small && first >= 0 && last < limit {
        let labels: Vec<usize> = numbers.iter().map(|&x| x as usize).collect();
        let classes = known.unwrap_or_else(|| labels.iter().max().map_or(0, |&max| max + 1));
        return Ok(Classes { labels, names: indices(classes), order: ClassOrder::Index });
    }
    if small && known == Some(different.len()) {
        return map(ClassOrder::Ascending);
    }
    let outside = |x: &f64| *x < 0.0 || *x >= limit as f64;
    let n = numbers.iter().position(outside).unwrap_or_default();
    let mend = if known.is_some() && numbers[n] >= 0.0 {
        "take the network whose classes these are, or the labels that it was trained with"
    } else {
        "number the classes from 0 without gaps, or say which column has the labels"
    };
    let wanted = format!("the index of a class, 0 to {}", limit.saturating_sub(1));
    Err(place.cell(n, format!("the label {}", numbers[n]), wanted, mend))
}

/// Checks that there are two classes or more, and that every class has two samples or more, as a training needs them.
fn check_counts<R: Fn(usize) -> u64>(found: &Classes, place: &Place<R>) -> Result<(), FormatError> {
    let Classes { labels, names, .. } = found;
    let mut counts = vec![0_usize; names.len()];
    labels.iter().for_each(|&label| counts[label] += 1);
    let quoted = |class: usize| shown(&names[class]);
    if let [_] = &names[..] {
        let found = format!("only the class {}", quoted(0));
        return Err(FormatError::holds(place.origin, found, "2 classes or more", "add samples of another class"));
    }
    if let Some(missing) = counts.iter().position(|&count| count == 0) {
        let found = format!("labels up to {} but no sample of class {missing}", names.len() - 1);
        let mend = "number the classes without gaps, or give their number";
        return Err(FormatError::holds(place.origin, found, "samples of every class", mend));
    }
    if let Some(n) = labels.iter().position(|&label| counts[label] == 1) {
        let found = format!("the only sample of class {}", quoted(labels[n]));
        let wanted = "2 or more of each, for training and test".to_owned();
        return Err(place.cell(n, found, wanted, "add samples of that class"));
    }
    Ok(())
}

//! Classes in the order that a network's file gives them.

use crate::StoreError;
use heigen_formats::samples::Samples;
use std::path::Path;

/// The number of classes that the reader of the labels should expect: labels that are numbers are read as they are, and only
/// then looked up among the names.
pub(crate) fn expected(names: &[String]) -> usize {
    let numbers = names.iter().map(|name| name.parse::<usize>().ok()).collect::<Option<Vec<_>>>();
    numbers.and_then(|numbers| numbers.into_iter().max()).map_or(names.len(), |largest| largest.saturating_add(1))
}

/// The samples with their classes numbered by the places of their labels in `names`. Labels that are numbers, where the names
/// are texts, are places already.
pub(crate) fn ordered(mut samples: Samples, names: &[String], origin: &str) -> Result<Samples, StoreError> {
    const SHOWN: usize = 10;
    let place = |class: &String| names.iter().position(|name| name == class);
    let shows = |class: usize| samples.labels.contains(&class);
    let places: Vec<Option<usize>> = samples.classes.iter().map(place).collect();
    let missing = (0..places.len()).find(|&class| places[class].is_none() && shows(class));
    if let Some(class) = missing {
        let are_places = samples.classes.iter().enumerate().all(|(i, class)| *class == i.to_string());
        let names_are_numbers = names.iter().all(|name| name.parse::<f64>().is_ok());
        if are_places && !names_are_numbers && samples.classes.len() <= names.len() {
            samples.classes = names.to_vec();
            return Ok(samples);
        }
        let quoted = |name: &String| format!("{:?}", name.chars().take(40).collect::<String>());
        let mut known: Vec<String> = names.iter().take(SHOWN).map(quoted).collect();
        known.extend((names.len() > SHOWN).then(|| "...".to_owned()));
        return Err(StoreError::Content {
            path: Path::new(origin).to_owned(),
            found: format!("labelled by {} among others", quoted(&samples.classes[class])),
            wanted: format!("the labels that the network's file names, {}", known.join(", ")),
            mend: "take the samples of this network, or the network of these samples".to_owned(),
        });
    }
    samples.labels.iter_mut().for_each(|label| *label = places[*label].unwrap_or_default());
    samples.classes = names.to_vec();
    Ok(samples)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(labels: &[usize], classes: &[&str]) -> Samples {
        Samples {
            features: vec![0.0; labels.len()],
            shape: vec![1],
            labels: labels.to_vec(),
            classes: classes.iter().map(|&c| c.to_owned()).collect(),
            feature_names: vec![],
        }
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|&n| n.to_owned()).collect()
    }

    #[test]
    fn labels_become_places_among_the_names() {
        let ordered = |labels: &[usize], classes: &[&str], known: &[&str]| {
            ordered(samples(labels, classes), &names(known), "d.csv").map(|samples| samples.labels)
        };
        assert_eq!(ordered(&[0, 1, 0], &["b", "a"], &["a", "b", "c"]).unwrap(), [1, 0, 1]);
        assert_eq!(ordered(&[1, 3], &["0", "1", "2", "3"], &["1", "2", "3"]).unwrap(), [0, 2]);
        assert_eq!(ordered(&[0, 2], &["0", "1", "2"], &["a", "b", "c"]).unwrap(), [0, 2]);
        let error = ordered(&[0, 1], &["b", "d"], &["a", "b"]).unwrap_err().to_string();
        assert!(error.contains("labelled by \"d\"") && error.contains("\"a\", \"b\""), "{error}");
        assert!(ordered(&[0, 4], &["0", "1", "2", "3", "4"], &["1", "2", "4"]).is_err());
    }

    #[test]
    fn numbers_up_to_the_largest_name_are_read() {
        assert_eq!(expected(&names(&["3", "1", "7"])), 8);
        assert_eq!(expected(&names(&["a", "1"])), 2);
    }
}

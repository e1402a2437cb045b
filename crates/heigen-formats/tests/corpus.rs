//! The seeds of `fuzz/corpus` and thousands of changes of them: whatever the bytes, every parser returns.
#![allow(missing_docs)]

#[path = "../../../fuzz/changes.rs"]
mod changes;
mod common;

use std::io::Read;

use changes::{Random, each_changed, seeds};
use common::archive;
use heigen_formats::samples::{Column, SampleOptions, Samples, csv, idx_pair, npy_pair, npz, parquet, tsv};
use heigen_formats::{DEFAULT_LIMIT, FormatError, npy, state_dict};
use heigen_pickle::numpy::{NUMPY, byte_array, entry};

/// Changes of every seed.
const ROUNDS: usize = 100;
/// Gives `parser` every seed of `target` as it is, and changed.
fn run(target: &str, parser: impl Fn(&[u8])) {
    each_changed(&seeds(target), ROUNDS, parser);
}

/// Gives `parser` the archives among the seeds of `target` with one entry changed each time: their checksums are right,
/// so that the change gets as far as the parser of the entry.
fn run_inside(target: &str, parser: impl Fn(&[u8])) {
    let mut random = Random(1);
    for seed in seeds(target) {
        let Ok(mut whole) = zip::ZipArchive::new(std::io::Cursor::new(seed)) else { continue };
        let mut entries = Vec::new();
        for i in 0..whole.len() {
            let mut entry = whole.by_index(i).unwrap();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            entries.push((entry.name().unwrap().into_owned(), content));
        }
        for round in 0..ROUNDS {
            let mut entries = entries.clone();
            let (place, other) = (random.below(entries.len()), random.below(entries.len()));
            let other = entries[other].1.clone();
            // Half of the time the first entry: the pickle, or the features.
            random.change(&mut entries[if round % 2 == 0 { 0 } else { place }].1, &other);
            let entries: Vec<(&str, &[u8])> = entries.iter().map(|(name, content)| (&**name, &**content)).collect();
            parser(&archive(&entries, false));
        }
    }
}

fn check(found: Result<Samples, FormatError>) {
    if let Ok(found) = found {
        assert_eq!(found.features.len(), found.labels.len() * found.shape.iter().product::<usize>());
        assert!(found.features.iter().all(|value| value.is_finite()));
        assert!(found.labels.iter().all(|&label| label < found.classes.len()));
        assert!(found.feature_names.is_empty() || found.feature_names.len() == found.shape[0]);
    }
}

#[test]
fn pickles() {
    run("pickle", |bytes| {
        if let Ok(pickle) = heigen_pickle::parse(bytes, &NUMPY) {
            let _ = entry(&pickle, "data").and_then(|data| byte_array(&pickle, data));
        }
    });
}

#[test]
fn pytorch() {
    let parser = |bytes: &[u8]| {
        for tensor in state_dict::pytorch(bytes, "m.pt", None, DEFAULT_LIMIT).unwrap_or_default().tensors {
            assert_eq!(tensor.values.len(), tensor.shape.iter().product::<usize>());
        }
    };
    run("pytorch", parser);
    run_inside("pytorch", parser);
}

#[test]
fn arrays() {
    run("npy", |bytes| {
        if let Ok(array) = npy::array(bytes, "x.npy") {
            assert_eq!(array.values.len(), array.shape.iter().product::<usize>());
        }
        check(npy_pair([bytes, bytes], ["X.npy", "y.npy"], &SampleOptions::default()));
    });
}

#[test]
fn archives_of_arrays() {
    let parser = |bytes: &[u8]| {
        let _ = state_dict::npz(bytes, "w.npz", DEFAULT_LIMIT);
        check(npz(bytes, "d.npz", &SampleOptions::default()));
    };
    run("npz", parser);
    run_inside("npz", parser);
}

#[test]
fn tables_in_text() {
    run("csv", |bytes| {
        for label_column in [None, Some(Column::Position(0)), Some(Column::Name("species".to_owned()))] {
            for header in [None, Some(false), Some(true)] {
                let options = SampleOptions { label_column: label_column.clone(), header, ..SampleOptions::default() };
                check(csv(bytes, "t.csv", &options));
            }
        }
        check(tsv(bytes, "t.tsv", &SampleOptions::default()));
    });
}

#[test]
fn tables_in_parquet() {
    run("parquet", |bytes| check(parquet(bytes, "t.parquet", &SampleOptions::default())));
}

#[test]
fn idx() {
    let labels = [0, 0, 8, 1, 0, 0, 0, 4, 0, 1, 0, 1];
    run("idx", |bytes| {
        check(idx_pair([bytes, bytes], ["images", "labels"], &SampleOptions::default()));
        check(idx_pair([bytes, &labels], ["images", "labels"], &SampleOptions::default()));
    });
}

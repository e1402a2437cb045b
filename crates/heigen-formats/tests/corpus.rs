//! The seeds of `fuzz/corpus` and thousands of changes of them: whatever the bytes, every parser returns.
#![allow(missing_docs)]

mod common;

use std::io::Read;
use std::path::PathBuf;

use common::archive;
use heigen_formats::samples::{Column, SampleOptions, Samples, csv, idx_pair, npy_pair, npz, parquet, tsv};
use heigen_formats::{FormatError, npy, state_dict};
use heigen_pickle::numpy::{NUMPY, byte_array, entry};

/// Changes of every seed.
const ROUNDS: usize = 100;
/// Numbers at which sizes go wrong.
const EDGES: [u64; 8] = [0, 1, 0x7f, 0xff, 0x7fff_ffff, 0xffff_ffff, 1_000_000_000_000, u64::MAX];

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % (n.max(1) as u64)).unwrap()
    }

    /// One change: of a byte, of a number, a piece dropped, repeated or taken from `other`, or the end cut off.
    fn change(&mut self, bytes: &mut Vec<u8>, other: &[u8]) {
        let place = self.below(bytes.len());
        let end = (place + 1 + self.below(16)).min(bytes.len());
        match self.below(8) {
            0 | 1 if !bytes.is_empty() => bytes[place] = self.next() as u8,
            2 if !bytes.is_empty() => bytes[place] ^= 1 << self.below(8),
            3 => {
                let edge = EDGES[self.below(EDGES.len())];
                let edge = if self.next() & 1 == 0 { edge.to_le_bytes() } else { edge.to_be_bytes() };
                bytes[place..end].iter_mut().zip(edge).for_each(|(byte, new)| *byte = new);
            }
            4 => drop(bytes.drain(place..end)),
            5 => bytes.splice(place..place, bytes[place..end].to_vec()).for_each(drop),
            6 => {
                let start = self.below(other.len());
                let piece = &other[start..(start + 32).min(other.len())];
                bytes.splice(place..end, piece.iter().copied()).for_each(drop);
            }
            _ => bytes.truncate(place),
        }
    }
}

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let files = std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut files: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty());
    files.iter().map(|file| std::fs::read(file).unwrap()).collect()
}

/// Every seed of `target` as it is, and changed.
fn run(target: &str, parser: impl Fn(&[u8])) {
    let seeds = seeds(target);
    let mut random = Random(seeds.len() as u64);
    for seed in &seeds {
        parser(seed);
        for _ in 0..ROUNDS {
            let mut bytes = seed.clone();
            for _ in 0..=random.below(3) {
                let other = &seeds[random.below(seeds.len())];
                random.change(&mut bytes, other);
            }
            parser(&bytes);
        }
    }
}

/// As [`run`], but of the entries of archives, whose checksums are then right.
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
        for tensor in state_dict::pytorch(bytes, "m.pt").unwrap_or_default().tensors {
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
        check(npy_pair([bytes, bytes], ["X.npy", "y.npy"], None));
    });
}

#[test]
fn archives_of_arrays() {
    let parser = |bytes: &[u8]| {
        let _ = state_dict::npz(bytes, "w.npz");
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
        check(idx_pair([bytes, bytes], ["images", "labels"], None));
        check(idx_pair([bytes, &labels], ["images", "labels"], None));
    });
}

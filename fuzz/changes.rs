//! The seeds in `corpus/`, and random changes of them.
//!
//! The parsers' own tests include this file by its path: they run on the stable compiler and take seconds, where fuzzing
//! needs a nightly one and goes on for as long as it is let.
#![allow(dead_code, unreachable_pub)]

use std::path::PathBuf;

/// Numbers at which sizes go wrong.
const EDGES: [u64; 8] = [0, 1, 0x7f, 0xff, 0x7fff_ffff, 0xffff_ffff, 1_000_000_000_000, u64::MAX];

/// A stream of random numbers that is the same on every machine (SplitMix64).
pub struct Random(pub u64);

impl Random {
    /// A number of 64 bits.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// A number below `n`, or 0 if `n` is 0.
    pub fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.number() % (n.max(1) as u64)).unwrap()
    }

    /// Changes `bytes` in one place: a byte or a bit is another, a number becomes one of the edges, the longest number that
    /// protocol buffers know is put in, a piece is dropped, repeated or taken from `other`, or the end is cut off.
    pub fn change(&mut self, bytes: &mut Vec<u8>, other: &[u8]) {
        let place = self.below(bytes.len());
        let end = (place + 1 + self.below(16)).min(bytes.len());
        match self.below(9) {
            0 | 1 if !bytes.is_empty() => bytes[place] = self.number() as u8,
            2 if !bytes.is_empty() => bytes[place] ^= 1 << self.below(8),
            3 => {
                let edge = EDGES[self.below(EDGES.len())];
                let edge = if self.number() & 1 == 0 { edge.to_le_bytes() } else { edge.to_be_bytes() };
                bytes[place..end].iter_mut().zip(edge).for_each(|(byte, new)| *byte = new);
            }
            4 => drop(bytes.drain(place..end)),
            5 => bytes.splice(place..place, bytes[place..end].to_vec()).for_each(drop),
            6 => {
                let start = self.below(other.len());
                let piece = &other[start..(start + 32).min(other.len())];
                bytes.splice(place..end, piece.iter().copied()).for_each(drop);
            }
            7 => bytes.splice(place..place, [0xff; 9]).for_each(drop),
            _ => bytes.truncate(place),
        }
    }
}

/// The seeds of a fuzz target, in the order of their names.
pub fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let files = std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut files: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{}", folder.display());
    files.iter().map(|file| std::fs::read(file).unwrap()).collect()
}

/// Gives `parser` every seed as it is, and `rounds` versions of it with up to three changes each.
pub fn each_changed(seeds: &[Vec<u8>], rounds: usize, mut parser: impl FnMut(&[u8])) {
    let mut random = Random(seeds.len() as u64);
    for seed in seeds {
        parser(seed);
        for _ in 0..rounds {
            let mut bytes = seed.clone();
            for _ in 0..=random.below(3) {
                let other = &seeds[random.below(seeds.len())];
                random.change(&mut bytes, other);
            }
            parser(&bytes);
        }
    }
}

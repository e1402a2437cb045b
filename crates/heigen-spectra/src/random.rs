//! Random directions, counter-based: an entry is known from seed, column and row alone, so that neither the number of
//! pieces that a vector lies in nor the order in which they are filled changes a number.

use crate::linalg::Scalar;
use crate::philox;
use std::ops::Range;

/// Distribution of independent random entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Law {
    /// N(0, 1), by the transform of Box and Muller.
    Gaussian,
    /// +1 or -1 with equal probability.
    Rademacher,
    /// Uniform in [-1, 1). (Random signs would find a range as well where P is large, but few of them are often linearly
    /// dependent.)
    Uniform,
}

/// Philox makes this many words at a time. A Gaussian entry needs two of them: its own and its neighbour's.
const WORDS: usize = 4;

/// Rows `rows` of column `column` of the random matrix of `seed`, with independent entries of `law`.
///
/// Entry (i, j) is made of word i of `numpy.random.Philox(key=seed, counter=[0, j, 0, 0])`. With u = (word >> 11) / 2^53,
/// the double that NumPy makes of the word: `Uniform` is 2 u - 1; `Rademacher` is +1 where the highest bit is set;
/// `Gaussian` is, for the words u, v of an even row and the row after it, sqrt(-2 ln(1 - u)) times cos(2 pi v) in the even
/// and sin(2 pi v) in the odd row.
///
/// Cost: about a nanosecond an entry, ten for `Gaussian`.
///
/// ```
/// use heigen_spectra::{Law, random_entries};
/// let column = random_entries(0..100, 3, 7, Law::Gaussian);
/// assert_eq!(random_entries(41..50, 3, 7, Law::Gaussian), column[41..50]);
/// ```
pub fn random_entries(rows: Range<usize>, column: u64, seed: u64, law: Law) -> Vec<f64> {
    // Whole blocks of the generator, cut to the rows asked for.
    let first = rows.start / WORDS * WORDS;
    let mut entries = vec![0.0; rows.end.saturating_sub(first)];
    fill(&mut entries, first, column, seed, law);
    entries.split_off((rows.start - first).min(entries.len()))
}

/// Fills consecutive entries of a column, the first of which is row `first`, a multiple of four.
pub(crate) fn fill<T: Scalar>(out: &mut [T], first: usize, column: u64, seed: u64, law: Law) {
    for (block, out) in ((first / WORDS) as u64..).zip(out.chunks_mut(WORDS)) {
        let words = philox([block + 1, column, 0, 0], [seed, 0]);
        let values = match law {
            Law::Uniform => words.map(|word| 2.0 * unit(word) - 1.0),
            Law::Rademacher => words.map(|word| if word >> 63 == 1 { 1.0 } else { -1.0 }),
            Law::Gaussian => {
                let ([a, b], [c, d]) = (gaussian_pair(words[0], words[1]), gaussian_pair(words[2], words[3]));
                [a, b, c, d]
            }
        };
        out.iter_mut().zip(values).for_each(|(out, value)| *out = T::from_f64(value));
    }
}

/// Uniform on [0, 1), a multiple of 2^-53.
fn unit(word: u64) -> f64 {
    (word >> 11) as f64 / (1u64 << 53) as f64
}

/// A pair of independent Gaussian numbers from two words. The functions are those of `libm`, so the bytes are the same
/// on every machine.
fn gaussian_pair(radius: u64, angle: u64) -> [f64; 2] {
    let radius = (-2.0 * libm::log(1.0 - unit(radius))).sqrt();
    let (sine, cosine) = libm::sincos(2.0 * std::f64::consts::PI * unit(angle));
    [radius * cosine, radius * sine]
}

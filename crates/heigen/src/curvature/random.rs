//! Random directions, counter-based: an entry is known from seed, column and row alone, so that neither the number of
//! pieces that a vector lies in nor the order in which they are filled changes a number.

use crate::linalg::{Matrix, Scalar};
use crate::rng::philox;
use rayon::prelude::*;
use std::ops::Range;

/// Distribution of independent entries.
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

/// Words that Philox makes at a time; a Gaussian entry needs the word of its neighbour in a pair.
const WORDS: usize = 4;

/// Columns `columns` of the random matrix of `seed`: entries of `law`, [rows, columns].
///
/// Entry (i, j) is made of word i of `numpy.random.Philox(key=seed, counter=[0, j, 0, 0])`. With u = (word >> 11) / 2^53,
/// the double that NumPy makes of the word: `Uniform` is 2 u - 1; `Rademacher` is +1 where the highest bit is set;
/// `Gaussian` is, for the words u, v of an even row and the row after it, sqrt(-2 ln(1 - u)) times cos(2 pi v) in the even
/// and sin(2 pi v) in the odd row.
pub fn random<T: Scalar>(rows: usize, columns: Range<u64>, seed: u32, law: Law) -> Matrix<T> {
    let count = (columns.end - columns.start) as usize;
    let mut out = Matrix::zeros(rows, count);
    let chunks = out.data.par_chunks_mut(rows.max(1)).enumerate();
    chunks.for_each(|(j, out)| fill(out, 0, columns.start + j as u64, seed, law));
    out
}

/// Fills consecutive entries of a column, the first of which is row `first`, a multiple of four.
fn fill<T: Scalar>(out: &mut [T], first: usize, column: u64, seed: u32, law: Law) {
    for (block, out) in ((first / WORDS) as u64..).zip(out.chunks_mut(WORDS)) {
        let words = philox([block + 1, column, 0, 0], [u64::from(seed), 0]);
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

/// The functions are those of `libm`: the same bytes on every machine.
fn gaussian_pair(radius: u64, angle: u64) -> [f64; 2] {
    let radius = (-2.0 * libm::log(1.0 - unit(radius))).sqrt();
    let (sine, cosine) = libm::sincos(2.0 * std::f64::consts::PI * unit(angle));
    [radius * cosine, radius * sine]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_do_not_depend_on_how_many_are_asked_for() {
        for law in [Law::Gaussian, Law::Rademacher, Law::Uniform] {
            let all: Matrix<f64> = random(11, 0..5, 7, law);
            let some: Matrix<f64> = random(6, 2..4, 7, law);
            (0..2).for_each(|j| assert_eq!(some.column(j), &all.column(j + 2)[..6]));
            let mut tail = vec![0.0; 7];
            fill(&mut tail, 4, 3, 7, law);
            assert_eq!(tail, &all.column(3)[4..]);
        }
    }
}

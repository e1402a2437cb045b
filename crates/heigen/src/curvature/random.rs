//! Random directions: seeded streams, so that every estimate has the same bytes on every machine.

use crate::linalg::{Matrix, Scalar};
use crate::rng::NumpyRandomState;

/// Independent N(0, 1) entries, [rows, columns], column after column.
pub(super) fn gaussian<T: Scalar>(rows: usize, columns: usize, stream: &mut NumpyRandomState) -> Matrix<T> {
    let data = (0..rows * columns).map(|_| T::from_f64(stream.randn())).collect();
    Matrix { data, rows, columns }
}

/// Independent entries +1 or -1 with equal probability, [rows, columns], column after column.
pub(super) fn rademacher<T: Scalar>(rows: usize, columns: usize, stream: &mut NumpyRandomState) -> Matrix<T> {
    let data = (0..rows * columns).map(|_| if stream.randint(0, 2) == 1 { T::ONE } else { -T::ONE }).collect();
    Matrix { data, rows, columns }
}

/// Independent entries uniform in (-1, 1), [rows, columns], column after column. (Random signs would find a range as well
/// where P is large, but few of them are often linearly dependent.)
pub(super) fn uniform<T: Scalar>(rows: usize, columns: usize, stream: &mut NumpyRandomState) -> Matrix<T> {
    let data = (0..rows * columns).map(|_| T::from_f64(2.0 * stream.random_sample() - 1.0)).collect();
    Matrix { data, rows, columns }
}

/// sum_i a_i b_i in float64, in the order of the entries.
pub(super) fn dot<T: Scalar>(a: &[T], b: &[T]) -> f64 {
    // Eight sums that do not wait for one another; their number is fixed, so the result is too.
    const LANES: usize = 8;
    let mut sums = [0.0f64; LANES];
    let (a_chunks, a_rest) = a.as_chunks::<LANES>();
    let (b_chunks, b_rest) = b.as_chunks::<LANES>();
    for (a, b) in a_chunks.iter().zip(b_chunks) {
        for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += a.to_f64() * b.to_f64();
        }
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(a, b)| a.to_f64() * b.to_f64()).sum();
    sums.iter().sum::<f64>() + rest
}

/// Euclidean norm in float64.
pub(super) fn norm<T: Scalar>(a: &[T]) -> f64 {
    dot(a, a).sqrt()
}

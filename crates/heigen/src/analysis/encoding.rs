//! Classification by the signs of alignments: how much of the predicted class they tell.

use crate::linalg::{Matrix, Scalar};
use std::collections::BTreeMap;

/// How well inputs are classified by the signs of their alignments with k directions.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct SignEncoding {
    /// k, the number of directions.
    pub n_directions: usize,
    /// Fraction of inputs whose predicted class is the most frequent one among the inputs with the same signs.
    pub accuracy: f64,
    /// Fraction of inputs in the most frequent class: the accuracy without any direction.
    pub majority: f64,
}

/// The accuracy of the best rule that gives every pattern of signs (A_1 >= 0, ..., A_k >= 0) one class.
///
/// If the leading eigenvectors encode the decision boundary, crossing it changes a sign, and few directions tell the
/// class; random directions tell it worse.
///
/// # Shapes
/// `alignments` [k, M], `classes` `[M]`.
pub fn sign_encoding<T: Scalar>(alignments: &Matrix<T>, classes: &[usize]) -> SignEncoding {
    let n_directions = alignments.rows;
    let mut patterns: BTreeMap<Vec<bool>, BTreeMap<usize, usize>> = BTreeMap::new();
    let mut totals: BTreeMap<usize, usize> = BTreeMap::new();
    for (n, &class) in classes.iter().enumerate() {
        let column = if n_directions == 0 { &[] } else { alignments.column(n) };
        let signs = column.iter().map(|&a| a >= T::ZERO).collect();
        *patterns.entry(signs).or_default().entry(class).or_default() += 1;
        *totals.entry(class).or_default() += 1;
    }
    let most = |counts: &BTreeMap<usize, usize>| counts.values().copied().max().unwrap_or(0);
    let n = classes.len().max(1) as f64;
    SignEncoding {
        n_directions,
        accuracy: patterns.values().map(most).sum::<usize>() as f64 / n,
        majority: most(&totals) as f64 / n,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_that_tell_everything_half_or_nothing() {
        let classes = [0, 0, 1, 1, 2, 2, 2, 2];
        let first = [1.0, 1.0, 1.0, 1.0, -1.0, -1.0, -0.5, -2.0];
        let second = [1.0, 2.0, -1.0, -1.0, 1.0, -1.0, 1.0, -1.0];
        let both: Vec<f64> = first.iter().zip(second).flat_map(|(&a, b)| [a, b]).collect();
        let of = |data: Vec<f64>, rows: usize| {
            sign_encoding(&Matrix { columns: data.len().checked_div(rows).unwrap_or(0), data, rows }, &classes)
        };
        assert_eq!(of(both, 2), SignEncoding { n_directions: 2, accuracy: 1.0, majority: 0.5 });
        // The first direction alone cannot tell class 0 from class 1.
        assert_eq!(of(first.to_vec(), 1).accuracy, 6.0 / 8.0);
        assert_eq!(of(vec![], 0).accuracy, 0.5);
    }
}

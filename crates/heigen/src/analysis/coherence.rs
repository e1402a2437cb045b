//! Coherence: how parallel per-example gradients are.

use super::generalization::norm;
use crate::curvature::SMALLEST_NORM;
use crate::linalg::{Matrix, Scalar};

/// Cosine similarities of all pairs of columns of `gradients` [P, M]: [M, M], 0 where a gradient vanishes
/// (|g| <= 1e-20).
pub fn cosine_similarities<T: Scalar>(gradients: &Matrix<T>) -> Matrix<T> {
    let mut unit = gradients.clone();
    for j in 0..unit.columns {
        let length = norm(unit.column(j));
        let inverse = if length.to_f64() > SMALLEST_NORM { T::ONE / length } else { T::ZERO };
        unit.column_mut(j).iter_mut().for_each(|x| *x *= inverse);
    }
    unit.transposed_product(&unit)
}

/// The order of the samples by class, and within a class by number: the rows and columns of the loss coherence.
pub fn class_order(labels: &[usize]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..labels.len()).collect();
    order.sort_by_key(|&n| labels[n]);
    order
}

/// The order of the logit gradients, (c, n) for logit c of sample n, by logit, then by class: the rows and columns of
/// the logit coherence.
pub fn logit_order(labels: &[usize], n_classes: usize) -> Vec<(usize, usize)> {
    (0..n_classes).flat_map(|c| class_order(labels).into_iter().map(move |n| (c, n))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cosines_of_known_vectors() {
        let g = Matrix { data: vec![1.0, 0.0, 3.0, 3.0, 0.0, 0.0, -2.0, 0.0], rows: 2, columns: 4 };
        let c = cosine_similarities(&g);
        let diagonal = 0.5f64.sqrt();
        let wanted = [
            [1.0, diagonal, 0.0, -1.0],
            [diagonal, 1.0, 0.0, -diagonal],
            [0.0, 0.0, 0.0, 0.0],
            [-1.0, -diagonal, 0.0, 1.0],
        ];
        for (i, row) in wanted.iter().enumerate() {
            for (j, w) in row.iter().enumerate() {
                assert!((c.data[i + 4 * j] - w).abs() < 1e-15, "{i} {j}");
            }
        }
        assert_eq!(class_order(&[2, 0, 1, 0]), [1, 3, 2, 0]);
        assert_eq!(logit_order(&[1, 0], 2), [(0, 1), (0, 0), (1, 1), (1, 0)]);
    }
}

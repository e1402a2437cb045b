//! Hierarchical clustering, which puts rows that are alike next to each other.

use crate::linalg::{Matrix, Scalar};

/// The order of the columns of `items` in the tree of average linkage on Euclidean distances, as SciPy's
/// `leaves_list(linkage(items.T, "average"))` gives it.
///
/// # Shapes
/// `items` [d, n], an item a column; the order `[n]`.
///
/// # References
/// Müllner, arXiv:1109.2378; arXiv:2306.07104, Figure 1.
pub fn cluster_order<T: Scalar>(items: &Matrix<T>) -> Vec<usize> {
    let n = items.columns;
    if n < 2 {
        return (0..n).collect();
    }
    let squared = |a: &[T], b: &[T]| a.iter().zip(b).map(|(a, b)| (a.to_f64() - b.to_f64()).powi(2)).sum::<f64>();
    let mut condensed = Vec::with_capacity(n * (n - 1) / 2);
    for i in 0..n {
        condensed.extend((i + 1..n).map(|j| squared(items.column(i), items.column(j)).sqrt()));
    }
    let tree = kodama::linkage(&mut condensed, n, kodama::Method::Average);
    let mut order = Vec::with_capacity(n);
    // The clusters from number n on are the steps of the tree, and the last one is its root. The left branch is walked
    // first.
    let mut open = vec![2 * n - 2];
    while let Some(cluster) = open.pop() {
        if cluster < n {
            order.push(cluster);
        } else {
            let step = &tree[cluster - n];
            open.extend([step.cluster2, step.cluster1]);
        }
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_is_scipys() {
        // scipy.cluster.hierarchy.leaves_list(linkage([[0], [10], [1], [11], [5]], "average"))
        let items = Matrix { data: vec![0.0, 10.0, 1.0, 11.0, 5.0], rows: 1, columns: 5 };
        assert_eq!(cluster_order(&items), [1, 3, 4, 0, 2]);
        assert_eq!(cluster_order(&Matrix::<f64>::zeros(3, 1)), [0]);
        assert_eq!(cluster_order(&Matrix::<f64>::zeros(3, 0)), [0usize; 0]);
    }
}

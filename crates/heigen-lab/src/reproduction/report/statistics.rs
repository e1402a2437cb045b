//! Means over seeds and rank correlation.

/// The mean and the sample standard deviation; the deviation needs two values or more, and no values have no mean.
pub(super) fn mean(values: &[f64]) -> Option<(f64, Option<f64>)> {
    let n = values.len() as f64;
    if values.is_empty() {
        return None;
    }
    let mean = values.iter().sum::<f64>() / n;
    let deviation =
        (values.len() > 1).then(|| (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt());
    Some((mean, deviation))
}

/// Spearman's rank correlation: Pearson's correlation of the ranks, where equal values share their mean rank. `None`
/// for fewer than three pairs, or where one side is constant.
pub(super) fn spearman(pairs: &[(f64, f64)]) -> Option<f64> {
    if pairs.len() < 3 {
        return None;
    }
    let ranks = |values: Vec<f64>| -> Vec<f64> {
        let below = |v: f64| values.iter().filter(|&&w| w < v).count() as f64;
        let equal = |v: f64| values.iter().filter(|&&w| w == v).count() as f64;
        values.iter().map(|&v| below(v) + f64::midpoint(equal(v), 1.0)).collect()
    };
    let (a, b) = (ranks(pairs.iter().map(|p| p.0).collect()), ranks(pairs.iter().map(|p| p.1).collect()));
    let middle = f64::midpoint(pairs.len() as f64, 1.0);
    let product = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| (x - middle) * (y - middle)).sum::<f64>();
    let scale = (product(&a, &a) * product(&b, &b)).sqrt();
    (scale > 0.0).then(|| product(&a, &b) / scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_have_deviations_from_two_values_on() {
        assert_eq!(mean(&[]), None);
        assert_eq!(mean(&[3.0]), Some((3.0, None)));
        assert_eq!(mean(&[1.0, 3.0]), Some((2.0, Some(2f64.sqrt()))));
    }

    #[test]
    fn rank_correlations_are_scipys() {
        assert_eq!(spearman(&[(1.0, 10.0), (2.0, 20.0), (9.0, 21.0)]), Some(1.0));
        assert_eq!(spearman(&[(1.0, 3.0), (2.0, 2.0), (3.0, -1.0)]), Some(-1.0));
        // scipy.stats.spearmanr([1, 2, 2, 4, 5], [2, 1, 3, 3, 8]).statistic
        let ties = spearman(&[(1.0, 2.0), (2.0, 1.0), (2.0, 3.0), (4.0, 3.0), (5.0, 8.0)]);
        assert!((ties.unwrap() - 0.763_157_894_736_842_1).abs() < 1e-12, "{ties:?}");
        assert_eq!(spearman(&[(1.0, 1.0), (1.0, 2.0), (1.0, 3.0)]), None);
        assert_eq!(spearman(&[(1.0, 1.0), (2.0, 2.0)]), None);
    }
}

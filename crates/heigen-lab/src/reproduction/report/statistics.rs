//! Means over seeds.

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_have_deviations_from_two_values_on() {
        assert_eq!(mean(&[]), None);
        assert_eq!(mean(&[3.0]), Some((3.0, None)));
        assert_eq!(mean(&[1.0, 3.0]), Some((2.0, Some(2f64.sqrt()))));
    }
}

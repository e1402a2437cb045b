//! Outliers of the spectrum, counted.

/// Eigenvalues that stand apart from the bulk at the upper end.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Outliers {
    /// How many.
    pub count: usize,
    /// The smallest gap that separates, as a fraction of lambda_1.
    pub gap: f64,
    /// The count with half that gap.
    pub count_at_half_gap: usize,
    /// The count with twice that gap.
    pub count_at_double_gap: usize,
}

/// A gap of this fraction of lambda_1 is 10 bins of the paper's 200-bin densities: what the eye takes as apart.
const GAP: f64 = 0.05;

impl Outliers {
    /// Counts from eigenvalues in ascending order: walking down from lambda_1, every eigenvalue is an outlier as long
    /// as the gap below it is at least 5 % of lambda_1.
    ///
    /// With the published eigenvalues of arXiv:2306.07104 (Figures 3 and 6) the rule marks what the authors marked by
    /// hand: .154 .023 | .009 .006 .005 and 5.09 2.30 1.42 .63 | .35.
    pub fn count(ascending: &[f64]) -> Self {
        let count = |gap: f64| {
            let top = ascending.last().copied().unwrap_or(0.0);
            let apart = |pair: &[f64]| pair[1] > 0.0 && pair[1] - pair[0] >= gap * top;
            ascending.windows(2).rev().take_while(|pair| apart(pair)).count()
        };
        Self { count: count(GAP), gap: GAP, count_at_half_gap: count(GAP / 2.0), count_at_double_gap: count(GAP * 2.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_spectra_have_the_published_counts() {
        let count = |top: &[f64]| {
            let mut ascending = vec![0.0; 50];
            ascending.extend(top.iter().rev());
            Outliers::count(&ascending).count
        };
        assert_eq!(count(&[0.154, 0.023, 0.009, 0.006, 0.005]), 2);
        assert_eq!(count(&[5.09, 2.30, 1.42, 0.63, 0.35, 0.34, 0.31]), 4);
        assert_eq!(count(&[0.016, 0.0005, 0.0003]), 1);
        assert_eq!(Outliers::count(&[]).count, 0);
        assert_eq!(Outliers::count(&[0.0, 0.0]).count, 0);
    }
}

//! Counts of the outliers of a spectrum.

/// Eigenvalues that stand apart from the bulk at the upper end.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Outliers {
    /// Number of outliers.
    pub count: usize,
    /// The smallest gap that separates outliers from the bulk, as a fraction of lambda_1.
    pub gap: f64,
    /// The number of outliers with half that gap.
    pub count_at_half_gap: usize,
    /// The number of outliers with twice that gap.
    pub count_at_double_gap: usize,
    /// The numbers of outliers with other gaps, smallest gap first. (Summaries of older versions have none.)
    #[serde(default)]
    pub sensitivity: Vec<GapCount>,
}

/// The number of outliers with another separating gap.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct GapCount {
    /// The gap as a fraction of lambda_1.
    pub gap: f64,
    /// The number of eigenvalues that the gap separates from the bulk.
    pub count: usize,
}

/// A gap of this fraction of lambda_1 is 10 bins of the paper's 200-bin densities: the eye sees the two sides as apart.
const GAP: f64 = 0.05;
/// The other gaps, from 2 bins to a fifth of the axis.
const OTHER_GAPS: [f64; 7] = [0.01, 0.02, 0.03, 0.04, 0.06, 0.08, 0.2];

impl Outliers {
    /// Counts from eigenvalues in ascending order: the bulk ends below the lowest gap between neighbouring eigenvalues
    /// of at least 5 % of lambda_1; every eigenvalue above that gap is an outlier, however close outliers are to each
    /// other.
    ///
    /// With the published eigenvalues of arXiv:2306.07104 (Figures 3 and 6; up to five of each spectrum are published, the
    /// next one is taken to be well below where it is not) the rule marks what the authors marked by hand:
    /// .154 .023 | .009 .006 .005, then .003 .001 .001 |, .016 | and 5.09 2.30 1.42 .63 | .35; not those of the
    /// adversarial MNIST minimum, 15.0 2.07 1.04 .61 .55, four or more by hand and two by this rule.
    ///
    /// Why this rule and no other: the largest ratio of neighbours (a gap in log lambda) separates one eigenvalue of the
    /// first spectrum; the first empty bin of the paper's 200-bin density separates three of the published ones and five
    /// of our own spectra of that kind; walking down from lambda_1 until a gap is small stops between the two equal
    /// eigenvalues of the second. The 5 % were chosen after looking at these spectra: gaps from 4 % to 5 % fit the four
    /// above. On our own minima (seeds 0, 1, 2) the rule finds 2 2 2 where 2 are published (fresh start), 2 3 4 where 3
    /// are (adversarial start), 2 1 3 where 1 is (large norm), and 2 where 4 are (MNIST, seed 0). `sensitivity` says how
    /// much a count depends on the choice.
    pub fn count(ascending: &[f64]) -> Self {
        let count = |gap: f64| {
            let top = ascending.last().copied().unwrap_or(0.0);
            let apart = |pair: &[f64]| pair[1] > 0.0 && pair[1] - pair[0] >= gap * top;
            let bulk_end = ascending.windows(2).position(apart);
            bulk_end.map_or(0, |i| ascending.len() - 1 - i)
        };
        Self {
            count: count(GAP),
            gap: GAP,
            count_at_half_gap: count(GAP / 2.0),
            count_at_double_gap: count(GAP * 2.0),
            sensitivity: OTHER_GAPS.iter().map(|&gap| GapCount { gap, count: count(gap) }).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outliers(top: &[f64]) -> Outliers {
        let mut ascending = vec![0.0; 50];
        ascending.extend(top.iter().rev());
        Outliers::count(&ascending)
    }

    #[test]
    fn published_spectra_have_the_published_counts() {
        let count = |top: &[f64]| outliers(top).count;
        assert_eq!(count(&[0.154, 0.023, 0.009, 0.006, 0.005]), 2);
        assert_eq!(count(&[0.003, 0.001, 0.001, 1e-5]), 3);
        assert_eq!(count(&[0.016, 0.0005, 0.0003]), 1);
        assert_eq!(count(&[5.09, 2.30, 1.42, 0.63, 0.35, 0.31, 0.2, 0.1]), 4);
        assert_eq!(Outliers::count(&[]).count, 0);
        assert_eq!(Outliers::count(&[0.0, 0.0]).count, 0);
    }

    /// Regression: two equal outliers hid each other and all outliers below them.
    #[test]
    fn outliers_may_be_close_to_each_other() {
        // Adversarial start, seed 2.
        let found = outliers(&[3.543e-3, 3.08e-3, 8.886e-4, 7.503e-4, 2.647e-5, 2.58e-6, 2.56e-6]);
        assert_eq!((found.count, found.count_at_half_gap, found.count_at_double_gap), (4, 4, 4));
        assert!(found.sensitivity.iter().all(|s| s.count == 4), "{found:?}");
    }

    /// Seeds 0, 1, 2 of the gauss set from a fresh start: two, as published.
    #[test]
    fn own_spectra_of_a_fresh_start() {
        for top in [
            [0.113, 0.02335, 0.008896, 0.005886, 0.004834, 0.002257],
            [0.1099, 0.03502, 0.008789, 0.005772, 0.003343, 0.001991],
            [0.1036, 0.02727, 0.008846, 0.005849, 0.00448, 0.002172],
        ] {
            let found = outliers(&top);
            assert_eq!((found.count, found.count_at_half_gap, found.count_at_double_gap), (2, 3, 2), "{top:?}");
        }
    }

    #[test]
    fn negative_eigenvalues_and_a_bulk_without_outliers() {
        let bulk: Vec<f64> = (0..=100).map(|i| f64::from(i) / 100.0).collect();
        assert_eq!(Outliers::count(&bulk).count, 0);
        assert_eq!(Outliers::count(&[-1.0, -0.5]).count, 0);
        assert_eq!(Outliers::count(&[-1.0, -0.9, 0.1]).count, 1);
    }
}

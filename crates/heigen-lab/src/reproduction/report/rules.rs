//! The rules by which measured numbers speak for or against a claim, and findings become a verdict. Numbers only: what
//! they are called is said elsewhere. [`STATED`] is what the page tells its reader about them.

use crate::statistics::spearman;
use heigen_report::Verdict;

/// The side that a finding is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// It speaks for the claim.
    For,
    /// It is a counter-example.
    Against,
    /// It does not tell.
    Open,
}

/// The rules that hold for all claims, as the page states them.
pub(super) const STATED: [&str; 2] = [
    "Verdicts follow fixed rules. Every claim lists its findings: those for it, every counter-example, and those that do \
     not tell. A claim is *supported* if there are findings for it and none against it, *contradicted* if there are \
     findings against it and none for it, *mixed* if there are both, *undecided* if no finding tells, and *not measured* if \
     there are no findings. Beside the verdict stands how many minima and seeds it rests on: with one seed it is a single \
     draw, without any estimate of the scatter.",
    "A minimum is the weights at which a training ended, as in the paper; its gradient is small and not zero, and the Hessian \
     has some negative eigenvalues there. Two numbers are compared seed by seed; if the claimed order holds at some seeds only, the comparison counts on both \
     sides. Numbers are compared in the three digits that the tables show, and equal is not smaller. A rank correlation over \
     $n$ minima tells only where it is farther from 0 than $1.64 \\, (n - 1)^{-1/2}$, which independent numbers exceed in one \
     of twenty cases on either side, and where $n$ is at least 6. Numbers of outliers depend on the gap that defines them: where \
     their order is another one at half or at twice that gap, their comparison does not tell.",
];

/// The verdict to which findings on these sides come.
pub(super) fn verdict(sides: &[Side]) -> Verdict {
    Verdict::of_findings(sides.iter().map(|side| match side {
        Side::For => Some(true),
        Side::Against => Some(false),
        Side::Open => None,
    }))
}

/// The number as the tables show it, with three significant digits.
pub(super) fn shown(value: f64) -> f64 {
    format!("{value:.2e}").parse().unwrap_or(value)
}

/// Whether the first number is smaller, in the digits that are shown.
pub(super) fn smaller((a, b): (f64, f64)) -> bool {
    shown(a) < shown(b)
}

/// Whether the first number is smaller or equal, in the digits that are shown.
pub(super) fn no_larger((a, b): (f64, f64)) -> bool {
    shown(a) <= shown(b)
}

/// At how many seeds the claimed order holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Seeds at which it holds.
    pub(super) holds: usize,
    /// Seeds at which it does not.
    pub(super) fails: usize,
    /// Seeds that do not tell.
    pub(super) open: usize,
}

impl Tally {
    /// Counts the pairs, one for each seed, that are in the claimed `order`.
    pub(super) fn of(pairs: &[(f64, f64)], order: fn((f64, f64)) -> bool) -> Self {
        let holds = pairs.iter().filter(|&&pair| order(pair)).count();
        Self { holds, fails: pairs.len() - holds, open: 0 }
    }

    /// Counts pairs of outliers by gap, one for each seed: a seed tells only where the claimed `order` holds at every gap, or
    /// at none.
    pub(super) fn at_every_gap(pairs: &[([f64; 3], [f64; 3])], order: fn((f64, f64)) -> bool) -> Self {
        let mut tally = Self::default();
        for (a, b) in pairs {
            match (0..3).filter(|&gap| order((a[gap], b[gap]))).count() {
                3 => tally.holds += 1,
                0 => tally.fails += 1,
                _ => tally.open += 1,
            }
        }
        tally
    }

    /// The number of seeds on a side.
    pub(super) fn on(self, side: Side) -> usize {
        match side {
            Side::For => self.holds,
            Side::Against => self.fails,
            Side::Open => self.open,
        }
    }

    /// The number of seeds.
    pub(super) fn all(self) -> usize {
        self.holds + self.fails + self.open
    }

    /// The sides on which the comparison counts: several where the seeds disagree.
    pub(super) fn sides(self) -> Vec<Side> {
        [Side::For, Side::Against, Side::Open].into_iter().filter(|&side| self.on(side) > 0).collect()
    }
}

/// Directions count as better than random ones if they tell this fraction of the classes that the random ones leave wrong.
pub(super) const BETTER: f64 = 0.1;

/// Whether directions that tell the fraction `own` of the classes are better than random ones, which tell `random`.
pub(super) fn better_than_random(own: f64, random: f64) -> Side {
    match (1.0 - random, own - random) {
        // Random directions tell everything: nothing is left by which others could be better.
        (left, _) if left <= 0.0 => Side::Open,
        (left, gain) if gain >= BETTER * left => Side::For,
        _ => Side::Against,
    }
}

/// A rank correlation of two numbers is looked at from this many minima on.
pub(super) const FEWEST: usize = 6;

/// A rank correlation, and what chance reaches.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Correlation {
    /// Spearman's rank correlation.
    pub(super) rho: f64,
    /// The magnitude that independent numbers exceed in one of twenty cases on either side.
    pub(super) chance: f64,
    /// The number of minima.
    pub(super) n: usize,
}

impl Correlation {
    /// The correlation over the pairs; none for fewer than [`FEWEST`], or where one side is constant.
    pub(super) fn of(pairs: &[(f64, f64)]) -> Option<Self> {
        let n = pairs.len();
        let rho = spearman(pairs).filter(|_| n >= FEWEST)?;
        // Under independence the rank correlation has mean 0 and variance 1 / (n - 1).
        Some(Self { rho, chance: 1.645 / ((n - 1) as f64).sqrt(), n })
    }

    pub(super) fn side(self) -> Side {
        match self.rho {
            rho if rho > self.chance => Side::For,
            rho if rho < -self.chance => Side::Against,
            _ => Side::Open,
        }
    }
}

/// Whether a number that should grow with another does so from one minimum to another: `first` and `second` are the number
/// and the other of each. Where the other is equal, they do not tell; where only the number is, it does not grow.
pub(super) fn grows_with(first: (f64, f64), second: (f64, f64)) -> Side {
    let difference = |a: f64, b: f64| shown(b) - shown(a);
    match (difference(first.1, second.1), difference(first.0, second.0)) {
        (0.0, _) => Side::Open,
        (other, number) if number * other > 0.0 => Side::For,
        _ => Side::Against,
    }
}

/// [`grows_with`] for numbers of outliers by gap and a measure of complexity, whose difference has the standard error
/// `error`: they do not tell where the measures differ by less than two standard errors, nor where the side depends on the gap.
pub(super) fn grows_at_every_gap(first: ([f64; 3], f64), second: ([f64; 3], f64), error: f64) -> Side {
    if (first.1 - second.1).abs() <= 2.0 * error {
        return Side::Open;
    }
    let at = |gap: usize| grows_with((first.0[gap], first.1), (second.0[gap], second.1));
    if (1..3).all(|gap| at(gap) == at(0)) { at(0) } else { Side::Open }
}

/// On which side of a claim it is that a number is nearer to `near` than to `far`.
pub(super) fn is_nearer_to(number: f64, near: f64, far: f64) -> Side {
    match ((number - near).abs(), (number - far).abs()) {
        (a, b) if shown(a) < shown(b) => Side::For,
        (a, b) if shown(a) > shown(b) => Side::Against,
        _ => Side::Open,
    }
}

/// An estimate counts as good if it is within this factor of the true number.
pub(super) const FACTOR: f64 = 2.0;

/// Whether an estimate of a distance is within [`FACTOR`] of the true one.
pub(super) fn estimates(estimate: f64, truth: f64) -> Side {
    match estimate / truth {
        ratio if !ratio.is_finite() => Side::Open,
        ratio if (1.0 / FACTOR..=FACTOR).contains(&ratio) => Side::For,
        _ => Side::Against,
    }
}

/// Up to this many outliers count as few: the four that the paper publishes, and one more for the seed.
pub(super) const FEW: f64 = 5.0;

/// Whether a number of outliers is small.
pub(super) fn are_few(outliers: f64) -> Side {
    if outliers <= FEW { Side::For } else { Side::Against }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Side::{Against, For, Open};

    #[test]
    fn one_counter_example_is_enough_to_take_support_away() {
        for (sides, wanted) in [
            (vec![], Verdict::NotMeasured),
            (vec![Open], Verdict::Undecided),
            (vec![For], Verdict::Supported),
            (vec![For, For, Open], Verdict::Supported),
            (vec![For, For, For, Against], Verdict::Mixed),
            (vec![Against, Open], Verdict::Contradicted),
        ] {
            assert_eq!(verdict(&sides), wanted, "{sides:?}");
        }
    }

    #[test]
    fn comparisons_that_seeds_disagree_about_count_on_both_sides() {
        for (pairs, sides) in [
            (vec![], vec![]),
            (vec![(1.0, 2.0)], vec![For]),
            (vec![(2.0, 1.0)], vec![Against]),
            (vec![(1.0, 2.0), (3.0, 2.0)], vec![For, Against]),
            (vec![(1.0, 1.0)], vec![Against]),
            (vec![(1.0, 1.0), (1.0, 2.0)], vec![For, Against]),
            // Equal in the digits that the tables show.
            (vec![(0.02349, 0.02351)], vec![Against]),
            (vec![(0.0, 0.04)], vec![For]),
        ] {
            assert_eq!(Tally::of(&pairs, smaller).sides(), sides, "{pairs:?}");
        }
        assert_eq!(Tally::of(&[(2.0, 2.0), (2.0, 3.0), (4.0, 3.0)], no_larger), Tally { holds: 2, fails: 1, open: 0 });
    }

    #[test]
    fn numbers_of_outliers_tell_only_where_the_gap_does_not_matter() {
        // The second and third numbers are those at half and at twice the gap.
        let checkerboard = ([2.0, 4.0, 2.0], [4.0, 4.0, 2.0]);
        let tally = Tally::at_every_gap(&[checkerboard, ([1.0, 1.0, 1.0], [3.0, 4.0, 2.0])], smaller);
        assert_eq!((tally, tally.sides()), (Tally { holds: 1, fails: 0, open: 1 }, vec![For, Open]));
        let complex = |a: f64, b: f64, error| grows_at_every_gap((checkerboard.0, a), (checkerboard.1, b), error);
        assert_eq!(complex(0.1, 0.2, 0.0), Open);
        let clear = |b: f64, error| grows_at_every_gap(([1.0, 2.0, 1.0], 0.12), ([3.0, 3.0, 2.0], b), error);
        assert_eq!([clear(0.5, 0.04), clear(0.07, 0.04), clear(0.07, 0.02)], [For, Open, Against]);
    }

    #[test]
    fn nearer_to_one_number_than_to_the_other() {
        assert_eq!([22.0, 90.0, 55.5].map(|pieces| is_nearer_to(pieces, 8.0, 103.0)), [For, Against, Open]);
    }

    #[test]
    fn directions_are_better_where_they_tell_a_tenth_of_what_random_ones_leave() {
        for (own, random, side) in
            [(0.97, 0.70, For), (0.55, 0.50, For), (0.54, 0.50, Against), (0.4, 0.5, Against), (1.0, 1.0, Open)]
        {
            assert_eq!(better_than_random(own, random), side, "{own} {random}");
        }
    }

    #[test]
    fn a_rank_correlation_of_a_third_over_nine_minima_does_not_tell() {
        // Spearman's correlation of 1..9 with this order is 0.333.
        let weak: Vec<(f64, f64)> =
            [4.0, 6.0, 1.0, 2.0, 8.0, 9.0, 5.0, 3.0, 7.0].iter().enumerate().map(|(i, &y)| (i as f64, y)).collect();
        let found = Correlation::of(&weak).unwrap();
        assert!((found.rho - 1.0 / 3.0).abs() < 0.1 && found.n == 9, "{found:?}");
        assert!((found.chance - 0.5816).abs() < 1e-4);
        assert_eq!(found.side(), Open);
        let line = |sign: f64, n: usize| (0..n).map(|i| (i as f64, sign * i as f64)).collect::<Vec<_>>();
        assert_eq!(Correlation::of(&line(1.0, 9)).map(Correlation::side), Some(For));
        assert_eq!(Correlation::of(&line(-1.0, 9)).map(Correlation::side), Some(Against));
        assert_eq!(Correlation::of(&line(1.0, FEWEST - 1)), None);
    }

    #[test]
    fn pairs_that_are_ordered_the_other_way_are_counter_examples() {
        for (first, second, side) in [
            ((2.0, 0.1), (3.0, 0.2), For),
            ((3.0, 0.2), (2.0, 0.1), For),
            ((2.0, 0.2), (3.0, 0.1), Against),
            // As many outliers for a boundary that is far more complex.
            ((2.0, 8.0), (2.0, 103.0), Against),
            ((2.0, 0.2), (3.0, 0.2), Open),
        ] {
            assert_eq!(grows_with(first, second), side, "{first:?} {second:?}");
        }
    }

    #[test]
    fn estimates_are_good_within_a_factor_of_two() {
        for (estimate, truth, side) in [
            (0.2, 0.22, For),
            (1.0, 2.0, For),
            (2.0, 1.0, For),
            (2.1, 1.0, Against),
            (0.4, 1.0, Against),
            (1.0, 0.0, Open),
        ] {
            assert_eq!(estimates(estimate, truth), side, "{estimate} {truth}");
        }
    }

    #[test]
    fn five_outliers_are_few() {
        assert_eq!([4.0, 5.0, 5.2].map(are_few), [For, For, Against]);
    }
}

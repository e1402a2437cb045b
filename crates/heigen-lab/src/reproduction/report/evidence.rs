//! Findings about one claim, the minima that they rest on, and the claim that they make.

use super::gathered::{Measured, Measures, of};
use super::rules::{Side, Tally, smaller, verdict};
use super::statistics::mean;
use crate::page_text::count_with_deviation;
use heigen_report::{Claim, Table};

/// A function that takes one number from a run's measures, if it was measured.
pub(super) type Number = fn(&Measured) -> Option<f64>;

/// A function that writes a number with its deviation over seeds.
pub(super) type Written = fn(Option<(f64, Option<f64>)>) -> String;

/// The findings about one claim.
#[derive(Default)]
pub(super) struct Evidence {
    findings: Vec<(Side, String)>,
    /// The name and the number of seeds of every minimum that a finding rests on.
    minima: Vec<(String, usize)>,
}

impl Evidence {
    /// Adds a finding that rests on `minima`.
    pub(super) fn add(&mut self, side: Side, text: String, minima: &[&Measures]) {
        self.findings.push((side, text));
        for m in minima {
            if self.minima.iter().all(|(name, _)| *name != m.name) {
                let seeds = m.all.iter().filter(|o| o.analysis.is_some() || o.boundary.is_some()).count();
                self.minima.push((m.name.clone(), seeds));
            }
        }
    }

    /// Adds the comparison of `number` at the minima named `a` and `b`, seed by seed: the claim is that it is smaller for
    /// `a`. Where one was not measured, nothing is added.
    pub(super) fn compare(
        &mut self,
        all: &[Measures],
        [a, b]: [&str; 2],
        what: &str,
        written: Written,
        number: Number,
    ) {
        let Some((left, right)) = of(all, a).zip(of(all, b)) else { return };
        let pairs = paired(left, right, number);
        let side_of = |take: fn(&(f64, f64)) -> f64| written(mean(&pairs.iter().map(take).collect::<Vec<_>>()));
        let tally = Tally::of(&pairs, smaller);
        for side in tally.sides() {
            let text =
                format!("{what}: {} for `{a}`, {} for `{b}`{}", side_of(|p| p.0), side_of(|p| p.1), seeds(side, tally));
            self.add(side, text, &[left, right]);
        }
    }

    /// Adds the comparison of the numbers of outliers at the minima named `a` and `b`, seed by seed: the claim is that they are
    /// in `order`, whatever the gap.
    pub(super) fn compare_outliers(&mut self, all: &[Measures], [a, b]: [&str; 2], order: fn((f64, f64)) -> bool) {
        let Some((left, right)) = of(all, a).zip(of(all, b)) else { return };
        let tally = Tally::at_every_gap(&paired(left, right, Measured::outliers_by_gap), order);
        for side in tally.sides() {
            let text = format!("`{a}` and `{b}`: {}{}", outliers(left, right, side), seeds(side, tally));
            self.add(side, text, &[left, right]);
        }
    }

    /// The claim with its verdict.
    pub(super) fn claim(self, statement: &str, source: &str, rule: &str, table: Option<Table>) -> Claim {
        let on = |side: Side| self.findings.iter().filter(|(s, _)| *s == side).map(|(_, text)| text.clone()).collect();
        let sides: Vec<Side> = self.findings.iter().map(|(side, _)| *side).collect();
        Claim {
            statement: statement.to_owned(),
            source: source.to_owned(),
            verdict: verdict(&sides),
            basis: basis(&self.minima.iter().map(|(_, seeds)| *seeds).collect::<Vec<_>>()),
            rule: rule.to_owned(),
            evidence_for: on(Side::For),
            evidence_against: on(Side::Against),
            evidence_open: on(Side::Open),
            table,
        }
    }
}

/// The numbers of outliers of two minima; also those at other gaps, where the comparison does not tell.
pub(super) fn outliers(first: &Measures, second: &Measures, side: Side) -> String {
    let pair = |gap: usize| {
        let count = |m: &Measures| count_with_deviation(m.over_seeds(|o| Some(o.outliers_by_gap()?[gap])));
        format!("{} and {}", count(first), count(second))
    };
    let others = || format!(" ({} at half the gap, {} at twice the gap)", pair(1), pair(2));
    format!("outliers {}{}", pair(0), if side == Side::Open { others() } else { String::new() })
}

/// At how many seeds a comparison comes out as `side` says; empty with one seed.
pub(super) fn seeds(side: Side, tally: Tally) -> String {
    let order = match side {
        Side::For => "so",
        Side::Against => "not so",
        Side::Open => "unclear",
    };
    if tally.all() == 1 { String::new() } else { format!("; {order} at {} of {} seeds", tally.on(side), tally.all()) }
}

/// The numbers of `a` and `b` at the seeds where both were measured.
pub(super) fn paired<T>(a: &Measures, b: &Measures, number: fn(&Measured) -> Option<T>) -> Vec<(T, T)> {
    let other = |seed: u64| b.all.iter().find(|m| m.seed == seed).and_then(number);
    a.all.iter().filter_map(|m| Some((number(m)?, other(m.seed)?))).collect()
}

/// How many minima and seeds a verdict rests on, given the number of seeds of each minimum.
fn basis(seeds: &[usize]) -> String {
    let (Some(&least), Some(&most)) = (seeds.iter().min(), seeds.iter().max()) else { return String::new() };
    let minima = if seeds.len() == 1 { "1 minimum".to_owned() } else { format!("{} minima", seeds.len()) };
    let each = if seeds.len() == 1 { "" } else { " each" };
    match (least, most) {
        (_, 1) => format!("{minima}, one seed{each}"),
        (a, b) if a == b => format!("{minima}, {a} seeds{each}"),
        (a, b) => format!("{minima}, {a} to {b} seeds{each}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use heigen_report::Verdict;

    #[test]
    fn a_single_seed_is_said_to_be_one() {
        for (seeds, text) in [
            (vec![], ""),
            (vec![1], "1 minimum, one seed"),
            (vec![1, 1, 1], "3 minima, one seed each"),
            (vec![5, 5], "2 minima, 5 seeds each"),
            (vec![1, 5], "2 minima, 1 to 5 seeds each"),
        ] {
            assert_eq!(basis(&seeds), text, "{seeds:?}");
        }
    }

    #[test]
    fn counter_examples_stand_with_the_verdict() {
        let mut evidence = Evidence::default();
        evidence.add(Side::For, "a".into(), &[]);
        evidence.add(Side::Against, "b".into(), &[]);
        evidence.add(Side::Open, "c".into(), &[]);
        let claim = evidence.claim("It holds.", "", "", None);
        assert_eq!(claim.verdict, Verdict::Mixed);
        let sides = [claim.evidence_for, claim.evidence_against, claim.evidence_open];
        assert_eq!(sides, [["a".to_owned()], ["b".to_owned()], ["c".to_owned()]]);
    }
}

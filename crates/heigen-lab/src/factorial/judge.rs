//! Judgements of a study's claims by its rows: estimates with intervals, and the one rule by which they become verdicts.

use super::cells::{Cell, groups};
use super::file::{ClaimSpec, Compare, StudyFile};
use crate::statistics::{Estimate, bootstrap, cliffs_delta, dominance, median, within_groups};
use heigen_report::Verdict;
use heigen_store::cell_record::CellRecord;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How strongly the rows support a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Support {
    /// The whole interval of the effect lies at half of the largest possible effect or beyond, in the claimed direction.
    Strong,
    /// The whole interval lies on the claimed side of 0.
    Weak,
    /// The interval holds 0.
    No,
    /// The whole interval lies on the other side of 0.
    Contradicted,
    /// There are too few rows, or nothing varies.
    NotMeasured,
}

/// An effect whose interval begins here counts as strong: a rank correlation of 0.5, or pairs of which three quarters are in the
/// claimed order.
pub const STRONG: f64 = 0.5;

impl Support {
    /// The support that an effect gives, from -1 to 1, where positive ones speak for the claim. This is the only place that
    /// decides it.
    pub(super) fn of(effect: Option<Estimate>) -> Self {
        match effect {
            None => Self::NotMeasured,
            Some(effect) if effect.low >= STRONG => Self::Strong,
            Some(effect) if effect.low > 0.0 => Self::Weak,
            Some(effect) if effect.high < 0.0 => Self::Contradicted,
            Some(_) => Self::No,
        }
    }

    /// The support over all groups: that of the pooled effect, which is never called strong where a group contradicts.
    pub(super) fn over_all(pooled: Self, groups: impl IntoIterator<Item = Self>) -> Self {
        let contradicted = groups.into_iter().any(|of_group| of_group == Self::Contradicted);
        if pooled == Self::Strong && contradicted { Self::Weak } else { pooled }
    }

    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Strong => "strongly supported",
            Self::Weak => "weakly supported",
            Self::No => "not supported",
            Self::Contradicted => "contradicted",
            Self::NotMeasured => "not measured",
        }
    }

    /// The mark of the report's page that stands for it.
    pub(super) fn verdict(self) -> Verdict {
        match self {
            Self::Strong => Verdict::Supported,
            Self::Weak => Verdict::Mixed,
            Self::No => Verdict::Undecided,
            Self::Contradicted => Verdict::Contradicted,
            Self::NotMeasured => Verdict::NotMeasured,
        }
    }
}

/// The rules as the page and the guide state them.
pub(super) const STATED: [&str; 3] = [
    "An effect is a number from -1 to 1. Of a claim about two measures it is *Spearman's rank correlation*; within groups, ranks \
     are taken inside of every group, so that differences between groups do not count, and a group in which one measure is \
     constant does not tell. Of a claim about two levels of a factor it is *the dominance over pairs of equal seed*: the \
     fraction of pairs in the claimed order, less the fraction in the other order.",
    "Intervals are the 2.5 and 97.5 percentiles of 2,000 bootstrap samples, in which the seeds of every combination are drawn with \
     replacement. They tell how much the seeds scatter, and nothing about data sets that were not looked at.",
    "A claim is *strongly supported* if the whole interval lies at $0.5$ or beyond in the claimed direction, *weakly supported* if it \
     lies on that side of $0$, *not supported* if it holds $0$, *contradicted* if it lies on the other side. A claim that is \
     contradicted in one of the groups is never strongly supported over all.",
];

/// The effect of a claim in some rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Found {
    /// The rows, in words: the levels that they have in common; empty for all.
    pub group: String,
    /// Number of rows, or of pairs of rows.
    pub n: usize,
    /// The effect, from -1 to 1, as measured (not turned into the claimed direction).
    pub effect: Option<Estimate>,
    /// For a comparison, the median of the differences, the first level's number less the second's.
    pub difference: Option<Estimate>,
    /// For a comparison, Cliff's delta between the two levels.
    pub cliffs_delta: Option<f64>,
    /// How strongly these rows support the claim.
    pub support: Support,
}

/// A claim with what was found about it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// The claim.
    pub claim: ClaimSpec,
    /// Over all of its rows.
    pub over_all: Found,
    /// For a correlation, beside it: across all rows where that is not what the claim is about, and over seeds alone, within every
    /// combination of levels. They have no part in the verdict.
    pub besides: Vec<Found>,
    /// In each group of rows.
    pub groups: Vec<Found>,
    /// The verdict.
    pub support: Support,
}

/// A rank correlation that no claim is about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pair {
    /// The measures.
    pub measures: [String; 2],
    /// Number of rows.
    pub n: usize,
    /// Across all rows.
    pub across: Option<Estimate>,
    /// Within the combinations of levels, over seeds alone.
    pub within: Option<Estimate>,
}

/// The rows of a study that are there.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    pub(super) file: &'a StudyFile,
    pub(super) cells: &'a [(&'a Cell, &'a CellRecord)],
}

/// The state of a row: why its numbers do not count, if they do not.
pub(super) fn state(file: &StudyFile, record: &CellRecord) -> &'static str {
    match (record.failure.is_some(), record.measures.get("train_loss")) {
        (true, _) => "failed",
        (false, Some(loss)) if *loss <= file.converged_loss => "converged",
        (false, _) => "not converged",
    }
}

impl<'a> Rows<'a> {
    /// The rows that count, of the chosen ones.
    pub(super) fn counted(self, chosen: impl Fn(&Cell) -> bool) -> Vec<(&'a Cell, &'a CellRecord)> {
        let counts = |(cell, record): &&(&Cell, &CellRecord)| state(self.file, record) == "converged" && chosen(cell);
        self.cells.iter().filter(counts).copied().collect()
    }

    /// All claims judged, several at a time.
    pub(super) fn judged(self) -> Vec<Judged> {
        self.file.claims.par_iter().enumerate().map(|(i, claim)| self.claim(claim, i as u64)).collect()
    }

    fn claim(self, claim: &ClaimSpec, seed: u64) -> Judged {
        let rows = self.counted(|cell| cell.is_in(&claim.only));
        match (&claim.correlate, &claim.compare) {
            (Some([x, y]), _) => self.correlation(claim, &rows, [x, y], seed),
            (None, Some(compare)) => self.comparison(claim, &rows, compare, seed),
            (None, None) => Judged {
                claim: claim.clone(),
                over_all: found("", 0, None, claim),
                besides: vec![],
                groups: vec![],
                support: Support::NotMeasured,
            },
        }
    }

    fn correlation(self, claim: &ClaimSpec, rows: &[(&Cell, &CellRecord)], [x, y]: [&str; 2], seed: u64) -> Judged {
        let points = Points::of(rows, x, y);
        let over = |group: &str, within: &[String], of: Option<&[usize]>| {
            let part = of.map_or_else(|| points.clone(), |of| points.part(of));
            found(group, part.values.len(), part.correlation(within, seed), claim)
        };
        let over_all = over("", &claim.within, None);
        let every: Vec<String> = self.file.factors.keys().cloned().collect();
        let across = (!claim.within.is_empty()).then(|| over("across all rows", &[], None));
        let besides = across.into_iter().chain([over("over seeds alone", &every, None)]).collect();
        let by = if claim.within.is_empty() { &[][..] } else { &claim.within[..] };
        let groups: Vec<Found> = if by.is_empty() {
            vec![]
        } else {
            groups(&points.cells, by).iter().map(|(name, rows)| over(name, &[], Some(rows))).collect()
        };
        let support = Support::over_all(over_all.support, groups.iter().map(|group| group.support));
        Judged { claim: claim.clone(), over_all, besides, groups, support }
    }

    fn comparison(self, claim: &ClaimSpec, rows: &[(&Cell, &CellRecord)], compare: &Compare, seed: u64) -> Judged {
        let others = self.others(compare);
        // Pairs stand in the order of the rows, group by group.
        let (cells, pairs): (Vec<&Cell>, Vec<(f64, f64)>) = self.paired(rows, compare).into_iter().unzip();
        let in_groups: Vec<(String, Vec<(f64, f64)>)> = if others.is_empty() {
            vec![(String::new(), pairs)]
        } else {
            let of = |rows: Vec<usize>| rows.into_iter().map(|i| pairs[i]).collect();
            groups(&cells, &others).into_iter().map(|(name, rows)| (name, of(rows))).collect()
        };
        let over = |group: &str, of: &[&[(f64, f64)]]| {
            let pairs: Vec<(f64, f64)> = of.concat();
            let mut next = 0;
            let strata: Vec<Vec<usize>> = of
                .iter()
                .map(|pairs| {
                    next += pairs.len();
                    (next - pairs.len()..next).collect()
                })
                .collect();
            let drawn = |drawn: &[Vec<usize>]| drawn.iter().flatten().map(|&i| pairs[i]).collect::<Vec<_>>();
            let enough = pairs.len() >= FEWEST;
            let effect = bootstrap(&strata, seed, |rows| dominance(&drawn(rows))).filter(|_| enough);
            let differences = |pairs: Vec<(f64, f64)>| pairs.iter().map(|(a, b)| a - b).collect::<Vec<_>>();
            let difference = bootstrap(&strata, seed, |rows| median(&differences(drawn(rows)))).filter(|_| enough);
            let deltas: Vec<f64> = of
                .iter()
                .filter_map(|pairs| {
                    let (a, b): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
                    cliffs_delta(&a, &b)
                })
                .collect();
            let delta = (!deltas.is_empty()).then(|| deltas.iter().sum::<f64>() / deltas.len() as f64);
            Found { difference, cliffs_delta: delta, ..found(group, pairs.len(), effect, claim) }
        };
        let all: Vec<&[(f64, f64)]> = in_groups.iter().map(|(_, pairs)| &pairs[..]).collect();
        let over_all = over("", &all);
        let groups: Vec<Found> = if others.is_empty() {
            vec![]
        } else {
            in_groups.iter().map(|(name, pairs)| over(name, &[pairs])).collect()
        };
        let support = Support::over_all(over_all.support, groups.iter().map(|group| group.support));
        Judged { claim: claim.clone(), over_all, besides: vec![], groups, support }
    }

    /// The factors beside the one whose levels are compared.
    fn others(self, compare: &Compare) -> Vec<String> {
        self.file.factors.keys().filter(|name| **name != compare.factor).cloned().collect()
    }

    /// The pairs of rows that have the two levels of a comparison and all else in common: the row of the first level, and both
    /// numbers. In the order of the rows.
    pub(super) fn paired<'b>(self, rows: &[(&'b Cell, &CellRecord)], compare: &Compare) -> Vec<(&'b Cell, (f64, f64))> {
        let Compare { measure, factor, levels } = compare;
        let others = self.others(compare);
        let place = |cell: &Cell| (key(cell, &others), cell.seed);
        let [first, second] = [0, 1].map(|which: usize| -> Vec<(&'b Cell, f64)> {
            let there = |(cell, _): &&(&Cell, &CellRecord)| cell.level(factor) == levels[which];
            let number = |(cell, record): &(&'b Cell, &CellRecord)| Some((*cell, *record.measures.get(measure)?));
            rows.iter().filter(there).filter_map(number).collect()
        });
        let second: BTreeMap<_, f64> = second.into_iter().map(|(cell, y)| (place(cell), y)).collect();
        first.into_iter().filter_map(|(cell, x)| Some((cell, (x, *second.get(&place(cell))?)))).collect()
    }

    /// The rank correlations of the pairs that no claim is about.
    pub(super) fn pairs(self) -> Vec<Pair> {
        let all: Vec<String> = self.file.factors.keys().cloned().collect();
        let rows = self.counted(|_| true);
        let of = |[x, y]: &[String; 2]| {
            let points = Points::of(&rows, x, y);
            Pair {
                measures: [x.clone(), y.clone()],
                n: points.values.len(),
                across: points.correlation(&[], 0),
                within: points.correlation(&all, 0),
            }
        };
        self.file.pairs.iter().map(of).collect()
    }
}

/// The fewest rows, or pairs of rows, that an effect is told of.
const FEWEST: usize = 5;

/// The levels of these factors, which name a group.
fn key(cell: &Cell, factors: &[String]) -> String {
    if factors.is_empty() { String::new() } else { cell.group(factors) }
}

fn found(group: &str, n: usize, effect: Option<Estimate>, claim: &ClaimSpec) -> Found {
    let sign = claim.expect.sign();
    let turned = effect.map(|Estimate { value, low, high }| {
        if sign > 0.0 { Estimate { value, low, high } } else { Estimate { value: -value, low: -high, high: -low } }
    });
    let support = Support::of(turned);
    Found { group: group.to_owned(), n, effect, difference: None, cliffs_delta: None, support }
}

/// Rows that have both of two measures.
#[derive(Clone)]
struct Points<'a> {
    cells: Vec<&'a Cell>,
    values: Vec<(f64, f64)>,
}

impl<'a> Points<'a> {
    fn of(rows: &[(&'a Cell, &CellRecord)], x: &str, y: &str) -> Self {
        let point = |(cell, record): &(&'a Cell, &CellRecord)| {
            Some((*cell, (*record.measures.get(x)?, *record.measures.get(y)?)))
        };
        let (cells, values) = rows.iter().filter_map(point).unzip();
        Self { cells, values }
    }

    fn part(&self, rows: &[usize]) -> Self {
        Self {
            cells: rows.iter().map(|&i| self.cells[i]).collect(),
            values: rows.iter().map(|&i| self.values[i]).collect(),
        }
    }

    /// The rank correlation within the levels of these factors; the seeds of each combination are drawn.
    fn correlation(&self, within: &[String], seed: u64) -> Option<Estimate> {
        if self.values.len() < FEWEST {
            return None;
        }
        let every: Vec<String> =
            self.cells.first().map_or_else(Vec::new, |cell| cell.levels.iter().map(|(name, _)| name.clone()).collect());
        let strata: Vec<Vec<usize>> = groups(&self.cells, &every).into_iter().map(|(_, rows)| rows).collect();
        let mut group_of = vec![0; self.cells.len()];
        let in_groups = groups(&self.cells, within);
        for (g, (_, rows)) in in_groups.iter().enumerate() {
            rows.iter().for_each(|&i| group_of[i] = g);
        }
        bootstrap(&strata, seed, |drawn| {
            let mut parts: Vec<Vec<(f64, f64)>> = vec![Vec::new(); in_groups.len()];
            drawn.iter().flatten().for_each(|&i| parts[group_of[i]].push(self.values[i]));
            within_groups(&parts)
        })
    }
}

#[cfg(test)]
mod tests;

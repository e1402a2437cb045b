//! Ranks, rank correlations, and what bootstrap samples say about their scatter.

use heigen_spectra::philox;

/// The ranks of values from 1, where equal values share their mean rank.
pub(crate) fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut first = 0;
    while first < order.len() {
        let value = values[order[first]];
        let after = order[first..].iter().position(|&i| values[i] != value).map_or(order.len(), |n| first + n);
        let mean = f64::midpoint(first as f64 + 1.0, after as f64);
        order[first..after].iter().for_each(|&i| ranks[i] = mean);
        first = after;
    }
    ranks
}

/// Sums of products of deviations from the means: x x, y y and x y.
fn products(x: &[f64], y: &[f64]) -> [f64; 3] {
    let n = x.len() as f64;
    let (mx, my) = (x.iter().sum::<f64>() / n, y.iter().sum::<f64>() / n);
    x.iter().zip(y).fold([0.0; 3], |[xx, yy, xy], (x, y)| {
        let (x, y) = (x - mx, y - my);
        [xx + x * x, yy + y * y, xy + x * y]
    })
}

/// Spearman's rank correlation: Pearson's correlation of the ranks, where equal values share their mean rank. `None`
/// for fewer than three pairs, or where one side is constant.
pub(crate) fn spearman(pairs: &[(f64, f64)]) -> Option<f64> {
    within_groups(&[pairs])
}

/// The rank correlation within groups: ranks are taken inside of every group, and Pearson's correlation is that of all
/// deviations from the groups' mean ranks, in fractions of the groups' sizes. A group with fewer than three pairs, or in which one side is constant,
/// does not tell and is left out. With one group it is Spearman's. `None` if no group tells.
pub(crate) fn within_groups(groups: &[impl AsRef<[(f64, f64)]>]) -> Option<f64> {
    let mut sums = [0.0f64; 3];
    for group in groups.iter().map(AsRef::as_ref).filter(|group| group.len() >= 3) {
        let x = ranks(&group.iter().map(|p| p.0).collect::<Vec<_>>());
        let y = ranks(&group.iter().map(|p| p.1).collect::<Vec<_>>());
        let of_group = products(&x, &y);
        if of_group[0] > 0.0 && of_group[1] > 0.0 {
            let scale = (group.len() as f64).powi(2);
            sums.iter_mut().zip(of_group).for_each(|(sum, of_group)| *sum += of_group / scale);
        }
    }
    let [xx, yy, xy] = sums;
    let scale = (xx * yy).sqrt();
    (scale > 0.0).then(|| (xy / scale).clamp(-1.0, 1.0))
}

/// How much more often the first number of a pair is the larger one than the second, from -1 to 1; equal numbers count for
/// neither.
pub(crate) fn dominance(pairs: &[(f64, f64)]) -> Option<f64> {
    let side = |&(a, b): &(f64, f64)| f64::from(i8::from(a > b) - i8::from(a < b));
    (!pairs.is_empty()).then(|| pairs.iter().map(side).sum::<f64>() / pairs.len() as f64)
}

/// Cliff's delta: [`dominance`] over all pairs of a number of the first list with one of the second.
pub(crate) fn cliffs_delta(a: &[f64], b: &[f64]) -> Option<f64> {
    let all: Vec<(f64, f64)> = a.iter().flat_map(|&a| b.iter().map(move |&b| (a, b))).collect();
    dominance(&all)
}

/// The quantile of ascending numbers at a fraction, between neighbours linearly (NumPy's default).
pub(crate) fn quantile(ascending: &[f64], fraction: f64) -> Option<f64> {
    let last = ascending.len().checked_sub(1)?;
    let place = fraction.clamp(0.0, 1.0) * last as f64;
    let below = place.floor() as usize;
    let above = (below + 1).min(last);
    Some(ascending[below] + (place - below as f64) * (ascending[above] - ascending[below]))
}

/// The middle one of the numbers, or the mean of the two in the middle.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    let mut ascending = values.to_vec();
    ascending.sort_by(f64::total_cmp);
    quantile(&ascending, 0.5)
}

/// Number of bootstrap samples.
pub(crate) const RESAMPLES: u64 = 2_000;
/// The probability that an interval leaves out, at both ends together.
pub(crate) const LEFT_OUT: f64 = 0.05;

/// An estimate with its interval.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Estimate {
    /// The estimate from all rows.
    pub value: f64,
    /// The lower end of the interval.
    pub low: f64,
    /// The upper end of the interval.
    pub high: f64,
}

/// The bootstrap's percentile interval of 95 %: rows are drawn with replacement inside of every stratum, as many as it has, `RESAMPLES`
/// times, and `estimate` is asked for every draw; a draw for which there is none does not count. `strata` holds the rows of every
/// stratum. Row i of stratum s in draw b is chosen by Philox at the counter (i, s, b, 0), so that a number does not depend on any other.
///
/// `None` where all rows give no estimate, or fewer than half of the draws do.
pub(crate) fn bootstrap(
    strata: &[Vec<usize>],
    seed: u64,
    estimate: impl Fn(&[Vec<usize>]) -> Option<f64>,
) -> Option<Estimate> {
    let value = estimate(strata)?;
    let mut drawn: Vec<Vec<usize>> = strata.to_vec();
    let mut found = Vec::with_capacity(RESAMPLES as usize);
    for draw in 0..RESAMPLES {
        for (s, (rows, drawn)) in strata.iter().zip(&mut drawn).enumerate() {
            for (i, place) in drawn.iter_mut().enumerate() {
                let word = philox([i as u64, s as u64, draw, 0], [seed, 0])[0];
                *place = rows[((u128::from(word) * rows.len() as u128) >> 64) as usize];
            }
        }
        found.extend(estimate(&drawn));
    }
    if (found.len() as u64) < RESAMPLES / 2 {
        return None;
    }
    found.sort_by(f64::total_cmp);
    let end = |fraction| quantile(&found, fraction);
    Some(Estimate { value, low: end(LEFT_OUT / 2.0)?, high: end(1.0 - LEFT_OUT / 2.0)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    /// Numbers of SciPy and NumPy, with the script that made them beside them.
    fn oracle() -> Value {
        serde_json::from_str(include_str!("../tests/statistics.json")).unwrap()
    }

    fn list(value: &Value) -> Vec<f64> {
        value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
    }

    fn pairs(case: &Value) -> Vec<(f64, f64)> {
        list(&case["x"]).into_iter().zip(list(&case["y"])).collect()
    }

    fn close(got: Option<f64>, wanted: &Value) {
        let (got, wanted) = (got.unwrap(), wanted.as_f64().unwrap());
        assert!((got - wanted).abs() < 1e-12, "{got} {wanted}");
    }

    #[test]
    fn rank_correlations_with_ties_are_scipys() {
        for case in oracle()["spearman"].as_array().unwrap() {
            close(spearman(&pairs(case)), &case["rho"]);
        }
        assert_eq!(spearman(&[(1.0, 1.0), (1.0, 2.0), (1.0, 3.0)]), None);
        assert_eq!(spearman(&[(1.0, 1.0), (2.0, 2.0)]), None);
    }

    #[test]
    fn correlations_within_groups_are_those_of_the_ranks_inside_of_them() {
        let oracle = oracle();
        let case = &oracle["within"];
        let groups: Vec<Vec<(f64, f64)>> = case["groups"].as_array().unwrap().iter().map(pairs).collect();
        close(within_groups(&groups), &case["rho"]);
        // Across the groups the order is the other way round (Simpson's paradox).
        close(spearman(&groups.concat()), &case["across"]);
        assert!(case["rho"].as_f64().unwrap() > 0.5 && case["across"].as_f64().unwrap() < 0.0);
        // A group in which nothing varies does not weaken the others.
        let constant = vec![(1.0, 0.0), (1.0, 5.0), (1.0, 7.0)];
        let more: Vec<Vec<(f64, f64)>> = groups.iter().cloned().chain([constant]).collect();
        close(within_groups(&more), &case["rho"]);
    }

    #[test]
    fn dominance_and_cliffs_delta_are_numpys() {
        for case in oracle()["differences"].as_array().unwrap() {
            let (a, b) = (list(&case["x"]), list(&case["y"]));
            close(dominance(&pairs(case)), &case["dominance"]);
            close(cliffs_delta(&a, &b), &case["cliffs_delta"]);
            let differences: Vec<f64> = a.iter().zip(&b).map(|(a, b)| a - b).collect();
            close(median(&differences), &case["median"]);
            let mut ascending = differences;
            ascending.sort_by(f64::total_cmp);
            close(quantile(&ascending, 0.025), &case["low"]);
            close(quantile(&ascending, 0.975), &case["high"]);
        }
        assert_eq!((dominance(&[]), median(&[]), quantile(&[], 0.5)), (None, None, None));
    }

    #[test]
    fn intervals_are_scipys_within_the_scatter_of_the_draws() {
        for case in oracle()["bootstrap"].as_array().unwrap() {
            let rows = pairs(case);
            let all = vec![(0..rows.len()).collect::<Vec<_>>()];
            let of = |drawn: &[Vec<usize>]| drawn[0].iter().map(|&i| rows[i]).collect::<Vec<_>>();
            let found = match case["statistic"].as_str().unwrap() {
                "spearman" => bootstrap(&all, 0, |drawn| spearman(&of(drawn))),
                "median" => {
                    bootstrap(&all, 0, |drawn| median(&of(drawn).iter().map(|(a, b)| a - b).collect::<Vec<_>>()))
                }
                _ => bootstrap(&all, 0, |drawn| dominance(&of(drawn))),
            };
            let found = found.unwrap();
            let room = case["room"].as_f64().unwrap();
            for (got, wanted) in [(found.low, &case["low"]), (found.high, &case["high"])] {
                assert!((got - wanted.as_f64().unwrap()).abs() < room, "{case} {found:?}");
            }
        }
    }

    #[test]
    fn draws_stay_in_their_strata() {
        let strata = vec![vec![0, 1, 2], vec![3, 4]];
        let seen = std::cell::RefCell::new(std::collections::BTreeSet::new());
        bootstrap(&strata, 7, |drawn| {
            assert!(drawn[0].len() == 3 && drawn[1].len() == 2);
            assert!(drawn[0].iter().all(|&i| i < 3) && drawn[1].iter().all(|&i| i > 2));
            seen.borrow_mut().extend(drawn.concat());
            Some(0.0)
        });
        assert_eq!(seen.into_inner().into_iter().collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
        let never = bootstrap(&strata, 7, |drawn| (drawn[0] == [0, 1, 2]).then_some(1.0));
        assert_eq!(never, None, "an estimate that most draws do not give has no interval");
    }
}

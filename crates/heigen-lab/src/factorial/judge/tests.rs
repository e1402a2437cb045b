//! Tests of the judgements: verdicts by intervals, and claims about made-up rows.

use super::*;

fn estimate(low: f64, high: f64) -> Estimate {
    Estimate { value: f64::midpoint(low, high), low, high }
}

#[test]
fn verdicts_follow_from_the_interval_alone() {
    for (effect, wanted) in [
        (Some(estimate(0.5, 0.9)), Support::Strong),
        (Some(estimate(0.49, 0.99)), Support::Weak),
        (Some(estimate(0.001, 0.1)), Support::Weak),
        (Some(estimate(0.0, 0.9)), Support::No),
        (Some(estimate(-0.9, 0.9)), Support::No),
        (Some(estimate(-0.2, 0.0)), Support::No),
        (Some(estimate(-0.9, -0.01)), Support::Contradicted),
        (None, Support::NotMeasured),
    ] {
        assert_eq!(Support::of(effect), wanted, "{effect:?}");
    }
}

#[test]
fn a_group_that_contradicts_takes_the_strength_away() {
    use Support::{Contradicted, No, Strong, Weak};
    for (pooled, groups, wanted) in [
        (Strong, vec![Strong, No, Weak], Strong),
        (Strong, vec![Strong, Contradicted], Weak),
        (Weak, vec![Contradicted], Weak),
        (Contradicted, vec![Strong], Contradicted),
    ] {
        assert_eq!(Support::over_all(pooled, groups.clone()), wanted, "{pooled:?} {groups:?}");
    }
}

/// A study of two groups and two levels with these claims, whose cells have the measures that a function gives.
struct Made {
    file: StudyFile,
    cells: Vec<Cell>,
    records: Vec<CellRecord>,
}

/// The group, the level and the seed of a cell, and its two measures.
type Measures = fn(&str, &str, u64) -> (f64, f64);

impl Made {
    fn new(seeds: u64, claims: &str, measures: Measures) -> Self {
        let text = format!(
            r#"{{"title": "Made up", "seeds": {{"count": {seeds}}}, "converged_loss": 1.0,
            "experiment": {{"model": {{"type": "FNN_2layer", "args": {{"num_neurons_layer1": 4, "num_neurons_layer2": 4}}}},
                "optimizer": {{"type": "SGD", "args": {{"lr": 0.1}}}}, "train_fraction": 0.5, "test_fraction": 0.5,
                "trainer": {{"num_epochs": 3, "batch_size": 64, "how_often_print": 3}}}},
            "factors": {{"data": {{"gauss": {{"dataset": {{"type": "gauss_mixtures"}}}},
                                   "moons": {{"dataset": {{"type": "half_moon"}}}}}},
                        "start": {{"plain": {{}}, "fast": {{"optimizer": {{"args": {{"lr": 0.2}}}}}}}}}},
            "claims": [{claims}]}}"#
        );
        let file = StudyFile::parse(&text, "made.json").unwrap();
        let cells = crate::factorial::cells::cells(&file, "made.json").unwrap();
        let record = |cell: &Cell| {
            let (x, y) = measures(cell.level("data"), cell.level("start"), cell.seed);
            let measures = [("train_loss", 0.1), ("rank", x), ("margin", y)];
            CellRecord {
                stamp: cell.stamp.clone(),
                code_version: String::new(),
                seconds: 0.0,
                experiment: serde_json::Value::Null,
                first: None,
                failure: None,
                measures: measures.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            }
        };
        let records = cells.iter().map(record).collect();
        Self { file, cells, records }
    }

    fn judged(&self) -> Vec<Judged> {
        let cells: Vec<(&Cell, &CellRecord)> = self.cells.iter().zip(&self.records).collect();
        Rows { file: &self.file, cells: &cells }.judged()
    }
}

const CORRELATE: &str = r#"{"name": "a", "statement": "Margins grow with the rank.", "correlate": ["rank", "margin"],
    "expect": "positive", "within": ["data"]}"#;
const COMPARE: &str = r#"{"name": "b", "statement": "Fast rates have wide margins.", "expect": "larger",
    "compare": {"measure": "margin", "factor": "start", "levels": ["fast", "plain"]}}"#;

/// The claim with the opposite expectation, under another name.
fn turned(claim: &str) -> String {
    let other = claim.replace("positive", "negative").replace("larger", "smaller");
    other.replace(r#""name": "a""#, r#""name": "c""#).replace(r#""name": "b""#, r#""name": "d""#)
}

/// Numbers without order: where 7 i falls among 16.
fn shuffled(i: u64) -> f64 {
    (i * 7 % 16) as f64
}

#[test]
fn a_claim_whose_rows_go_the_other_way_is_contradicted_and_the_opposite_claim_supported() {
    let claims = [CORRELATE, COMPARE, &turned(CORRELATE), &turned(COMPARE)].join(", ");
    let falling: Measures = |_, start, seed| {
        let fast = if start == "fast" { 1.0 } else { 0.0 };
        (seed as f64 + 100.0 * fast, -(seed as f64) - 100.0 * fast)
    };
    let found = Made::new(16, &claims, falling).judged();
    let support: Vec<Support> = found.iter().map(|judged| judged.support).collect();
    assert_eq!(support, [Support::Contradicted, Support::Contradicted, Support::Strong, Support::Strong]);
    // The effect is told as measured, whatever is claimed.
    assert!(found.iter().all(|judged| (judged.over_all.effect.unwrap().value + 1.0).abs() < 1e-12), "{found:?}");
    for judged in &found[..2] {
        assert!(judged.groups.len() == 2 && judged.groups.iter().all(|g| g.support == Support::Contradicted));
        assert_eq!((judged.support.words(), judged.support.verdict()), ("contradicted", Verdict::Contradicted));
    }
    // Medians of the differences, the first level less the second.
    assert_eq!(found[1].over_all.difference.unwrap().value, -100.0);
    assert_eq!(found[1].over_all.cliffs_delta, Some(-1.0));
    assert_eq!((found[0].over_all.n, found[1].over_all.n), (64, 32));
}

#[test]
fn an_interval_across_zero_supports_neither_a_claim_nor_its_opposite() {
    let claims = [CORRELATE, COMPARE, &turned(CORRELATE), &turned(COMPARE)].join(", ");
    // Fast is larger at every other seed, and margins have no order by rank.
    let noise: Measures = |_, start, seed| {
        let other = if start == "fast" { if seed.is_multiple_of(2) { 1.0 } else { -1.0 } } else { 0.0 };
        (seed as f64, shuffled(seed) + other / 4.0)
    };
    for judged in Made::new(16, &claims, noise).judged() {
        let effect = judged.over_all.effect.unwrap();
        assert!(effect.low < 0.0 && effect.high > 0.0, "{judged:?}");
        assert_eq!((judged.support, judged.support.words()), (Support::No, "not supported"));
    }
}

#[test]
fn a_claim_that_holds_in_one_group_and_fails_in_the_other_is_not_strong() {
    // Many rows for it and, in the other group, a clear order against it.
    let split: Measures = |data, start, seed| {
        let y = if data == "gauss" { seed as f64 } else { -(seed as f64) };
        (seed as f64, y + if (start == "fast") == (data == "gauss") { 0.5 } else { 0.0 })
    };
    let claims = [CORRELATE, COMPARE].join(", ");
    let found = Made::new(16, &claims, split).judged();
    let groups = |i: usize| found[i].groups.iter().map(|group| group.support).collect::<Vec<_>>();
    assert_eq!(groups(0), [Support::Strong, Support::Contradicted]);
    assert_eq!(groups(1), [Support::Strong, Support::Contradicted]);
    // Half of all pairs are in either order.
    assert_eq!((found[0].support, found[1].support), (Support::No, Support::No));
    assert_eq!(found[1].over_all.effect.unwrap().value, 0.0);
}

#[test]
fn too_few_rows_groups_and_constants_are_not_measured() {
    let rising: Measures = |_, start, seed| (seed as f64, if start == "fast" { 2.0 } else { 1.0 } + seed as f64);
    // One seed: four rows and two pairs.
    let claims = [CORRELATE, COMPARE].join(", ");
    for judged in Made::new(1, &claims, rising).judged() {
        assert_eq!((judged.support, judged.over_all.effect), (Support::NotMeasured, None), "{judged:?}");
        assert_eq!((judged.support.words(), judged.support.verdict()), ("not measured", Verdict::NotMeasured));
    }
    // Two seeds: four rows in each group and two pairs, but eight rows in all and four pairs.
    let found = Made::new(2, &claims, rising).judged();
    assert!(found[0].over_all.n == 8 && found[0].over_all.effect.is_some());
    assert!(found[0].groups.iter().all(|group| group.n == 4 && group.support == Support::NotMeasured));
    assert_eq!((found[1].over_all.n, found[1].support), (4, Support::NotMeasured));
    // Three seeds: five pairs and more are told of.
    let found = Made::new(3, &claims, rising).judged();
    assert_eq!((found[1].over_all.n, found[1].support), (6, Support::Strong));
    assert!(found[1].groups.iter().all(|group| group.n == 3 && group.support == Support::NotMeasured));
    // A measure that is the same everywhere has no ranks; equal levels are in no order.
    let constant: Measures = |_, _, seed| (seed as f64, 7.0);
    let found = Made::new(8, &claims, constant).judged();
    assert_eq!(found[0].support, Support::NotMeasured);
    assert_eq!((found[1].support, found[1].over_all.effect.unwrap().value), (Support::No, 0.0));
    // Rows that did not converge, and those that failed, do not count.
    let mut made = Made::new(8, &claims, rising);
    for (i, record) in made.records.iter_mut().enumerate() {
        if i.is_multiple_of(2) {
            record.measures.insert("train_loss".to_owned(), 1.5);
        } else {
            record.failure = Some("training diverged".to_owned());
        }
    }
    assert!(made.judged().iter().all(|judged| judged.over_all.n == 0 && judged.support == Support::NotMeasured));
}

#[test]
fn within_groups_the_order_between_groups_does_not_count() {
    // In each group margins rise with the rank, and the group of large ranks has small margins.
    let paradox: Measures = |data, start, seed| {
        let far = if data == "moons" { 100.0 } else { 0.0 };
        let fast = if start == "fast" { 0.5 } else { 0.0 };
        (seed as f64 + fast + far, seed as f64 + fast - far)
    };
    let across =
        CORRELATE.replace(r#""within": ["data"]"#, r#""within": []"#).replace(r#""name": "a""#, r#""name": "c""#);
    let claims = [CORRELATE, &across].join(", ");
    let found = Made::new(8, &claims, paradox).judged();
    assert_eq!(found[0].support, Support::Strong);
    assert!(found[1].over_all.effect.unwrap().value < 0.0 && found[1].support == Support::Contradicted);
    // Beside it stands what it is across all rows; the draws are others for each claim.
    let (beside, across) = (&found[0].besides[0], found[1].over_all.effect.unwrap());
    assert_eq!((&*beside.group, beside.effect.unwrap().value), ("across all rows", across.value));
}

#[test]
fn rows_are_paired_by_all_other_levels_and_the_seed() {
    let made = Made::new(3, COMPARE, |data, start, seed| {
        let (of_data, of_start) = (if data == "gauss" { 10.0 } else { 20.0 }, if start == "fast" { 0.25 } else { 0.0 });
        (0.0, of_data + seed as f64 + of_start)
    });
    let mut cells: Vec<(&Cell, &CellRecord)> = made.cells.iter().zip(&made.records).collect();
    // A row that is missing takes its pair away, and no other.
    cells.retain(|(cell, _)| cell.name() != "moons, plain, seed 1");
    cells.reverse();
    let compare = made.file.claims[0].compare.clone().unwrap();
    let rows = Rows { file: &made.file, cells: &cells };
    let pairs = rows.paired(&cells, &compare);
    let names: Vec<String> = pairs.iter().map(|(cell, _)| cell.name()).collect();
    let wanted = [
        "moons, fast, seed 2",
        "moons, fast, seed 0",
        "gauss, fast, seed 2",
        "gauss, fast, seed 1",
        "gauss, fast, seed 0",
    ];
    assert_eq!(names, wanted);
    assert!(pairs.iter().all(|(_, (first, second))| first - second == 0.25), "{pairs:?}");
}

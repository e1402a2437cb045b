//! The cells of a study: one for each combination of levels and each seed, with the experiments that are trained there.

use super::file::{Levels, MOST_CELLS, Patch, StudyFile, StudyFileError};
use heigen::config::{AnyName, Experiment, ExperimentName};
use heigen_store::record::stamp;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The folder of the names of first experiments.
const FIRST: &str = "first";
/// The folder of the names of cells' experiments.
const CELL: &str = "cell";
/// A number that changes whenever what is measured in a cell does.
const VERSION: &str = "cell 1";

/// One training of a study.
#[derive(Clone, Debug)]
pub(super) struct Cell {
    /// The level of each factor, in the order of the file.
    pub(super) levels: Vec<(String, String)>,
    pub(super) seed: u64,
    /// The experiment. Its name is a hash of what is trained.
    pub(super) experiment: Experiment,
    /// The experiment whose end it starts from, which cells that begin alike share.
    pub(super) first: Option<Experiment>,
    /// A hash of all that determines the numbers.
    pub(super) stamp: String,
}

/// The text of an experiment's file.
pub(super) fn text(experiment: &Experiment) -> String {
    experiment.to_json().to_string()
}

impl Cell {
    /// The level of a factor.
    pub(super) fn level(&self, factor: &str) -> &str {
        self.levels.iter().find(|(name, _)| name == factor).map_or("", |(_, level)| level)
    }

    /// The levels of these factors in words; of all without any.
    pub(super) fn group(&self, factors: &[String]) -> String {
        let wanted = |(name, _): &&(String, String)| factors.is_empty() || factors.contains(name);
        let levels: Vec<&str> = self.levels.iter().filter(wanted).map(|(_, level)| &**level).collect();
        levels.join(", ")
    }

    /// The name of the cell in messages.
    pub(super) fn name(&self) -> String {
        format!("{}, seed {}", self.group(&[]), self.seed)
    }

    /// Whether the cell is among the chosen levels.
    pub(super) fn is_in(&self, chosen: &Levels) -> bool {
        chosen.iter().all(|(factor, levels)| levels.all().iter().any(|level| level == self.level(factor)))
    }
}

/// All cells of a study: combination after combination in the order of the file, the last factor changing fastest, and in each
/// seed after seed.
///
/// # Errors
/// [`StudyFileError`] for a combination whose experiment is wrong, and for too many cells.
pub(super) fn cells(file: &StudyFile, origin: &str) -> Result<Vec<Cell>, StudyFileError> {
    let factors: Vec<(&String, &Map<String, Value>)> =
        file.factors.iter().filter_map(|(name, levels)| Some((name, levels.as_object()?))).collect();
    let combinations = factors.iter().try_fold(1usize, |n, (_, levels)| n.checked_mul(levels.len()));
    let all = combinations.and_then(|n| n.checked_mul(usize::try_from(file.seeds.count).ok()?));
    let Some(combinations) = all.filter(|&n| n <= MOST_CELLS).and(combinations) else {
        return Err(StudyFileError::Value {
            key: "factors".to_owned(),
            origin: origin.to_owned(),
            got: format!("{} combinations or more at {} seeds", combinations.unwrap_or(MOST_CELLS), file.seeds.count),
            wanted: format!("at most {MOST_CELLS} cells"),
        });
    };
    let mut cells = Vec::new();
    for mut number in 0..combinations {
        let mut chosen: Vec<(&String, &String, &Patch)> = Vec::new();
        for (factor, levels) in factors.iter().rev() {
            if let Some((level, Value::Object(patch))) = levels.iter().nth(number % levels.len()) {
                chosen.push((factor, level, patch));
            }
            number /= levels.len();
        }
        chosen.reverse();
        let levels: Vec<(String, String)> = chosen.iter().map(|(f, l, _)| ((*f).clone(), (*l).clone())).collect();
        let left_out = |without: &Levels| {
            let meant =
                |factor: &str, level: &str| without.get(factor).is_some_and(|l| l.all().iter().any(|l| l == level));
            levels.iter().filter(|(factor, level)| meant(factor, level)).count() == without.len()
        };
        if file.without.iter().any(left_out) {
            continue;
        }
        let [cell, first] = experiments(file, &chosen, origin)?;
        for seed in file.seeds.first..file.seeds.first + file.seeds.count {
            cells.push(at_seed(&levels, seed, cell.as_ref(), first.as_ref(), origin)?);
        }
    }
    if cells.is_empty() {
        return Err(StudyFileError::Value {
            key: "without".to_owned(),
            origin: origin.to_owned(),
            got: "all combinations".to_owned(),
            wanted: "some that are left".to_owned(),
        });
    }
    Ok(cells)
}

/// The JSON of the experiment of a combination, and of the one before it.
fn experiments(
    file: &StudyFile,
    chosen: &[(&String, &String, &Patch)],
    origin: &str,
) -> Result<[Option<Patch>; 2], StudyFileError> {
    let mut own = file.experiment.clone();
    let mut before: Option<&Patch> = None;
    for (factor, level, patch) in chosen {
        if patch.contains_key(FIRST) && before.replace(patch).is_some() {
            return Err(StudyFileError::Value {
                key: format!("factors.{factor}.{level}.first"),
                origin: origin.to_owned(),
                got: "a second training before in one combination".to_owned(),
                wanted: "`first` in the levels of one factor only".to_owned(),
            });
        }
        let plain: Patch = patch
            .iter()
            .filter(|(key, _)| ![FIRST, "first_for"].contains(&key.as_str()))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        merge(&mut own, &plain);
    }
    let Some(level) = before else { return Ok([Some(own), None]) };
    let mut first = own.clone();
    first.remove("large_norm");
    if let Some(Value::Object(patch)) = level.get(FIRST) {
        merge(&mut first, patch);
    }
    for (factor, name, _) in chosen {
        let of = level.get("first_for").and_then(|of| of.get(factor.as_str())).and_then(|of| of.get(name.as_str()));
        if let Some(Value::Object(patch)) = of {
            merge(&mut first, patch);
        }
    }
    Ok([Some(own), Some(first)])
}

/// Changes an object by another one: objects are merged, `null` takes a key away, all else replaces (RFC 7396).
fn merge(target: &mut Patch, patch: &Patch) {
    for (key, value) in patch {
        match value {
            Value::Null => {
                target.shift_remove(key);
            }
            Value::Object(inside) => {
                let there = target.entry(key.clone()).or_insert_with(|| Value::Object(Map::new()));
                if !there.is_object() {
                    *there = Value::Object(Map::new());
                }
                if let Value::Object(there) = there {
                    merge(there, inside);
                }
            }
            value => {
                target.insert(key.clone(), value.clone());
            }
        }
    }
}

fn at_seed(
    levels: &[(String, String)],
    seed: u64,
    cell: Option<&Patch>,
    first: Option<&Patch>,
    origin: &str,
) -> Result<Cell, StudyFileError> {
    let words: Vec<&str> = levels.iter().map(|(_, level)| &**level).collect();
    let parsed = |patch: Option<&Patch>,
                  folder: &str,
                  from: Option<&Experiment>|
     -> Result<Option<Experiment>, StudyFileError> {
        let Some(patch) = patch else { return Ok(None) };
        let mut patch = patch.clone();
        patch.insert("seed".to_owned(), seed.into());
        if let Some(from) = from {
            patch.insert("init_model_at".to_owned(), from.name.to_string().into());
        }
        let of = |stem: &str| ExperimentName { folder: folder.to_owned(), stem: stem.to_owned() };
        let combination = || words.join(", ");
        let wrong = |cause| StudyFileError::Combination { combination: combination(), cause: Box::new(cause) };
        let read = |text: &str, name| Experiment::parse(text, name, origin, &AnyName).map_err(wrong);
        // The name is a hash of what is trained, so that combinations that begin alike share their first training.
        let draft = read(&Value::Object(patch.clone()).to_string(), of("draft"))?.experiment;
        let text = text(&draft);
        let name = of(&short(&stamp([heigen::VERSION, &text])));
        Ok(Some(read(&text, name)?.experiment))
    };
    let first = parsed(first, FIRST, None)?;
    let Some(experiment) = parsed(cell, CELL, first.as_ref())? else {
        return Err(StudyFileError::Schema { origin: origin.to_owned(), what: "there is no experiment".to_owned() });
    };
    let stamp = stamp([heigen::VERSION, VERSION, &text(&experiment), &first.as_ref().map(text).unwrap_or_default()]);
    Ok(Cell { levels: levels.to_vec(), seed, experiment, first, stamp })
}

/// The part of a stamp that names files.
pub(super) fn short(stamp: &str) -> String {
    stamp.chars().take(20).collect()
}

/// Rows by the levels of these factors, in the order of the cells.
pub(super) fn groups(cells: &[&Cell], factors: &[String]) -> Vec<(String, Vec<usize>)> {
    let mut order: Vec<(String, Vec<usize>)> = Vec::new();
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    for (i, cell) in cells.iter().enumerate() {
        let group = if factors.is_empty() { String::new() } else { cell.group(factors) };
        let at = *known.entry(group.clone()).or_insert_with(|| {
            order.push((group, Vec::new()));
            order.len() - 1
        });
        order[at].1.push(i);
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(text: &str) -> Patch {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn changes_are_merged_as_rfc_7396_says() {
        // Examples of the RFC's appendix.
        for (target, patch, wanted) in [
            (r#"{"a":"b"}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"b":"c"}"#, r#"{"a":"b","b":"c"}"#),
            (r#"{"a":"b","b":"c"}"#, r#"{"a":null}"#, r#"{"b":"c"}"#),
            (r#"{"a":["b"]}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":{"b":"c"}}"#, r#"{"a":{"b":"d","c":null}}"#, r#"{"a":{"b":"d"}}"#),
            (r#"{"e":null}"#, r#"{"a":1}"#, r#"{"e":null,"a":1}"#),
            ("{}", r#"{"a":{"bb":{"ccc":null}}}"#, r#"{"a":{"bb":{}}}"#),
        ] {
            let mut target = object(target);
            merge(&mut target, &object(patch));
            assert_eq!(Value::Object(target).to_string(), wanted);
        }
    }

    const STUDY: &str = r#"{
        "title": "Small", "seeds": {"count": 2}, "converged_loss": 1.0,
        "experiment": {
            "model": {"type": "FNN_2layer", "args": {"num_neurons_layer1": 4, "num_neurons_layer2": 4}},
            "optimizer": {"type": "SGD", "args": {"lr": 0.1}}, "train_fraction": 0.5, "test_fraction": 0.5,
            "trainer": {"num_epochs": 3, "batch_size": 64, "how_often_print": 3}
        },
        "factors": {
            "data": {"gauss": {"dataset": {"type": "gauss_mixtures"}},
                     "circle": {"dataset": {"type": "circle", "args": {"noise": 0.2}}}},
            "start": {"normal": {},
                      "adversarial": {"first": {"dataset": {"args": {"random": true}}}},
                      "large": {"large_norm": true, "first": {"dataset": {"args": {"random": true}}},
                                "first_for": {"data": {"circle": {"trainer": {"num_epochs": 7}}}}}}
        },
        "without": [{"data": "gauss", "start": "large"}]
    }"#;

    #[test]
    fn cells_are_all_combinations_but_those_left_out_and_share_first_trainings() {
        let file = StudyFile::parse(STUDY, "small.json").unwrap();
        let cells = cells(&file, "small.json").unwrap();
        let names: Vec<String> = cells.iter().map(Cell::name).collect();
        assert_eq!(names.len(), 10, "{names:?}");
        assert_eq!(names[..3], ["gauss, normal, seed 0", "gauss, normal, seed 1", "gauss, adversarial, seed 0"]);
        let of = |name: &str| cells.iter().find(|cell| cell.name() == name).unwrap();
        let first = |name: &str| of(name).first.clone().unwrap();
        assert!(of("gauss, normal, seed 0").first.is_none());
        let (adversarial, large) = (first("circle, adversarial, seed 1"), first("circle, large, seed 1"));
        assert_eq!((adversarial.trainer.num_epochs, large.trainer.num_epochs), (3, 7));
        assert_ne!(adversarial.name, large.name);
        assert_eq!(adversarial.seed, 1);
        let text = text(&of("circle, large, seed 1").experiment);
        assert!(text.contains(r#""large_norm":true"#) && text.contains(&large.name.to_string()), "{text}");
        assert!(text.contains(r#""noise":0.2"#) && text.contains(r#""random":false"#), "{text}");
        let mut stamps: Vec<&String> = cells.iter().map(|cell| &cell.stamp).collect();
        stamps.sort();
        stamps.dedup();
        assert_eq!(stamps.len(), 10);
    }

    #[test]
    fn mistakes_in_study_files_are_told_with_place_and_what_was_expected() {
        for (from, to, wanted) in [
            (
                r#""count": 2"#,
                r#""count": 0"#,
                "`seeds.count` in small.json is 0; expected a number of seeds, 1 or more",
            ),
            (r#""seeds""#, r#""sedes""#, "in small.json, unknown field `sedes`, expected one of `title`"),
            (r#""normal": {}"#, r#""normal": 3"#, "`factors.start.normal` in small.json is 3; expected an object"),
            (
                r#""start": "large""#,
                r#""start": "huge""#,
                "the level \"huge\"; expected one of the levels of start: normal, ",
            ),
            (
                r#""start": {"normal""#,
                r#""outliers": {"normal""#,
                "is the name of a column of the table; expected another",
            ),
            (
                r#""num_epochs": 7"#,
                r#""num_epoch": 7"#,
                "the combination circle, large: `trainer.num_epoch` in small.json is unknown; did you mean",
            ),
            (
                r#""lr": 0.1"#,
                r#""lr": -1"#,
                "the combination gauss, normal: `optimizer.args.lr` in small.json is -1; expected a learning rate",
            ),
            (r#""title": "Small","#, r#""title": "Small", "title": "Twice","#, "the key `title` stands twice"),
            (
                r#""converged_loss": 1.0"#,
                r#""converged_loss": 0"#,
                "`converged_loss` in small.json is 0; expected a training loss above 0",
            ),
            (
                r#""without""#,
                r#""pairs": [["outlier", "margin"]], "without""#,
                "`pairs[0]` in small.json is the measure \"outlier\"; expected one of",
            ),
            (
                r#""without""#,
                r#""claims": [{"name": "a", "statement": "b", "expect": "positive"}], "without""#,
                "`claims[0]` in small.json is a claim with both or neither; expected one of `correlate` and",
            ),
            (
                r#""without""#,
                r#""claims": [{"name": "a", "statement": "b", "expect": "larger", "correlate": ["rank", "trace"]}], "without""#,
                "`claims[0].expect` in small.json is larger; expected positive or negative",
            ),
        ] {
            let text = STUDY.replacen(from, to, 1);
            assert_ne!(text, STUDY, "{from}");
            let read = StudyFile::parse(&text, "small.json").and_then(|file| cells(&file, "small.json"));
            let said = read.unwrap_err().to_string();
            assert!(said.contains(wanted), "{from} -> {to}: {said}");
        }
    }
}

//! The file of a study: factors with their levels, seeds, and what is asked of the measures. Read and checked here.

use super::measures::{is_measure, measure_names};
use heigen::config::{ConfigError, nearest, read_json};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// A change of an experiment's JSON: keys that replace those of the experiment, objects inside of objects merged, `null` for keys
/// that are taken away (RFC 7396).
pub(super) type Patch = Map<String, Value>;

/// The file of a study, as written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StudyFile {
    /// The title of its report.
    pub title: String,
    /// Paragraphs that open its report.
    #[serde(default)]
    pub text: Vec<String>,
    /// The seeds at which every combination is trained.
    pub seeds: Seeds,
    /// The experiment that all combinations change; its file's keys, of which levels may give any.
    pub experiment: Patch,
    /// The factors by name, each with its levels by name.
    pub factors: Map<String, Value>,
    /// Combinations that are left out: factors and their levels.
    #[serde(default)]
    pub without: Vec<Levels>,
    /// The largest training loss at which a training counts as converged.
    pub converged_loss: f64,
    /// The claims that are judged.
    #[serde(default)]
    pub claims: Vec<ClaimSpec>,
    /// Pairs of measures whose rank correlation is told without a claim about it.
    #[serde(default)]
    pub pairs: Vec<[String; 2]>,
}

/// Names of levels by names of factors; several levels of a factor as a list.
pub type Levels = std::collections::BTreeMap<String, OneOrMore>;

/// One name, or several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum OneOrMore {
    /// One.
    One(String),
    /// Several.
    More(Vec<String>),
}

impl OneOrMore {
    /// All names.
    pub fn all(&self) -> &[String] {
        match self {
            Self::One(name) => std::slice::from_ref(name),
            Self::More(names) => names,
        }
    }
}

/// Consecutive seeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seeds {
    /// The first one.
    #[serde(default)]
    pub first: u64,
    /// How many there are.
    pub count: u64,
}

/// A claim about the measures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimSpec {
    /// A short name for tables and figures.
    pub name: String,
    /// The claim in a sentence.
    pub statement: String,
    /// Where it is made.
    #[serde(default)]
    pub source: String,
    /// Two measures of which a rank correlation is claimed.
    #[serde(default)]
    pub correlate: Option<[String; 2]>,
    /// A measure at two levels of a factor, of which an order is claimed.
    #[serde(default)]
    pub compare: Option<Compare>,
    /// The claimed direction: of a correlation `positive` or `negative`, of a comparison whether the first level has the `larger` or
    /// the `smaller` measure.
    pub expect: Expect,
    /// For a correlation: the factors whose levels are not compared with each other; ranks are those within a group.
    #[serde(default)]
    pub within: Vec<String>,
    /// The combinations that count; all where it is not given.
    #[serde(default, rename = "where")]
    pub only: Levels,
}

impl ClaimSpec {
    /// The measures that the claim is about.
    pub fn measures(&self) -> Vec<&str> {
        let compared = self.compare.iter().map(|compare| &*compare.measure);
        self.correlate.iter().flatten().map(String::as_str).chain(compared).collect()
    }
}

/// A comparison of a measure between two levels of a factor, seed by seed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Compare {
    /// The measure.
    pub measure: String,
    /// The factor.
    pub factor: String,
    /// The two levels.
    pub levels: [String; 2],
}

/// The direction that a claim says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expect {
    /// The measures grow together.
    Positive,
    /// One falls where the other grows.
    Negative,
    /// The first level has the larger numbers.
    Larger,
    /// The first level has the smaller numbers.
    Smaller,
}

impl Expect {
    /// 1 or -1, by which an effect is multiplied so that positive ones speak for the claim.
    pub fn sign(self) -> f64 {
        match self {
            Self::Positive | Self::Larger => 1.0,
            Self::Negative | Self::Smaller => -1.0,
        }
    }

    fn of_comparison(self) -> bool {
        matches!(self, Self::Larger | Self::Smaller)
    }
}

/// Why a file of a study is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StudyFileError {
    /// It is not JSON, or an experiment in it is wrong.
    #[error(transparent)]
    Json(Box<ConfigError>),
    /// It lacks a key, or has one that nothing reads, or a value of another kind.
    #[error("in {origin}, {what}")]
    Schema {
        /// The file.
        origin: String,
        /// The words of the reader.
        what: String,
    },
    /// A value that does not fit.
    #[error("`{key}` in {origin} is {got}; expected {wanted}")]
    Value {
        /// The key, with its path.
        key: String,
        /// The file.
        origin: String,
        /// The value that stands there.
        got: String,
        /// A description of the values that may stand there.
        wanted: String,
    },
    /// A combination whose experiment is wrong.
    #[error("the combination {combination}: {cause}")]
    Combination {
        /// The levels.
        combination: String,
        /// The fault of the experiment.
        cause: Box<ConfigError>,
    },
}

impl From<ConfigError> for StudyFileError {
    fn from(error: ConfigError) -> Self {
        Self::Json(Box::new(error))
    }
}

/// The most cells of a study, more than anybody waits for.
pub(super) const MOST_CELLS: usize = 100_000;

impl StudyFile {
    /// Reads and checks the text of a study's file; `origin` is its name in messages.
    ///
    /// # Errors
    /// [`StudyFileError`] for the first mistake found; no key is ignored.
    pub fn parse(text: &str, origin: &str) -> Result<Self, StudyFileError> {
        // Keys that stand twice are refused by the first reader, keys that nothing reads by the second.
        let value = read_json(text, origin)?;
        let schema = |e: serde_json::Error| StudyFileError::Schema { origin: origin.to_owned(), what: e.to_string() };
        let file: Self = serde_json::from_value(value).map_err(schema)?;
        Checked { file: &file, origin }.all()?;
        Ok(file)
    }

    /// The names of the factors.
    pub fn factor_names(&self) -> Vec<&str> {
        self.factors.keys().map(String::as_str).collect()
    }

    /// The names of the levels of a factor.
    pub fn level_names(&self, factor: &str) -> Vec<&str> {
        let levels = self.factors.get(factor).and_then(Value::as_object);
        levels.map_or_else(Vec::new, |levels| levels.keys().map(String::as_str).collect())
    }

    /// Checks a choice of levels that a user has made.
    ///
    /// # Errors
    /// [`StudyFileError::Value`] for a factor or a level that there is not.
    pub fn check_choice(&self, levels: &Levels) -> Result<(), StudyFileError> {
        Checked { file: self, origin: "the choice of levels" }.levels(levels, "")
    }
}

/// A file that is being checked.
struct Checked<'a> {
    file: &'a StudyFile,
    origin: &'a str,
}

/// Something that stands where another value belongs, cut off where it is long.
fn shown(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= 60 { text } else { text.chars().take(60).chain("...".chars()).collect() }
}

impl Checked<'_> {
    fn wrong(&self, key: impl Into<String>, got: impl Into<String>, wanted: impl Into<String>) -> StudyFileError {
        let origin = self.origin.to_owned();
        StudyFileError::Value { key: key.into(), origin, got: got.into(), wanted: wanted.into() }
    }

    fn all(&self) -> Result<(), StudyFileError> {
        let StudyFile { title, seeds, experiment, factors, without, converged_loss, claims, pairs, .. } = self.file;
        if title.trim().is_empty() {
            return Err(self.wrong("title", "empty", "a title for the report"));
        }
        if seeds.count == 0 || seeds.first.checked_add(seeds.count).is_none() {
            return Err(self.wrong("seeds.count", seeds.count.to_string(), "a number of seeds, 1 or more"));
        }
        if !(*converged_loss > 0.0 && converged_loss.is_finite()) {
            return Err(self.wrong("converged_loss", converged_loss.to_string(), "a training loss above 0"));
        }
        for key in ["init_model_at", "seed"] {
            if experiment.contains_key(key) {
                let wanted = "no such key: the study gives starts by `first` of a level, and seeds by `seeds`";
                return Err(self.wrong(format!("experiment.{key}"), "given", wanted));
            }
        }
        if factors.is_empty() {
            return Err(self.wrong("factors", "empty", "at least one factor with its levels"));
        }
        for (factor, levels) in factors {
            self.factor(factor, levels)?;
        }
        for (i, levels) in without.iter().enumerate() {
            let key = format!("without[{i}]");
            if levels.is_empty() {
                return Err(self.wrong(key, "empty", "at least one factor with the levels that are left out"));
            }
            self.levels(levels, &key)?;
        }
        for (i, claim) in claims.iter().enumerate() {
            self.claim(claim, &format!("claims[{i}]"))?;
        }
        let mut names = BTreeSet::new();
        if let Some(twice) = claims.iter().find(|claim| !names.insert(&claim.name)) {
            return Err(self.wrong("claims", format!("two of the name {}", twice.name), "a name for each"));
        }
        pairs.iter().enumerate().try_for_each(|(i, pair)| self.measures(pair, &format!("pairs[{i}]")))
    }

    fn factor(&self, factor: &str, levels: &Value) -> Result<(), StudyFileError> {
        let key = format!("factors.{factor}");
        if ["seed", "state"].contains(&factor) || is_measure(factor) {
            return Err(self.wrong(key, "the name of a column of the table", "another name"));
        }
        let all = levels.as_object().filter(|levels| !levels.is_empty());
        let Some(levels) = all else {
            return Err(self.wrong(key, shown(levels), "an object with a name and the changes of each level"));
        };
        for (level, patch) in levels {
            let key = format!("{key}.{level}");
            let Some(patch) = patch.as_object() else {
                return Err(self.wrong(key, shown(patch), "an object: the keys of the experiment that are changed"));
            };
            for reserved in ["first", "first_for"] {
                if let Some(value) = patch.get(reserved).filter(|value| !value.is_object()) {
                    return Err(self.wrong(format!("{key}.{reserved}"), shown(value), "an object"));
                }
            }
            for wrong in ["init_model_at", "seed"] {
                if patch.contains_key(wrong) {
                    let wanted = "no such key: the study gives starts by `first` of a level, and seeds by `seeds`";
                    return Err(self.wrong(format!("{key}.{wrong}"), "given", wanted));
                }
            }
            if let Some(of) = patch.get("first_for").and_then(Value::as_object) {
                if !patch.contains_key("first") {
                    return Err(self.wrong(format!("{key}.first_for"), "given", "`first` beside it"));
                }
                for (other, levels) in of {
                    let key = format!("{key}.first_for.{other}");
                    let Some(levels) = levels.as_object() else {
                        return Err(self.wrong(key, shown(levels), "an object with a change for each level"));
                    };
                    for (level, patch) in levels {
                        self.level(other, level, &key)?;
                        if !patch.is_object() {
                            return Err(self.wrong(format!("{key}.{level}"), shown(patch), "an object"));
                        }
                    }
                }
            }
        }
        Ok(())
    }

    fn known(&self, factor: &str, key: &str) -> Result<(), StudyFileError> {
        let known = self.file.factor_names();
        if known.contains(&factor) {
            return Ok(());
        }
        Err(self.wrong(key, format!("the factor \"{factor}\""), format!("one of {}", known.join(", "))))
    }

    fn level(&self, factor: &str, level: &str, key: &str) -> Result<(), StudyFileError> {
        self.known(factor, key)?;
        let known = self.file.level_names(factor);
        if known.contains(&level) {
            return Ok(());
        }
        let wanted = format!("one of the levels of {factor}: {}", known.join(", "));
        Err(self.wrong(key, format!("the level \"{level}\""), wanted))
    }

    fn levels(&self, levels: &Levels, key: &str) -> Result<(), StudyFileError> {
        for (factor, names) in levels {
            let key = if key.is_empty() { factor.clone() } else { format!("{key}.{factor}") };
            self.known(factor, &key)?;
            names.all().iter().try_for_each(|level| self.level(factor, level, &key))?;
        }
        Ok(())
    }

    fn measures(&self, names: &[String], key: &str) -> Result<(), StudyFileError> {
        let Some(unknown) = names.iter().find(|name| !is_measure(name)) else { return Ok(()) };
        let near = nearest(unknown, measure_names(), 1).pop();
        let hint = near.map_or_else(String::new, |near| format!(" (did you mean {near}?)"));
        let known: Vec<&str> = measure_names().collect();
        Err(self.wrong(key, format!("the measure \"{unknown}\""), format!("one of {}{hint}", known.join(", "))))
    }

    fn claim(&self, claim: &ClaimSpec, key: &str) -> Result<(), StudyFileError> {
        let ClaimSpec { name, statement, correlate, compare, expect, within, only, .. } = claim;
        if name.trim().is_empty() || statement.trim().is_empty() {
            return Err(self.wrong(key, "a claim without name or statement", "both"));
        }
        let comparison = match (correlate, compare) {
            (Some(pair), None) => {
                self.measures(pair, &format!("{key}.correlate"))?;
                false
            }
            (None, Some(Compare { measure, factor, levels })) => {
                let at = format!("{key}.compare");
                self.measures(std::slice::from_ref(measure), &at)?;
                levels.iter().try_for_each(|level| self.level(factor, level, &at))?;
                if !within.is_empty() {
                    let wanted = "none for a comparison, which is made seed by seed";
                    return Err(self.wrong(format!("{key}.within"), within.join(", "), wanted));
                }
                true
            }
            _ => return Err(self.wrong(key, "a claim with both or neither", "one of `correlate` and `compare`")),
        };
        if expect.of_comparison() != comparison {
            let wanted = if comparison { "larger or smaller" } else { "positive or negative" };
            return Err(self.wrong(format!("{key}.expect"), format!("{expect:?}").to_lowercase(), wanted));
        }
        within.iter().try_for_each(|factor| self.known(factor, &format!("{key}.within")))?;
        self.levels(only, &format!("{key}.where"))
    }
}

//! Names of experiments: two path components that are safe to put below any folder.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The name `<folder>/<name>` of an experiment: its path below `configs`, the models folder and the grads folder.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct ExperimentName {
    /// The folder, e.g. `gauss`.
    pub folder: String,
    /// The name without `.json`, e.g. `normal_training`.
    pub stem: String,
}

/// A name that cannot be a path of two components.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is no name of an experiment: {reason}; expected <folder>/<name>, e.g. gauss/normal_training")]
pub struct NameError {
    /// The name as given.
    pub name: String,
    /// The reason why it is no name of an experiment.
    pub reason: &'static str,
}

impl ExperimentName {
    /// Joins a folder and a name.
    ///
    /// # Errors
    /// [`NameError`] if [`Self::check`] refuses the name.
    pub fn new(folder: impl Into<String>, stem: impl Into<String>) -> Result<Self, NameError> {
        let name = Self { folder: folder.into(), stem: stem.into() };
        name.check()?;
        Ok(name)
    }

    /// Checks that both components are safe as file names: they are not empty and not `.` or `..`, and have no
    /// separators, leading dots or control characters.
    ///
    /// # Errors
    /// [`NameError`] with the reason.
    pub fn check(&self) -> Result<(), NameError> {
        for component in [&self.folder, &self.stem] {
            if let Some(reason) = flaw(component) {
                return Err(NameError { name: self.to_string(), reason });
            }
        }
        Ok(())
    }
}

fn flaw(component: &str) -> Option<&'static str> {
    if component.is_empty() {
        Some("a part of it is empty")
    } else if component.starts_with('.') {
        Some("a part of it starts with a dot")
    } else if component.contains(['/', '\\', ':']) {
        Some("a part of it contains a path separator")
    } else if component.chars().any(char::is_control) {
        Some("a part of it contains a control character")
    } else {
        None
    }
}

impl std::fmt::Display for ExperimentName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.folder, self.stem)
    }
}

impl From<ExperimentName> for String {
    fn from(name: ExperimentName) -> Self {
        name.to_string()
    }
}

impl TryFrom<String> for ExperimentName {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl FromStr for ExperimentName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        match text.split_once('/') {
            Some((folder, stem)) => Self::new(folder, stem).map_err(|e| NameError { name: text.to_owned(), ..e }),
            None => Err(NameError { name: text.to_owned(), reason: "it has no folder" }),
        }
    }
}

/// The experiments that a starting model may come from.
pub trait KnownExperiments {
    /// Whether an experiment of this name exists.
    fn contains(&self, name: &ExperimentName) -> bool;

    /// The names from which an error message picks suggestions.
    fn names(&self) -> Vec<ExperimentName>;
}

impl KnownExperiments for [ExperimentName] {
    fn contains(&self, name: &ExperimentName) -> bool {
        self.iter().any(|known| known == name)
    }

    fn names(&self) -> Vec<ExperimentName> {
        self.to_vec()
    }
}

impl KnownExperiments for Vec<ExperimentName> {
    fn contains(&self, name: &ExperimentName) -> bool {
        self.as_slice().contains(name)
    }

    fn names(&self) -> Vec<ExperimentName> {
        self.clone()
    }
}

/// Accepts every name that is well formed, for configurations that were resolved before, such as a stored record.
#[derive(Clone, Copy, Debug)]
pub struct AnyName;

impl KnownExperiments for AnyName {
    fn contains(&self, _: &ExperimentName) -> bool {
        true
    }

    fn names(&self) -> Vec<ExperimentName> {
        Vec::new()
    }
}

/// At most `count` of the `candidates`, nearest first: those that look like `got` with a typing error, or that have its
/// last component.
///
/// Names with a Jaro-Winkler similarity above 0.75 look like typing errors. The similarity is that of the whole text or
/// that of the last component, whichever is larger.
pub fn nearest<'a>(got: &str, candidates: impl IntoIterator<Item = &'a str>, count: usize) -> Vec<String> {
    const RESEMBLES: f64 = 0.75;
    let last = |text: &'_ str| text.rsplit('/').next().unwrap_or(text).to_lowercase();
    let mut ranked: Vec<(f64, &str)> = candidates
        .into_iter()
        .map(|candidate| {
            let whole = strsim::jaro_winkler(&got.to_lowercase(), &candidate.to_lowercase());
            let ends = if candidate.contains('/') { strsim::jaro_winkler(&last(got), &last(candidate)) } else { 0.0 };
            (whole.max(ends) + 0.01 * whole, candidate)
        })
        .filter(|&(similarity, _)| similarity >= RESEMBLES)
        .collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    ranked.into_iter().take(count).map(|(_, candidate)| candidate.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_two_safe_components() {
        let name: ExperimentName = "gauss/normal_training".parse().unwrap();
        assert_eq!((name.folder.as_str(), name.stem.as_str()), ("gauss", "normal_training"));
        assert_eq!(name.to_string(), "gauss/normal_training");
        for bad in
            ["", "gauss", "gauss/", "/x", "a/b/c", "../x", "a/..", "a\\b/c", "a/b\n", "a/b\0", "a/.hidden", "c:/x"]
        {
            assert!(bad.parse::<ExperimentName>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn suggestions_come_nearest_first_and_nothing_comes_for_noise() {
        let candidates = ["gauss/normal_training", "circle/normal_training", "iris/random_label_training"];
        assert_eq!(nearest("gaus/normal_training", candidates, 1), ["gauss/normal_training"]);
        assert_eq!(nearest("normal_training", candidates, 2).len(), 2);
        assert!(nearest("zzz", candidates, 3).is_empty());
        assert_eq!(nearest("momentun", ["lr", "momentum", "weight_decay"], 1), ["momentum"]);
    }
}

//! Reading the fields of one JSON object with errors that name the key's full path, the file, and what was expected.

use serde_json::{Map, Value};

use super::{ConfigError, nearest};

/// Length of the longest piece of a refused value that an error message repeats.
const SHOWN: usize = 80;

/// One object of an experiment file, its path (`""` at the top, `"trainer."` inside) and the file it came from.
pub(super) struct Fields<'a> {
    map: &'a Map<String, Value>,
    path: String,
    origin: &'a str,
}

impl<'a> Fields<'a> {
    /// The object that is the whole file.
    pub(super) fn top(value: &'a Value, origin: &'a str, known: &[&str]) -> Result<Self, ConfigError> {
        let Value::Object(map) = value else {
            return Err(ConfigError::Conflict {
                what: format!("the outermost value is {}", shown(value)),
                origin: origin.to_owned(),
                mend: "expected an object with the keys model, optimizer, dataset, trainer, ...".to_owned(),
            });
        };
        Self { map, path: String::new(), origin }.only(known)
    }

    /// These fields, or an error if the object has keys outside `known`.
    fn only(self, known: &[&str]) -> Result<Self, ConfigError> {
        self.check_keys(known).map(|()| self)
    }

    fn full(&self, key: &str) -> String {
        format!("{}{key}", self.path)
    }

    pub(super) fn get(&self, key: &str) -> Option<&'a Value> {
        self.map.get(key)
    }

    pub(super) fn origin(&self) -> &'a str {
        self.origin
    }

    pub(super) fn missing(&self, key: &str, wanted: &str) -> ConfigError {
        ConfigError::MissingKey { key: self.full(key), origin: self.origin.to_owned(), wanted: wanted.to_owned() }
    }

    /// The error that says that the value of `key` is wrong.
    pub(super) fn invalid(&self, key: &str, wanted: &str) -> ConfigError {
        let got = self.get(key).map_or_else(|| "absent".to_owned(), shown);
        ConfigError::Invalid { key: self.full(key), origin: self.origin.to_owned(), got, wanted: wanted.to_owned() }
    }

    /// The error that says that values do not fit together.
    pub(super) fn conflict(&self, what: impl Into<String>, mend: &str) -> ConfigError {
        ConfigError::Conflict { what: what.into(), origin: self.origin.to_owned(), mend: mend.to_owned() }
    }

    /// The object at `key` with only `known` keys.
    pub(super) fn object(&self, key: &str, known: &[&str]) -> Result<Self, ConfigError> {
        let wanted = format!("an object with {}", known.join(", "));
        match self.get(key) {
            None => Err(self.missing(key, &wanted)),
            Some(Value::Object(map)) => {
                Self { map, path: format!("{}{key}.", self.path), origin: self.origin }.only(known)
            }
            Some(_) => Err(self.invalid(key, &wanted)),
        }
    }

    /// The object that is item `i` of the list at `key`.
    pub(super) fn item(&self, key: &str, i: usize, item: &'a Value, wanted: &str) -> Result<Self, ConfigError> {
        match item {
            Value::Object(map) => Ok(Self { map, path: format!("{}{key}[{i}].", self.path), origin: self.origin }),
            _ => Err(ConfigError::Invalid {
                key: format!("{}{key}[{i}]", self.path),
                origin: self.origin.to_owned(),
                got: shown(item),
                wanted: wanted.to_owned(),
            }),
        }
    }

    /// Fails if there is a key outside `known`.
    pub(super) fn check_keys(&self, known: &[&str]) -> Result<(), ConfigError> {
        match self.map.keys().find(|key| !known.contains(&key.as_str())) {
            None => Ok(()),
            Some(key) => Err(ConfigError::UnknownKey {
                key: self.full(key),
                origin: self.origin.to_owned(),
                nearest: nearest(key, known.iter().copied(), 1).pop(),
                known: known.iter().map(|&k| k.to_owned()).collect(),
            }),
        }
    }

    /// The object `args`, empty if absent, with only `known` keys.
    pub(super) fn args(&self, known: &[&str]) -> Result<Self, ConfigError> {
        static EMPTY: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
        match self.get("args") {
            None => Ok(Self { map: &EMPTY, path: self.full("args."), origin: self.origin }),
            Some(Value::Object(_)) => self.object("args", known),
            Some(_) if known.is_empty() => Err(self.invalid("args", "{}: this type takes no arguments")),
            Some(_) => Err(self.invalid("args", &format!("an object with any of {}", known.join(", ")))),
        }
    }

    /// A whole number in `min..=max`.
    pub(super) fn whole(&self, key: &str, min: u64, max: u64, default: Option<u64>) -> Result<u64, ConfigError> {
        let wanted = if max == u64::MAX {
            format!("a whole number, {min} or more")
        } else {
            format!("a whole number from {min} to {max}")
        };
        match (self.get(key), default) {
            (None, Some(default)) => Ok(default),
            (None, None) => Err(self.missing(key, &wanted)),
            (Some(value), _) => match value.as_u64() {
                Some(number) if (min..=max).contains(&number) => Ok(number),
                _ => Err(self.invalid(key, &wanted)),
            },
        }
    }

    /// A whole number in `min..=max` that counts things in memory, so that it must fit a `usize`.
    pub(super) fn count(&self, key: &str, min: u64, max: u64, default: Option<u64>) -> Result<usize, ConfigError> {
        let number = self.whole(key, min, max, default)?;
        usize::try_from(number).map_err(|_| self.invalid(key, "a whole number this machine can address"))
    }

    /// A finite number that `accept` accepts; `wanted` describes such numbers.
    pub(super) fn number(
        &self,
        key: &str,
        default: Option<f64>,
        wanted: &str,
        accept: impl Fn(f64) -> bool,
    ) -> Result<f64, ConfigError> {
        match (self.get(key), default) {
            (None, Some(default)) => Ok(default),
            (None, None) => Err(self.missing(key, wanted)),
            (Some(value), _) => match value.as_f64() {
                Some(number) if number.is_finite() && accept(number) => Ok(number),
                _ => Err(self.invalid(key, wanted)),
            },
        }
    }

    /// `true` or `false`.
    pub(super) fn truth(&self, key: &str, default: bool) -> Result<bool, ConfigError> {
        match self.get(key) {
            None => Ok(default),
            Some(Value::Bool(truth)) => Ok(*truth),
            Some(_) => Err(self.invalid(key, "true or false")),
        }
    }

    /// The value that belongs to the spelling found, one of `choices`.
    pub(super) fn choice<T: Copy>(
        &self,
        key: &str,
        choices: &[(&str, T)],
        default: Option<T>,
    ) -> Result<T, ConfigError> {
        let names = || choices.iter().map(|&(name, _)| name);
        let wanted = || format!("one of {}", names().collect::<Vec<_>>().join(", "));
        match (self.get(key), default) {
            (None, Some(default)) => Ok(default),
            (None, None) => Err(self.missing(key, &wanted())),
            (Some(Value::String(got)), _) => {
                choices.iter().find(|&&(name, _)| name == got).map(|&(_, value)| value).ok_or_else(|| {
                    ConfigError::UnknownName {
                        key: self.full(key),
                        origin: self.origin.to_owned(),
                        got: clipped(got.clone()),
                        nearest: nearest(got, names(), 1).pop(),
                        known: names().map(str::to_owned).collect(),
                    }
                })
            }
            (Some(_), _) => Err(self.invalid(key, &wanted())),
        }
    }

    /// A list of whole numbers, each in `min..=max`.
    pub(super) fn list(
        &self,
        key: &str,
        min: u64,
        max: u64,
        default: Option<Vec<usize>>,
        wanted: &str,
    ) -> Result<Vec<usize>, ConfigError> {
        match (self.get(key), default) {
            (None, Some(default)) => Ok(default),
            (None, None) => Err(self.missing(key, wanted)),
            (Some(value), _) => value
                .as_array()
                .and_then(|items| items.iter().map(|item| whole_within(item, min, max)).collect())
                .ok_or_else(|| self.invalid(key, wanted)),
        }
    }
}

fn whole_within(value: &Value, min: u64, max: u64) -> Option<usize> {
    value.as_u64().filter(|number| (min..=max).contains(number)).and_then(|number| usize::try_from(number).ok())
}

/// The value as JSON text, cut off where it is long.
fn shown(value: &Value) -> String {
    clipped(value.to_string())
}

fn clipped(text: String) -> String {
    if text.chars().count() <= SHOWN { text } else { text.chars().take(SHOWN).chain("...".chars()).collect() }
}

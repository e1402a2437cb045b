//! The mistakes that an experiment file may hold. Each error says what is wrong, where, what stands there, what was
//! expected, and how to mend it.

use super::NameError;

/// Why the text of an experiment file is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The text is not JSON, or names a key twice.
    #[error("{origin} is not valid JSON: line {line}, column {column}: {reason}")]
    Json {
        /// The file.
        origin: String,
        /// Line, from 1.
        line: usize,
        /// Column, from 1 (0: the end of the line before).
        column: usize,
        /// The message of the JSON reader.
        reason: String,
    },
    /// The file has a key that nothing reads.
    #[error("`{key}` in {origin} is unknown; {}known here: {}", did_you_mean(nearest.as_deref()), list(known))]
    UnknownKey {
        /// The key with its path, e.g. `optimizer.args.momentun`.
        key: String,
        /// The file.
        origin: String,
        /// The known key that resembles it most.
        nearest: Option<String>,
        /// All keys known at this place.
        known: Vec<String>,
    },
    /// A key without a default is absent.
    #[error("`{key}` in {origin} is missing; expected {wanted}")]
    MissingKey {
        /// The key with its path.
        key: String,
        /// The file.
        origin: String,
        /// A description of the value that the key should hold.
        wanted: String,
    },
    /// A value of the wrong type or outside its range.
    #[error("`{key}` in {origin} is {got}; expected {wanted}")]
    Invalid {
        /// The key with its path.
        key: String,
        /// The file.
        origin: String,
        /// The value as written.
        got: String,
        /// A description of the value that the key should hold, and how to mend it.
        wanted: String,
    },
    /// The model, optimizer, data set, loss, activation or scheduler does not exist.
    #[error("`{key}` in {origin} is \"{got}\"; {}expected one of {}", did_you_mean(nearest.as_deref()), list(known))]
    UnknownName {
        /// The key with its path.
        key: String,
        /// The file.
        origin: String,
        /// The name as written.
        got: String,
        /// The existing name that resembles it most.
        nearest: Option<String>,
        /// All names that exist.
        known: Vec<String>,
    },
    /// Two values are fine alone, but not together.
    #[error("in {origin}, {what}; {mend}")]
    Conflict {
        /// A description of the values that do not fit together.
        what: String,
        /// The file.
        origin: String,
        /// Advice how to mend it.
        mend: String,
    },
    /// The starting model is trained by no known experiment.
    #[error(
        "`init_model_at` in {origin} is \"{got}\", and no known experiment trains that model; \
         expected \"\" for fresh weights or the <folder>/<name> of an experiment{}",
        match nearest.as_slice() { [] => String::new(), names => format!(", e.g. {}", names.join(", ")) }
    )]
    UnknownStart {
        /// The file.
        origin: String,
        /// The path to the starting model, as written.
        got: String,
        /// The names of known experiments that resemble it, nearest first.
        nearest: Vec<String>,
    },
    /// The experiment's own name cannot be a path of two components.
    #[error(transparent)]
    Name(#[from] NameError),
}

fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |name| format!("did you mean `{name}`? "))
}

fn list(known: &[String]) -> String {
    if known.is_empty() { "none".to_owned() } else { known.join(", ") }
}

//! Why bytes are not weights or samples.

use heigen_pickle::PickleError;

/// Why a file was not read: what, where, what was expected, and how to mend it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// The file is not what it should be.
    #[error("{origin} is {found}; expected {wanted}; {mend}")]
    Content {
        /// What the caller calls the bytes.
        origin: String,
        /// What it is instead.
        found: String,
        /// What should be there.
        wanted: String,
        /// How to mend it.
        mend: String,
    },
    /// The file can be read, but what it holds cannot be used.
    #[error("{origin} has {found}; expected {wanted}; {mend}")]
    Holds {
        /// What the caller calls the bytes.
        origin: String,
        /// What it has.
        found: String,
        /// What it should have.
        wanted: String,
        /// How to mend it.
        mend: String,
    },
    /// One row or one value of a table or array cannot be used.
    #[error("{0}")]
    Cell(Box<Cell>),
    /// A file of weights would have to run code.
    #[error(
        "{origin} asks for `{name}`: it is more than weights, and nothing in it is executed; expected a dictionary of \
         tensors; write one by `torch.save(model.state_dict(), ...)`"
    )]
    Call {
        /// What the caller calls the bytes.
        origin: String,
        /// The class or function.
        name: String,
    },
    /// A pickle that cannot be read.
    #[error("{origin} is no file that torch.save wrote, or damaged: {cause}; save or copy it again")]
    Pickle {
        /// What the caller calls the bytes.
        origin: String,
        /// Why.
        cause: PickleError,
    },
}

/// A row or value that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// What the caller calls the bytes.
    pub origin: String,
    /// Counted from 1: lines of a text file, samples of any other.
    pub row: u64,
    /// Name, or number counted from 1; none for a whole row.
    pub column: Option<String>,
    /// What stands there.
    pub found: String,
    /// What should.
    pub wanted: String,
    /// How to mend it.
    pub mend: String,
}

impl std::fmt::Display for Cell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { origin, row, column, found, wanted, mend } = self;
        write!(f, "{origin}, row {row}")?;
        column.iter().try_for_each(|column| write!(f, ", column {column}"))?;
        write!(f, ", is {found}; expected {wanted}; {mend}")
    }
}

impl From<Cell> for FormatError {
    fn from(cell: Cell) -> Self {
        Self::Cell(Box::new(cell))
    }
}

impl FormatError {
    pub(crate) fn content(
        origin: &str,
        found: impl Into<String>,
        wanted: impl Into<String>,
        mend: impl Into<String>,
    ) -> Self {
        Self::Content { origin: origin.into(), found: found.into(), wanted: wanted.into(), mend: mend.into() }
    }

    pub(crate) fn holds(
        origin: &str,
        found: impl Into<String>,
        wanted: impl Into<String>,
        mend: impl Into<String>,
    ) -> Self {
        Self::Holds { origin: origin.into(), found: found.into(), wanted: wanted.into(), mend: mend.into() }
    }

    /// Bytes that end too early or contradict themselves.
    pub(crate) fn damaged(origin: &str, what: impl std::fmt::Display, wanted: impl Into<String>) -> Self {
        Self::content(origin, format!("damaged: {what}"), wanted, "copy it again from where it was made")
    }
}

/// A text from a file as a message repeats it: short and without characters that do not print.
pub(crate) fn shown(text: &str) -> String {
    const LONGEST: usize = 60;
    let mut clean: String = text.chars().filter(|c| !c.is_control()).take(LONGEST + 1).collect();
    if clean.chars().count() > LONGEST {
        clean = clean.chars().take(LONGEST - 3).chain("...".chars()).collect();
    }
    clean
}

/// Names from a file, the first few of them.
pub(crate) fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    const MOST: usize = 8;
    let mut names = names.into_iter();
    let mut parts: Vec<String> = names.by_ref().take(MOST).map(|name| format!("`{}`", shown(name))).collect();
    if names.next().is_some() {
        parts.push("...".to_owned());
    }
    parts.join(", ")
}

/// What kind of file bytes begin like.
pub(crate) fn kind(bytes: &[u8]) -> &'static str {
    const KINDS: [(&[u8], &str); 9] = [
        (b"PK\x03\x04", "a zip archive (such as .npz or .pt)"),
        (b"PK\x05\x06", "an empty zip archive"),
        (b"\x93NUMPY", "a NumPy array (.npy)"),
        (b"\x1f\x8b", "compressed by gzip"),
        (b"PAR1", "a Parquet file"),
        (b"\x89HDF", "an HDF5 file"),
        (b"\xff\xfe", "text in UTF-16"),
        (b"\xfe\xff", "text in UTF-16"),
        (b"\x80", "a pickle or of an unknown kind"),
    ];
    if bytes.is_empty() {
        return "empty";
    }
    KINDS.iter().find(|(start, _)| bytes.starts_with(start)).map_or("of another kind", |&(_, kind)| kind)
}

//! Why bytes are not weights or samples.

use heigen_pickle::PickleError;
pub(crate) use heigen_pickle::foreign_text::{axes, listed, shown};

/// The setting of [`SampleOptions`](crate::samples::SampleOptions) by which the caller can mend an error.
///
/// Messages do not name it, because every face of the program calls it by another name: a flag, an argument, a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Remedy {
    /// The name of the array of features.
    FeaturesKey,
    /// The name of the array of labels.
    LabelsKey,
    /// The column of the labels.
    LabelColumn,
    /// The columns that are left out.
    Drop,
    /// The names of the classes in the network's order.
    ClassNames,
    /// The most memory that a file may take.
    Limit,
    /// The dictionary of tensors inside of a checkpoint.
    WeightsKey,
}

/// Why a file was not read: what, where, what was expected, and how to mend it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// The file is of another kind than it should be, or damaged.
    #[error("{origin} is {found}; expected {wanted}; {mend}")]
    Content {
        /// The caller's name for the bytes.
        origin: String,
        /// The kind of content that it is instead.
        found: String,
        /// The kind of content that should be there.
        wanted: String,
        /// How to mend it.
        mend: String,
    },
    /// The file can be read, but its content cannot be used.
    #[error("{origin} has {found}; expected {wanted}; {mend}")]
    Holds {
        /// The caller's name for the bytes.
        origin: String,
        /// The content that it has.
        found: String,
        /// The content that it should have.
        wanted: String,
        /// How to mend it.
        mend: String,
        /// The setting that mends it, if one does.
        remedy: Option<Remedy>,
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
        /// The caller's name for the bytes.
        origin: String,
        /// The class or function.
        name: String,
    },
    /// A pickle that cannot be read.
    #[error("{origin} is no file that torch.save wrote, or damaged: {cause}; save or copy it again")]
    Pickle {
        /// The caller's name for the bytes.
        origin: String,
        /// Why.
        cause: PickleError,
    },
}

/// A row or value that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// The caller's name for the bytes.
    pub origin: String,
    /// Counted from 1: lines of a text file, samples of any other.
    pub row: u64,
    /// Name, or number counted from 1; none for a whole row.
    pub column: Option<String>,
    /// The value that stands there.
    pub found: String,
    /// The kind of value that should stand there.
    pub wanted: String,
    /// How to mend it.
    pub mend: String,
    /// The setting that mends it, if one does.
    pub remedy: Option<Remedy>,
}

impl std::fmt::Display for Cell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { origin, row, column, found, wanted, mend, remedy: _ } = self;
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
    /// The setting by which the caller can mend the error, if there is one; the message ends with what it has to say.
    pub fn remedy(&self) -> Option<Remedy> {
        match self {
            Self::Holds { remedy, .. } => *remedy,
            Self::Cell(cell) => cell.remedy,
            _ => None,
        }
    }

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
        let (origin, found, wanted, mend) = (origin.into(), found.into(), wanted.into(), mend.into());
        Self::Holds { origin, found, wanted, mend, remedy: None }
    }

    /// The error with the setting that mends it, if one does.
    pub(crate) fn mended_by(mut self, setting: impl Into<Option<Remedy>>) -> Self {
        match &mut self {
            Self::Holds { remedy, .. } => *remedy = setting.into(),
            Self::Cell(cell) => cell.remedy = setting.into(),
            _ => {}
        }
        self
    }

    /// Bytes that end too early or contradict themselves.
    pub(crate) fn damaged(origin: &str, what: impl std::fmt::Display, wanted: impl Into<String>) -> Self {
        Self::content(origin, format!("damaged: {what}"), wanted, "copy it again from where it was made")
    }
}

/// The kind of file that these bytes are, in the words of a message.
pub(crate) fn kind(bytes: &[u8]) -> &'static str {
    match bytes {
        [] => "empty",
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => "text in UTF-16",
        [b'P', b'K', 5, 6, ..] => "an empty zip archive",
        _ => crate::FileKind::of(bytes).name(),
    }
}

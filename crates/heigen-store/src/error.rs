//! The errors of the store: what is wrong, with which file, and how to mend it.

use std::io;
use std::path::{Path, PathBuf};

use heigen::config::{ConfigError, NameError};
use heigen::data::DataError;
use heigen_formats::FormatError;

/// Why something could not be found, read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Neither a file nor a shipped experiment.
    #[error("`{arg}` is neither a file nor a known experiment{}", suggest(nearest))]
    UnknownExperiment {
        /// The argument as given.
        arg: String,
        /// Known names it resembles, nearest first.
        nearest: Vec<String>,
    },
    /// A file that cannot be an experiment, e.g. because it is no text.
    #[error("{} is {found}; expected an experiment file; start from a copy of a shipped one", path.display())]
    NoExperiment {
        /// The file.
        path: PathBuf,
        /// The kind of content that it has instead.
        found: String,
    },
    /// An experiment file is refused.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A name that cannot be part of a path.
    #[error(transparent)]
    Name(#[from] NameError),
    /// Experiments that start from one another.
    #[error("experiments start from one another: {}; set `init_model_at` of one of them to \"\"", names.join(" -> "))]
    Cycle {
        /// The names from the first to its second occurrence.
        names: Vec<String>,
    },
    /// A data set that cannot be made.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A file of the user's that cannot be used.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// A file of features whose labels stand in a second file that was not named.
    #[error("{} is a file of features without labels; expected the file of their labels beside it; name that file", path.display())]
    NoLabels {
        /// The file of features.
        path: PathBuf,
    },
    /// An option that says nothing of a data file of this kind.
    #[error(
        "{} is a file to which {} does not apply; expected none of it, or a file of another kind than .{kind}; leave that \
         option out",
        path.display(),
        option.key()
    )]
    Inapplicable {
        /// The data file.
        path: PathBuf,
        /// The option.
        option: FileOption,
        /// The file's kind, by its ending.
        kind: String,
    },
    /// Images that are not there.
    #[error("{} holds no {set}; {how_to_get}; or name the folder that has it", dir.display())]
    NoImages {
        /// The half of the set.
        set: &'static str,
        /// Where it was looked for.
        dir: PathBuf,
        /// How to get it.
        how_to_get: String,
    },
    /// A file could not be read.
    #[error("cannot read {}: {cause}; {}", path.display(), read_remedy(cause))]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's message.
        cause: io::Error,
    },
    /// A file could not be written; what stood there before still does.
    #[error("cannot write {}: {cause}; {}", path.display(), write_remedy(cause))]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's message.
        cause: io::Error,
    },
    /// A file has another content than its place promises.
    #[error("{} is {found}; expected {wanted}; {mend}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// The kind of content that the file has instead.
        found: String,
        /// The kind of content that should be there.
        wanted: String,
        /// How to mend it.
        mend: String,
    },
    /// A file, or what it unpacks to, is longer than the limit.
    #[error(
        "{} is longer than {} when unpacked; expected what fits in that limit; take a part of it, or raise the limit",
        path.display(),
        gib(*limit)
    )]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit in bytes.
        limit: u64,
    },
    /// Values that do not make a file, e.g. a shape with another number of elements.
    #[error("cannot write {}: {reason}", path.display())]
    Values {
        /// The file that was not written.
        path: PathBuf,
        /// The reason why they do not fit.
        reason: String,
    },
}

/// How to mend most unreadable result files.
pub(crate) const REMAKE: &str = "move it away, or let the command that made it write it again";

/// An option of a data set in files of the user's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FileOption {
    /// The file of the labels.
    LabelsPath,
    /// The name of the array of features.
    FeaturesKey,
    /// The name of the array of labels.
    LabelsKey,
    /// The column of the labels.
    LabelColumn,
    /// Whether the first line names the columns.
    Header,
    /// The columns that are left out.
    Drop,
    /// The names of the classes in the network's order.
    ClassNames,
    /// The most memory that a file may take.
    MaxGib,
    /// The dictionary of tensors inside of a checkpoint. It belongs to the weights, and is no key of an experiment.
    WeightsKey,
}

impl FileOption {
    /// The option's key in `dataset.args` of an experiment file.
    pub const fn key(self) -> &'static str {
        match self {
            Self::LabelsPath => "labels_path",
            Self::FeaturesKey => "features_key",
            Self::LabelsKey => "labels_key",
            Self::LabelColumn => "label_column",
            Self::Header => "header",
            Self::Drop => "drop",
            Self::ClassNames => "class_names",
            Self::MaxGib => "max_gib",
            Self::WeightsKey => "weights_key",
        }
    }
}

/// A change by which the caller can mend an error.
///
/// Messages do not say how to make it, because that differs from face to face: a flag of the program, an argument of a
/// function. Every face adds its own words to the end of the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Remedy {
    /// Give this option, or another value of it.
    Give(FileOption),
    /// Leave this option out.
    LeaveOut(FileOption),
    /// Name another folder of images.
    ImageFolder,
    /// Look through the shipped experiments.
    Catalogue,
}

impl StoreError {
    /// The change by which the caller can mend the error, if there is one beyond what the message says.
    pub fn remedy(&self) -> Option<Remedy> {
        match self {
            Self::UnknownExperiment { .. } | Self::NoExperiment { .. } => Some(Remedy::Catalogue),
            Self::Format(cause) => of_format(cause),
            Self::NoLabels { .. } => Some(Remedy::Give(FileOption::LabelsPath)),
            Self::Inapplicable { option, .. } => Some(Remedy::LeaveOut(*option)),
            Self::NoImages { .. } => Some(Remedy::ImageFolder),
            Self::TooLarge { .. } => Some(Remedy::Give(FileOption::MaxGib)),
            _ => None,
        }
    }

    pub(crate) fn read(path: &Path, cause: io::Error) -> Self {
        Self::Read { path: path.to_owned(), cause }
    }

    pub(crate) fn write(path: &Path, cause: io::Error) -> Self {
        Self::Write { path: path.to_owned(), cause }
    }

    /// A result file that holds `found` where `wanted` should be.
    pub(crate) fn content(path: &Path, found: impl Into<String>, wanted: impl Into<String>) -> Self {
        Self::Content { path: path.to_owned(), found: found.into(), wanted: wanted.into(), mend: REMAKE.to_owned() }
    }

    pub(crate) fn values(path: &Path, reason: impl Into<String>) -> Self {
        Self::Values { path: path.to_owned(), reason: reason.into() }
    }
}

/// The option by which an error of a foreign file is mended.
pub fn of_format(error: &FormatError) -> Option<Remedy> {
    Some(Remedy::Give(match error.remedy()? {
        heigen_formats::Remedy::FeaturesKey => FileOption::FeaturesKey,
        heigen_formats::Remedy::LabelsKey => FileOption::LabelsKey,
        heigen_formats::Remedy::LabelColumn => FileOption::LabelColumn,
        heigen_formats::Remedy::Drop => FileOption::Drop,
        heigen_formats::Remedy::ClassNames => FileOption::ClassNames,
        heigen_formats::Remedy::Limit => FileOption::MaxGib,
        heigen_formats::Remedy::WeightsKey => FileOption::WeightsKey,
        _ => return None,
    }))
}

/// A number of bytes in GiB.
fn gib(bytes: u64) -> String {
    format!("{} GiB", bytes as f64 / 2f64.powi(30))
}

fn suggest(nearest: &[String]) -> String {
    if nearest.is_empty() { String::new() } else { format!("; did you mean {}?", nearest.join(", ")) }
}

fn read_remedy(cause: &io::Error) -> &'static str {
    match cause.kind() {
        io::ErrorKind::NotFound => "check the path, or make the file first",
        io::ErrorKind::PermissionDenied => "give yourself permission to read it",
        io::ErrorKind::IsADirectory => "name a file inside the folder",
        _ => "check the disk and the path",
    }
}

fn write_remedy(cause: &io::Error) -> &'static str {
    match cause.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "choose a results folder that you may write to"
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "free space on that disk, or choose a results folder on another"
        }
        io::ErrorKind::FileTooLarge => {
            "raise the limit on the size of files (`ulimit -f`), or choose a results folder on another file system"
        }
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
            "a file stands where a folder is needed: move it away, or choose another results folder"
        }
        io::ErrorKind::IsADirectory => "a folder stands where the file belongs: move it away",
        _ => "check the disk and the path",
    }
}

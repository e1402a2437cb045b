//! What can go wrong on disk: what, which file, and how to mend it.

use std::io;
use std::path::{Path, PathBuf};

use heigen::config::{ConfigError, NameError};
use heigen::data::DataError;

/// Why something could not be found, read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Neither a file nor a shipped experiment.
    #[error("`{arg}` is neither a file nor a known experiment; {}`heigen list` shows all", suggest(nearest))]
    UnknownExperiment {
        /// The argument as given.
        arg: String,
        /// Known names it resembles, nearest first.
        nearest: Vec<String>,
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
    Format(#[from] heigen_formats::FormatError),
    /// Images that are not there.
    #[error("{} holds no {set}; {how_to_get}; or name the folder that has it by --data-dir or HEIGEN_DATA", dir.display())]
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
        /// What the system says.
        cause: io::Error,
    },
    /// A file could not be written; what stood there before still does.
    #[error("cannot write {}: {cause}; {}", path.display(), write_remedy(cause))]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
    /// A file's content is not what its place promises.
    #[error("{} is {found}; expected {wanted}; {mend}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What the file holds instead.
        found: String,
        /// What should be there.
        wanted: String,
        /// How to mend it.
        mend: String,
    },
    /// Values that do not make a file, e.g. a shape with another number of elements.
    #[error("cannot write {}: {reason}", path.display())]
    Values {
        /// The file that was not written.
        path: PathBuf,
        /// What does not fit.
        reason: String,
    },
}

/// How to mend most unreadable result files.
pub(crate) const REMAKE: &str = "move it away, or let the command that made it write it again";

impl StoreError {
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

fn suggest(nearest: &[String]) -> String {
    if nearest.is_empty() { String::new() } else { format!("did you mean {}? ", nearest.join(", ")) }
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

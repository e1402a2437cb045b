//! The reasons why a data set cannot be made.

/// Why [`generate`](super::generate) made no data set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DataError {
    /// The reference names the data set in experiment files and defines it nowhere.
    #[error(
        "data set `{name}` has no definition: the reference names it in experiments that never ran there; \
         `{name}_close` is the set of that kind which is defined"
    )]
    Undefined {
        /// The type in the experiment file.
        name: &'static str,
    },
    /// The data set consists of images, which are read from files.
    #[error("data set `{name}` needs image files: it cannot be generated, only read")]
    NeedsImageFiles {
        /// The type in the experiment file.
        name: &'static str,
    },
    /// The data set stands in a file of the user's, which this crate does not read.
    #[error("the data set is the file {path}: it cannot be generated, only read")]
    NeedsFile {
        /// The file.
        path: String,
    },
    /// A class of which there are no samples.
    #[error("there are no samples of class {class} in {from}; take it out of `class_list`")]
    NoSamples {
        /// The class.
        class: usize,
        /// Where the samples come from.
        from: String,
    },
    /// More classes than there may be.
    #[error("there are {got} classes in {from}; expected at most {wanted}, as many as the network has outputs")]
    Classes {
        /// How many there are.
        got: usize,
        /// How many there may be.
        wanted: usize,
        /// Where the samples come from.
        from: String,
    },
    /// A class of which there are no images.
    #[error("there are no images of class {class} in {from}; take it out of `class_list`, or get the whole set")]
    NoImages {
        /// The class.
        class: usize,
        /// Where the images come from.
        from: String,
    },
    /// A row of the embedded iris table is malformed.
    #[error("line {line} of the embedded iris table is `{text}`; expected four numbers and a class of 0, 1 or 2")]
    IrisRow {
        /// Line number, from 1.
        line: usize,
        /// The line.
        text: String,
    },
}

//! What keeps a data set from being made.

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

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
    /// The data set is a file of the user, which this crate does not read.
    #[error("the data set is the file {path}: it cannot be generated, only read")]
    NeedsFile {
        /// The path of the file.
        path: String,
    },
    /// There are no samples of a class.
    #[error("there are no samples of class {class} in {from}; take it out of `class_list`")]
    NoSamples {
        /// The class.
        class: usize,
        /// The origin of the samples, in words.
        from: String,
    },
    /// There are more classes than are allowed.
    #[error("there are {got} classes in {from}; expected at most {wanted}, as many as the network has outputs")]
    Classes {
        /// The number of classes that there are.
        got: usize,
        /// The number of classes that are allowed.
        wanted: usize,
        /// The origin of the samples, in words.
        from: String,
    },
    /// A choice of classes, or a permutation of labels, of samples that have no classes.
    #[error("the samples of {from} have no classes: none can be chosen, and no labels permuted")]
    NoClasses {
        /// The origin of the samples, in words.
        from: String,
    },
    /// There are no images of a class.
    #[error("there are no images of class {class} in {from}; take it out of `class_list`, or get the whole set")]
    NoImages {
        /// The class.
        class: usize,
        /// The origin of the images, in words.
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

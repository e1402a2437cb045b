//! Weights and labelled samples from the bytes of files that other programs write.
//!
//! [`state_dict`] reads the weights of a network: PyTorch's `.pt` and NumPy's `.npz`. [`samples`] reads data sets: `.npz`,
//! pairs of `.npy`, CSV, TSV, IDX and Parquet. [`npy`] reads single arrays.
//!
//! Nothing here opens a file: the caller passes bytes and `origin`, the name by which messages call them. Nothing in a
//! file is executed, none of its claims of size is believed before it is compared with the bytes that there are, and no
//! bytes lead to a panic. Every [`FormatError`] says what is wrong, where, what was expected and how to mend it; where a
//! setting of the caller mends it, [`FormatError::remedy`] says which.
//!
//! ```
//! use heigen_formats::samples::{SampleOptions, csv};
//!
//! let text = b"width,height,kind\n1.5,2,cat\n1.4,2,cat\n3,4,dog\n3.5,4,dog\n";
//! let samples = csv(text, "pets.csv", &SampleOptions::default())?;
//! assert_eq!((&samples.shape[..], &samples.labels[..]), (&[2][..], &[0, 0, 1, 1][..]));
//! assert_eq!(samples.classes, ["cat", "dog"]);
//!
//! let refused = csv(&text.map(|byte| if byte == b'5' { b'?' } else { byte }), "pets.csv", &SampleOptions::default());
//! assert!(refused.unwrap_err().to_string().starts_with("pets.csv, row 2, column `width`, is the text `1.?`; expected a number"));
//! # Ok::<(), heigen_formats::FormatError>(())
//! ```

mod container;
mod dtype;
mod error;
mod kind;
mod named_tensor;
pub mod npy;
pub mod samples;
pub mod state_dict;
pub mod table;

pub use container::DEFAULT_LIMIT;
pub use dtype::{ByteOrder, Dtype};
pub use error::{Cell, FormatError, Remedy};
pub use heigen_pickle::foreign_text;
pub use kind::FileKind;
pub use named_tensor::NamedTensor;

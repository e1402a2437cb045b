//! Weights and labelled samples from the bytes of files that other programs write.
//!
//! [`state_dict`] reads the weights of a network: PyTorch's `.pt` and NumPy's `.npz`. [`samples`] reads data sets: `.npz`,
//! pairs of `.npy`, CSV, TSV, IDX and Parquet. [`npy`] reads single arrays.
//!
//! Nothing here opens a file: the caller passes bytes and `origin`, the name by which messages call them. Nothing in a
//! file is executed, none of its claims of size is believed before it is compared with the bytes that there are, and no
//! bytes lead to a panic. Every [`FormatError`] says what is wrong, where, what was expected and how to mend it.

mod container;
mod dtype;
mod error;
pub mod npy;
pub mod samples;
pub mod state_dict;

pub use dtype::Dtype;
pub use error::{Cell, FormatError};

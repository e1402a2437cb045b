//! Matrices and their kernels from [`heigen_spectra::linalg`], and tools for loops over many numbers.

mod vectorized;

pub use heigen_spectra::linalg::*;
pub use vectorized::{short_zip, vectorized};

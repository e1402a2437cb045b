//! Matrices and their kernels, of [`heigen_spectra::linalg`], and what loops over many numbers need beside them.

mod vectorized;

pub use heigen_spectra::linalg::*;
pub use vectorized::{short_zip, short_zip3, vectorized};

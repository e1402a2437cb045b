//! Matrices and their kernels from [`heigen_spectra::linalg`], and tools for loops over many numbers.

mod columns;
mod vectorized;

pub use columns::{add_columns, add_to_columns, sum_columns};
pub use heigen_spectra::linalg::*;
pub use vectorized::{short_zip, vectorized};

//! Derivatives of the loss at a point theta: gradients, Hessian-vector products, the Hessian and its spectrum.

mod hessian;
mod lanczos;
mod operator;
mod orthonormal;
mod per_example;
mod problem;
mod random;
mod spectrum;

pub use hessian::Hessian;
pub use lanczos::{KrylovBasis, Progress, TopK, TopKError, TopKOptions, Which, top_k, top_k_from};
pub use operator::{SymmetricOperator, dense};
pub use per_example::{ExampleLabels, SMALLEST_NORM};
pub use problem::{Problem, ProblemError};
pub use spectrum::{NULL_TOLERANCE, Spectrum, SpectrumError, dense_spectrum};

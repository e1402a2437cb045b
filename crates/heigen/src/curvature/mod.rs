//! Derivatives of the loss at a point theta: gradients, Hessian-vector products, the Hessian and its spectrum.

mod density;
mod diagonal;
mod estimate;
mod hessian;
mod lanczos;
mod operator;
mod orthonormal;
mod per_example;
mod problem;
mod quadrature;
mod random;
mod spectrum;
mod trace;

pub use density::{DensityCurve, DensityOptions, SpectralDensity, spectral_density};
pub use diagonal::{diagonal, exact_diagonal};
pub use estimate::{Estimate, EstimateError};
pub use hessian::Hessian;
pub use lanczos::{KrylovBasis, Progress, TopK, TopKError, TopKOptions, Which, top_k, top_k_from};
pub use operator::{SymmetricOperator, dense};
pub use per_example::{ExampleLabels, SMALLEST_NORM};
pub use problem::{Problem, ProblemError};
pub use quadrature::Quadrature;
pub use spectrum::{NULL_TOLERANCE, Spectrum, SpectrumError, dense_spectrum};
pub use trace::{hutchinson, trace};

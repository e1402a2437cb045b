//! Derivatives of the loss at a point theta: gradients, Hessian-vector products, the Hessian and its spectrum.

mod alignment_gradient;
mod certificate;
mod density;
mod diagonal;
mod estimate;
mod exact;
mod exact_trace;
mod factored;
mod hessian;
mod lanczos;
mod operator;
mod operators;
mod orthonormal;
mod own_gradient;
mod passes;
mod per_example;
mod problem;
mod quadrature;
mod random;
mod spectrum;
mod structure;
mod trace;

pub use alignment_gradient::AlignmentGradients;
pub use certificate::{Certificate, NotCertified, certify};
pub use density::{DensityCurve, DensityOptions, SpectralDensity, spectral_density};
pub use diagonal::{diagonal, exact_diagonal};
pub use estimate::{Estimate, EstimateError};
pub use exact::{Exact, exact};
pub use hessian::Hessian;
pub use lanczos::{KrylovBasis, Progress, TopK, TopKError, TopKOptions, Which, top_k, top_k_from};
pub use operator::{SymmetricOperator, dense};
pub use operators::{
    Batched, EmpiricalFisher, FunctionalRemainder, GaussNewton, OperatorKind, ParamSelection, ParamSelectionError,
    Restricted, SampleSelectionError, Shifted,
};
pub use per_example::{ExampleLabels, SMALLEST_NORM};
pub use problem::{Problem, ProblemError};
pub use quadrature::Quadrature;
pub use random::{Law, random};
pub use spectrum::{Method, NULL_TOLERANCE, Spectrum, SpectrumError, Stage, spectrum};
pub use trace::{hutchinson, trace};

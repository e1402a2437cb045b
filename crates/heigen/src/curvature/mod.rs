//! Derivatives of the loss at a point theta: gradients, Hessian-vector products, the Hessian and its spectrum.

mod certificate;
mod exact;
mod hessian;
mod operator;
mod operators;
mod per_example;
mod problem;
mod spectrum;

pub use certificate::{Certificate, NotCertified, certify};
pub use exact::{Exact, exact};
pub use hessian::Hessian;
pub use operator::{SymmetricOperator, dense};
pub use operators::{
    Batched, EmpiricalFisher, FunctionalRemainder, GaussNewton, OperatorKind, ParamSelection, ParamSelectionError,
    Restricted, SampleSelectionError, Shifted,
};
pub use per_example::{ExampleLabels, SMALLEST_NORM};
pub use problem::{Problem, ProblemError};
pub use spectrum::{Method, NULL_TOLERANCE, Spectrum, SpectrumError, Stage, spectrum};

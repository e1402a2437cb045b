//! Derivatives of the loss at a point theta: gradients, Hessian-vector products, the Hessian and its spectrum.
//!
//! Computations that need only products with an operator live in [`heigen_spectra`]; this module exports them under the
//! names that they have there.

mod alignment_gradient;
mod class_structure;
mod cost;
mod counted;
mod evaluation;
mod exact_trace;
mod factored;
mod frame;
mod hessian;
mod known_range;
mod operators;
mod own_gradient;
mod parameters;
mod passes;
mod per_example;
mod problem;
mod problem_error;
mod remainder_blocks;
mod shared_network;
mod structure;
mod sums;
mod whole_columns;

pub use alignment_gradient::AlignmentGradients;
pub use class_structure::{ClassShares, ClassSpectra, ClassStructure, ClassStructureError};
pub use cost::{Cost, Work};
pub use heigen_spectra::{
    Alone, Certificate, Columns, Communicator, Compressed, DenseOperator, DensityCurve, DensityOptions, Estimate,
    EstimateError, Exact, Failure, Host, IndexRanges, IndexRangesError, KrylovBasis, Law, Leaves, Method,
    NOTABLE_ERROR, NULL_TOLERANCE, NotCertified, OnComplement, Precision, Progress, Quadrature, Restricted, Scaled,
    Shifted, Space, SpectralDensity, Spectrum, SpectrumError, Split, Spread, Start, Stopped, Summed, SymmetricOperator,
    ThreadPiece, Threads, TopK, TopKError, TopKOptions, Watch, WatchFn, Which, certify, certify_together, dense,
    diagonal, exact, exact_diagonal, hutchinson, precision, refine, refine_ends, spectral_density, spectrum, stage,
    top_k, top_k_from, trace,
};
pub use hessian::Hessian;
pub use operators::{
    Batched, ByRows, EmpiricalFisher, FunctionalRemainder, GaussNewton, OperatorKind, OwnedOperator,
    SampleSelectionError,
};
pub use parameters::{UnknownParameters, named_parameters};
pub use per_example::{ExampleLabels, SMALLEST_NORM};
pub use problem::Problem;
pub use problem_error::ProblemError;
pub use shared_network::SharedNetwork;
pub use whole_columns::WholeColumns;

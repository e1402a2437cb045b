//! The names that a program that analyses a network usually needs: `use heigen::prelude::*;`.

pub use crate::analysis::{Analysis, Outliers, Summary, alignments, analyze};
pub use crate::config::{AnyName, DatasetSpec, Experiment};
pub use crate::curvature::{
    Batched, EmpiricalFisher, Estimate, ExampleLabels, FunctionalRemainder, GaussNewton, Hessian, Host, Method,
    OperatorKind, Problem, Restricted, Scaled, Shifted, Space, Spectrum, Start, Summed, SymmetricOperator, TopK,
    TopKOptions, Watch, Which, dense, diagonal, named_parameters, spectral_density, spectrum, top_k, top_k_from, trace,
};
pub use crate::data::{Dataset, Split, generate, split};
pub use crate::linalg::{Matrix, Scalar};
pub use crate::model::{Network, fresh};
pub use crate::rng::TorchGenerator;
pub use crate::train::{Parts, Plan, Trained, train};
pub use crate::vocabulary::{Activation, Decay, LossKind, ModelSpec, Objective, Reduction, Targets};

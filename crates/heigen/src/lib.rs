//! The science of `heigen`: what the curvature of a trained classifier's loss says about its decision boundary.
//!
//! Pure computation: no files, clock, environment, printing or progress bars. A value travels one way,
//! `config -> data -> model -> train -> curvature -> analysis`; each module may use those before it, never after.
//!
//! Reference: Sabanayagam, Behrens, Adomaityte, Dawid, *Unveiling the Hessian's Connection to the Decision
//! Boundary*, arXiv:2306.07104 (2023).

pub mod analysis;
pub mod config;
pub mod curvature;
pub mod data;
pub mod linalg;
pub mod loss;
pub mod model;
pub mod rng;
pub mod train;

/// Version of the program whose results these are. Part of every stamp, so that results of another version are told
/// apart and computed anew.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

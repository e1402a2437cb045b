//! The specification in tests: oracles that share no code with what they judge. One binary, since every binary compiles
//! the matrix kernels anew.
#![allow(missing_docs)]

#[path = "../common/mod.rs"]
mod common;

mod closed_forms;
mod derivatives;
mod differences;
mod eigen;
mod errors;
mod exact;
mod generalization;
mod invariance;
mod layers;
mod margins;
mod optimizers;
mod properties;
mod resume;
mod runs;

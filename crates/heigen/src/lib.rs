#![doc = include_str!("../README.md")]

pub mod analysis;
pub mod config;
pub mod curvature;
pub mod data;
pub mod linalg;
pub mod loss;
pub mod model;
pub mod prelude;
pub mod rng;
pub mod train;
pub mod vocabulary;

pub use heigen_spectra;

/// Version of the program whose results these are. Part of every stamp, so that results of another version are told
/// apart and computed anew.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

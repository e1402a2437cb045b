//! All integration tests of the library, in one program: each program would compile the passes through networks again.
#![allow(dead_code, missing_docs, unreachable_pub)]

mod class_structure;
mod common;
mod config;
mod oracles;

mod config_errors;
mod config_files;
mod curvature_golden;
mod data;
mod density;
mod embedding;
mod follow;
mod golden_files;
mod graphs;
mod image_files;
mod images_golden;
mod losses;
mod objectives;
mod operators;
mod pieces;
mod pieces_training;
mod precision;
mod purity;
mod rng;
mod spread;
mod stopping;
mod tied;
mod top_k;
mod trace;
mod training_golden;

//! All integration tests of heigen-spectra, in one program.
#![allow(missing_docs)]

mod certificates;
mod drafts;
mod extremes;
mod homes;
mod operators;
mod penalised;
mod philox;
mod pieces;
mod scales;
mod spread;
mod stopping;
mod systems;

//! Tests of whole models.

mod build;
mod damaged;
mod evaluate;
mod fixtures;
mod operators;
mod reference;
mod refused;

//! Tests of whole models.

mod build;
mod damaged;
mod each_operator;
mod edges;
mod evaluate;
mod fixtures;
mod graphs;
mod interpreter;
mod operators;
mod provenance;
mod refused;
mod tied;

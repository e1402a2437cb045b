//! Experiments: the JSON text of an experiment file is read and checked, and becomes an [`Experiment`].

mod error;
mod experiment;
mod fields;
mod json;
mod name;
mod parse;
mod parse_dataset;
mod parse_file;
mod parse_graph;
mod parse_layers;
mod parse_model;
mod parse_start;
mod runnable;
mod to_json;

pub use crate::vocabulary::{
    Activation, Approximate, BatchNormMode, GraphSpec, Initialization, LayerSpec, LossKind, ModelSpec, NodeSpec, Op,
    Sequential, TensorSpec, Tie, WindowSpec,
};
pub use error::ConfigError;
pub use experiment::{
    BatchSize, DatasetSpec, Experiment, FileArgs, ImageArgs, MultiStepLr, OptimizerSpec, RandomType, Start, TargetForm,
    Trainer,
};
pub use json::read as read_json;
pub use name::{AnyName, ExperimentName, KnownExperiments, NameError, nearest};
pub use parse::Parsed;
pub use runnable::why_it_cannot_run;

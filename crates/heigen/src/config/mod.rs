//! Experiments: from the JSON of an experiment file to a checked [`Experiment`].

mod error;
mod experiment;
mod fields;
mod json;
mod layers;
mod name;
mod parse;
mod parse_dataset;
mod parse_file;
mod parse_layers;
mod parse_model;
mod parse_start;
mod runnable;
mod to_json;

pub use error::ConfigError;
pub use experiment::{
    Activation, BatchSize, DatasetSpec, Experiment, FileArgs, ImageArgs, Initialization, LossKind, ModelSpec,
    MultiStepLr, OptimizerSpec, RandomType, Start, Trainer,
};
pub use layers::{Approximate, BatchNormMode, LayerSpec, Sequential, WindowSpec};
pub use name::{AnyName, ExperimentName, KnownExperiments, NameError, nearest};
pub use parse::Parsed;
pub use runnable::why_it_cannot_run;

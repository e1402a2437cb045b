//! Experiments: from the JSON of an experiment file to a checked [`Experiment`].

mod experiment;

pub use experiment::{
    Activation, BatchSize, DatasetSpec, Experiment, ExperimentName, ImageArgs, Initialization, LossKind, ModelSpec,
    MultiStepLr, OptimizerSpec, RandomType, Start, Trainer,
};

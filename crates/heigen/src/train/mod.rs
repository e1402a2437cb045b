//! Training: batches in PyTorch's order, PyTorch's update rules, and reports along the way.

mod checkpoint;
mod optimizer;
mod run;
mod training;

pub use checkpoint::Checkpoint;
pub(crate) use optimizer::BETA1;
pub use optimizer::{Optimizer, learning_rate};
pub use run::{Observer, Outcome, Plan, Report, STAGE, Trained, train};
pub use training::{Evaluation, Parts, TrainError, Training};

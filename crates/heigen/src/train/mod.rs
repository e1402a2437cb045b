//! Training: batches in PyTorch's order, PyTorch's update rules, and reports along the way.

mod checkpoint;
mod optimizer;
mod run;
mod stability;
mod training;

pub use checkpoint::Checkpoint;
pub use optimizer::{Optimizer, learning_rate};
pub use run::{Observer, Outcome, Plan, Report, STAGE, Trained, train};
pub use stability::UpdateRule;
pub use training::{Evaluation, Parts, TrainError, Training};

//! Training: batches in PyTorch's order, PyTorch's update rules, and reports along the way.

mod checkpoint;
mod dealing;
mod evaluation;
mod optimizer;
mod parts;
mod run;
mod stability;
mod train_error;
mod training;

pub use checkpoint::Checkpoint;
pub use evaluation::Evaluation;
pub use optimizer::{Optimizer, learning_rate};
pub use parts::Parts;
pub use run::{Observer, Outcome, Plan, Report, STAGE, Trained, train};
pub use stability::UpdateRule;
pub use train_error::TrainError;
pub use training::Training;

//! The vocabulary that experiment files, networks, losses and foreign formats share: layers, activations, losses,
//! networks.
//!
//! These are plain data. The parser of experiment files ([`crate::config`]) reads them, [`crate::model`] builds
//! networks from them, and importers of foreign formats write them, so that none of these modules needs another.

mod activation;
mod dtype;
pub mod graph;
mod layers;
mod loss_args;
mod loss_kind;
mod model_spec;
mod objective;
mod targets;

pub use activation::Activation;
pub use dtype::Dtype;
pub use graph::{GraphSpec, NodeSpec, Op, TensorSpec};
pub use layers::{Approximate, BatchNormMode, LayerSpec, Sequential, Tie, WindowSpec};
pub use loss_args::LossArgs;
pub use loss_kind::LossKind;
pub use model_spec::{Initialization, ModelSpec};
pub use objective::{Decay, LossOptions, Objective, ObjectiveError, Reduction};
pub use targets::{PositionLayout, Targets, TargetsView};

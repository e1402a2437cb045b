//! The words that experiment files, networks, losses and foreign formats share: layers, activations, losses, networks.
//!
//! Plain data. The files' parser ([`crate::config`]) reads it, [`crate::model`] builds from it, and importers of foreign
//! formats write it; none of them needs another for that.

mod activation;
mod layers;
mod loss_kind;
mod model_spec;

pub use activation::Activation;
pub use layers::{Approximate, BatchNormMode, LayerSpec, Sequential, WindowSpec};
pub use loss_kind::LossKind;
pub use model_spec::{Initialization, ModelSpec};

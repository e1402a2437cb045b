//! Networks: layers with a forward and a reverse pass, each written once over a small set of matrix operations.
//!
//! The set is the trait [`Algebra`]. Its carriers are [`Plain`] (numbers) and [`Dual`] (numbers with K directional
//! derivatives each). Running the reverse pass on the dual carrier differentiates the gradient, so that H V for K
//! directions needs no code of its own in any layer.

mod activation;
mod algebra;
mod architectures;
mod batch_norm;
mod binary_logits;
mod builder;
mod dual;
mod error_function;
mod exponential;
mod function;
mod graph;
mod image_maps;
mod init;
mod input_gradient;
mod layer;
mod layout;
mod linear;
mod max_pool;
mod max_pool_2x2;
mod model_error;
mod network;
mod patch_order;
mod plain;
mod pool;
mod reparameterize;
mod scale;
mod sequential;
mod smooth;
mod softmax;
mod statistics;
mod window;

pub use algebra::{Algebra, ColumnMap, Tape};
pub use batch_norm::{BatchNorm, Statistics};
pub use dual::{Dual, DualTensor};
pub(crate) use dual::{Perturbed, squared_weights};
pub use function::Function;
pub use graph::{Contraction, Graph, GraphError, Join, Regions};
use image_maps::Average;
pub use image_maps::{Image, ImageMap, ImageMut, Reorder};
pub use init::{fresh, scale_to_norm};
pub use layer::{Layer, Residual};
pub use layout::{BufferEntry, LayoutError, ParamEntry, ParamLayout};
pub use linear::Linear;
pub use model_error::ModelError;
pub use network::{Network, argmax, predict};
pub(crate) use patch_order::PatchOrder;
pub use plain::{Plain, Sink};
pub use pool::Pool;
pub use reparameterize::{ReparameterizeError, reparameterize};
pub use scale::Scale;
pub use smooth::Smooth;
pub(crate) use softmax::{log_softmax, softmax, subtract_mean, with_softmax};
pub use statistics::BatchStatistics;
pub use window::{Shape, Window};

//! Networks: layers with a forward and a reverse pass, each written once over a small set of matrix operations.
//!
//! The set is the trait [`Algebra`]. Its carriers are [`Plain`] (numbers) and [`Dual`] (numbers with K directional
//! derivatives each). Running the reverse pass on the dual carrier differentiates the gradient, so that H V for K
//! directions needs no code of its own in any layer.

mod activation;
mod algebra;
mod dual;
mod init;
mod layer;
mod layout;
mod network;
mod plain;
mod pool;
mod reparameterize;

pub use algebra::{Algebra, ColumnMap, Tape};
pub use dual::{Dual, DualTensor};
pub use init::{fresh, scale_to_norm};
pub use layer::{Layer, Linear};
pub(crate) use layer::{log_softmax, softmax, subtract_mean, with_softmax};
pub use layout::{LayoutError, ParamEntry, ParamLayout};
pub use network::{ModelError, Network, argmax, predict};
pub use plain::{Plain, Sink};
pub use pool::Pool;
pub use reparameterize::{ReparameterizeError, reparameterize};

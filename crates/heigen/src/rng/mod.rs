//! Random streams of `NumPy` and PyTorch, bit for bit.
//!
//! The experiments of the paper are defined by the numbers that `numpy.random.RandomState` and PyTorch's CPU
//! generator draw: data sets, label permutations, splits, fresh weights, order of the batches. [`NumpyRandomState`] and
//! [`TorchGenerator`] give the same numbers for the same seed and the same calls. Both stand on the [`Mt19937`] engine
//! and differ in how they turn its 32-bit words into numbers.

mod cephes;
mod data_loader;
mod init;
mod mt19937;
mod numpy;
mod torch;
mod torch_normal;

pub use data_loader::DataLoaderOrder;
pub use init::{
    default_bias, default_weight, fill_default_bias, fill_default_weight, fill_kaiming_normal, fill_kaiming_uniform,
};
pub use mt19937::Mt19937;
pub use numpy::NumpyRandomState;
pub use torch::TorchGenerator;

//! Extreme eigenpairs of an operator by block Lanczos with full reorthogonalisation and thick restarts.

mod basis;
mod looks;
mod options;
mod proof;
mod refine;
mod top_k;
mod which;

pub use basis::KrylovBasis;
pub use options::{Start, TopK, TopKError, TopKOptions};
pub use top_k::{top_k, top_k_from};
pub use which::Which;

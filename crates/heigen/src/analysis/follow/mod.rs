//! The numbers of one moment of a training, and of the way from one moment to the next.

mod look;
mod preconditioned;
mod subspace;

pub use look::{Look, LookError, LookOptions, look};
pub use preconditioned::{Preconditioned, preconditioned_sharpness};
pub use subspace::{Step, share_in, subspace_overlap};

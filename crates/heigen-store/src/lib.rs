//! Everything `heigen` keeps on disk: experiment files, trained weights, arrays, and the records beside them.
//!
//! Writing is atomic: a crash leaves the old file or the new one. Reading is checked: a truncated or foreign file gives
//! an error that names the file and the remedy. Nothing here trains or computes curvature.

mod analysis_record;
pub mod atomic;
pub mod boundary_record;
pub mod catalogue;
pub mod checkpoint;
mod document;
mod error;
pub mod figure_record;
pub mod images;
pub mod layout;
pub mod npy;
pub mod own_data;
pub mod record;
mod summary;
pub mod weights;

pub use error::StoreError;

//! Everything `heigen` keeps on disk, or in a folder in memory ([`files`]): experiment files, trained weights, arrays, and
//! the records beside them.
//!
//! Writing is atomic: a crash leaves the old file or the new one. Reading is checked: a truncated or foreign file gives
//! an error that names the file and the remedy. Nothing here trains or computes curvature.

pub mod along_record;
mod analysed_matrix;
mod analysis_record;
pub mod atomic;
pub mod attribution_record;
pub mod boundary_record;
pub mod bounded;
pub mod catalogue;
pub mod cell_record;
pub mod checkpoint;
pub mod classic_record;
mod document;
mod error;
mod estimates;
pub mod figure_record;
pub mod files;
pub mod image_folder;
pub mod layout;
pub mod npy;
pub mod own_data;
mod safetensors_header;
mod stamp;
pub mod study_record;
mod summary;
mod top_eigenpairs;
mod training_record;
pub mod weights;

pub use heigen_formats::foreign_text;

pub use error::{FileOption, Remedy, StoreError, of_format};

/// The records of trainings and analyses, and the stamps that tell whether they still hold.
pub mod record {
    pub use crate::analysed_matrix::{Operator, Subject, loss_name};
    pub use crate::analysis_record::AnalysisRecord;
    pub use crate::document::Unusable;
    pub use crate::estimates::{Estimates, EstimatesSummary, Sampled, SampledDensity};
    pub use crate::stamp::{hash_file, stamp};
    pub use crate::summary::Summary;
    pub use crate::top_eigenpairs::{End, PartialMethod, TopKSummary};
    pub use crate::training_record::{EpochReport, ModelRecord, PartReport};
    pub use heigen::vocabulary::Dtype;
}

//! The engine of heigen. A request becomes results in a store; they are reused as long as the stamp of their origins
//! holds.
//!
//! A [`Lab`] owns its threads, its memory limit and its cache; several of them work side by side. Requests are plain
//! values, results are plain values and files in a [`Store`], and errors are one type, [`LabError`]. A request tells of
//! itself, and is stopped, through one trait, [`LabWatch`]. Nothing here prints, ends the process, or reads the environment.
//!
//! ```no_run
//! use heigen_lab::{AnalysisRequest, Asked, Found, Lab, LabOptions, Making, Store};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let lab = Lab::new(LabOptions { images: "data".into(), threads: 0, memory: 4e9, machine: "mine".into() })?;
//! let request = AnalysisRequest {
//!     store: Store::folder("results"),
//!     experiment: heigen_store::catalogue::load("intro1D/normal_training")?,
//!     asked: Asked::default(),
//!     making: Making::default(),
//! };
//! // Trains the model, unless that was done before, and finds the whole spectrum of the Hessian.
//! let (found, files) = lab.analyse(&request, &())?;
//! if let Found::Whole(record) = found {
//!     println!("lambda_1 = {}, kept in {}", record.summary.lambda_max, files.heigenvalues().display());
//! }
//! # Ok(())
//! # }
//! ```

mod along;
mod analysis;
mod attribution;
mod boundary;
mod cache;
mod call;
mod classics;
mod crew;
mod drawing;
mod error;
mod explorable;
mod factorial;
mod lab;
mod making;
mod page_text;
mod part;
mod prepare;
mod relay;
mod remedy;
mod reproduction;
mod series;
mod statistics;
mod store;
mod study;
mod together;
mod training;
mod watch;
mod words;

pub use along::{Every, FollowPicture, FollowRequest, Followed, FollowedWeights, NoWay, scheduled_epochs};
pub use analysis::{
    AnalysisRequest, Asked, COHERENCE_STORED, DensityAsked, EstimatesAsked, Found, HandedOver, How, Keep, Matter,
    Owned, Stored, TopPairs, Way,
};
pub use attribution::{AttributionRequest, RISE};
pub use boundary::BoundaryRequest;
pub use cache::Counts;
pub use classics::{Classics, ClassicsRequest, classic_names};
pub use drawing::plane as shown_plane;
pub use drawing::{
    BatchNumbers, BatchOptions, Drawing, Drawn, FIGURES, Figure, FigureNumbers, FigureRequest, MapVectors, OwnOptions,
    PLOTS, Parts, PlaneDirections, SurfaceNumbers, SurfaceOptions, figure_names, find_figure,
};
pub use error::{Choice, Contradiction, LabError};
pub use explorable::{LiveCommand, MOST_EXPLORED_PARAMS, MOST_EXPLORED_SAMPLES, why_not_explored};
pub use factorial::{
    ClaimSpec, Compare, Expect, Factorial, FactorialPlan, FactorialRequest, FoundOfClaim, Judged, Levels, MEASURES,
    Measure, NamedStudy, OneOrMore, Pair, PlannedCombination, STRONG, Seeds, StudyFile, StudyFileError, Support,
    measure_names,
};
pub use heigen::analysis::LookOptions;
pub use heigen_store::along_record::{AlongRecord, Moment};
pub use heigen_store::record::{Dtype, Summary};
pub use lab::{Lab, LabOptions};
pub use making::Making;
pub use part::{Part, Shard};
pub use prepare::{Prepared, Samples};
pub use remedy::remedy_of;
pub use reproduction::{Beside, PlannedTask, ReproduceRequest, Reproduced, Reproduction, TaskState};
pub use series::CheckpointSeries;
pub use statistics::Estimate;
pub use store::Store;
pub use study::{
    ExperimentStudyRequest, Given, ImportError, ImportRequest, Imported, Occupant, Picture, PictureCommand, Renaming,
    Study, StudyRequest,
};
pub use training::{TrainRequest, Trained};
pub use watch::{Event, LabWatch, Note, NoteKind, Problem, Product, Reason, stage};
pub use words::{bytes, number, seconds};

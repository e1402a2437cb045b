//! The options of following a training, as Python's package words them.

use heigen_lab::{Every, FollowRequest, FollowedWeights, LookOptions, Making, Store};
use heigen_store::catalogue::Loaded;
use serde::Deserialize;
use std::path::PathBuf;

/// Options of following a training, under the names of Python's keywords.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FollowOptions {
    every: Option<usize>,
    every_steps: Option<usize>,
    k: usize,
    lowest: usize,
    tol: f64,
    trace: usize,
    whole: Option<usize>,
    snapshots: bool,
    weights: Vec<PathBuf>,
    figures: Option<PathBuf>,
}

impl FollowOptions {
    /// The request for an experiment of a store.
    pub(super) fn request(self, store: Store, experiment: Loaded, making: Making) -> FollowRequest {
        let weights = match (self.snapshots, self.weights.is_empty()) {
            (true, _) => FollowedWeights::Snapshots,
            (false, true) => FollowedWeights::Training,
            (false, false) => FollowedWeights::Files(self.weights),
        };
        let look = LookOptions {
            k: self.k,
            lowest: self.lowest,
            tolerance: self.tol,
            trace_products: self.trace,
            ..LookOptions::default()
        };
        let every = self.every_steps.map(Every::Steps).or(self.every.map(Every::Epochs));
        let (whole, figures) = (self.whole, self.figures);
        FollowRequest { store, experiment, weights, every, look, whole, figures, report: None, making }
    }
}

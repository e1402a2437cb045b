//! The options of following a training, as Python's package words them.

use heigen_lab::{Every, FollowRequest, FollowedWeights, LookOptions, Making, Store};
use heigen_store::catalogue::Loaded;
use serde::Deserialize;
use std::path::PathBuf;

/// Options of following a training, under the names of Python's keywords.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FollowOptions {
    every: Option<String>,
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
    /// The request for an experiment of a store, or the reason why an option cannot be used.
    pub(super) fn request(self, store: Store, experiment: Loaded, making: Making) -> Result<FollowRequest, String> {
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
        let every =
            self.every.map(|text| text.parse::<Every>().map_err(|wanted| format!("every is {text:?}; {wanted}")));
        let (whole, figures) = (self.whole, self.figures);
        let every = every.transpose()?;
        Ok(FollowRequest { store, experiment, weights, every, look, whole, figures, report: None, live: None, making })
    }
}

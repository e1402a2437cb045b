//! Options of `heigen plot surface` and `heigen plot minibatches`.

use clap::{Args, ValueEnum};
use heigen_lab::{BatchOptions, FollowedWeights, PlaneDirections, SurfaceOptions};
use std::path::PathBuf;

const BATCHES: &str = "Which mini-batches (plot minibatches)";
const SURFACE: &str = "Which plane (plot surface)";

/// The directions of a loss surface.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum DirectionsArg {
    /// The Hessian's eigenvectors v_1 and v_2.
    #[default]
    Eigenvectors,
    /// Two random directions, each filter as long as the weights' (arXiv:1712.09913); no spectrum is computed.
    FilterNormalised,
    /// The first two principal components of a training, with its way drawn on the plane; no spectrum is computed.
    Trajectory,
}

/// The mini-batches of a distribution.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct BatchArgs {
    /// Samples in a batch; unless given, those that the experiment trains with.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), help_heading = BATCHES)]
    pub(crate) batch_size: Option<u32>,
    /// Number of batches; unless given, those of one pass.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000), help_heading = BATCHES)]
    pub(crate) batches: Option<u32>,
    /// Seed of the order of the samples, drawn as for training. [default: 0]
    #[arg(long, value_name = "N", help_heading = BATCHES)]
    pub(crate) batch_seed: Option<u64>,
}

impl BatchArgs {
    /// The options that were given, by their names.
    pub(crate) fn given(self) -> Vec<&'static str> {
        given([
            ("--batch-size", self.batch_size.is_some()),
            ("--batches", self.batches.is_some()),
            ("--batch-seed", self.batch_seed.is_some()),
        ])
    }

    pub(crate) fn options(self) -> BatchOptions {
        let number = |n: u32| n as usize;
        let seed = self.batch_seed.unwrap_or_default();
        BatchOptions { size: self.batch_size.map(number), count: self.batches.map(number), seed }
    }
}

/// The plane of a loss surface.
#[derive(Args, Clone, Debug)]
pub(crate) struct SurfaceArgs {
    /// Directions of the plane. [default: eigenvectors]
    #[arg(long, value_enum, help_heading = SURFACE)]
    pub(crate) directions: Option<DirectionsArg>,
    /// Seed of the random directions. [default: 0]
    #[arg(long, value_name = "N", help_heading = SURFACE)]
    pub(crate) direction_seed: Option<u64>,
    /// Points along each direction. [default: 51, of eigenvectors 100]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(2..=1000), help_heading = SURFACE)]
    pub(crate) points: Option<u16>,
    /// The way of a training by these files of weights, or by those in a folder, the last one in the middle of the plane.
    /// Without it, by the snapshots that the training has kept; else it is trained again.
    #[arg(long, value_name = "PATH", num_args = 1.., conflicts_with = "model", help_heading = SURFACE)]
    pub(crate) checkpoints: Vec<PathBuf>,
}

/// The names of the options of which it is true that they were given.
fn given<const N: usize>(options: [(&'static str, bool); N]) -> Vec<&'static str> {
    options.into_iter().filter(|(_, given)| *given).map(|(name, _)| name).collect()
}

impl SurfaceArgs {
    /// The options that were given, by their names.
    pub(crate) fn given(&self) -> Vec<&'static str> {
        given([
            ("--directions", self.directions.is_some()),
            ("--direction-seed", self.direction_seed.is_some()),
            ("--points", self.points.is_some()),
            ("--checkpoints", !self.checkpoints.is_empty()),
        ])
    }

    /// The options of the surface.
    pub(crate) fn options(&self) -> SurfaceOptions {
        let directions = match self.directions.unwrap_or_default() {
            DirectionsArg::Eigenvectors => PlaneDirections::Eigenvectors,
            DirectionsArg::FilterNormalised => PlaneDirections::FilterNormalised,
            DirectionsArg::Trajectory => PlaneDirections::Trajectory,
        };
        SurfaceOptions {
            directions,
            seed: self.direction_seed.unwrap_or_default(),
            steps: self.points.map(usize::from),
            weights: match &self.checkpoints {
                files if files.is_empty() => FollowedWeights::Training,
                files => FollowedWeights::Files(files.clone()),
            },
        }
    }
}

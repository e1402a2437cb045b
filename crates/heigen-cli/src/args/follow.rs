//! Arguments of `heigen follow`.

use super::{Common, Names};
use clap::Args;
use heigen_lab::{Every, FollowedWeights, LookOptions};
use std::path::PathBuf;

const FOLLOW: &str = "\
Examples:
  heigen follow gauss/normal_training                    train it, look about forty times, draw
  heigen follow gauss/normal_training --every 10 -k 5    every 10 epochs, the five largest eigenvalues
  heigen follow gauss/normal_training --every 2steps     inside of epochs, too: every second batch
  heigen follow my/experiment.json --snapshots           the snapshots that its training has kept
  heigen follow my/net --weights checkpoints/            checkpoints of a network trained elsewhere, which
                                                         `heigen analyze --name my/net` has taken in

At every moment: the largest and the lowest eigenvalues of the Hessian with residuals, eigenvectors matched with those of
the moment before, trace, outliers, the gradient's share in the top subspace, lambda_1 as a fraction of the update rule's
threshold (2 / eta without momentum), losses, accuracies, and on planes the boundary. At some moments the whole spectrum
gives G_theta.

Writes results/grads/<folder>/<name>_along.json and arrays beside it (_along_eigenvalues.npy, ...), moment by moment in
<name>_along/: killed at any time, the same command goes on where it was. Writes figures/along_spectra_<name>.svg, .pdf
and .png, along_subspaces_..., and on planes along_strip_... and the animation along_film_<name>.png,
and the page report/<folder>-<name>_along.html with all of them.";

#[derive(Args, Debug)]
#[command(arg_required_else_help = true, after_help = FOLLOW)]
pub(crate) struct FollowArgs {
    #[command(flatten)]
    pub(crate) names: Names,
    /// Look every N epochs, or every N steps of the update rule (50steps), at the beginning and at the end; unless given, about
    /// forty times and more often at first.
    #[arg(long, value_name = "N|Nsteps", conflicts_with_all = ["snapshots", "weights"], help_heading = "What is looked at")]
    pub(crate) every: Option<Every>,
    /// Number of the largest eigenvalues.
    #[arg(short = 'k', long = "top-k", value_name = "K", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=1000), help_heading = "What is looked at")]
    pub(crate) k: u16,
    /// Number of the lowest eigenvalues.
    #[arg(long, value_name = "L", default_value_t = 2, value_parser = clap::value_parser!(u16).range(0..=1000), help_heading = "What is looked at")]
    pub(crate) lowest: u16,
    /// Largest residual |H v - lambda v| of the eigenpairs, as a fraction of |H|.
    #[arg(long, value_name = "T", default_value_t = LookOptions::default().tolerance, value_parser = tolerance, help_heading = "What is looked at")]
    pub(crate) tolerance: f64,
    /// Compute the whole spectrum, and from it `G_theta`, at N of the moments; unless given, at as many as take half a minute.
    #[arg(long, value_name = "N", help_heading = "What is looked at")]
    pub(crate) whole: Option<u32>,
    /// Look at the snapshots that the training has kept (`trainer.how_often_save_model`) instead of training.
    #[arg(long, conflicts_with = "weights", help_heading = "What is looked at")]
    pub(crate) snapshots: bool,
    /// Look at the weights in these files, in this order, or in a folder, in the order of the numbers in the files' names.
    #[arg(long, value_name = "PATH", num_args = 1.., help_heading = "What is looked at")]
    pub(crate) weights: Vec<PathBuf>,
    /// Folder of the figures.
    #[arg(long, value_name = "DIR", default_value = "figures", help_heading = "Where files stand")]
    pub(crate) figures: PathBuf,
    /// Folder of the page about the training.
    #[arg(long, value_name = "DIR", default_value = "report", help_heading = "Where files stand")]
    pub(crate) report: PathBuf,
    /// Draw nothing, and write no page.
    #[arg(long, help_heading = "What is printed and kept")]
    pub(crate) no_figures: bool,
    #[command(flatten)]
    pub(crate) common: Common,
}

/// A positive number below 1.
fn tolerance(text: &str) -> Result<f64, String> {
    let fits = |t: &f64| *t > 0.0 && *t < 1.0;
    text.parse().ok().filter(fits).ok_or_else(|| "expected a number between 0 and 1, e.g. 1e-6".to_owned())
}

impl FollowArgs {
    /// The options of each look.
    pub(crate) fn look(&self) -> LookOptions {
        LookOptions {
            k: self.k.into(),
            lowest: self.lowest.into(),
            tolerance: self.tolerance,
            ..LookOptions::default()
        }
    }

    /// The weights that are followed. Folders are replaced by their files.
    pub(crate) fn weights(&self) -> FollowedWeights {
        if self.snapshots {
            FollowedWeights::Snapshots
        } else if self.weights.is_empty() {
            FollowedWeights::Training
        } else {
            FollowedWeights::Files(self.weights.clone())
        }
    }
}

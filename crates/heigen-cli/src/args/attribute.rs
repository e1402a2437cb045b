//! Arguments of `heigen attribute`.

use super::{Common, Names};
use clap::Args;
use heigen_lab::RISE;

const ATTRIBUTE: &str = "\
Examples:
  heigen attribute gauss/normal_training            the outlying eigenvectors
  heigen attribute gauss/normal_training -k 5 --rise 0.5
  heigen plot attribution gauss/normal_training     the same as a picture

For every eigenvector v: how much of v^T H v is of the Gauss-Newton matrix G, and which shares of v^T G v are of the means
of classes, of pairs of classes, of single samples around them, and of the samples' own labels (arXiv:2008.11865); the pairs
of classes whose samples it tells apart. On planes, for every piece of the boundary: the eigenvectors that the gradients
along it are aligned with, and whether the piece is removed, shifted or where it was when the weights move along v or -v until
the loss has risen by RISE.

Writes results/grads/<folder>/<name>_attribution.json.";

#[derive(Args, Debug)]
#[command(arg_required_else_help = true, after_help = ATTRIBUTE)]
pub(crate) struct AttributeArgs {
    #[command(flatten)]
    pub(crate) names: Names,
    /// Number of eigenvectors, largest eigenvalue first; unless given, the outliers, of which at most 8.
    #[arg(short = 'k', long = "top-k", value_name = "K", value_parser = clap::value_parser!(u16).range(1..=1000), help_heading = "What is looked at")]
    pub(crate) k: Option<u16>,
    /// Rise of the loss, in its own units, up to which weights are moved along an eigenvector.
    #[arg(long, value_name = "RISE", default_value_t = RISE, value_parser = rise, help_heading = "What is looked at")]
    pub(crate) rise: f64,
    #[command(flatten)]
    pub(crate) common: Common,
}

/// A finite number above 0.
fn rise(text: &str) -> Result<f64, String> {
    let fits = |r: &f64| *r > 0.0 && r.is_finite();
    text.parse().ok().filter(fits).ok_or_else(|| "expected a rise of the loss above 0".to_owned())
}

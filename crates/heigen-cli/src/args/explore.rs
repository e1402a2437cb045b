//! Arguments of `heigen explore`.

use super::DataDir;
use clap::Args;
use std::net::IpAddr;
use std::path::PathBuf;

const EXPLORE: &str = "\
Examples:
  heigen explore                                   three blobs and a small network
  heigen explore circle/normal_training --open     an experiment, in the browser at once
  heigen explore gauss/normal_training --model results/models/gauss/normal_training.safetensors
                                                   the same at the weights that its training has ended with
  heigen explore --model net.onnx --data points.csv

Prints the address of a page on which a small network is trained live: its decision boundary, the largest eigenvalues of its
loss's Hessian, alignments, moves along eigenvectors, and samples that can be moved. The address holds a random token, without
which nothing is answered. Nothing is kept when the page is closed. Ctrl-C ends it.";

#[derive(Args, Debug)]
#[command(after_help = EXPLORE)]
pub(crate) struct ExploreArgs {
    /// The experiment to begin with: a name as `heigen list` has them, or a path to an experiment file.
    #[arg(value_name = "NAME", conflicts_with = "data")]
    pub(crate) name: Option<String>,
    /// With NAME: weights to begin at, in place of those that its training begins with. With --data: a trained network, as `heigen
    /// analyze` takes it.
    #[arg(long, value_name = "FILE", help_heading = "A network from elsewhere")]
    pub(crate) model: Option<PathBuf>,
    /// The samples of that network, as `heigen analyze` takes them.
    #[arg(long, value_name = "FILE", requires = "model", help_heading = "A network from elsewhere")]
    pub(crate) data: Option<PathBuf>,
    /// The architecture of its weights, where their file does not say it.
    #[arg(long, value_name = "ARCH", requires = "data", help_heading = "A network from elsewhere")]
    pub(crate) arch: Option<String>,
    /// The column of its labels in a table, by name or by number from 0.
    #[arg(
        long,
        value_name = "COLUMN",
        requires = "data",
        allow_hyphen_values = true,
        help_heading = "A network from elsewhere"
    )]
    pub(crate) label_column: Option<String>,
    /// Port to listen at; a free one unless given.
    #[arg(
        long,
        value_name = "PORT",
        default_value_t = 0,
        hide_default_value = true,
        help_heading = "How it is served"
    )]
    pub(crate) port: u16,
    /// Address to listen at. Any other than that of this machine lets others use the page who know its address.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1", help_heading = "How it is served")]
    pub(crate) listen: IpAddr,
    /// Open the page in the browser.
    #[arg(long, help_heading = "How it is served")]
    pub(crate) open: bool,
    /// Let pages of this machine, such as notebooks, show the page in a frame.
    #[arg(long, help_heading = "How it is served")]
    pub(crate) framed: bool,
    /// End when the standard input ends: so the page of a program that has started it ends with that program.
    #[arg(long, help_heading = "How it is served")]
    pub(crate) until_input_ends: bool,
    /// Number of threads of one computation; 0 means all cores. Results do not depend on it.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u16).range(..=1024), help_heading = "How it is served")]
    pub(crate) threads: u16,
    /// Folder of models and analyses: models that an experiment starts from are taken from there, or trained.
    #[arg(long, value_name = "DIR", default_value = "results", help_heading = "Where files stand")]
    pub(crate) results: PathBuf,
    #[command(flatten)]
    pub(crate) images: DataDir,
    /// Folder with the files of the page, read anew for every request, for work on the page itself.
    #[arg(long, value_name = "DIR", hide = true)]
    pub(crate) page: Option<PathBuf>,
}

//! The command line.

mod analysis;
mod analyze;
mod attribute;
mod explore;
mod factorial;
mod follow;
mod gather;
mod reproduce;
mod surface;

pub(crate) use analysis::{Analysing, HessianArgs, MethodArg, PenaltyArgs};
pub(crate) use analyze::AnalyzeArgs;
pub(crate) use attribute::AttributeArgs;
pub(crate) use explore::ExploreArgs;
pub(crate) use factorial::FactorialArgs;
pub(crate) use follow::FollowArgs;
pub(crate) use gather::{GatherArgs, Gathered};
pub(crate) use reproduce::ReproduceArgs;
pub(crate) use surface::{BatchArgs, DirectionsArg, SurfaceArgs};

use clap::{Args, Parser, Subcommand, ValueEnum};
use heigen_lab::{MapVectors, Shard};
use std::path::PathBuf;

const START: &str = "\
Start with:
  heigen reproduce                       the whole paper: every figure and a report
  heigen list                            the experiments that there are
  heigen show gauss/normal_training      one of them, with its sizes
  heigen figure 2                        train, analyse and draw the paper's Figure 2
  heigen hessian gauss/normal_training   the spectrum, and what follows from it
  heigen follow gauss/normal_training    the spectrum along the training
  heigen analyze --model net.onnx --data my.npz    a network and data of your own
  heigen explore                         a live page: train, see the spectrum, move the weights

Results stand below ./results, figures below ./figures.
Tables and file names go to stdout, everything else to stderr.
Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted.";

const TRAIN: &str = "\
Examples:
  heigen train gauss/normal_training --seed 1
  heigen train my/experiment.json        an experiment of your own; start from a copy of one in configs/

Writes results/models/<folder>/<name>.safetensors, the weights under PyTorch's names, and <name>.json,
how they came about.";

const PLOT: &str = "\
Examples:
  heigen plot --list
  heigen plot spectrum my/experiment.json
  heigen plot planes my/experiment.json --classes 0,1 --vectors random
  heigen plot surface gauss/normal_training --directions filter-normalised
  heigen plot surface gauss/normal_training --directions trajectory --json
  heigen plot minibatches gauss/normal_training --batch-size 20

Writes figures/<kind>_<folder>-<name>.svg, .pdf and .png and prints their paths.";

const BOUNDARY: &str = "\
Examples:
  heigen boundary gauss/normal_training gauss/adversarial_init_training

Writes results/grads/<folder>/<name>_boundary.json: on planes the number of pieces, linear pieces, length and total
curvature of the boundary; the changes of class along segments between training samples; how well the signs of the
alignments with the outlying eigenvectors tell the class, against random directions; the margin estimated by v_1, and
the true distance of the training sample nearest to the boundary.";

const FIGURE: &str = "\
Examples:
  heigen figure --list                                       what each figure shows
  heigen figure 2                                            the paper's: gauss/normal_training
  heigen figure 6                                            MNIST, by t-SNE
  heigen figure 2 circle/normal_training half_moon/normal_training --eigenvectors 3
  heigen figure 2 --vectors lowest --individual-bars --reconstructed

Writes SVG, PDF and PNG and prints their paths.";

/// What does the curvature of a trained classifier's loss say about its decision boundary?
///
/// heigen trains the networks of "Unveiling the Hessian's Connection to the Decision Boundary" (arXiv:2306.07104) from
/// their experiment files, computes the Hessian of the training loss with its eigenvectors, measures how the gradients
/// of inputs align with them, and draws the figures. What exists already and still matches is reused.
#[derive(Debug, Parser)]
#[command(
    name = "heigen",
    version,
    after_help = START
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// For heigen-mpi: leave sums over samples to the Allreduce of the MPI library, which may be quicker than the fixed tree. The last
    /// digits of results may then differ with the number of processes, and from those of one.
    #[arg(long, global = true, help_heading = "How it is run")]
    pub(crate) allreduce: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Train the networks of experiments.
    Train(TrainArgs),
    /// Compute the Hessian's spectrum at the trained weights, alignments, G_theta and what goes with them.
    Hessian(HessianArgs),
    /// Analyse a network trained elsewhere on data of your own: spectrum, alignments, boundary, figures, one report.
    Analyze(AnalyzeArgs),
    /// Measure the decision boundary: complexity, margin, and how well the leading eigenvectors tell its sides.
    Boundary(BoundaryArgs),
    /// Follow a training: the spectrum at every so many epochs, eigenvectors matched from moment to moment, pictures.
    Follow(FollowArgs),
    /// Find what the leading eigenvectors carry: classes, pairs of classes, pieces of the boundary.
    Attribute(AttributeArgs),
    /// See the curvature move: a live page in the browser, with a network that trains there.
    Explore(ExploreArgs),
    /// Draw a figure, with all training and analysis that it needs.
    Figure(FigureArgs),
    /// Draw a plot of any experiments: spectrum, eigenvectors, coherence, ...
    Plot(PlotArgs),
    /// Reproduce the paper: train, analyse, draw every figure, and write a report.
    Reproduce(ReproduceArgs),
    /// Run a study: factors and seeds, one table of measures, and how strongly it supports its claims.
    Study(FactorialArgs),
    /// Write figures and pages of what the shares of `reproduce --shard` and `study --shard` have done.
    Gather(GatherArgs),
    /// List the experiments and what each starts from.
    List(ListArgs),
    /// Show an experiment as resolved, what it depends on, and its sizes.
    Show(ShowArgs),
    /// List the image sets that are there, check them, and tell how to get what is missing.
    Data(DataArgs),
}

/// Which experiments.
#[derive(Args, Debug)]
pub(crate) struct Names {
    /// Experiments: `gauss/normal_training`, the same with `.json`, or a path to any experiment file.
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// The same as NAME, as the reference's scripts take it.
    #[arg(long, value_name = "NAME", num_args = 1..)]
    config: Vec<String>,
}

impl Names {
    pub(crate) fn all(&self) -> Vec<String> {
        self.names.iter().chain(&self.config).cloned().collect()
    }
}

/// Where image sets are.
#[derive(Args, Clone, Debug)]
pub(crate) struct DataDir {
    /// Folder of MNIST and CIFAR-10 as torchvision lays them out; `heigen data` tells what is there.
    #[arg(
        long,
        value_name = "DIR",
        env = "HEIGEN_DATA",
        hide_env_values = true,
        default_value = "data",
        help_heading = "Where files stand"
    )]
    pub(crate) data_dir: PathBuf,
}

/// Options that commands share.
#[derive(Args, Clone, Debug)]
pub(crate) struct Common {
    /// Folder of models and analyses.
    #[arg(long, value_name = "DIR", default_value = "results", help_heading = "Where files stand")]
    pub(crate) results: PathBuf,
    #[command(flatten)]
    pub(crate) data: DataDir,
    /// Weights that an experiment with `pretrained: true` starts from: ImageNet's, as safetensors under torchvision's
    /// names.
    #[arg(long, value_name = "FILE", help_heading = "How it is run")]
    pub(crate) pretrained: Option<PathBuf>,
    /// Seed of the fresh weights and of the order of the batches, instead of the experiment's (0 unless it says so).
    /// Applies to the models it starts from, too.
    #[arg(long, value_name = "N", allow_negative_numbers = true, help_heading = "How it is run")]
    pub(crate) seed: Option<u64>,
    /// Number of threads; 0 means all cores. Results do not depend on it.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u16).range(..=1024), help_heading = "How it is run")]
    pub(crate) threads: u16,
    /// Evaluate losses and accuracies every N epochs of a training, beside the experiment's `how_often_print`.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), help_heading = "How it is run")]
    pub(crate) eval_every: Option<u32>,
    /// Save the state of a training every so many seconds; one that was interrupted goes on from there.
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = interval, help_heading = "How it is run")]
    pub(crate) checkpoint_every: f64,
    /// Compute anew what exists already.
    #[arg(long, help_heading = "How it is run")]
    pub(crate) force: bool,
    /// Print the summary as JSON on stdout, one object an experiment.
    #[arg(long, help_heading = "What is printed and kept")]
    pub(crate) json: bool,
}

/// Seconds from 0 to a year.
fn interval(text: &str) -> Result<f64, String> {
    let fits = |s: &f64| (0.0..=3.2e7).contains(s);
    text.parse().ok().filter(fits).ok_or_else(|| "expected a number of seconds, 0 or more".to_owned())
}

/// A share of the work: its number, counted from 1, and the number of shares.
fn shard(text: &str) -> Result<Shard, String> {
    let parts = text.split_once('/').and_then(|(number, of)| Some((number.parse().ok()?, of.parse().ok()?)));
    let shard = parts.and_then(|(number, of)| Shard::new(number, of));
    shard.ok_or_else(|| "expected the number of a share and of all shares, e.g. 1/4 to 4/4".to_owned())
}

#[derive(Args, Debug)]
#[command(arg_required_else_help = true, after_help = TRAIN)]
pub(crate) struct TrainArgs {
    #[command(flatten)]
    pub(crate) names: Names,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Args, Debug)]
#[command(arg_required_else_help = true, after_help = BOUNDARY)]
pub(crate) struct BoundaryArgs {
    #[command(flatten)]
    pub(crate) names: Names,
    /// Measure the margin of large networks, too: 16 descents of 20,000 steps, and true distances of some samples.
    #[arg(long, help_heading = "What is measured")]
    pub(crate) margin: bool,
    #[command(flatten)]
    pub(crate) common: Common,
}

/// Which vectors maps show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum VectorsArg {
    /// The eigenvectors of the largest eigenvalues.
    #[default]
    Top,
    /// Those of the lowest eigenvalues that are not zero.
    Lowest,
    /// Eigenvectors drawn at random among those of nonzero eigenvalues.
    Random,
    /// Random directions of norm 1, no eigenvectors.
    Directions,
}

impl VectorsArg {
    pub(crate) fn vectors(self) -> MapVectors {
        match self {
            Self::Top => MapVectors::Top,
            Self::Lowest => MapVectors::Lowest,
            Self::Random => MapVectors::Random,
            Self::Directions => MapVectors::Directions,
        }
    }
}

/// Options that figures and plots share.
#[derive(Args, Debug)]
pub(crate) struct DrawArgs {
    #[command(flatten)]
    pub(crate) names: Names,
    #[command(flatten)]
    pub(crate) analysing: Analysing,
    #[command(flatten)]
    pub(crate) penalty: PenaltyArgs,
    #[command(flatten)]
    pub(crate) common: Common,
    /// Folder of the figures.
    #[arg(long, value_name = "DIR", default_value = "figures", help_heading = "Where files stand")]
    pub(crate) figures: PathBuf,
    /// Number of eigenvectors, from the largest eigenvalue down; the paper's number unless given.
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u16).range(1..=200), help_heading = "What is drawn")]
    pub(crate) eigenvectors: Option<u16>,
    /// Cells of the alignment maps along each axis.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u16).range(2..=2000), help_heading = "What is drawn")]
    pub(crate) resolution: u16,
    /// Maps of other vectors (Figure 2, extra and `plot planes`).
    #[arg(long, value_enum, default_value_t, help_heading = "What is drawn")]
    pub(crate) vectors: VectorsArg,
    /// A further map: the boundary reconstructed from the leading alignments.
    #[arg(long, help_heading = "What is drawn")]
    pub(crate) reconstructed: bool,
    /// A colour bar for each map: faint maps are seen, but maps cannot be compared.
    #[arg(long, help_heading = "What is drawn")]
    pub(crate) individual_bars: bool,
    /// Analyse and show only the training samples of these classes, numbered from 0.
    #[arg(long, value_name = "C,...", value_delimiter = ',', help_heading = "What is drawn")]
    pub(crate) classes: Vec<usize>,
    /// Another minimum of the same function: the weights of the layers of FNN_2layer times these factors, product 1.
    #[arg(long, value_name = "A,B,C", value_parser = analysis::factors, help_heading = "What is drawn")]
    pub(crate) reparameterize: Option<analysis::Factors>,
}

#[derive(Args, Debug)]
#[command(arg_required_else_help = true, after_help = FIGURE)]
pub(crate) struct FigureArgs {
    /// Number of the figure in the paper, or its name; `heigen figure --list` says what each shows.
    #[arg(value_name = "FIGURE")]
    pub(crate) figure: Option<String>,
    /// List the figures, and the experiments that they show unless others are named.
    #[arg(long)]
    pub(crate) list: bool,
    #[command(flatten)]
    pub(crate) draw: DrawArgs,
}

#[derive(Args, Debug)]
#[command(arg_required_else_help = true, after_help = PLOT)]
pub(crate) struct PlotArgs {
    /// What to draw; `heigen plot --list` says what each shows.
    #[arg(value_name = "KIND")]
    pub(crate) kind: Option<String>,
    /// List the kinds of plots.
    #[arg(long)]
    pub(crate) list: bool,
    #[command(flatten)]
    pub(crate) surface: SurfaceArgs,
    #[command(flatten)]
    pub(crate) batches: BatchArgs,
    #[command(flatten)]
    pub(crate) draw: DrawArgs,
}

#[derive(Args, Debug)]
pub(crate) struct ListArgs {
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct DataArgs {
    #[command(flatten)]
    pub(crate) data: DataDir,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
#[command(arg_required_else_help = true)]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    pub(crate) names: Names,
    #[command(flatten)]
    pub(crate) data: DataDir,
    /// Seed to show the experiment with.
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) seed: Option<u64>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

//! Arguments of `heigen analyze`.

use super::{MethodArg, PenaltyArgs, analysis};
use clap::Args;
use heigen::config::{LossKind, TargetForm};
use heigen_lab::Renaming;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  heigen analyze --model net.onnx --data my.npz
  heigen analyze --model net.onnx --data iris.csv --label-column species
  heigen analyze --model net.pt --arch arch.json --data my.npz
  heigen analyze --model sgd.pt sam.pt --arch arch.json --data my.npz        both, and their spectra in one picture
  heigen analyze --model checkpoints/ --arch arch.json --data my.npz         every network in a folder
  heigen analyze --model net.safetensors --arch FNN_2layer --data X.npy --labels y.npy
  heigen analyze --model checkpoint.pth.tar --arch arch.json --leave-out criterion. --data my.npz
  heigen analyze --model resnet.pth --arch ResNet18 --map =model. --data images.npz --divide-by 255 --top-k 10

arch.json lists the layers of the network, as in
  {\"layers\": [{\"type\": \"linear\", \"out_features\": 16}, {\"type\": \"tanh\"}, {\"type\": \"linear\", \"out_features\": 3}]}
ONNX files bring their architecture along; weights that lie beside them (net.onnx.data) are read. In PyTorch:
  torch.save(model.state_dict(), \"net.pt\")
  torch.onnx.export(model.eval(), (X[:1],), \"net.onnx\", optimize=False)
Without optimize=False PyTorch folds batch normalisation into the layers before it (with dynamo=False: without
do_constant_folding=False). The parameters of such a file are not those that were trained, and the Hessian is another one:
analyze warns of it.

Writes results/experiments/<name>.json and results/models/<name>.safetensors, with which every other command
works on the network (heigen plot spectrum results/experiments/<name>.json),
results/grads/<name>_... as `heigen hessian` does, figures/*_<name>.*, and report/<name>.html, one page with everything.";

/// FROM=TO: how names in the file become those of the architecture.
fn renaming(text: &str) -> Result<Renaming, String> {
    let parts =
        text.split_once('=').ok_or("expected FROM=TO: the beginning of names in the file, and what to put there")?;
    Ok(Renaming { from: parts.0.to_owned(), to: parts.1.to_owned() })
}

#[allow(clippy::struct_excessive_bools, reason = "switches are what a command line has")]
#[derive(Args, Debug)]
#[command(arg_required_else_help = true, after_help = EXAMPLES)]
pub(crate) struct AnalyzeArgs {
    /// The trained network: .onnx, or its weights: .safetensors, .pt, .pth or .ckpt (a state dict or a checkpoint),
    /// .npz.
    /// Several files, or a folder of them, are analysed one after another, and their spectra are drawn in one picture.
    #[arg(long, value_name = "FILE", num_args = 1.., required = true, help_heading = "Which network")]
    pub(crate) model: Vec<PathBuf>,
    /// The architecture of the weights: a JSON file, or FNN, FNN_2layer, CNN, LeNet5, ResNet18.
    #[arg(long, value_name = "ARCH", help_heading = "Which network")]
    pub(crate) arch: Option<String>,
    /// Rename tensors of the file: names that begin with FROM begin with TO instead. May be repeated; the longest FROM
    /// counts.
    #[arg(long, value_name = "FROM=TO", value_parser = renaming, help_heading = "Which network")]
    pub(crate) map: Vec<Renaming>,
    /// Leave out tensors that the architecture lacks: those whose names (after --map) begin with START. May be repeated.
    #[arg(long, value_name = "START,...", value_delimiter = ',', help_heading = "Which network")]
    pub(crate) leave_out: Vec<String>,
    /// Entry of a checkpoint that has the weights, where it holds several networks, e.g. ema; state_dict,
    /// model_state_dict, model and the like are found.
    #[arg(long, value_name = "KEY", help_heading = "Which network")]
    pub(crate) weights_key: Option<String>,
    /// The samples: .npz (arrays X and y), .npy (with --labels), .csv, .tsv, .parquet, or IDX (with --labels).
    #[arg(long, value_name = "FILE", help_heading = "Which samples")]
    pub(crate) data: PathBuf,
    /// Labels of the samples of an .npy or IDX file.
    #[arg(long, value_name = "FILE", help_heading = "Which samples")]
    pub(crate) labels: Option<PathBuf>,
    /// Name of the features in an .npz; X unless given.
    #[arg(long, value_name = "KEY", help_heading = "Which samples")]
    pub(crate) features_key: Option<String>,
    /// Name of the labels in an .npz; y unless given.
    #[arg(long, value_name = "KEY", help_heading = "Which samples")]
    pub(crate) labels_key: Option<String>,
    /// Column of the labels in a table: a name, or a place from 0 (negative: from the end). Unless given, the one named
    /// label, class, target or y, else the last. Given several times, names of columns that hold one number each.
    #[arg(long, value_name = "COLUMN", allow_hyphen_values = true, help_heading = "Which samples")]
    pub(crate) label_column: Vec<String>,
    /// The form of the labels: classes, numbers (one or more a sample: a regression, or 0 and 1 for each of several labels), or
    /// positions (a class for every position of a sample; outputs are [positions, classes], or with positions_classes_first
    /// [classes, positions]). Unless given, what the loss takes: numbers for l1, huber, smooth_l1, gaussian_nll, for mse of one
    /// output and binary cross-entropy of several, else classes.
    #[arg(long, value_name = "FORM", value_parser = targets, help_heading = "Which samples")]
    pub(crate) targets: Option<TargetForm>,
    /// Columns of a table that are no features, by name or place.
    #[arg(
        long,
        value_name = "COLUMN,...",
        value_delimiter = ',',
        allow_hyphen_values = true,
        help_heading = "Which samples"
    )]
    pub(crate) drop: Vec<String>,
    /// Whether a table begins with the names of its columns; found out unless given.
    #[arg(long, value_name = "true|false", help_heading = "Which samples")]
    pub(crate) header: Option<bool>,
    /// Divide all features by N, e.g. 255 for images of bytes that the network was trained on as numbers from 0 to 1.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), help_heading = "Which samples")]
    pub(crate) divide_by: Option<u32>,
    /// Images are [height, width, channels]. Found out where the network begins with a convolution.
    #[arg(long, help_heading = "Which samples")]
    pub(crate) channels_last: bool,
    /// Shift and scale every feature to mean 0 and standard deviation 1, if the network was trained so.
    #[arg(long, help_heading = "Which samples")]
    pub(crate) standardize: bool,
    /// The labels of the classes in the order of the network's outputs; else texts are classes in the order of their first
    /// sample.
    #[arg(long, value_name = "LABEL,...", value_delimiter = ',', help_heading = "Which samples")]
    pub(crate) class_names: Vec<String>,
    /// Take only these classes, numbered from 0; their places in this list are their numbers.
    #[arg(long, value_name = "C,...", value_delimiter = ',', help_heading = "Which samples")]
    pub(crate) classes: Vec<usize>,
    /// Most memory that a file may take when it is unpacked, in GiB; 2 unless given.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_048_576), help_heading = "Which samples")]
    pub(crate) max_gib: Option<u32>,
    /// The loss, the mean over the samples.
    #[arg(long, default_value = "cross_entropy", value_parser = analysis::loss, help_heading = "What is analysed")]
    pub(crate) loss: LossKind,
    #[command(flatten)]
    pub(crate) penalty: PenaltyArgs,
    /// How the spectrum is computed.
    #[arg(long, value_enum, default_value_t, help_heading = "What is analysed")]
    pub(crate) method: MethodArg,
    /// Only the K largest eigenvalues, by Lanczos.
    #[arg(long, alias = "k", value_name = "K", value_parser = clap::value_parser!(u32).range(1..=10_000), help_heading = "What is analysed")]
    pub(crate) top_k: Option<u32>,
    /// A table by layer: trace, its share, largest and smallest eigenvalue, gradient norm.
    #[arg(long, help_heading = "What is analysed")]
    pub(crate) by_layer: bool,
    /// Save the cosines of all pairs of gradients also where they take more than 256 MiB: N x N and CN x CN numbers.
    #[arg(long, help_heading = "What is printed and kept")]
    pub(crate) coherence: bool,
    /// Go through the samples in mini-batches of N, in bounded memory (with --top-k).
    #[arg(long, value_name = "N", help_heading = "What is analysed")]
    pub(crate) batch: Option<std::num::NonZeroUsize>,
    /// Measure the margin of large networks, too, which takes minutes.
    #[arg(long, help_heading = "What is analysed")]
    pub(crate) margin: bool,
    /// Name of the results, <folder>/<name>; own/<model's file name> unless given.
    #[arg(long, value_name = "NAME", help_heading = "Where files stand")]
    pub(crate) name: Option<String>,
    /// Folder of the results.
    #[arg(long, value_name = "DIR", default_value = "results", help_heading = "Where files stand")]
    pub(crate) results: PathBuf,
    /// Folder of the figures.
    #[arg(long = "figures", value_name = "DIR", default_value = "figures", help_heading = "Where files stand")]
    pub(crate) figures_dir: PathBuf,
    /// Folder of the report.
    #[arg(long, value_name = "DIR", default_value = "report", help_heading = "Where files stand")]
    pub(crate) report: PathBuf,
    /// Number of threads; 0 means all cores. Results do not depend on it.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u16).range(..=1024), help_heading = "How it is run")]
    pub(crate) threads: u16,
    /// Compute anew what exists already, and replace results of that name.
    #[arg(long, help_heading = "How it is run")]
    pub(crate) force: bool,
    /// Print everything as one JSON object on stdout.
    #[arg(long, help_heading = "What is printed and kept")]
    pub(crate) json: bool,
}

fn targets(text: &str) -> Result<TargetForm, String> {
    let names = TargetForm::ALL.map(TargetForm::name);
    TargetForm::from_name(text).ok_or_else(|| format!("expected one of {}", names.join(", ")))
}

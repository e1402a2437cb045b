//! The options of `heigen hessian`, grouped by the question they answer.

use super::{Common, Names};
use clap::{Args, ValueEnum};
use heigen::config::LossKind;
use heigen::curvature::{OperatorKind, Which};
use heigen::vocabulary::LossArgs;
use heigen_lab::{Asked, DensityAsked, EstimatesAsked, How, Keep, Matter, TopPairs, Way};
use serde_json::Value;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::path::PathBuf;
use std::str::FromStr;

const MATRIX: &str = "Which matrix";
const LOSS: &str = "Which loss beyond its kind";
const WEIGHTS: &str = "At which weights";
const HOW: &str = "How it is computed";
const BESIDES: &str = "What else is estimated";
const KEPT: &str = "What is printed and kept";

const HESSIAN: &str = "\
Examples:
  heigen hessian gauss/normal_training                     all eigenpairs, with a certificate
  heigen hessian gauss/normal_training --json | jq .eigenvalues_top
  heigen hessian gauss/normal_training --model theirs.safetensors
  heigen hessian gauss/normal_training --operator ggn --classes 0,2
  heigen hessian gauss/normal_training --layers fc2        the block of one layer
  heigen hessian gauss/normal_training --top-k 10 --which both
  heigen hessian gauss/normal_training --top-k 5 --trace --density

Writes results/grads/<folder>/<name>_... :
  heigenvalues.npy      [P], ascending
  heigenvectors.npy     [P, k], columns ascending: [:, -1] belongs to lambda_1
  overlaps.npy          [k, N], alignments of the training samples
  coherence.npy, logit_coherence.npy    cosine similarities of per-example gradients
  analysis.json         the summary
With --top-k: heigenvalues [k], heigenvectors [P, k] and overlaps [k, N] in the order of --which.
With --density: density.npy [1000, 3], columns eigenvalue, density, standard error;
with --diagonal: diagonal.npy [P, 2], columns value, standard error.
What is not the plain Hessian gets names of its own: <name>+ggn+classes-0-2_...";

#[derive(Args, Debug)]
#[command(arg_required_else_help = true, after_help = HESSIAN)]
pub(crate) struct HessianArgs {
    #[command(flatten)]
    pub(crate) names: Names,
    #[command(flatten)]
    pub(crate) subject: SubjectArgs,
    #[command(flatten)]
    pub(crate) analysing: Analysing,
    #[command(flatten)]
    pub(crate) top: TopKArgs,
    #[command(flatten)]
    pub(crate) estimates: EstimateArgs,
    #[command(flatten)]
    pub(crate) keep: KeepArgs,
    #[command(flatten)]
    pub(crate) common: Common,
}

impl HessianArgs {
    pub(crate) fn asked(&self) -> Asked {
        Asked {
            subject: self.subject.matter(),
            how: self.analysing.how(),
            top: self.top.pairs(),
            estimates: self.estimates.asked(),
            keep: Keep {
                full_basis: self.keep.full_basis,
                matrix: self.keep.save_hessian,
                coherence: self.keep.coherence,
            },
            eigenpairs: false,
        }
    }
}

impl Analysing {
    pub(crate) fn how(&self) -> How {
        let dtype = match self.dtype {
            Dtype::Float32 => heigen_lab::Dtype::Float32,
            Dtype::Float64 => heigen_lab::Dtype::Float64,
        };
        How { weights: self.model.clone(), way: self.method.way(), dtype }
    }
}

impl SubjectArgs {
    fn matter(&self) -> Matter {
        Matter {
            operator: self.operator.kind(),
            loss: self.loss,
            classes: self.classes.clone(),
            samples: self.samples.as_ref().map(|range| range.0.clone()),
            layers: self.layers.clone(),
            weight_decay: self.penalty.weight_decay,
            decay_only: self.penalty.decay_only.clone(),
            label_smoothing: self.penalty.label_smoothing,
            loss_args: self.penalty.loss_args(),
            factors: self.reparameterize,
            batch: self.batch,
        }
    }
}

impl TopKArgs {
    fn pairs(self) -> TopPairs {
        let count = self.top_k.map(|k| k as usize);
        TopPairs { count, which: self.which.which(), tolerance: self.tolerance }
    }
}

impl EstimateArgs {
    fn asked(self) -> EstimatesAsked {
        let density = DensityAsked { probes: self.probes as usize, steps: self.steps as usize };
        EstimatesAsked {
            trace: self.trace.map(|n| n as usize),
            density: self.density.then_some(density),
            diagonal: self.diagonal.map(|n| n as usize),
            by_layer: self.by_layer,
        }
    }
}

/// Options of an analysis that figures have, too.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Analysing {
    /// Analyse the weights in this safetensors file instead of training. For one experiment at a time.
    #[arg(long, value_name = "FILE", help_heading = WEIGHTS)]
    pub(crate) model: Option<PathBuf>,
    /// How the spectrum is computed.
    #[arg(long, value_enum, default_value_t, help_heading = HOW)]
    pub(crate) method: MethodArg,
    /// Number type of the analysis.
    #[arg(long, value_enum, default_value_t, help_heading = HOW)]
    pub(crate) dtype: Dtype,
}

/// Which matrix is analysed.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct SubjectArgs {
    /// The matrix whose spectrum is computed.
    #[arg(long, value_enum, default_value_t, help_heading = MATRIX)]
    pub(crate) operator: OperatorArg,
    /// Another loss than the one trained with, at the same weights.
    #[arg(long, value_parser = loss, help_heading = MATRIX)]
    pub(crate) loss: Option<LossKind>,
    /// Only the training samples of these classes, numbered from 0: the mean loss over them.
    #[arg(long, value_name = "C,...", value_delimiter = ',', help_heading = MATRIX)]
    pub(crate) classes: Vec<usize>,
    /// Only these training samples (of --classes, if given): the first N, or from A to B - 1, numbered from 0.
    #[arg(long, value_name = "N|A..B", help_heading = MATRIX)]
    pub(crate) samples: Option<SampleRange>,
    /// Only the block of these layers or tensors (`fc2`, `fc3.weight`, or `re:bias$`, a regular expression for names of
    /// tensors), all other parameters held fixed.
    #[arg(long, value_name = "NAME,...", value_delimiter = ',', help_heading = MATRIX)]
    pub(crate) layers: Vec<String>,
    #[command(flatten)]
    pub(crate) penalty: PenaltyArgs,
    /// Multiply the weights of the three layers of FNN_2layer by these factors, whose product is 1: the same function at
    /// another minimum, e.g. the reference's .2,5,1.
    #[arg(long, value_name = "A,B,C", value_parser = factors, help_heading = WEIGHTS)]
    pub(crate) reparameterize: Option<Factors>,
    /// Sum over mini-batches of this many samples, in bounded memory; changes numbers by rounding only, except that
    /// batch normalisation takes the statistics of each batch.
    #[arg(long, value_name = "N", help_heading = HOW)]
    pub(crate) batch: Option<NonZeroUsize>,
}

/// The parts of a loss beyond its kind, with which training was done.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct PenaltyArgs {
    /// Weight decay of the training, MU/2 |theta|^2: part of the loss, of its gradient and of the matrix.
    #[arg(long, value_name = "MU", default_value_t = 0.0, allow_negative_numbers = true, help_heading = LOSS)]
    pub(crate) weight_decay: f64,
    /// Only these layers or tensors decay (named as by --layers of `heigen hessian`).
    #[arg(long, value_name = "NAME,...", value_delimiter = ',', requires = "weight_decay", help_heading = LOSS)]
    pub(crate) decay_only: Vec<String>,
    /// Label smoothing of the cross-entropy, 0 to 1.
    #[arg(long, value_name = "S", default_value_t = 0.0, help_heading = LOSS)]
    pub(crate) label_smoothing: f64,
    /// An option of the loss under PyTorch's name, e.g. weight=1,2,.5, ignore_index=-100, reduction=sum, pos_weight=3,
    /// delta=.5 (huber), beta=2 (smooth_l1), p=2 or margin=.5 (hinge), eps=1e-4 or full=true (gaussian_nll). May be given
    /// several times.
    #[arg(long = "loss-arg", value_name = "NAME=VALUE", help_heading = LOSS)]
    pub(crate) loss_arg: Vec<LossArg>,
}

impl PenaltyArgs {
    /// All options of the loss together.
    pub(crate) fn loss_args(&self) -> LossArgs {
        self.loss_arg.iter().fold(LossArgs::default(), |all, one| all.or(&one.0))
    }
}

/// One option of a loss.
#[derive(Clone, Debug)]
pub(crate) struct LossArg(LossArgs);

impl FromStr for LossArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE, e.g. delta=.5")?;
        let name = name.trim().replace('-', "_");
        if !LossArgs::NAMES.contains(&&*name) {
            return Err(format!("no option of a loss; expected one of {}", LossArgs::NAMES.join(", ")));
        }
        let number = |text: &str| text.trim().parse::<f64>().map_err(|_| format!("{text} is no number"));
        let value = match &*name {
            "weight" | "pos_weight" => {
                let numbers: Result<Vec<f64>, _> = value.split(',').map(number).collect();
                Value::from(numbers?)
            }
            "ignore_index" | "p" => value.trim().parse::<i64>().map_err(|_| "expected a whole number")?.into(),
            "reduction" | "full" => match value.trim() {
                "true" => true.into(),
                "false" => false.into(),
                word => word.into(),
            },
            _ => number(value)?.into(),
        };
        let one = serde_json::Map::from_iter([(name, value)]);
        serde_json::from_value(Value::Object(one)).map(Self).map_err(|error| error.to_string())
    }
}

/// Some eigenpairs.
#[derive(Args, Clone, Copy, Debug, Default)]
pub(crate) struct TopKArgs {
    /// Only K eigenpairs, by block Lanczos: for networks too large for the whole spectrum. [with --method lanczos: 10]
    #[arg(long, alias = "k", value_name = "K", value_parser = clap::value_parser!(u32).range(1..), help_heading = HOW)]
    pub(crate) top_k: Option<u32>,
    /// Which end of the spectrum they are taken from.
    #[arg(long, value_enum, default_value_t, help_heading = HOW)]
    pub(crate) which: WhichArg,
    /// Largest residual |A v - lambda v| of Lanczos, as a fraction of |A|.
    #[arg(long, value_name = "EPS", default_value = "1e-8", value_parser = positive, help_heading = HOW)]
    pub(crate) tolerance: f64,
}

/// Estimates by sampling.
#[derive(Args, Clone, Copy, Debug, Default)]
pub(crate) struct EstimateArgs {
    /// The trace by Hutch++ with its standard error, from this many products.
    #[arg(long, value_name = "PRODUCTS", num_args = 0..=1, require_equals = true, default_missing_value = "120",
          value_parser = clap::value_parser!(u32).range(6..), help_heading = BESIDES)]
    pub(crate) trace: Option<u32>,
    /// The density of eigenvalues by stochastic Lanczos quadrature, with error bars over probes.
    #[arg(long, help_heading = BESIDES)]
    pub(crate) density: bool,
    /// Random vectors of --density.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(2..), requires = "density", help_heading = BESIDES)]
    pub(crate) probes: u32,
    /// Lanczos steps of each random vector of --density.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..), requires = "density", help_heading = BESIDES)]
    pub(crate) steps: u32,
    /// A table by layer (or by each of --layers): trace, its share, largest and smallest eigenvalue, gradient norm.
    #[arg(long, help_heading = BESIDES)]
    pub(crate) by_layer: bool,
    /// The diagonal with standard errors, from this many products; exact where that is P or more.
    #[arg(long, value_name = "PRODUCTS", num_args = 0..=1, require_equals = true, default_missing_value = "1000",
          value_parser = clap::value_parser!(u32).range(2..), help_heading = BESIDES)]
    pub(crate) diagonal: Option<u32>,
}

/// Arrays kept beyond the ordinary.
#[derive(Args, Clone, Copy, Debug, Default)]
pub(crate) struct KeepArgs {
    /// Save the eigenvectors of zero eigenvalues (an arbitrary basis of the null space), too: P x P numbers.
    #[arg(long, help_heading = KEPT)]
    pub(crate) full_basis: bool,
    /// Save the matrix: P x P numbers.
    #[arg(long, help_heading = KEPT)]
    pub(crate) save_hessian: bool,
    /// Save the cosines of all pairs of gradients also where they take more than 256 MiB: N x N and CN x CN numbers.
    #[arg(long, help_heading = KEPT)]
    pub(crate) coherence: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Dtype {
    /// Single precision, by the dense way: to compare with float32 of other programs; eigenvalues to about 1e-5 of the
    /// largest.
    #[value(alias = "f32")]
    Float32,
    /// Double precision.
    #[default]
    #[value(alias = "f64")]
    Float64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum MethodArg {
    /// Exact where the rank turns out to be small, else dense; Lanczos where memory holds neither.
    #[default]
    Auto,
    /// All nonzero eigenpairs from the range of the matrix, without forming it.
    Exact,
    /// Eigendecomposition of the P x P matrix.
    Dense,
    /// Some eigenpairs: --top-k.
    Lanczos,
}

impl MethodArg {
    pub(crate) fn way(self) -> Way {
        match self {
            Self::Auto => Way::Auto,
            Self::Exact => Way::Exact,
            Self::Dense => Way::Dense,
            Self::Lanczos => Way::Lanczos,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum OperatorArg {
    /// Second derivatives of the mean loss.
    #[default]
    Hessian,
    /// Generalized Gauss-Newton matrix: mean of J^T A J, A the second derivatives of the loss by the outputs.
    Ggn,
    /// Empirical Fisher matrix: mean of g g^T over per-example gradients.
    Fisher,
    /// What the Hessian has beyond Gauss-Newton: second derivatives of the network.
    Remainder,
}

impl OperatorArg {
    fn kind(self) -> OperatorKind {
        match self {
            Self::Hessian => OperatorKind::Hessian,
            Self::Ggn => OperatorKind::GaussNewton,
            Self::Fisher => OperatorKind::EmpiricalFisher,
            Self::Remainder => OperatorKind::FunctionalRemainder,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum WhichArg {
    /// The largest, largest first.
    #[default]
    Largest,
    /// The smallest, smallest first.
    Smallest,
    /// Half of them largest, then half of them smallest.
    Both,
    /// The largest in magnitude.
    Magnitude,
}

impl WhichArg {
    fn which(self) -> Which {
        match self {
            Self::Largest => Which::Largest,
            Self::Smallest => Which::Smallest,
            Self::Both => Which::BothEnds,
            Self::Magnitude => Which::LargestMagnitude,
        }
    }
}

/// Factors of a reparameterization.
pub(crate) type Factors = [f64; 3];

/// A range of samples.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SampleRange(pub(crate) Range<usize>);

impl FromStr for SampleRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |part: &str| part.parse::<usize>().ok();
        let range = match text.split_once("..") {
            Some((from, to)) => number(from).zip(number(to)).map(|(from, to)| from..to),
            None => number(text).map(|n| 0..n),
        };
        match range {
            Some(range) if !range.is_empty() => Ok(Self(range)),
            Some(_) => Err("it holds no sample".into()),
            None => Err("expected a number of samples, or A..B".into()),
        }
    }
}

pub(super) fn loss(text: &str) -> Result<LossKind, String> {
    LossKind::from_name(text).ok_or_else(|| format!("expected one of {}", LossKind::ALL.map(LossKind::name).join(", ")))
}

pub(super) fn factors(text: &str) -> Result<Factors, String> {
    let numbers: Result<Vec<f64>, _> = text.split(',').map(|n| n.trim().parse::<f64>()).collect();
    let three = numbers.ok().and_then(|n| <[f64; 3]>::try_from(n).ok());
    three.ok_or_else(|| "expected three numbers, e.g. .2,5,1".into())
}

fn positive(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|n| *n > 0.0 && n.is_finite());
    number.ok_or_else(|| "expected a positive number, e.g. 1e-8".into())
}

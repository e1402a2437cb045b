//! The checked form of an experiment: every value is in range and every name is known.

use serde::{Serialize, Serializer};

use super::{ExperimentName, LossKind, ModelSpec};
use crate::vocabulary::{LossArgs, Objective};

/// One experiment: the network, the samples, the update rule and the starting weights. The parser of this module's
/// parent makes it from checked input; it should not be put together by hand from unchecked input.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Experiment {
    /// Folder and name, e.g. `gauss/normal_training`.
    pub name: ExperimentName,
    /// The network.
    pub model: ModelSpec,
    /// The update rule.
    pub optimizer: OptimizerSpec,
    /// Learning-rate schedule, stepped once an epoch.
    pub scheduler: Option<MultiStepLr>,
    /// The data set, and the changes that are made to it.
    pub dataset: DatasetSpec,
    /// The training loss.
    pub loss: LossKind,
    /// The options of the training loss.
    pub loss_args: LossArgs,
    /// The weights that training starts from.
    pub start: Start,
    /// Fraction of the samples in the training part; its size is `int(fraction * n)`.
    pub train_fraction: f64,
    /// Fraction of the samples in the test part; the rest is the validation part.
    pub test_fraction: f64,
    /// Number of epochs, size of batches, and files that are kept along the way.
    pub trainer: Trainer,
    /// Whether training stops once the training accuracy, measured every `how_often_print` epochs, is 100 %.
    pub early_stopping: bool,
    /// Seed of the fresh weights and of the order of the batches.
    pub seed: u64,
}

impl Experiment {
    /// The training loss with its options, without a penalty: that of the optimizer's weight decay is the optimizer's.
    pub fn objective(&self) -> Objective {
        self.loss_args.objective(self.loss)
    }
}

/// An update rule, with `PyTorch`'s definitions and defaults.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(tag = "type", content = "args")]
pub enum OptimizerSpec {
    /// Stochastic gradient descent.
    #[serde(rename = "SGD")]
    Sgd {
        /// Learning rate.
        lr: f64,
        /// Momentum factor; dampening is 0.
        momentum: f64,
        /// Factor of the L2 penalty, which is added to the gradient.
        weight_decay: f64,
    },
    /// Stochastic gradient descent with Nesterov's momentum, theta -= lr (g + m b) with b = m b + g: `"nesterov": true` of SGD in files.
    #[serde(rename = "SGD")]
    Nesterov {
        /// Learning rate.
        lr: f64,
        /// Momentum factor m, above 0; dampening is 0.
        momentum: f64,
        /// Factor of the L2 penalty, which is added to the gradient.
        weight_decay: f64,
    },
    /// Adam with betas (0.9, 0.999) and eps 1e-8.
    Adam {
        /// Learning rate.
        lr: f64,
    },
    /// Sharpness-aware minimisation over SGD (arXiv:2010.01412, equations 2 and 3): the gradient of every batch is taken at
    /// theta + rho g / |g|, where g is the gradient of the same batch at theta, and SGD goes from theta along it.
    #[serde(rename = "SAM")]
    Sam {
        /// Learning rate.
        lr: f64,
        /// Momentum factor; dampening is 0.
        momentum: f64,
        /// Factor of the L2 penalty, which is added to the gradient at theta + rho g / |g|, but is no part of g.
        weight_decay: f64,
        /// Radius of the neighbourhood in which the loss is to be low, in the units of theta.
        rho: f64,
    },
}

impl OptimizerSpec {
    /// The learning rate, before a schedule changes it.
    pub fn lr(&self) -> f64 {
        match *self {
            Self::Sgd { lr, .. } | Self::Nesterov { lr, .. } | Self::Adam { lr } | Self::Sam { lr, .. } => lr,
        }
    }

    /// The factor of the L2 penalty that the rule adds to the gradient.
    pub fn weight_decay(&self) -> f64 {
        match *self {
            Self::Sgd { weight_decay, .. } | Self::Nesterov { weight_decay, .. } | Self::Sam { weight_decay, .. } => {
                weight_decay
            }
            Self::Adam { .. } => 0.0,
        }
    }
}

/// A schedule that multiplies the learning rate by `gamma` after every milestone.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MultiStepLr {
    /// The milestones in epochs, ascending.
    pub milestones: Vec<usize>,
    /// The factor.
    pub gamma: f64,
}

/// The weights that training starts from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "from", content = "experiment", rename_all = "snake_case")]
pub enum Start {
    /// Fresh weights.
    Fresh,
    /// The trained weights of another experiment.
    Trained(ExperimentName),
    /// Fresh weights, all scaled by norm(other) / norm(fresh), l2 norm over all parameters.
    LargeNorm(ExperimentName),
}

/// The numbers of the training loop.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Trainer {
    /// Number of passes over the training part. With 0, training returns the starting model itself.
    pub num_epochs: usize,
    /// Samples in a batch.
    pub batch_size: BatchSize,
    /// Losses and accuracies are reported every so many epochs.
    pub how_often_print: usize,
    /// When the model is saved: 0 means only at the end; k means also before epoch 0 and after every k-th epoch.
    pub how_often_save_model: usize,
    /// When the per-example gradients and their normalised form are computed: 0 means only at the end; k means also
    /// before epoch 0 and after every k-th epoch.
    pub how_often_compute_grads: usize,
}

/// The size of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchSize {
    /// All training samples in one batch.
    Full,
    /// This many samples; fewer in the last batch of an epoch.
    Samples(usize),
}

/// Written as in the experiment files: `"full"` or the number.
impl Serialize for BatchSize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match *self {
            Self::Full => serializer.serialize_str("full"),
            Self::Samples(samples) => samples.serialize(serializer),
        }
    }
}

/// A data set of SPEC 2 with its arguments.
#[allow(clippy::large_enum_variant, reason = "an experiment has one, which is not moved about")]
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", content = "args", rename_all = "snake_case")]
pub enum DatasetSpec {
    /// Six points on a line, two classes.
    Intro {},
    /// Three Gaussian blobs in the plane.
    GaussMixtures {
        /// Whether the labels are permuted.
        random: bool,
        /// Seed of the permutation.
        seed: u32,
        /// Accepted and without effect, as in the reference.
        four_classes: bool,
    },
    /// Four Gaussian blobs in two groups of two.
    Hierachical {
        /// Whether the labels are permuted.
        random: bool,
        /// Seed of the permutation.
        seed: u32,
        /// Number of classes: 4, or 2 to merge the two groups.
        num_classes: usize,
        /// The scope of the permutation of labels.
        random_type: RandomType,
    },
    /// Two concentric circles.
    Circle {
        /// Whether the labels are permuted.
        random: bool,
        /// Seed of the points and of the permutation.
        seed: u32,
        /// Number of points.
        num_samples: usize,
        /// Standard deviation of the noise.
        noise: f64,
        /// Radius of the inner circle.
        factor: f64,
    },
    /// Two interleaved half circles.
    HalfMoon {
        /// Whether the labels are permuted.
        random: bool,
        /// Seed of the points and of the permutation.
        seed: u32,
        /// Number of points.
        num_samples: usize,
        /// Standard deviation of the noise.
        noise: f64,
    },
    /// A set without a definition: configurations of the reference that never ran name it.
    GaussCheckerboardLinear {},
    /// A set without a definition: configurations of the reference that never ran name it.
    GaussCheckerboardNoisy {},
    /// Four blobs, two classes, centres at x = +-0.8.
    GaussCheckerboardLinearClose {
        /// Whether the labels are permuted.
        random: bool,
        /// Seed of the permutation.
        seed: u32,
    },
    /// Four blobs, two classes, centres at x = +-0.5.
    GaussCheckerboardNoisyClose {
        /// Whether the labels are permuted.
        random: bool,
        /// Seed of the permutation.
        seed: u32,
    },
    /// The iris data: 150 samples with 4 features, three classes.
    Iris {
        /// Whether the labels are permuted.
        random: bool,
        /// Seed of the permutation.
        seed: u32,
    },
    /// MNIST digits, 1 x 28 x 28, raw pixels.
    #[serde(rename = "mnist2D")]
    Mnist2D(ImageArgs),
    /// CIFAR-10 images, 3 x 32 x 32, raw pixels.
    Cifar10(ImageArgs),
    /// Samples in a file of the user.
    File(FileArgs),
}

/// Arguments of a data set in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FileArgs {
    /// The path of the file, relative to the working directory: .npz, .npy, .csv, .tsv, .parquet or IDX.
    pub path: String,
    /// The path of a file with the labels, for .npy and IDX.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels_path: Option<String>,
    /// Name of the features in an .npz; X if not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub features_key: Option<String>,
    /// Name of the labels in an .npz; y if not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels_key: Option<String>,
    /// The column of the labels in a table, by name or by number from 0 (negative numbers count from the end).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label_column: Option<String>,
    /// Further columns of labels, by name, where targets are several numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub more_label_columns: Option<Vec<String>>,
    /// The columns of a table that are no features, by name or by number as in `label_column`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drop: Option<Vec<String>>,
    /// Whether the first line of a table holds the names of its columns; found from its content if not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<bool>,
    /// The number by which all features are divided before anything else, e.g. 255 for the bytes of images.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub divide_by: Option<u32>,
    /// Whether samples are images of [height, width, channels], which are taken to [channels, height, width].
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub channels_last: bool,
    /// Whether every feature is shifted and scaled to mean 0 and standard deviation 1 on the training part.
    pub standardize: bool,
    /// The labels of the classes in the order of the network's outputs; found from the file if not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class_names: Option<Vec<String>>,
    /// The classes to take, renumbered by their position in the list; all classes if not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class_list: Option<Vec<usize>>,
    /// The most memory that the file may take when it is unpacked, in GiB; 2 if not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_gib: Option<u32>,
    /// Whether the labels are permuted.
    pub random: bool,
    /// Seed of the permutation.
    pub seed: u32,
    /// Number of classes, where the network tells more classes than the labels show.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub num_classes: Option<usize>,
    /// The form of the labels of the file; classes if not given, or the form that the loss takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub targets: Option<TargetForm>,
    /// The label of samples that are left out, or of positions that the loss ignores; that of the loss if not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ignore_index: Option<i64>,
}

/// The form of the labels of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetForm {
    /// A class for every sample.
    #[default]
    Classes,
    /// Numbers, one or more for every sample: what a regression is to tell, or 0 and 1 for each of several labels.
    Numbers,
    /// A class for every position of a sample, [N, positions]; outputs are [positions, classes].
    Positions,
    /// A class for every position of a sample, [N, positions]; outputs are [classes, positions].
    PositionsClassesFirst,
}

impl TargetForm {
    /// All forms.
    pub const ALL: [Self; 4] = [Self::Classes, Self::Numbers, Self::Positions, Self::PositionsClassesFirst];

    /// The name in files and requests.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Classes => "classes",
            Self::Numbers => "numbers",
            Self::Positions => "positions",
            Self::PositionsClassesFirst => "positions_classes_first",
        }
    }

    /// The form of a name, if there is one.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|form| form.name() == name)
    }
}

/// Arguments of the image data sets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ImageArgs {
    /// Whether the labels are permuted.
    pub random: bool,
    /// Seed of the permutation.
    pub seed: u64,
    /// The classes to take, renumbered by their position in the list.
    pub class_list: Vec<usize>,
    /// How many images of each class are taken: the first ones of the file.
    pub num_samples_per_cls: usize,
    /// Whether images are taken from the training set; otherwise they are from the test set.
    pub train: bool,
}

/// Scope of the label permutation of the hierachical set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RandomType {
    /// All labels are permuted together.
    Uniform,
    /// The labels inside {0, 1} are permuted, then those inside {2, 3}.
    WithinHierachy,
}

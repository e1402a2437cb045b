//! The checked form of an experiment: every value is in range and every name is known.

use serde::{Serialize, Serializer};

use super::{ExperimentName, LossKind, ModelSpec};

/// One experiment: what to train on what, how, from where. Built by the parser of this module's parent, never by hand
/// from unchecked input.
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
    /// The data set and how it is changed.
    pub dataset: DatasetSpec,
    /// The training loss.
    pub loss: LossKind,
    /// Where the weights start.
    pub start: Start,
    /// Fraction of the samples in the training part; its size is `int(fraction * n)`.
    pub train_fraction: f64,
    /// Fraction of the samples in the test part; the rest is the validation part.
    pub test_fraction: f64,
    /// Epochs, batches, and what is kept along the way.
    pub trainer: Trainer,
    /// Stop once the training accuracy, measured every `how_often_print` epochs, is 100 %.
    pub early_stopping: bool,
    /// Seed of the fresh weights and of the order of the batches.
    pub seed: u64,
}

/// Update rule with `PyTorch`'s definitions and defaults.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(tag = "type", content = "args")]
pub enum OptimizerSpec {
    /// Stochastic gradient descent.
    #[serde(rename = "SGD")]
    Sgd {
        /// Learning rate.
        lr: f64,
        /// Momentum factor, dampening 0.
        momentum: f64,
        /// L2 penalty added to the gradient.
        weight_decay: f64,
    },
    /// Adam with betas (0.9, 0.999) and eps 1e-8.
    Adam {
        /// Learning rate.
        lr: f64,
    },
}

/// Learning rate times `gamma` after every milestone.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MultiStepLr {
    /// Epochs, ascending.
    pub milestones: Vec<usize>,
    /// Factor.
    pub gamma: f64,
}

/// Where training starts.
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

/// The training loop's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Trainer {
    /// Number of passes over the training part; with 0 the starting model itself is what training gives.
    pub num_epochs: usize,
    /// Samples in a batch.
    pub batch_size: BatchSize,
    /// Every how many epochs losses and accuracies are reported.
    pub how_often_print: usize,
    /// When the model is saved: 0 means only at the end; k means also before epoch 0 and after every k-th epoch.
    pub how_often_save_model: usize,
    /// When the per-example gradients and their normalised form are computed: 0 means only at the end; k means also
    /// before epoch 0 and after every k-th epoch.
    pub how_often_compute_grads: usize,
}

/// Samples in a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchSize {
    /// All training samples at once.
    Full,
    /// This many samples; fewer in the last batch of an epoch.
    Samples(usize),
}

/// As in the files: `"full"` or the number.
impl Serialize for BatchSize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match *self {
            Self::Full => serializer.serialize_str("full"),
            Self::Samples(samples) => samples.serialize(serializer),
        }
    }
}

/// A data set of SPEC 2 with its arguments.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", content = "args", rename_all = "snake_case")]
pub enum DatasetSpec {
    /// Six points on a line, two classes.
    Intro {},
    /// Three Gaussian blobs in the plane.
    GaussMixtures {
        /// Permute the labels.
        random: bool,
        /// Seed of the permutation.
        seed: u32,
        /// Accepted and without effect, as in the reference.
        four_classes: bool,
    },
    /// Four Gaussian blobs in two groups of two.
    Hierachical {
        /// Permute the labels.
        random: bool,
        /// Seed of the permutation.
        seed: u32,
        /// 4, or 2 to merge the groups.
        num_classes: usize,
        /// How labels are permuted.
        random_type: RandomType,
    },
    /// Two concentric circles.
    Circle {
        /// Permute the labels.
        random: bool,
        /// Seed of points and permutation.
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
        /// Permute the labels.
        random: bool,
        /// Seed of points and permutation.
        seed: u32,
        /// Number of points.
        num_samples: usize,
        /// Standard deviation of the noise.
        noise: f64,
    },
    /// Named by configurations of the reference that never ran: it has no definition.
    GaussCheckerboardLinear {},
    /// Named by configurations of the reference that never ran: it has no definition.
    GaussCheckerboardNoisy {},
    /// Four blobs, two classes, centres at x = +-0.8.
    GaussCheckerboardLinearClose {
        /// Permute the labels.
        random: bool,
        /// Seed of the permutation.
        seed: u32,
    },
    /// Four blobs, two classes, centres at x = +-0.5.
    GaussCheckerboardNoisyClose {
        /// Permute the labels.
        random: bool,
        /// Seed of the permutation.
        seed: u32,
    },
    /// Iris, 150 x 4, three classes.
    Iris {
        /// Permute the labels.
        random: bool,
        /// Seed of the permutation.
        seed: u32,
    },
    /// MNIST digits, 1 x 28 x 28, raw pixels.
    #[serde(rename = "mnist2D")]
    Mnist2D(ImageArgs),
    /// CIFAR-10 images, 3 x 32 x 32, raw pixels.
    Cifar10(ImageArgs),
    /// Samples in a file of the user's.
    File(FileArgs),
}

/// Arguments of a data set in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FileArgs {
    /// The file: .npz, .npy, .csv, .tsv, .parquet or IDX; relative to the working directory.
    pub path: String,
    /// The labels' own file, for .npy and IDX.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels_path: Option<String>,
    /// Name of the features in an .npz; X unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub features_key: Option<String>,
    /// Name of the labels in an .npz (y unless given).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels_key: Option<String>,
    /// Column of the labels in a table, by name or by place from 0 (negative: from the end).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label_column: Option<String>,
    /// Whether a table begins with the names of its columns; found out unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<bool>,
    /// Shift and scale every feature to mean 0 and standard deviation 1 on the training part.
    pub standardize: bool,
    /// Classes to take, renumbered by position; all without.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class_list: Option<Vec<usize>>,
    /// Permute the labels.
    pub random: bool,
    /// Seed of the permutation.
    pub seed: u32,
    /// Number of classes, where the network tells more than the labels show.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub num_classes: Option<usize>,
}

/// Arguments of the image data sets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ImageArgs {
    /// Permute the labels.
    pub random: bool,
    /// Seed of the permutation.
    pub seed: u64,
    /// Classes to take, renumbered by position.
    pub class_list: Vec<usize>,
    /// The first that many of each class.
    pub num_samples_per_cls: usize,
    /// From the training set rather than the test set.
    pub train: bool,
}

/// Scope of the label permutation of the hierachical set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RandomType {
    /// All labels.
    Uniform,
    /// Inside {0, 1}, then inside {2, 3}.
    WithinHierachy,
}

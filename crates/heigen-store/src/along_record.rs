//! The record of the spectra along a training: one document for each moment, written as soon as the moment is known, and one
//! for all of them at the end.

use std::path::{Path, PathBuf};

use heigen::analysis::{BoundaryComplexity, GTheta, Link, Step};
use heigen::config::ExperimentName;
use serde::{Deserialize, Serialize};

use crate::StoreError;
use crate::atomic::Staged;
use crate::document::{self, Kind, Unusable};
use crate::estimates::Sampled;
use crate::training_record::PartReport;

/// The kind of document that the record of all moments is.
pub(crate) const KIND: Kind =
    Kind { format: "heigen along", version: 1, what: "the spectra along a training", mend: "follow" };
/// The kind of document that the record of one moment is.
const MOMENT: Kind = Kind { format: "heigen moment", version: 1, what: "the spectrum of a moment", mend: "follow" };

/// The spectrum of one moment, and what goes with it.
///
/// Lists of eigenpairs have the k largest eigenvalues first, largest first, and after them the lowest ones, lowest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Moment {
    /// [`stamp`](crate::record::stamp) of everything that determines the numbers.
    pub stamp: String,
    /// Finished epochs, or steps where these are counted; of weights from files, the number in the file's name, or its place.
    pub epoch: usize,
    /// The file of the weights, where they were read from one.
    pub file: Option<String>,
    /// The eigenvalues, `[k + l]`.
    pub eigenvalues: Vec<f64>,
    /// Upper bounds on |H v_i - lambda_i v_i|, `[k + l]`.
    pub residuals: Vec<f64>,
    /// An estimate of |H|.
    pub scale: f64,
    /// The numbers by which the eigenvectors are known along the way, `[k + l]`: a vector has its predecessor's.
    pub identities: Vec<usize>,
    /// How each vector goes on from the moment before, `[k + l]`; empty at the first moment.
    pub links: Vec<Link>,
    /// <u, v>^2 with the predecessor, `[k + l]`; empty at the first moment.
    pub overlaps: Vec<f64>,
    /// Identities that were there at the moment before and are no more.
    pub died: Vec<usize>,
    /// Pairs of identities whose eigenvalues have changed their order.
    pub crossings: Vec<[usize; 2]>,
    /// How many identities were given so far.
    pub identities_given: usize,
    /// Products of the Hessian that the eigenpairs took, those of a search in float32 among them.
    pub products: usize,
    /// tr H, with its standard error and its products, both 0 where it is known exactly; none where it was not asked for.
    pub trace: Option<Sampled>,
    /// Outliers among the largest eigenvalues, by gaps of 5 % of `lambda_1`.
    pub outliers: usize,
    /// Whether no more outliers can hide below the eigenvalues that were found.
    pub outliers_certain: bool,
    /// The largest |A_i(x)| over the training samples for each eigenvector, `[k + l]`; empty without classes.
    pub alignments: Vec<f64>,
    /// How many of the found eigenvectors have at least the alignment of the paper's Figure 4.
    pub aligned: Option<usize>,
    /// Numbers of the whole spectrum, at the moments at which it was computed.
    pub whole: Option<WholeSpectrum>,
    /// Loss and accuracy on the training samples.
    pub train: PartReport,
    /// Loss and accuracy on the validation samples, where there are any.
    pub validation: Option<PartReport>,
    /// Loss and accuracy on the test samples, where there are any.
    pub test: Option<PartReport>,
    /// |g|, the norm of the gradient.
    pub grad_norm: f64,
    /// The share of the gradient in the span of the k leading eigenvectors.
    pub gradient_in_top: f64,
    /// Its share in the span of as many of them as there are outputs.
    pub gradient_in_classes: f64,
    /// The overlap of the span of the k leading eigenvectors with that of the moment before.
    pub subspace_overlap: Option<f64>,
    /// The way of the weights from the moment before.
    pub step: Option<Step>,
    /// The learning rate.
    pub learning_rate: Option<f64>,
    /// The curvature above which the update rule is unstable on a quadratic.
    pub threshold: Option<f64>,
    /// Adam's: the largest eigenvalue of D^-1/2 H D^-1/2, D what it divides its steps by.
    pub preconditioned: Option<f64>,
    /// The curvature that the update rule meets, as a fraction of `threshold`: `lambda_1` with the weight decay, or the
    /// preconditioned one. `lambda_1 eta / 2` for gradient descent.
    pub sharpness: Option<f64>,
    /// On planes: number of pieces, length and curvature of the boundary.
    pub boundary: Option<BoundaryComplexity>,
    /// On planes: the least distance from a training sample to the boundary.
    pub margin: Option<f64>,
    /// The hash of the file of the eigenvectors.
    pub vectors_hash: String,
    /// The hash of the file of the weights.
    pub theta_hash: String,
    /// Wall-clock time of the moment, in seconds; it stands in the moment's own file only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
}

/// Numbers that only a whole spectrum gives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WholeSpectrum {
    /// Number of eigenvalues that are not zero.
    pub rank: usize,
    /// The sum of all eigenvalues.
    pub trace: f64,
    /// The largest eigenvalue.
    pub lambda_max: f64,
    /// The lowest eigenvalue, or 0.
    pub lambda_min: f64,
    /// Outliers by gaps of 5 % of the largest eigenvalue.
    pub outliers: usize,
    /// `G_theta` by all definitions and thresholds.
    pub g_theta: Vec<GTheta>,
}

impl Moment {
    /// Writes the record; it waits for [`Staged::commit`] to get its name.
    ///
    /// # Errors
    /// As [`crate::atomic::stage_with`], and [`StoreError::Values`] for a number that JSON cannot say.
    pub fn stage(&self, path: &Path) -> Result<Staged, StoreError> {
        document::stage(path, &MOMENT, self)
    }

    /// Reads the record at `path`, if it is the one that `stamp` asks for.
    ///
    /// # Errors
    /// As [`ModelRecord::load`](crate::record::ModelRecord::load), and [`Unusable::Stale`] for another stamp.
    pub fn load(path: &Path, stamp: &str) -> Result<Self, Unusable> {
        let moment: Self = document::load(path, &MOMENT)?;
        document::check_stamp(&moment.stamp, stamp, "the moment", "training, request or program version")?;
        Ok(moment)
    }
}

/// The spectra along a training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlongRecord {
    /// The experiment.
    pub name: ExperimentName,
    /// [`stamp`](crate::record::stamp) of everything that determines the numbers.
    pub stamp: String,
    /// Version of the program that followed.
    pub code_version: String,
    /// Wall-clock time of all moments, in seconds.
    pub seconds: f64,
    /// Where the weights come from: `training`, `snapshots` or `files`.
    pub weights: String,
    /// The unit that moments are counted in where a training was followed: `epoch`, or `step` of the update rule.
    #[serde(default = "epoch", skip_serializing_if = "is_epoch")]
    pub counted_in: String,
    /// P.
    pub n_params: usize,
    /// Number of training samples.
    pub n_samples: usize,
    /// Number of the largest eigenvalues at each moment.
    pub k: usize,
    /// Number of the lowest eigenvalues at each moment.
    pub lowest: usize,
    /// Largest residual that was asked for, as a fraction of |H|.
    pub tolerance: f64,
    /// The moments, in order.
    pub moments: Vec<Moment>,
    /// The places of the moments whose eigenvectors and weights are kept, ascending.
    pub kept: Vec<usize>,
    /// The overlaps of the spans of the k leading eigenvectors of all pairs of kept moments, row by row.
    pub subspace_overlaps: Vec<Vec<f64>>,
}

fn epoch() -> String {
    "epoch".to_owned()
}

fn is_epoch(unit: &str) -> bool {
    unit == "epoch"
}

impl AlongRecord {
    /// Writes the record; it waits for [`Staged::commit`] to get its name.
    ///
    /// # Errors
    /// As [`Moment::stage`].
    pub fn stage(&self, path: &Path) -> Result<Staged, StoreError> {
        document::stage(path, &KIND, self)
    }

    /// Reads the record at `path`.
    ///
    /// # Errors
    /// As [`ModelRecord::load`](crate::record::ModelRecord::load).
    pub fn load(path: &Path) -> Result<Self, Unusable> {
        document::load(path, &KIND)
    }

    /// Whether it is the one that `stamp` asks for.
    ///
    /// # Errors
    /// [`Unusable::Stale`] if not.
    pub fn check_stamp(&self, stamp: &str) -> Result<(), Unusable> {
        let what = format!("the record of the spectra along {}", self.name);
        document::check_stamp(&self.stamp, stamp, &what, "training, request or program version")
    }
}

/// The paths of the files along a training, below their common beginning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlongPaths {
    stem: PathBuf,
}

impl AlongPaths {
    /// The paths that begin with `stem`.
    pub(crate) fn new(stem: PathBuf) -> Self {
        Self { stem }
    }

    fn with(&self, ending: &str) -> PathBuf {
        let mut path = self.stem.clone().into_os_string();
        path.push(ending);
        path.into()
    }

    /// The record of all moments.
    pub fn record(&self) -> PathBuf {
        self.with(".json")
    }

    /// An array over all moments: `epochs` `[T]`, `eigenvalues`, `residuals` and `identities` [T, k + l], `subspace_overlaps`
    /// [M, M] and `kept` `[M]`.
    pub fn array(&self, what: &str) -> PathBuf {
        self.with(&format!("_{what}.npy"))
    }

    /// The folder of the moments.
    pub fn folder(&self) -> PathBuf {
        self.stem.clone()
    }

    /// The record of the moment at a place.
    pub fn moment(&self, place: usize) -> PathBuf {
        self.stem.join(format!("moment_{place:06}.json"))
    }

    /// The eigenvectors of a moment, [P, k + l], in Fortran order.
    pub fn vectors(&self, place: usize) -> PathBuf {
        self.stem.join(format!("moment_{place:06}_vectors.npy"))
    }

    /// The weights of a moment, `[P]`.
    pub fn theta(&self, place: usize) -> PathBuf {
        self.stem.join(format!("moment_{place:06}_theta.npy"))
    }

    /// The eigenvector of the preconditioned Hessian at a moment, [P, 1].
    pub fn preconditioned(&self, place: usize) -> PathBuf {
        self.stem.join(format!("moment_{place:06}_preconditioned.npy"))
    }

    /// The state of the training that is followed, while it is unfinished.
    pub fn checkpoint(&self) -> PathBuf {
        self.stem.join("training.checkpoint")
    }
}

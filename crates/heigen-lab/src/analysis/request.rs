//! Requests for spectra.

use crate::error::Contradiction;
use crate::{Making, Store};
use heigen::config::{Experiment, LossKind};
use heigen::curvature::{Method, OperatorKind, Which};
use heigen::vocabulary::{Decay, LossArgs, Objective};
use heigen_store::catalogue::Loaded;
use heigen_store::record::Dtype;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::path::PathBuf;

/// Asks for a spectrum, or some eigenpairs of one, with all that follows from it.
#[derive(Clone, Debug)]
pub struct AnalysisRequest {
    /// Where results live.
    pub store: Store,
    /// The experiment.
    pub experiment: Loaded,
    /// The matrix that is analysed, the weights, the way to its spectrum, and results that are wanted besides.
    pub asked: Asked,
    /// How trained models and the analysis are made.
    pub making: Making,
}

/// The matrix and weights of an analysis, the way to its spectrum, and what is kept of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Asked {
    /// The matrix that is analysed.
    pub subject: Matter,
    /// The weights, the way to the spectrum and the number type.
    pub how: How,
    /// The number and choice of eigenpairs, where only some are wanted.
    pub top: TopPairs,
    /// The quantities that are estimated besides the spectrum.
    pub estimates: EstimatesAsked,
    /// Arrays that are stored although an analysis usually does not store them.
    pub keep: Keep,
    /// Whether eigenpairs are wanted even where estimates are all that the other fields ask for.
    pub eigenpairs: bool,
}

/// The matrix that is analysed; the default is the Hessian of the mean loss over all training samples.
#[derive(Clone, Debug, PartialEq)]
pub struct Matter {
    /// The kind of matrix: the Hessian, the Gauss-Newton matrix or another one.
    pub operator: OperatorKind,
    /// A loss other than the one trained with, at the same weights.
    pub loss: Option<LossKind>,
    /// The classes whose samples the loss is taken over; empty for all classes.
    pub classes: Vec<usize>,
    /// The training samples (of the chosen classes) that the loss is taken over; `None` for all of them.
    pub samples: Option<Range<usize>>,
    /// The layers or tensors whose block of the matrix is analysed; empty for the whole matrix.
    pub layers: Vec<String>,
    /// mu of the weight decay mu/2 |theta|^2 that is part of the loss.
    pub weight_decay: f64,
    /// The layers or tensors that decay; empty for all parameters.
    pub decay_only: Vec<String>,
    /// Label smoothing of the cross-entropy, 0 to 1.
    pub label_smoothing: f64,
    /// The other options of the loss; of the loss trained with, those that are not given are those of the training.
    pub loss_args: LossArgs,
    /// The factors for the layers that lead to another minimum of the same function, at which the matrix is taken.
    pub factors: Option<[f64; 3]>,
    /// Number of samples in a mini-batch, where products are summed over mini-batches; `None` for all samples at a
    /// time.
    pub batch: Option<NonZeroUsize>,
}

impl Default for Matter {
    fn default() -> Self {
        Self {
            operator: OperatorKind::Hessian,
            loss: None,
            classes: vec![],
            samples: None,
            layers: vec![],
            weight_decay: 0.0,
            decay_only: vec![],
            label_smoothing: 0.0,
            loss_args: LossArgs::default(),
            factors: None,
            batch: None,
        }
    }
}

/// The weights at which an analysis is done, the way to the spectrum, and the number type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct How {
    /// A safetensors file whose weights are analysed instead of the trained ones.
    pub weights: Option<PathBuf>,
    /// The way to the spectrum.
    pub way: Way,
    /// The number type of the computation.
    pub dtype: Dtype,
}

/// The method by which a spectrum is computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Way {
    /// Exact where the rank turns out to be small, else dense; Lanczos where memory holds neither.
    #[default]
    Auto,
    /// All nonzero eigenpairs from the range of the matrix, without forming it.
    Exact,
    /// Eigendecomposition of the P x P matrix.
    Dense,
    /// Some eigenpairs by block Lanczos.
    Lanczos,
}

impl Way {
    /// The method for the whole spectrum, if this way leads to one.
    pub(super) fn whole(self) -> Option<Method> {
        match self {
            Self::Auto => Some(Method::Auto),
            Self::Exact => Some(Method::Exact),
            Self::Dense => Some(Method::Dense),
            Self::Lanczos => None,
        }
    }
}

/// The choice of some eigenpairs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TopPairs {
    /// How many eigenpairs. Without a number, all, unless another option asks for a part of the spectrum.
    pub count: Option<usize>,
    /// The end of the spectrum that they are taken from.
    pub which: Which,
    /// Largest residual |A v - lambda v|, as a fraction of |A|.
    pub tolerance: f64,
}

impl Default for TopPairs {
    fn default() -> Self {
        Self { count: None, which: Which::Largest, tolerance: 1e-8 }
    }
}

/// Quantities that are estimated besides the spectrum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EstimatesAsked {
    /// The trace, estimated from this many products.
    pub trace: Option<usize>,
    /// The density of eigenvalues.
    pub density: Option<DensityAsked>,
    /// The diagonal, estimated from this many products; exact if they are P or more.
    pub diagonal: Option<usize>,
    /// The curvature of every layer, or of every group of parameters that is named for the matrix.
    pub by_layer: bool,
}

/// The options of an estimate of the density of eigenvalues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DensityAsked {
    /// Number of random vectors.
    pub probes: usize,
    /// Number of Lanczos steps from each random vector.
    pub steps: usize,
}

impl Default for DensityAsked {
    fn default() -> Self {
        Self { probes: 10, steps: 100 }
    }
}

/// Arrays that are stored although an analysis usually does not store them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keep {
    /// The eigenvectors of zero eigenvalues.
    pub full_basis: bool,
    /// The matrix itself.
    pub matrix: bool,
    /// The cosines of all pairs of gradients, also where they take more than [`COHERENCE_STORED`](crate::COHERENCE_STORED)
    /// bytes.
    pub coherence: bool,
}

impl Matter {
    /// The loss that is asked for, of an experiment that was trained with one, and its options.
    pub(crate) fn loss_of(&self, experiment: &Experiment) -> (LossKind, LossArgs) {
        let loss = self.loss.unwrap_or(experiment.loss);
        let mut args = self.loss_args.clone();
        if loss == experiment.loss {
            args = args.or(&experiment.loss_args);
        }
        if self.label_smoothing != 0.0 {
            args.label_smoothing = Some(self.label_smoothing);
        }
        (loss, args)
    }

    /// The objective whose curvature is asked for, of an experiment that was trained with a loss.
    pub(crate) fn objective(&self, experiment: &Experiment) -> Objective {
        let decay = Decay { mu: self.weight_decay, only: self.decay_only.clone() };
        let (loss, args) = self.loss_of(experiment);
        Objective { decay: Some(decay), ..args.objective(loss) }
    }
}

impl Asked {
    /// Whether estimates are all that is asked for: no eigenpairs, no way to a spectrum, no arrays of one.
    pub(super) fn only_estimates(&self) -> bool {
        let nothing_else = self.top == TopPairs::default() && self.keep == Keep::default() && self.how.way == Way::Auto;
        nothing_else && !self.eigenpairs && self.estimates != EstimatesAsked::default()
    }

    /// Refuses options that contradict each other.
    ///
    /// # Errors
    /// The first [`Contradiction`] found.
    pub fn check(&self) -> Result<(), Contradiction> {
        let (way, keep, decay) = (self.how.way, self.keep, self.subject.weight_decay);
        let some = self.top.count.is_some() || way == Way::Lanczos;
        let contradictions = [
            (self.top.count.is_some() && matches!(way, Way::Exact | Way::Dense), Contradiction::CountOfWhole),
            (!some && self.top.which != Which::Largest, Contradiction::EndOfWhole),
            (some && keep.full_basis, Contradiction::BasisOfPart),
            (some && keep.matrix, Contradiction::MatrixOfPart),
            (!decay.is_finite(), Contradiction::Decay(decay)),
            (self.how.dtype == Dtype::Float32 && way == Way::Exact, Contradiction::ExactInSingle),
        ];
        match contradictions.into_iter().find(|(holds, _)| *holds) {
            Some((_, contradiction)) => Err(contradiction),
            None => Ok(()),
        }
    }
}

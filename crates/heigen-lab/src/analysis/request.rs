//! Requests for spectra.

use crate::error::Contradiction;
use crate::{Making, Store};
use heigen::config::LossKind;
use heigen::curvature::{Method, OperatorKind, Which};
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
    /// Matrix, weights, way and extras.
    pub asked: Asked,
    /// How trained models and the analysis are made.
    pub making: Making,
}

/// The matrix and weights of an analysis, the way to its spectrum, and what is kept of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Asked {
    /// Which matrix.
    pub subject: Matter,
    /// At which weights, by which way, in which numbers.
    pub how: How,
    /// Which eigenpairs, where only some are wanted.
    pub top: TopPairs,
    /// Estimates besides.
    pub estimates: EstimatesAsked,
    /// Arrays that are kept beyond the ordinary.
    pub keep: Keep,
}

/// Which matrix is analysed; the default is the Hessian of the mean loss over all training samples.
#[derive(Clone, Debug, PartialEq)]
pub struct Matter {
    /// The matrix.
    pub operator: OperatorKind,
    /// Another loss than the one trained with, at the same weights.
    pub loss: Option<LossKind>,
    /// Only the samples of these classes, all if there are none.
    pub classes: Vec<usize>,
    /// Only these training samples (of the classes).
    pub samples: Option<Range<usize>>,
    /// Only the block of these layers or tensors, all if there are none.
    pub layers: Vec<String>,
    /// The multiple of the identity that is added.
    pub weight_decay: f64,
    /// The factors of the layers that lead to another minimum of the same function.
    pub factors: Option<[f64; 3]>,
    /// Samples of a mini-batch, where products are summed over those.
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
            factors: None,
            batch: None,
        }
    }
}

/// At which weights, by which way and in which numbers an analysis is done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct How {
    /// A safetensors file whose weights are analysed instead of trained ones.
    pub weights: Option<PathBuf>,
    /// The way to the spectrum.
    pub way: Way,
    /// The number type.
    pub dtype: Dtype,
}

/// The way to a spectrum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Way {
    /// Exact where the rank turns out to be small, else dense; Lanczos where memory holds neither.
    #[default]
    Auto,
    /// All nonzero eigenpairs from the range of the matrix, without forming it.
    Exact,
    /// Eigendecomposition of the P x P matrix.
    Dense,
    /// Some eigenpairs.
    Lanczos,
}

impl Way {
    /// The way to the whole spectrum, if it is one.
    pub(super) fn whole(self) -> Option<Method> {
        match self {
            Self::Auto => Some(Method::Auto),
            Self::Exact => Some(Method::Exact),
            Self::Dense => Some(Method::Dense),
            Self::Lanczos => None,
        }
    }
}

/// Some eigenpairs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TopPairs {
    /// How many; all, where nothing else asks for some, if there is no number.
    pub count: Option<usize>,
    /// From which end of the spectrum.
    pub which: Which,
    /// Largest residual |A v - lambda v|, as a fraction of |A|.
    pub tolerance: f64,
}

impl Default for TopPairs {
    fn default() -> Self {
        Self { count: None, which: Which::Largest, tolerance: 1e-8 }
    }
}

/// Estimates that are asked for besides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EstimatesAsked {
    /// The trace, from this many products.
    pub trace: Option<usize>,
    /// The density of eigenvalues.
    pub density: Option<DensityAsked>,
    /// The diagonal, from this many products; exact where that is P or more.
    pub diagonal: Option<usize>,
}

/// How a density is estimated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DensityAsked {
    /// Random vectors.
    pub probes: usize,
    /// Lanczos steps of each.
    pub steps: usize,
}

/// Arrays that are kept beyond the ordinary.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keep {
    /// The eigenvectors of zero eigenvalues, too.
    pub full_basis: bool,
    /// The matrix.
    pub matrix: bool,
}

impl Asked {
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
            (decay != 0.0 && !some && way != Way::Dense, Contradiction::DecayOfExact),
            (self.how.dtype == Dtype::Float32 && way == Way::Exact, Contradiction::ExactInSingle),
        ];
        match contradictions.into_iter().find(|(holds, _)| *holds) {
            Some((_, contradiction)) => Err(contradiction),
            None => Ok(()),
        }
    }
}

//! One look at the spectrum of a moment.

use super::share_in;
use crate::analysis::{FIGURE_4_EPS, Outliers, Rule, count_aligned, per_vector};
use crate::curvature::{
    Estimate, EstimateError, ExampleLabels, Failure, Hessian, KrylovBasis, Problem, Start, Stopped, SymmetricOperator,
    TopK, TopKError, TopKOptions, Watch, Which, refine_ends, top_k_from, trace,
};
use crate::linalg::{Matrix, norm};

/// The numbers of eigenpairs and the accuracy that a look asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct LookOptions {
    /// Number of the largest eigenvalues. Default 10.
    pub k: usize,
    /// Number of the lowest eigenvalues. Default 2.
    pub lowest: usize,
    /// Largest residual |H v - lambda v| allowed, as a fraction of |H|. Default 1e-6: the eigenvalues themselves are then good to
    /// its square over their gap, nine digits and more where they stand apart.
    pub tolerance: f64,
    /// Products that an estimate of the trace takes where the trace is not known exactly; none for 0. Default 30.
    pub trace_products: usize,
    /// Seed of the random directions.
    pub seed: u32,
}

impl Default for LookOptions {
    fn default() -> Self {
        Self { k: 10, lowest: 2, tolerance: 1e-6, trace_products: 30, seed: 0 }
    }
}

impl LookOptions {
    pub(super) fn search(&self) -> TopKOptions {
        TopKOptions { tolerance: self.tolerance, seed: self.seed, ..TopKOptions::default() }
    }
}

/// Why there is no look.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    /// The eigenpairs were not found.
    #[error(transparent)]
    Eigenpairs(#[from] TopKError<Matrix<f64>>),
    /// The trace could not be estimated.
    #[error(transparent)]
    Trace(#[from] EstimateError),
    /// A product failed, or the watch stopped the look.
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl LookError {
    /// Whether the watch stopped the look.
    pub fn is_stopped(&self) -> bool {
        matches!(
            self,
            Self::Failed(Failure::Stopped(_))
                | Self::Eigenpairs(TopKError::Failed(Failure::Stopped(_)))
                | Self::Trace(EstimateError::Failed(Failure::Stopped(_)))
        )
    }
}

impl From<Stopped> for LookError {
    fn from(stopped: Stopped) -> Self {
        Self::Failed(stopped.into())
    }
}

/// The numbers of one moment.
#[derive(Clone, Debug)]
pub struct Look {
    /// The k largest eigenvalues, largest first, and after them the lowest ones, lowest first; `[k + l]`.
    pub eigenvalues: Vec<f64>,
    /// Their eigenvectors, [P, k + l].
    pub eigenvectors: Matrix<f64>,
    /// Number of the largest ones among them.
    pub k: usize,
    /// Upper bounds on |H v_i - lambda_i v_i|, `[k + l]`.
    pub residuals: Vec<f64>,
    /// An estimate of |H|.
    pub scale: f64,
    /// tr H, exact where the standard error is 0; none where it is not known and was not asked for.
    pub trace: Option<Estimate>,
    /// Products of the Hessian with single directions that the eigenpairs took, those of a search in float32 among them.
    pub products: usize,
    /// Products that the trace took.
    pub trace_products: usize,
    /// Outliers among the largest eigenvalues, by gaps of 5 % of lambda_1.
    pub outliers: usize,
    /// Whether there can be no further outliers below the eigenvalues that were found.
    pub outliers_certain: bool,
    /// The largest |A_i(x)| over the samples for each eigenvector, `[k + l]`; empty where samples have no classes.
    pub alignments: Vec<f64>,
    /// How many of the found eigenvectors have an alignment of at least the threshold of the paper's Figure 4: P times a lower
    /// bound on `G_theta`. None where samples have no classes.
    pub aligned: Option<usize>,
    /// Mean loss.
    pub loss: f64,
    /// The fraction of samples that are classified correctly, where samples have classes.
    pub accuracy: Option<f64>,
    /// |g|, the norm of the gradient.
    pub grad_norm: f64,
    /// |V^T g|^2 / |g|^2, the share of the gradient in the span of the k leading eigenvectors.
    pub gradient_in_top: f64,
    /// The share of the gradient in the span of as many leading eigenvectors as there are outputs, or of all k if they are fewer.
    pub gradient_in_classes: f64,
}

/// Looks at the Hessian of `problem`: extreme eigenpairs, the trace, and what follows from them.
///
/// A search that begins at `start` [P, k + l], the eigenvectors of a look at a moment nearby in their order, takes fewer products
/// than one from random directions, which finds eigenpairs that were never seen more surely ([`refine_ends`]): of many looks some
/// should begin anew.
///
/// # Shapes
/// If P is less than k + l, fewer eigenpairs are found: of the lowest ones, P - k.
///
/// # Cost
/// The products counted in the result, of 12 N P operations each, and the gradients of all samples along k + l directions.
///
/// # Errors
/// [`LookError`] if the eigenpairs are not found, a product fails, or `watch` stops the look.
pub fn look(
    problem: &Problem<'_, f64>,
    start: Option<&Matrix<f64>>,
    options: &LookOptions,
    watch: &mut dyn Watch,
) -> Result<Look, LookError> {
    let operator = Hessian(problem);
    let space = problem.space();
    let p = problem.n_params();
    let k = options.k.min(p);
    let lowest = options.lowest.min(p - k);
    let search = options.search();
    let start = start.filter(|start| start.columns >= k + lowest);
    let found = if let Some(start) = start {
        refine_ends(start, &operator, k, lowest, &search, watch)?
    } else if lowest == 0 {
        // One end alone may be looked for in float32 and proven in float64.
        top_k_from(Start::Random, &operator, k, Which::Largest, &search, watch)?
    } else {
        let mut basis = KrylovBasis::random(space, TopKOptions::DEFAULT_BLOCK, options.seed)?;
        let top = top_k_from(Start::Continue(&mut basis), &operator, k, Which::Largest, &search, watch)?;
        joined(top, top_k_from(Start::Continue(&mut basis), &operator, lowest, Which::Smallest, &search, watch)?)
    };
    let gradient = problem.gradient();
    let classes = problem.network().n_outputs().min(k);
    let products = found.all_products();
    let TopK { eigenvalues, eigenvectors, residuals, scale, .. } = found;
    let gradient_in_classes = share_in(&eigenvectors.columns(0..classes), &gradient);
    let gradient_in_top = share_in(&eigenvectors.columns(0..k), &gradient);
    let (outliers, outliers_certain) = outliers(&eigenvalues[..k], eigenvalues.get(k).copied(), k == p);
    let alignments = if problem.classes().is_some() {
        // Of a problem that is dealt to several pieces, each has its own samples, or none.
        let own = problem.alignments_at(problem.inputs(), &ExampleLabels::Predicted, &eigenvectors);
        let mut largest = if own.columns > 0 { per_vector(&own, Rule::Max) } else { vec![0.0; eigenvectors.columns] };
        problem.largest_of_pieces(&mut largest)?;
        largest
    } else {
        vec![]
    };
    let exact = operator.exact_trace();
    let estimated = exact.is_none() && options.trace_products > 0;
    let trace = match exact {
        Some(value) => Some(Estimate { value, standard_error: 0.0 }),
        None if estimated => Some(trace(&operator, options.trace_products, options.seed, watch)?),
        None => None,
    };
    Ok(Look {
        eigenvalues,
        eigenvectors,
        k,
        residuals,
        scale,
        trace,
        products,
        trace_products: if estimated { options.trace_products.min(p) } else { 0 },
        outliers,
        outliers_certain,
        aligned: (!alignments.is_empty()).then(|| count_aligned(&alignments, FIGURE_4_EPS)),
        alignments,
        loss: problem.loss(),
        accuracy: problem.accuracy(),
        grad_norm: norm(&gradient),
        gradient_in_top,
        gradient_in_classes,
    })
}

/// The pairs of both ends together.
fn joined(mut top: TopK<Matrix<f64>>, low: TopK<Matrix<f64>>) -> TopK<Matrix<f64>> {
    top.eigenvalues.extend(low.eigenvalues);
    top.residuals.extend(low.residuals);
    top.eigenvectors.data.extend(low.eigenvectors.data);
    top.eigenvectors.columns += low.eigenvectors.columns;
    top.scale = top.scale.max(low.scale);
    top.products += low.products;
    top
}

/// The outliers among the largest eigenvalues `top`, largest first, and whether there can be no more of them: the next gap of 5 %
/// of `lambda_1` would lie below the `lowest` eigenvalue of all.
fn outliers(top: &[f64], lowest: Option<f64>, all: bool) -> (usize, bool) {
    let ascending: Vec<f64> = top.iter().rev().copied().collect();
    let found = Outliers::count(&ascending);
    let (Some(&first), Some(&last)) = (top.first(), top.last()) else { return (0, true) };
    let certain = all || lowest.is_some_and(|lowest| last <= 0.0 || last - lowest < found.gap * first);
    (found.count, certain)
}

//! Curvature layer by layer: the diagonal blocks of an operator.

use crate::curvature::{
    EstimateError, Failure, Host, IndexRanges, Restricted, SymmetricOperator, TopKError, TopKOptions,
    UnknownParameters, Watch, Which, dense, named_parameters, top_k_from, trace,
};
use crate::linalg::{Matrix, Scalar, self_adjoint_eigen};
use crate::model::ParamLayout;

/// A block of at most this order is written out: its trace and eigenvalues are then exact up to rounding.
pub const WRITTEN_OUT: usize = 1_000;
/// Products from which the trace of a larger block is estimated.
const PRODUCTS: usize = 120;
/// Seed of the estimates.
const SEED: u32 = 0;

/// The parameters of one layer, or of another group that has a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerGroup {
    /// The name, e.g. `fc1`.
    pub name: String,
    /// The parameters.
    pub parameters: IndexRanges,
}

/// The curvature of one layer: what the operator is with all other parameters held fixed.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct LayerCurvature {
    /// Name of the layer or group.
    pub name: String,
    /// Number of its parameters.
    pub n_params: usize,
    /// Trace of its block.
    pub trace: f64,
    /// Standard error of the trace, 0 where the block was written out.
    pub trace_standard_error: f64,
    /// The trace as a fraction of the whole operator's; `None` where that is 0.
    pub share: Option<f64>,
    /// The largest eigenvalue of the block.
    pub lambda_max: f64,
    /// The smallest (most negative) eigenvalue of the block.
    pub lambda_min: f64,
    /// Largest distance of the two from eigenvalues of the block; 0 where it was written out.
    pub residual: f64,
    /// The norm of the gradient's entries for these parameters.
    pub grad_norm: f64,
}

/// Why there is no table.
#[derive(Debug, thiserror::Error)]
pub enum ByLayerError {
    /// The gradient or a group belongs to another number of parameters.
    #[error("{what} is of {got} parameters, the operator has {wanted}")]
    Size {
        /// What does not fit.
        what: String,
        /// Its number of parameters.
        got: usize,
        /// P of the operator.
        wanted: usize,
    },
    /// The extreme eigenvalues of a large block did not converge.
    #[error("the block of {name}: {reason}")]
    NotConverged {
        /// The group.
        name: String,
        /// How far the iteration came.
        reason: String,
    },
    /// A product or an operation on vectors failed, or the watch stopped the computation.
    #[error(transparent)]
    Failed(#[from] Failure),
}

/// Every layer of a network: the tensors that share a name up to its last dot, in the order of theta. A tensor that several
/// layers have in common belongs to the first of them; a layer without tensors of its own is no group.
///
/// # Errors
/// [`UnknownParameters::Ranges`] for a layer without parameters.
pub fn layer_groups(layout: &ParamLayout) -> Result<Vec<LayerGroup>, UnknownParameters> {
    let mut names: Vec<&str> = Vec::new();
    for entry in layout.entries() {
        let name = entry.name.rsplit_once('.').map_or(&entry.name[..], |(layer, _)| layer);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let group = |name: &str| {
        let own =
            layout.entries().iter().filter(|e| e.name.rsplit_once('.').map_or(&e.name[..], |(layer, _)| layer) == name);
        let ranges = own.map(|e| e.range.clone()).collect();
        Ok(LayerGroup { name: name.to_owned(), parameters: IndexRanges::new(layout.n_params(), ranges)? })
    };
    names.into_iter().map(group).collect()
}

/// Groups of one's own, each all that a selector of [`named_parameters`] chooses.
///
/// # Errors
/// [`UnknownParameters`] for a selector that chooses nothing.
pub fn named_groups(layout: &ParamLayout, selectors: &[impl AsRef<str>]) -> Result<Vec<LayerGroup>, UnknownParameters> {
    let group = |selector: &str| {
        let parameters = named_parameters(layout, &[selector])?;
        Ok(LayerGroup { name: selector.to_owned(), parameters })
    };
    selectors.iter().map(|selector| group(selector.as_ref())).collect()
}

/// Trace, extreme eigenvalues and gradient norm of every group's diagonal block of `operator`.
///
/// `gradient` `[P]` is the gradient at the same point. Blocks of at most [`WRITTEN_OUT`] parameters are written out; the
/// extreme eigenvalues of larger ones come from Lanczos, their traces from Hutch++ with standard errors. `share` is the
/// fraction of the operator's trace: the exact one where the operator knows it, the sum over the groups where they hold
/// every parameter once, else an estimate.
///
/// # Cost
/// As many products with the operator as a small group has parameters, some hundreds for a large one.
///
/// # Errors
/// [`ByLayerError`] if sizes disagree, an iteration does not converge, a product fails, or `watch` stops it.
///
/// # References
/// The layer-wise spectra of Sankar, Khasbage, Vigneswaran and Balasubramanian, arXiv:2012.03801.
pub fn by_layer<T: Scalar>(
    operator: &dyn SymmetricOperator<Host<T>>,
    gradient: &[T],
    groups: &[LayerGroup],
    watch: &mut dyn Watch,
) -> Result<Vec<LayerCurvature>, ByLayerError> {
    let wanted = operator.n_params();
    let fits = |what: &str, got: usize| {
        if got == wanted { Ok(()) } else { Err(ByLayerError::Size { what: what.to_owned(), got, wanted }) }
    };
    fits("the gradient", gradient.len())?;
    let mut table = Vec::with_capacity(groups.len());
    for (i, LayerGroup { name, parameters }) in groups.iter().enumerate() {
        fits(name, parameters.n_params())?;
        let block = Restricted::new(operator, parameters.clone())?;
        let own = parameters.ranges().iter().flat_map(|range| &gradient[range.clone()]);
        let grad_norm = own.map(|g| g.to_f64().powi(2)).sum::<f64>().sqrt();
        table.push(curvature(name, &block, grad_norm, watch)?);
        watch.tell("layers", i as u64 + 1, Some(groups.len() as u64), "layers").map_err(Failure::from)?;
    }
    let mut covered: Vec<_> = groups.iter().flat_map(|group| group.parameters.ranges().iter().cloned()).collect();
    covered.sort_by_key(|range| range.start);
    let partition = covered.iter().try_fold(0, |end, range| (range.start == end).then_some(range.end)) == Some(wanted);
    let whole = match operator.exact_trace() {
        Some(trace) => trace,
        None if partition => table.iter().map(|layer| layer.trace).sum(),
        None => trace(operator, PRODUCTS, SEED, watch).map_err(failed)?.value,
    };
    table.iter_mut().for_each(|layer| layer.share = (whole != 0.0).then(|| layer.trace / whole));
    Ok(table)
}

fn curvature<T: Scalar>(
    name: &str,
    block: &impl SymmetricOperator<Host<T>>,
    grad_norm: f64,
    watch: &mut dyn Watch,
) -> Result<LayerCurvature, ByLayerError> {
    let (name, n_params, share) = (name.to_owned(), block.n_params(), None);
    if n_params <= WRITTEN_OUT {
        let matrix: Matrix<f64> = dense(block, watch)?;
        let trace = (0..n_params).map(|i| matrix.column(i)[i]).sum();
        let values = self_adjoint_eigen(&matrix).map_err(Failure::from)?.eigenvalues;
        let (lambda_min, lambda_max) = (values[0], values[n_params - 1]);
        let (trace_standard_error, residual) = (0.0, 0.0);
        return Ok(LayerCurvature {
            name,
            n_params,
            trace,
            trace_standard_error,
            share,
            lambda_max,
            lambda_min,
            residual,
            grad_norm,
        });
    }
    let options = TopKOptions::default();
    let ends = top_k_from(crate::curvature::Start::Random, block, 2, Which::BothEnds, &options, watch);
    let ends = ends.map_err(|error| match error {
        TopKError::Failed(failure) => ByLayerError::Failed(failure),
        other => ByLayerError::NotConverged { name: name.clone(), reason: other.to_string() },
    })?;
    let estimate = trace(block, PRODUCTS, SEED, watch).map_err(failed)?;
    Ok(LayerCurvature {
        name,
        n_params,
        trace: estimate.value,
        trace_standard_error: estimate.standard_error,
        share,
        lambda_max: ends.eigenvalues[0],
        lambda_min: ends.eigenvalues[1],
        residual: ends.residuals.iter().copied().fold(0.0, f64::max),
        grad_norm,
    })
}

fn failed(error: EstimateError) -> ByLayerError {
    match error {
        EstimateError::Failed(failure) => ByLayerError::Failed(failure),
        other => ByLayerError::Failed(Failure::of(other)),
    }
}

//! The trace, the density of eigenvalues and the diagonal of a matrix, estimated by sampling.

use super::request::EstimatesAsked;
use super::setting::Setting;
use super::{solvers, stage};
use crate::LabError;
use crate::call::JobWatch;
use crate::error::{Choice, OfJob};
use heigen::analysis::{LayerCurvature, layer_groups, named_groups};
use heigen::config::ExperimentName;
use heigen::curvature::{DensityOptions, Problem, Space, SymmetricOperator};
use heigen::linalg::{Matrix, Scalar};
use heigen_store::atomic::Staged;
use heigen_store::layout::ExperimentPaths;
use heigen_store::record::{Estimates, Sampled, SampledDensity};

/// Seed of all random directions.
const SEED: u32 = 0;
/// Points of the density's curve, and the standard deviation of its kernel over the range of the eigenvalues.
const POINTS: usize = 1000;
const BANDWIDTH: f64 = 0.002;

/// The name of an estimate that is asked for and not stored; `None` if nothing is missing. Stored estimates that nobody
/// asked for do no harm.
pub(super) fn missing(asked: &EstimatesAsked, stored: &Estimates, n_params: usize) -> Option<&'static str> {
    if asked.trace.is_some_and(|n| stored.trace.is_none_or(|t| t.products != n.min(n_params))) {
        return Some("the trace");
    }
    let stored_density = stored.density.as_ref();
    if asked.density.is_some_and(|a| !stored_density.is_some_and(|d| d.probes == a.probes && d.steps == a.steps)) {
        return Some("the density");
    }
    if asked.diagonal.is_some_and(|n| stored.diagonal_products != Some(n.min(n_params))) {
        return Some("the diagonal");
    }
    if asked.by_layer && stored.by_layer.is_none() {
        return Some("the table by layer");
    }
    None
}

/// The curvature of every layer, or of every group that the request names.
pub(super) fn by_layer<T: Scalar>(
    setting: &Setting,
    problem: &Problem<T>,
    watch: &mut JobWatch,
) -> Result<Option<Vec<LayerCurvature>>, LabError> {
    if !setting.asked.estimates.by_layer {
        return Ok(None);
    }
    let (matter, layout) = (&setting.asked.subject, setting.prepared.network.layout());
    let groups = if matter.layers.is_empty() { layer_groups(layout) } else { named_groups(layout, &matter.layers) };
    let groups = groups.chosen(Choice::Layers).of(setting.name())?;
    let whole = super::operator::operator(problem, matter, None)?;
    solvers::by_layer(&whole, &problem.gradient(), &groups, watch).of(setting.name()).map(Some)
}

/// Computes all estimates of `operator` that are asked for, and stages their arrays.
pub(super) fn estimate<S: Space>(
    name: &ExperimentName,
    operator: &dyn SymmetricOperator<S>,
    asked: &EstimatesAsked,
    paths: &ExperimentPaths,
    watch: &mut JobWatch,
) -> Result<(Estimates, Vec<Staged>), LabError> {
    let p = operator.n_params();
    let (mut estimates, mut staged) = (Estimates::default(), Vec::new());
    if let Some(products) = asked.trace {
        let found = solvers::trace(operator, products, SEED, watch).of(name)?;
        let products = products.min(p);
        estimates.trace = Some(Sampled { value: found.value, standard_error: found.standard_error, products });
    }
    if let Some(super::DensityAsked { probes, steps }) = asked.density {
        let options = DensityOptions { probes, steps, seed: SEED };
        let density = solvers::density(operator, &options, watch).of(name)?;
        let curve = density.curve(POINTS, BANDWIDTH).map_err(LabError::solver)?;
        let (low, high) = density.range();
        let trace = density.mean_of(|x| p as f64 * x);
        estimates.density = Some(SampledDensity {
            probes,
            steps,
            range: [low, high],
            bandwidth: curve.bandwidth,
            trace: trace.value,
            trace_standard_error: trace.standard_error,
        });
        let errors = curve.density.iter().map(|d| d.standard_error);
        let data: Vec<f64> =
            curve.grid.iter().copied().chain(curve.density.iter().map(|d| d.value)).chain(errors).collect();
        staged.push(stage(&paths.density(), &Matrix { data, rows: POINTS, columns: 3 })?);
    }
    if let Some(products) = asked.diagonal {
        let products = products.min(p);
        let found = solvers::diagonal(operator, products, SEED, watch).of(name)?;
        let data = found.iter().map(|d| d[0]).chain(found.iter().map(|d| d[1])).collect();
        staged.push(stage(&paths.diagonal(), &Matrix { data, rows: p, columns: 2 })?);
        estimates.diagonal_products = Some(products);
    }
    Ok((estimates, staged))
}

//! Trace, density and diagonal by sampling.

use super::stage;
use crate::args::EstimateArgs;
use crate::progress::{BarWatch, bar, spinner};
use anyhow::{Context, Result};
use heigen::config::ExperimentName;
use heigen::curvature::{DensityOptions, Host, SymmetricOperator, diagonal, exact_diagonal, spectral_density, trace};
use heigen::linalg::{Matrix, Scalar};
use heigen_store::atomic::Staged;
use heigen_store::layout::ExperimentPaths;
use heigen_store::npy::Element;
use heigen_store::record::{Estimates, Sampled, SampledDensity};

/// Seed of all random directions.
const SEED: u32 = 0;
/// Points of the density's curve, and the standard deviation of its kernel over the range of the eigenvalues.
const POINTS: usize = 1000;
const BANDWIDTH: f64 = 0.002;

/// Whether stored estimates are those asked for; others beside them do no harm.
pub(crate) fn satisfied(asked: EstimateArgs, stored: &Estimates, n_params: usize) -> Result<(), &'static str> {
    let products = |asked: u32| (asked as usize).min(n_params);
    if asked.trace.is_some_and(|n| stored.trace.is_none_or(|t| t.products != products(n))) {
        return Err("the trace");
    }
    let same = |d: &SampledDensity| d.probes == asked.probes as usize && d.steps == asked.steps as usize;
    if asked.density && !stored.density.as_ref().is_some_and(same) {
        return Err("the density");
    }
    if asked.diagonal.is_some_and(|n| stored.diagonal_products != Some(products(n))) {
        return Err("the diagonal");
    }
    Ok(())
}

/// What is asked for, of `operator`; arrays are staged.
pub(crate) fn estimate<T: Scalar + Element>(
    name: &ExperimentName,
    operator: &dyn SymmetricOperator<Host<T>>,
    asked: EstimateArgs,
    paths: &ExperimentPaths,
) -> Result<(Estimates, Vec<Staged>)> {
    let p = operator.n_params();
    let (mut estimates, mut staged) = (Estimates::default(), Vec::new());
    if let Some(products) = asked.trace {
        let shown = spinner(&format!("{name}: trace from {products} products"));
        let found = trace(operator, products as usize, SEED, &mut ()).with_context(|| name.to_string());
        shown.finish_and_clear();
        let found = found?;
        let products = (products as usize).min(p);
        estimates.trace = Some(Sampled { value: found.value, standard_error: found.standard_error, products });
    }
    if asked.density {
        let (probes, steps) = (asked.probes as usize, asked.steps as usize);
        let shown = bar(steps as u64, "steps", &format!("{name}: density"));
        let options = DensityOptions { probes, steps, seed: SEED };
        let density = spectral_density(operator, &options, &mut BarWatch(&shown));
        shown.finish_and_clear();
        let density = density.with_context(|| name.to_string())?;
        let curve = density.curve(POINTS, BANDWIDTH)?;
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
        let products = (products as usize).min(p);
        let shown = spinner(&format!("{name}: diagonal from {products} products"));
        let found = if products == p {
            exact_diagonal(operator, &mut ()).map(|d| d.iter().map(|d| [*d, 0.0]).collect::<Vec<_>>())
        } else {
            diagonal(operator, products, SEED, &mut ()).map(|d| d.iter().map(|d| [d.value, d.standard_error]).collect())
        };
        shown.finish_and_clear();
        let found = found.with_context(|| name.to_string())?;
        let data = found.iter().map(|d| d[0]).chain(found.iter().map(|d| d[1])).collect();
        staged.push(stage(&paths.diagonal(), &Matrix { data, rows: p, columns: 2 })?);
        estimates.diagonal_products = Some(products);
    }
    Ok((estimates, staged))
}

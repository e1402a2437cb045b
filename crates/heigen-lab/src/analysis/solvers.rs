//! All calls of the solvers of `heigen::curvature` stand in this file, so that a change of theirs is met in one place.

use crate::LabError;
use crate::call::JobWatch;
use heigen::analysis::{ByLayerError, LayerCurvature, LayerGroup, Look, LookError, LookOptions};
use heigen::curvature::{
    DensityOptions, Estimate, EstimateError, Failure, Host, Method, Precision, Problem, Space, SpectralDensity,
    Spectrum, SpectrumError, Start, SymmetricOperator, TopK, TopKError, TopKOptions, Which,
};
use heigen::linalg::{Matrix, Scalar};
use std::fmt::Debug;

/// Probes of the error of a matrix itself.
const PROBES: usize = 4;

type Operator<'a, T> = dyn SymmetricOperator<Host<T>> + 'a;

/// The whole spectrum of an operator.
pub(crate) fn spectrum<S: Space>(
    operator: &dyn SymmetricOperator<S>,
    method: Method,
    memory: f64,
    watch: &mut JobWatch,
) -> Result<Spectrum<S::Block>, LabError> {
    heigen::curvature::spectrum(operator, method, memory, watch).map_err(|error| match error {
        SpectrumError::Failed(failure) => failed(failure),
        other => LabError::solver(other),
    })
}

/// The operator as a dense matrix.
pub(super) fn dense<T: Scalar, S: Space>(
    operator: &dyn SymmetricOperator<S>,
    watch: &mut JobWatch,
) -> Result<Matrix<T>, LabError> {
    let matrix = heigen::curvature::dense(operator, watch).map_err(failed)?;
    let data = matrix.data.into_iter().map(T::from_f64).collect();
    Ok(Matrix { data, rows: matrix.rows, columns: matrix.columns })
}

/// Some eigenpairs of an operator by block Lanczos.
pub(super) fn top_k<S: Space<Block: Debug + Send + Sync>>(
    operator: &dyn SymmetricOperator<S>,
    k: usize,
    which: Which,
    options: &TopKOptions,
    watch: &mut JobWatch,
) -> Result<TopK<S::Block>, LabError> {
    let found = heigen::curvature::top_k_from(Start::Random, operator, k, which, options, watch);
    found.map_err(|error| match error {
        TopKError::Failed(failure) => failed(failure),
        other => LabError::solver(other),
    })
}

/// A look at the spectrum of a moment, which begins at the eigenvectors `start` of a moment before.
pub(crate) fn look(
    problem: &Problem<'_, f64>,
    start: Option<&Matrix<f64>>,
    options: &LookOptions,
    watch: &mut JobWatch,
) -> Result<Look, LabError> {
    heigen::analysis::look(problem, start, options, watch).map_err(not_seen)
}

/// The largest eigenvalue of the preconditioned Hessian, with its eigenvector.
pub(crate) fn preconditioned(
    problem: &Problem<'_, f64>,
    diagonal: &[f64],
    start: Option<&Matrix<f64>>,
    options: &LookOptions,
    watch: &mut JobWatch,
) -> Result<TopK<Matrix<f64>>, LabError> {
    heigen::analysis::preconditioned_sharpness(problem, diagonal, start, options, watch).map_err(not_seen)
}

fn not_seen(error: LookError) -> LabError {
    if error.is_stopped() { LabError::Stopped } else { LabError::solver(error) }
}

/// The error that rounding made in the operator itself.
pub(super) fn precision<S: Space>(operator: &dyn SymmetricOperator<S>) -> Result<Precision, LabError> {
    heigen::curvature::precision(operator, PROBES).map_err(failed)
}

/// An estimate of the trace by Hutch++.
pub(super) fn trace<S: Space>(
    operator: &dyn SymmetricOperator<S>,
    products: usize,
    seed: u32,
    watch: &mut JobWatch,
) -> Result<Estimate, LabError> {
    heigen::curvature::trace(operator, products, seed, watch).map_err(not_estimated)
}

/// An estimate of the density of eigenvalues by stochastic Lanczos quadrature.
pub(super) fn density<S: Space>(
    operator: &dyn SymmetricOperator<S>,
    options: &DensityOptions,
    watch: &mut JobWatch,
) -> Result<SpectralDensity, LabError> {
    heigen::curvature::spectral_density(operator, options, watch).map_err(not_estimated)
}

/// An estimate of the diagonal, each entry with its standard error; exact if `products` is P.
pub(super) fn diagonal<S: Space>(
    operator: &dyn SymmetricOperator<S>,
    products: usize,
    seed: u32,
    watch: &mut JobWatch,
) -> Result<Vec<[f64; 2]>, LabError> {
    if products == operator.n_params() {
        let exact = heigen::curvature::exact_diagonal(operator, watch).map_err(not_estimated)?;
        return Ok(exact.iter().map(|&d| [d, 0.0]).collect());
    }
    let found = heigen::curvature::diagonal(operator, products, seed, watch).map_err(not_estimated)?;
    Ok(found.iter().map(|d| [d.value, d.standard_error]).collect())
}

/// The curvature of groups of parameters.
pub(super) fn by_layer<T: Scalar>(
    operator: &Operator<'_, T>,
    gradient: &[T],
    groups: &[LayerGroup],
    watch: &mut JobWatch,
) -> Result<Vec<LayerCurvature>, LabError> {
    heigen::analysis::by_layer(operator, gradient, groups, watch).map_err(|error| match error {
        ByLayerError::Failed(failure) => failed(failure),
        other => LabError::solver(other),
    })
}

fn not_estimated(error: EstimateError) -> LabError {
    match error {
        EstimateError::Failed(failure) => failed(failure),
        other => LabError::solver(other),
    }
}

/// The lab's error for a failure of a solver: a stop by the watch is not reported as a failure.
fn failed(failure: Failure) -> LabError {
    match failure {
        Failure::Stopped(_) => LabError::Stopped,
        other => LabError::solver(other),
    }
}

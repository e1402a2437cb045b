//! Every call of a solver of `heigen::curvature`, so that a change of theirs is met in one place.

use crate::LabError;
use crate::call::JobWatch;
use heigen::curvature::{
    DensityOptions, KrylovBasis, Method, SpectralDensity, Spectrum, Stage, SymmetricOperator, TopK, TopKOptions, Which,
};
use heigen::linalg::{Matrix, Scalar};
use heigen_spectra::{Watch, stage};

/// The whole spectrum.
pub(super) fn spectrum<T: Scalar>(
    operator: &impl SymmetricOperator<T>,
    method: Method,
    memory: f64,
    watch: &mut JobWatch,
) -> Result<Spectrum<T>, LabError> {
    let p = operator.n_params() as u64;
    let found = heigen::curvature::spectrum(operator, method, memory, |at| {
        // It cannot be stopped on its way; the answer is heeded when it is done.
        let _ = match at {
            Stage::Structure(done, of) => watch.tell(stage::STRUCTURE, done as u64, Some(of as u64), "products"),
            Stage::Range(columns) => watch.tell(stage::RANGE, columns as u64, Some(p), "columns"),
            Stage::Dense(columns) => watch.tell(stage::DENSE, columns as u64, Some(p), "columns"),
            Stage::Projection(columns) => watch.tell(stage::PROJECTION, columns as u64, None, "columns"),
            Stage::Eigen(n) => watch.tell(stage::EIGENPROBLEM, 0, Some(n as u64), "rows"),
            Stage::Vectors => watch.tell(stage::EIGENVECTORS, 0, None, "columns"),
            Stage::Certificate => watch.tell(stage::CERTIFICATE, 0, None, "products"),
        };
    });
    watch.check()?;
    found.map_err(LabError::solver)
}

/// The matrix, written out.
pub(super) fn dense<T: Scalar>(
    operator: &impl SymmetricOperator<T>,
    watch: &mut JobWatch,
) -> Result<Matrix<T>, LabError> {
    let p = operator.n_params() as u64;
    let matrix = heigen::curvature::dense(operator, |columns| {
        // As for the spectrum.
        let _ = watch.tell(stage::DENSE, columns as u64, Some(p), "columns");
    });
    watch.check()?;
    Ok(matrix)
}

/// Some eigenpairs by block Lanczos.
pub(super) fn top_k<T: Scalar>(
    operator: &impl SymmetricOperator<T>,
    k: usize,
    which: Which,
    tolerance: f64,
    watch: &mut JobWatch,
) -> Result<TopK<T>, LabError> {
    let options = TopKOptions { tolerance, ..TopKOptions::default() };
    let mut basis =
        KrylovBasis::random(operator.n_params(), TopKOptions::DEFAULT_BLOCK, options.seed).map_err(LabError::solver)?;
    let found = heigen::curvature::top_k_from(&mut basis, operator, k, which, &options, |progress| {
        // As for the spectrum.
        let _ = watch.tell(stage::LANCZOS, progress.converged as u64, Some(progress.wanted as u64), "eigenpairs");
    });
    watch.check()?;
    found.map_err(LabError::solver)
}

/// The trace by Hutch++.
pub(super) fn trace<T: Scalar>(
    operator: &impl SymmetricOperator<T>,
    products: usize,
    seed: u32,
    watch: &mut JobWatch,
) -> Result<heigen::curvature::Estimate, LabError> {
    watch.tell(stage::TRACE, 0, Some(products as u64), "products")?;
    heigen::curvature::trace(operator, products, seed).map_err(LabError::solver)
}

/// The density of eigenvalues by stochastic Lanczos quadrature.
pub(super) fn density<T: Scalar>(
    operator: &impl SymmetricOperator<T>,
    options: &DensityOptions,
    watch: &mut JobWatch,
) -> Result<SpectralDensity, LabError> {
    let steps = options.steps as u64;
    watch.tell(stage::DENSITY, 0, Some(steps), "steps")?;
    let found = heigen::curvature::spectral_density(operator, options, |done| {
        // As for the spectrum.
        let _ = watch.tell(stage::DENSITY, done as u64, Some(steps), "steps");
    });
    watch.check()?;
    found.map_err(LabError::solver)
}

/// The diagonal, each entry with its standard error: exact where `products` is P.
pub(super) fn diagonal<T: Scalar>(
    operator: &impl SymmetricOperator<T>,
    products: usize,
    seed: u32,
    watch: &mut JobWatch,
) -> Result<Vec<[f64; 2]>, LabError> {
    watch.tell(stage::DIAGONAL, 0, Some(products as u64), "products")?;
    if products == operator.n_params() {
        let exact = heigen::curvature::exact_diagonal(operator).map_err(LabError::solver)?;
        return Ok(exact.iter().map(|d| [d.to_f64(), 0.0]).collect());
    }
    let found = heigen::curvature::diagonal(operator, products, seed).map_err(LabError::solver)?;
    Ok(found.iter().map(|d| [d.value, d.standard_error]).collect())
}

//! The spectral density of an operator too large for its spectrum.

use crate::estimate::at_least;
use crate::quadrature::quadratures;
use crate::{Estimate, EstimateError, Quadrature, Space, SymmetricOperator, Watch};

/// The options of [`spectral_density`]: how many samples it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DensityOptions {
    /// Random vectors, at least 2: the error bars come from their scatter. Default 10.
    pub probes: usize,
    /// Lanczos steps from each random vector, at least 1. The quadrature of a vector has its first 2 steps - 1 moments
    /// exactly. Default 100.
    pub steps: usize,
    /// Seed of the random vectors.
    pub seed: u32,
}

impl Default for DensityOptions {
    fn default() -> Self {
        Self { probes: 10, steps: 100, seed: 0 }
    }
}

/// Bytes that the vectors of several probes may take together.
const MEMORY: usize = 4 << 30;
/// Vectors of a probe besides its basis.
const OTHERS: usize = 4;

impl DensityOptions {
    /// Vectors of `len` numbers that one probe takes at most.
    fn of_one(&self, len: usize) -> usize {
        self.steps.min(len) + OTHERS
    }

    /// The number of probes that take their steps in one product: all whose vectors, of `len` numbers of `entry_bytes`
    /// each, fit into 4 GiB, and at least one. The probes of a large network go one after another.
    pub fn together(&self, len: usize, entry_bytes: usize) -> usize {
        let bytes = self.of_one(len).saturating_mul(len).saturating_mul(entry_bytes).max(1);
        (MEMORY / bytes).clamp(1, self.probes.max(1))
    }

    /// The largest number of vectors, of `len` numbers of `entry_bytes` each, that are held at a time.
    pub fn vectors(&self, len: usize, entry_bytes: usize) -> usize {
        self.together(len, entry_bytes).saturating_mul(self.of_one(len))
    }
}

/// The distribution of the P eigenvalues, as sampled by random vectors.
#[derive(Clone, Debug, PartialEq)]
pub struct SpectralDensity {
    /// P.
    pub n_params: usize,
    /// The quadratures, one for each random vector.
    pub probes: Vec<Quadrature>,
}

/// phi(x) = 1/P sum_i delta(x - lambda_i), by stochastic Lanczos quadrature with full reorthogonalisation.
///
/// For v uniform on the unit sphere, E[v^T f(A) v] = tr f(A) / P; Lanczos turns each v^T f(A) v into a [`Quadrature`]
/// whose weights are the squared first components of the tridiagonal's eigenvectors. All probes take their step in one
/// product with K = `probes` directions.
///
/// # Shapes
/// For each probe at most `steps` nodes and weights; fewer where its Krylov space is invariant.
///
/// # Cost
/// `steps` products with `probes` directions, 2 P steps^2 operations and P steps numbers a probe. `watch` is told the
/// number of finished steps.
///
/// # Errors
/// [`EstimateError`] for fewer than 2 probes or 1 step, or a product that is infinite or NaN.
///
/// # References
/// Golub and Welsch, Math. Comp. 23 (1969), 221, doi:10.1090/S0025-5718-69-99647-1 (the weights); Lin, Saad and Yang,
/// SIAM Rev. 58 (2016), 34, arXiv:1308.5467, section 3.2; Ubaru, Chen and Saad, SIAM J. Matrix Anal. Appl. 38 (2017),
/// 1075, doi:10.1137/16M1104974.
pub fn spectral_density<S: Space>(
    operator: &(impl SymmetricOperator<S> + ?Sized),
    options: &DensityOptions,
    watch: &mut dyn Watch,
) -> Result<SpectralDensity, EstimateError> {
    at_least("the number of probes of the spectral density", options.probes, 2)?;
    at_least("the number of Lanczos steps of the spectral density", options.steps, 1)?;
    let n_params = operator.n_params();
    at_least("the number of parameters", n_params, 1)?;
    let together = options.together(n_params, operator.space().entry_bytes());
    let probes = quadratures(operator, (options.probes, together), options.steps, u64::from(options.seed), watch)?;
    Ok(SpectralDensity { n_params, probes })
}

/// The density on a grid.
#[derive(Clone, Debug, PartialEq)]
pub struct DensityCurve {
    /// The points of the grid, ascending and equally spaced.
    pub grid: Vec<f64>,
    /// The density at each point of the grid, with its standard error over probes; integrates to 1.
    pub density: Vec<Estimate>,
    /// Standard deviation of the Gaussian kernel.
    pub bandwidth: f64,
}

/// The grid reaches this many bandwidths beyond the outermost nodes.
const MARGIN: f64 = 5.0;

impl SpectralDensity {
    /// The smallest and the largest node of all probes: an upper bound on lambda_min and a lower bound on lambda_max.
    pub fn range(&self) -> (f64, f64) {
        let nodes = || self.probes.iter().flat_map(|q| q.nodes.iter().copied());
        (nodes().fold(f64::INFINITY, f64::min), nodes().fold(f64::NEG_INFINITY, f64::max))
    }

    /// 1/P sum_i f(lambda_i), with its standard error over probes.
    pub fn mean_of(&self, f: impl Fn(f64) -> f64) -> Estimate {
        Estimate::of(&self.probes.iter().map(|q| q.integral(&f)).collect::<Vec<f64>>())
    }

    /// log det(A + mu I) = sum_i log(lambda_i + mu), with its standard error over probes.
    ///
    /// # Errors
    /// [`EstimateError::NotPositive`] where a node is -mu or less.
    ///
    /// # References
    /// Ubaru, Chen and Saad, SIAM J. Matrix Anal. Appl. 38 (2017), 1075, doi:10.1137/16M1104974.
    pub fn log_determinant(&self, damping: f64) -> Result<Estimate, EstimateError> {
        self.check_positive(damping)?;
        Ok(self.mean_of(|node| (node + damping).ln()).scaled(self.n_params as f64))
    }

    /// The effective dimension tr A (A + mu I)^-1 = sum_i lambda_i / (lambda_i + mu), with its standard error over probes:
    /// the number of directions whose curvature stands out of the damping mu.
    ///
    /// # Errors
    /// [`EstimateError::NotPositive`] where a node is -mu or less.
    ///
    /// # References
    /// MacKay, Neural Comput. 4 (1992), 415, doi:10.1162/neco.1992.4.3.415; Maddox, Benton and Wilson, arXiv:2003.02139.
    pub fn effective_dimension(&self, damping: f64) -> Result<Estimate, EstimateError> {
        self.check_positive(damping)?;
        Ok(self.mean_of(|node| node / (node + damping)).scaled(self.n_params as f64))
    }

    fn check_positive(&self, damping: f64) -> Result<(), EstimateError> {
        let smallest = self.range().0;
        if smallest + damping > 0.0 { Ok(()) } else { Err(EstimateError::NotPositive { smallest, damping }) }
    }

    /// The number of eigenvalues <= x, with its standard error over probes: P times the weight of the nodes <= x.
    ///
    /// Inside a cluster of eigenvalues that the steps did not resolve it is good to about one node's weight.
    pub fn count_below(&self, x: f64) -> Estimate {
        self.mean_of(|node| if node <= x { 1.0 } else { 0.0 }).scaled(self.n_params as f64)
    }

    /// The density smoothed with a Gaussian kernel, at `points` points (at least 2) over the range of the nodes and five
    /// bandwidths on either side: phi(x) = mean over probes of sum_i weight_i N(x; node_i, bandwidth^2).
    ///
    /// `relative_bandwidth` is the kernel's standard deviation as a fraction of the range (of 1 where all nodes agree);
    /// the grid should have points at least as dense.
    ///
    /// # Units
    /// Per unit of eigenvalue; standard errors are over probes and do not include the bias of the smoothing.
    ///
    /// # Errors
    /// [`EstimateError::TooFew`] for fewer than 2 points.
    pub fn curve(&self, points: usize, relative_bandwidth: f64) -> Result<DensityCurve, EstimateError> {
        at_least("the number of points of the density's grid", points, 2)?;
        let (low, high) = self.range();
        let largest = low.abs().max(high.abs());
        let wide = high - low > 1e-12 * largest;
        let width = if wide { high - low } else { largest.max(f64::MIN_POSITIVE) };
        let width = if largest == 0.0 { 1.0 } else { width };
        let bandwidth = relative_bandwidth.max(f64::EPSILON) * width;
        let (from, to) = (low - MARGIN * bandwidth, high + MARGIN * bandwidth);
        let spacing = (to - from) / (points - 1) as f64;
        let grid: Vec<f64> = (0..points).map(|i| from + spacing * i as f64).collect();
        let height = 1.0 / (bandwidth * (2.0 * std::f64::consts::PI).sqrt());
        let kernel = |x: f64, node: f64| height * (-0.5 * ((x - node) / bandwidth).powi(2)).exp();
        let density = grid.iter().map(|&x| self.mean_of(|node| kernel(x, node))).collect();
        Ok(DensityCurve { grid, density, bandwidth })
    }
}

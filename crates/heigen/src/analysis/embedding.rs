//! Samples as points of the plane: t-SNE, principal components, and measures of how far to trust them.

use crate::curvature::{Stopped, Watch};
use crate::linalg::{EigenError, Matrix, self_adjoint_eigen};
use bhtsne::tSNE;

/// The perplexity of the paper's Figure 6, scikit-learn's default.
pub const PERPLEXITY: f64 = 30.0;

/// Why samples could not be embedded.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddingError {
    /// There are too few samples.
    #[error("{0} samples cannot be embedded by t-SNE; it takes at least {MINIMUM}")]
    TooFew(usize),
    /// A sample is infinite or NaN.
    #[error("a sample is infinite or NaN")]
    NotFinite,
    /// The principal components could not be found.
    #[error("principal components: {0}")]
    Eigen(#[from] EigenError),
    /// A thread could not be started.
    #[error("a thread for t-SNE could not be started: {0}")]
    Thread(#[from] rayon::ThreadPoolBuildError),
    /// The watch asked to stop.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// The number of steps of the descent, and the name under which a watch is told about them.
const STEPS: usize = 1000;
const STAGE: &str = "t-SNE";

/// The smallest number of samples: with fewer, no sample has neighbours of different nearness.
const MINIMUM: usize = 4;

/// The projections of the samples, columns of `samples` [d, N], on their two principal components, the larger variance
/// first. The sign of each component is such that its projection of largest magnitude is positive.
///
/// # Errors
/// [`EmbeddingError`] if a sample is not finite or the eigenproblem fails.
pub fn principal_components(samples: &Matrix<f64>) -> Result<Vec<[f64; 2]>, EmbeddingError> {
    if !samples.is_finite() {
        return Err(EmbeddingError::NotFinite);
    }
    let n = samples.columns;
    let mut centred = samples.clone();
    for i in 0..samples.rows {
        let mean = (0..n).map(|j| samples.column(j)[i]).sum::<f64>() / n.max(1) as f64;
        (0..n).for_each(|j| centred.column_mut(j)[i] -= mean);
    }
    // X^T X = V diag(sigma^2) V^T; the projections on the principal components are V diag(sigma).
    let pairs = self_adjoint_eigen(&centred.gram())?;
    let component = |i: usize| -> Vec<f64> {
        let Some(k) = n.checked_sub(i + 1) else { return vec![0.0; n] };
        let sigma = pairs.eigenvalues[k].max(0.0).sqrt();
        let vector = pairs.eigenvectors.column(k);
        let largest = vector.iter().fold(0.0f64, |a, &b| if b.abs() > a.abs() { b } else { a });
        vector.iter().map(|v| v * sigma * largest.signum()).collect()
    };
    Ok(component(0).into_iter().zip(component(1)).map(|(x, y)| [x, y]).collect())
}

/// t-distributed stochastic neighbour embedding of the samples, columns of `samples` [d, N], in the plane (van der Maaten
/// and Hinton, 2008): exact pairwise similarities, 1,000 steps, started from the principal components, scaled to a
/// standard deviation of 1e-4 as in scikit-learn. The same samples give the same bytes, on any number of threads.
///
/// `perplexity` is lowered to (N - 1) / 3 where there are fewer samples than it needs. Cost: 1,000 N^2 steps, memory
/// 24 N^2 bytes. The steps are one computation, which `watch` can stop before and after it only.
///
/// # Errors
/// [`EmbeddingError`] for fewer than 4 samples, or if one is not finite.
pub fn t_sne(samples: &Matrix<f64>, perplexity: f64, watch: &mut dyn Watch) -> Result<Vec<[f64; 2]>, EmbeddingError> {
    let n = samples.columns;
    if n < MINIMUM {
        return Err(EmbeddingError::TooFew(n));
    }
    watch.tell(STAGE, 0, Some(STEPS as u64), "steps")?;
    // Sums over several threads would have a random order, so the embedding is computed by one thread.
    let one_thread = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
    let start = one_thread.install(|| principal_components(samples))?;
    let variance = start.iter().map(|p| p[0] * p[0]).sum::<f64>() / n as f64;
    let scale = if variance > 0.0 { 1e-4 / variance.sqrt() } else { 0.0 };
    let start: Vec<f64> = start.iter().flatten().map(|x| x * scale).collect();
    let columns: Vec<&[f64]> = samples.iter_columns().collect();
    let points = one_thread.install(|| {
        let mut fit: tSNE<f64, &[f64]> = tSNE::new(&columns);
        fit.perplexity(perplexity.min((n - 1) as f64 / 3.0)).epochs(STEPS).initial_embedding(start);
        fit.exact(|a, b| squared_distance(a, b)).embedding()
    });
    watch.tell(STAGE, STEPS as u64, Some(STEPS as u64), "steps")?;
    Ok(points.chunks_exact(2).map(|p| [p[0], p[1]]).collect())
}

/// Trustworthiness of an embedding (Venna and Kaski, 2001; `sklearn.manifold.trustworthiness`), from 0 to 1: 1 minus the
/// normalised sum, over the `k` nearest neighbours of every point in the embedding, of how far beyond the k-th neighbour
/// they are among the samples,
///
/// T(k) = 1 - 2 / (N k (2 N - 3 k - 1)) sum_i sum_(j in U_i) (r(i, j) - k),
///
/// U_i the points among i's k nearest in the embedding but not among the samples `samples` [d, N], r(i, j) the rank of j
/// among the samples by distance from i. None unless 1 <= k < N / 2.
pub fn trustworthiness(samples: &Matrix<f64>, embedding: &[[f64; 2]], k: usize) -> Option<f64> {
    let n = samples.columns;
    if k == 0 || 2 * k >= n || embedding.len() != n {
        return None;
    }
    let nearest = |distance: &dyn Fn(usize) -> f64, i: usize| -> Vec<usize> {
        let distances: Vec<f64> = (0..n).map(distance).collect();
        let mut order: Vec<usize> = (0..n).filter(|&j| j != i).collect();
        order.sort_by(|&a, &b| distances[a].total_cmp(&distances[b]));
        order
    };
    let mut penalty = 0;
    for i in 0..n {
        let order = nearest(&|j| squared_distance(samples.column(i), samples.column(j)), i);
        let mut rank = vec![0; n];
        order.iter().enumerate().for_each(|(r, &j)| rank[j] = r + 1);
        let close = nearest(&|j| squared_distance(&embedding[i], &embedding[j]), i);
        penalty += close[..k].iter().map(|&j| rank[j].saturating_sub(k)).sum::<usize>();
    }
    Some(1.0 - 2.0 * penalty as f64 / (n as f64 * k as f64 * (2.0 * n as f64 - 3.0 * k as f64 - 1.0)))
}

fn squared_distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}

//! What vouches for a spectrum, however it was computed.

use super::SymmetricOperator;
use super::random::{Law, random};
use crate::linalg::{Matrix, Scalar, dot, gram_by_tiles, norm, par, transposed_product_by_tiles};

/// Gaussian probes of the randomized bound; it fails with probability 10^-PROBES at most.
const PROBES: usize = 10;
/// 10 sqrt(2/pi): what the largest |E omega| is multiplied with to bound |E|_2.
const BOUND: f64 = 10.0 * 0.797_884_560_802_865_4;
/// Seed of the probes, which no method uses.
const SEED: u32 = 96_153;
/// Columns that one product takes.
const BLOCK: usize = 128;

/// Bounds and checks of eigenpairs (lambda_i, v_i) of a symmetric operator A, all from products with A that played no
/// part in computing them.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Certificate {
    /// max_i |A v_i - lambda_i v_i|: every lambda_i is within this distance of an eigenvalue of A.
    pub residual_max: f64,
    /// (sum_i |A v_i - lambda_i v_i|^2)^(1/2).
    pub residual_frobenius: f64,
    /// max |V^T V - I|.
    pub orthogonality: f64,
    /// Bound on |A - V diag(lambda) V^T|_2, what lies outside the returned pairs: 10 sqrt(2/pi) max_j |E omega_j| over
    /// Gaussian probes (Halko, Martinsson, Tropp, SIAM Review 53 (2011), 217, lemma 4.1).
    pub outside_bound: f64,
    /// Probability that the bound does not hold, at most.
    pub failure_probability: f64,
    /// Sum of the eigenvalues.
    pub trace_eigenvalues: f64,
    /// tr A from the probes with the pairs as control variate: sum lambda_i + mean_j omega_j^T E omega_j.
    pub trace_probes: f64,
    /// Standard error of `trace_probes`.
    pub trace_standard_error: f64,
    /// tr A from squared norms of per-example gradients, without eigenvalues or products, where the operator has this
    /// route ([`SymmetricOperator::exact_trace`]).
    pub trace_exact: Option<f64>,
    /// What residuals, orthogonality and the bound had to stay below, as a fraction of max |lambda| (of 1 for
    /// orthogonality).
    pub limit: f64,
    /// What rounding leaves of an operator that is 0: no residual needs to be below ([`SymmetricOperator::rounding`]).
    pub rounding: f64,
    /// Sum of |lambda|: the trace may be off by `limit` times this, and by six standard errors.
    pub trace_scale: f64,
}

/// A spectrum that its certificate does not vouch for.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error(
    "the spectrum is not good enough: {what} is {got:.1e}, the limit is {limit:.1e}; try --method dense, and report this"
)]
pub struct NotCertified {
    /// Which number.
    pub what: &'static str,
    /// Its value.
    pub got: f64,
    /// What it may be.
    pub limit: f64,
}

/// Limit in float64, relative to the largest |lambda|.
const LIMIT: f64 = 1e-9;
/// Standard errors that an estimate may be off.
const STANDARD_ERRORS: f64 = 6.0;
/// Limit in units of sqrt(P) eps, for float32.
const ROUNDING: f64 = 512.0;

/// Certifies eigenpairs: `eigenvalues` `[K]` and the columns of `eigenvectors` [P, K]. Cost: K + 10 products and
/// P K^2 operations.
///
/// Where the operator A was `written_out` as A', residuals are taken with A' and the bound on |A - A'|_2 is added to
/// them, the same randomized bound as for what lies outside. Cost: 10 products with A, K + 10 with A'.
pub fn certify<T: Scalar>(
    operator: &impl SymmetricOperator<T>,
    written_out: Option<&dyn SymmetricOperator<T>>,
    eigenvalues: &[T],
    eigenvectors: &Matrix<T>,
) -> Certificate {
    let (p, k) = (eigenvectors.rows, eigenvectors.columns);
    let (mut largest, mut squares) = (0.0f64, 0.0f64);
    for start in (0..k).step_by(BLOCK) {
        let end = (start + BLOCK).min(k);
        let block = eigenvectors.columns(start..end);
        let products = written_out.map_or_else(|| operator.product(&block), |cheap| cheap.product(&block));
        for (i, product) in (start..end).zip(products.iter_columns()) {
            let pairs = product.iter().zip(eigenvectors.column(i));
            let residual = norm(&pairs.map(|(&av, &v)| av - eigenvalues[i] * v).collect::<Vec<T>>());
            largest = largest.max(residual);
            squares += residual.powi(2);
        }
    }
    let gram = gram_by_tiles(eigenvectors.as_ref(), par());
    let entry = |(i, g): (usize, &T), j: usize| (g.to_f64() - f64::from(u8::from(i == j))).abs();
    let columns = gram.iter_columns().enumerate();
    let orthogonality = columns.flat_map(|(j, c)| c.iter().enumerate().map(move |e| entry(e, j))).fold(0.0, f64::max);

    // E omega = A omega - V diag(lambda) V^T omega.
    let probes = random(p, 0..PROBES as u64, SEED, Law::Gaussian);
    let mut outside = operator.product(&probes);
    let difference = written_out.map_or(0.0, |cheap| {
        let products = cheap.product(&probes);
        let distance = |(a, b): (&[T], &[T])| norm(&a.iter().zip(b).map(|(&a, &b)| a - b).collect::<Vec<T>>());
        BOUND * outside.iter_columns().zip(products.iter_columns()).map(distance).fold(0.0, f64::max)
    });
    let mut coefficients = transposed_product_by_tiles(eigenvectors.as_ref(), probes.as_ref(), par());
    for column in coefficients.data.chunks_exact_mut(k.max(1)) {
        column.iter_mut().zip(eigenvalues).for_each(|(c, &l)| *c *= l);
    }
    crate::linalg::subtract_product(
        outside.as_mut(),
        eigenvectors.as_ref(),
        coefficients.as_ref(),
        crate::linalg::par(),
    );
    let worst = outside.iter_columns().map(norm).fold(0.0, f64::max);
    let quadratic: Vec<f64> = outside.iter_columns().zip(probes.iter_columns()).map(|(e, w)| dot(e, w)).collect();
    let n = PROBES as f64;
    let mean = quadratic.iter().sum::<f64>() / n;
    let variance = quadratic.iter().map(|q| (q - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let trace = eigenvalues.iter().map(|l| l.to_f64()).sum::<f64>();
    Certificate {
        residual_max: largest + difference,
        residual_frobenius: squares.sqrt() + (k as f64).sqrt() * difference,
        orthogonality,
        outside_bound: BOUND * worst,
        failure_probability: 10f64.powf(-n),
        trace_eigenvalues: trace,
        trace_probes: trace + mean,
        trace_standard_error: (variance / n).sqrt(),
        trace_exact: operator.exact_trace(),
        rounding: operator.rounding(),
        trace_scale: eigenvalues.iter().map(|l| l.to_f64().abs()).sum(),
        limit: LIMIT.max(ROUNDING * T::EPSILON * (p as f64).sqrt()),
    }
}

impl Certificate {
    /// Whether every number is within its limit for an operator of that largest |lambda|.
    ///
    /// # Errors
    /// [`NotCertified`] with the first that is not.
    pub fn check(&self, scale: f64) -> Result<(), NotCertified> {
        let off = (self.limit * scale).max(self.rounding);
        let trace_off = self.limit * self.trace_scale + off;
        let from_eigenvalues = |trace: f64| (trace - self.trace_eigenvalues).abs();
        let probes_off = trace_off + STANDARD_ERRORS * self.trace_standard_error;
        let numbers = [
            ("the largest residual", self.residual_max, off),
            ("the loss of orthogonality", self.orthogonality, self.limit),
            ("the bound on what lies outside the eigenpairs", self.outside_bound, off),
            (
                "the distance of the trace by probes from the sum of the eigenvalues",
                from_eigenvalues(self.trace_probes),
                probes_off,
            ),
            (
                "the distance of the trace by per-example norms from the sum of the eigenvalues",
                self.trace_exact.map_or(0.0, from_eigenvalues),
                trace_off,
            ),
        ];
        match numbers.into_iter().find(|(_, got, limit)| got.is_nan() || got > limit) {
            Some((what, got, limit)) => Err(NotCertified { what, got, limit }),
            None => Ok(()),
        }
    }
}

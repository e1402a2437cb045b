//! Certificates: error bounds for a spectrum, computed from fresh products whichever way the spectrum was found.

use crate::gram_schmidt::times;
use crate::linalg::{Matrix, norm};
use crate::operator::finite_product;
use crate::space::{Columns, Space};
use crate::{Failure, Law, Precision, SymmetricOperator, Watch, precision, random_entries, stage};

/// Gaussian probes of a randomized bound; each bound fails with probability 10^-PROBES at most.
const PROBES: usize = 10;
/// 10 sqrt(2/pi): this times the largest |E omega| over the probes bounds |E|_2.
const BOUND: f64 = 10.0 * 0.797_884_560_802_865_4;
/// 10 sqrt(e): this times the root mean square of |E omega| over the probes bounds |E|_F.
const FROBENIUS_BOUND: f64 = 10.0 * 1.648_721_270_700_128_2;
/// Seed of the probes. No method of computing a spectrum uses it, so the probes are independent of the result.
const SEED: u64 = 96_153;
/// Seed of the random combinations of pairs, which no method uses either.
const COMBINATIONS: u64 = 30_817;
/// Columns in one product with the operator.
const BLOCK: usize = 128;

/// Bounds and checks of eigenpairs (lambda_i, v_i) of a symmetric operator A, all from products with A that played no
/// part in computing them.
///
/// # Numbers and bounds
/// [`certify`] takes a product with every eigenvector: residuals and orthogonality are what their formulas say.
/// [`certify_together`] takes products with random combinations of all eigenvectors, far fewer; the same fields are then upper
/// bounds on what their formulas say, each of which holds but for a probability of 10^-10. With r = 10 Gaussian probes
/// omega_j, independent of the pairs, any matrix E satisfies
///
/// - |E|_2 <= 10 sqrt(2/pi) max_j |E omega_j| (Halko, Martinsson, Tropp, SIAM Review 53 (2011), 217, lemma 4.1);
/// - |E|_F <= 10 sqrt(e) (mean_j |E omega_j|^2)^(1/2). For |E|_F = 1 with singular values s_i, Markov's inequality for
///   exp(-t sum_j |E omega_j|^2), whose mean is prod_i (1 + 2 t s_i^2)^(-r/2) <= (1 + 2 t)^(-r/2), gives P(mean_j
///   |E omega_j|^2 <= c) <= exp(t r c) (1 + 2 t)^(-r/2), and t = (1/c - 1) / 2 gives at most (e c)^(r/2), which is 10^-10 for
///   c = 1 / (100 e).
///
/// With E = A V - V diag(lambda) the first bounds every residual, the second the root of their summed squares; with
/// E = V^T V - I the first bounds the loss of orthogonality.
///
/// A is the matrix as its products compute it. What rounding did to the matrix itself is `matrix_error`;
/// [`precision`](crate::precision()) says how the two belong together, and what they mean in float32.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Certificate {
    /// max_i |A v_i - lambda_i v_i|, or a bound on it: every lambda_i is within this distance of an eigenvalue of A.
    pub residual_max: f64,
    /// (sum_i |A v_i - lambda_i v_i|^2)^(1/2), or a bound on it.
    pub residual_frobenius: f64,
    /// max |V^T V - I|, or a bound on it.
    pub orthogonality: f64,
    /// Bound on |A - V diag(lambda) V^T|_2, the part of A that the returned pairs do not explain: 10 sqrt(2/pi) max_j
    /// |E omega_j| over Gaussian probes omega_j, with E = A - V diag(lambda) V^T (Halko, Martinsson, Tropp, SIAM Review
    /// 53 (2011), 217, lemma 4.1).
    pub outside_bound: f64,
    /// Upper bound on the probability that `outside_bound`, or one of the bounds by random combinations, does not hold.
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
    /// The limit that residuals, orthogonality and `outside_bound` had to stay below, as a fraction of max |lambda| (of
    /// 1 for orthogonality).
    pub limit: f64,
    /// The rounding error of a product with an operator that is 0 ([`SymmetricOperator::rounding`]). Residuals below it
    /// are accepted even where `limit` times max |lambda| is smaller, up to 64 times `matrix_error`.
    pub rounding: f64,
    /// Estimate of the error that rounding made in the matrix itself, which no residual shows, in the Frobenius norm
    /// ([`Precision::matrix_error`]); `None` where the operator has no other arithmetic to compare with.
    #[serde(default)]
    pub matrix_error: Option<f64>,
    /// Whether the matrix is zero as far as can be told ([`Precision::vanishes`]).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub vanishes: bool,
    /// Sum of |lambda|. The traces may differ by `limit` times this sum, and by six standard errors.
    pub trace_scale: f64,
}

/// The error for a spectrum whose certificate does not hold.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("the spectrum is not good enough: {what} is {got:.1e}, the limit is {limit:.1e}")]
pub struct NotCertified {
    /// The name of the number that is too large.
    pub what: &'static str,
    /// Its value.
    pub got: f64,
    /// The largest value allowed.
    pub limit: f64,
}

/// The limit for float64, as a fraction of the largest |lambda|.
const LIMIT: f64 = 1e-9;
/// Residuals are accepted up to this many times the error of the matrix itself, where that is the larger limit: products
/// are no more accurate than the matrix.
const ERRORS: f64 = 64.0;
/// Probes of the error of the matrix itself.
const ERROR_PROBES: usize = 4;
/// How many standard errors the estimated trace may be off.
const STANDARD_ERRORS: f64 = 6.0;
/// The limit for float32, in units of sqrt(P) eps.
const ROUNDING: f64 = 512.0;

/// Certifies eigenpairs: `eigenvalues` `[K]` and the columns of `eigenvectors` [P, K]. `watch` is told the columns whose
/// products are done.
///
/// # Cost
/// K + 30 products and P K^2 operations.
///
/// # Errors
/// [`Failure`] if a product fails or is not finite, or `watch` stops it.
pub fn certify<S: Space>(
    operator: &(impl SymmetricOperator<S> + ?Sized),
    eigenvalues: &[f64],
    eigenvectors: &S::Block,
    watch: &mut dyn Watch,
) -> Result<Certificate, Failure> {
    let pairs = one_by_one(operator, eigenvalues, eigenvectors, watch)?;
    with_the_rest(operator, eigenvalues, eigenvectors, &pairs)
}

/// Certifies eigenpairs as [`certify`] does, with bounds on residuals and orthogonality from random combinations of all pairs
/// ([`Certificate`] has the bounds and their proofs). Up to ten pairs are taken one by one, which costs no more.
///
/// # Cost
/// 40 products and 80 P K operations.
///
/// # Errors
/// [`Failure`] if a product fails or is not finite, or `watch` stops it.
pub fn certify_together<S: Space>(
    operator: &(impl SymmetricOperator<S> + ?Sized),
    eigenvalues: &[f64],
    eigenvectors: &S::Block,
    watch: &mut dyn Watch,
) -> Result<Certificate, Failure> {
    if eigenvalues.len() <= PROBES {
        return certify(operator, eigenvalues, eigenvectors, watch);
    }
    let pairs = in_combinations(operator, eigenvalues, eigenvectors, watch)?;
    with_the_rest(operator, eigenvalues, eigenvectors, &pairs)
}

/// How good pairs are by themselves: the numbers of the certificate under the same names.
struct Quality {
    residual_max: f64,
    residual_frobenius: f64,
    orthogonality: f64,
    /// The number of randomized bounds among them.
    bounds: u32,
}

/// The certificate of pairs whose `quality` is known: what lies outside of them, the traces, and the error of the matrix itself.
fn with_the_rest<S: Space>(
    operator: &(impl SymmetricOperator<S> + ?Sized),
    eigenvalues: &[f64],
    eigenvectors: &S::Block,
    quality: &Quality,
) -> Result<Certificate, Failure> {
    let space = operator.space();
    let &Quality { residual_max, residual_frobenius, orthogonality, bounds } = quality;
    // E omega = A omega - V diag(lambda) V^T omega.
    let probes = space.random(SEED, 0..PROBES as u64, Law::Gaussian)?;
    let mut outside = finite_product(operator, &probes)?;
    let coefficients = space.gram(space.all(eigenvectors), space.all(&probes))?;
    let scaled = scaled_rows(&coefficients, eigenvalues);
    space.combine(-1.0, space.all(eigenvectors), &scaled, 1.0, &mut outside)?;
    let worst = largest(space.norms(space.all(&outside))?);
    let quadratic = space.dots(space.all(&outside), space.all(&probes))?;
    let n = PROBES as f64;
    let mean = quadratic.iter().sum::<f64>() / n;
    let deviations: Vec<f64> = quadratic.iter().map(|q| q - mean).collect();
    let trace = eigenvalues.iter().sum::<f64>();
    let Precision { matrix_error, vanishes } = precision(operator, ERROR_PROBES)?;
    Ok(Certificate {
        residual_max,
        residual_frobenius,
        orthogonality,
        outside_bound: BOUND * worst,
        failure_probability: f64::from(1 + bounds) * 10f64.powf(-n),
        trace_eigenvalues: trace,
        trace_probes: trace + mean,
        trace_standard_error: norm(&deviations) / (n * (n - 1.0)).sqrt(),
        trace_exact: operator.exact_trace(),
        rounding: operator.rounding(),
        matrix_error,
        vanishes,
        trace_scale: eigenvalues.iter().map(|l| l.abs()).sum(),
        limit: LIMIT.max(ROUNDING * space.epsilon() * (space.len() as f64).sqrt()),
    })
}

/// |A v_i - lambda_i v_i| for every pair, and all entries of V^T V - I.
fn one_by_one<S: Space>(
    operator: &(impl SymmetricOperator<S> + ?Sized),
    eigenvalues: &[f64],
    eigenvectors: &S::Block,
    watch: &mut dyn Watch,
) -> Result<Quality, Failure> {
    let space = operator.space();
    let k = eigenvalues.len();
    let mut residuals = Vec::with_capacity(k);
    for start in (0..k).step_by(BLOCK) {
        let range = start..(start + BLOCK).min(k);
        let block = space.copy(Columns { block: eigenvectors, range: range.clone() })?;
        let mut products = operator.product(&block)?;
        let negative: Vec<f64> = eigenvalues[range.clone()].iter().map(|l| -l).collect();
        space.add_scaled(&negative, space.all(&block), &mut products)?;
        residuals.extend(space.norms(space.all(&products))?);
        watch.tell(stage::CERTIFICATE, range.end as u64, Some(k as u64), "columns")?;
    }
    let residual_frobenius = norm(&residuals);
    let gram = space.gram(space.all(eigenvectors), space.all(eigenvectors))?;
    let entry = |(i, g): (usize, &f64), j: usize| (g - f64::from(u8::from(i == j))).abs();
    let columns = gram.iter_columns().enumerate();
    let orthogonality = largest(columns.flat_map(|(j, c)| c.iter().enumerate().map(move |e| entry(e, j))));
    Ok(Quality { residual_max: largest(residuals), residual_frobenius, orthogonality, bounds: 0 })
}

/// Bounds on the same numbers from random combinations of the pairs.
fn in_combinations<S: Space>(
    operator: &(impl SymmetricOperator<S> + ?Sized),
    eigenvalues: &[f64],
    eigenvectors: &S::Block,
    watch: &mut dyn Watch,
) -> Result<Quality, Failure> {
    let space = operator.space();
    let k = eigenvalues.len();
    let data = (0..PROBES as u64).flat_map(|j| random_entries(0..k, j, COMBINATIONS, Law::Gaussian)).collect();
    let probes = Matrix { data, rows: k, columns: PROBES };
    // (A V - V diag(lambda)) omega.
    let combinations = times(&space, eigenvectors, &probes)?;
    let mut residuals = operator.product(&combinations)?;
    space.combine(-1.0, space.all(eigenvectors), &scaled_rows(&probes, eigenvalues), 1.0, &mut residuals)?;
    let residuals = space.norms(space.all(&residuals))?;
    // (V^T V - I) omega.
    let mut skew = space.gram(space.all(eigenvectors), space.all(&combinations))?;
    skew.data.iter_mut().zip(&probes.data).for_each(|(s, omega)| *s -= omega);
    watch.tell(stage::CERTIFICATE, k as u64, Some(k as u64), "columns")?;
    let root_mean_square = norm(&residuals) / (PROBES as f64).sqrt();
    Ok(Quality {
        residual_max: BOUND * largest(residuals),
        residual_frobenius: FROBENIUS_BOUND * root_mean_square,
        orthogonality: BOUND * largest(skew.iter_columns().map(norm)),
        bounds: 3,
    })
}

/// diag(factors) A.
fn scaled_rows(a: &Matrix<f64>, factors: &[f64]) -> Matrix<f64> {
    let mut scaled = a.clone();
    for column in scaled.data.chunks_exact_mut(factors.len().max(1)) {
        column.iter_mut().zip(factors).for_each(|(x, factor)| *x *= factor);
    }
    scaled
}

/// The largest number, 0 for none; NaN if one is NaN, which `f64::max` would drop.
fn largest(numbers: impl IntoIterator<Item = f64>) -> f64 {
    numbers.into_iter().fold(0.0, |m: f64, x| if m.is_nan() || x.is_nan() { f64::NAN } else { m.max(x) })
}

impl Certificate {
    /// Checks that every number is within its limit, given the `eigenvalues` `[K]` that were certified. NaN is never
    /// within a limit.
    ///
    /// # Errors
    /// [`NotCertified`] with the first number that is beyond its limit.
    pub fn check(&self, eigenvalues: &[f64]) -> Result<(), NotCertified> {
        let scale = largest(eigenvalues.iter().map(|l| l.abs()));
        let length = norm(eigenvalues);
        // Where the error of the matrix was measured, the estimate of rounding gives no larger allowance than that.
        let rounding = self.matrix_error.map_or(self.rounding, |error| self.rounding.min(ERRORS * error));
        let off = (self.limit * scale).max(rounding);
        let trace_off = self.limit * self.trace_scale + off;
        let from_eigenvalues = |trace: f64| (trace - self.trace_eigenvalues).abs();
        let probes_off = trace_off + STANDARD_ERRORS * self.trace_standard_error;
        let numbers = [
            ("the largest residual", self.residual_max, off),
            (
                "the root of the summed squares of the residuals",
                self.residual_frobenius,
                (self.limit * length).max(rounding * (eigenvalues.len() as f64).sqrt()),
            ),
            ("the loss of orthogonality", self.orthogonality, self.limit),
            ("the bound on what lies outside the eigenpairs", self.outside_bound, off),
            (
                "the distance of the trace by probes from the sum of the eigenvalues",
                from_eigenvalues(self.trace_probes),
                probes_off,
            ),
            (
                "the distance of the trace by a route of its own from the sum of the eigenvalues",
                self.trace_exact.map_or(0.0, from_eigenvalues),
                trace_off,
            ),
        ];
        // Where one of the two is NaN the comparison is false, and the number is refused.
        let holds = |(_, got, limit): &(&str, f64, f64)| got <= limit;
        match numbers.into_iter().find(|number| !holds(number)) {
            Some((what, got, limit)) => Err(NotCertified { what, got, limit }),
            None => Ok(()),
        }
    }
}

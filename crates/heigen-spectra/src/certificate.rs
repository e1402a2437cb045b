//! Certificates: error bounds for a spectrum, computed from fresh products whichever way the spectrum was found.

use crate::operator::finite_product;
use crate::space::{Columns, Space};
use crate::{Failure, Law, Precision, SymmetricOperator, Watch, precision, stage};

/// Gaussian probes of the randomized bound; it fails with probability 10^-PROBES at most.
const PROBES: usize = 10;
/// 10 sqrt(2/pi): this times the largest |E omega| over the probes bounds |E|_2.
const BOUND: f64 = 10.0 * 0.797_884_560_802_865_4;
/// Seed of the probes. No method of computing a spectrum uses it, so the probes are independent of the result.
const SEED: u64 = 96_153;
/// Columns in one product with the operator.
const BLOCK: usize = 128;

/// Bounds and checks of eigenpairs (lambda_i, v_i) of a symmetric operator A, all from products with A that played no
/// part in computing them.
///
/// A is the matrix as its products compute it. What rounding did to the matrix itself is `matrix_error`;
/// [`precision`](crate::precision()) says how the two belong together, and what they mean in float32.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Certificate {
    /// max_i |A v_i - lambda_i v_i|: every lambda_i is within this distance of an eigenvalue of A.
    pub residual_max: f64,
    /// (sum_i |A v_i - lambda_i v_i|^2)^(1/2).
    pub residual_frobenius: f64,
    /// max |V^T V - I|.
    pub orthogonality: f64,
    /// Bound on |A - V diag(lambda) V^T|_2, the part of A that the returned pairs do not explain: 10 sqrt(2/pi) max_j
    /// |E omega_j| over Gaussian probes omega_j, with E = A - V diag(lambda) V^T (Halko, Martinsson, Tropp, SIAM Review
    /// 53 (2011), 217, lemma 4.1).
    pub outside_bound: f64,
    /// Upper bound on the probability that `outside_bound` does not hold.
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
/// Where the operator A was `written_out` as A', residuals are taken with A' and the bound on |A - A'|_2 is added to
/// them, the same randomized bound as for what lies outside.
///
/// # Cost
/// K + 30 products and P K^2 operations; where A was written out 30 products with A and K + 10 with A'.
///
/// # Errors
/// [`Failure`] if a product fails or is not finite, or `watch` stops it.
pub fn certify<S: Space>(
    operator: &(impl SymmetricOperator<S> + ?Sized),
    written_out: Option<&dyn SymmetricOperator<S>>,
    eigenvalues: &[f64],
    eigenvectors: &S::Block,
    watch: &mut dyn Watch,
) -> Result<Certificate, Failure> {
    let space = operator.space();
    let k = space.columns(eigenvectors);
    let residuals = residuals(operator, written_out, eigenvalues, eigenvectors, watch)?;
    let squares: f64 = residuals.iter().map(|r| r.powi(2)).sum();
    let gram = space.gram(space.all(eigenvectors), space.all(eigenvectors))?;
    let entry = |(i, g): (usize, &f64), j: usize| (g - f64::from(u8::from(i == j))).abs();
    let columns = gram.iter_columns().enumerate();
    let orthogonality = largest(columns.flat_map(|(j, c)| c.iter().enumerate().map(move |e| entry(e, j))));

    // E omega = A omega - V diag(lambda) V^T omega.
    let probes = space.random(SEED, 0..PROBES as u64, Law::Gaussian)?;
    let mut outside = finite_product(operator, &probes)?;
    let difference = match written_out {
        None => 0.0,
        Some(cheap) => {
            let mut products = finite_product(cheap, &probes)?;
            space.scale_columns(&mut products, &[-1.0; PROBES])?;
            space.add_scaled(&[1.0; PROBES], space.all(&outside), &mut products)?;
            BOUND * largest(space.norms(space.all(&products))?)
        }
    };
    let mut coefficients = space.gram(space.all(eigenvectors), space.all(&probes))?;
    for column in coefficients.data.chunks_exact_mut(k.max(1)) {
        column.iter_mut().zip(eigenvalues).for_each(|(c, &l)| *c *= l);
    }
    space.combine(-1.0, space.all(eigenvectors), &coefficients, 1.0, &mut outside)?;
    let worst = largest(space.norms(space.all(&outside))?);
    let quadratic = space.dots(space.all(&outside), space.all(&probes))?;
    let n = PROBES as f64;
    let mean = quadratic.iter().sum::<f64>() / n;
    let variance = quadratic.iter().map(|q| (q - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let trace = eigenvalues.iter().sum::<f64>();
    let Precision { matrix_error, vanishes } = precision(operator, ERROR_PROBES)?;
    Ok(Certificate {
        residual_max: largest(residuals) + difference,
        residual_frobenius: squares.sqrt() + (k as f64).sqrt() * difference,
        orthogonality,
        outside_bound: BOUND * worst,
        failure_probability: 10f64.powf(-n),
        trace_eigenvalues: trace,
        trace_probes: trace + mean,
        trace_standard_error: (variance / n).sqrt(),
        trace_exact: operator.exact_trace(),
        rounding: operator.rounding(),
        matrix_error,
        vanishes,
        trace_scale: eigenvalues.iter().map(|l| l.abs()).sum(),
        limit: LIMIT.max(ROUNDING * space.epsilon() * (space.len() as f64).sqrt()),
    })
}

/// |A v_i - lambda_i v_i| for every pair.
fn residuals<S: Space>(
    operator: &(impl SymmetricOperator<S> + ?Sized),
    written_out: Option<&dyn SymmetricOperator<S>>,
    eigenvalues: &[f64],
    eigenvectors: &S::Block,
    watch: &mut dyn Watch,
) -> Result<Vec<f64>, Failure> {
    let space = operator.space();
    let k = eigenvalues.len();
    let mut residuals = Vec::with_capacity(k);
    for start in (0..k).step_by(BLOCK) {
        let range = start..(start + BLOCK).min(k);
        let block = space.copy(Columns { block: eigenvectors, range: range.clone() })?;
        let mut products = match written_out {
            Some(cheap) => cheap.product(&block)?,
            None => operator.product(&block)?,
        };
        let negative: Vec<f64> = eigenvalues[range.clone()].iter().map(|l| -l).collect();
        space.add_scaled(&negative, space.all(&block), &mut products)?;
        residuals.extend(space.norms(space.all(&products))?);
        watch.tell(stage::CERTIFICATE, range.end as u64, Some(k as u64), "columns")?;
    }
    Ok(residuals)
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
        let length = eigenvalues.iter().map(|l| l * l).sum::<f64>().sqrt();
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

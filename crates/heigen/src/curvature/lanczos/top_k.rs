//! The iteration: extend, look, restart or widen, until the wanted pairs have converged.

use super::basis::Ritz;
use super::{KrylovBasis, TopK, TopKError, TopKOptions, Which};
use crate::curvature::SymmetricOperator;
use crate::linalg::{Matrix, Scalar, norm};

/// How far [`top_k_from`] has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Columns the operator was applied to in this call.
    pub products: usize,
    /// Wanted pairs whose residual estimate is small enough.
    pub converged: usize,
    /// Wanted pairs.
    pub wanted: usize,
}

/// The k extreme eigenpairs of A: A v_i = lambda_i v_i up to residuals |A v_i - lambda_i v_i| <= tolerance |A|.
///
/// Block Lanczos with full reorthogonalisation and thick restarts, from random directions. Repeated and clustered
/// eigenvalues are found with their multiplicity: where as many copies of one have appeared as there were random
/// directions, directions are added. Nothing is assumed of the rank; `k` is at most P, more gives all P pairs.
///
/// # Shapes
/// Eigenvalues `[k]`, eigenvectors [P, k], residuals `[k]`, in the order of `which`.
///
/// # Cost
/// M products with single columns, in blocks; orthogonalisation about 4 P m M operations for a basis of m columns,
/// memory 8 P m bytes in float64. M is some tens for well separated eigenvalues and, inside a bulk of r nonzero
/// eigenvalues, at worst about r.
///
/// # Errors
/// [`TopKError::NotConverged`] with the pairs reached if the maximum of products is used up; [`TopKError::NotFinite`]
/// if a product is infinite or NaN.
///
/// # References
/// Golub and Underwood, The block Lanczos method (1977); Stewart, SIAM J. Matrix Anal. Appl. 23 (2002), 601,
/// doi:10.1137/S0895479800371529, algorithm 3.1 for symmetric A; Wu and Simon, SIAM J. Matrix Anal. Appl. 22 (2000),
/// 602, doi:10.1137/S0895479898334605.
///
/// ```
/// use heigen::curvature::{SymmetricOperator, TopKOptions, Which, top_k};
/// use heigen::linalg::Matrix;
///
/// /// diag(0, 1, ..., 99).
/// struct Counting;
/// impl SymmetricOperator<f64> for Counting {
///     fn n_params(&self) -> usize {
///         100
///     }
///     fn apply(&self, v: &Matrix<f64>, out: &mut Matrix<f64>) {
///         *out = Matrix::from_fn(100, v.columns, |i, j| i as f64 * v.column(j)[i]);
///     }
/// }
/// let top = top_k(&Counting, 2, Which::BothEnds, &TopKOptions::default())?;
/// assert!((top.eigenvalues[0] - 99.0).abs() < 1e-6 && top.eigenvalues[1].abs() < 1e-6);
/// # Ok::<(), heigen::curvature::TopKError<f64>>(())
/// ```
pub fn top_k<T: Scalar>(
    operator: &impl SymmetricOperator<T>,
    k: usize,
    which: Which,
    options: &TopKOptions,
) -> Result<TopK<T>, TopKError<T>> {
    let mut basis = KrylovBasis::random(operator.n_params(), options.block(), options.seed)?;
    top_k_from(&mut basis, operator, k, which, options, |_| {})
}

/// [`top_k`] from what is known of the operator already: the `basis` of an earlier call, or given starting directions.
///
/// `basis` is left in a state to continue from, also after [`TopKError::NotConverged`]. `progress` is told how far the
/// iteration has come whenever convergence is looked at.
///
/// # Errors
/// Those of [`top_k`]; [`TopKError::Size`] if basis and operator have different P.
pub fn top_k_from<T: Scalar>(
    basis: &mut KrylovBasis<T>,
    operator: &impl SymmetricOperator<T>,
    k: usize,
    which: Which,
    options: &TopKOptions,
    mut progress: impl FnMut(Progress),
) -> Result<TopK<T>, TopKError<T>> {
    let p = operator.n_params();
    if basis.n_params() != p {
        return Err(TopKError::Size { got: basis.n_params(), wanted: p });
    }
    let k = k.min(p);
    let block = options.block();
    let tolerance = options.tolerance.max(TopKOptions::attainable::<T>(p));
    let run = Run { k, which, tolerance, before: basis.products };
    if k == 0 {
        return Ok(run.nothing(basis));
    }
    let limit = options.products(k);
    // Estimates must be a little better than what is asked for, so that computed residuals are good enough.
    let mut aim = 0.5 * tolerance;
    let (mut restarts, mut look_at) = (0, k.min(p));
    loop {
        let subspace = options.subspace::<T>(k, p, block.max(basis.x.columns));
        let exhausted = basis.products - run.before + basis.x.columns + k > limit;
        let full = basis.len() + basis.x.columns > subspace;
        let look = basis.len() >= look_at || full || exhausted || basis.is_invariant();
        if look && !basis.is_empty() {
            let ritz = basis.ritz()?;
            let state = run.state(basis, &ritz, aim);
            progress(Progress { products: basis.products - run.before, converged: state.converged, wanted: k });
            look_at = (basis.len() + basis.x.columns).max(basis.len() * GROWTH / 100);
            if exhausted || (state.converged == k && !state.saturated && basis.is_developed()) {
                let top = run.finish(basis, operator, &ritz, restarts)?;
                if top.converged {
                    return Ok(top);
                }
                if exhausted || basis.is_invariant() {
                    return Err(TopKError::NotConverged(Box::new(top)));
                }
                aim *= 0.25;
            } else if state.saturated || (basis.is_invariant() && basis.x.columns == 0) {
                basis.widen(block)?;
            }
            if full {
                let kept = run.kept(&ritz, subspace, basis.x.columns);
                basis.compress(&ritz, &kept);
                restarts += 1;
                look_at = 0;
            }
        }
        basis.extend(operator)?;
    }
}

/// The basis grows by this many percent between looks at the Ritz values, whose cost grows with its cube.
const GROWTH: usize = 112;
/// Ritz values within this fraction of |A| count as copies of one eigenvalue.
const COPIES: f64 = 1e-9;

struct Run {
    k: usize,
    which: Which,
    tolerance: f64,
    /// Products of the basis before this call.
    before: usize,
}

struct State {
    /// Wanted pairs with a small estimate.
    converged: usize,
    /// As many copies of a wanted eigenvalue have converged as there were random directions: there may be more.
    saturated: bool,
}

impl Run {
    fn nothing<T: Scalar>(&self, basis: &KrylovBasis<T>) -> TopK<T> {
        TopK {
            eigenvalues: Vec::new(),
            eigenvectors: Matrix::zeros(basis.n_params(), 0),
            residuals: Vec::new(),
            scale: basis.scale,
            tolerance: self.tolerance,
            products: 0,
            restarts: 0,
            converged: true,
        }
    }

    fn state<T: Scalar>(&self, basis: &KrylovBasis<T>, ritz: &Ritz<T>, aim: f64) -> State {
        let good = |i: usize| ritz.residuals[i] <= aim * basis.scale;
        let width = COPIES.max(64.0 * T::EPSILON) * basis.scale;
        let copies = |i: usize| ritz.values.iter().filter(|l| (*l - ritz.values[i]).abs() <= width).count();
        let room = basis.len() + basis.x.columns < basis.n_params();
        let ends = self.which.wanted(&ritz.values, self.k);
        let converged = ends.iter().flatten().filter(|&&i| good(i)).count();
        let saturated = room
            && ends.iter().any(|end| {
                let leading = end.iter().take_while(|&&i| good(i));
                let last = end.last().map_or(0.0, |&i| ritz.values[i]);
                // Copies of the last wanted value need no company: more of them would change nothing.
                leading.filter(|&&i| (ritz.values[i] - last).abs() > width).any(|&i| copies(i) >= basis.starts.max(2))
            });
        State { converged, saturated }
    }

    /// The pairs to go on with: the wanted ones, and as many next to them as a third of what is free.
    fn kept<T: Scalar>(&self, ritz: &Ritz<T>, subspace: usize, block: usize) -> Vec<usize> {
        let more = subspace.saturating_sub(self.k + block) / 3;
        let most = subspace.saturating_sub(block).min(ritz.values.len());
        let mut kept = self.which.wanted(&ritz.values, (self.k + more).min(most)).concat();
        kept.sort_unstable();
        kept.dedup();
        kept
    }

    /// The wanted pairs with computed residuals.
    fn finish<T: Scalar>(
        &self,
        basis: &mut KrylovBasis<T>,
        operator: &impl SymmetricOperator<T>,
        ritz: &Ritz<T>,
        restarts: usize,
    ) -> Result<TopK<T>, TopKError<T>> {
        let wanted = self.which.wanted(&ritz.values, self.k).concat();
        let eigenvectors = basis.vectors(ritz, &wanted);
        let eigenvalues: Vec<T> = wanted.iter().map(|&i| T::from_f64(ritz.values[i])).collect();
        let products = operator.product(&eigenvectors);
        basis.products += wanted.len();
        if !products.is_finite() {
            return Err(TopKError::NotFinite);
        }
        let residuals: Vec<f64> = (0..wanted.len())
            .map(|i| {
                let pairs = products.column(i).iter().zip(eigenvectors.column(i));
                norm(&pairs.map(|(&av, &v)| av - eigenvalues[i] * v).collect::<Vec<T>>())
            })
            .collect();
        let enough = wanted.len() == self.k;
        let converged = enough && residuals.iter().all(|&r| r <= self.tolerance * basis.scale);
        Ok(TopK {
            eigenvalues,
            eigenvectors,
            residuals,
            scale: basis.scale,
            tolerance: self.tolerance,
            products: basis.products - self.before,
            restarts,
            converged,
        })
    }
}

//! The iteration: extend, look, restart or widen, until the wanted pairs have converged.

use super::basis::Ritz;
use super::looks::{Looks, Sizes};
use super::refine::{Draft, by_draft};
use super::{KrylovBasis, Start, TopK, TopKError, TopKOptions, Which, proof};
use crate::ordinary::Ordinary;
use crate::{Failure, Space, SymmetricOperator, Watch, stage};
use std::fmt::Debug;

/// The k extreme eigenpairs of A: A v_i = lambda_i v_i up to residuals |A v_i - lambda_i v_i| <= tolerance |A|.
///
/// Block Lanczos with full reorthogonalisation and thick restarts, from random directions. Repeated and clustered
/// eigenvalues are found with their multiplicity: when as many copies of an eigenvalue have appeared as there were
/// random directions, more directions are added. Nothing is assumed of the rank. If `k` is more than P, all P pairs are
/// returned.
///
/// # Shapes
/// Eigenvalues `[k]`, eigenvectors [P, k], residuals `[k]`, in the order of `which`.
///
/// # Cost
/// M products with single columns, taken in blocks; about 4 P m M operations of orthogonalisation for a basis of m
/// columns, which is read twice for two blocks; 8 P m bytes of memory in float64. M is some tens for well separated
/// eigenvalues and, inside a bulk of r nonzero eigenvalues, at worst about r. Two of the products (four in float32) bound
/// the residuals of all pairs; only where that does not prove the tolerance, k products compute them.
///
/// # Errors
/// [`TopKError::NotConverged`] with the pairs reached if the maximum of products is used up; [`TopKError::Failed`] if a
/// product fails, with [`Failure::NotFinite`] inside if it is infinite or NaN.
///
/// # References
/// Golub and Underwood, The block Lanczos method (1977); Stewart, SIAM J. Matrix Anal. Appl. 23 (2002), 601,
/// doi:10.1137/S0895479800371529, algorithm 3.1 for symmetric A; Wu and Simon, SIAM J. Matrix Anal. Appl. 22 (2000),
/// 602, doi:10.1137/S0895479898334605.
///
/// ```
/// use heigen_spectra::{Failure, Host, SymmetricOperator, TopKOptions, Which, linalg::Matrix, top_k};
///
/// /// diag(0, 1, ..., 99).
/// struct Counting;
/// impl SymmetricOperator for Counting {
///     fn space(&self) -> Host<f64> {
///         Host::new(100)
///     }
///     fn apply(&self, v: &Matrix<f64>, out: &mut Matrix<f64>) -> Result<(), Failure> {
///         *out = Matrix::from_fn(100, v.columns, |i, j| i as f64 * v.column(j)[i]);
///         Ok(())
///     }
/// }
/// let top = top_k(&Counting, 2, Which::BothEnds, &TopKOptions::default())?;
/// assert!((top.eigenvalues[0] - 99.0).abs() < 1e-6 && top.eigenvalues[1].abs() < 1e-6);
/// # Ok::<(), heigen_spectra::TopKError<Matrix<f64>>>(())
/// ```
pub fn top_k<S: Space<Block: Debug>>(
    operator: &(impl SymmetricOperator<S> + ?Sized),
    k: usize,
    which: Which,
    options: &TopKOptions,
) -> Result<TopK<S::Block>, TopKError<S::Block>> {
    top_k_from(Start::Random, operator, k, which, options, &mut ())
}

/// [`top_k`] from a chosen [`Start`], with a [`Watch`] that follows the computation and may stop it.
///
/// Whenever the iteration looks for converged pairs, `watch` is told how many of the wanted ones there are; it is asked
/// whether to go on after every product.
///
/// # Errors
/// The errors of [`top_k`]; also [`TopKError::Size`] if the basis and the operator have different P, and
/// [`TopKError::Failed`] with [`Failure::Stopped`] inside if `watch` stops the computation.
pub fn top_k_from<S: Space<Block: Debug>>(
    start: Start<'_, S::Block>,
    operator: &(impl SymmetricOperator<S> + ?Sized),
    k: usize,
    which: Which,
    options: &TopKOptions,
    watch: &mut dyn Watch,
) -> Result<TopK<S::Block>, TopKError<S::Block>> {
    let known = if let Start::Continue(basis) = &start { basis.binary } else { None };
    let operator = Ordinary::new(operator, known);
    let found = match start {
        Start::Continue(basis) => {
            let found = of_ordinary(Start::Continue(basis), &operator, k, which, options, watch);
            basis.binary = operator.binary();
            found
        }
        other => of_ordinary(other, &operator, k, which, options, watch),
    };
    found.map(|top| top.back(&operator)).map_err(|error| error.back(&operator))
}

/// [`top_k_from`] for an operator of ordinary scale.
fn of_ordinary<S: Space<Block: Debug>, O: SymmetricOperator<S> + ?Sized>(
    start: Start<'_, S::Block>,
    operator: &Ordinary<'_, O>,
    k: usize,
    which: Which,
    options: &TopKOptions,
    watch: &mut dyn Watch,
) -> Result<TopK<S::Block>, TopKError<S::Block>> {
    let space = &operator.space();
    let p = space.len();
    let k = k.min(p);
    let tolerance = options.tolerance.max(TopKOptions::attainable(space.epsilon(), p));
    let mut own;
    let mut used = [0, 0];
    let basis = match start {
        Start::Random => {
            match by_draft(space, operator, k, which, &TopKOptions { tolerance, ..options.clone() }, watch)? {
                Draft::Refined(top) => {
                    let top = *top;
                    return if top.converged { Ok(top) } else { Err(TopKError::NotConverged(Box::new(top))) };
                }
                Draft::None { products, drafts } => used = [products, drafts],
            }
            own = KrylovBasis::random(space, options.block(), options.seed)?;
            &mut own
        }
        Start::Directions(directions) => {
            own = KrylovBasis::from_directions(space, directions, options.seed)?;
            &mut own
        }
        Start::Continue(basis) => basis,
    };
    if basis.n_params() != p {
        return Err(TopKError::Size { got: basis.n_params(), wanted: p });
    }
    let run = Run { k, which, tolerance, before: basis.products, epsilon: space.epsilon(), coarse: false };
    if k == 0 {
        return Ok(run.nothing(space, basis)?);
    }
    let limit = options.products(k).saturating_sub(used.iter().sum());
    let mut course = Course::new(AIM * tolerance);
    loop {
        let (ritz, exhausted) = search(&run, space, operator, basis, options, limit, &mut course, watch)?;
        let left = limit.saturating_sub(basis.products - run.before);
        let mut top = run.finish(space, basis, operator, &ritz, [left, course.restarts])?;
        top.products += used[0];
        top.drafts = used[1];
        if top.converged {
            return Ok(top);
        }
        if exhausted || basis.is_invariant() {
            return Err(TopKError::NotConverged(Box::new(top)));
        }
        course.aim *= 0.25;
        course.looks = Looks::default();
        go_on(&run, space, operator, basis, options, Some(&ritz), &mut course, watch)?;
    }
}

/// How far a search has come.
pub(super) struct Course {
    /// What the estimates of residuals are to be below, as a fraction of |A|.
    aim: f64,
    pub(super) restarts: usize,
    converged: usize,
    looks: Looks,
}

impl Course {
    pub(super) fn new(aim: f64) -> Self {
        Self { aim, restarts: 0, converged: 0, looks: Looks::default() }
    }
}

/// Extends the basis until the estimates say that the wanted pairs have converged, or until `limit` products are used up, which
/// the second result tells. The Ritz pairs are those of the basis as it is then.
#[expect(clippy::too_many_arguments, reason = "a search has these parts, and two callers")]
pub(super) fn search<S: Space>(
    run: &Run,
    space: &S,
    operator: &(impl SymmetricOperator<S> + ?Sized),
    basis: &mut KrylovBasis<S::Block>,
    options: &TopKOptions,
    limit: usize,
    course: &mut Course,
    watch: &mut dyn Watch,
) -> Result<(Ritz, bool), Failure> {
    let (p, k, block) = (space.len(), run.k, options.block());
    loop {
        let full = basis.len() + basis.width() > options.subspace(k, space, block.max(basis.width()));
        let exhausted = basis.products - run.before + basis.width() + proof::products(k, run.epsilon) > limit;
        let due = basis.len() >= k && course.looks.is_due(basis.products);
        let mut found = None;
        if !basis.is_empty() && (due || full || exhausted || basis.is_invariant()) {
            let ritz = basis.ritz(space)?;
            let state = run.state(basis, &ritz, course.aim);
            course.converged = state.converged;
            let sizes = Sizes { p, m: basis.len(), width: basis.width() };
            course.looks.note(basis.products, state.worst, &sizes);
            // An earlier call has seen to it that the pairs of a basis that is only looked at again are all there.
            let known = basis.is_invariant() || basis.products == run.before;
            let settled = course.looks.settled(run.values(&ritz), run.tolerance * basis.scale) || known;
            if exhausted || (state.converged == k && settled && !state.saturated && basis.is_developed()) {
                return Ok((ritz, exhausted));
            }
            if state.saturated || (basis.is_invariant() && basis.width() == 0) {
                // Doubling the directions keeps the number of times low that they have to develop.
                basis.widen(space, block.max(basis.starts))?;
                course.looks = Looks::default();
            }
            found = full.then_some(ritz);
        }
        go_on(run, space, operator, basis, options, found.as_ref(), course, watch)?;
    }
}

/// Takes one more product, after a restart from the Ritz pairs where the basis is full.
#[expect(clippy::too_many_arguments, reason = "a search has these parts, and two callers")]
fn go_on<S: Space>(
    run: &Run,
    space: &S,
    operator: &(impl SymmetricOperator<S> + ?Sized),
    basis: &mut KrylovBasis<S::Block>,
    options: &TopKOptions,
    ritz: Option<&Ritz>,
    course: &mut Course,
    watch: &mut dyn Watch,
) -> Result<(), Failure> {
    let subspace = options.subspace(run.k, space, options.block().max(basis.width()));
    if let Some(ritz) = ritz.filter(|_| basis.len() + basis.width() > subspace) {
        let kept = run.kept(ritz, subspace, basis.width());
        basis.compress(space, ritz, &kept)?;
        course.restarts += 1;
    }
    watch.tell(stage::LANCZOS, course.converged as u64, Some(run.k as u64), "eigenpairs")?;
    basis.extend(space, operator)
}

/// The estimates of residuals have to be below this share of the tolerance; the rest is for what the estimates leave out.
pub(super) const AIM: f64 = 0.9;
/// Ritz values within this fraction of |A| count as copies of one eigenvalue, or within this share of the tolerance where
/// that is finer.
const COPIES: f64 = 1e-9;
const COPY: f64 = 0.1;
/// Units of rounding of an eigenvalue within which coarse Ritz values count as its copies.
const COARSE: f64 = 8.0;

pub(super) struct Run {
    pub(super) k: usize,
    pub(super) which: Which,
    pub(super) tolerance: f64,
    /// Products that the basis had used before this call.
    pub(super) before: usize,
    /// The rounding unit of the vectors.
    pub(super) epsilon: f64,
    /// Whether the pairs are refined afterwards in a finer type of numbers.
    pub(super) coarse: bool,
}

struct State {
    /// Number of wanted pairs whose estimated residual is small enough.
    converged: usize,
    /// As many copies of a wanted eigenvalue have converged as there were random directions, so there may be more
    /// copies.
    saturated: bool,
    /// The largest estimate of a wanted pair's residual, in units of what is aimed at; infinite while there are fewer than
    /// k Ritz pairs.
    worst: f64,
}

impl Run {
    /// How far copies of an eigenvalue may lie apart.
    fn width_of_copies(&self, value: f64, scale: f64) -> f64 {
        let width = COPIES.min(COPY * self.tolerance);
        // Rounding moves an eigenvalue by some units of |A| at most. That of a coarse search moves small ones by some units of
        // themselves, mostly; where it is more, copies are counted once the pairs have been refined.
        if self.coarse {
            (width * scale).max(COARSE * self.epsilon * value.abs())
        } else {
            width.max(64.0 * self.epsilon) * scale
        }
    }

    fn nothing<S: Space>(&self, space: &S, basis: &KrylovBasis<S::Block>) -> Result<TopK<S::Block>, Failure> {
        Ok(TopK {
            eigenvalues: Vec::new(),
            eigenvectors: space.zeros(0)?,
            residuals: Vec::new(),
            scale: basis.scale,
            tolerance: self.tolerance,
            products: 0,
            restarts: 0,
            drafts: 0,
            converged: true,
        })
    }

    /// The wanted Ritz values, in the order of return; their magnitudes where these are what counts, because two values of
    /// opposite signs may change places.
    fn values(&self, ritz: &Ritz) -> Vec<f64> {
        let wanted = self.which.wanted(&ritz.values, self.k).concat().into_iter().map(|i| ritz.values[i]);
        if self.which == Which::LargestMagnitude { wanted.map(f64::abs).collect() } else { wanted.collect() }
    }

    fn state<B>(&self, basis: &KrylovBasis<B>, ritz: &Ritz, aim: f64) -> State {
        let share = |i: usize| ritz.residuals[i] / (aim * basis.scale);
        // Where everything is zero the share is not a number, but the pair is good.
        let good = |i: usize| ritz.residuals[i] <= aim * basis.scale;
        let width = |i: usize| self.width_of_copies(ritz.values[i], basis.scale);
        let copies = |i: usize| ritz.values.iter().filter(|l| (*l - ritz.values[i]).abs() <= width(i)).count();
        let room = basis.len() + basis.width() < basis.n_params();
        let ends = self.which.wanted(&ritz.values, self.k);
        let converged = ends.iter().flatten().filter(|&&i| good(i)).count();
        let same = |i: usize| width(i).max(self.tolerance * basis.scale);
        let saturated = room
            && ends.iter().any(|end| {
                let leading = end.iter().take_while(|&&i| good(i));
                let last = end.last().map_or(0.0, |&i| ritz.values[i]);
                // Copies of values that are the last wanted one up to the tolerance are left out: finding more of them
                // would not change the result by more than the tolerance.
                leading.filter(|&&i| (ritz.values[i] - last).abs() > same(i)).any(|&i| copies(i) >= basis.starts.max(2))
            });
        let worst = if ritz.values.len() < self.k {
            f64::INFINITY
        } else {
            ends.iter().flatten().map(|&i| share(i)).fold(0.0, f64::max)
        };
        State { converged, saturated, worst }
    }

    /// The pairs to keep in a restart: the wanted ones, and as many of their neighbours as fill a third of the free
    /// columns.
    fn kept(&self, ritz: &Ritz, subspace: usize, block: usize) -> Vec<usize> {
        let more = subspace.saturating_sub(self.k + block) / 3;
        let most = subspace.saturating_sub(block).min(ritz.values.len());
        let mut kept = self.which.wanted(&ritz.values, (self.k + more).min(most)).concat();
        kept.sort_unstable();
        kept.dedup();
        kept
    }

    /// The wanted pairs, with proven bounds on their residuals, which take up to `left` products, after so many restarts.
    fn finish<S: Space>(
        &self,
        space: &S,
        basis: &mut KrylovBasis<S::Block>,
        operator: &(impl SymmetricOperator<S> + ?Sized),
        ritz: &Ritz,
        [left, restarts]: [usize; 2],
    ) -> Result<TopK<S::Block>, Failure> {
        let wanted = self.which.wanted(&ritz.values, self.k).concat();
        let limit = self.tolerance * basis.scale;
        let (eigenvectors, residuals) = proof::residuals(space, basis, operator, ritz, &wanted, limit, left)?;
        let converged = wanted.len() == self.k && residuals.iter().all(|&r| r <= limit);
        Ok(TopK {
            eigenvalues: wanted.iter().map(|&i| ritz.values[i]).collect(),
            eigenvectors,
            residuals,
            scale: basis.scale,
            tolerance: self.tolerance,
            products: basis.products - self.before,
            drafts: 0,
            restarts,
            converged,
        })
    }
}

//! Linear systems with a damped operator, by conjugate gradients.

use crate::operator::finite_product;
use crate::ordinary::{brought_near, power};
use crate::{Failure, Space, SymmetricOperator, Watch, stage};

/// How [`solve`] computes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SolveOptions {
    /// mu in (A + mu I) x = b. Default 0.
    pub damping: f64,
    /// Largest residual |b - (A + mu I) x| allowed, as a fraction of |b|. Default 1e-8; rounding sets a floor of 100
    /// epsilons of the vectors' type.
    pub tolerance: f64,
    /// Products that may be taken for a right-hand side. Default: 2 P, but at most 10,000.
    pub max_products: Option<usize>,
}

impl Default for SolveOptions {
    fn default() -> Self {
        Self { damping: 0.0, tolerance: 1e-8, max_products: None }
    }
}

/// Solutions of linear systems and how well they are known.
#[derive(Clone, Debug, PartialEq)]
pub struct Solution<B> {
    /// The solutions [P, k]; column i belongs to right-hand side i.
    pub x: B,
    /// |b_i - (A + mu I) x_i|, computed from products with the returned solutions, not from the recurrence. Where A is
    /// positive semidefinite, the solution is within `residuals[i]` / mu of the exact one.
    pub residuals: Vec<f64>,
    /// |b_i|.
    pub norms: Vec<f64>,
    /// The tolerance that was applied: the one asked for, or the smallest that rounding allows.
    pub tolerance: f64,
    /// Columns that the operator was applied to.
    pub products: usize,
    /// Whether every residual is at most `tolerance` |b_i|.
    pub converged: bool,
}

/// Why there is no solution of the accuracy asked for.
#[derive(Debug, thiserror::Error)]
pub enum SolveError<B: std::fmt::Debug> {
    /// A direction d with d^T (A + mu I) d <= 0 was met.
    #[error(
        "conjugate gradients need a positive definite operator: it has a direction of curvature {curvature:.3e} with a \
         damping of {damping:.3e}; more damping makes it positive"
    )]
    NotPositive {
        /// d^T A d / |d|^2, without the damping.
        curvature: f64,
        /// mu.
        damping: f64,
    },
    /// The products allowed are used up, or rounding leaves a larger residual. What was reached is inside.
    #[error(
        "the largest residual is {:.3e} of the right-hand side after {} products, {:.1e} was asked for; more damping, more \
         products or float64 bring it down",
        .0.residuals.iter().zip(&.0.norms).fold(0.0f64, |m, (r, n)| m.max(r / n)), .0.products, .0.tolerance
    )]
    NotConverged(Box<Solution<B>>),
    /// A product or an operation on vectors failed, or the watch stopped the computation.
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl<B: std::fmt::Debug> From<crate::Stopped> for SolveError<B> {
    fn from(stopped: crate::Stopped) -> Self {
        Self::Failed(stopped.into())
    }
}

/// The recurrence's residual leaves the true one behind where rounding adds up; then it starts anew from the solution
/// reached, this many times at most.
const RESTARTS: usize = 4;
/// The smallest tolerance, in epsilons of the vectors' type.
const ATTAINABLE: f64 = 100.0;
/// Products allowed for a right-hand side unless asked otherwise.
const MOST_PRODUCTS: usize = 10_000;

/// The solutions of (A + mu I) x_i = b_i for the columns b_i of `right` [P, k], with A + mu I positive definite.
///
/// Conjugate gradients without a preconditioner, for all columns at once: every iteration takes one product with the
/// directions of the columns that have not converged. Residuals are computed anew at the end.
///
/// # Shapes
/// `right` and the solutions are [P, k]. A column of zeros has the solution zero.
///
/// # Cost
/// At most about 1/2 sqrt(kappa) ln(2 / tolerance) products for a column, with kappa the condition of A + mu I, and as many as
/// there are distinct eigenvalues where that is less; 10 P operations beside each.
///
/// # Errors
/// [`SolveError::NotPositive`] at a direction of curvature zero or less; [`SolveError::NotConverged`] with what was
/// reached; [`SolveError::Failed`] if a product or `right` is infinite or NaN, or if `watch` stops it.
///
/// # References
/// Hestenes and Stiefel, J. Res. Nat. Bur. Stand. 49 (1952), 409, doi:10.6028/jres.049.044; residuals computed anew: van der
/// Vorst and Ye, SIAM J. Sci. Comput. 22 (2000), 835, doi:10.1137/S1064827599353865.
///
/// ```
/// use heigen_spectra::{DenseOperator, SolveOptions, linalg::Matrix, solve};
/// // (diag(1, 2) + 1) x = (2, 6)
/// let a = DenseOperator(Matrix::from_fn(2, 2, |i, j| if i == j { i as f64 + 1.0 } else { 0.0 }));
/// let b = Matrix { data: vec![2.0, 6.0], rows: 2, columns: 1 };
/// let options = SolveOptions { damping: 1.0, ..SolveOptions::default() };
/// let found = solve(&a, &b, &options, &mut ())?;
/// assert!((found.x.data[0] - 1.0).abs() < 1e-12 && (found.x.data[1] - 2.0).abs() < 1e-12);
/// # Ok::<(), heigen_spectra::SolveError<Matrix<f64>>>(())
/// ```
pub fn solve<S: Space<Block: std::fmt::Debug>>(
    operator: &(impl SymmetricOperator<S> + ?Sized),
    right: &S::Block,
    options: &SolveOptions,
    watch: &mut dyn Watch,
) -> Result<Solution<S::Block>, SolveError<S::Block>> {
    let space = &operator.space();
    let k = space.columns(right);
    if !space.is_finite(space.all(right))? {
        return Err(Failure::NotFinite.into());
    }
    // Squares of residuals must be numbers: x is linear in b, so both are of an ordinary scale here.
    let near = brought_near(space, right)?;
    let (right, binary) = near.as_ref().map_or((right, 0), |(near, binary)| (near, *binary));
    let norms = space.norms(space.all(right))?;
    let tolerance = options.tolerance.max(ATTAINABLE * space.epsilon());
    let most = options.max_products.unwrap_or((2 * space.len()).min(MOST_PRODUCTS)).saturating_mul(k);
    let mut systems = Systems { space, x: space.zeros(k)?, products: 0 };
    let mut residual = space.copy(space.all(right))?;
    let mut residuals = norms.clone();
    let limits: Vec<f64> = norms.iter().map(|norm| tolerance * norm).collect();
    for _ in 0..=RESTARTS {
        if residuals.iter().zip(&limits).all(|(r, limit)| r <= limit) || systems.products >= most {
            break;
        }
        systems.descend(operator, residual, &limits, options.damping, most, watch)?;
        // b - (A + mu I) x
        residual = finite_product(operator, &systems.x)?;
        systems.products += k;
        space.add_scaled(&vec![options.damping; k], space.all(&systems.x), &mut residual)?;
        space.scale_columns(&mut residual, &vec![-1.0; k])?;
        space.add_scaled(&vec![1.0; k], space.all(right), &mut residual)?;
        residuals = space.norms(space.all(&residual))?;
    }
    let converged = residuals.iter().zip(&limits).all(|(r, limit)| r <= limit);
    let Systems { mut x, products, .. } = systems;
    let back = |numbers: Vec<f64>| numbers.into_iter().map(|number| number * power(binary)).collect();
    if binary != 0 {
        space.scale_columns(&mut x, &vec![power(binary); k])?;
    }
    let solution = Solution { x, residuals: back(residuals), norms: back(norms), tolerance, products, converged };
    if converged { Ok(solution) } else { Err(SolveError::NotConverged(Box::new(solution))) }
}

/// The systems under way.
struct Systems<'a, S: Space> {
    space: &'a S,
    x: S::Block,
    products: usize,
}

impl<S: Space<Block: std::fmt::Debug>> Systems<'_, S> {
    /// Conjugate gradients from `x`, whose residuals are `residual`, until the recurrence's residuals are within `limits`.
    fn descend(
        &mut self,
        operator: &(impl SymmetricOperator<S> + ?Sized),
        residual: S::Block,
        limits: &[f64],
        damping: f64,
        most: usize,
        watch: &mut dyn Watch,
    ) -> Result<(), SolveError<S::Block>> {
        let space = self.space;
        let all = limits.len();
        let mut r = residual;
        let mut squares = space.dots(space.all(&r), space.all(&r))?;
        // The numbers of the columns that r and d hold: those that have not converged.
        let mut active: Vec<usize> = (0..all).collect();
        let mut d: Option<S::Block> = None;
        loop {
            let going = |i: usize| squares[i].sqrt() > GOAL * limits[active[i]];
            let kept: Vec<usize> = (0..active.len()).filter(|&i| going(i)).collect();
            if kept.len() < active.len() {
                r = space.select(&r, &kept)?;
                d = d.map(|d| space.select(&d, &kept)).transpose()?;
                active = kept.iter().map(|&i| active[i]).collect();
                squares = kept.iter().map(|&i| squares[i]).collect();
            }
            let width = active.len();
            watch.tell(stage::SOLVE, (all - width) as u64, Some(all as u64), "systems")?;
            if width == 0 || self.products + width > most {
                return Ok(());
            }
            let directions = match d.take() {
                Some(d) => d,
                None => space.copy(space.all(&r))?,
            };
            let mut image = finite_product(operator, &directions)?;
            self.products += width;
            space.add_scaled(&vec![damping; width], space.all(&directions), &mut image)?;
            let curvature = space.dots(space.all(&directions), space.all(&image))?;
            let lengths = space.dots(space.all(&directions), space.all(&directions))?;
            let floor = space.epsilon() * damping.abs();
            if let Some(i) = (0..width).find(|&i| curvature[i] / lengths[i] <= floor) {
                let curvature = curvature[i] / lengths[i] - damping;
                return Err(SolveError::NotPositive { curvature, damping });
            }
            let steps: Vec<f64> = squares.iter().zip(&curvature).map(|(r, c)| r / c).collect();
            self.advance(&active, &steps, &directions)?;
            let back: Vec<f64> = steps.iter().map(|step| -step).collect();
            space.add_scaled(&back, space.all(&image), &mut r)?;
            let next = space.dots(space.all(&r), space.all(&r))?;
            let turns: Vec<f64> = next.iter().zip(&squares).map(|(new, old)| new / old).collect();
            let mut directions = directions;
            space.scale_columns(&mut directions, &turns)?;
            space.add_scaled(&vec![1.0; width], space.all(&r), &mut directions)?;
            d = Some(directions);
            squares = next;
        }
    }

    /// `x_j += step_i d_i` for the columns j = `active[i]`.
    fn advance(&mut self, active: &[usize], steps: &[f64], directions: &S::Block) -> Result<(), Failure> {
        let space = self.space;
        let all = space.columns(&self.x);
        if active.len() == all {
            return space.add_scaled(steps, space.all(directions), &mut self.x);
        }
        let mut spread = crate::linalg::Matrix::zeros(active.len(), all);
        for (i, (&j, &step)) in active.iter().zip(steps).enumerate() {
            spread.column_mut(j)[i] = step;
        }
        space.combine(1.0, space.all(directions), &spread, 1.0, &mut self.x)
    }
}

/// The recurrence goes on until its residual is this fraction of what is allowed, since the true one is a little larger.
const GOAL: f64 = 0.5;

//! Options, start and result of [`top_k`](super::top_k).

use super::KrylovBasis;
use crate::{Failure, Space};

/// How [`top_k`](super::top_k) computes; the default suits every operator.
#[derive(Clone, Debug, PartialEq)]
pub struct TopKOptions {
    /// Largest residual |A v - lambda v| allowed, as a fraction of |A| (the largest magnitude of a Ritz value).
    /// Rounding sets a floor: [`TopKOptions::attainable`]. Default 1e-8.
    pub tolerance: f64,
    /// Directions in one product. Default: [`TopKOptions::DEFAULT_BLOCK`]. An eigenvalue repeated more often than this
    /// is found too, by adding directions when so many copies have appeared; a block of 1 sees no copies and may miss
    /// them.
    pub block: Option<usize>,
    /// Columns of the basis before it is restarted; memory P times this. Default: what keeps the basis within 1 GiB,
    /// between 3 k + 8 blocks and 10 k + 200.
    pub max_subspace: Option<usize>,
    /// Columns the operator may be applied to in one call. Default: 2,000 + 200 k.
    pub max_products: Option<usize>,
    /// Seed of the random directions.
    pub seed: u32,
}

impl Default for TopKOptions {
    fn default() -> Self {
        Self { tolerance: 1e-8, block: None, max_subspace: None, max_products: None, seed: 0 }
    }
}

/// Bytes of the basis before it is restarted.
const MEMORY: usize = 1 << 30;

impl TopKOptions {
    /// Directions in one product unless asked otherwise: few products call for small blocks, fast ones for large.
    pub const DEFAULT_BLOCK: usize = 4;

    /// The smallest relative residual that rounding allows to ask for: max(200, 4 sqrt(P)) epsilons.
    pub fn attainable(epsilon: f64, n_params: usize) -> f64 {
        epsilon * (4.0 * (n_params as f64).sqrt()).max(200.0)
    }

    pub(super) fn block(&self) -> usize {
        self.block.unwrap_or(Self::DEFAULT_BLOCK).max(1)
    }

    pub(super) fn subspace<S: Space>(&self, k: usize, space: &S, block: usize) -> usize {
        let least = k + 2 * block;
        let fitting = MEMORY / (space.len() * space.entry_bytes()).max(1);
        let usual = (10 * k + 200).min(fitting).max(3 * k + 8 * block);
        self.max_subspace.unwrap_or(usual).max(least).min(space.len())
    }

    pub(super) fn products(&self, k: usize) -> usize {
        self.max_products.unwrap_or(2_000 + 200 * k)
    }
}

/// Where [`top_k`](super::top_k) starts; B is the type of a block of vectors in their home.
#[derive(Debug)]
pub enum Start<'a, B> {
    /// From random directions of the options' seed.
    Random,
    /// From given directions [P, b], for instance eigenvectors found an epoch earlier, and two random ones: eigenvectors
    /// alone would never let others be seen. They need not be orthonormal.
    Directions(&'a B),
    /// From a basis of an earlier call with the same operator. It is left in a state to continue from, also after an
    /// error.
    Continue(&'a mut KrylovBasis<B>),
}

/// Extreme eigenpairs and how well they are known.
#[derive(Clone, Debug, PartialEq)]
pub struct TopK<B> {
    /// In the order asked for ([`Which`](super::Which)).
    pub eigenvalues: Vec<f64>,
    /// [P, k], column i belongs to `eigenvalues[i]`; orthonormal; signs are arbitrary, and so is the basis of a
    /// repeated eigenvalue.
    pub eigenvectors: B,
    /// |A v_i - lambda_i v_i|, computed from a product with the returned vectors, not estimated. Some eigenvalue of A
    /// lies within `residuals[i]` of `eigenvalues[i]`.
    pub residuals: Vec<f64>,
    /// The estimate of |A| that the tolerance is relative to: the largest magnitude of a Ritz value.
    pub scale: f64,
    /// The tolerance that was applied, with rounding's floor.
    pub tolerance: f64,
    /// Columns the operator was applied to in this call, those for `residuals` included.
    pub products: usize,
    /// Thick restarts.
    pub restarts: usize,
    /// Whether every residual is at most `tolerance * scale`.
    pub converged: bool,
}

/// Why there are no k eigenpairs of the accuracy asked for.
#[derive(Debug, thiserror::Error)]
pub enum TopKError<B: std::fmt::Debug> {
    /// The maximum of products is used up. What was reached is inside.
    #[error(
        "{} of {} eigenpairs have a residual within {:e} of |A| after {} products (largest residual: {:e} of |A|); \
         allow more products, a larger subspace, or a larger tolerance",
        .0.residuals.iter().filter(|&&r| r <= .0.tolerance * .0.scale).count(),
        .0.residuals.len(), .0.tolerance, .0.products,
        .0.residuals.iter().fold(0.0f64, |m, &r| m.max(r)) / .0.scale
    )]
    NotConverged(Box<TopK<B>>),
    /// The basis belongs to an operator of another size.
    #[error("the starting basis has directions of {got} parameters, the operator has {wanted}")]
    Size {
        /// Rows of the basis.
        got: usize,
        /// P of the operator.
        wanted: usize,
    },
    /// A product or an operation on vectors failed, or the watch stopped the computation.
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl<B: std::fmt::Debug> From<crate::Stopped> for TopKError<B> {
    fn from(stopped: crate::Stopped) -> Self {
        Self::Failed(stopped.into())
    }
}

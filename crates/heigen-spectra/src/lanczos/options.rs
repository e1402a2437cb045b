//! Options, start and result of [`top_k`](super::top_k).

use super::KrylovBasis;
use crate::ordinary::Ordinary;
use crate::{Failure, Space};

/// How [`top_k`](super::top_k) computes; the default suits every operator.
#[derive(Clone, Debug, PartialEq)]
pub struct TopKOptions {
    /// Largest residual |A v - lambda v| allowed, as a fraction of |A| (the largest magnitude of a Ritz value).
    /// Rounding sets a floor: [`TopKOptions::attainable`]. Default 1e-8.
    pub tolerance: f64,
    /// Directions in one product. Default: [`TopKOptions::DEFAULT_BLOCK`]. An eigenvalue that is repeated more often
    /// than this is found too: directions are added as soon as so many copies have appeared. A block of 1 never sees a
    /// second copy and may therefore miss copies.
    pub block: Option<usize>,
    /// Columns of the basis before it is restarted; the basis takes P times this many numbers of memory. Default: as
    /// many as fit into 1 GiB, but at least 3 k + 8 blocks and at most 10 k + 200.
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

/// The memory of a basis may be this many times that of its columns, because it grows by doubling.
const GROWTH: usize = 2;
/// Blocks of directions that a search holds besides its basis: the last one and its copy beside its product, the product as it
/// was made, and the next block.
const BLOCKS: usize = 6;

/// Bytes that the basis may take before it is restarted, unless [`TopKOptions::max_subspace`] says otherwise.
const MEMORY: usize = 1 << 30;

impl TopKOptions {
    /// Directions in one product unless asked otherwise. Small blocks need fewer products: on the spectrum of a network of 10,703
    /// parameters 10 pairs take 36, 42, 54 and 80 products with blocks of 1, 2, 4 and 8, and 50 pairs 297, 244, 346 and 400.
    /// Two directions are the fewest that show an eigenvalue to be repeated. Larger blocks pay where a product with several
    /// directions costs hardly more than with one.
    pub const DEFAULT_BLOCK: usize = 2;

    /// The smallest relative residual that rounding lets one reach: max(200, 4 sqrt(P)) epsilons.
    pub fn attainable(epsilon: f64, n_params: usize) -> f64 {
        epsilon * (4.0 * (n_params as f64).sqrt()).max(200.0)
    }

    pub(crate) fn block(&self) -> usize {
        self.block.unwrap_or(Self::DEFAULT_BLOCK).max(1)
    }

    pub(crate) fn subspace<S: Space>(&self, k: usize, space: &S, block: usize) -> usize {
        self.columns(k, space.len(), space.entry_bytes(), block)
    }

    /// Columns of the basis before it is restarted, for vectors of `len` numbers of `entry_bytes`.
    fn columns(&self, k: usize, len: usize, entry_bytes: usize, block: usize) -> usize {
        let least = k + 2 * block;
        let fitting = MEMORY / (len * entry_bytes).max(1);
        let usual = (10 * k + 200).min(fitting).max(3 * k + 8 * block);
        self.max_subspace.unwrap_or(usual).max(least).min(len)
    }

    /// Bytes that the vectors of a search for `k` eigenpairs take at most, with vectors of `len` numbers of `entry_bytes`
    /// each: the basis with room to grow, the pairs, their products, and a few blocks.
    pub fn bytes(&self, k: usize, len: usize, entry_bytes: usize) -> f64 {
        let (k, block) = (k.min(len), self.block());
        let vectors = GROWTH * self.columns(k, len, entry_bytes, block) + 2 * k + BLOCKS * block;
        vectors as f64 * len as f64 * entry_bytes as f64
    }

    /// The options with a basis that is restarted early enough for the vectors of the search to fit into `limit` bytes;
    /// `None` if not even the smallest basis does. A smaller basis needs more products.
    #[must_use]
    pub fn within(self, limit: f64, k: usize, len: usize, entry_bytes: usize) -> Option<Self> {
        if self.bytes(k, len, entry_bytes) <= limit {
            return Some(self);
        }
        let (vectors, others) = (limit / (len as f64 * entry_bytes as f64), 2 * k.min(len) + BLOCKS * self.block());
        let room = (vectors as usize).saturating_sub(others) / GROWTH;
        let tight = Self { max_subspace: Some(room), ..self };
        (tight.bytes(k, len, entry_bytes) <= limit).then_some(tight)
    }

    /// The largest number of eigenpairs that can be looked for in `limit` bytes, with vectors of `len` numbers of
    /// `entry_bytes` each.
    pub fn most_within(&self, limit: f64, len: usize, entry_bytes: usize) -> usize {
        let vectors = (limit / (len as f64 * entry_bytes as f64)) as usize;
        vectors.saturating_sub((2 * GROWTH + BLOCKS) * self.block()) / (GROWTH + 2)
    }

    pub(crate) fn products(&self, k: usize) -> usize {
        self.max_products.unwrap_or(2_000 + 200 * k)
    }
}

/// Where [`top_k`](super::top_k) starts; B is the type of a block of vectors in their home.
#[derive(Debug)]
pub enum Start<'a, B> {
    /// From random directions of the options' seed.
    Random,
    /// From given directions [P, b], for instance eigenvectors found an epoch earlier, and two random ones: from
    /// eigenvectors alone no other eigenvector would ever be found. They need not be orthonormal.
    Directions(&'a B),
    /// From the basis of an earlier call with the same operator. Also after an error, the basis can be continued from.
    Continue(&'a mut KrylovBasis<B>),
}

/// Extreme eigenpairs and how well they are known.
#[derive(Clone, Debug, PartialEq)]
pub struct TopK<B> {
    /// The eigenvalues, in the order asked for ([`Which`](super::Which)).
    pub eigenvalues: Vec<f64>,
    /// The eigenvectors [P, k], orthonormal; column i belongs to `eigenvalues[i]`. Signs are arbitrary, and so is the
    /// basis of a repeated eigenvalue.
    pub eigenvectors: B,
    /// Upper bounds on |A v_i - lambda_i v_i|, measured by products with random combinations of the returned vectors: each
    /// holds but for a chance of one in a million, up to rounding. Where that does not prove the tolerance, the residuals
    /// themselves, from a product with every returned vector. Some eigenvalue of A lies within `residuals[i]` of
    /// `eigenvalues[i]`.
    pub residuals: Vec<f64>,
    /// The estimate of |A| that the tolerance is relative to: the largest magnitude of a Ritz value.
    pub scale: f64,
    /// The tolerance that was applied: the one asked for, or the smallest that rounding allows.
    pub tolerance: f64,
    /// Columns that the operator was applied to in this call, including the products that `residuals` follow from.
    pub products: usize,
    /// Columns that the operator in a coarser type of numbers ([`SymmetricOperator::coarse`](crate::SymmetricOperator::coarse))
    /// was applied to, beside `products`; 0 where the search was done with the operator itself.
    pub drafts: usize,
    /// Number of thick restarts.
    pub restarts: usize,
    /// Whether every residual is at most `tolerance * scale`.
    pub converged: bool,
}

impl<B> TopK<B> {
    /// Columns that the operator was applied to in this call, in any type of numbers: `products` and `drafts`.
    pub fn all_products(&self) -> usize {
        self.products + self.drafts
    }

    /// The pairs of an operator of any scale from those of the same operator at an ordinary one.
    pub(crate) fn back<O: ?Sized>(mut self, ordinary: &Ordinary<'_, O>) -> Self {
        for number in self.eigenvalues.iter_mut().chain(&mut self.residuals).chain([&mut self.scale]) {
            *number = ordinary.back(*number);
        }
        self
    }
}

/// Why there are no k eigenpairs of the accuracy asked for.
#[derive(Debug, thiserror::Error)]
pub enum TopKError<B: std::fmt::Debug> {
    /// The maximum of products is used up. The pairs that were reached are inside.
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

impl<B: std::fmt::Debug> TopKError<B> {
    /// As [`TopK::back`].
    pub(crate) fn back<O: ?Sized>(self, ordinary: &Ordinary<'_, O>) -> Self {
        match self {
            Self::NotConverged(top) => Self::NotConverged(Box::new(top.back(ordinary))),
            other => other,
        }
    }
}

impl<B: std::fmt::Debug> From<crate::Stopped> for TopKError<B> {
    fn from(stopped: crate::Stopped) -> Self {
        Self::Failed(stopped.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_takes_the_memory_that_there_is() {
        let (options, len) = (TopKOptions::default(), 1_000_000);
        // The usual basis has as many columns as a GiB holds.
        let usual = (MEMORY / (8 * len)) as f64;
        let bytes = |columns: f64| 8.0 * len as f64 * (2.0 * columns + 20.0 + 12.0);
        assert_eq!(options.bytes(10, len, 8), bytes(usual));
        assert_eq!(options.clone().within(bytes(usual), 10, len, 8), Some(options.clone()));
        let tight = options.clone().within(bytes(40.0), 10, len, 8).unwrap();
        assert_eq!((tight.max_subspace, tight.bytes(10, len, 8)), (Some(40), bytes(40.0)));
        // Ten pairs and two blocks of two are the least.
        assert!(options.clone().within(bytes(14.0), 10, len, 8).is_some());
        assert_eq!(options.clone().within(bytes(14.0) - 1.0, 10, len, 8), None);
        assert_eq!(options.most_within(bytes(14.0), len, 8), 10);
        assert_eq!(options.most_within(bytes(14.0) - 1.0, len, 8), 9);
    }
}

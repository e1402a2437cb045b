//! Why a product or an operation on vectors gave no result.

use crate::linalg::EigenError;
use crate::watch::Stopped;
use std::error::Error;

/// Why a product with an operator, or an operation on a block of vectors, gave no result.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The watch asked to stop.
    #[error(transparent)]
    Stopped(#[from] Stopped),
    /// A product, or a direction given to start from, has an infinite or NaN entry.
    #[error(
        "a product with the operator, or a starting direction, has an entry that is infinite or NaN; look for the layer or the weights that overflow"
    )]
    NotFinite,
    /// A small dense eigenproblem or factorisation failed.
    #[error(transparent)]
    Eigen(#[from] EigenError),
    /// The operator or the home of the vectors failed with an error of its own, which is kept as it is: an exception of
    /// Python's, a device that is out of memory.
    #[error(transparent)]
    Operator(Box<dyn Error + Send + Sync>),
}

impl Failure {
    /// Wraps an `error` of the operator's own.
    pub fn of(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Operator(error.into())
    }

    /// Whether the computation was stopped by its watch.
    pub fn is_stopped(&self) -> bool {
        matches!(self, Self::Stopped(_))
    }
}

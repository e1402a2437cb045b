//! Operators that own their problem.

use super::OperatorKind;
use super::forward;
use super::of_samples::OfSamples;
use crate::curvature::{Host, Problem, SymmetricOperator};
use crate::linalg::Scalar;
use std::num::NonZeroUsize;
use std::sync::Arc;

/// An operator of a problem that borrows nothing ([`SharedNetwork::Owned`](crate::curvature::SharedNetwork)), so that it may
/// live as long as anybody holds it. Its products are those of the operator of its kind, of
/// [`Batched`](super::Batched) where there is a size of mini-batches.
///
/// # Shapes
/// Symmetric, [P, P]; products take [P, K] to [P, K].
#[derive(Clone, Debug)]
pub struct OwnedOperator<T> {
    /// The network, its point and all samples.
    pub problem: Arc<Problem<'static, T>>,
    /// The operator: the Hessian, the Gauss-Newton matrix or another one.
    pub kind: OperatorKind,
    /// Number of samples whose activations are held in memory at a time; `None` for all.
    pub batch: Option<NonZeroUsize>,
}

impl<T: Scalar> SymmetricOperator<Host<T>> for OwnedOperator<T> {
    forward!(this, OfSamples { problem: &this.problem, kind: this.kind, batch: this.batch });
}

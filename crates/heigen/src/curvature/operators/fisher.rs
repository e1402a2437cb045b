//! The empirical Fisher matrix.

use super::of_problem;
use crate::curvature::passes::{Destination, Reverse, delta_at_logits, forward_and_back};
use crate::curvature::{Failure, Problem};
use crate::linalg::{Matrix, Scalar};
use crate::loss::LossDelta;
use crate::model::ColumnMap;
use std::num::NonZeroUsize;

/// The empirical Fisher matrix: the uncentred second moment of the gradients of single samples.
///
/// F = 1/N sum_n g_n g_n^T, with g_n the gradient of the loss of sample n against its own target. Where a mean divides by W
/// other than N (class weights, ignored targets, positions), the objective is taken as a mean of N losses, N/W times the
/// samples' own: g_n has that factor, so that the mean of the g_n is the gradient, and scaling all weights changes nothing. A
/// sequence of several positions is one sample. It is not the Fisher
/// matrix, whose labels are drawn from the network's prediction; under cross-entropy, the GGN is the Fisher matrix.
///
/// The g_n are gradients of the samples' own losses. The penalty of weight decay is nobody's sample: its Hessian, mu on the
/// diagonal for parameters that decay, is added to F, which stands for the Hessian of the samples' loss.
///
/// # Shapes
/// Symmetric and positive semidefinite, [P, P], of rank N at most; products take [P, K] to [P, K].
///
/// # Cost
/// About 8 N P K operations for K products. No g_n is formed: <g_n, v> is the derivative of the loss of sample n along
/// v, from the tangents of a forward pass; a reverse pass sums the g_n with these as weights.
///
/// # References
/// Kunstner, Balles, Hennig, *Limitations of the empirical Fisher approximation for natural gradient descent*,
/// arXiv:1905.12558.
#[derive(Clone, Copy, Debug)]
pub struct EmpiricalFisher<'a, T>(pub &'a Problem<'a, T>);

of_problem!(EmpiricalFisher, EmpiricalFisher);

/// The product with the operator of the samples alone.
pub(super) fn apply<T: Scalar>(
    problem: &Problem<'_, T>,
    batch: Option<NonZeroUsize>,
    directions: &Matrix<T>,
    to: Destination<'_, T>,
) -> Result<(), Failure> {
    let outer = OuterProduct { delta: delta_at_logits(problem, T::ONE), weight: T::from_f64(problem.fisher_weight()) };
    forward_and_back(problem, &outer, Reverse::Delta, batch, directions, to)
}

/// Puts delta_n delta_n^T in the place of A_n: with g_n = J_n^T delta_n, J_n^T (delta_n delta_n^T) J_n = g_n g_n^T.
struct OuterProduct<'a, T> {
    /// The derivative of each sample's loss with respect to its outputs, without the factor 1/N.
    delta: LossDelta<'a, T>,
    /// The factor 1/N.
    weight: T,
}

impl<T: Scalar> ColumnMap<T, 1> for OuterProduct<'_, T> {
    fn value(&self, n: usize, o: [&[T]; 1], out: &mut [T]) {
        self.delta.value(n, o, out);
    }

    /// Writes delta_n <delta_n, do> / N for every direction.
    fn tangents(&self, n: usize, [o]: [&[T]; 1], [d_outputs]: [Option<&[T]>; 1], out: &mut [T]) -> bool {
        let Some(d_outputs) = d_outputs else { return false };
        let classes = o.len();
        // The place of the first direction holds delta_n until that direction's own turn, which comes last.
        let (delta, others) = out.split_at_mut(classes);
        self.delta.value(n, [o], delta);
        let (first, d_others) = d_outputs.split_at(classes);
        let slope = |v: &[T], delta: &[T]| self.weight * delta.iter().zip(v).map(|(&d, &v)| d * v).sum::<T>();
        for (out, v) in others.chunks_exact_mut(classes).zip(d_others.chunks_exact(classes)) {
            let s = slope(v, delta);
            out.iter_mut().zip(&*delta).for_each(|(out, &d)| *out = s * d);
        }
        let s = slope(first, delta);
        delta.iter_mut().for_each(|d| *d *= s);
        true
    }
}

//! The generalized Gauss-Newton matrix.

use super::of_problem;
use crate::curvature::passes::{Destination, Reverse, delta_at_logits, forward_and_back, weight_of_samples};
use crate::curvature::{Failure, Problem};
use crate::linalg::{Matrix, Scalar};
use std::num::NonZeroUsize;

/// The generalized Gauss-Newton matrix (GGN) of the mean loss: the Hessian of the network linearized in theta.
///
/// G = 1/N sum_n J_n^T A_n J_n, with J_n [C, P] the derivative of the outputs of sample n with respect to theta and
/// A_n [C, C] the second derivative of its loss with respect to the outputs: diag(p) - p p^T for cross-entropy (times the
/// weight of the class), 2/C I for `mse`, diagonal for all losses by output, 0 for `hinge` (unless squared), `nll` and `l1`,
/// which are (piecewise) linear, so that G = 0. That of `gaussian_nll` may be indefinite where residuals are small.
///
/// A network that ends in log-softmax under `nll` counts as its logits under cross-entropy, the same function; its GGN
/// is that of the logits, not the zero of a loss that is linear in log-probabilities.
///
/// Weight decay is a quadratic penalty, which is its own Gauss-Newton matrix: mu stands on the diagonal for parameters that
/// decay. The rank below is that without it.
///
/// # Shapes
/// Symmetric and positive semidefinite, [P, P]; products take [P, K] to [P, K]. Its rank is at most N (C - 1) under
/// cross-entropy and N C under `mse`.
///
/// # Cost
/// About 8 N P K operations for K products: J V forward, A J V at the outputs, J^T A J V back.
///
/// # References
/// Schraudolph, *Fast curvature matrix-vector products for second-order gradient descent*, Neural Computation 14 (2002),
/// 1723; Martens, *New insights and perspectives on the natural gradient method*, arXiv:1412.1193.
///
/// ```
/// use heigen::config::{Activation, DatasetSpec, LossKind};
/// use heigen::curvature::{GaussNewton, Problem, dense};
/// use heigen::{data, model::Network};
/// // Outputs w x + b of one class under mse: G = 2/N sum_n (x_n, 1) (x_n, 1)^T, whatever w and b.
/// let mut samples = data::generate(&DatasetSpec::Intro {})?;
/// samples.labels.fill(0);
/// let network = Network::fully_connected(&[1, 1], Activation::Relu)?;
/// let problem = Problem::<f64>::new(&network, &[0.3, -0.2], &samples, LossKind::Mse)?;
/// let g = dense(&GaussNewton(&problem), &mut ())?;
/// assert!((g.data[3] - 2.0).abs() < 1e-15);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct GaussNewton<'a, T>(pub &'a Problem<'a, T>);

of_problem!(GaussNewton, GaussNewton);

/// The product with the operator of the samples alone.
pub(super) fn apply<T: Scalar>(
    problem: &Problem<'_, T>,
    batch: Option<NonZeroUsize>,
    directions: &Matrix<T>,
    to: Destination<'_, T>,
) -> Result<(), Failure> {
    let delta = delta_at_logits(problem, weight_of_samples(problem));
    forward_and_back(problem, &delta, Reverse::Delta, batch, directions, to)
}

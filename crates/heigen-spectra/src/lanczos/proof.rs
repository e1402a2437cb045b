//! Proven bounds on the residuals of Ritz pairs, by a few products instead of one for each pair.

use super::KrylovBasis;
use super::basis::Ritz;
use crate::gram_schmidt::{small_product, times};
use crate::linalg::Matrix;
use crate::operator::finite_product;
use crate::{Failure, Law, Space, SymmetricOperator, random_entries};

/// Random combinations of the pairs whose products are computed in float64, and in float32, where rounding leaves less room
/// between what is measured and the tolerance.
const PROBES: [usize; 2] = [2, 4];
/// The probability that the bound does not hold.
const FAILURE: f64 = 1e-6;
/// Seed of the combinations, which no basis uses.
const SEED: u64 = 71_993;

/// Combinations for vectors with the rounding unit `epsilon`.
fn probes(epsilon: f64) -> usize {
    PROBES[usize::from(epsilon > 1e-12)]
}

/// Products that the bounds for `k` pairs take, where the decomposition is as accurate as rounding lets it be.
pub(super) fn products(k: usize, epsilon: f64) -> usize {
    k.min(probes(epsilon))
}

/// The Ritz vectors Y = Q S numbered `wanted`, [P, k], and an upper bound on |A y_i - theta_i y_i| for each.
///
/// The decomposition A Q = Q T + X B says that A Y - Y Theta = X B S, so that the norms of the residuals are those of the
/// columns of B S, which are known. What the products really are differs by D = A Y - Y Theta - X B S: rounding, and
/// whatever else may be wrong. It is measured: for k-vectors g of independent normal numbers, |D|_2 is at most c
/// sqrt(2/pi) max |D g| over q of them, with a probability of at least 1 - c^-q = 1 - 10^-6 (Halko, Martinsson and Tropp,
/// SIAM Review 53 (2011), 217, lemma 4.1). D g takes one product, A (Y g), and the numbers g are chosen without regard to any
/// product. So |A y_i - theta_i y_i| <= |B s_i| + |D|_2, X being orthonormal.
///
/// Where there are no more than q pairs, or where it is |D|_2 that keeps the bounds from the tolerance and k more of the
/// `left` products are there, every pair takes a product and the residuals are those.
pub(super) fn residuals<S: Space>(
    space: &S,
    basis: &mut KrylovBasis<S::Block>,
    operator: &(impl SymmetricOperator<S> + ?Sized),
    ritz: &Ritz,
    wanted: &[usize],
    limit: f64,
    left: usize,
) -> Result<(S::Block, Vec<f64>), Failure> {
    let vectors = basis.vectors(space, ritz, wanted)?;
    let theta: Vec<f64> = wanted.iter().map(|&i| ritz.values[i]).collect();
    let k = wanted.len();
    let q = probes(space.epsilon());
    if k > q {
        let columns = (0..q as u64).flat_map(|j| random_entries(0..k, j, SEED, Law::Gaussian));
        let g = Matrix { data: columns.collect(), rows: k, columns: q };
        let mut rest = finite_product(operator, &times(space, &vectors, &g)?)?;
        basis.products += q;
        let scaled = Matrix::from_fn(k, q, |i, j| theta[i] * g.data[i + j * k]);
        space.combine(-1.0, space.all(&vectors), &scaled, 1.0, &mut rest)?;
        let outside = small_product(space, &basis.outside(space, ritz, wanted), &g);
        space.combine(-1.0, space.all(&basis.x), &outside, 1.0, &mut rest)?;
        let bound = FAILURE.powf(-1.0 / q as f64) * std::f64::consts::FRAC_2_PI.sqrt();
        let unexplained = bound * space.norms(space.all(&rest))?.into_iter().fold(0.0, f64::max);
        let bounds: Vec<f64> = wanted.iter().map(|&i| ritz.residuals[i] + unexplained).collect();
        let proven = bounds.iter().all(|&bound| bound <= limit);
        let estimated = wanted.iter().all(|&i| ritz.residuals[i] <= limit);
        if proven || !estimated || q + k > left {
            return Ok((vectors, bounds));
        }
    }
    let mut products = finite_product(operator, &vectors)?;
    basis.products += k;
    let negative: Vec<f64> = theta.iter().map(|l| -l).collect();
    space.add_scaled(&negative, space.all(&vectors), &mut products)?;
    let residuals = space.norms(space.all(&products))?;
    Ok((vectors, residuals))
}

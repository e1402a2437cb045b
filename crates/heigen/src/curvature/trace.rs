//! The trace of an operator from a few products.

use super::estimate::at_least;
use super::orthonormal::{orthonormalize, project_out};
use super::random::{Law, random};
use super::{Estimate, EstimateError, SymmetricOperator, exact_diagonal};
use crate::linalg::{Matrix, Scalar, dot, norm};
use std::ops::Range;

/// tr A by Hutch++, from `products` products with single columns: with Q [P, r] an orthonormal basis of the images of
/// r = products / 3 random directions,
///
/// tr A = tr(Q^T A Q) + tr((I - Q Q^T) A (I - Q Q^T)),
///
/// the first term exactly, the second as the mean of (P - r) u^T A u / |u|^2 over s = products - 2 r Gaussian
/// directions u projected onto the complement of Q.
///
/// Unbiased for symmetric A, definite or not. The s samples are independent given Q, so the standard error means what it
/// says: that is why it is this and not XTrace, whose estimates share their sketch, so that
/// their scatter understates the error.
/// For decaying eigenvalues the error falls like 1 / products, where plain averages of w^T A w ([`hutchinson`]) fall
/// like 1 / sqrt(products). Where the rank of A is below r the result is exact, with standard error 0.
///
/// # Shapes
/// `products` at least 6; at P or more the trace is summed from the products with the identity, standard error 0.
///
/// # Units
/// Those of A.
///
/// # Cost
/// `products` products in three blocks, about 12 P r^2 operations, memory 4 P r numbers.
///
/// # Errors
/// [`EstimateError`] for fewer than 6 products or a product that is infinite or NaN.
///
/// # References
/// Meyer, Musco, Musco and Woodruff, Symposium on Simplicity in Algorithms (2021), arXiv:2010.09649, algorithm 1;
/// projected directions of normalised length: Epperly, Tropp and Webber (2024), arXiv:2301.07825, section 2.3.
pub fn trace<T: Scalar>(
    operator: &impl SymmetricOperator<T>,
    products: usize,
    seed: u32,
) -> Result<Estimate, EstimateError> {
    at_least("the number of products of the trace", products, 6)?;
    let p = operator.n_params();
    if products >= p {
        let value = exact_diagonal(operator)?.iter().map(|d| d.to_f64()).sum();
        return Ok(Estimate { value, standard_error: 0.0 });
    }
    let r = products / 3;
    let images = finite(operator.product(&random(p, 0..r as u64, seed, Law::Gaussian)))?;
    let largest = images.iter_columns().map(norm).fold(0.0f64, f64::max);
    let q = orthonormalize(images, None, RANK * T::EPSILON * largest)?.block;
    let a_q = finite(operator.product(&q))?;
    let of_sketch: f64 = (0..q.columns).map(|i| dot(q.column(i), a_q.column(i))).sum();
    if q.columns < r {
        // The images of r random directions span fewer dimensions: that is the whole range of A.
        return Ok(Estimate { value: of_sketch, standard_error: 0.0 });
    }
    // Columns that the sketch has not used.
    let mut u = random(p, r as u64..(products - r) as u64, seed, Law::Gaussian);
    for _ in 0..2 {
        project_out(q.as_ref(), &mut u);
    }
    let a_u = finite(operator.product(&u))?;
    let dimension = (p - r) as f64;
    let pairs = u.iter_columns().zip(a_u.iter_columns());
    let samples: Vec<f64> = pairs.map(|(u, a_u)| dimension * dot(u, a_u) / dot(u, u)).collect();
    let rest = Estimate::of(&samples);
    Ok(Estimate { value: of_sketch + rest.value, ..rest })
}

/// Directions with less than this many epsilons of the largest image are rounding.
const RANK: f64 = 100.0;

/// tr A as the mean of w^T A w over Rademacher directions w (Girard 1989, Hutchinson 1990): the simplest estimate.
///
/// Variance 2 sum_{i != j} A_ij^2 / samples. [`trace`] needs far fewer products where eigenvalues decay; this is its
/// oracle, and better for flat spectra with dominant diagonals.
///
/// # Errors
/// [`EstimateError`] for fewer than 2 samples or a product that is infinite or NaN.
///
/// # References
/// Hutchinson, Commun. Stat. Simul. Comput. 19 (1990), 433, doi:10.1080/03610919008812866.
pub fn hutchinson<T: Scalar>(
    operator: &impl SymmetricOperator<T>,
    samples: usize,
    seed: u32,
) -> Result<Estimate, EstimateError> {
    at_least("the number of samples of the trace", samples, 2)?;
    let mut estimates = Vec::with_capacity(samples);
    for start in (0..samples).step_by(BLOCK) {
        let w = random(operator.n_params(), block_from(start, samples), seed, Law::Rademacher);
        let a_w = finite(operator.product(&w))?;
        estimates.extend((0..w.columns).map(|i| dot(w.column(i), a_w.column(i))));
    }
    Ok(Estimate::of(&estimates))
}

/// Directions in one product.
pub(super) const BLOCK: usize = 64;

/// The random columns of one product, from `start` on, of `samples` in all.
pub(super) fn block_from(start: usize, samples: usize) -> Range<u64> {
    start as u64..(start + BLOCK).min(samples) as u64
}

pub(super) fn finite<T: Scalar>(a: Matrix<T>) -> Result<Matrix<T>, EstimateError> {
    if a.is_finite() { Ok(a) } else { Err(EstimateError::NotFinite) }
}

//! The trace of an operator from a few products.

use crate::estimate::at_least;
use crate::gram_schmidt::{orthonormal, project_out};
use crate::operator::finite_product;
use crate::ordinary::Ordinary;
use crate::{Estimate, EstimateError, Law, Space, SymmetricOperator, Watch, exact_diagonal, stage};
use std::ops::Range;

/// tr A by Hutch++, from `products` products with single columns: with Q [P, r] an orthonormal basis of the images of
/// r = products / 3 random directions,
///
/// tr A = tr(Q^T A Q) + tr((I - Q Q^T) A (I - Q Q^T)),
///
/// the first term exactly, the second as the mean of (P - r) u^T A u / |u|^2 over s = products - 2 r Gaussian
/// directions u projected onto the complement of Q.
///
/// Unbiased for symmetric A, definite or not. The s samples are independent given Q, so the standard error can be taken
/// at its word. This is why the function does not use XTrace: its estimates share one sketch, and their scatter
/// understates the error. For decaying eigenvalues the error falls like 1 / products, where plain averages of w^T A w
/// ([`hutchinson`]) fall like 1 / sqrt(products). Where the rank of A is below r the result is exact, with standard
/// error 0.
///
/// # Shapes
/// `products` is at least 6. At P or more, the trace is the sum from the products with the identity, with standard
/// error 0.
///
/// # Units
/// The units of A.
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
pub fn trace<S: Space>(
    operator: &(impl SymmetricOperator<S> + ?Sized),
    products: usize,
    seed: u32,
    watch: &mut dyn Watch,
) -> Result<Estimate, EstimateError> {
    at_least("the number of products of the trace", products, 6)?;
    let space = operator.space();
    let p = space.len();
    if products >= p {
        let value = exact_diagonal(operator, watch)?.iter().sum();
        return Ok(Estimate { value, standard_error: 0.0 });
    }
    let operator = &Ordinary::new(operator, None);
    let (seed, all) = (u64::from(seed), Some(products as u64));
    watch.tell(stage::TRACE, 0, all, "products")?;
    let r = products / 3;
    let images = finite_product(operator, &space.random(seed, 0..r as u64, Law::Gaussian)?)?;
    watch.tell(stage::TRACE, r as u64, all, "products")?;
    let largest = space.norms(space.all(&images))?.into_iter().fold(0.0f64, f64::max);
    let q = orthonormal(&space, images, None, RANK * space.epsilon() * largest)?.block;
    let a_q = finite_product(operator, &q)?;
    watch.tell(stage::TRACE, 2 * r as u64, all, "products")?;
    let of_sketch: f64 = space.dots(space.all(&q), space.all(&a_q))?.iter().sum();
    if space.columns(&q) < r {
        // The images of r random directions span fewer than r dimensions, so they span the whole range of A.
        return Ok(Estimate { value: of_sketch, standard_error: 0.0 }.back(operator));
    }
    // Random columns that the sketch has not used.
    let mut u = space.random(seed, r as u64..(products - r) as u64, Law::Gaussian)?;
    for _ in 0..2 {
        project_out(&space, space.all(&q), &mut u)?;
    }
    let a_u = finite_product(operator, &u)?;
    watch.tell(stage::TRACE, products as u64, all, "products")?;
    let dimension = (p - r) as f64;
    let squares = space.dots(space.all(&u), space.all(&u))?;
    let images = space.dots(space.all(&u), space.all(&a_u))?;
    let samples: Vec<f64> = images.iter().zip(squares).map(|(image, square)| dimension * image / square).collect();
    let rest = Estimate::of(&samples);
    Ok(Estimate { value: of_sketch + rest.value, ..rest }.back(operator))
}

/// Directions shorter than this many epsilons of the largest image are rounding errors.
const RANK: f64 = 100.0;

/// tr A as the mean of w^T A w over Rademacher directions w (Girard 1989, Hutchinson 1990): the simplest estimate.
///
/// Variance 2 sum_{i != j} A_ij^2 / samples. [`trace`] needs far fewer products where eigenvalues decay. This estimate
/// is better for flat spectra with dominant diagonals, and tests compare [`trace`] with it.
///
/// # Errors
/// [`EstimateError`] for fewer than 2 samples or a product that is infinite or NaN.
///
/// # References
/// Hutchinson, Commun. Stat. Simul. Comput. 19 (1990), 433, doi:10.1080/03610919008812866.
pub fn hutchinson<S: Space>(
    operator: &(impl SymmetricOperator<S> + ?Sized),
    samples: usize,
    seed: u32,
    watch: &mut dyn Watch,
) -> Result<Estimate, EstimateError> {
    at_least("the number of samples of the trace", samples, 2)?;
    let space = operator.space();
    let mut estimates = Vec::with_capacity(samples);
    for start in (0..samples).step_by(BLOCK) {
        let w = space.random(u64::from(seed), block_from(start, samples), Law::Rademacher)?;
        let a_w = finite_product(operator, &w)?;
        estimates.extend(space.dots(space.all(&w), space.all(&a_w))?);
        watch.tell(stage::TRACE, estimates.len() as u64, Some(samples as u64), "products")?;
    }
    Ok(Estimate::of(&estimates))
}

/// Directions in one product.
pub(crate) const BLOCK: usize = 64;

/// The numbers of the random columns for one product: a block that begins at `start`, when `samples` are wanted in all.
pub(crate) fn block_from(start: usize, samples: usize) -> Range<u64> {
    start as u64..(start + BLOCK).min(samples) as u64
}

//! The Frobenius norm of an operator from a few products.

use crate::estimate::at_least;
use crate::gram_schmidt::{orthonormal, project_out};
use crate::operator::finite_product;
use crate::ordinary::Ordinary;
use crate::{Estimate, EstimateError, Law, Space, SymmetricOperator, Watch, stage};

/// Directions shorter than this many epsilons of the largest image are rounding errors.
const RANK: f64 = 100.0;

/// |A|_F = (sum_i lambda_i^2)^(1/2), from `products` products with single columns: with Q [P, r] an orthonormal basis of
/// the images of r = products / 3 random directions,
///
/// |A|_F^2 = |A Q|_F^2 + |A (I - Q Q^T)|_F^2,
///
/// the first term exactly, the second as the mean of (P - r) |A u|^2 / |u|^2 over s = products - 2 r Gaussian directions
/// u projected onto the complement of Q, as in [`trace`](crate::trace()).
///
/// The square is unbiased; the standard error of the norm is that of the square divided by twice the norm. Where the rank of
/// A is below r the result is exact up to rounding, and the standard error is no larger.
///
/// # Shapes
/// `products` is at least 6. At P or more, the norm is that of the products with the identity, with standard error 0.
///
/// # Cost
/// `products` products in three blocks, about 12 P r^2 operations, memory 4 P r numbers.
///
/// # Errors
/// [`EstimateError`] for fewer than 6 products or a product that is infinite or NaN.
///
/// # References
/// The split is that of Meyer, Musco, Musco and Woodruff, arXiv:2010.09649, applied to A^2 with the product A once.
pub fn frobenius_norm<S: Space>(
    operator: &(impl SymmetricOperator<S> + ?Sized),
    products: usize,
    seed: u32,
    watch: &mut dyn Watch,
) -> Result<Estimate, EstimateError> {
    at_least("the number of products of the Frobenius norm", products, 6)?;
    let operator = Ordinary::new(operator, None);
    Ok(of_ordinary(&operator, products, seed, watch)?.back(&operator))
}

/// [`frobenius_norm`] of an operator of ordinary scale.
fn of_ordinary<S: Space>(
    operator: &impl SymmetricOperator<S>,
    products: usize,
    seed: u32,
    watch: &mut dyn Watch,
) -> Result<Estimate, EstimateError> {
    let space = operator.space();
    let p = space.len();
    if products >= p {
        return exact(operator, watch);
    }
    let (seed, all) = (u64::from(seed), Some(products as u64));
    watch.tell(stage::FROBENIUS, 0, all, "products")?;
    let r = products / 3;
    let images = finite_product(operator, &space.random(seed, 0..r as u64, Law::Gaussian)?)?;
    watch.tell(stage::FROBENIUS, r as u64, all, "products")?;
    let largest = space.norms(space.all(&images))?.into_iter().fold(0.0f64, f64::max);
    let q = orthonormal(&space, images, None, RANK * space.epsilon() * largest)?.block;
    let a_q = finite_product(operator, &q)?;
    watch.tell(stage::FROBENIUS, 2 * r as u64, all, "products")?;
    let of_sketch: f64 = space.dots(space.all(&a_q), space.all(&a_q))?.iter().sum();
    if space.columns(&q) < r {
        // The images of r random directions span fewer than r dimensions, so they span the whole range of A.
        return Ok(Estimate { value: of_sketch.sqrt(), standard_error: 0.0 });
    }
    let mut u = space.random(seed, r as u64..(products - r) as u64, Law::Gaussian)?;
    for _ in 0..2 {
        project_out(&space, space.all(&q), &mut u)?;
    }
    let a_u = finite_product(operator, &u)?;
    watch.tell(stage::FROBENIUS, products as u64, all, "products")?;
    let dimension = (p - r) as f64;
    let squares = space.dots(space.all(&u), space.all(&u))?;
    let images = space.dots(space.all(&a_u), space.all(&a_u))?;
    let samples: Vec<f64> = images.iter().zip(squares).map(|(image, square)| dimension * image / square).collect();
    let rest = Estimate::of(&samples);
    let norm = (of_sketch + rest.value).sqrt();
    let standard_error = if norm == 0.0 { 0.0 } else { rest.standard_error / (2.0 * norm) };
    Ok(Estimate { value: norm, standard_error })
}

/// Columns of the identity in one product.
const BLOCK: usize = 64;

/// From the products with the identity.
fn exact<S: Space>(operator: &impl SymmetricOperator<S>, watch: &mut dyn Watch) -> Result<Estimate, EstimateError> {
    let space = operator.space();
    let p = space.len();
    let mut square = 0.0;
    for start in (0..p).step_by(BLOCK) {
        let end = (start + BLOCK).min(p);
        let columns = finite_product(operator, &crate::dense::identity(&space, start, end)?)?;
        square += space.dots(space.all(&columns), space.all(&columns))?.iter().sum::<f64>();
        watch.tell(stage::FROBENIUS, end as u64, Some(p as u64), "products")?;
    }
    Ok(Estimate { value: square.sqrt(), standard_error: 0.0 })
}

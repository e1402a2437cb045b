//! How well a matrix itself is known: the error that rounding makes before any eigenvalue is computed.
//!
//! # What a certificate certifies
//! A [`Certificate`](crate::Certificate) is about the matrix as its products compute it. It says that the eigenpairs are
//! those of that matrix. It cannot see what rounding did inside the products: where large numbers cancel, as the outputs of
//! a network with a bias of 1e15, every product is of a neighbour of the matrix that was meant, and all products agree with
//! each other. [`precision`] measures how far away that neighbour is: it repeats some products with arithmetic that rounds
//! otherwise ([`SymmetricOperator::recomputed`]) and compares. Eigenvalues move by no more than that error; an eigenvalue
//! that is smaller than the error is not known.
//!
//! # What a result in float32 certifies
//! The same, of a coarser matrix, and never by wider tolerances for it than here:
//! - the eigenpairs are those of the matrix that float32 products compute, at weights rounded to float32, with residuals up to
//!   512 sqrt(P) 2^-23 of the largest |lambda|;
//! - the distance of that matrix from the one of float64 products, at the same rounded weights, is
//!   [`Certificate::matrix_error`](crate::Certificate::matrix_error), here a comparison with float64 itself;
//! - eigenvalues of at most 4 sqrt(P) 2^-23 of the largest |lambda| count as zero.
//!
//! Where residuals are larger, there is no result but an error, whose remedy is float64.

use crate::{Failure, Law, Space, SymmetricOperator};

/// Seed of the probes.
const SEED: u64 = 52_711;
/// Number of times that the products are repeated, each with other rounding.
const TRIALS: u32 = 4;
/// A matrix that changes by this fraction of itself when its arithmetic rounds otherwise consists of rounding.
const NOISE: f64 = 0.5;

/// The error of a matrix itself is worth telling where it is more than this fraction of the largest |lambda|.
pub const NOTABLE_ERROR: f64 = 1e-6;

/// How well a matrix is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Precision {
    /// Estimate of the error of the matrix, in the Frobenius norm, which bounds that of every eigenvalue: the root mean
    /// square of |A' omega - A omega| over Gaussian probes omega and up to four trials, with A' the matrix in arithmetic that
    /// rounds otherwise, another one for each. The mean of the squares is that of |A' - A|_F^2. Where A' is at random, as far
    /// from A as A is from the matrix that was meant, the estimate is of the magnitude of the error and no bound.
    /// `None` where the operator has no other arithmetic.
    pub matrix_error: Option<f64>,
    /// Whether the matrix is zero as far as can be told: it changes by half of itself or more, and its products are within
    /// the operator's own [`SymmetricOperator::rounding`].
    pub vanishes: bool,
}

/// The error that rounding made in the matrix of `operator`, from products with `probes` random directions; 4 tell its
/// magnitude.
///
/// # Cost
/// Five products with every probe; two where there is but one other arithmetic, as for products in float32, which are compared with
/// those in float64.
///
/// # Errors
/// [`Failure`] if a product fails.
pub fn precision<S: Space>(
    operator: &(impl SymmetricOperator<S> + ?Sized),
    probes: usize,
) -> Result<Precision, Failure> {
    let space = operator.space();
    let directions = space.random(SEED, 0..probes.max(1) as u64, Law::Gaussian)?;
    let products = operator.product(&directions)?;
    let norm = root_mean_square(&space.norms(space.all(&products))?);
    let mut errors = Vec::new();
    for trial in 0..TRIALS {
        let Some(mut other) = operator.recomputed(&directions, trial)? else { break };
        let minus = vec![-1.0; space.columns(&other)];
        space.add_scaled(&minus, space.all(&products), &mut other)?;
        errors.push(root_mean_square(&space.norms(space.all(&other))?));
    }
    // Products with an exact zero matrix are exact zeros.
    let matrix_error = (!errors.is_empty()).then(|| root_mean_square(&errors));
    let noise = norm == 0.0 || matrix_error.is_some_and(|error| error >= NOISE * norm);
    let vanishes = noise && norm <= operator.rounding() * (space.len() as f64).sqrt();
    Ok(Precision { matrix_error, vanishes })
}

fn root_mean_square(numbers: &[f64]) -> f64 {
    crate::linalg::norm(numbers) / (numbers.len() as f64).sqrt()
}

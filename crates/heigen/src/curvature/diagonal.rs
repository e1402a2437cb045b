//! The diagonal of an operator.

use super::estimate::at_least;
use super::random::{Law, random};
use super::trace::{BLOCK, block_from, finite};
use super::{Estimate, EstimateError, SymmetricOperator};
use crate::linalg::{Matrix, Scalar};

/// diag A, estimated as the mean of w * (A w), entry by entry, over Rademacher directions w.
///
/// Unbiased: E[w_i w_j] = 0 for i != j. The variance of entry i is sum_{j != i} A_ij^2 / samples; a diagonal A is exact
/// from the first sample.
///
/// # Shapes
/// `[P]`, in the order of theta; at least 2 samples.
///
/// # Cost
/// `samples` products in blocks of 64, memory 2 P numbers beside a block.
///
/// # Errors
/// [`EstimateError`] for fewer than 2 samples or a product that is infinite or NaN.
///
/// # References
/// Bekas, Kokiopoulou and Saad, Appl. Numer. Math. 57 (2007), 1214, doi:10.1016/j.apnum.2007.01.003, equation 3 with
/// w_i^2 = 1.
pub fn diagonal<T: Scalar>(
    operator: &impl SymmetricOperator<T>,
    samples: usize,
    seed: u32,
) -> Result<Vec<Estimate>, EstimateError> {
    at_least("the number of samples of the diagonal", samples, 2)?;
    let p = operator.n_params();
    let (mut mean, mut squares, mut count) = (vec![0.0f64; p], vec![0.0f64; p], 0.0f64);
    for start in (0..samples).step_by(BLOCK) {
        let w: Matrix<T> = random(p, block_from(start, samples), seed, Law::Rademacher);
        let a_w = finite(operator.product(&w))?;
        for (w, a_w) in w.iter_columns().zip(a_w.iter_columns()) {
            count += 1.0;
            // Welford's update: no cancellation between large sums.
            for ((mean, squares), (w, a_w)) in mean.iter_mut().zip(&mut squares).zip(w.iter().zip(a_w)) {
                let x = w.to_f64() * a_w.to_f64();
                let from_old = x - *mean;
                *mean += from_old / count;
                *squares += from_old * (x - *mean);
            }
        }
    }
    let spread = count * (count - 1.0);
    let pairs = mean.into_iter().zip(squares);
    Ok(pairs.map(|(value, squares)| Estimate { value, standard_error: (squares / spread).sqrt() }).collect())
}

/// diag A, `[P]`, from products with the P unit vectors.
///
/// # Cost
/// P products in blocks of 64.
///
/// # Errors
/// [`EstimateError::NotFinite`] if a product is infinite or NaN.
pub fn exact_diagonal<T: Scalar>(operator: &impl SymmetricOperator<T>) -> Result<Vec<T>, EstimateError> {
    let p = operator.n_params();
    let mut diagonal = Vec::with_capacity(p);
    for start in (0..p).step_by(BLOCK) {
        let width = BLOCK.min(p - start);
        let identity = Matrix::from_fn(p, width, |i, j| if i == start + j { T::ONE } else { T::ZERO });
        let columns = finite(operator.product(&identity))?;
        diagonal.extend((0..width).map(|j| columns.column(j)[start + j]));
    }
    Ok(diagonal)
}

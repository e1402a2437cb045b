//! The diagonal of an operator.

use crate::dense::identity;
use crate::estimate::at_least;
use crate::operator::finite_product;
use crate::ordinary::Ordinary;
use crate::space::{Columns, Space};
use crate::trace::{BLOCK, block_from};
use crate::{Estimate, EstimateError, Law, SymmetricOperator, Watch, stage};

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
pub fn diagonal<S: Space>(
    operator: &(impl SymmetricOperator<S> + ?Sized),
    samples: usize,
    seed: u32,
    watch: &mut dyn Watch,
) -> Result<Vec<Estimate>, EstimateError> {
    at_least("the number of samples of the diagonal", samples, 2)?;
    let space = operator.space();
    let p = space.len();
    let operator = &Ordinary::new(operator, None);
    let (mut mean, mut squares, mut count) = (vec![0.0f64; p], vec![0.0f64; p], 0.0f64);
    for start in (0..samples).step_by(BLOCK) {
        let w = space.random(u64::from(seed), block_from(start, samples), Law::Rademacher)?;
        let a_w = finite_product(operator, &w)?;
        let width = space.columns(&w);
        let mut products = space.zeros(width)?;
        space.multiply_add(space.all(&w), space.all(&a_w), &mut products)?;
        for j in 0..width {
            let x = space.to_host(Columns { block: &products, range: j..j + 1 }, 0..p)?;
            count += 1.0;
            // Welford's update, which never subtracts large sums from each other and so loses no digits to
            // cancellation.
            for ((mean, squares), x) in mean.iter_mut().zip(&mut squares).zip(x.data) {
                let from_old = x - *mean;
                *mean += from_old / count;
                *squares += from_old * (x - *mean);
            }
        }
        watch.tell(stage::DIAGONAL, count as u64, Some(samples as u64), "products")?;
    }
    let spread = count * (count - 1.0);
    let pairs = mean.into_iter().zip(squares);
    let estimate = |(value, squares): (f64, f64)| Estimate { value, standard_error: (squares / spread).sqrt() };
    Ok(pairs.map(|pair| estimate(pair).back(operator)).collect())
}

/// diag A, `[P]`, from products with the P unit vectors.
///
/// # Cost
/// P products in blocks of 64.
///
/// # Errors
/// [`EstimateError::Failed`] if a product fails, or is infinite or NaN, or if `watch` stops the computation.
pub fn exact_diagonal<S: Space>(
    operator: &(impl SymmetricOperator<S> + ?Sized),
    watch: &mut dyn Watch,
) -> Result<Vec<f64>, EstimateError> {
    let space = operator.space();
    let p = space.len();
    let mut diagonal = Vec::with_capacity(p);
    for start in (0..p).step_by(BLOCK) {
        let end = (start + BLOCK).min(p);
        let columns = finite_product(operator, &identity(&space, start, end)?)?;
        let own = space.to_host(space.all(&columns), start..end)?;
        diagonal.extend((0..end - start).map(|j| own.column(j)[j]));
        watch.tell(stage::DIAGONAL, end as u64, Some(p as u64), "products")?;
    }
    Ok(diagonal)
}

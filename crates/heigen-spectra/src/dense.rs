//! An operator written out as a matrix.

use crate::linalg::{Matrix, symmetrize};
use crate::operator::finite_product;
use crate::{Failure, Space, SymmetricOperator, Watch, stage};

/// Columns of the identity in one product with the operator.
const BLOCK: usize = 256;

/// The operator as a dense matrix [P, P] in host memory, from its products with the identity, symmetrised as
/// (A + A^T) / 2. `watch` is told the number of finished columns.
///
/// # Cost
/// P products in blocks of 256; memory 8 P^2 bytes.
///
/// # Errors
/// [`Failure`] if a product fails, or if `watch` stops it.
pub fn dense<S: Space>(
    operator: &(impl SymmetricOperator<S> + ?Sized),
    watch: &mut dyn Watch,
) -> Result<Matrix<f64>, Failure> {
    let space = operator.space();
    let p = space.len();
    let mut a = Matrix::zeros(p, p);
    for start in (0..p).step_by(BLOCK) {
        let end = (start + BLOCK).min(p);
        let columns = finite_product(operator, &identity(&space, start, end)?)?;
        a.data[start * p..end * p].copy_from_slice(&space.to_host(space.all(&columns), 0..p)?.data);
        watch.tell(stage::DENSE, end as u64, Some(p as u64), "columns")?;
    }
    symmetrize(&mut a);
    Ok(a)
}

/// Columns `start..end` of the identity.
pub(crate) fn identity<S: Space>(space: &S, start: usize, end: usize) -> Result<S::Block, Failure> {
    let p = space.len();
    space.to_home(Matrix::from_fn(p, end - start, |i, j| f64::from(u8::from(i == start + j))))
}

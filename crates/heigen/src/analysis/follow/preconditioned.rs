//! The curvature that an optimizer with a scale for each parameter meets.

use super::{LookError, LookOptions};
use crate::curvature::{
    Failure, Hessian, Host, Problem, Start, SymmetricOperator, TopK, Watch, Which, refine, top_k_from,
};
use crate::linalg::Matrix;

/// D^-1/2 A D^-1/2 for a diagonal D > 0. It has the eigenvalues of D^-1 A, which steps -eta D^-1 g meet.
#[derive(Clone, Debug)]
pub struct Preconditioned<O> {
    /// A.
    pub operator: O,
    /// 1 / sqrt of the entries of D, `[P]`.
    inverse_roots: Vec<f64>,
}

impl<O> Preconditioned<O> {
    /// The operator for A and the entries of D `[P]`, which are positive.
    pub fn new(operator: O, diagonal: &[f64]) -> Self {
        Self { operator, inverse_roots: diagonal.iter().map(|d| 1.0 / d.sqrt()).collect() }
    }

    fn scale(&self, block: &mut Matrix<f64>) {
        for j in 0..block.columns {
            block.column_mut(j).iter_mut().zip(&self.inverse_roots).for_each(|(x, s)| *x *= s);
        }
    }
}

impl<O: SymmetricOperator> SymmetricOperator for Preconditioned<O> {
    fn space(&self) -> Host<f64> {
        self.operator.space()
    }

    fn apply(&self, directions: &Matrix<f64>, out: &mut Matrix<f64>) -> Result<(), Failure> {
        let mut scaled = directions.clone();
        self.scale(&mut scaled);
        self.operator.apply(&scaled, out)?;
        self.scale(out);
        Ok(())
    }
}

/// The largest eigenvalue of D^-1/2 H D^-1/2 with its eigenvector [P, 1], where H is the Hessian of `problem` and D the diagonal
/// `[P]` by which the optimizer divides its steps. The search begins at `start`, the eigenvector of an earlier moment.
///
/// # Errors
/// [`LookError`] if the search fails or is stopped.
///
/// # References
/// Cohen et al., arXiv:2207.14484: the preconditioned sharpness of Adam.
pub fn preconditioned_sharpness(
    problem: &Problem<'_, f64>,
    diagonal: &[f64],
    start: Option<&Matrix<f64>>,
    options: &LookOptions,
    watch: &mut dyn Watch,
) -> Result<TopK<Matrix<f64>>, LookError> {
    let operator = Preconditioned::new(Hessian(problem), diagonal);
    let search = options.search();
    Ok(match start {
        Some(start) => refine(start, &operator, 1, Which::Largest, &search, watch)?,
        None => top_k_from(Start::Random, &operator, 1, Which::Largest, &search, watch)?,
    })
}

//! faer's kernels for the two number types.
//!
//! faer is generic; whatever calls it by a type parameter is compiled with all of faer below it, in every crate and every
//! test program. Here each kernel is a function of one number type, so it is compiled once, with this crate.

use super::{EigenError, par};
use faer::diag::DiagMut;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::evd::{ComputeEigenvectors, self_adjoint_evd, self_adjoint_evd_scratch};
use faer::linalg::householder::{
    apply_block_householder_sequence_on_the_left_in_place_scratch,
    apply_block_householder_sequence_on_the_left_in_place_with_conj,
};
use faer::linalg::matmul::matmul;
use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::linalg::qr::no_pivoting::factor::{qr_in_place, qr_in_place_scratch, recommended_block_size};
use faer::{Accum, Conj, Mat, MatMut, MatRef, Par};

/// The operations that faer does for the two number types.
pub trait Kernels: Sized {
    /// `out = alpha a b`, or `out += alpha a b`.
    fn matmul(out: MatMut<'_, Self>, accum: Accum, a: MatRef<'_, Self>, b: MatRef<'_, Self>, alpha: Self, par: Par);

    /// The lower triangle of `out = alpha a b`, or of `out += alpha a b`.
    fn lower_matmul(
        out: MatMut<'_, Self>,
        accum: Accum,
        a: MatRef<'_, Self>,
        b: MatRef<'_, Self>,
        alpha: Self,
        par: Par,
    );

    /// Ascending eigenvalues and eigenvectors of the lower triangle of `a` [n, n], n >= 1.
    ///
    /// # Errors
    /// [`EigenError`] if there is no room for the workspace or the iteration does not converge.
    fn eigen(a: MatRef<'_, Self>, eigenvalues: &mut [Self], eigenvectors: MatMut<'_, Self>) -> Result<(), EigenError>;

    /// Householder's A = Q R of `a` [m, n] in place: R on the diagonal and above it, and reflections below, whose factors are returned.
    ///
    /// # Errors
    /// [`EigenError::Memory`] if there is no room for the workspace.
    fn factor(a: MatMut<'_, Self>, par: Par) -> Result<Mat<Self>, EigenError>;

    /// `targets` [m, c] = Q `targets`, with the Q of [`Kernels::factor`].
    ///
    /// # Errors
    /// [`EigenError::Memory`] if there is no room for the workspace.
    fn apply(
        reflections: MatRef<'_, Self>,
        factors: MatRef<'_, Self>,
        targets: MatMut<'_, Self>,
        par: Par,
    ) -> Result<(), EigenError>;
}

/// Eigenproblems of at most so many rows are not shared among threads.
pub(crate) const SMALL: usize = 16;

macro_rules! kernels {
    ($t:ty) => {
        impl Kernels for $t {
            fn matmul(
                out: MatMut<'_, Self>,
                accum: Accum,
                a: MatRef<'_, Self>,
                b: MatRef<'_, Self>,
                alpha: Self,
                par: Par,
            ) {
                matmul(out, accum, a, b, alpha, par);
            }

            fn lower_matmul(
                out: MatMut<'_, Self>,
                accum: Accum,
                a: MatRef<'_, Self>,
                b: MatRef<'_, Self>,
                alpha: Self,
                par: Par,
            ) {
                let full = BlockStructure::Rectangular;
                triangular::matmul(out, BlockStructure::TriangularLower, accum, a, full, b, full, alpha, par);
            }

            fn eigen(
                a: MatRef<'_, Self>,
                eigenvalues: &mut [Self],
                eigenvectors: MatMut<'_, Self>,
            ) -> Result<(), EigenError> {
                let n = a.nrows();
                let par = if n <= SMALL { Par::Seq } else { par() };
                let request = self_adjoint_evd_scratch::<Self>(n, ComputeEigenvectors::Yes, par, faer::Spec::default());
                let mut buffer = MemBuffer::try_new(request).map_err(|_| EigenError::Memory(n))?;
                let stack = MemStack::new(&mut buffer);
                let eigenvalues = DiagMut::from_slice_mut(eigenvalues);
                self_adjoint_evd(a, eigenvalues, Some(eigenvectors), par, stack, faer::Spec::default())
                    .map_err(|_| EigenError::NoConvergence)
            }

            fn factor(mut a: MatMut<'_, Self>, par: Par) -> Result<Mat<Self>, EigenError> {
                let (m, n) = (a.nrows(), a.ncols());
                let block = recommended_block_size::<Self>(m, n);
                let request = qr_in_place_scratch::<Self>(m, n, block, par, faer::Spec::default());
                let mut buffer = MemBuffer::try_new(request).map_err(|_| EigenError::Memory(m))?;
                let mut factors = Mat::zeros(block, m.min(n));
                let stack = MemStack::new(&mut buffer);
                qr_in_place(a.as_mut(), factors.as_mut(), par, stack, faer::Spec::default());
                Ok(factors)
            }

            fn apply(
                reflections: MatRef<'_, Self>,
                factors: MatRef<'_, Self>,
                targets: MatMut<'_, Self>,
                par: Par,
            ) -> Result<(), EigenError> {
                let (m, block) = (reflections.nrows(), factors.nrows());
                let request =
                    apply_block_householder_sequence_on_the_left_in_place_scratch::<Self>(m, block, targets.ncols());
                let mut buffer = MemBuffer::try_new(request).map_err(|_| EigenError::Memory(m))?;
                apply_block_householder_sequence_on_the_left_in_place_with_conj(
                    reflections.subcols(0, factors.ncols()),
                    factors,
                    Conj::No,
                    targets,
                    par,
                    MemStack::new(&mut buffer),
                );
                Ok(())
            }
        }
    };
}
kernels!(f32);
kernels!(f64);

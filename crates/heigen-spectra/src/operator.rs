//! Symmetric linear operators, known by their products with blocks of directions.

use crate::linalg::Matrix;
use crate::{Failure, Host, Space, Watch};
use std::ops::Range;

/// A symmetric linear map of R^P, known by its products with blocks of directions whose home is the space S.
///
/// References and boxes of operators are operators, also of `dyn SymmetricOperator<S>`; nothing is lost through them.
/// Products are asked for on the thread that called the solver, one at a time.
///
/// ```
/// use heigen_spectra::{Failure, Host, SymmetricOperator, linalg::Matrix};
///
/// /// diag(0, 1, ..., 9).
/// struct Counting;
/// impl SymmetricOperator for Counting {
///     fn space(&self) -> Host<f64> {
///         Host::new(10)
///     }
///     fn apply(&self, v: &Matrix<f64>, out: &mut Matrix<f64>) -> Result<(), Failure> {
///         *out = Matrix::from_fn(10, v.columns, |i, j| i as f64 * v.column(j)[i]);
///         Ok(())
///     }
/// }
/// let ones = Matrix::from_fn(10, 1, |_, _| 1.0);
/// assert_eq!(Counting.product(&ones)?.data[7], 7.0);
/// # Ok::<(), Failure>(())
/// ```
pub trait SymmetricOperator<S: Space = Host<f64>> {
    /// The home of the directions; it also tells P, their length.
    fn space(&self) -> S;

    /// `out = A V` for directions V [P, K], column by column. `out` has the shape of V; nothing is to be read from it.
    ///
    /// # Errors
    /// [`Failure::Operator`] with the operator's own error inside.
    fn apply(&self, directions: &S::Block, out: &mut S::Block) -> Result<(), Failure>;

    /// P, the order of the operator.
    fn n_params(&self) -> usize {
        self.space().len()
    }

    /// An operator that equals this one up to rounding and whose products are much cheaper, where there is one and
    /// `limit_bytes` of memory hold it. Spectra are computed with the cheaper operator and certified with `self`.
    ///
    /// # Errors
    /// [`Failure`] if a product on the way fails, or if `watch` stops it.
    fn written_out(
        &self,
        _limit_bytes: f64,
        _watch: &mut dyn Watch,
    ) -> Result<Option<Box<dyn SymmetricOperator<S> + '_>>, Failure> {
        Ok(None)
    }

    /// The operator in a coarser type of numbers, where there is one and its products are cheaper. Extreme eigenpairs are
    /// searched for with the coarser operator, and refined and proven with `self`.
    ///
    /// # Errors
    /// [`Failure`] if the coarser operator cannot be made.
    fn coarse(&self) -> Result<Option<Box<dyn SymmetricOperator<S::Coarse> + '_>>, Failure> {
        Ok(None)
    }

    /// The operator on a space that holds its range, where its structure tells such a space, `limit_bytes` of memory hold what
    /// its spectrum takes, and that takes fewer operations than to look for the range. Spectra are computed from it and
    /// certified with products of the operator.
    ///
    /// # Errors
    /// [`Failure`] if a product on the way fails, or if `watch` stops it.
    fn compressed(&self, _limit_bytes: f64, _watch: &mut dyn Watch) -> Result<Option<Compressed<S>>, Failure> {
        Ok(None)
    }

    /// tr A, exact up to rounding, computed without any product; `None` where the operator's structure gives no such
    /// way.
    fn exact_trace(&self) -> Option<f64> {
        None
    }

    /// The absolute error that rounding may leave in A v where its terms cancel and A v should be 0. Numbers below it
    /// have no correct digits.
    fn rounding(&self) -> f64 {
        0.0
    }

    /// The operator as a sum of an operator of low rank, as far as is known, and a multiple of the identity on some
    /// coordinates, where it was made as such a sum. The way to a spectrum by the range of an operator, which a multiple of
    /// the identity fills, works on the rest.
    ///
    /// # Errors
    /// [`Failure`] if the home of the vectors cannot make the parts.
    fn split(&self) -> Result<Option<Split<'_, S>>, Failure> {
        Ok(None)
    }

    /// A V, computed once more with arithmetic that rounds otherwise: with every result on the way moved by about a unit
    /// roundoff, at random by the number of the `trial`, or in a wider type. `None` where there is no other arithmetic than that of
    /// the trials before. [`precision`](crate::precision()) compares it with the product.
    ///
    /// # Errors
    /// [`Failure`] as [`SymmetricOperator::apply`] reports it.
    fn recomputed(&self, _directions: &S::Block, _trial: u32) -> Result<Option<S::Block>, Failure> {
        Ok(None)
    }

    /// A V as a new block.
    ///
    /// # Errors
    /// [`Failure`] as [`SymmetricOperator::apply`] reports it.
    fn product(&self, directions: &S::Block) -> Result<S::Block, Failure> {
        let space = self.space();
        let mut out = space.zeros(space.columns(directions))?;
        self.apply(directions, &mut out)?;
        Ok(out)
    }
}

/// An operator as A = Q T Q^T up to rounding, with orthonormal columns Q [P, m].
pub struct Compressed<S: Space> {
    /// T = Q^T A Q, symmetric, [m, m].
    pub small: Matrix<f64>,
    /// Q.
    pub basis: Box<dyn OrthonormalBasis<S>>,
}

impl<S: Space> std::fmt::Debug for Compressed<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Compressed").field("columns", &self.small.columns).finish_non_exhaustive()
    }
}

/// Orthonormal columns Q [P, m] that may have a form of their own, cheaper than their entries.
pub trait OrthonormalBasis<S: Space> {
    /// Q U for a matrix U [m, k] with as many rows as there are columns in Q.
    ///
    /// # Errors
    /// [`Failure`] if there is no room for the product.
    fn combined(&self, u: &Matrix<f64>) -> Result<S::Block, Failure>;
}

/// An operator as a sum B + shift D, with D the identity on some coordinates and zero on all others.
pub struct Split<'a, S: Space> {
    /// B.
    pub rest: Box<dyn SymmetricOperator<S> + 'a>,
    /// The shift.
    pub shift: f64,
    /// The coordinates of D: ascending ranges that do not touch each other.
    pub coordinates: Vec<Range<usize>>,
}

impl<S: Space> std::fmt::Debug for Split<'_, S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Split")
            .field("shift", &self.shift)
            .field("coordinates", &self.coordinates)
            .finish_non_exhaustive()
    }
}

/// The product A V as a new block; fails with [`Failure::NotFinite`] where an entry is infinite or NaN.
pub(crate) fn finite_product<S: Space>(
    operator: &(impl SymmetricOperator<S> + ?Sized),
    directions: &S::Block,
) -> Result<S::Block, Failure> {
    let out = operator.product(directions)?;
    let space = operator.space();
    if space.is_finite(space.all(&out))? { Ok(out) } else { Err(Failure::NotFinite) }
}

/// Makes pointers to operators operators themselves, by forwarding every method.
macro_rules! forward {
    ($pointer:ty) => {
        impl<S: Space, O: SymmetricOperator<S> + ?Sized> SymmetricOperator<S> for $pointer {
            fn space(&self) -> S {
                (**self).space()
            }

            fn apply(&self, directions: &S::Block, out: &mut S::Block) -> Result<(), Failure> {
                (**self).apply(directions, out)
            }

            fn n_params(&self) -> usize {
                (**self).n_params()
            }

            fn written_out(
                &self,
                limit_bytes: f64,
                watch: &mut dyn Watch,
            ) -> Result<Option<Box<dyn SymmetricOperator<S> + '_>>, Failure> {
                (**self).written_out(limit_bytes, watch)
            }

            fn coarse(&self) -> Result<Option<Box<dyn SymmetricOperator<S::Coarse> + '_>>, Failure> {
                (**self).coarse()
            }

            fn compressed(&self, limit_bytes: f64, watch: &mut dyn Watch) -> Result<Option<Compressed<S>>, Failure> {
                (**self).compressed(limit_bytes, watch)
            }

            fn exact_trace(&self) -> Option<f64> {
                (**self).exact_trace()
            }

            fn rounding(&self) -> f64 {
                (**self).rounding()
            }

            fn split(&self) -> Result<Option<Split<'_, S>>, Failure> {
                (**self).split()
            }

            fn recomputed(&self, directions: &S::Block, trial: u32) -> Result<Option<S::Block>, Failure> {
                (**self).recomputed(directions, trial)
            }

            fn product(&self, directions: &S::Block) -> Result<S::Block, Failure> {
                (**self).product(directions)
            }
        }
    };
}
forward!(&O);
forward!(Box<O>);
forward!(std::rc::Rc<O>);
forward!(std::sync::Arc<O>);

/// A dense symmetric matrix as an operator.
#[derive(Clone, Debug, PartialEq)]
pub struct DenseOperator(pub Matrix<f64>);

impl SymmetricOperator for DenseOperator {
    fn space(&self) -> Host<f64> {
        Host::new(self.0.rows)
    }

    fn apply(&self, directions: &Matrix<f64>, out: &mut Matrix<f64>) -> Result<(), Failure> {
        crate::linalg::product(out.as_mut(), self.0.as_ref(), directions.as_ref(), crate::linalg::par());
        Ok(())
    }
}

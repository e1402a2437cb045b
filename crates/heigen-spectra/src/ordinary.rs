//! Operators of any scale, brought to an ordinary one: the squares in Gram matrices, norms and variances neither vanish nor overflow.

use crate::linalg::exponent;
use crate::{Failure, Space, SymmetricOperator};
use std::cell::Cell;

/// How far numbers of a type may be from 1, as powers of two.
struct Range {
    /// Up to 2^far and down to 2^-far a matrix is taken as it is: squares of such numbers, and of what rounding leaves of them, are
    /// normal numbers.
    far: i32,
    /// A matrix beyond is divided by a power of 2^step. Matrices that differ by such a power have the same digits then.
    step: i32,
    /// The largest such power that is a number of the type, as its inverse is.
    most: i32,
}

const FLOAT64: Range = Range { far: 200, step: 100, most: 1000 };
const FLOAT32: Range = Range { far: 40, step: 20, most: 120 };

/// A / 2^n, where n is 0 for the matrices of ordinary scale, which stay as they are. What follows from products with it is brought
/// back by [`Ordinary::back`]. The scale is learnt from the first product that is not zero, so it costs no product.
pub(crate) struct Ordinary<'a, O: ?Sized> {
    operator: &'a O,
    /// n, once it is known.
    binary: Cell<Option<i32>>,
}

impl<'a, O: ?Sized> Ordinary<'a, O> {
    /// `operator`, of which n may be known already from an earlier computation that this one continues.
    pub(crate) fn new(operator: &'a O, binary: Option<i32>) -> Self {
        Self { operator, binary: Cell::new(binary) }
    }

    /// n, if there was a product to learn it from.
    pub(crate) fn binary(&self) -> Option<i32> {
        self.binary.get()
    }

    /// 2^n.
    fn unit(&self) -> f64 {
        power(self.binary.get().unwrap_or(0))
    }

    /// The operator that was given.
    pub(crate) fn given(&self) -> &'a O {
        self.operator
    }

    /// A number that belongs to the divided operator, such as an eigenvalue, in the units of the one that was given.
    pub(crate) fn back(&self, x: f64) -> f64 {
        x * self.unit()
    }

    /// The reverse of [`Ordinary::back`].
    pub(crate) fn there(&self, x: f64) -> f64 {
        x / self.unit()
    }

    /// Takes in products with the operator that was given.
    fn take_in<S: Space>(&self, space: &S, products: &mut S::Block) -> Result<(), Failure> {
        let n = match self.binary.get() {
            Some(n) => n,
            None => match far_from_one(space, space.largest_entries(space.all(products))?) {
                Some(n) => {
                    self.binary.set(Some(n));
                    n
                }
                None => return Ok(()),
            },
        };
        divide(space, products, n)
    }
}

impl<S: Space, O: SymmetricOperator<S> + ?Sized> SymmetricOperator<S> for Ordinary<'_, O> {
    fn space(&self) -> S {
        self.operator.space()
    }

    fn n_params(&self) -> usize {
        self.operator.n_params()
    }

    fn apply(&self, directions: &S::Block, out: &mut S::Block) -> Result<(), Failure> {
        self.operator.apply(directions, out)?;
        self.take_in(&self.space(), out)
    }

    fn product(&self, directions: &S::Block) -> Result<S::Block, Failure> {
        let mut out = self.operator.product(directions)?;
        self.take_in(&self.space(), &mut out)?;
        Ok(out)
    }
}

/// 2^n, for the powers that numbers are divided by.
pub(crate) fn power(n: i32) -> f64 {
    2f64.powi(n)
}

/// The n by whose power of two numbers with these largest magnitudes are divided, 0 for ordinary ones; `None` where all are zero, or
/// one is no number, so that nothing is known.
fn far_from_one<S: Space>(space: &S, entries: Vec<f64>) -> Option<i32> {
    let largest = entries.into_iter().fold(0.0f64, |m, x| m.max(x.abs()));
    if largest == 0.0 || !largest.is_finite() {
        return None;
    }
    let Range { far, step, most } = if space.epsilon() < 1e-12 { FLOAT64 } else { FLOAT32 };
    let n = exponent(largest);
    let nearest = (n + step / 2).div_euclid(step) * step;
    Some(if n.abs() <= far { 0 } else { nearest.clamp(-most, most) })
}

/// Divides a block by 2^n.
fn divide<S: Space>(space: &S, block: &mut S::Block, n: i32) -> Result<(), Failure> {
    if n == 0 { Ok(()) } else { space.scale_columns(block, &vec![power(-n); space.columns(block)]) }
}

/// A block of any scale, divided by the power of two that brings it to an ordinary one; `None` where it is of ordinary scale.
pub(crate) fn brought_near<S: Space>(space: &S, block: &S::Block) -> Result<Option<(S::Block, i32)>, Failure> {
    let n = far_from_one(space, space.largest_entries(space.all(block))?).unwrap_or(0);
    if n == 0 {
        return Ok(None);
    }
    let mut near = space.copy(space.all(block))?;
    divide(space, &mut near, n)?;
    Ok(Some((near, n)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Host;

    #[test]
    fn ordinary_numbers_are_left_alone_and_others_come_near_one() {
        let (fine, coarse) = (Host::<f64>::new(1), Host::<f32>::new(1));
        let exponents = (-1074..=1023).chain([-200, 200, -40, 40]);
        for n in exponents {
            let number = if n < -1022 { f64::from_bits(1 << (n + 1074)) } else { 2f64.powi(n) };
            let taken = far_from_one(&fine, vec![0.0, -number]).unwrap();
            assert_eq!(taken == 0, n.abs() <= 200, "{n}");
            assert!(taken == 0 || (number / power(taken)).log2().abs() <= 100.0, "{n}: {taken}");
            assert_eq!(number / power(taken) * power(taken), number);
            if (-149..=127).contains(&n) {
                let taken = far_from_one(&coarse, vec![number]).unwrap();
                assert_eq!(taken == 0, n.abs() <= 40, "{n}");
                let factor = power(-taken) as f32;
                assert!(factor.is_normal() && (number as f32 * factor).log2().abs() <= 40.0, "{n}: {taken}");
            }
        }
        for nothing in [vec![], vec![0.0], vec![1.0, f64::INFINITY]] {
            assert_eq!(far_from_one(&fine, nothing), None);
        }
    }
}

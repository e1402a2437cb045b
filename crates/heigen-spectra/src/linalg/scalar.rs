//! The two number types: float32 for training, float64 for analysis.

use super::{Kernels, Narrow};
use crate::communicator::{Numbers, NumbersMut};
use std::ops::{Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Sub, SubAssign};

/// A real number type that networks, losses and curvature are generic over: `f32` or `f64`.
pub trait Scalar:
    faer::traits::RealField
    + Kernels
    + Narrow
    + Copy
    + Default
    + PartialOrd
    + Send
    + Sync
    + std::fmt::Debug
    + std::iter::Sum
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + AddAssign
    + SubAssign
    + MulAssign
    + DivAssign
    + 'static
{
    /// Zero.
    const ZERO: Self;
    /// One.
    const ONE: Self;
    /// Name as NumPy writes it.
    const NAME: &'static str;
    /// Machine epsilon: the distance from 1 to the next larger number.
    const EPSILON: f64;
    /// The number of this type nearest to `x`.
    fn from_f64(x: f64) -> Self;
    /// The number `x`, without any error.
    fn from_f32(x: f32) -> Self;
    /// This number in float64, without any error.
    fn to_f64(self) -> f64;
    /// e^x.
    fn exp(self) -> Self;
    /// Natural logarithm.
    fn ln(self) -> Self;
    /// Square root.
    fn sqrt(self) -> Self;
    /// Whether the number is neither infinite nor NaN.
    fn is_finite(self) -> bool;
    /// Whether the number is NaN.
    fn is_nan(self) -> bool;
    /// Numbers in the form in which pieces of a computation hand them to each other.
    fn numbers(numbers: &[Self]) -> Numbers<'_>;
    /// The place for numbers from another piece of a computation.
    fn numbers_mut(numbers: &mut [Self]) -> NumbersMut<'_>;
}

macro_rules! scalar {
    ($t:ty, $name:literal, $numbers:ident) => {
        impl Scalar for $t {
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            const NAME: &'static str = $name;
            #[allow(clippy::cast_lossless)]
            const EPSILON: f64 = <$t>::EPSILON as f64;
            #[inline]
            #[allow(clippy::cast_possible_truncation, clippy::cast_lossless)]
            fn from_f64(x: f64) -> Self {
                x as $t
            }
            #[inline]
            #[allow(clippy::cast_lossless)]
            fn from_f32(x: f32) -> Self {
                x as $t
            }
            #[inline]
            #[allow(clippy::cast_lossless)]
            fn to_f64(self) -> f64 {
                self as f64
            }
            #[inline]
            fn exp(self) -> Self {
                <$t>::exp(self)
            }
            #[inline]
            fn ln(self) -> Self {
                <$t>::ln(self)
            }
            #[inline]
            fn sqrt(self) -> Self {
                <$t>::sqrt(self)
            }
            #[inline]
            fn is_finite(self) -> bool {
                <$t>::is_finite(self)
            }
            #[inline]
            fn is_nan(self) -> bool {
                <$t>::is_nan(self)
            }
            fn numbers(numbers: &[Self]) -> Numbers<'_> {
                Numbers::$numbers(numbers)
            }
            fn numbers_mut(numbers: &mut [Self]) -> NumbersMut<'_> {
                NumbersMut::$numbers(numbers)
            }
        }
    };
}
scalar!(f32, "float32", Float32);
scalar!(f64, "float64", Float64);

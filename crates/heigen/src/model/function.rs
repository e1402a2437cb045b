//! Functions of one number that layers apply entry by entry.

use crate::linalg::{Scalar, vectorized};
use crate::vocabulary::Activation;

use super::Smooth;
use super::error_function::{erf, gelu};
use super::exponential::{by_order, gelu_tanh, sigmoid, silu, tanh};

/// A function of one number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Function {
    /// An activation function.
    Activation(Activation),
    /// The function 1 / sqrt(z + epsilon) of batch normalisation.
    InverseSqrt {
        /// A small number that keeps the argument away from 0.
        epsilon: f64,
    },
    /// A function that graphs apply.
    Smooth(Smooth),
}

impl Function {
    /// The `order`-th derivative at z, order 0 to 2.
    #[inline(always)]
    pub fn derivative<T: Scalar>(self, order: u8, z: T) -> T {
        match self {
            Self::Activation(f) => f.derivative(order, z),
            Self::Smooth(f) => T::from_f64(f.derivative(order, z.to_f64())),
            Self::InverseSqrt { epsilon } => {
                let inverse = T::ONE / (z + T::from_f64(epsilon));
                let root = inverse.sqrt();
                match order {
                    0 => root,
                    1 => T::from_f64(-0.5) * root * inverse,
                    _ => T::from_f64(0.75) * root * inverse * inverse,
                }
            }
        }
    }

    /// Whether the derivative of this order is zero (almost) everywhere, so that it need not be computed.
    pub fn vanishes(self, order: u8) -> bool {
        match self {
            Self::Activation(f) => f.vanishes(order),
            Self::Smooth(f) => f.vanishes(order),
            Self::InverseSqrt { .. } => false,
        }
    }

    /// Writes y = f^(order)(x). The match is outside of the loop, so that the loops of the common cases are vectorised.
    pub(super) fn map<T: Scalar>(self, order: u8, x: &[T], y: &mut [T]) {
        const RELU: Activation = Activation::Relu;
        vectorized(
            #[inline(always)]
            || match (self, order) {
                (Self::Activation(RELU), 0) => each(x, y, |x| RELU.derivative(0, x)),
                (Self::Activation(RELU), 1) => each(x, y, |x| RELU.derivative(1, x)),
                (Self::Activation(Activation::Tanh), order) => by_order!(order, entries, x, y, tanh),
                (Self::Activation(Activation::Sigmoid), order) => by_order!(order, entries, x, y, sigmoid),
                (Self::Activation(Activation::Gelu), order) => by_order!(order, entries, x, y, gelu),
                (Self::Activation(Activation::GeluTanh), order) => by_order!(order, entries, x, y, gelu_tanh),
                (Self::Smooth(Smooth::Erf), order) => by_order!(order, entries, x, y, erf),
                (Self::Smooth(Smooth::Silu), order) => by_order!(order, entries, x, y, silu),
                (Self::Smooth(Smooth::Affine { scale, shift }), 0) => {
                    let (scale, shift) = (T::from_f64(scale), T::from_f64(shift));
                    each(x, y, |x| scale * x + shift);
                }
                _ => each(
                    x,
                    y,
                    #[inline(always)]
                    |x| self.derivative(order, x),
                ),
            },
        );
    }
}

/// Writes y = f(x).
#[inline(always)]
fn each<T: Scalar>(x: &[T], y: &mut [T], f: impl Fn(T) -> T) {
    // A loop: `for_each` is a function of its own where `f` is long, and then it is compiled without the machine's vectors.
    for (y, &x) in y.iter_mut().zip(x) {
        *y = f(x);
    }
}

/// Writes y = f(x), computed in float64.
#[inline(always)]
fn entries<T: Scalar>(x: &[T], y: &mut [T], f: impl Fn(f64) -> f64) {
    each(
        x,
        y,
        #[inline(always)]
        |x| T::from_f64(f(x.to_f64())),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derivatives_of_the_inverse_root_match_central_differences() {
        let f = Function::InverseSqrt { epsilon: 1e-5 };
        assert!((f.derivative(0, 4.0f64 - 1e-5) - 0.5).abs() < 1e-15);
        for order in 1..=2 {
            for z in [0.3f64, 1.0, 7.0] {
                let h = 1e-5;
                let difference = (f.derivative(order - 1, z + h) - f.derivative(order - 1, z - h)) / (2.0 * h);
                // The truncation is h^2 / 6 of a derivative that grows towards 0 like the one that is compared.
                assert!((f.derivative(order, z) / difference - 1.0).abs() < 1e-8, "{order} {z}");
            }
        }
    }
}

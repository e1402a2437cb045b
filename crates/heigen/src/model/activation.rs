//! Activation functions and their derivatives.

use crate::config::Activation;
use crate::linalg::Scalar;

impl Activation {
    /// The `order`-th derivative at z, order 0 to 2. ReLU's first derivative at 0 is 0, as in PyTorch.
    #[inline]
    pub fn derivative<T: Scalar>(self, order: u8, z: T) -> T {
        match (self, order) {
            // `max` in this form lets NaN through, so that divergence is seen.
            (Self::Relu, 0) => {
                if z < T::ZERO {
                    T::ZERO
                } else {
                    z
                }
            }
            (Self::Relu, 1) => {
                if z > T::ZERO {
                    T::ONE
                } else {
                    T::ZERO
                }
            }
            (Self::Relu, _) => T::ZERO,
            (Self::Sigmoid, order) => {
                // exp of a negative number only: no overflow.
                let e = (if z < T::ZERO { z } else { -z }).exp();
                let (small, large) = (e / (T::ONE + e), T::ONE / (T::ONE + e));
                let (s, complement) = if z < T::ZERO { (small, large) } else { (large, small) };
                match order {
                    0 => s,
                    1 => s * complement,
                    _ => s * complement * (complement - s),
                }
            }
        }
    }

    /// Whether the derivative of that order is zero (almost) everywhere, so that it need not be computed.
    pub fn vanishes(self, order: u8) -> bool {
        self == Self::Relu && order >= 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derivatives_match_central_differences() {
        for f in [Activation::Relu, Activation::Sigmoid] {
            for order in 1..=2 {
                for z in [-30.0f64, -2.0, -0.3, 0.4, 1.7, 30.0] {
                    let h = 1e-5;
                    let difference = (f.derivative(order - 1, z + h) - f.derivative(order - 1, z - h)) / (2.0 * h);
                    assert!((f.derivative(order, z) - difference).abs() < 1e-9, "{f:?} {order} {z}");
                }
            }
        }
        assert_eq!(Activation::Relu.derivative(1, 0.0f32), 0.0);
        assert!(Activation::Relu.derivative(0, f32::NAN).is_nan());
        assert_eq!(Activation::Sigmoid.derivative(0, -1000.0f64), 0.0);
    }
}

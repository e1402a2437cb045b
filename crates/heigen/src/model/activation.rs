//! Activation functions and their derivatives.

use super::error_function::gelu;
use super::exponential::{by_order, gelu_tanh, sigmoid, tanh};
use super::smooth::softplus;
use crate::linalg::Scalar;
use crate::vocabulary::Activation;

impl Activation {
    /// All activation functions.
    pub const ALL: [Self; 6] = [Self::Relu, Self::Sigmoid, Self::Tanh, Self::Gelu, Self::GeluTanh, Self::Softplus];

    /// The `order`-th derivative at z, order 0 to 2. ReLU's first derivative at 0 is 0, and softplus is the identity from
    /// 20 on, as in PyTorch.
    #[inline(always)]
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
            (Self::Sigmoid | Self::Tanh | Self::Gelu | Self::GeluTanh | Self::Softplus, order) => {
                T::from_f64(smooth(self, order, z.to_f64()))
            }
        }
    }

    /// Whether the derivative of this order is zero (almost) everywhere, so that it need not be computed.
    pub fn vanishes(self, order: u8) -> bool {
        self == Self::Relu && order >= 2
    }
}

/// The smooth activations of PyTorch, each with its first two derivatives. Inlined into loops that are compiled for the machine: elsewhere
/// every fused multiplication is a call.
#[inline(always)]
fn smooth(f: Activation, order: u8, z: f64) -> f64 {
    match f {
        Activation::Tanh => by_order!(order, tanh, z),
        Activation::Sigmoid => by_order!(order, sigmoid, z),
        Activation::Gelu => by_order!(order, gelu, z),
        Activation::GeluTanh => by_order!(order, gelu_tanh, z),
        // PyTorch's softplus is the identity from 20 on.
        Activation::Softplus => softplus(order, z, 1.0, 20.0),
        Activation::Relu => f.derivative(order, z),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derivatives_match_central_differences() {
        for f in Activation::ALL {
            for order in 1..=2 {
                for z in [-30.0f64, -2.0, -0.3, 0.4, 1.7, 30.0] {
                    let h = 1e-5;
                    let difference = (f.derivative(order - 1, z + h) - f.derivative(order - 1, z - h)) / (2.0 * h);
                    assert!((f.derivative(order, z) - difference).abs() < 1e-9, "{f:?} {order} {z}");
                }
            }
        }
        // The values are those of torch.nn.functional in float64.
        assert!((Activation::Gelu.derivative(0, 1.0f64) - 0.8413447460685429).abs() < 1e-15);
        assert!((Activation::GeluTanh.derivative(0, 1.0f64) - 0.8411919906082768).abs() < 1e-15);
        assert!((Activation::Softplus.derivative(0, 1.0f64) - 1.3132616875182228).abs() < 1e-15);
        assert_eq!(Activation::Softplus.derivative(0, 25.0f64), 25.0);
        assert_eq!(Activation::Relu.derivative(1, 0.0f32), 0.0);
        assert!(Activation::Relu.derivative(0, f32::NAN).is_nan());
        assert_eq!(Activation::Sigmoid.derivative(0, -1000.0f64), 0.0);
    }
}

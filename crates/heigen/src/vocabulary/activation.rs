//! Functions that a layer applies entry by entry.

use serde::Serialize;

/// Activation function between linear layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// max(0, z), derivative 0 at 0 as in `PyTorch`.
    Relu,
    /// 1 / (1 + exp(-z)).
    Sigmoid,
    /// tanh(z).
    Tanh,
    /// z Phi(z), Phi the distribution function of the standard normal distribution (arXiv:1606.08415).
    Gelu,
    /// z / 2 (1 + tanh(sqrt(2 / pi) (z + 0.044715 z^3))), its approximation.
    GeluTanh,
    /// log(1 + exp(z)).
    Softplus,
}

//! Functions of one number that a layer applies entry by entry.

use serde::Serialize;

/// Activation function between linear layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Activation {
    /// The function max(0, z), with derivative 0 at 0 as in `PyTorch`.
    Relu,
    /// The function 1 / (1 + exp(-z)).
    Sigmoid,
    /// The function tanh(z).
    Tanh,
    /// The function z Phi(z), where Phi is the distribution function of the standard normal distribution
    /// (arXiv:1606.08415).
    Gelu,
    /// The approximation of GELU by z / 2 (1 + tanh(sqrt(2 / pi) (z + 0.044715 z^3))).
    GeluTanh,
    /// The function log(1 + exp(z)).
    Softplus,
}

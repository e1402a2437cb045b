//! Other weights for which a network computes the same function.

use super::{Layer, Network};
use crate::vocabulary::Activation;

/// How far the product of the factors may be from 1.
const PRODUCT_TOLERANCE: f64 = 1e-6;

/// Why weights were not reparameterized.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ReparameterizeError {
    /// The network does not have two hidden ReLU layers.
    #[error(
        "only FNN_2layer with ReLU can be reparameterized: fc1, ReLU, fc2, ReLU, fc3; this network has another \
         architecture or activation"
    )]
    Network,
    /// Theta has the wrong number of parameters.
    #[error("the network has {wanted} parameters, theta has {got}")]
    Parameters {
        /// Length of theta.
        got: usize,
        /// P of the network.
        wanted: usize,
    },
    /// A factor is not positive and finite.
    #[error("factor a{position} is {factor}; expected a positive number: ReLU(a z) = a ReLU(z) for those only")]
    Factor {
        /// The number of the factor, from 1.
        position: usize,
        /// The factor.
        factor: f64,
    },
    /// The product of the factors is not 1, so the function would change.
    #[error(
        "the factors {}, {}, {} have the product {product}; expected 1, for the same function",
        factors[0],
        factors[1],
        factors[2]
    )]
    Product {
        /// The factors.
        factors: [f64; 3],
        /// The product of the factors.
        product: f64,
    },
}

/// Weights of the same function that lie elsewhere, e.g. at a sharper minimum: `FNN_2layer.reparameterize`.
///
/// With ReLU(a z) = a ReLU(z) for a > 0 and a1 a2 a3 = 1: the weights of fc1, fc2, fc3 times a1, a2, a3, the bias of fc1
/// times a1, that of fc2 times a1 a2, that of fc3 (times a1 a2 a3) as it is. Outputs are equal up to rounding to
/// float32; (.2, 5, 1) is the reference's choice.
///
/// # Shapes
/// `theta` and the result are `[P]`, in the order of the network's layout.
///
/// # Errors
/// [`ReparameterizeError`] if the product differs from 1 by more than 1e-6, a factor is not positive and finite, or the
/// network does not have two hidden ReLU layers.
///
/// # References
/// Dinh, Pascanu, Bengio, Bengio, *Sharp minima can generalize for deep nets*, arXiv:1703.04933.
///
/// ```
/// use heigen::{config::Activation, model::{Network, reparameterize}};
/// let network = Network::fully_connected(&[1, 1, 1, 1], Activation::Relu)?;
/// let theta = reparameterize(&network, &[1.0; 6], [0.5, 4.0, 0.5])?;
/// assert_eq!(theta, [0.5, 0.5, 4.0, 2.0, 0.5, 1.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn reparameterize(network: &Network, theta: &[f32], factors: [f64; 3]) -> Result<Vec<f32>, ReparameterizeError> {
    use Layer::{Activation as Act, Linear, LogSoftmax};
    let relu = Act(Activation::Relu);
    let ([Linear(fc1), first, Linear(fc2), second, Linear(fc3)]
    | [Linear(fc1), first, Linear(fc2), second, Linear(fc3), LogSoftmax]) = network.layers()
    else {
        return Err(ReparameterizeError::Network);
    };
    if *first != relu || *second != relu {
        return Err(ReparameterizeError::Network);
    }
    if theta.len() != network.n_params() {
        return Err(ReparameterizeError::Parameters { got: theta.len(), wanted: network.n_params() });
    }
    if let Some((i, &factor)) = factors.iter().enumerate().find(|(_, a)| !((**a as f32).is_normal() && **a > 0.0)) {
        return Err(ReparameterizeError::Factor { position: i + 1, factor });
    }
    let [a1, a2, a3] = factors;
    let product = a1 * a2 * a3;
    if (product - 1.0).abs() > PRODUCT_TOLERANCE {
        return Err(ReparameterizeError::Product { factors, product });
    }
    let mut theta = theta.to_vec();
    let weights = [(Some(&fc1.weight), a1), (Some(&fc2.weight), a2), (Some(&fc3.weight), a3)];
    let biases = [(fc1.bias.as_ref(), a1), (fc2.bias.as_ref(), a1 * a2)];
    let scaled = weights.into_iter().chain(biases).filter_map(|(range, a)| range.map(|range| (range, a)));
    for (range, factor) in scaled {
        theta[range.clone()].iter_mut().for_each(|w| *w *= factor as f32);
    }
    Ok(theta)
}

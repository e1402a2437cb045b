//! A network: a sequence of layers with the layout of its parameters.

use super::{Algebra, Layer, Linear, ParamLayout, Plain, Pool, Sink, Tape};
use crate::config::{Activation, ModelSpec};
use crate::linalg::{Matrix, Scalar, par};

/// A classifier from samples of d features to C outputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    layers: Vec<Layer>,
    layout: ParamLayout,
    n_inputs: usize,
    n_outputs: usize,
}

/// Why a network cannot be built.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ModelError {
    /// A network for images, which this version does not have.
    #[error("`model.type` {0} is a network for images; this version has FNN and FNN_2layer only")]
    ImageNetwork(&'static str),
    /// A size of zero.
    #[error("a network from {inputs} features to {outputs} classes cannot be built: both must be 1 or more")]
    Empty {
        /// Features of a sample.
        inputs: usize,
        /// Number of classes.
        outputs: usize,
    },
}

impl Network {
    /// The network of `spec` for samples of `n_inputs` features and `n_outputs` classes, with PyTorch's parameter names.
    ///
    /// # Errors
    /// [`ModelError`] if this version lacks the architecture or a size is 0.
    pub fn build(spec: &ModelSpec, n_inputs: usize, n_outputs: usize) -> Result<Self, ModelError> {
        if n_inputs == 0 || n_outputs == 0 {
            return Err(ModelError::Empty { inputs: n_inputs, outputs: n_outputs });
        }
        let mut network = Self { layers: vec![], layout: ParamLayout::default(), n_inputs, n_outputs };
        match *spec {
            ModelSpec::Fnn { num_neurons, .. } => {
                network.linear("linear_relu_stack.0", n_inputs, num_neurons);
                network.layers.push(Layer::Activation(Activation::Relu));
                network.linear("linear_relu_stack.2", num_neurons, n_outputs);
            }
            ModelSpec::Fnn2Layer { num_neurons_layer1, num_neurons_layer2, activation_func, lsoftmax, .. } => {
                network.linear("fc1", n_inputs, num_neurons_layer1);
                network.layers.push(Layer::Activation(activation_func));
                network.linear("fc2", num_neurons_layer1, num_neurons_layer2);
                network.layers.push(Layer::Activation(activation_func));
                network.linear("fc3", num_neurons_layer2, n_outputs);
                if lsoftmax {
                    network.layers.push(Layer::LogSoftmax);
                }
            }
            ModelSpec::Cnn {} => return Err(ModelError::ImageNetwork("CNN")),
            ModelSpec::LeNet5 {} => return Err(ModelError::ImageNetwork("LeNet5")),
            ModelSpec::ResNet18 { .. } => return Err(ModelError::ImageNetwork("ResNet18")),
        }
        Ok(network)
    }

    /// Fully connected layers of the given widths with an activation between them, named `fc1`, `fc2`, ...
    ///
    /// # Errors
    /// [`ModelError::Empty`] if there are fewer than two widths or one is 0.
    pub fn fully_connected(widths: &[usize], activation: Activation) -> Result<Self, ModelError> {
        let (Some(&n_inputs), Some(&n_outputs)) = (widths.first(), widths.last()) else {
            return Err(ModelError::Empty { inputs: 0, outputs: 0 });
        };
        if widths.len() < 2 || widths.contains(&0) {
            return Err(ModelError::Empty { inputs: n_inputs, outputs: n_outputs });
        }
        let mut network = Self { layers: vec![], layout: ParamLayout::default(), n_inputs, n_outputs };
        for (i, pair) in widths.windows(2).enumerate() {
            if i > 0 {
                network.layers.push(Layer::Activation(activation));
            }
            network.linear(&format!("fc{}", i + 1), pair[0], pair[1]);
        }
        Ok(network)
    }

    fn linear(&mut self, name: &str, inputs: usize, outputs: usize) {
        let weight = self.layout.push(format!("{name}.weight"), &[outputs, inputs]);
        let bias = self.layout.push(format!("{name}.bias"), &[outputs]);
        self.layers.push(Layer::Linear(Linear { weight, bias }));
    }

    /// The layers in order.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// Names, shapes and places of the parameters.
    pub fn layout(&self) -> &ParamLayout {
        &self.layout
    }

    /// P, the number of parameters.
    pub fn n_params(&self) -> usize {
        self.layout.n_params()
    }

    /// d, the number of features of a sample.
    pub fn n_inputs(&self) -> usize {
        self.n_inputs
    }

    /// C, the number of outputs.
    pub fn n_outputs(&self) -> usize {
        self.n_outputs
    }

    /// Outputs [C, N] of inputs [d, N].
    pub fn forward<A: Algebra>(&self, algebra: &mut A, x: A::Tensor, tape: &mut Tape<A::Tensor>) -> A::Tensor {
        self.layers.iter().fold(x, |x, layer| layer.forward(algebra, x, tape))
    }

    /// Runs the layers backwards from the derivative of the loss with respect to the outputs; the carrier's sink
    /// receives the gradients of the parameters. Follows a recording [`Network::forward`].
    pub fn reverse<A: Algebra>(&self, algebra: &mut A, delta: A::Tensor, tape: &mut Tape<A::Tensor>) {
        let mut delta = Some(delta);
        for (i, layer) in self.layers.iter().enumerate().rev() {
            delta = delta.and_then(|d| layer.reverse(algebra, d, tape, i > 0));
        }
        if let Some(delta) = delta {
            algebra.recycle(delta);
        }
    }

    /// Outputs [C, N] of inputs `x` [d, N] at `theta` `[P]`.
    pub fn outputs<T: Scalar>(&self, theta: &[T], x: &Matrix<T>) -> Matrix<T> {
        let mut pool = Pool::new();
        let mut plain = Plain::new(theta, Sink::None, &mut pool, par());
        let input = plain.input(x);
        self.forward(&mut plain, input, &mut Tape::forgetting())
    }
}

/// The class of every column: the first largest output, as `argmax` in PyTorch.
pub fn predict<T: Scalar>(outputs: &Matrix<T>) -> Vec<usize> {
    outputs.iter_columns().map(argmax).collect()
}

/// Index of the first largest entry.
pub fn argmax<T: Scalar>(values: &[T]) -> usize {
    values.iter().enumerate().fold(0, |best, (i, v)| if *v > values[best] { i } else { best })
}

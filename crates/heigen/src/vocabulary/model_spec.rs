//! The networks of the paper, and any other as a list of layers.

use super::{Activation, Sequential};
use serde::Serialize;

/// The way in which the weights of an [`ModelSpec::Fnn2Layer`] are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Initialization {
    /// `PyTorch`'s default for linear layers.
    #[serde(rename = "random")]
    Random,
    /// The weights of fc1 and fc2 are drawn again by `kaiming_normal_` and then by `kaiming_uniform_`, which counts.
    Kaiming,
}

/// A network and its arguments.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", content = "args")]
pub enum ModelSpec {
    /// One hidden `ReLU` layer.
    #[serde(rename = "FNN")]
    Fnn {
        /// Width of the hidden layer.
        num_neurons: usize,
        /// Factors by which the two weight matrices are multiplied after they are drawn.
        init_scales: Option<[f64; 2]>,
    },
    /// Two hidden layers.
    #[serde(rename = "FNN_2layer")]
    Fnn2Layer {
        /// Width of the first hidden layer.
        num_neurons_layer1: usize,
        /// Width of the second hidden layer.
        num_neurons_layer2: usize,
        /// Activation after both hidden layers.
        activation_func: Activation,
        /// The way in which fresh weights are drawn.
        initialization: Initialization,
        /// Whether the network ends in log-softmax.
        lsoftmax: bool,
    },
    /// Two convolutions and a linear layer, for 1 x 28 x 28 images.
    #[serde(rename = "CNN")]
    Cnn {},
    /// LeNet-5 for 3 x 32 x 32 images.
    LeNet5 {},
    /// ResNet-18.
    ResNet18 {
        /// Whether training starts from weights that the user gives.
        pretrained: bool,
        /// Whether the first convolution is 3 x 3 with stride 1 and no bias.
        #[serde(rename = "for_CIFAR")]
        for_cifar: bool,
    },
    /// Any network, layer by layer.
    Sequential(Sequential),
}

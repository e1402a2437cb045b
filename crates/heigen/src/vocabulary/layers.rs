//! Layers as an experiment file lists them: the architecture of any network.

use super::{Activation, GraphSpec};
use serde::{Deserialize, Serialize};

/// A network as a list of layers.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Sequential {
    /// The channels, rows and columns of an image; the samples' own shape if not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_shape: Option<[usize; 3]>,
    /// Whether every image of the samples lies pixel after pixel, each with all of its channels (NHWC, Keras's order), instead
    /// of channel after channel (NCHW, PyTorch's order). `input_shape` is channels, rows and columns either way.
    #[serde(skip_serializing_if = "is_false")]
    pub channels_last: bool,
    /// The source of batch normalisation's mean and variance.
    pub batchnorm: BatchNormMode,
    /// The layers in order.
    pub layers: Vec<LayerSpec>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands fields over by reference")]
fn is_false(value: &bool) -> bool {
    !value
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands fields over by reference")]
fn is_true(value: &bool) -> bool {
    *value
}

/// The source of batch normalisation's mean and variance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BatchNormMode {
    /// The samples themselves (PyTorch's training mode).
    #[default]
    Batch,
    /// The running statistics in the weights file (PyTorch's evaluation mode).
    Running,
}

/// The tensors of earlier layers that a layer takes for its own (tied weights): each is one parameter of several layers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tie {
    /// The name of the tensor that is the layer's weight, e.g. `encoder.weight`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<String>,
    /// The name of the tensor that is the layer's bias.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bias: Option<String>,
}

impl Tie {
    /// Whether all tensors are the layer's own.
    pub fn is_empty(&self) -> bool {
        self.weight.is_none() && self.bias.is_none()
    }
}

/// One layer. The sizes of inputs are inferred. Names are prefixes of the tensors in a state dict; a layer without a
/// name has its number in the list, as in `torch.nn.Sequential`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum LayerSpec {
    /// The map W x + b.
    Linear {
        /// The prefix of its tensors' names.
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        /// Number of outputs.
        out_features: usize,
        /// Whether there is a bias b.
        bias: bool,
        /// The tensors that are those of earlier layers.
        #[serde(skip_serializing_if = "Tie::is_empty")]
        tie: Tie,
    },
    /// A convolution with a square kernel.
    Conv2d {
        /// The prefix of its tensors' names.
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        /// Number of filters.
        out_channels: usize,
        /// The window that slides over the image.
        #[serde(flatten)]
        window: WindowSpec,
        /// Whether there is a bias.
        bias: bool,
        /// The tensors that are those of earlier layers.
        #[serde(skip_serializing_if = "Tie::is_empty")]
        tie: Tie,
    },
    /// The function max(0, z), entry by entry.
    Relu,
    /// The function tanh(z), entry by entry.
    Tanh,
    /// The function 1 / (1 + exp(-z)), entry by entry.
    Sigmoid,
    /// The function z Phi(z), where Phi is the distribution function of the standard normal distribution.
    Gelu {
        /// The way in which Phi is computed.
        approximate: Approximate,
    },
    /// The function log(1 + exp(z)), entry by entry.
    Softplus,
    /// The largest entry in every place of a window.
    #[serde(rename = "maxpool")]
    MaxPool(WindowSpec),
    /// The mean in every place of a window, padding counted as zeros.
    #[serde(rename = "avgpool")]
    AvgPool(WindowSpec),
    /// The mean over all pixels.
    #[serde(rename = "global_avgpool")]
    GlobalAvgPool,
    /// Batch normalisation of features or channels.
    #[serde(rename = "batchnorm")]
    BatchNorm {
        /// The prefix of its tensors' names.
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        /// The number that is added to the variance.
        eps: f64,
        /// Whether the normalised channels are scaled and shifted by parameters, as in PyTorch's `affine=True`.
        #[serde(skip_serializing_if = "is_true")]
        affine: bool,
    },
    /// The function scale * x + shift with constants that are no parameters: normalised inputs, or a temperature.
    Scale {
        /// One number for all features or channels, or one for each.
        scale: Vec<f64>,
        /// One number for all features or channels, or one for each.
        shift: Vec<f64>,
    },
    /// The change from an image to features, channel after channel.
    Flatten,
    /// The change from an image to features, pixel after pixel, each with all of its channels (Keras's order).
    FlattenChannelsLast,
    /// A layer that does nothing, because analyses are of the network as it predicts.
    Dropout {
        /// The probability with which training would drop a unit.
        p: f64,
    },
    /// The sum main(x) + shortcut(x).
    Residual {
        /// The layers of the block.
        main: Vec<Self>,
        /// The layers whose output is added to that of the block; the identity if empty.
        shortcut: Vec<Self>,
    },
    /// The map x - log(sum(exp(x))) of every sample.
    LogSoftmax,
    /// The logits [0, z] of two classes for a single output z: their cross-entropy is the binary cross-entropy of z.
    BinaryLogits,
    /// A graph of operations.
    Graph(Box<GraphSpec>),
}

/// The way in which GELU's distribution function is computed, under PyTorch's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Approximate {
    /// It is computed by the error function.
    None,
    /// It is approximated by a hyperbolic tangent.
    Tanh,
}

/// A square window sliding over an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct WindowSpec {
    /// The length of its side.
    pub kernel_size: usize,
    /// Distance between neighbouring places.
    pub stride: usize,
    /// Number of rows and columns that are added on every side.
    pub padding: usize,
}

impl LayerSpec {
    /// The layer's `type` in experiment files.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Linear { .. } => "linear",
            Self::Conv2d { .. } => "conv2d",
            Self::Relu => "relu",
            Self::Tanh => "tanh",
            Self::Sigmoid => "sigmoid",
            Self::Gelu { .. } => "gelu",
            Self::Softplus => "softplus",
            Self::MaxPool(_) => "maxpool",
            Self::AvgPool(_) => "avgpool",
            Self::GlobalAvgPool => "global_avgpool",
            Self::BatchNorm { .. } => "batchnorm",
            Self::Scale { .. } => "scale",
            Self::Flatten => "flatten",
            Self::FlattenChannelsLast => "flatten_channels_last",
            Self::Dropout { .. } => "dropout",
            Self::Residual { .. } => "residual",
            Self::LogSoftmax => "log_softmax",
            Self::BinaryLogits => "binary_logits",
            Self::Graph(_) => "graph",
        }
    }

    /// The function that the layer applies entry by entry.
    pub fn activation(&self) -> Option<Activation> {
        Some(match self {
            Self::Relu => Activation::Relu,
            Self::Tanh => Activation::Tanh,
            Self::Sigmoid => Activation::Sigmoid,
            Self::Gelu { approximate: Approximate::None } => Activation::Gelu,
            Self::Gelu { approximate: Approximate::Tanh } => Activation::GeluTanh,
            Self::Softplus => Activation::Softplus,
            _ => return None,
        })
    }
}

impl From<Activation> for LayerSpec {
    fn from(activation: Activation) -> Self {
        match activation {
            Activation::Relu => Self::Relu,
            Activation::Tanh => Self::Tanh,
            Activation::Sigmoid => Self::Sigmoid,
            Activation::Gelu => Self::Gelu { approximate: Approximate::None },
            Activation::GeluTanh => Self::Gelu { approximate: Approximate::Tanh },
            Activation::Softplus => Self::Softplus,
        }
    }
}

impl Sequential {
    /// Makes the tensor `name` of a linear layer or a convolution one with the tensor `other` of an earlier layer. Returns
    /// whether there is a layer with such a tensor that is not yet tied to another one.
    pub fn tie(&mut self, name: &str, other: &str) -> bool {
        tie(&mut self.layers, "", name, other)
    }

    /// Whether the outputs may be log-probabilities: after a log-softmax they are, and those of a graph tell it by their numbers.
    pub fn may_give_log_probabilities(&self) -> bool {
        matches!(self.layers.last(), Some(LayerSpec::LogSoftmax | LayerSpec::Graph(_)))
    }

    /// Whether a log-softmax is the last operation.
    pub fn ends_in_log_softmax(&self) -> bool {
        match self.layers.last() {
            Some(LayerSpec::LogSoftmax) => true,
            Some(LayerSpec::Graph(graph)) => graph.ends_in_log_softmax(),
            _ => false,
        }
    }
}

/// Ties a tensor of one of `layers`, whose names begin with `prefix` if they have no name of their own.
fn tie(layers: &mut [LayerSpec], prefix: &str, name: &str, other: &str) -> bool {
    layers.iter_mut().enumerate().any(|(i, layer)| match layer {
        LayerSpec::Linear { name: own, bias, tie, .. } | LayerSpec::Conv2d { name: own, bias, tie, .. } => {
            let own = own.clone().unwrap_or_else(|| format!("{prefix}{i}"));
            let part = match name.strip_prefix(&own) {
                Some(".weight") => &mut tie.weight,
                Some(".bias") if *bias => &mut tie.bias,
                _ => return false,
            };
            let free = part.is_none();
            part.get_or_insert_with(|| other.to_owned());
            free
        }
        LayerSpec::Residual { main, shortcut } => {
            tie(main, &format!("{prefix}{i}.main."), name, other)
                || tie(shortcut, &format!("{prefix}{i}.shortcut."), name, other)
        }
        _ => false,
    })
}

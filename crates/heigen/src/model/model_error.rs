//! Why a network cannot be built.

use super::{GraphError, Shape};

/// Why a network cannot be built.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ModelError {
    /// The samples have another size than the network takes.
    #[error(
        "`model.type` {model} takes images of {channels} x {height} x {width}, {} numbers; the samples have {got}",
        channels * height * width
    )]
    Image {
        /// The architecture.
        model: &'static str,
        /// Number of features of a sample.
        got: usize,
        /// Number of channels that the network takes.
        channels: usize,
        /// Number of rows that the network takes.
        height: usize,
        /// Number of columns that the network takes.
        width: usize,
    },
    /// A window is larger than its image.
    #[error("layer {layer}: its window of {kernel} x {kernel} does not fit an image of {image}")]
    Window {
        /// The name of the layer.
        layer: String,
        /// The shape of the image.
        image: Shape,
        /// The length of the window's side.
        kernel: usize,
    },
    /// A layer cannot take the output of the layer before it.
    #[error("{layer}: it gets {got}; expected {wanted}")]
    Layer {
        /// The name and the kind of the layer.
        layer: String,
        /// The form of its input.
        got: String,
        /// A description of the forms that the layer takes.
        wanted: String,
    },
    /// The last layer does not have one output for each class.
    #[error("the last layer makes {got}; expected {wanted}, one for each class")]
    Outputs {
        /// The form of the last layer's output.
        got: String,
        /// Number of classes.
        wanted: usize,
    },
    /// Two layers have one name.
    #[error("two layers are named {name}; give one of them another `name`: it is the prefix of its tensors")]
    Name {
        /// The name.
        name: String,
    },
    /// A tensor is to be that of another layer, which has none of its name or of its shape.
    #[error(
        "{tensor} {shape:?} is tied to {other}{}; expected the name of a tensor of the same shape in an earlier layer",
        found.as_ref().map_or_else(|| ", which no earlier layer has".to_owned(), |found| format!(", which is {found:?}"))
    )]
    Tie {
        /// The name of the tensor.
        tensor: String,
        /// The shape of the tensor.
        shape: Vec<usize>,
        /// The name of the other tensor.
        other: String,
        /// The shape of the other tensor, if there is one.
        found: Option<Vec<usize>>,
    },
    /// The network has more numbers than any memory holds.
    #[error("layer {layer}: with it the network has more than 8 billion numbers; make it smaller")]
    TooLarge {
        /// The name of the layer with which it becomes too large.
        layer: String,
    },
    /// Statistics that evaluation mode needs are missing.
    #[error(
        "the running statistics {name} of batch normalisation are missing or of another size; \
             use weights saved with them, or the statistics of the batch"
    )]
    Statistics {
        /// PyTorch's name of the tensor.
        name: String,
    },
    /// Numbers that a graph takes from the weights file are missing.
    #[error("the tensor {name}, which is no parameter, is missing or of another size; use weights saved with it")]
    Buffer {
        /// The name of the tensor.
        name: String,
    },
    /// A number that a graph takes from the weights file, or a running statistic, is NaN.
    #[error("the tensor {name}, which is no parameter, holds NaN; expected numbers, which may be infinite")]
    NotANumber {
        /// The name of the tensor.
        name: String,
    },
    /// A node of a graph cannot be built.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// The number of features or of classes is zero.
    #[error("a network from {inputs} features to {outputs} classes cannot be built: both must be 1 or more")]
    Empty {
        /// Number of features of a sample.
        inputs: usize,
        /// Number of classes.
        outputs: usize,
    },
}

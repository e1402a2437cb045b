//! The tensor that weights are read as, whatever file they come from.

/// One tensor of a network's weights, by its name, in row-major order.
///
/// This type serves every format of weights, read or written: PyTorch's `.pt`, NumPy's `.npz`, ONNX, safetensors.
///
/// # Shapes
/// As PyTorch has them: the weight of a linear layer is [out, in], that of a convolution [out, in, k, k], biases and
/// statistics are `[channels]`.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedTensor<T = f32> {
    /// PyTorch's name, e.g. `fc1.weight`.
    pub name: String,
    /// Lengths of the axes; empty for a single number.
    pub shape: Vec<usize>,
    /// All elements in C order: the last index runs fastest.
    pub values: Vec<T>,
}

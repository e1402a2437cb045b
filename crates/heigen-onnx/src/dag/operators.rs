//! The operators, each with the function that writes it.

use super::value::Value;
use super::{Reader, arrange, attention, classic, entrywise, indexed, normalize, product, reduce, resize, window};
use crate::error::OnnxError;
use crate::shapes::Given;

/// The operators that are read on samples; others of constants alone.
pub(crate) const SUPPORTED: &str = "\
    Conv, ConvTranspose, Gemm, MatMul, Einsum, Attention, MaxPool, AveragePool, LpPool, GlobalAveragePool, GlobalMaxPool, \
    GlobalLpPool, BatchNormalization, LayerNormalization, GroupNormalization, InstanceNormalization, RMSNormalization, \
    LpNormalization, LRN, Relu, LeakyRelu, PRelu, ThresholdedRelu, Elu, Selu, Celu, Gelu, Swish, Mish, HardSwish, HardSigmoid, \
    Sigmoid, Tanh, Softplus, Softsign, Shrink, Softmax, LogSoftmax, Exp, Log, Sqrt, Reciprocal, Erf, Sin, Cos, Abs, Sign, Floor, \
    Ceil, Round, Neg, Not, Clip, Pow, Add, Sub, Mul, Div, Sum, Mean, Max, Min, Equal, Greater, GreaterOrEqual, Less, \
    LessOrEqual, And, Or, Xor, Where, Reshape, Flatten, Squeeze, Unsqueeze, Transpose, Slice, Split, Concat, Pad, Expand, \
    Tile, DepthToSpace, SpaceToDepth, Gather, GatherElements, GatherND, OneHot, Trilu, the Reduce operators, CumSum, Resize, \
    Upsample, Cast, CastLike, Identity, Dropout, Shape, Size, If with a constant condition, functions of the model, Scaler, \
    LinearClassifier, LinearRegressor, Normalizer and ZipMap";

/// The outputs of a node that takes samples or parameters.
pub(super) fn evaluate(reader: &mut Reader<'_>, given: &Given<'_>) -> Result<Vec<Value>, OnnxError> {
    let node = given.node;
    let made = match node.operator.as_str() {
        "Split" => return arrange::split(reader, given),
        "Identity" | "Dropout" | "Cast" | "CastLike" | "ai.onnx.ml.ZipMap" => entrywise::same(reader, given),
        "Shape" | "Size" => arrange::sizes(reader, given),
        "Conv" => window::convolution(reader, given),
        "ConvTranspose" => window::transposed(reader, given),
        "MaxPool" | "AveragePool" | "LpPool" => window::pool(reader, given),
        "GlobalAveragePool" | "GlobalMaxPool" | "GlobalLpPool" => reduce::global_pool(reader, given),
        "LRN" => window::local_response(reader, given),
        "Gemm" => product::gemm(reader, given),
        "MatMul" => product::matmul(reader, given),
        "Einsum" => product::einsum(reader, given),
        "Attention" => attention::evaluate(reader, given),
        "BatchNormalization" => normalize::batch(reader, given),
        "LayerNormalization" | "RMSNormalization" => normalize::layer(reader, given),
        "GroupNormalization" | "InstanceNormalization" => normalize::group(reader, given),
        "LpNormalization" => normalize::by_length(reader, given),
        "Softmax" | "LogSoftmax" => reduce::softmax(reader, given),
        "CumSum" => reduce::cumulated(reader, given),
        "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" => arrange::reshape(reader, given),
        "Transpose" => arrange::transpose(reader, given),
        "Slice" => arrange::slice(reader, given),
        "Concat" => arrange::concat(reader, given),
        "Pad" => arrange::pad(reader, given),
        "Expand" => arrange::expand(reader, given),
        "Tile" => arrange::tile(reader, given),
        "DepthToSpace" | "SpaceToDepth" => arrange::blocks(reader, given),
        "Gather" => indexed::gather(reader, given),
        "GatherElements" | "GatherND" => indexed::gather_places(reader, given),
        "OneHot" => indexed::one_hot(reader, given),
        "Trilu" => indexed::triangle(reader, given),
        "Resize" | "Upsample" => resize::evaluate(reader, given),
        "ai.onnx.ml.Scaler" => classic::scaler(reader, given),
        "ai.onnx.ml.LinearClassifier" | "ai.onnx.ml.LinearRegressor" => return classic::linear(reader, given),
        "ai.onnx.ml.Normalizer" => classic::normalizer(reader, given),
        operator if operator.starts_with("Reduce") => reduce::evaluate(reader, given),
        _ => entrywise::evaluate(reader, given),
    };
    made.map(|made| vec![made])
}

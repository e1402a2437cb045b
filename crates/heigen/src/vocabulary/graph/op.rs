//! The operations of a graph, under PyTorch's names and with its definitions.

use super::settings::{Comparison, PadMode, PoolWindow, Reduction, Slide};
use crate::vocabulary::Approximate;
use serde::{Deserialize, Serialize};

fn one() -> usize {
    1
}

/// An operation. The tensors that it takes are named in brackets; those after a `?` may be left out. Axes count from 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum Op {
    /// `[]` Numbers that the graph brings along, row-major. Large ones belong into buffers.
    Constant {
        /// The shape of the tensor.
        shape: Vec<usize>,
        /// The numbers: as many as the shape has entries, or one for all of them. Infinite ones are written as the strings
        /// "inf" and "-inf".
        #[serde(with = "super::real")]
        values: Vec<f64>,
    },

    /// `[x, weight, ?bias]` x W^T + b over the last axis; W is `[outputs, inputs]`.
    Linear,
    /// `[x, weight, ?bias]` A convolution over one or two axes; W is [outputs, channels / groups, ...].
    Conv {
        /// The window that slides over x.
        #[serde(flatten)]
        slide: Slide,
        /// Number of groups of channels that do not see each other.
        #[serde(default = "one")]
        groups: usize,
    },
    /// `[x, weight, ?bias]` The transposed map of a convolution; W is [channels, outputs / groups, ...].
    ConvTranspose {
        /// The window of the convolution that it transposes.
        #[serde(flatten)]
        slide: Slide,
        /// Number of rows that are added to the output's end, for every axis; 0 if empty.
        #[serde(default)]
        output_padding: Vec<usize>,
        /// Number of groups of channels that do not see each other.
        #[serde(default = "one")]
        groups: usize,
    },
    /// `[x, table]` The rows of a table [rows, ...] that have the whole numbers x, which must not depend on parameters.
    Embedding,
    /// `[a, b]` The matrix product as numpy and PyTorch have it, with broadcasting of the leading axes.
    Matmul,
    /// `[a, b]` or `[a]` A sum over products by Einstein's convention, such as `bhid,bhjd->bhij`; without `...`.
    Einsum {
        /// The axes of the inputs and of the output by letters.
        equation: String,
    },
    /// `[query, key, value, ?mask]` softmax(Q K^T scale + mask) V over the last two axes, as
    /// `torch.nn.functional.scaled_dot_product_attention`. A mask is added; one of truth values goes through `where` first. Where it
    /// hides everything the result is 0.
    ScaledDotProductAttention {
        /// Whether every position sees itself and earlier ones only.
        #[serde(default)]
        is_causal: bool,
        /// The factor; 1 / sqrt(length of the last axis of the query) if not given.
        #[serde(default)]
        scale: Option<f64>,
        /// Whether several heads of the query share one of key and value.
        #[serde(default)]
        enable_gqa: bool,
    },

    /// `[x]` The largest entry in every place of a window; padding never counts.
    MaxPool {
        /// The window.
        #[serde(flatten)]
        window: PoolWindow,
    },
    /// `[x]` The mean in every place of a window.
    AvgPool {
        /// The window.
        #[serde(flatten)]
        window: PoolWindow,
        /// Whether padding counts as zeros; what `ceil_mode` adds beyond it never does.
        count_include_pad: bool,
        /// The number that sums are divided by, instead of the size of the window.
        #[serde(default)]
        divisor_override: Option<f64>,
    },
    /// `[x]` Means over parts of the last axes, as equal as they can be: `output_size` of them for every axis.
    AdaptiveAvgPool {
        /// The output's size, for every axis.
        output_size: Vec<usize>,
    },
    /// `[x]` Largest entries of parts of the last axes.
    AdaptiveMaxPool {
        /// The output's size, for every axis.
        output_size: Vec<usize>,
    },
    /// `[x]` Images of another size, the nearest pixel or between neighbouring ones.
    Interpolate {
        /// The output's size, for every axis.
        output_size: Vec<usize>,
        /// Whether numbers lie between those of neighbouring pixels, linear in both axes; otherwise the nearest one counts.
        linear: bool,
        /// Whether the corners of both images lie on each other.
        align_corners: bool,
    },

    /// `[x, running mean, running variance, ?weight, ?bias]` Batch normalisation of the channels, axis 1; with fixed
    /// statistics, or those of the batch where `training`.
    BatchNorm {
        /// The number that is added to the variance.
        eps: f64,
        /// Whether mean and variance are those of the batch.
        #[serde(default)]
        training: bool,
    },
    /// `[x, ?weight, ?bias]` Normalisation over the last `axes` axes.
    LayerNorm {
        /// Number of axes.
        axes: usize,
        /// The number that is added to the variance.
        eps: f64,
    },
    /// `[x, ?weight, ?bias]` Normalisation over groups of channels, axis 1, with all that comes after.
    GroupNorm {
        /// Number of groups; as many as channels is instance normalisation.
        groups: usize,
        /// The number that is added to the variance.
        eps: f64,
    },
    /// `[x, ?weight]` x / sqrt(mean(x^2) + eps) over the last `axes` axes.
    RmsNorm {
        /// Number of axes.
        axes: usize,
        /// The number that is added to the mean square.
        eps: f64,
    },

    /// `[x]` max(0, x).
    Relu,
    /// `[x]` x where x > 0, slope x elsewhere.
    LeakyRelu {
        /// The slope.
        negative_slope: f64,
    },
    /// `[x, slope]` x where x > 0, slope x elsewhere; one slope, or one for each channel (axis 1).
    Prelu,
    /// `[x]` x where x > 0, alpha (exp(x) - 1) elsewhere.
    Elu {
        /// The factor.
        alpha: f64,
    },
    /// `[x]` scale (x where x > 0, alpha (exp(x) - 1) elsewhere), the constants of arXiv:1706.02515.
    Selu,
    /// `[x]` x where x > 0, alpha (exp(x / alpha) - 1) elsewhere.
    Celu {
        /// The factor.
        alpha: f64,
    },
    /// `[x]` x Phi(x).
    Gelu {
        /// The way in which Phi is computed.
        approximate: Approximate,
    },
    /// `[x]` x sigmoid(x).
    Silu,
    /// `[x]` x tanh(softplus(x)).
    Mish,
    /// `[x]` x relu6(x + 3) / 6.
    Hardswish,
    /// `[x]` clip(alpha x + beta, 0, 1); PyTorch's alpha is 1/6, beta 1/2.
    Hardsigmoid {
        /// The slope.
        alpha: f64,
        /// The value at 0.
        beta: f64,
    },
    /// `[x]` log(1 + exp(beta x)) / beta, and x where beta x is above the threshold.
    Softplus {
        /// The sharpness.
        beta: f64,
        /// The largest beta x for which the logarithm is taken.
        threshold: f64,
    },
    /// `[x]` x / (1 + |x|).
    Softsign,
    /// `[x]` tanh(x).
    Tanh,
    /// `[x]` 1 / (1 + exp(-x)).
    Sigmoid,
    /// `[x]` log(1 / (1 + exp(-x))).
    LogSigmoid,
    /// `[x]` x - lambda above lambda, x + lambda below -lambda, 0 between.
    Softshrink {
        /// The half width.
        lambd: f64,
    },
    /// `[x]` x where |x| > lambda, 0 elsewhere.
    Hardshrink {
        /// The half width.
        lambd: f64,
    },
    /// `[x]` x above the threshold, a value elsewhere.
    Threshold {
        /// The threshold.
        threshold: f64,
        /// The value.
        value: f64,
    },
    /// `[x]` exp(x).
    Exp,
    /// `[x]` exp(x) - 1.
    Expm1,
    /// `[x]` log(x).
    Log,
    /// `[x]` log(1 + x).
    Log1p,
    /// `[x]` sqrt(x).
    Sqrt,
    /// `[x]` 1 / sqrt(x).
    Rsqrt,
    /// `[x]` 1 / x.
    Reciprocal,
    /// `[x]` The error function.
    Erf,
    /// `[x]` sin(x).
    Sin,
    /// `[x]` cos(x).
    Cos,
    /// `[x]` |x|, with derivative 0 at 0.
    Abs,
    /// `[x]` -1, 0 or 1. Its derivative is zero.
    Sign,
    /// `[x]` The largest whole number that is not above x. Its derivative is zero.
    Floor,
    /// `[x]` The smallest whole number that is not below x. Its derivative is zero.
    Ceil,
    /// `[x]` The nearest whole number, halves to the even one. Its derivative is zero.
    Round,
    /// `[x]` -x.
    Neg,
    /// `[x]` x kept within bounds.
    Clip {
        /// The lower bound.
        #[serde(default)]
        min: Option<f64>,
        /// The upper bound.
        #[serde(default)]
        max: Option<f64>,
    },
    /// `[x]` x to a fixed power.
    PowScalar {
        /// The power.
        exponent: f64,
    },
    /// `[x]` exp(x) / sum(exp(x)) along an axis.
    Softmax {
        /// The axis.
        axis: usize,
    },
    /// `[x]` x - log(sum(exp(x))) along an axis.
    LogSoftmax {
        /// The axis.
        axis: usize,
    },

    /// `[a, b]` a + b with broadcasting.
    Add,
    /// `[a, b]` a - b with broadcasting.
    Sub,
    /// `[a, b]` a b with broadcasting.
    Mul,
    /// `[a, b]` a / b with broadcasting.
    Div,
    /// `[a, b]` a to the power b with broadcasting, a > 0.
    Pow,
    /// `[a, b]` The larger one, entry by entry, with broadcasting.
    Maximum,
    /// `[a, b]` The smaller one, entry by entry, with broadcasting.
    Minimum,
    /// `[a, b]` 1 where a comparison holds, 0 elsewhere, with broadcasting.
    Compare {
        /// The comparison.
        comparison: Comparison,
    },
    /// `[condition, a, b]` a where the condition is not 0, b elsewhere, with broadcasting.
    Where,

    /// `[x]` The same numbers, row-major, in another shape; all sizes are given.
    Reshape {
        /// The shape.
        shape: Vec<usize>,
    },
    /// `[x]` Axis i of the output is axis `permutation[i]` of x.
    Transpose {
        /// The axes of x in the order of the output.
        permutation: Vec<usize>,
    },
    /// `[x]` x repeated along axes of size 1, or along new axes in front.
    Expand {
        /// The shape.
        shape: Vec<usize>,
    },
    /// `[x]` Every `step`-th entry along an axis, from `start` on, `length` of them; a negative step goes backwards.
    Slice {
        /// The axis.
        axis: usize,
        /// The first entry.
        start: usize,
        /// Number of entries.
        length: usize,
        /// Distance of neighbouring entries.
        step: isize,
    },
    /// `[x, ...]` The tensors one after another along an axis.
    Concat {
        /// The axis.
        axis: usize,
    },
    /// `[x]` Entries put around x.
    Pad {
        /// Number of entries before and after, for every axis.
        padding: Vec<[usize; 2]>,
        /// The kind of entries that are put there.
        mode: PadMode,
        /// The number of the mode `constant`.
        #[serde(default)]
        value: f64,
    },
    /// `[x, indices]` The entries along an axis that have the whole numbers `indices`, a constant, a buffer or numbers of the
    /// sample: the axis is replaced by those of `indices`.
    Gather {
        /// The axis.
        axis: usize,
    },
    /// `[x]` One number made of all along some axes.
    Reduce {
        /// The kind of number.
        reduction: Reduction,
        /// The axes.
        axes: Vec<usize>,
        /// Whether the axes stay, with size 1.
        #[serde(default)]
        keepdims: bool,
    },
    /// `[x]` Sums of the first entries along an axis: 1, 2, ...
    Cumsum {
        /// The axis.
        axis: usize,
    },
}

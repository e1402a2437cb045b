//! Settings that operations of a graph have in common.

use serde::{Deserialize, Serialize};

/// A window that slides over the last axes of a tensor `[1, channels, ...]`: one axis or two.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slide {
    /// Distance between neighbouring places, for every axis; 1 if empty.
    #[serde(default)]
    pub stride: Vec<usize>,
    /// Number of rows that are added before and after, for every axis; 0 if empty.
    #[serde(default)]
    pub padding: Vec<[usize; 2]>,
    /// Distance between neighbouring entries of the window, for every axis; 1 if empty.
    #[serde(default)]
    pub dilation: Vec<usize>,
}

/// The window of a pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolWindow {
    /// The length of the window, for every axis.
    pub kernel_size: Vec<usize>,
    /// Distance between neighbouring places, for every axis; the length of the window if empty.
    #[serde(default)]
    pub stride: Vec<usize>,
    /// Number of rows that are added before and after, for every axis; 0 if empty.
    #[serde(default)]
    pub padding: Vec<[usize; 2]>,
    /// Distance between neighbouring entries of the window, for every axis; 1 if empty.
    #[serde(default)]
    pub dilation: Vec<usize>,
    /// Whether a last place that reaches beyond the padded end counts, as in PyTorch's `ceil_mode`.
    #[serde(default)]
    pub ceil_mode: bool,
}

/// The kind of entries that padding puts around a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PadMode {
    /// One number.
    Constant,
    /// The tensor mirrored at its first and last entry, which are not repeated.
    Reflect,
    /// The first and the last entry again and again.
    Replicate,
    /// The other end of the tensor.
    Circular,
}

/// A number made of many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reduction {
    /// Their sum.
    Sum,
    /// Their mean.
    Mean,
    /// The largest; of several equal ones the first.
    Max,
    /// The smallest; of several equal ones the first.
    Min,
    /// Their product.
    Prod,
    /// The root of the sum of their squares.
    L2,
    /// log(sum(exp(x))).
    LogSumExp,
}

/// A comparison of two numbers, 1 where it holds and 0 elsewhere. Its derivative is zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Comparison {
    /// a = b.
    Equal,
    /// a > b.
    Greater,
    /// a >= b.
    GreaterEqual,
    /// a < b.
    Less,
    /// a <= b.
    LessEqual,
    /// a != b.
    NotEqual,
}

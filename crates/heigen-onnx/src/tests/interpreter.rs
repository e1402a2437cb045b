//! The oracle: an interpreter that computes every node of a graph as the specification of ONNX says, in the plainest way.

use super::build::{Model, NodeSpec, Number, Text};
use std::collections::HashMap;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Array {
    pub(super) shape: Vec<usize>,
    pub(super) values: Vec<f64>,
}

impl Array {
    fn map(&self, f: impl Fn(f64) -> f64) -> Self {
        Self { shape: self.shape.clone(), values: self.values.iter().map(|&v| f(v)).collect() }
    }

    fn reshaped(&self, shape: Vec<usize>) -> Self {
        assert_eq!(shape.iter().product::<usize>(), self.values.len(), "{:?} to {shape:?}", self.shape);
        Self { shape, values: self.values.clone() }
    }

    /// Entry `index` with axes of length 1 repeated, aligned at the last axis.
    fn broadcast(&self, index: &[usize]) -> f64 {
        let skipped = index.len() - self.shape.len();
        let at = self.shape.iter().zip(&index[skipped..]).fold(0, |at, (&n, &i)| at * n + if n == 1 { 0 } else { i });
        self.values[at]
    }
}

/// All indices of a shape, the last fastest.
fn indices(shape: &[usize]) -> impl Iterator<Item = Vec<usize>> {
    let shape = shape.to_vec();
    (0..shape.iter().product::<usize>()).map(move |mut at| {
        let mut index = vec![0; shape.len()];
        for axis in (0..shape.len()).rev() {
            index[axis] = at % shape[axis];
            at /= shape[axis];
        }
        index
    })
}

/// The value "y" of `model` for `x`.
pub(super) fn run(model: &Model, x: &Array) -> Array {
    let mut values: HashMap<String, Array> = HashMap::from([("x".to_owned(), x.clone())]);
    for (name, shape, numbers) in &model.weights {
        values.insert(name.clone(), Array { shape: shape.clone(), values: numbers.clone() });
    }
    for node in &model.nodes {
        let inputs: Vec<&Array> = node.inputs.iter().filter_map(|name| values.get(name)).collect();
        let made = evaluate(node, &inputs);
        values.insert(node.output.clone(), made);
    }
    values["y"].clone()
}

fn evaluate(node: &NodeSpec, inputs: &[&Array]) -> Array {
    let x = inputs.first().copied();
    let unary = |f: fn(f64) -> f64| x.unwrap().map(f);
    let binary = |f: fn(f64, f64) -> f64| {
        let (a, b) = (inputs[0], inputs[1]);
        let rank = a.shape.len().max(b.shape.len());
        let padded = |s: &[usize]| [vec![1; rank - s.len()], s.to_vec()].concat();
        let shape: Vec<usize> = padded(&a.shape).iter().zip(padded(&b.shape)).map(|(&a, b)| a.max(b)).collect();
        let values = indices(&shape).map(|i| f(a.broadcast(&i), b.broadcast(&i))).collect();
        Array { shape, values }
    };
    let gelu = |z: f64| 0.5 * z * (1.0 + libm::erf(z / 2.0_f64.sqrt()));
    let gelu_tanh =
        |z: f64| 0.5 * z * (1.0 + ((2.0 / std::f64::consts::PI).sqrt() * (z + 0.044715 * z.powi(3))).tanh());
    match node.operator.as_str() {
        "Constant" => {
            let Some(Number(value)) = node.get("value") else { panic!("a number") };
            Array { shape: vec![], values: vec![*value] }
        }
        "Identity" | "Dropout" | "Cast" => x.unwrap().clone(),
        "Relu" => unary(|z| z.max(0.0)),
        "Tanh" => unary(f64::tanh),
        "Sigmoid" => unary(|z| 1.0 / (1.0 + (-z).exp())),
        "Softplus" => unary(|z| z.exp().ln_1p()),
        "Erf" => unary(libm::erf),
        "Neg" => unary(|z| -z),
        "Gelu" if matches!(node.get("approximate"), Some(Text("tanh"))) => x.unwrap().map(gelu_tanh),
        "Gelu" => x.unwrap().map(gelu),
        "Add" => binary(|a, b| a + b),
        "Sub" => binary(|a, b| a - b),
        "Mul" => binary(|a, b| a * b),
        "Div" => binary(|a, b| a / b),
        "Pow" => binary(f64::powf),
        "Gemm" => gemm(node, inputs),
        "MatMul" => gemm(node, &inputs[..2]),
        "Conv" => conv(node, inputs),
        "BatchNormalization" => batch_norm(node, inputs),
        "MaxPool" | "AveragePool" => pool(node, inputs[0]),
        "GlobalAveragePool" | "ReduceMean" => global_average(node, inputs[0]),
        "Softmax" | "LogSoftmax" => softmax(node, inputs[0]),
        "Transpose" => transpose(node, inputs[0]),
        "Shape" => {
            let shape = &inputs[0].shape;
            Array { shape: vec![shape.len()], values: shape.iter().map(|&n| n as f64).collect() }
        }
        "Gather" => {
            let values: Vec<f64> = inputs[1].values.iter().map(|&i| inputs[0].values[i as usize]).collect();
            Array { shape: inputs[1].shape.clone(), values }
        }
        "Concat" => {
            let values: Vec<f64> = inputs.iter().flat_map(|a| a.values.clone()).collect();
            Array { shape: vec![values.len()], values }
        }
        "Flatten" => x.unwrap().reshaped(vec![x.unwrap().shape[0], x.unwrap().shape[1..].iter().product()]),
        "Reshape" => reshape(inputs[0], inputs[1]),
        "Squeeze" => {
            let axes: Vec<usize> = inputs[1].values.iter().map(|&a| a as usize).collect();
            let kept = inputs[0].shape.iter().enumerate().filter(|(i, _)| !axes.contains(i)).map(|(_, &n)| n);
            inputs[0].reshaped(kept.collect())
        }
        "Unsqueeze" => {
            let mut shape = inputs[0].shape.clone();
            inputs[1].values.iter().for_each(|&axis| shape.insert(axis as usize, 1));
            inputs[0].reshaped(shape)
        }
        other => panic!("the oracle does not know {other}"),
    }
}

fn gemm(node: &NodeSpec, inputs: &[&Array]) -> Array {
    let (a, b) = (inputs[0], inputs[1]);
    let transposed = node.int("transB", 0) != 0;
    let (rows, inner) = (a.shape[0], a.shape[1]);
    let columns = if transposed { b.shape[0] } else { b.shape[1] };
    let shape = vec![rows, columns];
    let values = indices(&shape).map(|index| {
        let (i, j) = (index[0], index[1]);
        let weight = |k: usize| if transposed { b.values[j * inner + k] } else { b.values[k * columns + j] };
        let sum: f64 = (0..inner).map(|k| a.values[i * inner + k] * weight(k)).sum();
        let bias = inputs.get(2).map_or(0.0, |c| c.broadcast(&index));
        node.float("alpha", 1.0) * sum + node.float("beta", 1.0) * bias
    });
    Array { values: values.collect(), shape }
}

/// Kernel, stride and padding before the image, of rows and columns, and the sizes of what is made.
fn geometry(node: &NodeSpec, image: &[usize], kernel: &[usize]) -> ([i64; 2], [i64; 2], [usize; 2]) {
    let strides = node.ints("strides").unwrap_or(vec![1, 1]);
    let mut pads = node.ints("pads").unwrap_or(vec![0; 4]);
    if let Some(Text("SAME_UPPER")) = node.get("auto_pad") {
        for axis in 0..2 {
            let places = image[axis].div_ceil(strides[axis] as usize) as i64;
            let total = ((places - 1) * strides[axis] + kernel[axis] as i64 - image[axis] as i64).max(0);
            (pads[axis], pads[axis + 2]) = (total / 2, total - total / 2);
        }
    }
    let side = |axis: usize| {
        let padded = image[axis] as i64 + pads[axis] + pads[axis + 2];
        ((padded - kernel[axis] as i64) / strides[axis] + 1) as usize
    };
    ([strides[0], strides[1]], [pads[0], pads[1]], [side(0), side(1)])
}

/// The entry of channel `c` of sample `n`, if it lies inside the image.
fn pixel(x: &Array, n: usize, c: usize, row: i64, column: i64) -> Option<f64> {
    let (height, width) = (x.shape[2] as i64, x.shape[3] as i64);
    let inside = (0..height).contains(&row) && (0..width).contains(&column);
    inside.then(|| x.values[((n * x.shape[1] + c) as i64 * height * width + row * width + column) as usize])
}

fn conv(node: &NodeSpec, inputs: &[&Array]) -> Array {
    let (x, w) = (inputs[0], inputs[1]);
    let (stride, pad, sides) = geometry(node, &x.shape[2..], &w.shape[2..]);
    let shape = vec![x.shape[0], w.shape[0], sides[0], sides[1]];
    let values = indices(&shape).map(|at| {
        let taps = indices(&w.shape[1..]).map(|tap| {
            let row = at[2] as i64 * stride[0] + tap[1] as i64 - pad[0];
            let column = at[3] as i64 * stride[1] + tap[2] as i64 - pad[1];
            let weight = w.broadcast(&[at[1], tap[0], tap[1], tap[2]]);
            weight * pixel(x, at[0], tap[0], row, column).unwrap_or(0.0)
        });
        taps.sum::<f64>() + inputs.get(2).map_or(0.0, |b| b.values[at[1]])
    });
    Array { values: values.collect(), shape }
}

fn pool(node: &NodeSpec, x: &Array) -> Array {
    let kernel: Vec<usize> = node.ints("kernel_shape").unwrap().iter().map(|&k| k as usize).collect();
    let (stride, pad, sides) = geometry(node, &x.shape[2..], &kernel);
    let shape = vec![x.shape[0], x.shape[1], sides[0], sides[1]];
    let values = indices(&shape).map(|at| {
        let tap = |tap: Vec<usize>| {
            let row = at[2] as i64 * stride[0] + tap[0] as i64 - pad[0];
            pixel(x, at[0], at[1], row, at[3] as i64 * stride[1] + tap[1] as i64 - pad[1])
        };
        let inside: Vec<f64> = indices(&kernel).filter_map(tap).collect();
        if node.operator == "MaxPool" {
            return inside.into_iter().fold(f64::NEG_INFINITY, f64::max);
        }
        let counted = if node.int("count_include_pad", 0) == 1 { kernel.iter().product() } else { inside.len() };
        inside.iter().sum::<f64>() / counted as f64
    });
    Array { values: values.collect(), shape }
}

fn global_average(node: &NodeSpec, x: &Array) -> Array {
    let pixels = x.shape[2] * x.shape[3];
    let values = x.values.chunks(pixels).map(|c| c.iter().sum::<f64>() / pixels as f64).collect();
    let mut shape = x.shape[..2].to_vec();
    if node.int("keepdims", 1) == 1 {
        shape.extend([1, 1]);
    }
    Array { shape, values }
}

fn batch_norm(node: &NodeSpec, inputs: &[&Array]) -> Array {
    let x = inputs[0];
    // The decimal that was meant.
    let eps: f64 = node.float("epsilon", 1e-5).to_string().parse::<f32>().unwrap().to_string().parse().unwrap();
    let values = indices(&x.shape).zip(&x.values).map(|(at, v)| {
        let [scale, bias, mean, variance] = [1, 2, 3, 4].map(|i| inputs[i].values[at[1]]);
        (v - mean) / (variance + eps).sqrt() * scale + bias
    });
    Array { values: values.collect(), shape: x.shape.clone() }
}

fn softmax(node: &NodeSpec, x: &Array) -> Array {
    let values = x.values.chunks(x.shape[1]).flat_map(|row| {
        let total: f64 = row.iter().map(|v| v.exp()).sum();
        let logarithm = node.operator == "LogSoftmax";
        row.iter().map(move |v| if logarithm { v - total.ln() } else { v.exp() / total }).collect::<Vec<_>>()
    });
    Array { values: values.collect(), shape: x.shape.clone() }
}

fn transpose(node: &NodeSpec, x: &Array) -> Array {
    let rank = x.shape.len();
    let perm: Vec<usize> =
        node.ints("perm").map_or_else(|| (0..rank).rev().collect(), |p| p.iter().map(|&i| i as usize).collect());
    let shape: Vec<usize> = perm.iter().map(|&i| x.shape[i]).collect();
    let values = indices(&shape).map(|at| {
        let mut from = vec![0; rank];
        perm.iter().zip(&at).for_each(|(&axis, &i)| from[axis] = i);
        x.broadcast(&from)
    });
    Array { values: values.collect(), shape }
}

fn reshape(x: &Array, wanted: &Array) -> Array {
    let copied = |(i, &n): (usize, &f64)| if n == 0.0 { x.shape[i] as f64 } else { n };
    let mut sizes: Vec<f64> = wanted.values.iter().enumerate().map(copied).collect();
    let known: f64 = sizes.iter().filter(|&&n| n > 0.0).product();
    sizes.iter_mut().filter(|n| **n < 0.0).for_each(|n| *n = x.values.len() as f64 / known);
    x.reshaped(sizes.iter().map(|&n| n as usize).collect())
}

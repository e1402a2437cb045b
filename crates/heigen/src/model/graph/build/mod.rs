//! From the graph of a file to the steps that carriers know: shapes are inferred and checked, and the order in which the
//! axes of a tensor lie in memory is chosen so that few of them have to move.

mod convolution;
mod gather;
mod norms;
mod pointwise;
mod pools;
mod products;
mod reduce;
mod shapes;
mod value;

use super::Graph;
use super::softmax::Kind;
use super::step::{self, Node, Step};
use crate::linalg::Matrix;
use crate::model::builder::Form;
use crate::model::{Algebra, Layer, ModelError, ParamLayout, Plain, Pool, Shape, Sink};
use crate::vocabulary::{GraphSpec, NodeSpec, Op};
use faer::Par;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use value::Value;

/// Why a node of a graph cannot be built.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("node {node} ({op}): {reason}")]
pub struct GraphError {
    /// The name of the node.
    pub node: String,
    /// The operation.
    pub op: String,
    /// The reason: the tensors that the node got, and those that it takes.
    pub reason: String,
}

/// A result, or the mistake of a node in words.
type Built<T> = Result<T, String>;

/// The largest number of numbers of a tensor for one sample.
const MOST: usize = 1 << 33;
/// The largest number of entries of a table that a graph brings along: constants, and matrices that move numbers.
const TABLE: usize = 1 << 26;
/// The largest number of axes.
const MAX_AXES: usize = 32;

/// A graph under construction.
struct Lowering<'a> {
    nodes: Vec<Node>,
    values: HashMap<&'a str, Value>,
}

/// The layer that computes the graph `spec` for samples of a form, with its parameters appended to `layout`.
pub(crate) fn build(spec: &GraphSpec, form: Form, layout: &mut ParamLayout) -> Result<Layer, ModelError> {
    let of_graph = |reason: String| GraphError { node: spec.output.clone(), op: "graph".to_owned(), reason };
    let mut lowering = Lowering { nodes: Vec::new(), values: HashMap::new() };
    let input = lowering.input(&spec.input_shape, form).map_err(of_graph)?;
    lowering.values.insert(GraphSpec::INPUT, input);
    for tensor in &spec.parameters {
        if layout.named(&tensor.name).is_some() {
            return Err(ModelError::Name { name: tensor.name.clone() });
        }
        let size = product(&tensor.shape).filter(|size| size + layout.n_params() <= MOST);
        let Some(size) = size else { return Err(ModelError::TooLarge { layer: tensor.name.clone() }) };
        let step = Step::Parameter(layout.push(tensor.name.clone(), &tensor.shape));
        let node = lowering.push(step, vec![], size, size);
        lowering.values.insert(&tensor.name, Value::new(node, &tensor.shape));
    }
    for tensor in &spec.buffers {
        layout.push_buffer(tensor.name.clone(), &tensor.shape);
        let Some(size) = product(&tensor.shape) else {
            return Err(ModelError::TooLarge { layer: tensor.name.clone() });
        };
        let node = lowering.push(Step::Buffer { name: tensor.name.clone(), values: None }, vec![], size, size);
        lowering.values.insert(&tensor.name, Value::new(node, &tensor.shape));
    }
    for node in &spec.nodes {
        let value = lowering.node(node).map_err(|reason| GraphError {
            node: node.id.clone(),
            op: name_of(&node.op),
            reason,
        })?;
        lowering.values.insert(&node.id, value);
    }
    let output = lowering.values.get(spec.output.as_str()).cloned();
    let output = output.ok_or_else(|| of_graph("there is no such tensor".to_owned()))?;
    let output = lowering.canonical(&output);
    if lowering.nodes[output.node].shared {
        return Err(of_graph("the output does not depend on the sample".to_owned()).into());
    }
    // Its tensors may be used several times, and some perhaps never: gradients are added up, from zero.
    layout.share();
    Ok(Layer::Graph(Box::new(Graph::new(only_needed(lowering.nodes, output.node)))))
}

impl GraphSpec {
    /// Number of numbers of the output.
    ///
    /// # Errors
    /// [`ModelError`] if the graph cannot be built.
    pub fn n_outputs(&self) -> Result<usize, ModelError> {
        let shape = Shape { channels: self.n_inputs(), height: 1, width: 1 };
        let layer = build(self, Form { shape, image: false }, &mut ParamLayout::default())?;
        Ok(if let Layer::Graph(graph) = &layer { graph.n_outputs() } else { 0 })
    }
}

/// The name of an operation as files have it.
fn name_of(op: &Op) -> String {
    let json = serde_json::to_value(op).unwrap_or_default();
    json.get("op").and_then(|name| name.as_str()).unwrap_or_default().to_owned()
}

/// The product of sizes, unless it is 0 or more than any tensor has.
fn product(shape: &[usize]) -> Option<usize> {
    let all = shape.iter().try_fold(1usize, |all, &size| all.checked_mul(size));
    all.filter(|&all| all > 0 && all <= MOST && shape.len() <= MAX_AXES)
}

/// Fails if a table of this many entries, a product of numbers, would be too large.
fn table(sizes: &[usize]) -> Built<()> {
    let all = sizes.iter().try_fold(1usize, |all, &size| all.checked_mul(size.max(1)));
    all.filter(|&all| all <= TABLE).map(|_| ()).ok_or_else(|| format!("it takes a table of more than {TABLE} entries"))
}

/// The nodes on which `output` depends, which becomes the last one.
fn only_needed(nodes: Vec<Node>, output: usize) -> Vec<Node> {
    let mut needed = vec![false; nodes.len()];
    needed[output] = true;
    for i in (0..=output).rev().filter(|&i| i <= output) {
        if needed[i] {
            nodes[i].inputs.iter().for_each(|&j| needed[j] = true);
        }
    }
    let mut places = vec![0; nodes.len()];
    let mut kept = Vec::new();
    for (i, mut node) in nodes.into_iter().enumerate() {
        if needed[i] {
            places[i] = kept.len();
            node.inputs.iter_mut().for_each(|j| *j = places[*j]);
            kept.push(node);
        }
    }
    kept
}

impl Lowering<'_> {
    fn input(&mut self, shape: &[usize], form: Form) -> Built<Value> {
        let size = product(shape).ok_or("the input is too large")?;
        let own = form.shape.features();
        if size != own {
            return Err(format!("`input_shape` {shape:?} has {size} numbers, the samples have {own}"));
        }
        let mut value = Value::new(0, shape);
        let mut rows = size;
        if form.image {
            let image = [1, form.shape.channels, form.shape.height, form.shape.width];
            if shape != image {
                return Err(format!("`input_shape` is {shape:?}, the tensor before the graph is an image {image:?}"));
            }
            value.order = vec![0, 2, 3, 1];
            rows = form.shape.channels;
        }
        value.node = self.push(Step::Input, vec![], size, rows);
        Ok(value)
    }

    /// Appends a step; what depends on constants alone is computed at once.
    fn push(&mut self, step: Step, inputs: Vec<usize>, size: usize, rows: usize) -> usize {
        let any = |of: fn(&Node) -> bool| inputs.iter().any(|&i| of(&self.nodes[i]));
        let (learns, sees) = match step {
            Step::Input => (false, true),
            Step::Parameter(_) => (true, false),
            Step::Layer(ref layer) => (layer.has_parameters() || any(|node| node.learns), any(|node| node.sees)),
            _ => (any(|node| node.learns), any(|node| node.sees)),
        };
        let mut node = Node { step, inputs, size, rows, shared: !sees, learns, sees };
        let constant = |&i: &usize| matches!(self.nodes[i].step, Step::Constant(_));
        if !node.inputs.is_empty()
            && size <= TABLE
            && node.inputs.iter().all(constant)
            && let Some(values) = self.computed(&node)
        {
            node.step = Step::Constant(Arc::new(values));
            node.inputs.clear();
        }
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    /// The value of a step that takes constants.
    fn computed(&self, node: &Node) -> Option<Vec<f64>> {
        let mut pool = Pool::new();
        let mut plain = Plain::new(&[], Sink::None, &mut pool, Par::Seq);
        let inputs: Option<Vec<Matrix<f64>>> = node
            .inputs
            .iter()
            .map(|&i| match &self.nodes[i].step {
                Step::Constant(values) => {
                    let values = plain.constant(values);
                    Some(plain.regroup(values, self.nodes[i].rows))
                }
                _ => None,
            })
            .collect();
        let inputs = inputs?;
        let own = inputs.first().filter(|_| node.step.consumes()).map(|first| plain.copy(first));
        let inputs: Vec<Option<&Matrix<f64>>> = inputs.iter().map(Some).collect();
        step::forward(node, &mut plain, own, &inputs).map(|value| value.data)
    }

    /// The place in theta of a tensor that is a parameter as it is.
    fn parameter(&self, value: &Value) -> Option<Range<usize>> {
        match &self.nodes[value.node].step {
            Step::Parameter(range) if value.is_in_order() => Some(range.clone()),
            _ => None,
        }
    }

    /// The numbers of a tensor that is a constant, row-major.
    fn constant_numbers(&mut self, value: &Value) -> Option<Arc<Vec<f64>>> {
        let value = self.canonical(value);
        match &self.nodes[value.node].step {
            Step::Constant(values) => Some(values.clone()),
            _ => None,
        }
    }

    /// A tensor of constants.
    fn constant(&mut self, shape: &[usize], values: Vec<f64>) -> Value {
        let size = values.len();
        let node = self.push(Step::Constant(Arc::new(values)), vec![], size, size);
        Value::new(node, shape)
    }

    fn node(&mut self, spec: &NodeSpec) -> Built<Value> {
        let mut inputs = Vec::with_capacity(spec.inputs.len());
        for name in &spec.inputs {
            inputs.push(match name.as_str() {
                "" => None,
                name => Some(self.values.get(name).cloned().ok_or_else(|| format!("there is no tensor {name}"))?),
            });
        }
        let taken = takes(&spec.op);
        if inputs.len() < taken.0 || inputs.len() > taken.1 || inputs.iter().take(taken.0).any(Option::is_none) {
            let wanted = if taken.0 == taken.1 { taken.0.to_string() } else { format!("{} to {}", taken.0, taken.1) };
            return Err(format!("it gets {} tensors; expected {wanted}", inputs.iter().flatten().count()));
        }
        let all: Vec<Value> = inputs.iter().flatten().cloned().collect();
        inputs.resize(5, None);
        let optional = |i: usize| inputs[i].as_ref();
        match &spec.op {
            Op::Constant { shape, values } => {
                let size = product(shape).ok_or("it is empty or too large")?;
                table(&[size])?;
                let values = match values[..] {
                    [one] => vec![one; size],
                    _ if values.len() == size => values.clone(),
                    _ => return Err(format!("it has {} numbers; expected {size}", values.len())),
                };
                Ok(self.constant(shape, values))
            }
            Op::Linear => self.linear(&all[0], &all[1], optional(2)),
            Op::Conv { slide, groups } => self.convolution(&all[0], &all[1], optional(2), slide, *groups),
            Op::ConvTranspose { slide, output_padding, groups } => {
                self.convolution_transposed(&all[0], &all[1], optional(2), slide, output_padding, *groups)
            }
            Op::Embedding => self.gather(&all[1], &all[0], 0),
            Op::Matmul => self.matmul(&all[0], &all[1]),
            Op::Einsum { equation } => self.einsum(equation, &all),
            Op::ScaledDotProductAttention { is_causal, scale, enable_gqa } => {
                self.attention([&all[0], &all[1], &all[2]], optional(3), *is_causal, *scale, *enable_gqa)
            }
            Op::MaxPool { window } => self.max_pool(&all[0], window),
            Op::AvgPool { window, count_include_pad, divisor_override } => {
                self.average_pool(&all[0], window, *count_include_pad, *divisor_override)
            }
            Op::AdaptiveAvgPool { output_size } => self.adaptive_pool(&all[0], output_size, false),
            Op::AdaptiveMaxPool { output_size } => self.adaptive_pool(&all[0], output_size, true),
            Op::Interpolate { output_size, linear, align_corners } => {
                self.interpolate(&all[0], output_size, *linear, *align_corners)
            }
            Op::BatchNorm { eps, training } => {
                self.batch_norm(&all[0], [&all[1], &all[2]], [optional(3), optional(4)], *eps, *training)
            }
            Op::LayerNorm { axes, eps } => self.layer_norm(&all[0], [optional(1), optional(2)], *axes, *eps, true),
            Op::RmsNorm { axes, eps } => self.layer_norm(&all[0], [optional(1), None], *axes, *eps, false),
            Op::GroupNorm { groups, eps } => self.group_norm(&all[0], [optional(1), optional(2)], *groups, *eps),
            Op::Prelu => self.prelu(&all[0], &all[1]),
            Op::Softmax { axis } => self.softmax(&all[0], *axis, Kind::Probabilities),
            Op::LogSoftmax { axis } => self.softmax(&all[0], *axis, Kind::Logarithms),
            Op::Add => self.add(&all[0], &all[1]),
            Op::Sub => {
                let minus = self.negate(&all[1]);
                self.add(&all[0], &minus)
            }
            Op::Mul => self.multiply(&all[0], &all[1]),
            Op::Div => self.divide(&all[0], &all[1]),
            Op::Pow => self.power(&all[0], &all[1]),
            Op::Maximum => self.larger(&all[0], &all[1]),
            Op::Minimum => {
                let (a, b) = (self.negate(&all[0]), self.negate(&all[1]));
                self.larger(&a, &b).map(|y| self.negate(&y))
            }
            Op::Compare { comparison } => self.compare(&all[0], &all[1], *comparison),
            Op::Where => self.choice(&all[0], &all[1], &all[2]),
            Op::Reshape { shape } => self.reshape(&all[0], shape),
            Op::Transpose { permutation } => shapes::transposed(&all[0], permutation),
            Op::Expand { shape } => self.expand(&all[0], shape),
            Op::Slice { axis, start, length, step } => self.slice(&all[0], *axis, [*start, *length], *step),
            Op::Concat { axis } => self.concat(&all, *axis),
            Op::Pad { padding, mode, value } => self.pad(&all[0], padding, *mode, *value),
            Op::Gather { axis } => self.gather(&all[0], &all[1], *axis),
            Op::Reduce { reduction, axes, keepdims } => self.reduce(&all[0], *reduction, axes, *keepdims),
            Op::Cumsum { axis } => self.cumsum(&all[0], *axis),
            Op::Neg => Ok(self.negate(&all[0])),
            op => match pointwise::function(op) {
                Some(function) => Ok(self.elementwise(&all[0], function)),
                None => Err("it is not known".to_owned()),
            },
        }
    }
}

/// The smallest and the largest number of tensors that an operation takes.
fn takes(op: &Op) -> (usize, usize) {
    match op {
        Op::Constant { .. } => (0, 0),
        Op::Linear | Op::Conv { .. } | Op::ConvTranspose { .. } => (2, 3),
        Op::ScaledDotProductAttention { .. } => (3, 4),
        Op::BatchNorm { .. } => (3, 5),
        Op::LayerNorm { .. } | Op::GroupNorm { .. } => (1, 3),
        Op::Einsum { .. } | Op::RmsNorm { .. } => (1, 2),
        Op::Where => (3, 3),
        Op::Concat { .. } => (1, usize::MAX),
        Op::Embedding
        | Op::Matmul
        | Op::Prelu
        | Op::Add
        | Op::Sub
        | Op::Mul
        | Op::Div
        | Op::Pow
        | Op::Maximum
        | Op::Minimum
        | Op::Compare { .. }
        | Op::Gather { .. } => (2, 2),
        _ => (1, 1),
    }
}

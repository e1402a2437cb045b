//! The operators: each turns what is known of its inputs into what is known of its output.

mod activation;
mod arithmetic;
mod constants;
mod linear;
mod norm;
mod pool;
mod reshape;
mod sizes;
mod window;

use crate::error::OnnxError;
use crate::graph::{Node, NodeId};
use crate::proto::data_type;
use crate::step::{Form, Kind};
use crate::value::{Data, Value};
use crate::walk::Walk;
use arithmetic::Operation;
use heigen::vocabulary::LayerSpec;

/// The first output of `node`.
pub(crate) fn evaluate(walk: &mut Walk<'_>, id: NodeId, node: &Node) -> Result<Value, OnnxError> {
    if let Some(value) = constants::evaluate(walk, node)? {
        return Ok(value);
    }
    match node.operator.as_str() {
        "Identity" | "CastLike" => walk.input(node, 0),
        "Cast" => cast(walk, node),
        "Dropout" => dropout(walk, node),
        "Shape" => sizes::shape(walk, node),
        "Flatten" | "Reshape" | "Squeeze" | "Unsqueeze" | "Transpose" => reshape::evaluate(walk, node),
        "Add" => arithmetic::binary(walk, id, node, Operation::Add),
        "Sub" => arithmetic::binary(walk, id, node, Operation::Sub),
        "Mul" => arithmetic::binary(walk, id, node, Operation::Mul),
        "Div" => arithmetic::binary(walk, id, node, Operation::Div),
        "Neg" => arithmetic::negative(walk, id, node),
        "Pow" => arithmetic::power(walk, id, node),
        "ai.onnx.ml.Scaler" => arithmetic::scaler(walk, id, node),
        "Gemm" => linear::gemm(walk, id, node),
        "MatMul" => linear::matmul(walk, id, node),
        "Conv" => linear::conv(walk, id, node),
        "BatchNormalization" => norm::evaluate(walk, id, node),
        "MaxPool" => pool::max(walk, id, node),
        "AveragePool" => pool::average(walk, id, node),
        "GlobalAveragePool" => pool::global_average(walk, id, node),
        "ReduceMean" => pool::reduce_mean(walk, id, node),
        "Relu" | "Sigmoid" | "Softplus" | "Gelu" | "Tanh" | "Erf" | "Softmax" | "LogSoftmax" => {
            activation::evaluate(walk, id, node)
        }
        "Greater" => activation::greater(walk, node),
        "Where" => activation::softplus_above(walk, node),
        "ai.onnx.ml.Normalizer" => normalizer(walk, node),
        "ai.onnx.ml.ZipMap" => walk.raw_data(node, 0).map(Value::Data),
        "Concat" => concat(walk, node),
        _ => Err(node.unsupported()),
    }
}

fn cast(walk: &mut Walk<'_>, node: &Node) -> Result<Value, OnnxError> {
    let to = node.attributes.int("to", 0);
    match walk.input(node, 0)? {
        sizes @ Value::Sizes(_) => Ok(sizes),
        value if data_type::is_float(to as i32) => Ok(value),
        _ => {
            Err(node
                .error(format!("it makes type {to} of what depends on the samples; expected a floating-point type")))
        }
    }
}

fn dropout(walk: &mut Walk<'_>, node: &Node) -> Result<Value, OnnxError> {
    let training = walk.constant(node, 2, "training_mode")?;
    if training.is_some_and(|(mode, _)| mode.values.iter().any(|&m| m != 0.0)) {
        return Err(node.error("it is in training mode; export the model in evaluation mode"));
    }
    walk.input(node, 0)
}

/// The operator that divides every row by its sum, which leaves probabilities as they are.
fn normalizer(walk: &mut Walk<'_>, node: &Node) -> Result<Value, OnnxError> {
    let data = walk.raw_data(node, 0)?;
    let norm = node.attributes.text("norm").unwrap_or_else(|| "MAX".to_owned());
    if norm == "L1" && matches!(walk.steps.get(data.step).kind, Kind::Softmax) {
        return Ok(Value::Data(data));
    }
    Err(node.error(format!("it divides by the norm {norm}; expected L1, after a Softmax, where it changes nothing")))
}

/// Refuses the operator that joins values, because no layer does so. A converter from scikit-learn joins the probabilities
/// of two classes; those get a message of their own.
fn concat(walk: &mut Walk<'_>, node: &Node) -> Result<Value, OnnxError> {
    for i in 0..node.inputs.len() {
        if let Value::Data(data) = walk.input(node, i)? {
            binary_sigmoid(walk, &data)?;
        }
    }
    Err(node.error("it joins values that depend on the samples; expected sizes of a shape"))
}

/// Refuses the sigmoid of a single feature.
pub(crate) fn binary_sigmoid(walk: &Walk<'_>, data: &Data) -> Result<(), OnnxError> {
    let step = walk.steps.get(data.step);
    if let (Kind::Layer(LayerSpec::Sigmoid), Form::Features(1), Some(id)) = (&step.kind, step.form, step.node) {
        return Err(OnnxError::BinarySigmoid { node: walk.graph.nodes[id].label.clone() });
    }
    Ok(())
}

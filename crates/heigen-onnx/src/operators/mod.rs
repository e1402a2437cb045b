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

use crate::SINGLE_OUTPUT;
use crate::error::OnnxError;
use crate::graph::{Node, NodeId};
use crate::proto::data_type;
use crate::step::{Form, Kind, StepId};
use crate::value::{Data, Value};
use crate::walk::{Walk, axes_of};
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
        "ai.onnx.ml.LinearClassifier" => linear::classifier(walk, id, node),
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
        "Concat" => concat(walk, id, node),
        "Gather" => Err(node.error(
            "it takes entries of a table for the samples, or of the samples, as an embedding of tokens does; heigen does not \
             have embeddings and sequences yet: analyse a network that takes numbers, e.g. the part after the embedding",
        )),
        "Slice" | "ReduceProd" | "Expand" => Err(node.error(
            "heigen reads it in the arithmetic of shapes only, and here it works on the samples; analyse a network without \
             it",
        )),
        _ => Err(node.unsupported()),
    }
}

/// The place of the output that is read among those of `node`.
pub(crate) fn place_of_output(node: &Node) -> usize {
    // Its first output is the labels.
    usize::from(node.operator == "ai.onnx.ml.LinearClassifier")
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

/// The operator that joins values. A converter from scikit-learn joins the probabilities 1 - p and p of two classes.
fn concat(walk: &mut Walk<'_>, id: NodeId, node: &Node) -> Result<Value, OnnxError> {
    if let [Some(a), Some(b)] = node.inputs[..]
        && let (Value::Data(a), Value::Data(b)) = (walk.value(a)?, walk.value(b)?)
        && a.step == b.step
        && a.axes == b.axes
        && a.pending.as_scaling() == Some((-1.0, 1.0))
        && b.is_finished()
        && is_binary_sigmoid(walk, &b)
    {
        let logit = walk.steps.get(b.step).parent;
        return Ok(binary_probabilities(walk, logit, id));
    }
    Err(node
        .error("it joins values that depend on the samples, which heigen does not do yet; expected sizes of a shape"))
}

/// Whether the value is the sigmoid of a single feature.
pub(crate) fn is_binary_sigmoid(walk: &Walk<'_>, data: &Data) -> bool {
    let step = walk.steps.get(data.step);
    matches!(step.kind, Kind::Layer(LayerSpec::Sigmoid)) && step.form == Form::Features(1)
}

/// The probabilities 1 - p and p of two classes, where p is the sigmoid of what `logit` makes: they are the softmax of the
/// logits 0 and z.
pub(crate) fn binary_probabilities(walk: &mut Walk<'_>, logit: StepId, id: NodeId) -> Value {
    let form = Form::Features(2);
    let logits = walk.steps.push(logit, Kind::Layer(LayerSpec::BinaryLogits), form, Some(id));
    walk.note(SINGLE_OUTPUT.into());
    walk.layer(&Data::finished(logits, axes_of(form)), Kind::Softmax, form, id)
}

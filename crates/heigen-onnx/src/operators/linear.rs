//! Linear layers and convolutions.

use super::window;
use crate::affine::{Affine, Scaling};
use crate::error::{OnnxError, quote};
use crate::fold::permuted;
use crate::graph::{Node, NodeId, ValueId};
use crate::hints::Role;
use crate::shapes::Given;
use crate::step::{Form, Kind};
use crate::tensor::{Budget, Element, Precision, Tensor};
use crate::value::{Data, Value};
use crate::walk::{Walk, axes_of};

/// The operator Gemm, alpha x B + beta C.
pub(super) fn gemm(walk: &mut Walk<'_>, id: NodeId, node: &Node) -> Result<Value, OnnxError> {
    if node.attributes.int("transA", 0) != 0 {
        return Err(node.error("its attribute transA is not 0; samples in columns are not supported"));
    }
    let rows_are_outputs = node.attributes.int("transB", 0) != 0;
    let bias = bias(walk, node)?;
    let (alpha, beta) = (node.attributes.float("alpha", 1.0), node.attributes.float("beta", 1.0));
    // alpha x B + beta C = beta (alpha/beta x B + C), so that B and C stay as they are.
    let (bias, factors) = match bias {
        Some(bias) if beta != 0.0 => (Some(bias), [alpha / beta, beta]),
        _ => (None, [1.0, alpha]),
    };
    product(walk, id, node, rows_are_outputs, bias, factors)
}

pub(super) fn matmul(walk: &mut Walk<'_>, id: NodeId, node: &Node) -> Result<Value, OnnxError> {
    product(walk, id, node, false, None, [1.0, 1.0])
}

/// A constant, and the initializer that it is.
type Constant = (Tensor, Option<ValueId>);

/// A linear layer with numbers by which its inputs and its outputs are multiplied.
fn product(
    walk: &mut Walk<'_>,
    id: NodeId,
    node: &Node,
    rows_are_outputs: bool,
    bias: Option<Constant>,
    [before, after]: [f64; 2],
) -> Result<Value, OnnxError> {
    if matches!(walk.input(node, 0)?, Value::Constant(..)) {
        return Err(node.error("its first input is a constant; expected samples times a weight"));
    }
    let (weight, origin) = weight(walk, node)?;
    let data = walk.features(node, 0)?;
    let [rows, columns] = weight.shape[..] else {
        return Err(node.error(format!("its weight has the shape {:?}; expected rows and columns", weight.shape)));
    };
    let [inputs, outputs] = if rows_are_outputs { [columns, rows] } else { [rows, columns] };
    let got = walk.steps.get(data.step).form.channels();
    if inputs != got || outputs == 0 {
        return Err(node.error(format!(
            "it gets [N, {got}], and its weight takes {inputs} features to {outputs} ({:?})",
            weight.shape
        )));
    }
    let weight = if rows_are_outputs { weight } else { transposed(&weight, &mut walk.budget, node)? };
    let (bias, bias_origin) = spread(bias, outputs, &mut walk.budget, node)?;
    let layer = Affine { weight, bias, window: None, origin, bias_origin };
    let data = walk.scaled(&data, &Scaling::by(before), id, &[])?;
    let step = walk.steps.push(data.step, Kind::Affine(layer), Form::Features(outputs), Some(id));
    let made = Data::finished(step, axes_of(Form::Features(outputs)));
    walk.scaled(&made, &Scaling::by(after), id, &[]).map(Value::Data)
}

/// The classifier of traditional machine learning: a linear layer of which the file has the numbers in attributes.
pub(super) fn classifier(walk: &mut Walk<'_>, id: NodeId, node: &Node) -> Result<Value, OnnxError> {
    let data = walk.features(node, 0)?;
    let inputs = walk.steps.get(data.step).form.channels();
    let list = |name: &str| node.attributes.floats(name).unwrap_or_default();
    let (weights, biases) = (list("coefficients"), list("intercepts"));
    let rows = weights.len() / inputs;
    if rows == 0 || rows * inputs != weights.len() || !(biases.is_empty() || biases.len() == rows) {
        return Err(node.error(format!(
            "it has {} coefficients and {} intercepts for {inputs} features; expected as many rows of coefficients as \
             intercepts",
            weights.len(),
            biases.len()
        )));
    }
    // A binary classifier has the same row twice, once with the other sign.
    let opposite = |numbers: &[f32]| {
        let (first, second) = numbers.split_at(numbers.len() / 2);
        first.iter().zip(second).all(|(a, b)| *a == -*b)
    };
    let kind = node.attributes.text("post_transform").unwrap_or_else(|| "NONE".to_owned());
    let binary = kind == "LOGISTIC" && rows == 2 && opposite(weights) && opposite(biases);
    let skipped = usize::from(binary);
    let outputs = rows - skipped;
    walk.budget.spend(weights.len() + biases.len(), || node.label.clone())?;
    let tensor = |shape: Vec<usize>, numbers: &[f32]| Tensor {
        shape,
        values: numbers.iter().copied().map(f64::from).collect(),
        precision: Precision::Single,
        element: Element::Float,
    };
    let layer = Affine {
        weight: tensor(vec![outputs, inputs], &weights[skipped * inputs..]),
        bias: (!biases.is_empty()).then(|| tensor(vec![outputs], &biases[skipped..])),
        window: None,
        origin: None,
        bias_origin: None,
    };
    let form = Form::Features(outputs);
    let value = walk.layer(&data, Kind::Affine(layer), form, id);
    let Value::Data(logits) = &value else { return Ok(value) };
    match kind.as_str() {
        "NONE" => Ok(value),
        "SOFTMAX" => Ok(walk.layer(logits, Kind::Softmax, form, id)),
        "LOGISTIC" if binary => Ok(super::binary_probabilities(walk, logits.step, id)),
        "LOGISTIC" => Err(node.error(
            "it has one sigmoid for each class, each against the rest; heigen does not have their loss yet: train it with \
             a softmax (multi_class=\"multinomial\" in scikit-learn)",
        )),
        other => Err(node.error(format!("its attribute post_transform is {other:?}; expected NONE, SOFTMAX or LOGISTIC"))),
    }
}

pub(super) fn conv(walk: &mut Walk<'_>, id: NodeId, node: &Node) -> Result<Value, OnnxError> {
    let group = node.attributes.int("group", 1);
    if group != 1 {
        return Err(node.not_yet(&format!("it has {group} groups; expected 1")));
    }
    let (weight, origin) = weight(walk, node)?;
    let (data, image) = walk.images(node, 0)?;
    let [outputs, inputs, height, width] = weight.shape[..] else {
        let shape = &weight.shape;
        return Err(node.error(format!("its weight has the shape {shape:?}; expected [out, in, rows, columns]")));
    };
    if inputs != image[0] || outputs == 0 {
        return Err(node.error(format!(
            "it gets {}, and its weight takes {inputs} channels to {outputs} ({:?})",
            Form::Image(image),
            weight.shape
        )));
    }
    let (window, form) = window::of(node, image, [height, width], outputs)?;
    let bias = bias(walk, node)?;
    let (bias, bias_origin) = spread(bias, outputs, &mut walk.budget, node)?;
    let layer = Affine { weight, bias, window: Some(window), origin, bias_origin };
    Ok(walk.layer(&data, Kind::Affine(layer), form, id))
}

/// The weight, which is input 1, and the value of the graph that it comes from.
fn weight(walk: &mut Walk<'_>, node: &Node) -> Result<(Tensor, Option<usize>), OnnxError> {
    let (weight, origin) = walk.constant(node, 1, "weight")?.ok_or_else(|| node.error("it has no weight"))?;
    // A weight that the graph computes of constants is its own origin.
    Ok((weight, origin.or(node.input(1))))
}

/// The bias, which is input 2, if the layer has one. Some exporters write zeros of their own for a layer without.
fn bias(walk: &mut Walk<'_>, node: &Node) -> Result<Option<Constant>, OnnxError> {
    let Some((bias, origin)) = walk.constant(node, 2, "bias")? else { return Ok(None) };
    let zeros = bias.values.iter().all(|&b| b == 0.0);
    Ok((!zeros || walk.graph.role(origin) != Role::Made).then_some((bias, origin)))
}

fn transposed(weight: &Tensor, budget: &mut Budget, node: &Node) -> Result<Tensor, OnnxError> {
    let given = Given { node, version: 0, inputs: vec![] };
    permuted(&given, weight, &[1, 0], budget)
}

/// A bias of one number for each output.
fn spread(
    bias: Option<Constant>,
    outputs: usize,
    budget: &mut Budget,
    node: &Node,
) -> Result<(Option<Tensor>, Option<ValueId>), OnnxError> {
    let Some((bias, origin)) = bias else { return Ok((None, None)) };
    let long: Vec<usize> = bias.shape.iter().copied().filter(|&n| n != 1).collect();
    let in_last_axis = bias.shape.last().is_none_or(|&last| last == bias.values.len());
    let values = if bias.is_scalar() {
        budget.spend(outputs, || format!("the bias of {}", quote(&node.name)))?;
        vec![bias.values[0]; outputs].into()
    } else if long == [outputs] && in_last_axis {
        bias.values
    } else {
        return Err(node.error(format!("its bias has the shape {:?}; expected [{outputs}]", bias.shape)));
    };
    Ok((Some(Tensor { shape: vec![outputs], values, precision: bias.precision, element: bias.element }), origin))
}

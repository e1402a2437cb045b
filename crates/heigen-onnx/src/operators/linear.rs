//! Linear layers and convolutions.

use super::window;
use crate::affine::Affine;
use crate::error::{OnnxError, quote};
use crate::graph::{Node, NodeId};
use crate::step::{Form, Kind};
use crate::tensor::{Budget, Precision, Tensor};
use crate::value::{Data, Value};
use crate::walk::Walk;

/// The operator Gemm, alpha x B + beta C.
pub(super) fn gemm(walk: &mut Walk<'_>, id: NodeId, node: &Node) -> Result<Value, OnnxError> {
    if node.attributes.int("transA", 0) != 0 {
        return Err(node.error("its attribute transA is not 0; samples in columns are not supported"));
    }
    let rows_are_outputs = node.attributes.int("transB", 0) != 0;
    let bias = bias(walk, node)?;
    let (alpha, beta) = (node.attributes.float("alpha", 1.0), node.attributes.float("beta", 1.0));
    product(walk, id, node, rows_are_outputs, bias, [alpha, beta])
}

pub(super) fn matmul(walk: &mut Walk<'_>, id: NodeId, node: &Node) -> Result<Value, OnnxError> {
    product(walk, id, node, false, None, [1.0, 1.0])
}

fn product(
    walk: &mut Walk<'_>,
    id: NodeId,
    node: &Node,
    rows_are_outputs: bool,
    bias: Option<Tensor>,
    [alpha, beta]: [f64; 2],
) -> Result<Value, OnnxError> {
    if matches!(walk.input(node, 0)?, Value::Constant(..)) {
        return Err(node.error("its first input is a constant; expected samples times a weight"));
    }
    let (weight, origin) = weight(walk, node)?;
    let data = walk.features(node, 0, true)?;
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
    let weight = times(weight, alpha, &mut walk.budget, node)?;
    let bias = bias.map(|bias| spread(bias, outputs, &mut walk.budget, node)).transpose()?;
    let bias = bias.map(|bias| times(bias, beta, &mut walk.budget, node)).transpose()?;
    let layer = Affine { weight, bias, window: None, origin };
    affine(walk, id, node, &data, layer, Form::Features(outputs))
}

pub(super) fn conv(walk: &mut Walk<'_>, id: NodeId, node: &Node) -> Result<Value, OnnxError> {
    let group = node.attributes.int("group", 1);
    if group != 1 {
        return Err(node.error(format!("it has {group} groups; expected 1")));
    }
    let (weight, origin) = weight(walk, node)?;
    let (data, image) = walk.images(node, 0, true)?;
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
    let bias = bias.map(|bias| spread(bias, outputs, &mut walk.budget, node)).transpose()?;
    let layer = Affine { weight, bias, window: Some(window), origin };
    affine(walk, id, node, &data, layer, form)
}

/// Appends the layer, with what is pending of its input made part of it.
fn affine(
    walk: &mut Walk<'_>,
    id: NodeId,
    node: &Node,
    data: &Data,
    layer: Affine,
    form: Form,
) -> Result<Value, OnnxError> {
    let Some(scaling) = data.scaling().filter(|scaling| !scaling.is_identity()) else {
        return Ok(walk.layer(data, Kind::Affine(layer), form, id));
    };
    let Some(layer) = layer.after(&scaling, &mut walk.budget, &node.label)? else {
        // The call gives the error that no layer expresses this arithmetic.
        walk.finish(data, node)?;
        return Err(node.unsupported());
    };
    let by = data.by.map_or("", |by| walk.graph.nodes[by].label.as_str());
    let note = format!("The scaling by {by} is now part of the layer of {}, which comes after it.", node.label);
    walk.note(note);
    Ok(walk.layer(data, Kind::Affine(layer), form, id))
}

/// The weight, which is input 1, and the value of the graph that it comes from.
fn weight(walk: &mut Walk<'_>, node: &Node) -> Result<(Tensor, Option<usize>), OnnxError> {
    let (weight, origin) = walk.constant(node, 1, "weight")?.ok_or_else(|| node.error("it has no weight"))?;
    // A weight that the graph computes of constants is its own origin.
    Ok((weight, origin.or(node.input(1))))
}

/// The bias, which is input 2, if the layer has one. Some exporters write zeros computed in the graph for a layer without.
fn bias(walk: &mut Walk<'_>, node: &Node) -> Result<Option<Tensor>, OnnxError> {
    let bias = walk.constant(node, 2, "bias")?;
    let is_one = |(bias, origin): &(Tensor, Option<usize>)| origin.is_some() || bias.values.iter().any(|&b| b != 0.0);
    Ok(bias.filter(is_one).map(|(bias, _)| bias))
}

fn transposed(weight: &Tensor, budget: &mut Budget, node: &Node) -> Result<Tensor, OnnxError> {
    super::constants::permuted(weight, &[1, 0], budget, node)
}

fn times(tensor: Tensor, factor: f64, budget: &mut Budget, node: &Node) -> Result<Tensor, OnnxError> {
    if factor == 1.0 {
        return Ok(tensor);
    }
    budget.spend(tensor.values.len(), || node.label.clone())?;
    let values = tensor.values.iter().map(|v| v * factor).collect();
    Ok(Tensor { values, precision: Precision::Double, ..tensor })
}

/// A bias of one number for each output.
fn spread(bias: Tensor, outputs: usize, budget: &mut Budget, node: &Node) -> Result<Tensor, OnnxError> {
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
    Ok(Tensor { shape: vec![outputs], values, precision: bias.precision })
}

//! Functions of single numbers, and of all features of a sample.

use crate::error::OnnxError;
use crate::expression::Inner;
use crate::graph::{Node, NodeId};
use crate::step::{Form, Kind};
use crate::value::{Data, Value};
use crate::walk::Walk;
use heigen::vocabulary::{Approximate, LayerSpec};

pub(super) fn evaluate(walk: &mut Walk<'_>, id: NodeId, node: &Node) -> Result<Value, OnnxError> {
    let layer = match node.operator.as_str() {
        "Relu" => LayerSpec::Relu,
        "Sigmoid" => LayerSpec::Sigmoid,
        "Softplus" => LayerSpec::Softplus,
        "Gelu" => LayerSpec::Gelu { approximate: approximate(node)? },
        "Erf" => return inside(walk, id, node, Inner::Erf),
        "Tanh" => {
            if walk.raw_data(node, 0)?.pending.as_scaling().is_none() {
                return inside(walk, id, node, Inner::Tanh);
            }
            LayerSpec::Tanh
        }
        _ => return over_features(walk, id, node),
    };
    let data = walk.data(node, 0)?;
    Ok(walk.elementwise(&data, layer, id))
}

fn approximate(node: &Node) -> Result<Approximate, OnnxError> {
    match node.attributes.text("approximate").as_deref() {
        None | Some("none") => Ok(Approximate::None),
        Some("tanh") => Ok(Approximate::Tanh),
        Some(other) => Err(node.error(format!("its attribute approximate is {other:?}; expected none or tanh"))),
    }
}

/// A function inside what may become a GELU.
fn inside(walk: &mut Walk<'_>, id: NodeId, node: &Node, f: Inner) -> Result<Value, OnnxError> {
    let mut data = walk.raw_data(node, 0)?;
    let Some(expression) = data.pending.inside(f) else {
        return Err(node.error("it is supported only inside a GELU, x/2 (1 + erf(x / sqrt 2))"));
    };
    data.pending = expression;
    data.by = Some(id);
    Ok(Value::Data(data))
}

fn over_features(walk: &mut Walk<'_>, id: NodeId, node: &Node) -> Result<Value, OnnxError> {
    let data = walk.features(node, 0)?;
    let axis = node.attributes.int("axis", -1);
    if !matches!(axis, -1 | 1) {
        return Err(node.error(format!("its axis is {axis}; expected 1, that of the classes")));
    }
    let kind = if node.operator == "Softmax" { Kind::Softmax } else { Kind::Layer(LayerSpec::LogSoftmax) };
    let form: Form = walk.steps.get(data.step).form;
    Ok(walk.layer(&data, kind, form, id))
}

/// The comparison of numbers with a constant, by which some exporters write a softplus.
pub(super) fn greater(walk: &mut Walk<'_>, node: &Node) -> Result<Value, OnnxError> {
    let data = walk.raw_data(node, 0)?;
    let threshold = walk.constant(node, 1, "threshold")?.filter(|(threshold, _)| threshold.is_scalar());
    let Some((threshold, _)) = threshold else {
        return Err(node.error("it compares with several numbers; expected one, inside a softplus"));
    };
    Ok(Value::Above(data, threshold.values[0]))
}

/// The choice of x where x is above a threshold, and of softplus(x) elsewhere: some exporters write PyTorch's softplus in
/// this way. For a threshold of 20 or more it differs from softplus(x) by less than 3e-9, so it is read as that.
pub(super) fn softplus_above(walk: &mut Walk<'_>, node: &Node) -> Result<Value, OnnxError> {
    const LEAST: f64 = 20.0;
    if let (Value::Above(x, threshold), Value::Data(above), Value::Data(softplus)) =
        (walk.input(node, 0)?, walk.input(node, 1)?, walk.input(node, 2)?)
    {
        let step = walk.steps.get(softplus.step);
        let of_x = matches!(step.kind, Kind::Layer(LayerSpec::Softplus)) && step.parent == x.step;
        let same = above.step == x.step && above.axes == x.axes && softplus.axes == x.axes;
        if of_x && same && threshold >= LEAST && [&x, &above, &softplus].into_iter().all(Data::is_finished) {
            return Ok(Value::Data(softplus));
        }
    }
    Err(node.error("it chooses between values; expected x above a threshold of 20 or more and its softplus below"))
}

//! Nodes that take constants alone.

use super::sizes;
use crate::error::OnnxError;
use crate::fold;
use crate::graph::Node;
use crate::shapes::Given;
use crate::tensor::{MOST_AXES, Tensor};
use crate::value::{Size, Value, shown};
use crate::walk::Walk;

/// Operators whose result is still the tensor that they take.
const SAME: [&str; 8] = ["Identity", "Dropout", "CastLike", "Cast", "Transpose", "Reshape", "Squeeze", "Unsqueeze"];
/// Operators whose result is another tensor.
const OTHER: [&str; 6] = ["Neg", "Sqrt", "Add", "Sub", "Mul", "Div"];

/// The value of a node that takes no samples.
pub(super) fn evaluate(walk: &mut Walk<'_>, node: &Node) -> Result<Option<Value>, OnnxError> {
    let mut inputs = Vec::new();
    for &id in node.inputs.iter().flatten() {
        match walk.value(id)? {
            Value::Data(_) | Value::Above(..) => return Ok(None),
            value => inputs.push(value),
        }
    }
    let operator = node.operator.as_str();
    if operator == "Shape" {
        return Ok(None);
    }
    if operator == "Expand" {
        return expanded(walk, node, &inputs).map(Some);
    }
    let of_sizes = inputs.iter().any(|value| matches!(value, Value::Sizes(_)));
    if of_sizes || sizes::OPERATORS.contains(&operator) {
        let lists = inputs.iter().map(sizes::of).collect::<Option<Vec<_>>>();
        let lists = lists.ok_or_else(|| node.error("it takes sizes of a tensor together with other numbers"))?;
        return sizes::evaluate(walk, node, &lists).map(Some);
    }
    if operator != "Constant" && !SAME.contains(&operator) && !OTHER.contains(&operator) {
        return Err(node.error("all its inputs are constants; expected one that depends on the samples"));
    }
    let mut given = Given { node, version: walk.graph.version, inputs: vec![] };
    let mut origin = None;
    for id in &node.inputs {
        given.inputs.push(match id.map(|id| walk.value(id)).transpose()? {
            Some(Value::Constant(tensor, from)) => {
                origin = if given.inputs.is_empty() { from } else { origin };
                Some(tensor)
            }
            _ => None,
        });
    }
    let made = fold::evaluate(&given, &mut walk.budget)?.and_then(|made| made.into_iter().next());
    let made: Tensor = made.filter(|made| !made.values.is_empty()).ok_or_else(|| node.error("it makes no numbers"))?;
    Ok(Some(Value::Constant(made, origin.filter(|_| SAME.contains(&operator)))))
}

/// One number in a shape; or a list of sizes left as it is.
fn expanded(walk: &mut Walk<'_>, node: &Node, inputs: &[Value]) -> Result<Value, OnnxError> {
    let [first, wanted] = inputs else {
        return Err(node.error("it has no shape to expand to"));
    };
    let wanted = sizes::of(wanted).filter(|wanted| wanted.len() <= MOST_AXES);
    match (first, wanted) {
        (Value::Sizes(sizes), Some(wanted)) if wanted == [Size::Known(1)] => Ok(Value::Sizes(sizes.clone())),
        (Value::Constant(tensor, _), Some(wanted)) if tensor.is_scalar() && wanted.len() >= tensor.shape.len() => {
            let size = |size: &Size| if let Size::Known(n) = size { usize::try_from(*n).ok() } else { None };
            let shape = wanted.iter().map(size).collect::<Option<Vec<_>>>();
            let numbers = shape.as_ref().and_then(|s| s.iter().try_fold(1_usize, |p, &n| p.checked_mul(n)));
            let (Some(shape), Some(numbers)) = (shape, numbers.filter(|&n| n > 0)) else {
                return Err(node.error(format!("it expands a number to {}; expected a constant shape", shown(&wanted))));
            };
            walk.budget.spend(numbers, || node.label.clone())?;
            let values = std::iter::repeat_n(tensor.values[0], numbers).collect();
            Ok(Value::Constant(Tensor { shape, values, ..tensor.clone() }, None))
        }
        _ => Err(node.error("it expands more than one number, or to a shape that is not known")),
    }
}

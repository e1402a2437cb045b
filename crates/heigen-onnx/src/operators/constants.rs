//! Arithmetic on constants alone.

use super::arithmetic::Operation;
use super::{reshape, sizes};
use crate::error::OnnxError;
use crate::graph::{Node, ValueId};
use crate::proto::data_type;
use crate::tensor::{Budget, MOST_AXES, Precision, Tensor};
use crate::value::{Size, Value, shown};
use crate::walk::Walk;
use std::rc::Rc;

/// The value of a node that takes no samples.
pub(super) fn evaluate(walk: &mut Walk<'_>, node: &Node) -> Result<Option<Value>, OnnxError> {
    if node.operator == "Constant" {
        return constant(walk, node).map(Some);
    }
    let mut inputs = Vec::new();
    for &id in node.inputs.iter().flatten() {
        match walk.value(id)? {
            Value::Data(_) | Value::Above(..) => return Ok(None),
            value => inputs.push(value),
        }
    }
    if node.operator == "Shape" {
        return Ok(None);
    }
    if node.operator == "Expand" {
        return expanded(walk, node, &inputs).map(Some);
    }
    let of_sizes = inputs.iter().any(|value| matches!(value, Value::Sizes(_)));
    if of_sizes || sizes::OPERATORS.contains(&node.operator.as_str()) {
        let lists = inputs.iter().map(sizes::of).collect::<Option<Vec<_>>>();
        let lists = lists.ok_or_else(|| node.error("it takes sizes of a tensor together with other numbers"))?;
        return sizes::evaluate(walk, node, &lists).map(Some);
    }
    let mut tensors = Vec::new();
    for value in &inputs {
        if let Value::Constant(tensor, origin) = value {
            tensors.push((tensor, *origin));
        }
    }
    match tensors[..] {
        [] => Err(node.unsupported()),
        [(first, origin), ref rest @ ..] => of_tensors(walk, node, first, origin, rest.first().map(|r| r.0)).map(Some),
    }
}

fn constant(walk: &mut Walk<'_>, node: &Node) -> Result<Value, OnnxError> {
    let attributes = &node.attributes;
    let (shape, values): (Vec<usize>, Vec<f64>) = if let Some(proto) = attributes.tensor("value", &node.label)? {
        return Tensor::decode(&proto, &node.label, &mut walk.budget).map(|tensor| Value::Constant(tensor, None));
    } else if let Some(floats) = attributes.floats("value_floats") {
        (vec![floats.len()], floats.iter().copied().map(f64::from).collect())
    } else if let Some(ints) = attributes.ints("value_ints") {
        (vec![ints.len()], ints.iter().map(|&n| n as f64).collect())
    } else if attributes.has("value_float") {
        (vec![], vec![attributes.float("value_float", 0.0)])
    } else if attributes.has("value_int") {
        (vec![], vec![attributes.int("value_int", 0) as f64])
    } else {
        return Err(node.error("it holds no numbers"));
    };
    walk.budget.spend(values.len(), || node.label.clone())?;
    Ok(Value::Constant(Tensor { shape, values: values.into(), precision: Precision::Single }, None))
}

fn of_tensors(
    walk: &mut Walk<'_>,
    node: &Node,
    first: &Tensor,
    origin: Option<ValueId>,
    second: Option<&Tensor>,
) -> Result<Value, OnnxError> {
    let budget = &mut walk.budget;
    let operation = |operation: Operation| {
        let second = second.ok_or_else(|| node.error("it has no second input"))?;
        Ok::<_, OnnxError>((operation, second))
    };
    let (operation, second) = match node.operator.as_str() {
        "Identity" | "Dropout" | "CastLike" => return Ok(Value::Constant(first.clone(), origin)),
        "Cast" => return cast(node, first, budget).map(|tensor| Value::Constant(tensor, origin)),
        "Transpose" => {
            let permutation = reshape::permutation(node, first.shape.len())?;
            return Ok(Value::Constant(permuted(first, &permutation, budget, node)?, origin));
        }
        "Reshape" | "Squeeze" | "Unsqueeze" => {
            let shape = reshaped(walk, node, first)?;
            return Ok(Value::Constant(Tensor { shape, ..first.clone() }, origin));
        }
        "Neg" => return each(node, first, budget, |v| -v),
        "Sqrt" => return each(node, first, budget, f64::sqrt),
        "Add" => operation(Operation::Add)?,
        "Sub" => operation(Operation::Sub)?,
        "Mul" => operation(Operation::Mul)?,
        "Div" => operation(Operation::Div)?,
        "ReduceL2" => {
            return Err(node.error(
                "it computes a weight from others, as weight normalisation does; heigen has no layer with such parameters \
                 yet: analyse a model without it, or for the computed weight remove the parametrization before the export",
            ));
        }
        _ => return Err(node.error("all its inputs are constants; expected one that depends on the samples")),
    };
    binary(node, first, second, operation, budget)
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
            Ok(Value::Constant(Tensor { shape, values, precision: tensor.precision }, None))
        }
        _ => Err(node.error("it expands more than one number, or to a shape that is not known")),
    }
}

fn each(node: &Node, tensor: &Tensor, budget: &mut Budget, f: fn(f64) -> f64) -> Result<Value, OnnxError> {
    budget.spend(tensor.values.len(), || node.label.clone())?;
    let values = tensor.values.iter().map(|&v| f(v)).collect();
    Ok(Value::Constant(Tensor { shape: tensor.shape.clone(), values, precision: Precision::Double }, None))
}

fn binary(node: &Node, a: &Tensor, b: &Tensor, operation: Operation, budget: &mut Budget) -> Result<Value, OnnxError> {
    budget.spend(a.values.len().max(b.values.len()), || node.label.clone())?;
    let (shape, values): (_, Rc<[f64]>) = if a.shape == b.shape {
        (&a.shape, a.values.iter().zip(b.values.iter()).map(|(&a, &b)| operation.of(a, b)).collect())
    } else if b.is_scalar() && b.shape.len() <= a.shape.len() {
        (&a.shape, a.values.iter().map(|&v| operation.of(v, b.values[0])).collect())
    } else if a.is_scalar() && a.shape.len() <= b.shape.len() {
        (&b.shape, b.values.iter().map(|&v| operation.of(a.values[0], v)).collect())
    } else {
        let (a, b) = (&a.shape, &b.shape);
        return Err(node.error(format!("it takes constants of {a:?} and {b:?}; expected equal shapes, or one number")));
    };
    Ok(Value::Constant(Tensor { shape: shape.clone(), values, precision: Precision::Double }, None))
}

fn cast(node: &Node, tensor: &Tensor, budget: &mut Budget) -> Result<Tensor, OnnxError> {
    let to = node.attributes.int("to", 0) as i32;
    let convert: fn(f64) -> f64 = match to {
        data_type::FLOAT => |v| f64::from(v as f32),
        data_type::DOUBLE => return Ok(tensor.clone()),
        data_type::INT64 | data_type::INT32 => f64::trunc,
        _ => return Err(node.error(format!("it makes type {to} of a constant; expected float, double or an integer"))),
    };
    budget.spend(tensor.values.len(), || node.label.clone())?;
    let values = tensor.values.iter().map(|&v| convert(v)).collect();
    let precision = if to == data_type::FLOAT { Precision::Single } else { Precision::Double };
    Ok(Tensor { shape: tensor.shape.clone(), values, precision: precision.min(tensor.precision) })
}

/// The shape that `node` gives a constant.
fn reshaped(walk: &mut Walk<'_>, node: &Node, tensor: &Tensor) -> Result<Vec<usize>, OnnxError> {
    let ones = |shape: &[usize]| shape.iter().copied().filter(|&n| n != 1).collect::<Vec<_>>();
    let wanted: Option<Vec<usize>> = match node.operator.as_str() {
        "Reshape" => sizes::of(&walk.input(node, 1)?).and_then(|wanted| filled(&wanted, tensor.values.len())),
        "Squeeze" => match sizes::axes(walk, node, tensor.shape.len())? {
            None => Some(ones(&tensor.shape)),
            Some(axes) if axes.iter().all(|&i| tensor.shape[i] == 1) => {
                Some((0..tensor.shape.len()).filter(|i| !axes.contains(i)).map(|i| tensor.shape[i]).collect())
            }
            Some(_) => None,
        },
        _ => {
            let rank = tensor.shape.len() + sizes::axes_count(walk, node)?;
            let axes = sizes::axes(walk, node, rank)?.unwrap_or_default();
            let mut rest = tensor.shape.iter().copied();
            (0..rank).map(|i| if axes.contains(&i) { Some(1) } else { rest.next() }).collect()
        }
    };
    wanted.filter(|shape| shape.len() <= MOST_AXES).ok_or_else(|| {
        node.error(format!("a constant of the shape {:?} cannot be given the shape that it asks for", tensor.shape))
    })
}

/// `wanted` with its -1 replaced, if it then has `numbers` entries.
fn filled(wanted: &[Size], numbers: usize) -> Option<Vec<usize>> {
    let sizes = wanted.iter().map(|size| if let Size::Known(n) = size { Some(*n) } else { None });
    let mut sizes = sizes.collect::<Option<Vec<i64>>>()?;
    let known = sizes.iter().filter(|&&n| n != -1).try_fold(1_i64, |p, &n| p.checked_mul(n))?;
    if let Some(open) = sizes.iter_mut().find(|n| **n == -1) {
        *open = (numbers as i64).checked_div(known)?;
    }
    let shape = sizes.iter().map(|&n| usize::try_from(n).ok()).collect::<Option<Vec<_>>>()?;
    (shape.iter().try_fold(1_usize, |p, &n| p.checked_mul(n)) == Some(numbers)).then_some(shape)
}

/// A constant with its axes in another order: axis i is the former axis `permutation[i]`.
pub(super) fn permuted(
    tensor: &Tensor,
    permutation: &[usize],
    budget: &mut Budget,
    node: &Node,
) -> Result<Tensor, OnnxError> {
    budget.spend(tensor.values.len(), || node.label.clone())?;
    let rank = tensor.shape.len();
    let mut strides = vec![1; rank];
    for i in (1..rank).rev() {
        strides[i - 1] = strides[i] * tensor.shape[i];
    }
    let shape: Vec<usize> = permutation.iter().map(|&i| tensor.shape[i]).collect();
    let steps: Vec<usize> = permutation.iter().map(|&i| strides[i]).collect();
    let mut index = vec![0; rank];
    let mut at = 0;
    let values = (0..tensor.values.len()).map(|_| {
        let value = tensor.values[at];
        for axis in (0..rank).rev() {
            index[axis] += 1;
            at += steps[axis];
            if index[axis] < shape[axis] {
                break;
            }
            at -= steps[axis] * shape[axis];
            index[axis] = 0;
        }
        value
    });
    let values = values.collect();
    Ok(Tensor { shape, values, precision: tensor.precision })
}

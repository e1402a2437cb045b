//! Operators of traditional machine learning, as converters from scikit-learn write them.

use super::Reader;
use super::entrywise::number;
use super::value::{Made, Value};
use crate::Precision;
use crate::error::OnnxError;
use crate::graph::Node;
use crate::shapes::Given;
use crate::tensor::{Element, Tensor};
use heigen::vocabulary::Op;
use heigen::vocabulary::graph::Reduction;

/// An attribute of numbers as a constant.
fn list(node: &Node, name: &str) -> Option<Tensor> {
    let floats = node.attributes.floats(name).filter(|floats| !floats.is_empty())?;
    let values = floats.iter().copied().map(f64::from).collect();
    Some(Tensor { shape: vec![floats.len()], values, precision: Precision::Single, element: Element::Float })
}

/// (x - offset) * scale.
pub(super) fn scaler(reader: &mut Reader<'_>, given: &Given<'_>) -> Result<Value, OnnxError> {
    let node = given.node;
    let mut made = reader.input(node, 0)?;
    for (name, op) in [("offset", Op::Sub), ("scale", Op::Mul)] {
        if let Some(list) = list(node, name) {
            made = Value::Made(reader.combined(node, &op, vec![made, Value::Constant(list)])?);
        }
    }
    Ok(made)
}

pub(super) fn linear(reader: &mut Reader<'_>, given: &Given<'_>) -> Result<Vec<Value>, OnnxError> {
    let node = given.node;
    let x = reader.tensor(node, 0)?;
    let inputs = x.shape.last().copied().unwrap_or(0);
    let wrong = || node.error(format!("its coefficients do not fit {:?}; expected rows of {inputs}", x.shape));
    let weight = list(node, "coefficients").ok_or_else(wrong)?;
    let bias = list(node, "intercepts");
    let rows = weight.values.len().checked_div(inputs).filter(|rows| rows * inputs == weight.values.len());
    let rows = rows.filter(|&rows| rows > 0 && bias.as_ref().is_none_or(|bias| bias.values.len() == rows));
    let rows = rows.ok_or_else(wrong)?;
    let numbers = weight.values.len() + bias.as_ref().map_or(0, |bias| bias.values.len());
    reader.budget.spend(numbers, || node.label.clone())?;
    let named =
        |part: &str| if node.name.is_empty() { format!("linear.{part}") } else { format!("{}.{part}", node.name) };
    let mut parameter = |tensor: &Tensor, part: &str| -> Result<Made, OnnxError> {
        let shape = tensor.shape.clone();
        let name = reader.writer.declare(usize::MAX, &named(part), tensor)?;
        Ok(Made { name, shape, place: None, element: Element::Float })
    };
    let weight = parameter(&Tensor { shape: vec![rows, inputs], ..weight }, "weight")?;
    let bias = bias.map(|bias| parameter(&bias, "bias")).transpose()?;
    let scores = reader.linear(node, &x, &weight, bias.as_ref())?;
    let kind = node.attributes.text("post_transform").unwrap_or_else(|| "NONE".to_owned());
    let last = scores.shape.len() - 1;
    let made = match kind.as_str() {
        "NONE" => scores,
        "SOFTMAX" => reader.unary(node, Op::Softmax { axis: last }, &scores)?,
        "LOGISTIC" if rows > 1 => {
            return Err(node.error(
                "it has one sigmoid for each class, each against the rest; heigen has no loss of such a classifier: train it \
                 with a softmax (multi_class=\"multinomial\" in scikit-learn)",
            ));
        }
        "LOGISTIC" => reader.unary(node, Op::Sigmoid, &scores)?,
        other => {
            return Err(
                node.error(format!("its attribute post_transform is {other:?}; expected NONE, SOFTMAX or LOGISTIC"))
            );
        }
    };
    if node.operator == "ai.onnx.ml.LinearRegressor" {
        return Ok(vec![Value::Made(made)]);
    }
    // Its first output is the labels, which nobody needs: the scores stand for them.
    Ok(vec![Value::Made(made.clone()), Value::Made(made)])
}

/// Every row divided by its norm.
pub(super) fn normalizer(reader: &mut Reader<'_>, given: &Given<'_>) -> Result<Value, OnnxError> {
    let node = given.node;
    let x = reader.tensor(node, 0)?;
    let norm = node.attributes.text("norm").unwrap_or_else(|| "MAX".to_owned());
    if norm == "L1" && reader.writer.maker(&x.name).is_some_and(|made| matches!(made.op, Op::Softmax { .. })) {
        return Ok(Value::Made(x));
    }
    let last = x.shape.len().saturating_sub(1);
    let (reduction, of) = match norm.as_str() {
        "L1" => (Reduction::Sum, reader.unary(node, Op::Abs, &x)?),
        "L2" => (Reduction::L2, x.clone()),
        "MAX" => (Reduction::Max, x.clone()),
        _ => return Err(node.error(format!("its norm is {norm:?}; expected L1, L2 or MAX"))),
    };
    let length = reader.reduced(node, reduction, &of, vec![last], true)?;
    // A row of zeros stays one.
    let zero = reader.combined(
        node,
        &Op::Compare { comparison: heigen::vocabulary::graph::Comparison::Equal },
        vec![Value::Made(length.clone()), Value::Constant(number(0.0))],
    )?;
    let length = reader.combined(node, &Op::Add, vec![Value::Made(length), Value::Made(zero)])?;
    reader.combined(node, &Op::Div, vec![Value::Made(x), Value::Made(length)]).map(Value::Made)
}

//! Normalisations.

use super::value::{Made, Value};
use super::{Reader, mixes};
use crate::error::OnnxError;
use crate::graph::Node;
use crate::shapes::Given;
use heigen::vocabulary::Op;
use heigen::vocabulary::graph::Reduction;

fn epsilon(given: &Given<'_>) -> Result<f64, OnnxError> {
    let eps = given.node.attributes.decimal("epsilon", 1e-5);
    if eps > 0.0 && eps.is_finite() {
        return Ok(eps);
    }
    Err(given.error(format!("its epsilon is {eps}; expected a number above 0")))
}

/// Factor and summand of a normalisation, inputs `at` and after; ones and zeros that are no parameters are none.
fn affine(reader: &mut Reader<'_>, given: &Given<'_>, at: usize) -> Result<[Option<Made>; 2], OnnxError> {
    let is = |i: usize, number: f64| {
        given.node.input(i).is_none() || given.constant(i).is_some_and(|c| c.values.iter().all(|&v| v == number))
    };
    if is(at, 1.0) && is(at + 1, 0.0) {
        return Ok([None, None]);
    }
    let weight = reader.own(given.node, at)?;
    let bias = reader.own(given.node, at + 1)?;
    if [at, at + 1].iter().any(|&i| given.constant(i).is_some()) {
        reader.warn(format!(
            "the scale or the bias of {} is no parameter of the file but a constant, and held fixed: compare the number of \
             parameters with the model's",
            given.node.label
        ));
    }
    Ok([weight, bias])
}

/// An operation with a factor and a summand of the given shape, which it takes itself.
fn with(
    reader: &mut Reader<'_>,
    node: &Node,
    op: Op,
    first: &[&Made],
    [weight, bias]: [Option<Made>; 2],
) -> Result<Value, OnnxError> {
    let mut names: Vec<&Made> = first.to_vec();
    let absent = Made { name: String::new(), shape: vec![], place: None, element: crate::tensor::Element::Float };
    match (&weight, &bias) {
        (None, None) => {}
        (weight, None) => names.extend(weight),
        (weight, Some(bias)) => names.extend([weight.as_ref().unwrap_or(&absent), bias]),
    }
    let x = first[0];
    reader.push(node, op, &names, x.shape.clone(), x.place).map(Value::Made)
}

pub(super) fn batch(reader: &mut Reader<'_>, given: &Given<'_>) -> Result<Value, OnnxError> {
    let node = given.node;
    if node.attributes.int("training_mode", 0) != 0 || node.attributes.int("spatial", 1) == 0 {
        return Err(node.error("it is in training mode; export the model in evaluation mode"));
    }
    let x = reader.tensor(node, 0)?;
    let eps = epsilon(given)?;
    let channels = x.shape.get(1).copied().unwrap_or(0);
    if x.place.is_some_and(|place| place.axis == 1) {
        return Err(mixes(node));
    }
    for (i, name) in [(1, "scale"), (2, "bias"), (3, "mean"), (4, "variance")] {
        let got = reader.input(node, i)?;
        if got.shape() != [channels] {
            return Err(node.error(format!("its {name} has the shape {:?}; expected [{channels}]", got.shape())));
        }
    }
    if let Some(negative) = given.constant(4).and_then(|v| v.values.iter().copied().find(|&v| v < 0.0 || v.is_nan())) {
        return Err(node.error(format!("its variance has the entry {negative}; expected 0 or more")));
    }
    let mut statistics = Vec::new();
    for i in [3, 4] {
        statistics.push(match (given.constant(i), node.input(i)) {
            (Some(tensor), Some(id)) => {
                let initializer = reader.graph.initializers.contains_key(&id).then_some(id);
                let wanted = reader.graph.values[id].clone();
                let name = reader.writer.statistics(initializer, &wanted, tensor);
                Made { name, shape: tensor.shape.clone(), place: None, element: tensor.element }
            }
            _ => reader.tensor(node, i)?,
        });
    }
    let affine = affine(reader, given, 1)?;
    let op = Op::BatchNorm { eps, training: false };
    with(reader, node, op, &[&x, &statistics[0], &statistics[1]], affine)
}

pub(super) fn layer(reader: &mut Reader<'_>, given: &Given<'_>) -> Result<Value, OnnxError> {
    let node = given.node;
    let x = reader.tensor(node, 0)?;
    let eps = epsilon(given)?;
    let first = given.axis("axis", -1, x.shape.len())?;
    if x.place.is_some_and(|place| place.axis >= first) {
        return Err(mixes(node));
    }
    let axes = x.shape.len() - first;
    let affine = affine(reader, given, 1)?;
    let op = if node.operator == "RMSNormalization" { Op::RmsNorm { axes, eps } } else { Op::LayerNorm { axes, eps } };
    let own = &x.shape[first..];
    if affine.iter().flatten().all(|made| made.shape == own && made.place.is_none()) {
        return with(reader, node, op, &[&x], affine);
    }
    let mut made = with(reader, node, op, &[&x], [None, None])?;
    for (operation, part) in [Op::Mul, Op::Add].iter().zip(affine) {
        if let Some(part) = part {
            made = Value::Made(reader.combined(node, operation, vec![made, Value::Made(part)])?);
        }
    }
    Ok(made)
}

pub(super) fn group(reader: &mut Reader<'_>, given: &Given<'_>) -> Result<Value, OnnxError> {
    let node = given.node;
    let x = reader.tensor(node, 0)?;
    let eps = epsilon(given)?;
    let channels = x.shape.get(1).copied().unwrap_or(0);
    let groups = match node.operator.as_str() {
        "GroupNormalization" => usize::try_from(node.attributes.int("num_groups", 0)).unwrap_or(0),
        _ => channels,
    };
    if groups == 0 || channels % groups != 0 || x.shape.len() < 3 {
        return Err(node.error(format!("it gets {:?} and has {groups} groups", x.shape)));
    }
    if x.place.is_some_and(|place| place.axis != 0) {
        return Err(mixes(node));
    }
    let mut affine = affine(reader, given, 1)?;
    for part in affine.iter_mut().flatten() {
        if part.shape == [groups] && groups != channels {
            // Older operator sets have one number for each group.
            let column = reader.reshaped(node, part, vec![groups, 1])?;
            let all = reader.expanded(node, &column, vec![groups, channels / groups])?;
            *part = reader.reshaped(node, &all, vec![channels])?;
        }
        if part.shape != [channels] {
            return Err(node.error(format!("its scale or bias has the shape {:?}; expected [{channels}]", part.shape)));
        }
    }
    with(reader, node, Op::GroupNorm { groups, eps }, &[&x], affine)
}

/// x / |x| along an axis.
pub(super) fn by_length(reader: &mut Reader<'_>, given: &Given<'_>) -> Result<Value, OnnxError> {
    let node = given.node;
    let x = reader.tensor(node, 0)?;
    let axis = given.axis("axis", -1, x.shape.len())?;
    let p = node.attributes.int("p", 2);
    if x.place.is_some_and(|place| place.axis == axis) {
        return Err(mixes(node));
    }
    let (reduction, of) = match p {
        1 => (Reduction::Sum, reader.unary(node, Op::Abs, &x)?),
        2 => (Reduction::L2, x.clone()),
        _ => return Err(node.error(format!("its p is {p}; expected 1 or 2"))),
    };
    let mut shape = x.shape.clone();
    shape[axis] = 1;
    let op = Op::Reduce { reduction, axes: vec![axis], keepdims: true };
    let length = reader.push(node, op, &[&of], shape, x.place)?;
    reader.combined(node, &Op::Div, vec![Value::Made(x), Value::Made(length)]).map(Value::Made)
}

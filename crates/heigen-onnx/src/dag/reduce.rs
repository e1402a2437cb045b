//! One number made of many along axes, and functions that compare entries along an axis.

use super::value::{Made, Value};
use super::{Reader, mixes};
use crate::error::OnnxError;
use crate::fold::reduced_axes;
use crate::graph::Node;
use crate::shapes::{Cut, Given, from_front};
use heigen::vocabulary::Op;
use heigen::vocabulary::graph::Reduction;

pub(super) fn evaluate(reader: &mut Reader<'_>, given: &Given<'_>) -> Result<Value, OnnxError> {
    let node = given.node;
    let x = reader.tensor(node, 0)?;
    let axes = reduced_axes(given, x.shape.len())?;
    let keep = node.attributes.int("keepdims", 1) != 0;
    let whole = |kind: Reduction| (kind, None, None);
    let (reduction, before, after) = match node.operator.as_str() {
        "ReduceSum" => whole(Reduction::Sum),
        "ReduceMean" => whole(Reduction::Mean),
        "ReduceMax" => whole(Reduction::Max),
        "ReduceMin" => whole(Reduction::Min),
        "ReduceProd" => whole(Reduction::Prod),
        "ReduceL2" => whole(Reduction::L2),
        "ReduceLogSumExp" => whole(Reduction::LogSumExp),
        "ReduceL1" => (Reduction::Sum, Some(Op::Abs), None),
        "ReduceSumSquare" => (Reduction::Sum, Some(Op::PowScalar { exponent: 2.0 }), None),
        "ReduceLogSum" => (Reduction::Sum, None, Some(Op::Log)),
        _ => return Err(node.unsupported()),
    };
    let element = x.element;
    let x = before.map_or(Ok(x.clone()), |op| reader.unary(node, op, &x))?;
    let made = if axes.is_empty() { x } else { reader.reduced(node, reduction, &x, axes, keep)? };
    let made = after.map_or(Ok(made.clone()), |op| reader.unary(node, op, &made))?;
    Ok(Value::Made(Made { element, ..made }))
}

/// Pools over all axes after the channels.
pub(super) fn global_pool(reader: &mut Reader<'_>, given: &Given<'_>) -> Result<Value, OnnxError> {
    let node = given.node;
    let x = reader.tensor(node, 0)?;
    let reduction = match node.operator.as_str() {
        "GlobalAveragePool" => Reduction::Mean,
        "GlobalMaxPool" => Reduction::Max,
        _ if node.attributes.int("p", 2) == 2 => Reduction::L2,
        _ => return Err(node.error("its p is not 2")),
    };
    let axes = (2..x.shape.len()).collect();
    reader.reduced(node, reduction, &x, axes, true).map(Value::Made)
}

pub(super) fn softmax(reader: &mut Reader<'_>, given: &Given<'_>) -> Result<Value, OnnxError> {
    /// The operator set since which it works along one axis; before, along all from its axis on.
    const ALONG_ONE: i64 = 13;
    let node = given.node;
    let x = reader.tensor(node, 0)?;
    let rank = x.shape.len();
    let one = given.version >= ALONG_ONE;
    let axis = given.axis("axis", if one { -1 } else { 1 }, rank)?;
    let log = node.operator == "LogSoftmax";
    let along = |axis: usize| if log { Op::LogSoftmax { axis } } else { Op::Softmax { axis } };
    if x.place.is_some_and(|place| place.axis == axis || (!one && place.axis > axis)) {
        return Err(mixes(node));
    }
    if one || x.shape[axis + 1..].iter().all(|&size| size == 1) {
        return reader.unary(node, along(axis), &x).map(Value::Made);
    }
    let mut flat = x.shape[..axis].to_vec();
    flat.push(x.shape[axis..].iter().product());
    let joined = reader.reshaped(node, &x, flat)?;
    let made = reader.unary(node, along(axis), &joined)?;
    reader.reshaped(node, &made, x.shape).map(Value::Made)
}

pub(super) fn cumulated(reader: &mut Reader<'_>, given: &Given<'_>) -> Result<Value, OnnxError> {
    let node = given.node;
    let x = reader.tensor(node, 0)?;
    let axis = given.number(1, "axis")?.and_then(|axis| from_front(axis as i64, x.shape.len()));
    let axis = axis.ok_or_else(|| node.error("it has no axis of its tensor"))?;
    if x.place.is_some_and(|place| place.axis == axis) {
        return Err(mixes(node));
    }
    let attribute = |name: &str| node.attributes.int(name, 0) != 0;
    let (exclusive, reverse) = (attribute("exclusive"), attribute("reverse"));
    let length = x.shape[axis];
    let backwards = Cut { axis, start: length.saturating_sub(1), length, step: -1 };
    let turned = if reverse { reader.cut(node, &x, backwards)? } else { x.clone() };
    let mut sums = reader.unary(node, Op::Cumsum { axis }, &turned)?;
    if reverse {
        sums = reader.cut(node, &sums, backwards)?;
    }
    if exclusive {
        sums = reader.combined(node, &Op::Sub, vec![Value::Made(sums), Value::Made(x.clone())])?;
    }
    Ok(Value::Made(Made { element: x.element, ..sums }))
}

impl Reader<'_> {
    pub(super) fn reduced(
        &mut self,
        node: &Node,
        reduction: Reduction,
        x: &Made,
        mut axes: Vec<usize>,
        keepdims: bool,
    ) -> Result<Made, OnnxError> {
        axes.sort_unstable();
        if x.place.is_some_and(|place| axes.contains(&place.axis)) {
            return Err(mixes(node));
        }
        let rank = x.shape.len();
        let kept = |i: &usize| !axes.contains(i);
        let shape: Vec<usize> = if keepdims {
            (0..rank).map(|i| if kept(&i) { x.shape[i] } else { 1 }).collect()
        } else {
            (0..rank).filter(kept).map(|i| x.shape[i]).collect()
        };
        let before = |axis: usize| axes.iter().filter(|&&other| other < axis).count();
        let place = x.place.map(|place| if keepdims { place } else { place.at(place.axis - before(place.axis)) });
        self.push(node, Op::Reduce { reduction, axes, keepdims }, &[x], shape, place)
    }
}

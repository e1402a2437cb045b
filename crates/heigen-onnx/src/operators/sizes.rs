//! Sizes of tensors, and the arithmetic by which graphs compute new shapes from them.

use crate::error::OnnxError;
use crate::graph::Node;
use crate::value::{Size, Value};
use crate::walk::Walk;

/// Most sizes in a list.
const MOST: usize = 64;
/// Operators of lists of sizes.
pub(super) const OPERATORS: [&str; 4] = ["Gather", "Slice", "Concat", "ReduceProd"];

/// A value as a list of sizes.
pub(super) fn of(value: &Value) -> Option<Vec<Size>> {
    match value {
        Value::Sizes(sizes) => Some(sizes.clone()),
        Value::Constant(tensor, _) if tensor.values.len() <= MOST => {
            tensor.values.iter().map(|&v| (v.trunc() == v).then_some(Size::Known(v as i64))).collect()
        }
        _ => None,
    }
}

/// The axes that `node` names by its attribute, or since operator set 13 (18) by an input; counted from the front.
pub(super) fn axes(walk: &mut Walk<'_>, node: &Node, rank: usize) -> Result<Option<Vec<usize>>, OnnxError> {
    let Some(axes) = named_axes(walk, node)? else {
        return Ok(None);
    };
    let front = |&axis: &i64| {
        let from_front = if axis < 0 { axis.saturating_add(rank as i64) } else { axis };
        usize::try_from(from_front).ok().filter(|&axis| axis < rank)
    };
    let axes = axes.iter().map(front).collect::<Option<Vec<_>>>();
    axes.map(Some).ok_or_else(|| node.error(format!("it names an axis that a tensor of {rank} axes does not have")))
}

/// How many axes `node` names.
pub(super) fn axes_count(walk: &mut Walk<'_>, node: &Node) -> Result<usize, OnnxError> {
    Ok(named_axes(walk, node)?.map_or(0, |axes| axes.len()))
}

fn named_axes(walk: &mut Walk<'_>, node: &Node) -> Result<Option<Vec<i64>>, OnnxError> {
    if let Some(axes) = node.attributes.ints("axes") {
        return Ok(Some(axes.iter().take(MOST).copied().collect()));
    }
    if node.input(1).is_none() {
        return Ok(None);
    }
    let known = |sizes: Vec<Size>| {
        let known = |size: Size| if let Size::Known(n) = size { Some(n) } else { None };
        sizes.into_iter().map(known).collect::<Option<Vec<_>>>()
    };
    let axes = of(&walk.input(node, 1)?).and_then(known);
    axes.map(Some).ok_or_else(|| node.error("its axes are not known"))
}

/// Sizes of the input's axes.
pub(super) fn shape(walk: &mut Walk<'_>, node: &Node) -> Result<Value, OnnxError> {
    let sizes = match walk.input(node, 0)? {
        Value::Data(data) | Value::Above(data, _) => data.axes.sizes(),
        Value::Constant(tensor, _) => tensor.shape.iter().map(|&n| Size::Known(n as i64)).collect(),
        Value::Sizes(sizes) => vec![Size::Known(sizes.len() as i64)],
    };
    let end = node.attributes.int("end", i64::MAX);
    Ok(Value::Sizes(slice(&sizes, node.attributes.int("start", 0), end)))
}

/// One of [`OPERATORS`], or arithmetic on sizes; `inputs` are all known.
pub(super) fn evaluate(walk: &mut Walk<'_>, node: &Node, inputs: &[Vec<Size>]) -> Result<Value, OnnxError> {
    let unknown = || node.error("it computes a shape in a way that is not supported");
    let number = |i: usize| match inputs.get(i)?[..] {
        [Size::Known(n)] => Some(n),
        _ => None,
    };
    let first = inputs.first().ok_or_else(unknown)?;
    let sizes = match node.operator.as_str() {
        "Identity" | "Cast" | "CastLike" | "Reshape" | "Squeeze" | "Unsqueeze" => first.clone(),
        "Concat" => inputs.concat(),
        "Gather" => {
            let at = |index: &Size| match *index {
                Size::Known(i) => first.get(usize::try_from(if i < 0 { i + first.len() as i64 } else { i }).ok()?),
                Size::Batch => None,
            };
            let indices = inputs.get(1).ok_or_else(unknown)?;
            indices.iter().map(|index| at(index).copied()).collect::<Option<_>>().ok_or_else(unknown)?
        }
        "Slice" => {
            let attribute = |name: &str| node.attributes.ints(name).and_then(|ints| ints.first().copied());
            let start = attribute("starts").or_else(|| number(1)).ok_or_else(unknown)?;
            let end = attribute("ends").or_else(|| number(2)).ok_or_else(unknown)?;
            if inputs.len() > 4 && number(4) != Some(1) {
                return Err(unknown());
            }
            slice(first, start, end)
        }
        "ReduceProd" => vec![first.iter().try_fold(Size::Known(1), |p, &n| product(p, n)).ok_or_else(unknown)?],
        "Mul" => {
            let second = inputs.get(1).filter(|second| second.len() == first.len()).ok_or_else(unknown)?;
            first.iter().zip(second).map(|(&a, &b)| product(a, b)).collect::<Option<_>>().ok_or_else(unknown)?
        }
        _ => return Err(node.unsupported()),
    };
    if sizes.len() > MOST {
        return Err(unknown());
    }
    walk.budget.spend(sizes.len(), || node.label.clone())?;
    Ok(Value::Sizes(sizes))
}

fn product(a: Size, b: Size) -> Option<Size> {
    match (a, b) {
        (Size::Known(a), Size::Known(b)) => a.checked_mul(b).map(Size::Known),
        (Size::Batch, Size::Known(1)) | (Size::Known(1), Size::Batch) => Some(Size::Batch),
        _ => None,
    }
}

/// Entries from `start` to before `end`; negative places count from the end.
fn slice(sizes: &[Size], start: i64, end: i64) -> Vec<Size> {
    let length = sizes.len() as i64;
    let place = |i: i64| if i < 0 { i.saturating_add(length) } else { i }.clamp(0, length) as usize;
    sizes.get(place(start)..place(end)).unwrap_or_default().to_vec()
}

//! Tensors that come out of nothing but attributes and sizes.

use super::{spend, tensor};
use crate::error::OnnxError;
use crate::shapes::Given;
use crate::tensor::{Budget, Element, MOST_AXES, Precision, Tensor};

pub(super) fn evaluate(given: &Given<'_>, budget: &mut Budget) -> Result<Option<Tensor>, OnnxError> {
    let made = match given.node.operator.as_str() {
        "Constant" => constant(given, budget)?,
        "ConstantOfShape" => of_shape(given, budget)?,
        "Range" => range(given, budget)?,
        "Shape" => {
            let Some(input) = given.constant(0) else { return Ok(None) };
            shape(given, &input.shape)
        }
        "Size" => {
            let Some(input) = given.constant(0) else { return Ok(None) };
            Tensor { shape: vec![], ..Tensor::integers([input.values.len() as i64]) }
        }
        "EyeLike" => {
            let Some(input) = given.constant(0) else { return Ok(None) };
            eye(given, &input.shape, budget)?
        }
        _ => return Ok(None),
    };
    Ok(Some(made))
}

/// The sizes of a tensor of `shape`, those from the attribute `start` to `end`.
pub(crate) fn shape(given: &Given<'_>, shape: &[usize]) -> Tensor {
    let length = shape.len() as i64;
    let place = |i: i64| if i < 0 { i.saturating_add(length) } else { i }.clamp(0, length) as usize;
    let start = place(given.node.attributes.int("start", 0));
    let end = place(given.node.attributes.int("end", i64::MAX));
    Tensor::integers(shape.get(start..end).unwrap_or_default().iter().map(|&n| n as i64))
}

fn constant(given: &Given<'_>, budget: &mut Budget) -> Result<Tensor, OnnxError> {
    let (node, attributes) = (given.node, &given.node.attributes);
    if let Some(proto) = attributes.tensor("value", &node.label)? {
        return Tensor::decode(&proto, &node.label, budget);
    }
    let integer = Element::Integer;
    let (shape, values, element): (Vec<usize>, Vec<f64>, Element) =
        if let Some(floats) = attributes.floats("value_floats").filter(|_| attributes.has("value_floats")) {
            (vec![floats.len()], floats.iter().copied().map(f64::from).collect(), Element::Float)
        } else if let Some(ints) = attributes.ints("value_ints").filter(|_| attributes.has("value_ints")) {
            (vec![ints.len()], ints.iter().map(|&n| n as f64).collect(), integer)
        } else if attributes.has("value_float") {
            (vec![], vec![attributes.float("value_float", 0.0)], Element::Float)
        } else if attributes.has("value_int") {
            (vec![], vec![attributes.int("value_int", 0) as f64], integer)
        } else {
            return Err(node.error("it holds no numbers"));
        };
    budget.spend(values.len(), || node.label.clone())?;
    let precision = if element == Element::Float { Precision::Single } else { Precision::Double };
    Ok(Tensor { shape, values: values.into(), precision, element })
}

fn of_shape(given: &Given<'_>, budget: &mut Budget) -> Result<Tensor, OnnxError> {
    let wanted = given.integers(0, "shape")?.unwrap_or_default();
    let sizes: Option<Vec<usize>> = wanted.iter().map(|&n| usize::try_from(n).ok()).collect();
    let sizes = sizes.filter(|sizes| sizes.len() <= MOST_AXES);
    let sizes = sizes.ok_or_else(|| given.error("it makes a tensor of a shape that is none"))?;
    let value = match given.node.attributes.tensor("value", &given.node.label)? {
        Some(proto) => Tensor::decode(&proto, &given.node.label, budget)?,
        None => Tensor { shape: vec![], values: [0.0].into(), precision: Precision::Single, element: Element::Float },
    };
    let number = value.values.first().copied().unwrap_or_default();
    spend(given, &sizes, budget)?;
    let values = vec![number; sizes.iter().product()];
    Ok(tensor(&value, sizes, values))
}

fn range(given: &Given<'_>, budget: &mut Budget) -> Result<Tensor, OnnxError> {
    let number = |i: usize, what: &str| given.number(i, what)?.ok_or_else(|| given.error(format!("it has no {what}")));
    let (start, limit, step) = (number(0, "start")?, number(1, "limit")?, number(2, "delta")?);
    let length = ((limit - start) / step).ceil().max(0.0);
    if !length.is_finite() || length > (1_u64 << 40) as f64 {
        return Err(given.error(format!("it counts from {start} to {limit} by {step}, which is without end")));
    }
    let length = length as usize;
    spend(given, &[length], budget)?;
    let values = (0..length).map(|i| start + i as f64 * step).collect();
    let like = given.constant(0).ok_or_else(|| given.error("it has no start"))?;
    Ok(tensor(like, vec![length], values))
}

fn eye(given: &Given<'_>, shape: &[usize], budget: &mut Budget) -> Result<Tensor, OnnxError> {
    let &[rows, columns] = shape else {
        return Err(given.error(format!("it makes ones on the diagonal of a tensor of {shape:?}; expected a matrix")));
    };
    spend(given, shape, budget)?;
    let k = given.node.attributes.int("k", 0);
    let one = |at: usize| ((at / columns.max(1)) as i64).saturating_add(k) == (at % columns.max(1)) as i64;
    let values = (0..rows * columns).map(|at| f64::from(u8::from(one(at)))).collect::<Vec<_>>();
    let element = Element::of(given.node.attributes.int("dtype", 1) as i32).unwrap_or(Element::Float);
    Ok(Tensor { shape: shape.to_vec(), values: values.into(), precision: Precision::Double, element })
}

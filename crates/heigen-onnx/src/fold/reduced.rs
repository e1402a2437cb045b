//! Sums, means and products of constants along axes.

use super::{integers, spend, tensor};
use crate::error::OnnxError;
use crate::shapes::Given;
use crate::strided::{each, strides};
use crate::tensor::{Budget, Element, Tensor};

pub(super) fn evaluate(given: &Given<'_>, first: &Tensor, budget: &mut Budget) -> Result<Option<Tensor>, OnnxError> {
    let over: fn(&[f64]) -> f64 = match given.node.operator.as_str() {
        "ReduceSum" => |v| v.iter().sum(),
        "ReduceMean" => |v| v.iter().sum::<f64>() / v.len() as f64,
        "ReduceMax" => |v| v.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        "ReduceMin" => |v| v.iter().copied().fold(f64::INFINITY, f64::min),
        "ReduceProd" => |v| v.iter().product(),
        "ReduceL1" => |v| v.iter().map(|v| v.abs()).sum(),
        "ReduceL2" => |v| v.iter().map(|v| v * v).sum::<f64>().sqrt(),
        "ReduceSumSquare" => |v| v.iter().map(|v| v * v).sum(),
        "ArgMax" => |v| place(v, |a, b| a > b),
        "ArgMin" => |v| place(v, |a, b| a < b),
        "CumSum" => return cumulated(given, first, budget).map(Some),
        "MatMul" => return product(given, first, budget),
        _ => return Ok(None),
    };
    let rank = first.shape.len();
    let of_place = given.node.operator.starts_with("Arg");
    let axes = if of_place { vec![given.axis("axis", 0, rank)?] } else { axes(given, rank)? };
    let kept = |i: usize| !axes.contains(&i);
    let shape: Vec<usize> = (0..rank).map(|i| if kept(i) { first.shape[i] } else { 1 }).collect();
    spend(given, &shape, budget)?;
    let own = strides(&first.shape);
    let steps: Vec<isize> = own.iter().map(|&n| n as isize).collect();
    let among: Vec<usize> = (0..rank).map(|i| if kept(i) { 1 } else { first.shape[i] }).collect();
    let mut values = Vec::with_capacity(shape.iter().product());
    let mut numbers = Vec::new();
    each(&shape, &steps, 0, |start| {
        numbers.clear();
        each(&among, &steps, start, |at| numbers.push(first.values[at]));
        values.push(over(&numbers));
    });
    let keep = given.node.attributes.int("keepdims", 1) != 0;
    let shape = if keep { shape } else { (0..rank).filter(|&i| kept(i)).map(|i| shape[i]).collect() };
    if first.element == Element::Integer && given.node.operator == "ReduceMean" {
        values.iter_mut().for_each(|v| *v = v.trunc());
    }
    Ok(Some(if of_place { integers(shape, values) } else { tensor(first, shape, values) }))
}

/// The axes that a node of the family of ReduceSum reduces.
pub(crate) fn axes(given: &Given<'_>, rank: usize) -> Result<Vec<usize>, OnnxError> {
    let named = given.axes(1, rank)?.filter(|axes| !axes.is_empty());
    let none = given.node.attributes.int("noop_with_empty_axes", 0) != 0;
    Ok(named.unwrap_or_else(|| if none { vec![] } else { (0..rank).collect() }))
}

fn place(values: &[f64], better: fn(f64, f64) -> bool) -> f64 {
    let best = (1..values.len()).fold(0, |best, i| if better(values[i], values[best]) { i } else { best });
    best as f64
}

fn cumulated(given: &Given<'_>, from: &Tensor, budget: &mut Budget) -> Result<Tensor, OnnxError> {
    let rank = from.shape.len();
    let axis = given.number(1, "axis")?.and_then(|axis| crate::shapes::from_front(axis as i64, rank));
    let axis = axis.ok_or_else(|| given.error("it has no axis of its tensor"))?;
    let attribute = |name: &str| given.node.attributes.int(name, 0) != 0;
    let (exclusive, reverse) = (attribute("exclusive"), attribute("reverse"));
    spend(given, &from.shape, budget)?;
    let step = strides(&from.shape)[axis];
    let length = from.shape[axis];
    let mut values = from.values.to_vec();
    for start in (0..values.len()).filter(|at| (at / step).is_multiple_of(length)) {
        let mut sum = 0.0;
        for i in 0..length {
            let at = start + step * if reverse { length - 1 - i } else { i };
            let own = values[at];
            values[at] = if exclusive { sum } else { sum + own };
            sum += own;
        }
    }
    Ok(tensor(from, from.shape.clone(), values))
}

/// The product of two matrices, or of one with each of several.
fn product(given: &Given<'_>, a: &Tensor, budget: &mut Budget) -> Result<Option<Tensor>, OnnxError> {
    const MOST_WORK: usize = 1 << 26;
    let Some(b) = given.constant(1) else { return Ok(None) };
    let (&[.., inner], &[rows, columns]) = (&a.shape[..], &b.shape[..]) else { return Ok(None) };
    if inner != rows || inner == 0 || a.values.len().checked_mul(columns).is_none_or(|work| work > MOST_WORK) {
        return Ok(None);
    }
    let mut shape = a.shape.clone();
    if let Some(last) = shape.last_mut() {
        *last = columns;
    }
    spend(given, &shape, budget)?;
    let row = |x: &[f64], j: usize| x.iter().enumerate().map(|(i, x)| x * b.values[i * columns + j]).sum::<f64>();
    let values = a.values.chunks_exact(inner).flat_map(|x| (0..columns).map(move |j| row(x, j))).collect();
    Ok(Some(tensor(a, shape, values)))
}

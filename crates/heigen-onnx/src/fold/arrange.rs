//! Constants in another shape or order, and parts of constants.

use super::{spend, tensor};
use crate::error::OnnxError;
use crate::shapes::{Cut, Given, count};
use crate::strided::{each, read, repeated, strides};
use crate::tensor::{Budget, Tensor};

pub(super) fn evaluate(
    given: &Given<'_>,
    first: &Tensor,
    budget: &mut Budget,
) -> Result<Option<Vec<Tensor>>, OnnxError> {
    let made = match given.node.operator.as_str() {
        "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" => {
            Tensor { shape: given.reshaped(&first.shape)?, ..first.clone() }
        }
        "Transpose" => permuted(given, first, &given.permutation(first.shape.len())?, budget)?,
        "Expand" => {
            let shape = given.expanded(&first.shape)?;
            spend(given, &shape, budget)?;
            let values = read(&first.values, &shape, &repeated(&first.shape, &shape), 0);
            tensor(first, shape, values)
        }
        "Tile" => tiled(given, first, budget)?,
        "Slice" => {
            let mut made = first.clone();
            for cut in given.slices(&first.shape)? {
                made = sliced(given, &made, cut, budget)?;
            }
            made
        }
        "Split" => {
            let axis = given.axis("axis", 0, first.shape.len())?;
            let mut start = 0;
            let mut parts = Vec::new();
            for length in given.parts(first.shape[axis])? {
                parts.push(sliced(given, first, Cut { axis, start, length, step: 1 }, budget)?);
                start += length;
            }
            return Ok(Some(parts));
        }
        "Concat" => concatenated(given, first, budget)?,
        "Pad" => padded(given, first, budget)?,
        _ => return Ok(None),
    };
    Ok(Some(vec![made]))
}

/// A constant with its axes in another order: axis i is the former axis `permutation[i]`.
pub(crate) fn permuted(
    given: &Given<'_>,
    from: &Tensor,
    permutation: &[usize],
    budget: &mut Budget,
) -> Result<Tensor, OnnxError> {
    spend(given, &from.shape, budget)?;
    let own = strides(&from.shape);
    let shape: Vec<usize> = permutation.iter().map(|&i| from.shape[i]).collect();
    let steps: Vec<isize> = permutation.iter().map(|&i| own[i] as isize).collect();
    let values = read(&from.values, &shape, &steps, 0);
    Ok(tensor(from, shape, values))
}

pub(crate) fn sliced(given: &Given<'_>, from: &Tensor, cut: Cut, budget: &mut Budget) -> Result<Tensor, OnnxError> {
    let own = strides(&from.shape);
    let mut shape = from.shape.clone();
    shape[cut.axis] = cut.length;
    spend(given, &shape, budget)?;
    let mut steps: Vec<isize> = own.iter().map(|&n| n as isize).collect();
    steps[cut.axis] *= cut.step;
    let values = read(&from.values, &shape, &steps, cut.start * own[cut.axis]);
    Ok(tensor(from, shape, values))
}

fn tiled(given: &Given<'_>, from: &Tensor, budget: &mut Budget) -> Result<Tensor, OnnxError> {
    let repeats = given.repeats(from.shape.len())?;
    // Each axis becomes two: how often, and along.
    let doubled: Vec<usize> = repeats.iter().zip(&from.shape).flat_map(|(&n, &size)| [n, size]).collect();
    spend(given, &doubled, budget)?;
    let own = strides(&from.shape);
    let steps: Vec<isize> = own.iter().flat_map(|&n| [0, n as isize]).collect();
    let values = read(&from.values, &doubled, &steps, 0);
    let shape = repeats.iter().zip(&from.shape).map(|(&n, &size)| n * size).collect();
    Ok(tensor(from, shape, values))
}

fn concatenated(given: &Given<'_>, first: &Tensor, budget: &mut Budget) -> Result<Tensor, OnnxError> {
    let axis = given.axis("axis", 0, first.shape.len())?;
    let parts: Vec<&Tensor> = given.inputs.iter().flatten().collect();
    let alike = |t: &&Tensor| {
        t.shape.len() == first.shape.len() && (0..first.shape.len()).all(|i| i == axis || t.shape[i] == first.shape[i])
    };
    if !parts.iter().all(alike) {
        return Err(given.error("it joins constants of shapes that do not fit"));
    }
    let mut shape = first.shape.clone();
    shape[axis] = parts.iter().map(|part| part.shape[axis]).fold(0, usize::saturating_add);
    spend(given, &shape, budget)?;
    let outer: usize = shape[..axis].iter().product();
    let mut values = Vec::with_capacity(shape.iter().product());
    for row in 0..outer {
        for part in &parts {
            let length = part.values.len() / outer;
            values.extend_from_slice(&part.values[row * length..(row + 1) * length]);
        }
    }
    Ok(tensor(first, shape, values))
}

fn padded(given: &Given<'_>, from: &Tensor, budget: &mut Budget) -> Result<Tensor, OnnxError> {
    let mode = given.node.attributes.text("mode").unwrap_or_else(|| "constant".to_owned());
    let pads = given.pads(from.shape.len())?;
    if mode != "constant" || pads.iter().flatten().any(|&n| n < 0) {
        return Err(
            given.error(format!("it pads a constant by {pads:?} in the mode {mode:?}; expected constants around it"))
        );
    }
    let value = given.number(2, "constant_value")?.unwrap_or_else(|| given.node.attributes.float("value", 0.0));
    let grown = |(&size, pad): (&usize, &[i64; 2])| size.checked_add(pad[0] as usize + pad[1] as usize);
    let shape: Option<Vec<usize>> = from.shape.iter().zip(&pads).map(grown).collect();
    let shape =
        shape.filter(|shape| count(shape).is_some()).ok_or_else(|| given.error("it makes too large a tensor"))?;
    spend(given, &shape, budget)?;
    let own = strides(&shape);
    let start = pads.iter().zip(&own).map(|(pad, &n)| pad[0] as usize * n).sum();
    let steps: Vec<isize> = own.iter().map(|&n| n as isize).collect();
    let mut values = vec![value; shape.iter().product()];
    let mut from_here = from.values.iter();
    each(&from.shape, &steps, start, |at| values[at] = from_here.next().copied().unwrap_or(value));
    Ok(tensor(from, shape, values))
}

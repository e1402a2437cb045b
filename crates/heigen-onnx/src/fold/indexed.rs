//! Entries at places that other constants name.

use super::{integers, spend, tensor};
use crate::error::OnnxError;
use crate::shapes::{Given, count, from_front};
use crate::strided::strides;
use crate::tensor::{Budget, Tensor};

pub(super) fn evaluate(given: &Given<'_>, first: &Tensor, budget: &mut Budget) -> Result<Option<Tensor>, OnnxError> {
    match given.node.operator.as_str() {
        "Gather" => gathered(given, first, budget).map(Some),
        "GatherElements" => {
            let axis = given.axis("axis", 0, first.shape.len())?;
            let (places, shape) = element_places(given, &first.shape, axis)?;
            spend(given, &shape, budget)?;
            Ok(Some(tensor(first, shape, places.iter().map(|&at| first.values[at]).collect())))
        }
        "GatherND" => {
            let batch = given.node.attributes.int("batch_dims", 0);
            let (places, mut shape, slice) = places_nd(given, &first.shape, batch)?;
            shape.extend(&slice);
            spend(given, &shape, budget)?;
            let length: usize = slice.iter().product();
            let values = places.iter().flat_map(|&at| first.values[at..at + length].iter().copied()).collect();
            Ok(Some(tensor(first, shape, values)))
        }
        "ScatterND" => scattered(given, first, budget).map(Some),
        "NonZero" => {
            let found: Vec<usize> = (0..first.values.len()).filter(|&i| first.values[i] != 0.0).collect();
            let own = strides(&first.shape);
            spend(given, &[first.shape.len(), found.len()], budget)?;
            let along =
                |axis: usize| found.iter().map(|&at| (at / own[axis] % first.shape[axis]) as f64).collect::<Vec<_>>();
            let values = (0..first.shape.len()).flat_map(along).collect();
            Ok(Some(integers(vec![first.shape.len(), found.len()], values)))
        }
        "OneHot" => one_hot(given, first, budget).map(Some),
        "Trilu" => triangle(given, first, budget).map(Some),
        _ => Ok(None),
    }
}

fn gathered(given: &Given<'_>, from: &Tensor, budget: &mut Budget) -> Result<Tensor, OnnxError> {
    let axis = given.axis("axis", 0, from.shape.len())?;
    let (places, of) = indices(given, 1, from.shape[axis])?;
    let mut shape = from.shape[..axis].to_vec();
    shape.extend(&of);
    shape.extend(&from.shape[axis + 1..]);
    let shape = given.checked(shape)?;
    spend(given, &shape, budget)?;
    let inner: usize = from.shape[axis + 1..].iter().product();
    let outer: usize = from.shape[..axis].iter().product();
    let mut values = Vec::with_capacity(shape.iter().product());
    for row in 0..outer {
        for &place in &places {
            let at = (row * from.shape[axis] + place) * inner;
            values.extend_from_slice(&from.values[at..at + inner]);
        }
    }
    Ok(tensor(from, shape, values))
}

/// Input `i` as places among `length`, and its shape.
pub(crate) fn indices(given: &Given<'_>, i: usize, length: usize) -> Result<(Vec<usize>, Vec<usize>), OnnxError> {
    let constant = given.constant(i).ok_or_else(|| given.error("it has no indices"))?;
    let place = |&v: &f64| {
        let place = if v.trunc() == v { from_front(v as i64, length) } else { None };
        place.ok_or_else(|| given.error(format!("it takes entry {v} of {length}")))
    };
    Ok((constant.values.iter().map(place).collect::<Result<_, _>>()?, constant.shape.clone()))
}

/// The places that GatherElements takes of a tensor of `shape`, and the shape of its indices.
pub(crate) fn element_places(
    given: &Given<'_>,
    shape: &[usize],
    axis: usize,
) -> Result<(Vec<usize>, Vec<usize>), OnnxError> {
    let (along, of) = indices(given, 1, shape[axis])?;
    let fits = of.len() == shape.len() && (0..of.len()).all(|i| i == axis || of[i] <= shape[i]);
    if !fits {
        return Err(given.error(format!("its indices have the shape {of:?}, and the tensor {shape:?}")));
    }
    let (own, theirs) = (strides(shape), strides(&of));
    let place = |(i, &along): (usize, &usize)| {
        let at = |d: usize| if d == axis { along } else { i / theirs[d] % of[d] };
        (0..of.len()).map(|d| at(d) * own[d]).sum()
    };
    Ok((along.iter().enumerate().map(place).collect(), of))
}

/// Places, the shape of their list, and that of what lies at each.
type Slices = (Vec<usize>, Vec<usize>, Vec<usize>);

/// The places of the slices that GatherND and ScatterND name in a tensor of `shape`, the shape of the list of indices, and
/// that of a slice.
pub(crate) fn places_nd(given: &Given<'_>, shape: &[usize], batch: i64) -> Result<Slices, OnnxError> {
    let indices = given.constant(1).ok_or_else(|| given.error("it has no indices"))?;
    let wrong = || given.error(format!("its indices of {:?} do not fit a tensor of {shape:?}", indices.shape));
    let batch = usize::try_from(batch).map_err(|_| wrong())?;
    let (&depth, list) = indices.shape.split_last().ok_or_else(wrong)?;
    let end = batch.checked_add(depth).filter(|&end| end <= shape.len() && batch <= list.len()).ok_or_else(wrong)?;
    if list[..batch] != shape[..batch] || depth == 0 {
        return Err(wrong());
    }
    let own = strides(shape);
    let inner: usize = list[batch..].iter().product();
    let mut places = Vec::with_capacity(indices.values.len() / depth);
    for (i, index) in indices.values.chunks_exact(depth).enumerate() {
        let row = i.checked_div(inner).unwrap_or(0);
        let before = batch.checked_sub(1).map_or(0, |last| row * own[last]);
        let mut at = before;
        for (d, &v) in index.iter().enumerate() {
            at += from_front(v as i64, shape[batch + d]).ok_or_else(wrong)? * own[batch + d];
        }
        places.push(at);
    }
    Ok((places, list.to_vec(), shape[end..].to_vec()))
}

fn scattered(given: &Given<'_>, into: &Tensor, budget: &mut Budget) -> Result<Tensor, OnnxError> {
    let updates = given.constant(2).ok_or_else(|| given.error("it has no updates"))?;
    let reduction = given.node.attributes.text("reduction").unwrap_or_else(|| "none".to_owned());
    if reduction != "none" {
        return Err(given.error(format!("its attribute reduction is {reduction:?}; expected none")));
    }
    let (places, _, slice) = places_nd(given, &into.shape, 0)?;
    let length: usize = slice.iter().product();
    if Some(updates.values.len()) != places.len().checked_mul(length) {
        return Err(
            given.error(format!("its updates have the shape {:?}; expected as many as its indices", updates.shape))
        );
    }
    spend(given, &into.shape, budget)?;
    let mut values = into.values.to_vec();
    for (i, &at) in places.iter().enumerate() {
        values[at..at + length].copy_from_slice(&updates.values[i * length..(i + 1) * length]);
    }
    Ok(tensor(into, into.shape.clone(), values))
}

fn one_hot(given: &Given<'_>, places: &Tensor, budget: &mut Budget) -> Result<Tensor, OnnxError> {
    let depth = given.number(1, "depth")?.filter(|&n| (1.0..1e9).contains(&n));
    let depth = depth.ok_or_else(|| given.error("it has no depth"))? as usize;
    let Some(&[off, on]) = given.constant(2).map(|c| &c.values[..]) else {
        return Err(given.error("it has no two values for other places and its own"));
    };
    let rank = places.shape.len() + 1;
    let axis = given.axis("axis", -1, rank)?;
    let mut shape = places.shape.clone();
    shape.insert(axis, depth);
    let shape = given.checked(shape)?;
    spend(given, &shape, budget)?;
    let mut values = vec![off; count(&shape).unwrap_or(0)];
    let inner: usize = places.shape[axis..].iter().product();
    for (i, &v) in places.values.iter().enumerate() {
        if let Some(place) = from_front(v as i64, depth) {
            values[((i / inner) * depth + place) * inner + i % inner] = on;
        }
    }
    let like = given.constant(2).unwrap_or(places);
    Ok(tensor(like, shape, values))
}

/// Whether Trilu keeps an entry of a matrix.
pub(crate) fn keeps(upper: bool, k: i64, row: usize, column: usize) -> bool {
    let distance = (column as i64).saturating_sub(row as i64);
    if upper { distance >= k } else { distance <= k }
}

fn triangle(given: &Given<'_>, from: &Tensor, budget: &mut Budget) -> Result<Tensor, OnnxError> {
    let [.., rows, columns] = from.shape[..] else {
        return Err(given.error(format!("it takes a triangle of a tensor of {:?}; expected a matrix", from.shape)));
    };
    let k = given.number(1, "k")?.unwrap_or(0.0) as i64;
    let upper = given.node.attributes.int("upper", 1) != 0;
    spend(given, &from.shape, budget)?;
    let kept = |at: usize| keeps(upper, k, at / columns % rows, at % columns);
    let values = (0..from.values.len()).map(|at| if kept(at) { from.values[at] } else { 0.0 }).collect();
    Ok(tensor(from, from.shape.clone(), values))
}

//! Entries at places that constants or samples name.

use super::entrywise::number;
use super::value::{Made, Place, Value};
use super::{Reader, Recipe, mixes};
use crate::error::OnnxError;
use crate::fold::{element_places, indices, keeps, places_nd};
use crate::graph::Node;
use crate::shapes::{Cut, Given};
use crate::tensor::{Element, Tensor};
use heigen::vocabulary::Op;
use heigen::vocabulary::graph::Comparison;

pub(super) fn gather(reader: &mut Reader<'_>, given: &Given<'_>) -> Result<Value, OnnxError> {
    let node = given.node;
    let data = reader.tensor(node, 0)?;
    let axis = given.axis("axis", 0, data.shape.len())?;
    let Some(constant) = given.constant(1) else { return by_samples(reader, node, &data, axis) };
    let (places, of) = indices(given, 1, data.shape[axis])?;
    if data.place.is_some_and(|place| place.axis == axis) && !(places.len() == 1 && data.shape[axis] == 1) {
        return Err(mixes(node));
    }
    let mut shape = data.shape[..axis].to_vec();
    shape.extend(&of);
    shape.extend(&data.shape[axis + 1..]);
    let shape = given.checked(shape)?;
    // Neighbours one after another are a slice.
    let following = places.windows(2).all(|pair| pair[0] + 1 == pair[1]);
    if let (Some(&start), true, true) = (places.first(), following, data.place.is_some() || of.is_empty()) {
        let part = reader.cut(node, &data, Cut { axis, start, length: places.len(), step: 1 })?;
        return reader.reshaped(node, &part, shape).map(Value::Made);
    }
    let place = data.place.map(|place| if place.axis > axis { place.at(place.axis + of.len() - 1) } else { place });
    let counted = Tensor { shape: of.clone(), ..Tensor::integers(places.iter().map(|&i| i as i64)) };
    let index = reader.written_value(node, &Value::Constant(counted.clone()))?;
    let made = reader.push(node, Op::Gather { axis }, &[&data, &index], shape, place)?;
    if place.is_none() && constant.values.len() > 1 {
        let recipe = Recipe::Gather { table: data.clone(), indices: counted, axis };
        reader.recipes.insert(made.name.clone(), recipe);
    }
    Ok(Value::Made(Made { element: data.element, ..made }))
}

/// Entries that the samples name, such as the rows of a table for tokens.
fn by_samples(reader: &mut Reader<'_>, node: &Node, data: &Made, axis: usize) -> Result<Value, OnnxError> {
    let index = reader.tensor(node, 1)?;
    if data.place.is_some() {
        return Err(node.error(
            "it takes entries of one tensor of the samples at places that another one names; expected a table that is the same \
             for all samples, or constant places",
        ));
    }
    let mut shape = data.shape[..axis].to_vec();
    shape.extend(&index.shape);
    shape.extend(&data.shape[axis + 1..]);
    let place = index.place.map(|place| place.at(place.axis + axis));
    let made = if axis == 0 {
        reader.push(node, Op::Embedding, &[&index, data], shape, place)?
    } else {
        reader.push(node, Op::Gather { axis }, &[data, &index], shape, place)?
    };
    Ok(Value::Made(Made { element: data.element, ..made }))
}

/// Entries at constant places of several axes: those of the tensor as a list.
pub(super) fn gather_places(reader: &mut Reader<'_>, given: &Given<'_>) -> Result<Value, OnnxError> {
    let node = given.node;
    let x = reader.tensor(node, 0)?;
    let constant = given
        .constant(1)
        .cloned()
        .ok_or_else(|| node.error("it takes entries at places that depend on the samples; expected constant places"))?;
    let of_one = reader.shape_of_one(&x.shape, x.place);
    let rank = x.shape.len();
    let mut given = Given { node, version: given.version, inputs: vec![None, Some(constant.clone())] };
    let (places, shape, place) = if node.operator == "GatherElements" {
        let axis = given.axis("axis", 0, rank)?;
        if x.place.is_some_and(|place| place.axis == axis) || constant.shape.len() != rank {
            return Err(mixes(node));
        }
        let shape = constant.shape.clone();
        if let Some(place) = x.place {
            given.inputs[1] = Some(of_first(reader, node, constant, place)?);
        }
        (element_places(&given, &of_one, axis)?.0, shape, x.place)
    } else {
        let batch = node.attributes.int("batch_dims", 0);
        let depth = constant.shape.last().copied().unwrap_or(0);
        let list = constant.shape.len().saturating_sub(1);
        let indexed = usize::try_from(batch).unwrap_or(0).saturating_add(depth);
        let mut shape = constant.shape[..list].to_vec();
        shape.extend(x.shape.get(indexed..).unwrap_or_default());
        let mut place = None;
        if let Some(own) = x.place {
            let before = usize::try_from(batch).unwrap_or(0);
            if own.axis < before {
                given.inputs[1] = Some(of_first(reader, node, constant, own)?);
                place = Some(own);
            } else if own.axis >= indexed {
                place = Some(own.at(list + own.axis - indexed));
            } else {
                return Err(mixes(node));
            }
        }
        let (starts, _, slice) = places_nd(&given, &of_one, batch)?;
        let length: usize = slice.iter().product();
        (starts.iter().flat_map(|&at| at..at + length).collect(), shape, place)
    };
    // Both are written for one sample at once.
    let numbers = vec![of_one.iter().product()];
    let flat = reader.push(node, Op::Reshape { shape: numbers.clone() }, &[&x], numbers, None)?;
    let wanted = reader.shape_of_one(&shape, place);
    let index = Tensor { shape: wanted, ..Tensor::integers(places.iter().map(|&i| i as i64)) };
    let index = reader.constant(&index, "places", node)?;
    let made = reader.push(node, Op::Gather { axis: 0 }, &[&flat, &index], shape, place)?;
    Ok(Value::Made(Made { element: x.element, ..made }))
}

fn of_first(reader: &mut Reader<'_>, node: &Node, constant: Tensor, place: Place) -> Result<Tensor, OnnxError> {
    match reader.first(node, &Value::Constant(constant), place, 0)? {
        Value::Constant(tensor) => Ok(tensor),
        Value::Made(_) => Err(mixes(node)),
    }
}

pub(super) fn one_hot(reader: &mut Reader<'_>, given: &Given<'_>) -> Result<Value, OnnxError> {
    const MOST: f64 = 1e6;
    let node = given.node;
    let x = reader.tensor(node, 0)?;
    let depth = given.number(1, "depth")?.filter(|n| (1.0..MOST).contains(n));
    let depth = depth.ok_or_else(|| node.error("it has no depth"))? as usize;
    let Some(&[off, on]) = given.constant(2).map(|c| &c.values[..]) else {
        return Err(node.error("it has no two values for other places and its own"));
    };
    let axis = given.axis("axis", -1, x.shape.len() + 1)?;
    let mut shape = x.shape.clone();
    shape.insert(axis, 1);
    let x = reader.reshaped(node, &x, shape)?;
    let mut along = vec![1; x.shape.len() - axis];
    along[0] = depth;
    let counted = Tensor { shape: along, ..Tensor::integers(0..depth as i64) };
    let equal = Op::Compare { comparison: Comparison::Equal };
    let mut made = reader.combined(node, &equal, vec![Value::Made(x), Value::Constant(counted)])?;
    if (off, on) != (0.0, 1.0) {
        let values = vec![Value::Made(made), Value::Constant(number(on)), Value::Constant(number(off))];
        made = reader.combined(node, &Op::Where, values)?;
    }
    let element = given.constant(2).map_or(Element::Float, |c| c.element);
    Ok(Value::Made(Made { element, ..made }))
}

/// A triangle of matrices.
pub(super) fn triangle(reader: &mut Reader<'_>, given: &Given<'_>) -> Result<Value, OnnxError> {
    const MOST: usize = 1 << 24;
    let node = given.node;
    let x = reader.tensor(node, 0)?;
    let [.., rows, columns] = x.shape[..] else {
        return Err(node.error(format!("it takes a triangle of a tensor of {:?}; expected matrices", x.shape)));
    };
    if x.place.is_some_and(|place| place.axis + 2 >= x.shape.len()) {
        return Err(mixes(node));
    }
    let k = given.number(1, "k")?.unwrap_or(0.0) as i64;
    let upper = node.attributes.int("upper", 1) != 0;
    if rows.checked_mul(columns).is_none_or(|n| n > MOST) {
        return Err(node.error(format!("its matrices of {rows} x {columns} are too large")));
    }
    let kept = |at: usize| f64::from(u8::from(keeps(upper, k, at / columns, at % columns)));
    let mask = Tensor { shape: vec![rows, columns], values: (0..rows * columns).map(kept).collect(), ..number(0.0) };
    let (element, zero) = (x.element, Value::Constant(number(0.0)));
    let made = reader.combined(node, &Op::Where, vec![Value::Constant(mask), Value::Made(x), zero])?;
    Ok(Value::Made(Made { element, ..made }))
}

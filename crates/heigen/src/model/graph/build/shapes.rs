//! Operations that move numbers and change none.

use super::super::linear_map::{Axis, Join, LinearMap, Mapping, Sparse};
use super::super::step::Step;
use super::value::Value;
use super::{Built, Lowering, product, table};
use crate::vocabulary::graph::PadMode;
use std::sync::Arc;

/// The shape that two shapes have together by broadcasting, `None` if there is none.
pub(super) fn broadcast(a: &[usize], b: &[usize]) -> Option<Vec<usize>> {
    let rank = a.len().max(b.len());
    let size = |shape: &[usize], i: usize| (i + shape.len()).checked_sub(rank).map_or(1, |i| shape[i]);
    (0..rank)
        .map(|i| match (size(a, i), size(b, i)) {
            (1, size) | (size, 1) => Some(size),
            (a, b) => (a == b).then_some(a),
        })
        .collect()
}

/// The strides of a new shape for numbers that lie with the given sizes and strides, if it has any.
fn strides_of(shape: &[usize], strides: &[usize], new: &[usize]) -> Option<Vec<usize>> {
    let old: Vec<(usize, usize)> =
        shape.iter().zip(strides).map(|(&size, &stride)| (size, stride)).filter(|&(size, _)| size != 1).collect();
    let mut result = vec![0; new.len()];
    let (mut i, mut j) = (0, 0);
    while i < old.len() {
        while j < new.len() && new[j] == 1 {
            j += 1;
        }
        // The shortest runs of axes with equal products.
        let (first, start) = (i, j);
        let (mut before, mut after) = (old.get(i)?.0, *new.get(j)?);
        while before != after {
            if before < after {
                i += 1;
                before *= old.get(i)?.0;
            } else {
                j += 1;
                after *= *new.get(j)?;
            }
        }
        if (first..i).any(|a| old[a].1 != old[a + 1].1 * old[a + 1].0) {
            return None;
        }
        let mut stride = old[i].1;
        for at in (start..=j).rev() {
            result[at] = stride;
            stride *= new[at];
        }
        (i, j) = (i + 1, j + 1);
    }
    Some(result)
}

impl Lowering<'_> {
    pub(super) fn reshape(&mut self, x: &Value, shape: &[usize]) -> Built<Value> {
        if product(shape) != Some(x.size()) {
            return Err(format!("a tensor of shape {:?} cannot become {shape:?}", x.shape));
        }
        if x.is_in_order() {
            return Ok(Value::new(x.node, shape));
        }
        let Some(strides) = strides_of(&x.shape, &x.strides(), shape) else {
            let x = self.canonical(x);
            return Ok(Value::new(x.node, shape));
        };
        let mut order: Vec<usize> = (0..shape.len()).collect();
        order.sort_by_key(|&axis| std::cmp::Reverse(if shape[axis] == 1 { usize::MAX } else { strides[axis] }));
        Ok(Value { node: x.node, shape: shape.to_vec(), order })
    }

    pub(super) fn expand(&mut self, x: &Value, shape: &[usize]) -> Built<Value> {
        let fits = broadcast(&x.shape, shape).is_some_and(|both| both == shape);
        if !fits || product(shape).is_none() {
            return Err(format!("a tensor of shape {:?} does not broadcast to {shape:?}", x.shape));
        }
        let new = shape.len() - x.shape.len();
        let order: Vec<usize> = (0..new).chain(x.order.iter().map(|&axis| axis + new)).collect();
        Ok(self.expanded(x, shape, &order))
    }

    /// `x` broadcast to a shape, with the axes of the result in the given order.
    pub(super) fn expanded(&mut self, x: &Value, shape: &[usize], order: &[usize]) -> Value {
        let new = shape.len() - x.shape.len();
        let own = x.strides();
        let stride = |axis: usize| match axis.checked_sub(new) {
            Some(old) if x.shape[old] != 1 => own[old].cast_signed(),
            _ => 0,
        };
        let strides: Vec<isize> = (0..shape.len()).map(stride).collect();
        self.view(x, shape, &strides, 0, order)
    }

    pub(super) fn slice(&mut self, x: &Value, axis: usize, [start, length]: [usize; 2], step: isize) -> Built<Value> {
        let size = *x.shape.get(axis).ok_or_else(|| format!("there is no axis {axis} in {:?}", x.shape))?;
        let last = isize::try_from(length).ok().and_then(|n| (n - 1).checked_mul(step));
        let last = last.and_then(|by| start.checked_add_signed(by));
        if length == 0 || step == 0 || start >= size || last.is_none_or(|last| last >= size) {
            return Err(format!("{length} entries from {start} on by {step} are not within {size}"));
        }
        let own = x.strides();
        let mut strides: Vec<isize> = own.iter().map(|s| s.cast_signed()).collect();
        strides[axis] = if length == 1 { 0 } else { strides[axis] * step };
        let mut shape = x.shape.clone();
        shape[axis] = length;
        Ok(self.view(x, &shape, &strides, start * own[axis], &x.order.clone()))
    }

    pub(super) fn concat(&mut self, parts: &[Value], axis: usize) -> Built<Value> {
        let first = parts.first().ok_or("there is nothing to put together")?;
        let mut shape = first.shape.clone();
        if axis >= shape.len() {
            return Err(format!("there is no axis {axis} in {shape:?}"));
        }
        shape[axis] = 0;
        for part in parts {
            let others = |shape: &[usize]| {
                let mut shape = shape.to_vec();
                shape[axis] = 0;
                shape
            };
            if part.shape.len() != shape.len() || others(&part.shape) != others(&shape) {
                return Err(format!("{:?} and {:?} cannot be put together along axis {axis}", first.shape, part.shape));
            }
            shape[axis] += part.shape[axis];
        }
        product(&shape).ok_or("the result is too large")?;
        let order = parts.iter().max_by_key(|part| part.size()).map_or_else(Vec::new, |part| part.order.clone());
        let whole = Value { node: 0, shape: shape.clone(), order: order.clone() };
        let strides = whole.strides();
        let (mut start, mut maps, mut nodes) = (0, Vec::new(), Vec::new());
        for part in parts {
            let x = self.ordered(part, &whole.order);
            let x = self.features(&x);
            let axes: Vec<Axis> =
                whole.order.iter().map(|&a| Axis { size: x.shape[a], stride: strides[a].cast_signed() }).collect();
            let map = LinearMap::view(&axes, start * strides[axis], whole.size());
            maps.push(Mapping { map: Arc::new(map), transposed: true });
            nodes.push(x.node);
            start += part.shape[axis];
        }
        let size = whole.size();
        let node = self.push(Step::Join(Arc::new(Join { parts: maps, size })), nodes, size, size);
        Ok(Value { node, ..whole })
    }

    pub(super) fn pad(&mut self, x: &Value, padding: &[[usize; 2]], mode: PadMode, value: f64) -> Built<Value> {
        if padding.len() != x.shape.len() {
            return Err(format!("`padding` has {} pairs; expected one for each axis of {:?}", padding.len(), x.shape));
        }
        let total = |(&size, [a, b]): (&usize, &[usize; 2])| size.checked_add(*a)?.checked_add(*b);
        let shape: Option<Vec<usize>> = x.shape.iter().zip(padding).map(total).collect();
        let shape = shape.filter(|shape| product(shape).is_some()).ok_or("the result is too large")?;
        if mode == PadMode::Constant {
            let padded = self.padded(x, padding);
            if value == 0.0 {
                return Ok(padded);
            }
            table(&shape)?;
            let inside = self.constant(&x.shape.clone(), vec![1.0; x.size()]);
            let inside = self.padded(&inside, padding);
            let filler = self.constant(&[1], vec![value]);
            return self.choice(&inside, &padded, &filler);
        }
        let mut y = x.clone();
        for (axis, &[before, after]) in padding.iter().enumerate().filter(|(_, p)| **p != [0, 0]) {
            let n = x.shape[axis].cast_signed();
            let place = |i: usize| {
                let i = i.cast_signed() - before.cast_signed();
                let place = match mode {
                    PadMode::Replicate => i.clamp(0, n - 1),
                    PadMode::Circular => i.rem_euclid(n),
                    // 0, 1, ..., n - 1, n - 2, ..., 1 again and again.
                    PadMode::Reflect | PadMode::Constant => {
                        let period = (2 * (n - 1)).max(1);
                        let i = i.rem_euclid(period);
                        if i < n { i } else { period - i }
                    }
                };
                vec![(place.unsigned_abs(), 1.0)]
            };
            if mode == PadMode::Reflect && before.max(after).cast_signed() >= n {
                return Err(format!(
                    "a mirrored padding of {before} and {after} needs an axis that is longer than {n}"
                ));
            }
            table(&[shape[axis]])?;
            let rows = (0..shape[axis]).map(place).collect();
            y = self.along(&y, axis, rows);
        }
        Ok(y)
    }

    /// Zeros put around `x`.
    pub(super) fn padded(&mut self, x: &Value, padding: &[[usize; 2]]) -> Value {
        let shape = x.shape.iter().zip(padding).map(|(size, [a, b])| size + a + b).collect();
        let whole = Value { node: 0, shape, order: x.order.clone() };
        let strides = whole.strides();
        let axes: Vec<Axis> =
            x.order.iter().map(|&a| Axis { size: x.shape[a], stride: strides[a].cast_signed() }).collect();
        let offset = padding.iter().zip(&strides).map(|([before, _], stride)| before * stride).sum();
        let map = LinearMap::view(&axes, offset, whole.size());
        let node = if map.is_identity() { x.node } else { self.mapped(x, map, true) };
        Value { node, ..whole }
    }

    /// A matrix, given by the entries of its rows, applied along an axis.
    pub(super) fn along(&mut self, x: &Value, axis: usize, rows: Vec<Vec<(usize, f64)>>) -> Value {
        let place = x.order.iter().position(|&a| a == axis).unwrap_or(0);
        let size = |axes: &[usize]| axes.iter().map(|&a| x.shape[a]).product();
        let (outer, inner) = (size(&x.order[..place]), size(&x.order[place + 1..]));
        let mut shape = x.shape.clone();
        shape[axis] = rows.len();
        let node = self.mapped(x, sparse(outer, inner, x.shape[axis], rows), false);
        Value { node, shape, order: x.order.clone() }
    }
}

/// A matrix, given by the entries of its rows.
pub(super) fn sparse(outer: usize, inner: usize, columns: usize, rows: Vec<Vec<(usize, f64)>>) -> LinearMap {
    let mut starts = vec![0];
    let mut entries = Vec::new();
    for row in rows {
        entries.extend(row);
        starts.push(entries.len());
    }
    LinearMap::Sparse(Sparse { outer, inner, columns, starts, entries })
}

/// `x` with its axes in another order; in memory nothing moves.
pub(super) fn transposed(x: &Value, permutation: &[usize]) -> Built<Value> {
    let mut place = vec![usize::MAX; x.shape.len()];
    for (new, &old) in permutation.iter().enumerate() {
        match place.get_mut(old) {
            Some(place) if *place == usize::MAX => *place = new,
            _ => return Err(format!("{permutation:?} is no permutation of the axes of {:?}", x.shape)),
        }
    }
    if permutation.len() != x.shape.len() {
        return Err(format!("{permutation:?} is no permutation of the axes of {:?}", x.shape));
    }
    let shape = permutation.iter().map(|&old| x.shape[old]).collect();
    let order = x.order.iter().map(|&old| place[old]).collect();
    Ok(Value { node: x.node, shape, order })
}

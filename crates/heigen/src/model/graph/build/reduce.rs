//! One number made of many: sums, means, extremes along axes.

use super::super::linear_map::{Axis, LinearMap};
use super::super::regions::Regions;
use super::super::softmax::Kind;
use super::super::step::Step;
use super::shapes::transposed;
use super::value::Value;
use super::{Built, Lowering, table};
use crate::model::Smooth;
use crate::vocabulary::graph::Reduction;
use std::sync::Arc;

/// The largest number of factors of a product.
const FACTORS: usize = 64;

impl Lowering<'_> {
    pub(super) fn reduce(&mut self, x: &Value, reduction: Reduction, axes: &[usize], keep: bool) -> Built<Value> {
        let rank = x.shape.len();
        if axes.iter().any(|&axis| axis >= rank) || (1..axes.len()).any(|i| axes[..i].contains(&axes[i])) {
            return Err(format!("the axes {axes:?} of a tensor of shape {:?}", x.shape));
        }
        let count: usize = axes.iter().map(|&axis| x.shape[axis]).product();
        let y = match reduction {
            Reduction::Sum => self.summed(x, axes),
            Reduction::Mean => {
                let sum = self.summed(x, axes);
                self.scaled(&sum, 1.0 / count as f64, 0.0)
            }
            Reduction::L2 => {
                let square = self.multiply(x, x)?;
                let sum = self.summed(&square, axes);
                self.smooth(&sum, Smooth::Sqrt)
            }
            Reduction::Max | Reduction::Min => {
                table(&[count])?;
                if reduction == Reduction::Max {
                    let largest = self.largest(x, axes);
                    return self.without(&largest, axes, keep);
                }
                let minus = self.negate(x);
                let largest = self.largest(&minus, axes);
                self.negate(&largest)
            }
            Reduction::LogSumExp => {
                table(&[count])?;
                let (last, shape) = self.with_axes_last(x, axes)?;
                let last = self.canonical(&last);
                let log = self.softmax(&last, last.shape.len() - 1, Kind::Logarithms)?;
                let minus = self.negate(&log);
                let sums = self.add(&last, &minus)?;
                // x - log(softmax(x)) is the same for all entries that are not -inf, as the largest one is.
                let outer = x.size() / count;
                let (starts, members) = (vec![0, count], (0..count).collect());
                let regions = Regions { outer, inner: 1, length: count, starts, members };
                let step = Step::ChooseBy(Arc::new(regions));
                let node = self.push(step, vec![sums.node, last.node], outer, outer);
                self.reshape(&Value::new(node, &last.shape[..last.shape.len() - 1]), &shape)?
            }
            Reduction::Prod => {
                if count > FACTORS {
                    return Err(format!("a product of {count} numbers; expected at most {FACTORS}"));
                }
                let (last, shape) = self.with_axes_last(x, axes)?;
                let axis = last.shape.len() - 1;
                let mut product = self.slice(&last, axis, [0, 1], 1)?;
                for i in 1..count {
                    let factor = self.slice(&last, axis, [i, 1], 1)?;
                    product = self.multiply(&product, &factor)?;
                }
                self.reshape(&product, &shape)?
            }
        };
        self.without(&y, axes, keep)
    }

    /// `x` without axes of size 1, unless they are kept.
    fn without(&mut self, x: &Value, axes: &[usize], keep: bool) -> Built<Value> {
        if keep {
            return Ok(x.clone());
        }
        let others = (0..x.shape.len()).filter(|axis| !axes.contains(axis));
        let shape: Vec<usize> = others.map(|axis| x.shape[axis]).collect();
        self.reshape(x, &shape)
    }

    /// The sums along axes, which stay with size 1.
    fn summed(&mut self, x: &Value, axes: &[usize]) -> Value {
        let mut shape = x.shape.clone();
        axes.iter().for_each(|&axis| shape[axis] = 1);
        let y = Value { node: 0, shape, order: x.order.clone() };
        let strides = y.strides();
        let stride = |axis: usize| if axes.contains(&axis) { 0 } else { strides[axis].cast_signed() };
        let all: Vec<Axis> = x.order.iter().map(|&axis| Axis { size: x.shape[axis], stride: stride(axis) }).collect();
        let map = LinearMap::view(&all, 0, y.size());
        let node = if map.is_identity() { x.node } else { self.mapped(x, map, true) };
        Value { node, ..y }
    }

    /// The largest entries along axes, which stay with size 1.
    fn largest(&mut self, x: &Value, axes: &[usize]) -> Value {
        let mut order: Vec<usize> = (0..x.shape.len()).filter(|axis| !axes.contains(axis)).collect();
        let outer = order.iter().map(|&axis| x.shape[axis]).product();
        let mut reduced = axes.to_vec();
        reduced.sort_unstable();
        order.extend(&reduced);
        let length: usize = axes.iter().map(|&axis| x.shape[axis]).product();
        let x = self.ordered(x, &order);
        let regions = Regions { outer, inner: 1, length, starts: vec![0, length], members: (0..length).collect() };
        let mut y = self.chosen(&x, regions);
        y.shape.clone_from(&x.shape);
        axes.iter().for_each(|&axis| y.shape[axis] = 1);
        y.order = order;
        y
    }

    /// The largest entries of regions of the numbers as they lie; shape and order are the caller's to say.
    pub(super) fn chosen(&mut self, x: &Value, regions: Regions) -> Value {
        let x = self.features(x);
        let size = regions.lengths().1;
        let node = self.push(Step::Choose(Arc::new(regions)), vec![x.node], size, size);
        Value { node, ..x }
    }

    /// The tensor with some of its axes put together as the last one, and the shape that it has when that one is 1 in their
    /// places.
    fn with_axes_last(&mut self, x: &Value, axes: &[usize]) -> Built<(Value, Vec<usize>)> {
        let mut order: Vec<usize> = (0..x.shape.len()).filter(|axis| !axes.contains(axis)).collect();
        let mut shape: Vec<usize> = order.iter().map(|&axis| x.shape[axis]).collect();
        shape.push(axes.iter().map(|&axis| x.shape[axis]).product());
        order.extend(axes);
        let moved = transposed(x, &order)?;
        let last = self.reshape(&moved, &shape)?;
        let mut kept = x.shape.clone();
        axes.iter().for_each(|&axis| kept[axis] = 1);
        Ok((last, kept))
    }

    pub(super) fn cumsum(&mut self, x: &Value, axis: usize) -> Built<Value> {
        let size = *x.shape.get(axis).ok_or_else(|| format!("there is no axis {axis} in {:?}", x.shape))?;
        table(&[size, size])?;
        let rows = (0..size).map(|i| (0..=i).map(|j| (j, 1.0)).collect()).collect();
        Ok(self.along(x, axis, rows))
    }
}

//! Tensors of a file's graph: a shape, and the order in which its axes lie in memory.

use super::super::linear_map::{Axis, LinearMap, Mapping};
use super::super::step::Step;
use super::Lowering;
use std::sync::Arc;

/// A tensor: the node that makes its numbers, its shape, and which axis is where in memory.
#[derive(Clone, Debug)]
pub(super) struct Value {
    pub(super) node: usize,
    pub(super) shape: Vec<usize>,
    /// The axes in the order in which they lie in memory, the outermost one first.
    pub(super) order: Vec<usize>,
}

impl Value {
    /// A tensor that lies row-major.
    pub(super) fn new(node: usize, shape: &[usize]) -> Self {
        Self { node, shape: shape.to_vec(), order: (0..shape.len()).collect() }
    }

    /// Number of numbers.
    pub(super) fn size(&self) -> usize {
        self.shape.iter().product()
    }

    /// For every axis the distance of neighbouring entries.
    pub(super) fn strides(&self) -> Vec<usize> {
        let mut strides = vec![0; self.shape.len()];
        let mut own = 1;
        for &axis in self.order.iter().rev() {
            strides[axis] = own;
            own *= self.shape[axis];
        }
        strides
    }

    /// Whether its numbers lie row-major.
    pub(super) fn is_in_order(&self) -> bool {
        self.lies_as(&(0..self.shape.len()).collect::<Vec<_>>())
    }

    /// Whether its axes lie in this order; axes of size 1 lie anywhere.
    pub(super) fn lies_as(&self, order: &[usize]) -> bool {
        let long = |order: &[usize]| order.iter().copied().filter(|&a| self.shape[a] != 1).collect::<Vec<_>>();
        long(&self.order) == long(order)
    }
}

impl Lowering<'_> {
    /// The tensor `x` in columns of `rows` numbers.
    pub(super) fn in_rows(&mut self, x: &Value, rows: usize) -> Value {
        let mut y = x.clone();
        if self.nodes[x.node].rows != rows {
            y.node = self.push(Step::Regroup, vec![x.node], x.size(), rows);
        }
        y
    }

    /// The tensor `x` with one column for each sample.
    pub(super) fn features(&mut self, x: &Value) -> Value {
        self.in_rows(x, x.size())
    }

    /// A tensor whose entry of index (i, j, ...) is that of `x` at `offset + i strides[0] + ...`, its axes in the given order.
    pub(super) fn view(
        &mut self,
        x: &Value,
        shape: &[usize],
        strides: &[isize],
        offset: usize,
        order: &[usize],
    ) -> Value {
        let axes: Vec<Axis> = order.iter().map(|&a| Axis { size: shape[a], stride: strides[a] }).collect();
        let map = LinearMap::view(&axes, offset, x.size());
        let mut y = Value { node: x.node, shape: shape.to_vec(), order: order.to_vec() };
        if !map.is_identity() {
            y.node = self.mapped(x, map, false);
        }
        y
    }

    /// The node that applies a linear map, or its transposed map, to the numbers of `x` as they lie.
    pub(super) fn mapped(&mut self, x: &Value, map: LinearMap, transposed: bool) -> usize {
        let x = self.features(x);
        let map = Mapping { map: Arc::new(map), transposed };
        let size = map.lengths().1;
        self.push(Step::Map(map), vec![x.node], size, size)
    }

    /// The tensor `x` with its axes in the given order in memory.
    pub(super) fn ordered(&mut self, x: &Value, order: &[usize]) -> Value {
        if x.lies_as(order) {
            return Value { order: order.to_vec(), ..x.clone() };
        }
        let strides: Vec<isize> = x.strides().into_iter().map(usize::cast_signed).collect();
        self.view(x, &x.shape.clone(), &strides, 0, order)
    }

    /// The tensor `x`, row-major and with one column for each sample.
    pub(super) fn canonical(&mut self, x: &Value) -> Value {
        let order: Vec<usize> = (0..x.shape.len()).collect();
        let x = self.ordered(x, &order);
        self.features(&x)
    }
}

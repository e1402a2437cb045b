//! Products of tensors.

use super::super::contraction::{Contraction, Extent};
use super::super::softmax::Kind;
use super::super::step::Step;
use super::value::Value;
use super::{Built, Lowering, product, table};
use crate::model::{Layer, Linear, Shape, Window};
use std::sync::Arc;

impl Lowering<'_> {
    /// x W^T + b over the last axis.
    pub(super) fn linear(&mut self, x: &Value, weight: &Value, bias: Option<&Value>) -> Built<Value> {
        let (&[outputs, inputs], Some(&own)) = (&weight.shape[..], x.shape.last()) else {
            return Err(format!("a weight of shape {:?} for a tensor of shape {:?}", weight.shape, x.shape));
        };
        if own != inputs {
            return Err(format!("a weight of shape {:?} for a tensor of shape {:?}", weight.shape, x.shape));
        }
        if bias.is_some_and(|bias| bias.size() != outputs) {
            return Err(format!("the bias has not {outputs} numbers"));
        }
        let last = x.shape.len() - 1;
        let place = self.parameter(weight);
        let own_bias = bias.map(|bias| self.parameter(bias));
        if let (Some(weight), false, false) = (place, self.nodes[x.node].shared, own_bias == Some(None)) {
            let mut order: Vec<usize> = x.order.iter().copied().filter(|&axis| axis != last).collect();
            order.push(last);
            let x = self.ordered(x, &order);
            let x = self.in_rows(&x, inputs);
            let positions = x.size() / inputs;
            let shape = Shape { channels: inputs, height: positions, width: 1 };
            let window = if positions == 1 { None } else { Window::new(shape, 1, 1, 0) };
            let layer = Layer::Linear(Linear { weight, bias: own_bias.flatten(), outputs, window, ordered: false });
            let mut y = x.clone();
            y.shape[last] = outputs;
            product(&y.shape).ok_or("the result is too large")?;
            y.node = self.push(Step::Layer(Box::new(layer)), vec![x.node], y.size(), outputs);
            return Ok(y);
        }
        let axes: Vec<usize> = (0..=last).collect();
        let mut out = axes.clone();
        out[last] = last + 1;
        let y = self.contracted([x, weight], [&axes, &[last + 1, last]], &out)?;
        match bias {
            Some(bias) => self.add(&y, bias),
            None => Ok(y),
        }
    }

    /// The matrix product, with broadcasting of the leading axes.
    pub(super) fn matmul(&mut self, a: &Value, b: &Value) -> Built<Value> {
        let wrong = || format!("shapes {:?} and {:?}", a.shape, b.shape);
        let (rank_a, rank_b) = (a.shape.len(), b.shape.len());
        if rank_a == 0 || rank_b == 0 {
            return Err(wrong());
        }
        let (left, right) = (rank_a.saturating_sub(2), rank_b.saturating_sub(2));
        let leading = left.max(right);
        // Labels: the leading axes, then rows, inner and columns.
        let (rows, inner, columns) = (leading, leading + 1, leading + 2);
        let mut of_a: Vec<usize> = (leading - left..leading).collect();
        let mut of_b: Vec<usize> = (leading - right..leading).collect();
        let mut out: Vec<usize> = (0..leading).collect();
        if rank_a > 1 {
            of_a.push(rows);
            out.push(rows);
        }
        of_a.push(inner);
        of_b.push(inner);
        if rank_b > 1 {
            of_b.push(columns);
            out.push(columns);
        }
        self.contracted([a, b], [&of_a, &of_b], &out).map_err(|_| wrong())
    }

    /// A sum over products by Einstein's convention.
    pub(super) fn einsum(&mut self, equation: &str, inputs: &[Value]) -> Built<Value> {
        let text: String = equation.chars().filter(|c| !c.is_whitespace()).collect();
        let wrong = || format!("the equation {equation} is not one of {} tensors with all axes named", inputs.len());
        let (from, to) = text.split_once("->").ok_or_else(wrong)?;
        let labels = |part: &str| -> Option<Vec<usize>> {
            part.chars().map(|c| c.is_ascii_alphabetic().then_some(c as usize)).collect()
        };
        let parts: Option<Vec<Vec<usize>>> = from.split(',').map(labels).collect();
        let (parts, out) = parts.zip(labels(to)).ok_or_else(wrong)?;
        match (&parts[..], inputs) {
            ([a, b], [x, y]) => self.contracted([x, y], [a, b], &out),
            ([a], [x]) => {
                let one = self.constant(&[], vec![1.0]);
                self.contracted([x, &one], [a, &[]], &out)
            }
            _ => Err(wrong()),
        }
    }

    /// The sum of products of two tensors over all labels that the output does not have. An axis of size 1 is broadcast.
    pub(super) fn contracted(&mut self, x: [&Value; 2], labels: [&[usize]; 2], out: &[usize]) -> Built<Value> {
        let wrong = || format!("shapes {:?} and {:?}", x[0].shape, x[1].shape);
        if (0..2).any(|i| x[i].shape.len() != labels[i].len()) {
            return Err(wrong());
        }
        let mut extents: Vec<(usize, Extent)> = Vec::new();
        for (i, labels) in labels.into_iter().enumerate() {
            let strides = x[i].strides();
            for (axis, &label) in labels.iter().enumerate() {
                let (size, stride) = (x[i].shape[axis], if x[i].shape[axis] == 1 { 0 } else { strides[axis] });
                let at = extents.iter().position(|&(own, _)| own == label).unwrap_or_else(|| {
                    extents.push((label, Extent { size: 1, a: 0, b: 0, c: 0 }));
                    extents.len() - 1
                });
                let extent = &mut extents[at].1;
                if extent.size != 1 && size != 1 && extent.size != size {
                    return Err(wrong());
                }
                extent.size = extent.size.max(size);
                *(if i == 0 { &mut extent.a } else { &mut extent.b }) += stride;
            }
        }
        let mut shape = Vec::with_capacity(out.len());
        for label in out {
            shape.push(extents.iter().find(|(own, _)| own == label).ok_or_else(wrong)?.1.size);
        }
        let size = product(&shape).ok_or("the result is too large")?;
        let mut stride = 1;
        for (label, &own) in out.iter().zip(&shape).rev() {
            if let Some((_, extent)) = extents.iter_mut().find(|(l, _)| l == label) {
                if extent.c != 0 {
                    return Err(wrong());
                }
                extent.c = if own == 1 { 0 } else { stride };
            }
            stride *= own;
        }
        let lengths = [x[0].size(), x[1].size(), size];
        let map = Contraction { extents: extents.into_iter().map(|(_, extent)| extent).collect(), lengths };
        let (a, b) = (self.features(x[0]), self.features(x[1]));
        let node = self.push(Step::Contract(Arc::new(map)), vec![a.node, b.node], size, size);
        Ok(Value::new(node, &shape))
    }

    /// softmax(Q K^T scale + mask) V over the last two axes.
    pub(super) fn attention(
        &mut self,
        [query, key, value]: [&Value; 3],
        mask: Option<&Value>,
        is_causal: bool,
        scale: Option<f64>,
        grouped: bool,
    ) -> Built<Value> {
        let rank = query.shape.len();
        let wrong =
            || format!("query {:?}, key {:?}, value {:?}: they do not fit", query.shape, key.shape, value.shape);
        if rank < 2 || key.shape.len() != rank || value.shape.len() != rank {
            return Err(wrong());
        }
        let (mut key, mut value) = (key.clone(), value.clone());
        if grouped && rank > 2 && key.shape[rank - 3] != query.shape[rank - 3] {
            key = self.repeated(&key, query.shape[rank - 3]).ok_or_else(wrong)?;
            value = self.repeated(&value, query.shape[rank - 3]).ok_or_else(wrong)?;
        }
        let (length, width, keys) = (query.shape[rank - 2], query.shape[rank - 1], key.shape[rank - 2]);
        let scale = scale.unwrap_or_else(|| 1.0 / (width as f64).sqrt());
        let query = self.scaled(query, scale, 0.0);
        let leading: Vec<usize> = (0..rank - 2).collect();
        let labels = |a: usize, b: usize| [&leading[..], &[a, b]].concat();
        let (q, k, e, v) = (rank, rank + 1, rank + 2, rank + 3);
        let mut scores = self.contracted([&query, &key], [&labels(q, e), &labels(k, e)], &labels(q, k))?;
        if is_causal {
            table(&[length, keys])?;
            let sees = |i: usize| if i % keys > i / keys { f64::NEG_INFINITY } else { 0.0 };
            let causal = self.constant(&[length, keys], (0..length * keys).map(sees).collect());
            scores = self.add(&scores, &causal)?;
        }
        if let Some(mask) = mask {
            scores = self.add(&scores, mask)?;
        }
        let weights = self.softmax(&scores, rank - 1, Kind::Weights)?;
        self.contracted([&weights, &value], [&labels(q, k), &labels(k, v)], &labels(q, v)).map_err(|_| wrong())
    }

    /// Each head of a key or value several times in a row, so that there are `heads` of them.
    fn repeated(&mut self, x: &Value, heads: usize) -> Option<Value> {
        let axis = x.shape.len() - 3;
        let own = x.shape[axis];
        if !heads.is_multiple_of(own) {
            return None;
        }
        let mut shape = x.shape.clone();
        shape.insert(axis + 1, 1);
        let apart = self.reshape(x, &shape).ok()?;
        shape[axis + 1] = heads / own;
        let apart = self.expand(&apart, &shape).ok()?;
        shape.remove(axis + 1);
        shape[axis] = heads;
        self.reshape(&apart, &shape).ok()
    }
}

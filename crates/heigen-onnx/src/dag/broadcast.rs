//! Operations on several tensors with broadcasting, of which some may not depend on the samples.

use super::value::{Made, Place, Value};
use super::{Reader, Recipe, mixes};
use crate::error::OnnxError;
use crate::graph::Node;
use crate::shapes::broadcast;
use crate::strided::{read, strides};
use crate::tensor::Tensor;
use heigen::vocabulary::Op;

/// The place of the samples in the result of an operation on `values`, which has the shape `shape`.
pub(super) fn common_place(node: &Node, shape: &[usize], values: &[Value]) -> Result<Option<Place>, OnnxError> {
    let mut found: Option<Place> = None;
    for value in values {
        let Some(place) = value.place() else { continue };
        let place = place.at(place.axis + shape.len() - value.shape().len());
        if found.is_some_and(|found| found != place) {
            return Err(mixes(node));
        }
        found = Some(place);
    }
    Ok(found)
}

impl Reader<'_> {
    /// An operation on several tensors, entry by entry.
    pub(super) fn combined(&mut self, node: &Node, op: &Op, values: Vec<Value>) -> Result<Made, OnnxError> {
        let shape = values.iter().try_fold(vec![], |shape, value| broadcast(&shape, value.shape()));
        let shape = shape.ok_or_else(|| {
            let shapes: Vec<String> = values.iter().map(|value| self.shown(value.shape(), value.place())).collect();
            node.error(format!("it takes tensors of {}, which do not fit each other", shapes.join(" and ")))
        })?;
        let place = common_place(node, &shape, &values)?;
        let kept = values.clone();
        let mut inputs = Vec::with_capacity(values.len());
        for value in values {
            let value = self.for_one(node, value, &shape, place)?;
            inputs.push(self.written_value(node, &value)?);
        }
        let inputs: Vec<&Made> = inputs.iter().collect();
        let made = self.push(node, op.clone(), &inputs, shape, place)?;
        if place.is_none() && self.batch > 1 {
            self.recipes.insert(made.name.clone(), Recipe::Entrywise(op.clone(), kept));
        }
        Ok(made)
    }

    /// A value as a tensor of the graph.
    pub(super) fn written_value(&mut self, node: &Node, value: &Value) -> Result<Made, OnnxError> {
        match value {
            Value::Made(made) => Ok(made.clone()),
            Value::Constant(tensor) => {
                let known = node.inputs.iter().flatten().find_map(|id| {
                    let same = matches!(self.values.get(id), Some(Ok(Value::Constant(known))) if
                        std::rc::Rc::ptr_eq(&known.values, &tensor.values) && known.shape == tensor.shape);
                    same.then_some(*id)
                });
                if let Some(made) = known.and_then(|id| self.written.get(&id)) {
                    return Ok(made.clone());
                }
                let name = known.map_or("constant", |id| self.graph.values[id].as_str());
                let made = self.constant(tensor, name, node)?;
                self.written.extend(known.map(|id| (id, made.clone())));
                Ok(made)
            }
        }
    }

    /// A value that meets samples in a result of `shape`: if it has something for each of them, the first is taken, provided
    /// that all are alike.
    pub(super) fn for_one(
        &mut self,
        node: &Node,
        value: Value,
        shape: &[usize],
        place: Option<Place>,
    ) -> Result<Value, OnnxError> {
        let Some(place) = place.filter(|_| value.place().is_none()) else { return Ok(value) };
        let Some(axis) = (place.axis + value.shape().len()).checked_sub(shape.len()) else { return Ok(value) };
        if value.shape()[axis] == 1 {
            return Ok(value);
        }
        self.first(node, &value, place.at(axis), 0)
    }

    /// The entries for the first sample along an axis, of a value that does not depend on samples, if those of all are alike.
    pub(super) fn first(&mut self, node: &Node, value: &Value, place: Place, depth: usize) -> Result<Value, OnnxError> {
        const DEEPEST: usize = 16;
        let differ = || {
            node.error(
                "it combines the samples of a batch with something that differs from sample to sample; expected the same for \
                 all: export the model for a batch of one sample",
            )
        };
        let batch = self.batch;
        match value {
            Value::Constant(tensor) => first_of_constant(tensor, place, batch).map(Value::Constant).ok_or_else(differ),
            Value::Made(made) => {
                let recipe = self.recipes.get(&made.name).cloned().filter(|_| depth < DEEPEST).ok_or_else(differ)?;
                let mut shape = made.shape.clone();
                shape[place.axis] /= batch;
                let made = match recipe {
                    Recipe::Expand(from) => {
                        let own = (place.axis + from.shape.len()).checked_sub(made.shape.len());
                        let own = own.filter(|&own| from.shape[own] != 1);
                        if own.is_some() {
                            return Err(differ());
                        }
                        let op = Op::Expand { shape: shape.clone() };
                        self.push(node, op, &[&from], shape, None)?
                    }
                    Recipe::Gather { table, indices, axis } => {
                        let within = place.axis.checked_sub(axis).filter(|&within| within < indices.shape.len());
                        let within = within.ok_or_else(differ)?;
                        let first = first_of_constant(&indices, place.at(within), batch).ok_or_else(differ)?;
                        let first = self.constant(&first, "indices", node)?;
                        self.push(node, Op::Gather { axis }, &[&table, &first], shape, None)?
                    }
                    Recipe::Entrywise(op, values) => {
                        let rank = made.shape.len();
                        let mut inputs = Vec::new();
                        for value in values {
                            let axis = (place.axis + value.shape().len()).checked_sub(rank);
                            let value = match axis {
                                Some(axis) if value.shape()[axis] != 1 => {
                                    self.first(node, &value, place.at(axis), depth + 1)?
                                }
                                _ => value,
                            };
                            inputs.push(self.written_value(node, &value)?);
                        }
                        let inputs: Vec<&Made> = inputs.iter().collect();
                        self.push(node, op, &inputs, shape, None)?
                    }
                };
                Ok(Value::Made(made))
            }
        }
    }
}

/// The part of a constant for the first sample, if all samples have the same.
fn first_of_constant(tensor: &Tensor, place: Place, batch: usize) -> Option<Tensor> {
    let size = tensor.shape[place.axis];
    let inner = size.checked_div(place.before * batch).filter(|inner| inner * place.before * batch == size)?;
    // The axis as three: before, samples, after.
    let mut shape = tensor.shape.clone();
    shape.splice(place.axis..=place.axis, [place.before, batch, inner]);
    let mut of_one = shape.clone();
    of_one[place.axis + 1] = 1;
    let own: Vec<isize> = strides(&shape).iter().map(|&n| n as isize).collect();
    let sample = strides(&shape)[place.axis + 1];
    let values = read(&tensor.values, &of_one, &own, 0);
    let same = |i: usize| {
        let other = read(&tensor.values, &of_one, &own, i * sample);
        other.iter().zip(&values).all(|(a, b)| a.to_bits() == b.to_bits())
    };
    if !(1..batch).all(same) {
        return None;
    }
    let mut shape = tensor.shape.clone();
    shape[place.axis] = size / batch;
    Some(Tensor { shape, values: values.into(), ..tensor.clone() })
}

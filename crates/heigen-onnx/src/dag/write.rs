//! The graph that is written: names, nodes, parameters and constants.

use super::parameters::Parameters;
use crate::error::OnnxError;
use crate::graph::{Graph, ValueId};
use crate::tensor::{Precision, Tensor};
use heigen::vocabulary::graph::Comparison;
use heigen::vocabulary::{GraphSpec, NodeSpec, Op, TensorSpec};
use heigen_formats::NamedTensor;
use std::collections::{HashMap, HashSet};

/// Constants of at most so many numbers stand in the graph itself.
const INLINE: usize = 64;

/// A tensor of the weights.
pub(super) struct Stored {
    pub(super) tensor: NamedTensor<f64>,
    pub(super) precision: Precision,
}

#[derive(Default)]
pub(super) struct Writer {
    names: HashSet<String>,
    nodes: Vec<NodeSpec>,
    /// Parameters with the initializers that they are and their place among several of one initializer.
    parameters: Vec<(ValueId, usize, Stored)>,
    buffers: Vec<Stored>,
    /// Initializers of buffers that have been written.
    stored: HashMap<ValueId, String>,
}

/// The graph and its tensors, parameters before buffers.
pub(super) struct Written {
    pub(super) spec: GraphSpec,
    pub(super) stored: Vec<Stored>,
}

impl Writer {
    /// A name that no other tensor of the graph has.
    fn unique(&mut self, wanted: &str) -> String {
        const LONGEST: usize = 120;
        let plain = |c: char| if c.is_control() || c.is_whitespace() { '_' } else { c };
        let mut name: String = wanted.chars().take(LONGEST).map(plain).collect();
        if name.is_empty() {
            name.push('t');
        }
        if name == GraphSpec::INPUT || self.names.contains(&name) {
            let numbered = (2..).map(|i| format!("{name}_{i}"));
            name = numbered.into_iter().find(|name| !self.names.contains(name)).unwrap_or(name);
        }
        self.names.insert(name.clone());
        name
    }

    pub(super) fn node(&mut self, wanted: &str, op: Op, inputs: Vec<String>) -> String {
        let id = self.unique(wanted);
        self.nodes.push(NodeSpec { id: id.clone(), op, inputs });
        id
    }

    /// The node that makes a tensor.
    pub(super) fn maker(&self, name: &str) -> Option<&NodeSpec> {
        self.nodes.iter().rev().find(|node| node.id == name)
    }

    /// Takes a parameter in.
    pub(super) fn parameter(
        &mut self,
        graph: &Graph,
        parameters: &Parameters,
        id: ValueId,
        tensor: &Tensor,
    ) -> Result<String, OnnxError> {
        let wanted = parameters.names.get(&id).map_or(graph.values[id].as_str(), String::as_str);
        self.declare(id, wanted, tensor)
    }

    /// Takes a parameter in under a name of its own.
    pub(super) fn declare(&mut self, id: ValueId, wanted: &str, tensor: &Tensor) -> Result<String, OnnxError> {
        let name = self.unique(wanted);
        if let Some(value) = tensor.values.iter().find(|v| !v.is_finite()) {
            return Err(OnnxError::Tensor { name, problem: format!("it holds {value}; expected finite numbers") });
        }
        if tensor.values.is_empty() {
            return Err(OnnxError::Tensor { name, problem: "it is a parameter without numbers".to_owned() });
        }
        let copies = self.parameters.iter().filter(|(other, ..)| *other == id).count();
        self.parameters.push((id, copies, stored(&name, tensor)));
        Ok(name)
    }

    /// The numbers of a parameter.
    pub(super) fn numbers(&self, name: &str) -> Option<&[f64]> {
        let found = self.parameters.iter().find(|(_, _, stored)| stored.tensor.name == name)?;
        Some(&found.2.tensor.values)
    }

    /// Takes a tensor in that is not trained and lies in the weights whatever its size.
    pub(super) fn statistics(&mut self, id: Option<ValueId>, wanted: &str, tensor: &Tensor) -> String {
        if let Some(name) = id.and_then(|id| self.stored.get(&id)) {
            return name.clone();
        }
        let name = self.unique(wanted);
        self.buffers.push(stored(&name, tensor));
        self.stored.extend(id.map(|id| (id, name.clone())));
        name
    }

    /// Writes a constant: into the graph if it is short, or else into the weights.
    pub(super) fn constant(&mut self, tensor: &Tensor, wanted: &str) -> String {
        let first = tensor.values.first().copied().unwrap_or_default();
        let alike = tensor.values.iter().all(|v| v.to_bits() == first.to_bits());
        let inline = |values: Vec<f64>| Op::Constant { shape: tensor.shape.clone(), values };
        if alike && !first.is_nan() {
            return self.node(wanted, inline(vec![first]), vec![]);
        }
        if tensor.values.len() <= INLINE && !tensor.values.iter().any(|v| v.is_nan()) {
            return self.node(wanted, inline(tensor.values.to_vec()), vec![]);
        }
        if !tensor.values.iter().any(|v| v.is_nan()) {
            return self.statistics(None, wanted, tensor);
        }
        // What the weights hold are numbers: a table in which some are none is put together.
        let without = |v: &f64| if v.is_nan() { 0.0 } else { *v };
        let numbers: Vec<f64> = tensor.values.iter().map(without).collect();
        let made = self.constant(&Tensor { values: numbers.into(), ..tensor.clone() }, &format!("{wanted}/numbers"));
        let at: Vec<f64> = tensor.values.iter().map(|v| f64::from(u8::from(v.is_nan()))).collect();
        let at = self.constant(&Tensor { values: at.into(), ..tensor.clone() }, &format!("{wanted}/none"));
        let none = Op::Constant { shape: vec![], values: vec![f64::NAN] };
        let none = self.node(&format!("{wanted}/nan"), none, vec![]);
        self.node(wanted, Op::Where, vec![at, none, made])
    }

    /// The graph that makes the tensor `output`, without what it does not need.
    pub(super) fn finish(self, graph: &Graph, input_shape: Vec<usize>, output: &str) -> Written {
        let mut needed: HashSet<&str> = HashSet::from([output]);
        let mut kept = vec![false; self.nodes.len()];
        for (i, node) in self.nodes.iter().enumerate().rev() {
            if needed.contains(node.id.as_str()) {
                kept[i] = true;
                needed.extend(node.inputs.iter().map(String::as_str));
            }
        }
        let place: HashMap<ValueId, usize> =
            graph.initializer_order.iter().enumerate().map(|(i, &id)| (id, i)).collect();
        let used = |stored: &Stored| needed.contains(stored.tensor.name.as_str());
        let mut parameters: Vec<_> = self.parameters.into_iter().filter(|(_, _, stored)| used(stored)).collect();
        parameters.sort_by_key(|(id, copy, _)| (place.get(id).copied().unwrap_or(usize::MAX), *copy));
        let parameters: Vec<Stored> = parameters.into_iter().map(|(_, _, stored)| stored).collect();
        let buffers: Vec<Stored> = self.buffers.into_iter().filter(used).collect();
        let spec =
            |stored: &Stored| TensorSpec { name: stored.tensor.name.clone(), shape: stored.tensor.shape.clone() };
        let spec = GraphSpec {
            input_shape,
            parameters: parameters.iter().map(spec).collect(),
            buffers: buffers.iter().map(spec).collect(),
            nodes: vec![],
            output: output.to_owned(),
        };
        let nodes = self.nodes.into_iter().zip(kept).filter(|(_, kept)| *kept).map(|(node, _)| node).collect();
        let stored = parameters.into_iter().chain(buffers).collect();
        Written { spec: GraphSpec { nodes, ..spec }, stored }
    }
}

fn stored(name: &str, tensor: &Tensor) -> Stored {
    let tensor_of = NamedTensor { name: name.to_owned(), shape: tensor.shape.clone(), values: tensor.values.to_vec() };
    Stored { tensor: tensor_of, precision: tensor.precision }
}

/// The comparison that an operator makes.
pub(super) fn comparison(operator: &str) -> Option<Comparison> {
    Some(match operator {
        "Equal" => Comparison::Equal,
        "Greater" => Comparison::Greater,
        "GreaterOrEqual" => Comparison::GreaterEqual,
        "Less" => Comparison::Less,
        "LessOrEqual" => Comparison::LessEqual,
        _ => return None,
    })
}

//! Parameters of layers: whose they are, and whether they are those that were trained.

use super::Reader;
use super::value::{Made, Value};
use crate::error::OnnxError;
use crate::graph::Node;
use crate::hints::Role;
use crate::provenance::Weighted;
use crate::tensor::Tensor;

impl Reader<'_> {
    /// The bias of a layer, input `i`; zeros that the exporter made are none.
    pub(super) fn bias(&mut self, node: &Node, i: usize) -> Result<Option<Made>, OnnxError> {
        if let Some(id) = node.input(i)
            && let Value::Constant(bias) = self.value(id)?
            && bias.values.iter().all(|&b| b == 0.0)
            && self.graph.role(self.graph.initializers.contains_key(&id).then_some(id)) == Role::Made
        {
            return Ok(None);
        }
        self.own(node, i)
    }

    /// Factor or summand of a layer, input `i`. Exporters write tensors of equal numbers once: one whose numbers are all the
    /// same is a parameter of each layer that uses it.
    pub(super) fn own(&mut self, node: &Node, i: usize) -> Result<Option<Made>, OnnxError> {
        let Some(id) = node.input(i) else { return Ok(None) };
        let Some(made) = self.optional(node, i)? else { return Ok(None) };
        if !self.parameters.contains(id) {
            return Ok(Some(made));
        }
        let first = *self.owners.entry(id).or_insert(node.id);
        let constant = self.writer.numbers(&made.name).is_some_and(|v| v.len() > 1 && v.iter().all(|x| *x == v[0]));
        if first == node.id || !constant {
            return Ok(Some(made));
        }
        let proto = self.graph.initializers.get(&id).ok_or_else(|| node.error("its parameter is lost"))?;
        let tensor = Tensor::decode(proto, &self.graph.values[id], &mut self.budget)?;
        let number = tensor.values.first().copied().unwrap_or_default();
        let wanted = self.name_beside(node, i);
        let name = self.writer.declare(id, &wanted, &tensor)?;
        self.provenance.merged(&[name.clone(), made.name.clone()], number);
        Ok(Some(Made { name, ..made }))
    }

    /// A name for input `i` of a node after that of its weight or bias, or else after the node's.
    fn name_beside(&self, node: &Node, i: usize) -> String {
        let normalizes = node.operator.ends_with("Normalization");
        let part = if i == 1 { "weight" } else { "bias" };
        let others = if normalizes { 1..3 } else { 1..2 };
        let mut names = others.filter(|&other| other != i).filter_map(|other| node.input(other));
        let prefix = names.find_map(|id| {
            let name = self.parameters.names.get(&id).unwrap_or(&self.graph.values[id]);
            let free = self.owners.get(&id).is_none_or(|owner| *owner == node.id);
            name.strip_suffix(".weight").or(name.strip_suffix(".bias")).filter(|_| free).map(str::to_owned)
        });
        format!("{}.{part}", prefix.unwrap_or_else(|| node.name.trim_start_matches("node_").to_owned()))
    }

    /// Remembers a layer whose parameters may not be those that were trained.
    pub(super) fn look_at(&mut self, node: &Node, is_convolution: bool, has_bias: bool) {
        let Some(origin) = node.input(1).filter(|&id| self.parameters.contains(id)) else { return };
        let layer = Weighted { origin: Some(origin), bias_origin: node.input(2), is_convolution, has_bias };
        let name = self.parameters.names.get(&origin).unwrap_or(&self.graph.values[origin]).clone();
        let name = name.strip_suffix(".weight").unwrap_or(&name);
        self.provenance.look_at(self.graph, node, &layer, name);
    }
}

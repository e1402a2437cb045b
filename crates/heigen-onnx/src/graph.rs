//! The graph with its names resolved: the node that makes each value, and an order in which all nodes can be visited.

use crate::attributes::Attributes;
use crate::error::{OnnxError, quote};
use crate::external::External;
use crate::hints::{self, Exporter, Role};
use crate::inline::{Functions, Inlined};
use crate::proto::{GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto, ValueInfoProto};
use bytes::Bytes;
use prost::Message;
use std::collections::{HashMap, HashSet};

/// Most nodes of a graph; the largest classifiers have some thousands.
const MOST_NODES: usize = 10_000;
/// Most initializers, inputs and outputs.
const MOST_VALUES: usize = 100_000;

/// A node's place in [`Graph::nodes`].
pub(crate) type NodeId = usize;
/// A value's place in [`Graph::values`].
pub(crate) type ValueId = usize;

#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) id: NodeId,
    pub(crate) name: String,
    /// The operator's name, with its domain unless that is ONNX's own.
    pub(crate) operator: String,
    /// The values that the node takes; `None` for an input that is left out.
    pub(crate) inputs: Vec<Option<ValueId>>,
    pub(crate) outputs: Vec<Option<ValueId>>,
    pub(crate) attributes: Attributes,
    /// The name of the node in messages.
    pub(crate) label: String,
    /// Whether batch normalisation was folded into the node, where the exporter's metadata names the rule that made it.
    pub(crate) folded: Option<bool>,
}

impl Node {
    /// A node that stands for the reader of the graph's output `value`.
    pub(crate) fn reader(id: NodeId, value: ValueId, label: String) -> Self {
        Self {
            id,
            name: String::new(),
            operator: "of the graph".into(),
            inputs: vec![Some(value)],
            outputs: vec![],
            attributes: Attributes::default(),
            label,
            folded: None,
        }
    }

    pub(crate) fn error(&self, problem: impl Into<String>) -> OnnxError {
        OnnxError::Node { node: self.label.clone(), operator: self.operator.clone(), problem: problem.into() }
    }

    /// The refusal of what a later version may do.
    pub(crate) fn not_yet(&self, problem: &str) -> OnnxError {
        self.error(format!("{problem}; heigen does not do this yet: analyse a network without it"))
    }

    pub(crate) fn unsupported(&self) -> OnnxError {
        OnnxError::Operator { node: self.label.clone(), operator: self.operator.clone() }
    }

    /// The value of input `i`, if it has one.
    pub(crate) fn input(&self, i: usize) -> Option<ValueId> {
        self.inputs.get(i).copied().flatten()
    }
}

#[derive(Debug, Default)]
pub(crate) struct Graph {
    pub(crate) nodes: Vec<Node>,
    /// The name of the program that wrote the file.
    pub(crate) producer: String,
    pub(crate) exporter: Exporter,
    /// Roles of values, where metadata names them.
    pub(crate) roles: HashMap<ValueId, Role>,
    /// Names of the tensors that others were computed from by nothing but another order of their numbers.
    pub(crate) folded_names: HashMap<ValueId, String>,
    /// Names of values.
    pub(crate) values: Vec<String>,
    pub(crate) initializers: HashMap<ValueId, TensorProto>,
    /// The initializers in the file's order.
    pub(crate) initializer_order: Vec<ValueId>,
    /// The version of ONNX's own operators.
    pub(crate) version: i64,
    /// Inputs that are no initializers.
    pub(crate) inputs: Vec<(ValueId, ValueInfoProto)>,
    pub(crate) outputs: Vec<(ValueId, ValueInfoProto)>,
    input_ids: HashSet<ValueId>,
    ids: HashMap<String, ValueId>,
    makers: HashMap<ValueId, NodeId>,
}

impl Graph {
    pub(crate) fn decode(bytes: &[u8], external: &mut External<'_>) -> Result<Self, OnnxError> {
        let model: ModelProto = message(&Bytes::copy_from_slice(bytes), "the model")?;
        let encoded = model.graph.filter(|graph| !graph.is_empty()).ok_or(OnnxError::NoGraph)?;
        let version = check_operator_sets(&model.opset_import)?;
        let proto: GraphProto = message(&encoded, "the graph")?;
        bound("nodes", proto.node.len(), MOST_NODES)?;
        bound("initializers", proto.initializer.len(), MOST_VALUES)?;
        bound("inputs", proto.input.len(), MOST_VALUES)?;
        bound("outputs", proto.output.len(), MOST_VALUES)?;
        bound("value descriptions", proto.value_info.len(), MOST_VALUES)?;
        let mut graph =
            Self { producer: String::from_utf8_lossy(&model.producer_name).into_owned(), version, ..Self::default() };
        for (i, encoded) in proto.initializer.iter().enumerate() {
            graph.add_initializer(message(encoded, &format!("initializer {i}"))?, external)?;
        }
        graph.add_inputs(&proto.input)?;
        let functions = Functions::decode(&model.functions)?;
        let mut inlined = Inlined::new(&functions, MOST_NODES);
        for (i, encoded) in proto.node.iter().enumerate() {
            inlined.add(message(encoded, &format!("node {i}"))?)?;
        }
        let Inlined { nodes, initializers, .. } = inlined;
        for tensor in initializers {
            graph.add_initializer(tensor, external)?;
        }
        for node in nodes {
            match graph.merged(&node) {
                Some(tensor) => graph.add_initializer(tensor, external)?,
                None => graph.add_node(graph.nodes.len(), node)?,
            }
        }
        for (i, encoded) in proto.value_info.iter().enumerate() {
            let info: ValueInfoProto = message(encoded, &format!("value description {i}"))?;
            let is_made = |name: &str| graph.ids.get(name).is_some_and(|id| graph.makers.contains_key(id));
            if let Some((role, from)) = hints::role_by_metadata(&info.metadata_props, is_made) {
                let id = graph.id(&info.name);
                graph.roles.insert(id, role);
                graph.folded_names.extend(from.map(|from| (id, from)));
            }
        }
        for (i, encoded) in proto.output.iter().enumerate() {
            let info: ValueInfoProto = message(encoded, &format!("output {i}"))?;
            let id = graph.id(&info.name);
            graph.outputs.push((id, info));
        }
        graph.exporter = Exporter::of(&graph);
        Ok(graph)
    }

    fn id(&mut self, name: &str) -> ValueId {
        if let Some(&id) = self.ids.get(name) {
            return id;
        }
        self.values.push(name.to_owned());
        self.ids.insert(name.to_owned(), self.values.len() - 1);
        self.values.len() - 1
    }

    fn add_initializer(&mut self, mut tensor: TensorProto, external: &mut External<'_>) -> Result<(), OnnxError> {
        external.fetch(&mut tensor)?;
        let id = self.id(&tensor.name);
        if self.initializers.insert(id, tensor).is_some() {
            return Err(self.twice(id, "an initializer", "another initializer"));
        }
        self.initializer_order.push(id);
        Ok(())
    }

    /// The parameter that a node stands for because it had the numbers of another one when the file was written: PyTorch's older
    /// exporter keeps one of all tensors with the same numbers, and gives the others their names by `Identity`. A tensor that
    /// is used under two names in the module itself gets no such node.
    fn merged(&self, node: &NodeProto) -> Option<TensorProto> {
        let ([input], [output]) = (&node.input[..], &node.output[..]) else { return None };
        let kept = self.initializers.get(self.ids.get(input)?)?;
        let of_module = |name: &str| !name.contains(['/', ':']);
        let same_kind = input.rsplit_once('.')?.1 == output.rsplit_once('.')?.1;
        let stands_for = node.op_type == "Identity" && same_kind && of_module(output);
        stands_for.then(|| TensorProto { name: output.clone(), ..kept.clone() })
    }

    fn twice(&self, id: ValueId, first: &str, second: &str) -> OnnxError {
        OnnxError::Duplicate { value: quote(&self.values[id]), first: first.to_owned(), second: second.to_owned() }
    }

    /// Graphs of old exporters list their initializers among the inputs.
    fn add_inputs(&mut self, encoded: &[Bytes]) -> Result<(), OnnxError> {
        for (i, encoded) in encoded.iter().enumerate() {
            let info: ValueInfoProto = message(encoded, &format!("input {i}"))?;
            let id = self.id(&info.name);
            if !self.input_ids.insert(id) {
                return Err(self.twice(id, "an input of the graph", "another input of the graph"));
            }
            if !self.initializers.contains_key(&id) {
                self.inputs.push((id, info));
            }
        }
        Ok(())
    }

    fn add_node(&mut self, i: NodeId, proto: NodeProto) -> Result<(), OnnxError> {
        let label = match (proto.name.is_empty(), proto.output.first()) {
            (false, _) => format!("node {}", quote(&proto.name)),
            (true, Some(output)) => format!("the node that makes {}", quote(output)),
            (true, None) => format!("node {i}, which has no name and makes nothing,"),
        };
        let attributes = Attributes::decode(&proto.attribute, &label)?;
        let mut ids = |names: &[String]| -> Vec<Option<ValueId>> {
            names.iter().map(|name| (!name.is_empty()).then(|| self.id(name))).collect()
        };
        let (inputs, outputs) = (ids(&proto.input), ids(&proto.output));
        for &id in outputs.iter().flatten() {
            if self.initializers.contains_key(&id) {
                return Err(self.twice(id, "an initializer", &label));
            }
            if self.input_ids.contains(&id) {
                return Err(self.twice(id, "an input of the graph", &label));
            }
            if let Some(first) = self.makers.insert(id, i) {
                let first = self.nodes.get(first).map_or(label.as_str(), |node| node.label.as_str());
                return Err(self.twice(id, first, &label));
            }
        }
        let folded = hints::folded_by_rule(&proto);
        let operator = match proto.domain.as_str() {
            "" | "ai.onnx" => printable(&proto.op_type),
            domain => format!("{}.{}", printable(domain), printable(&proto.op_type)),
        };
        self.nodes.push(Node { id: i, name: proto.name, operator, inputs, outputs, attributes, label, folded });
        Ok(())
    }

    /// The nodes that `wanted` depend on, each after those that it takes from.
    pub(crate) fn order(&self, wanted: impl Iterator<Item = ValueId>) -> Result<Vec<NodeId>, OnnxError> {
        /// A node that is being visited is on the path from a wanted value.
        #[derive(Clone, Copy, PartialEq)]
        enum Mark {
            New,
            Open,
            Done,
        }
        let mut marks = vec![Mark::New; self.nodes.len()];
        let mut order = Vec::new();
        let mut stack: Vec<NodeId> = wanted.filter_map(|value| self.makers.get(&value).copied()).collect();
        while let Some(&node) = stack.last() {
            if marks[node] != Mark::New {
                stack.pop();
                if marks[node] == Mark::Open {
                    marks[node] = Mark::Done;
                    order.push(node);
                }
                continue;
            }
            marks[node] = Mark::Open;
            for &input in self.nodes[node].inputs.iter().flatten() {
                match self.makers.get(&input).map(|&maker| (maker, marks[maker])) {
                    Some((maker, Mark::New)) => stack.push(maker),
                    Some((_, Mark::Open)) => {
                        return Err(OnnxError::Cycle { node: self.nodes[node].label.clone() });
                    }
                    Some((_, Mark::Done)) => {}
                    None if self.has(input) => {}
                    None => {
                        let (node, value) = (self.nodes[node].label.clone(), quote(&self.values[input]));
                        return Err(OnnxError::Missing { node, value });
                    }
                }
            }
        }
        Ok(order)
    }

    /// The node that makes `value`, if one does.
    pub(crate) fn maker(&self, value: ValueId) -> Option<&Node> {
        self.makers.get(&value).and_then(|&id| self.nodes.get(id))
    }

    /// The node that computes the constant `value` from others; none for a constant that is only cast or shaped anew.
    pub(crate) fn computed_by(&self, mut value: ValueId) -> Option<&str> {
        // The graph has no cycle, but this is asked before that is known of every node.
        for _ in 0..=self.nodes.len() {
            let node = self.maker(value)?;
            match node.operator.as_str() {
                "Constant" => return None,
                "Cast" | "CastLike" | "Identity" | "Transpose" | "Reshape" | "Squeeze" | "Unsqueeze" => {
                    value = node.input(0)?;
                }
                _ => return Some(&node.label),
            }
        }
        None
    }

    /// Whether something makes `value`.
    pub(crate) fn has(&self, value: ValueId) -> bool {
        self.makers.contains_key(&value) || self.initializers.contains_key(&value) || self.input_ids.contains(&value)
    }
}

/// The versions of ONNX's own operators that are read.
const VERSIONS: std::ops::RangeInclusive<i64> = 7..=28;

/// The version of ONNX's own operators; refuses a model that does not say, or says wrongly, what their names mean.
fn check_operator_sets(encoded: &[Bytes]) -> Result<i64, OnnxError> {
    const MOST: usize = 1000;
    const SHOWN: usize = 8;
    bound("operator sets", encoded.len(), MOST)?;
    let mut others = Vec::new();
    let mut own = None;
    for encoded in encoded {
        let set: OperatorSetIdProto = message(encoded, "an operator set")?;
        if !matches!(set.domain.as_str(), "" | "ai.onnx") {
            others.push(quote(&set.domain));
            continue;
        }
        if !VERSIONS.contains(&set.version) {
            return Err(OnnxError::OperatorSet {
                got: set.version,
                oldest: *VERSIONS.start(),
                newest: *VERSIONS.end(),
            });
        }
        own = own.max(Some(set.version));
    }
    others.truncate(SHOWN);
    own.ok_or(OnnxError::NoOperatorSet { others })
}

fn bound(what: &'static str, got: usize, most: usize) -> Result<(), OnnxError> {
    if got > most { Err(OnnxError::TooMany { what, got, most }) } else { Ok(()) }
}

fn message<M: Message + Default>(encoded: &Bytes, part: &str) -> Result<M, OnnxError> {
    M::decode(encoded.clone()).map_err(|e| OnnxError::Protobuf { part: part.to_owned(), reason: e.to_string() })
}

fn printable(name: &str) -> String {
    let quoted = quote(name);
    quoted.trim_matches('"').to_owned()
}

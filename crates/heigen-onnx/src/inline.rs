//! Nodes that stand for other nodes: calls of functions that the model defines, and the branches of an `If`.
//!
//! A function's nodes take the place of its call. Both branches of an `If` become nodes of the graph, and the `If` chooses
//! between their outputs: its inputs are the condition, the outputs of the first branch, then those of the second. A branch
//! that is not chosen is never needed.

use crate::error::OnnxError;
use crate::proto::{AttributeProto, FunctionProto, GraphProto, NodeProto, TensorProto};
use bytes::Bytes;
use prost::Message;
use std::collections::HashMap;

/// Most calls inside one another.
const DEEPEST: usize = 24;
/// Most functions of a model.
const MOST_FUNCTIONS: usize = 10_000;

/// Domain, name and overload of a function.
type Key = (String, String, String);

/// The functions that the model defines.
#[derive(Default)]
pub(crate) struct Functions(HashMap<Key, FunctionProto>);

/// New names of values inside of a function or a branch.
#[derive(Clone, Default)]
struct Scope {
    names: HashMap<String, String>,
    /// The beginning of the names of nodes and of values that are not in `names`.
    prefix: String,
    /// Attributes of the call.
    attributes: HashMap<String, AttributeProto>,
}

impl Scope {
    fn name(&self, name: &str) -> String {
        match self.names.get(name) {
            _ if name.is_empty() => String::new(),
            Some(new) => new.clone(),
            None => name.to_owned(),
        }
    }

    /// Gives a value that is made inside a name of its own.
    fn own(&mut self, name: &str) {
        if !name.is_empty() && !self.names.contains_key(name) {
            self.names.insert(name.to_owned(), format!("{}{name}", self.prefix));
        }
    }
}

/// All nodes and initializers, those of functions and branches in their places.
pub(crate) struct Inlined<'f> {
    pub(crate) nodes: Vec<NodeProto>,
    pub(crate) initializers: Vec<TensorProto>,
    functions: &'f Functions,
    most: usize,
    calls: usize,
}

impl Functions {
    pub(crate) fn decode(encoded: &[Bytes]) -> Result<Self, OnnxError> {
        if encoded.len() > MOST_FUNCTIONS {
            return Err(OnnxError::TooMany { what: "functions", got: encoded.len(), most: MOST_FUNCTIONS });
        }
        let mut functions = HashMap::new();
        for (i, encoded) in encoded.iter().enumerate() {
            let function: FunctionProto = decode(encoded, &format!("function {i}"))?;
            let key = (function.domain.clone(), function.name.clone(), function.overload.clone());
            functions.insert(key, function);
        }
        Ok(Self(functions))
    }

    fn of(&self, node: &NodeProto) -> Option<&FunctionProto> {
        if self.0.is_empty() {
            return None;
        }
        self.0.get(&(node.domain.clone(), node.op_type.clone(), node.overload.clone()))
    }
}

impl<'f> Inlined<'f> {
    /// At most `most` nodes.
    pub(crate) fn new(functions: &'f Functions, most: usize) -> Self {
        Self { nodes: vec![], initializers: vec![], functions, most, calls: 0 }
    }

    /// Takes in a node of the graph.
    pub(crate) fn add(&mut self, node: NodeProto) -> Result<(), OnnxError> {
        if self.functions.of(&node).is_none() && !is_if(&node) {
            return self.push(node);
        }
        self.expand(node, &Scope::default(), 0)
    }

    fn push(&mut self, node: NodeProto) -> Result<(), OnnxError> {
        if self.nodes.len() >= self.most {
            return Err(OnnxError::TooMany { what: "nodes", got: self.nodes.len() + 1, most: self.most });
        }
        self.nodes.push(node);
        Ok(())
    }

    /// The prefix of the names inside of the next call.
    fn prefix(&mut self, node: &NodeProto) -> String {
        self.calls += 1;
        let name = if node.name.is_empty() { &node.op_type } else { &node.name };
        format!("{name}#{}/", self.calls)
    }

    fn expand(&mut self, mut node: NodeProto, scope: &Scope, depth: usize) -> Result<(), OnnxError> {
        if self.calls > self.most {
            return Err(OnnxError::TooMany { what: "calls of functions", got: self.calls, most: self.most });
        }
        if depth > DEEPEST {
            return Err(OnnxError::TooMany { what: "functions inside one another", got: depth, most: DEEPEST });
        }
        node.input.iter_mut().chain(&mut node.output).for_each(|name| *name = scope.name(name));
        if !node.name.is_empty() && !scope.prefix.is_empty() {
            node.name = format!("{}{}", scope.prefix, node.name);
        }
        if !scope.attributes.is_empty() || !scope.prefix.is_empty() {
            resolve_attributes(&mut node, scope)?;
        }
        if let Some(function) = self.functions.of(&node).cloned() {
            return self.call(&node, &function, depth);
        }
        if is_if(&node) {
            return self.branches(node, scope, depth);
        }
        self.push(node)
    }

    fn call(&mut self, node: &NodeProto, function: &FunctionProto, depth: usize) -> Result<(), OnnxError> {
        let mut inside = Scope { prefix: self.prefix(node), ..Scope::default() };
        for encoded in function.attribute_proto.iter().chain(&node.attribute) {
            let attribute: AttributeProto = decode(encoded, "an attribute")?;
            inside.attributes.insert(attribute.name.clone(), attribute);
        }
        for (i, formal) in function.input.iter().enumerate() {
            inside.names.insert(formal.clone(), node.input.get(i).cloned().unwrap_or_default());
        }
        for (formal, actual) in function.output.iter().zip(&node.output) {
            if function.input.contains(formal) {
                // An input that is handed through.
                let from = inside.name(formal);
                self.push(identity(&from, actual))?;
            } else if !actual.is_empty() {
                inside.names.insert(formal.clone(), actual.clone());
            }
        }
        let nodes: Vec<NodeProto> =
            function.node.iter().map(|node| decode(node, "a function's node")).collect::<Result<_, _>>()?;
        nodes.iter().flat_map(|node| &node.output).for_each(|name| inside.own(name));
        nodes.into_iter().try_for_each(|node| self.expand(node, &inside, depth + 1))
    }

    fn branches(&mut self, mut node: NodeProto, scope: &Scope, depth: usize) -> Result<(), OnnxError> {
        let mut graphs = [None, None];
        for encoded in &node.attribute {
            let attribute: AttributeProto = decode(encoded, "an attribute")?;
            match attribute.name.as_str() {
                "then_branch" => graphs[0] = attribute.g,
                "else_branch" => graphs[1] = attribute.g,
                _ => {}
            }
        }
        node.input.truncate(1);
        for graph in graphs {
            let graph: GraphProto = decode(&graph.unwrap_or_default(), "a branch of an If")?;
            let mut inside = Scope { prefix: self.prefix(&node), ..scope.clone() };
            let inner = |encoded: &Bytes| decode::<NodeProto>(encoded, "a node of a branch");
            let nodes: Vec<NodeProto> = graph.node.iter().map(inner).collect::<Result<_, _>>()?;
            for name in nodes.iter().flat_map(|node| &node.output) {
                inside.names.remove(name);
                inside.own(name);
            }
            for encoded in &graph.initializer {
                let mut tensor: TensorProto = decode(encoded, "an initializer of a branch")?;
                inside.names.remove(&tensor.name);
                inside.own(&tensor.name);
                tensor.name = inside.name(&tensor.name);
                self.initializers.push(tensor);
            }
            for encoded in &graph.output {
                let output: crate::proto::ValueInfoProto = decode(encoded, "an output of a branch")?;
                node.input.push(inside.name(&output.name));
            }
            nodes.into_iter().try_for_each(|node| self.expand(node, &inside, depth + 1))?;
        }
        node.attribute.clear();
        self.push(node)
    }
}

fn is_if(node: &NodeProto) -> bool {
    node.op_type == "If" && matches!(node.domain.as_str(), "" | "ai.onnx")
}

fn identity(from: &str, to: &str) -> NodeProto {
    NodeProto {
        input: vec![from.to_owned()],
        output: vec![to.to_owned()],
        op_type: "Identity".into(),
        ..NodeProto::default()
    }
}

/// Puts the values of the call's attributes where the function's nodes refer to them; one that the call leaves out is left
/// out there, too.
fn resolve_attributes(node: &mut NodeProto, scope: &Scope) -> Result<(), OnnxError> {
    let mut resolved = Vec::with_capacity(node.attribute.len());
    for encoded in &node.attribute {
        let attribute: AttributeProto = decode(encoded, "an attribute")?;
        if attribute.ref_attr_name.is_empty() {
            resolved.push(encoded.clone());
        } else if let Some(given) = scope.attributes.get(&attribute.ref_attr_name) {
            let value = AttributeProto { name: attribute.name, ..given.clone() };
            resolved.push(value.encode_to_vec().into());
        }
    }
    node.attribute = resolved;
    Ok(())
}

fn decode<M: Message + Default>(encoded: &Bytes, part: &str) -> Result<M, OnnxError> {
    M::decode(encoded.clone()).map_err(|e| OnnxError::Protobuf { part: part.to_owned(), reason: e.to_string() })
}

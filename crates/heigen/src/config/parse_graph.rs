//! A graph of operations among the layers.

use serde_json::{Map, Value};
use std::collections::HashSet;

use super::fields::Fields;
use super::parse_model::MAX_NEURONS;
use super::{ConfigError, GraphSpec, NodeSpec, Op, TensorSpec};

/// The largest number of nodes and of tensors.
const MOST: usize = 1_000_000;
/// The largest number of axes of a tensor.
const MAX_AXES: usize = 32;

pub(super) fn graph(of: &Fields<'_>) -> Result<GraphSpec, ConfigError> {
    of.check_keys(&["type", "input_shape", "parameters", "buffers", "nodes", "output"])?;
    let mut names: HashSet<String> = [GraphSpec::INPUT.to_owned()].into();
    let input_shape = shape(of, "input_shape")?;
    let parameters = tensors(of, "parameters", &mut names)?;
    let buffers = tensors(of, "buffers", &mut names)?;
    let wanted = "a list of operations, e.g. [{\"id\": \"h\", \"op\": \"relu\", \"inputs\": [\"x\"]}]";
    let items = items(of, "nodes", wanted)?;
    let mut nodes = Vec::with_capacity(items.len());
    for (i, item) in items.iter().enumerate() {
        nodes.push(node(&of.item("nodes", i, item, wanted)?, item, &mut names)?);
    }
    let output = text(of, "output", "the name of the tensor that is the output")?;
    if !names.contains(&output) {
        return Err(of.invalid("output", "the id of a node"));
    }
    Ok(GraphSpec { input_shape, parameters, buffers, nodes, output })
}

fn items<'a>(of: &Fields<'a>, key: &str, wanted: &str) -> Result<&'a [Value], ConfigError> {
    match of.get(key) {
        None => Ok(&[]),
        Some(Value::Array(items)) if items.len() <= MOST => Ok(items),
        Some(_) => Err(of.invalid(key, wanted)),
    }
}

fn text(of: &Fields<'_>, key: &str, wanted: &str) -> Result<String, ConfigError> {
    match of.get(key) {
        None => Err(of.missing(key, wanted)),
        Some(Value::String(text)) if !text.is_empty() => Ok(text.clone()),
        Some(_) => Err(of.invalid(key, wanted)),
    }
}

fn shape(of: &Fields<'_>, key: &str) -> Result<Vec<usize>, ConfigError> {
    let wanted = "a list of sizes, each 1 or more, e.g. [1, 3, 32, 32]";
    let size = |v: &Value| v.as_u64().filter(|&v| (1..=MAX_NEURONS).contains(&v)).and_then(|v| usize::try_from(v).ok());
    let Some(value) = of.get(key) else { return Err(of.missing(key, wanted)) };
    let sizes = value.as_array().filter(|a| a.len() <= MAX_AXES).and_then(|a| a.iter().map(size).collect());
    sizes.ok_or_else(|| of.invalid(key, wanted))
}

fn claim(of: &Fields<'_>, key: &str, name: &str, names: &mut HashSet<String>) -> Result<(), ConfigError> {
    if names.insert(name.to_owned()) {
        return Ok(());
    }
    Err(of.invalid(key, "a name that no other tensor of the graph has (the input's is \"x\")"))
}

fn tensors(of: &Fields<'_>, key: &str, names: &mut HashSet<String>) -> Result<Vec<TensorSpec>, ConfigError> {
    let wanted = "a list of tensors, e.g. [{\"name\": \"fc.weight\", \"shape\": [10, 4]}]";
    let tensor = |(i, item)| {
        let of = of.item(key, i, item, wanted)?;
        of.check_keys(&["name", "shape"])?;
        let name = text(&of, "name", "the name of the tensor in a state dict")?;
        claim(&of, "name", &name, names)?;
        Ok(TensorSpec { name, shape: shape(&of, "shape")? })
    };
    items(of, key, wanted)?.iter().enumerate().map(tensor).collect()
}

fn node(of: &Fields<'_>, item: &Value, names: &mut HashSet<String>) -> Result<NodeSpec, ConfigError> {
    let id = text(of, "id", "the name of the tensor that the node makes")?;
    let kind = text(of, "op", "the name of an operation, e.g. \"relu\"")?;
    let wanted = "the names of tensors that are made before: the input \"x\", parameters, buffers or nodes";
    let mut inputs = Vec::new();
    for input in items(of, "inputs", wanted)? {
        let name = input.as_str().filter(|name| name.is_empty() || names.contains(*name));
        inputs.push(name.ok_or_else(|| of.invalid("inputs", wanted))?.to_owned());
    }
    claim(of, "id", &id, names)?;
    let mut settings: Map<String, Value> = item.as_object().cloned().unwrap_or_default();
    settings.remove("id");
    settings.remove("inputs");
    let keys: Vec<String> = settings.keys().cloned().collect();
    let op: Op = serde_json::from_value(Value::Object(settings))
        .map_err(|e| of.invalid("op", &format!("a known operation with its settings ({kind}: {e})")))?;
    // Every setting of an operation is written out, so that a key that does not come back is none of its settings.
    let known = serde_json::to_value(&op).unwrap_or_default();
    if let Some(unknown) = keys.iter().find(|key| known.get(key.as_str()).is_none()) {
        let known: Vec<&str> = known.as_object().into_iter().flat_map(Map::keys).map(String::as_str).collect();
        return Err(of.invalid(unknown, &format!("no such key; {kind} has {}", known.join(", "))));
    }
    Ok(NodeSpec { id, op, inputs })
}

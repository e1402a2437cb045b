//! Hints that files carry about their tensors: which of them the model was trained with, and which the exporter made.
//!
//! PyTorch's newer exporter says in the metadata of a value whether it is a parameter or a buffer, or from which others it was
//! computed, and in that of a node which rule made it. The older exporter names the tensors that it made after the operator that
//! takes them, `onnx::Conv_16`. Batch normalisation that was folded into a convolution shows in these ways only: its numbers
//! are part of the convolution's.

use crate::graph::{Graph, Node, ValueId};
use crate::proto::{NodeProto, StringStringEntryProto};
use bytes::Bytes;
use prost::Message;

/// Most entries of metadata that are looked at, of one node or value.
const MOST_ENTRIES: usize = 64;

/// The origin of a tensor, as far as the file tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// The model was trained with it.
    Parameter,
    /// The model has it, as a constant.
    Buffer,
    /// The exporter made it.
    Made,
    /// The exporter computed it from several others.
    Computed(String),
    /// The file says nothing.
    Unknown,
}

/// The program that wrote the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Exporter {
    /// PyTorch's exporter by `torch.export`.
    TorchDynamo,
    /// PyTorch's exporter by `torch.jit`.
    TorchScript,
    #[default]
    Other,
}

impl Exporter {
    /// The program that wrote a graph.
    pub(crate) fn of(graph: &Graph) -> Self {
        if graph.producer != "pytorch" {
            return Self::Other;
        }
        let by_dynamo = |node: &Node| node.name.starts_with("node_");
        if graph.nodes.iter().any(by_dynamo) { Self::TorchDynamo } else { Self::TorchScript }
    }
}

/// The entries of metadata.
pub(crate) fn entries(encoded: &[Bytes]) -> impl Iterator<Item = (String, String)> + '_ {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let decoded = encoded.iter().take(MOST_ENTRIES).filter_map(|e| StringStringEntryProto::decode(e.clone()).ok());
    decoded.map(move |entry| (text(&entry.key), text(&entry.value)))
}

/// The role that the metadata of a value gives it, and the name of the one tensor of the model that it was made from, if it
/// is one; `is_made` tells names of other tensors that the exporter made.
pub(crate) fn role_by_metadata(encoded: &[Bytes], is_made: impl Fn(&str) -> bool) -> Option<(Role, Option<String>)> {
    entries(encoded).find_map(|(key, value)| match (key.as_str(), value.as_str()) {
        ("pkg.torch.export.graph_signature.InputSpec.kind", "PARAMETER") => Some((Role::Parameter, None)),
        ("pkg.torch.export.graph_signature.InputSpec.kind", _) => Some((Role::Buffer, None)),
        ("pkg.onnxscript.optimizer.folded_from", from) => {
            let names = from.trim_matches(['[', ']']).split(',').map(|name| name.trim().trim_matches(['\'', '"']));
            let own: Vec<&str> =
                names.filter(|name| !is_made_by_name(name) && !is_of_operation(name) && !is_made(name)).collect();
            Some(match own[..] {
                [] => (Role::Made, None),
                [one] => (Role::Made, Some(one.to_owned())),
                _ => (Role::Computed(format!("'{}'", own.join("', '"))), None),
            })
        }
        _ => None,
    })
}

/// Whether the rule of the exporter that made the node folded batch normalisation into it; nothing if no rule is named.
pub(crate) fn folded_by_rule(node: &NodeProto) -> Option<bool> {
    let rule = entries(&node.metadata_props).find(|(key, _)| key == "pkg.onnxscript.rewriter.rule_name");
    rule.map(|(_, rule)| rule.contains("BatchNorm"))
}

/// Whether the name is one that PyTorch's exporters give to tensors of their own: `onnx::Conv_16`, `val_3`, `45`.
fn is_made_by_name(name: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let after = |prefix: &str| name.strip_prefix(prefix);
    digits(name)
        || after("val_").is_some_and(digits)
        || after("onnx::").and_then(|rest| rest.rsplit_once('_')).is_some_and(|(_, number)| digits(number))
}

/// Whether the name is one that `torch.export` gives to the result of an operation, such as `full_default_1`. Names of the model's
/// own tensors have a dot, unless they belong to the outermost module.
fn is_of_operation(name: &str) -> bool {
    const OPERATIONS: [&str; 62] = [
        "_to_copy",
        "abs",
        "add",
        "alias",
        "amax",
        "amin",
        "any",
        "arange",
        "bmm",
        "cat",
        "clamp",
        "clone",
        "constant_pad_nd",
        "convert_element_type",
        "copy",
        "cos",
        "cumsum",
        "detach",
        "div",
        "embedding",
        "eq",
        "exp",
        "expand",
        "eye",
        "fill",
        "full",
        "full_like",
        "gather",
        "ge",
        "gt",
        "index",
        "le",
        "lift_fresh_copy",
        "lifted_tensor",
        "linspace",
        "log",
        "logical_not",
        "lt",
        "masked_fill",
        "mm",
        "mul",
        "ne",
        "neg",
        "new_full",
        "new_ones",
        "new_zeros",
        "ones",
        "permute",
        "pow",
        "reshape",
        "rsqrt",
        "scalar_tensor",
        "select",
        "sin",
        "slice",
        "sqrt",
        "squeeze",
        "stack",
        "sub",
        "unsqueeze",
        "view",
        "zeros",
    ];
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let bare = name.rsplit_once('_').filter(|(_, number)| digits(number)).map_or(name, |(before, _)| before);
    let endings = ["_default", "_scalar", "_tensor", "_int"];
    let bare = endings.iter().find_map(|ending| bare.strip_suffix(ending)).unwrap_or(bare);
    OPERATIONS.contains(&bare)
}

/// Whether a name is of a part of batch normalisation.
pub(crate) fn names_batch_norm(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["batchnorm", "batch_norm"].iter().any(|part| name.contains(part))
}

impl Graph {
    /// The program that wrote the file.
    pub(crate) fn exporter(&self) -> Exporter {
        self.exporter
    }

    /// The role of the initializer `origin`; none stands for a constant that a node of the graph makes.
    pub(crate) fn role(&self, origin: Option<ValueId>) -> Role {
        let Some(id) = origin else { return Role::Made };
        let name = self.values[id].as_str();
        let made = |exporter| match exporter {
            Exporter::Other => false,
            Exporter::TorchScript => is_made_by_name(name),
            Exporter::TorchDynamo => is_made_by_name(name) || is_of_operation(name),
        };
        let by_name = || if made(self.exporter()) { Role::Made } else { Role::Unknown };
        self.roles.get(&id).cloned().unwrap_or_else(by_name)
    }

    /// Whether one of PyTorch's exporters wrote the file.
    pub(crate) fn is_torch(&self) -> bool {
        self.exporter() != Exporter::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_exporters_are_told_from_those_of_modules() {
        for made in ["onnx::Conv_16", "onnx::MatMul_3", "val_3", "45"] {
            assert!(is_made_by_name(made), "{made}");
        }
        for own in ["0.weight", "conv1.bias", "val_mean", "interval_3", "onnx::x", "", "layer_45"] {
            assert!(!is_made_by_name(own), "{own}");
        }
    }

    #[test]
    fn names_of_operations_are_told_from_those_of_parameters() {
        for made in
            ["convert_element_type_default", "full_default_1", "scalar_tensor_default", "lifted_tensor_0", "mul_3"]
        {
            assert!(is_of_operation(made), "{made}");
        }
        for own in ["p", "pos_embedding", "class_token", "scale", "weight_1", "0.g", "default", ""] {
            assert!(!is_of_operation(own), "{own}");
        }
    }

    #[test]
    fn metadata_says_what_was_trained() {
        let entry = |key: &str, value: &str| {
            let entry = StringStringEntryProto {
                key: Bytes::copy_from_slice(key.as_bytes()),
                value: Bytes::copy_from_slice(value.as_bytes()),
            };
            role_by_metadata(&[Bytes::from(entry.encode_to_vec())], |name| name == "relu_1").map(|(role, _)| role)
        };
        let kind = "pkg.torch.export.graph_signature.InputSpec.kind";
        let folded = "pkg.onnxscript.optimizer.folded_from";
        assert_eq!(entry(kind, "PARAMETER"), Some(Role::Parameter));
        assert_eq!(entry(kind, "BUFFER"), Some(Role::Buffer));
        assert_eq!(entry(folded, "['0.weight']"), Some(Role::Made));
        assert_eq!(entry(folded, "['g', 'v']"), Some(Role::Computed("'g', 'v'".into())));
        assert_eq!(entry(folded, "['norm.weight', 'val_21', 'full_1', 'relu_1']"), Some(Role::Made));
        assert_eq!(entry("other", "PARAMETER"), None);
    }
}

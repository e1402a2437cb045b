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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exporter {
    /// PyTorch's exporter by `torch.export`.
    TorchDynamo,
    /// PyTorch's exporter by `torch.jit`.
    TorchScript,
    Other,
}

/// The entries of metadata.
pub(crate) fn entries(encoded: &[Bytes]) -> impl Iterator<Item = (String, String)> + '_ {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let decoded = encoded.iter().take(MOST_ENTRIES).filter_map(|e| StringStringEntryProto::decode(e.clone()).ok());
    decoded.map(move |entry| (text(&entry.key), text(&entry.value)))
}

/// The role that the metadata of a value gives it.
pub(crate) fn role_by_metadata(encoded: &[Bytes]) -> Option<Role> {
    entries(encoded).find_map(|(key, value)| match (key.as_str(), value.as_str()) {
        ("pkg.torch.export.graph_signature.InputSpec.kind", "PARAMETER") => Some(Role::Parameter),
        ("pkg.torch.export.graph_signature.InputSpec.kind", _) => Some(Role::Buffer),
        ("pkg.onnxscript.optimizer.folded_from", from) => {
            let from = from.trim_matches(['[', ']']);
            Some(if from.contains(',') { Role::Computed(from.to_owned()) } else { Role::Made })
        }
        _ => None,
    })
}

/// The name of the one tensor from which the exporter computed a value.
pub(crate) fn folded_name(encoded: &[Bytes]) -> Option<String> {
    entries(encoded).find_map(|(key, from)| {
        let name = from.trim_matches(['[', ']', '\'', '"']);
        let one = key == "pkg.onnxscript.optimizer.folded_from" && !from.contains(',') && !name.is_empty();
        one.then(|| name.to_owned())
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

/// Whether a name is of a part of batch normalisation.
pub(crate) fn names_batch_norm(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["batchnorm", "batch_norm"].iter().any(|part| name.contains(part))
}

impl Graph {
    /// The program that wrote the file.
    pub(crate) fn exporter(&self) -> Exporter {
        if self.producer != "pytorch" {
            return Exporter::Other;
        }
        let by_dynamo = |node: &Node| node.name.starts_with("node_");
        if self.nodes.iter().any(by_dynamo) { Exporter::TorchDynamo } else { Exporter::TorchScript }
    }

    /// The role of the initializer `origin`; none stands for a constant that a node of the graph makes.
    pub(crate) fn role(&self, origin: Option<ValueId>) -> Role {
        let Some(id) = origin else { return Role::Made };
        let by_name = || if self.is_torch() && is_made_by_name(&self.values[id]) { Role::Made } else { Role::Unknown };
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
    fn metadata_says_what_was_trained() {
        let entry = |key: &str, value: &str| {
            let entry = StringStringEntryProto {
                key: Bytes::copy_from_slice(key.as_bytes()),
                value: Bytes::copy_from_slice(value.as_bytes()),
            };
            role_by_metadata(&[Bytes::from(entry.encode_to_vec())])
        };
        let kind = "pkg.torch.export.graph_signature.InputSpec.kind";
        let folded = "pkg.onnxscript.optimizer.folded_from";
        assert_eq!(entry(kind, "PARAMETER"), Some(Role::Parameter));
        assert_eq!(entry(kind, "BUFFER"), Some(Role::Buffer));
        assert_eq!(entry(folded, "['0.weight']"), Some(Role::Made));
        assert_eq!(entry(folded, "['g', 'v']"), Some(Role::Computed("'g', 'v'".into())));
        assert_eq!(entry("other", "PARAMETER"), None);
    }
}

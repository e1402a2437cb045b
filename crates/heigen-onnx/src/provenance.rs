//! Warnings where the file's parameters are not those that the model was trained with, or may not be.

use crate::error::quote;
use crate::graph::{Graph, Node, ValueId};
use crate::hints::{Exporter, Role, names_batch_norm};

/// Layers whose parameters are not, or may not be, the trained ones.
#[derive(Debug, Default)]
pub(crate) struct Provenance {
    /// Layers into which batch normalisation was folded.
    folded: Vec<String>,
    /// Layers with a bias of which the file does not tell whether batch normalisation was folded into them.
    untold: Vec<String>,
    /// Layers whose weight was computed from other tensors, and from which.
    computed: Vec<String>,
    /// Pairs of biases, or of factors of a normalisation, of equal numbers that are one tensor in the file, with their number.
    merged: Vec<String>,
}

/// A layer with a weight, as far as its origin matters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weighted {
    /// The initializers that weight and bias are.
    pub(crate) origin: Option<ValueId>,
    pub(crate) bias_origin: Option<ValueId>,
    pub(crate) is_convolution: bool,
    pub(crate) has_bias: bool,
}

/// A list of names for a message, cut where it is long.
fn listed(names: &[String]) -> String {
    const MOST: usize = 6;
    let shown = names[..names.len().min(MOST)].join(", ");
    if names.len() > MOST { format!("{shown} and {} more", names.len() - MOST) } else { shown }
}

impl Provenance {
    /// Looks at the layer of `node`, which has the name `name`.
    pub(crate) fn look_at(&mut self, graph: &Graph, node: &Node, layer: &Weighted, name: &str) {
        let role = graph.role(layer.origin);
        if let Role::Computed(from) = &role {
            self.computed.push(format!("{} (from {})", quote(name), cut(from)));
        } else if let Some(by) = layer.origin.and_then(|origin| graph.computed_by(origin)) {
            self.computed.push(format!("{} (by {by})", quote(name)));
        } else if folded(graph, node, layer, &role) {
            self.folded.push(quote(name));
        } else if cannot_be_told(graph, node, layer) {
            self.untold.push(quote(name));
        }
    }

    /// Notes that two biases, or two factors, are one tensor in the file, all of whose numbers are `number`.
    pub(crate) fn merged(&mut self, names: &[String; 2], number: f64) {
        self.merged.push(format!("{} and {} (all {number})", quote(&names[0]), quote(&names[1])));
    }

    /// The warnings, each with the way out.
    pub(crate) fn warnings(&self, exporter: Exporter) -> Vec<String> {
        let again = match exporter {
            Exporter::TorchDynamo => {
                "export it again by torch.onnx.export(..., optimize=False), or analyse its state \
                                      dict (.pt) with an architecture"
            }
            Exporter::TorchScript => {
                "export it again by torch.onnx.export(..., dynamo=False, \
                                      do_constant_folding=False), or analyse its state dict (.pt) with an architecture"
            }
            Exporter::Other => {
                "export it again without optimisations, or analyse its weights (.pt, .npz, .safetensors) \
                                with an architecture"
            }
        };
        let mut warnings = Vec::new();
        if !self.folded.is_empty() {
            warnings.push(format!(
                "the parameters are not those that the model was trained with: the exporter folded batch normalisation into {}, \
                 so that the Hessian is that of the file's parameters, with other eigenvalues than the model's; {again}",
                listed(&self.folded)
            ));
        }
        if !self.computed.is_empty() {
            warnings.push(format!(
                "the parameters are not those that the model was trained with: the weight of {} was computed from others, as by \
                 weight normalisation, and the Hessian is that of the computed weight; for that of the trained parameters \
                 heigen has no layer yet: remove the normalisation before training, or read the numbers as those of the \
                 computed weight",
                listed(&self.computed)
            ));
        }
        if !self.untold.is_empty() {
            warnings.push(format!(
                "the file does not tell whether batch normalisation was folded into {} when it was written; if the model has it \
                 there, the parameters are not those that it was trained with, and neither are the eigenvalues: {again}",
                listed(&self.untold)
            ));
        }
        if !self.merged.is_empty() {
            warnings.push(format!(
                "tensors of two layers are one in the file: {}; exporters merge tensors of equal numbers, so they are counted as \
                 parameters of each layer; if the model has one for both, analyse its state dict (.pt) with an architecture",
                listed(&self.merged)
            ));
        }
        warnings
    }
}

/// Whether the layer may have taken batch normalisation in without a trace.
fn cannot_be_told(graph: &Graph, node: &Node, layer: &Weighted) -> bool {
    // A file with batch normalisation in it was written by a program that keeps it.
    let keeps = graph.nodes.iter().any(|node| node.operator == "BatchNormalization");
    let may = match graph.exporter() {
        Exporter::Other => layer.is_convolution,
        // Its rules name what they make after the operator; without metadata the rule is not known.
        Exporter::TorchDynamo => node.folded.is_none() && node.name.starts_with("node_Gemm_"),
        Exporter::TorchScript => false,
    };
    may && layer.has_bias && !keeps
}

fn folded(graph: &Graph, node: &Node, layer: &Weighted, role: &Role) -> bool {
    let of = |id: Option<usize>| id.and_then(|id| graph.values.get(id)).map_or("", String::as_str);
    let (weight, bias) = (of(layer.origin), of(layer.bias_origin));
    let convolution = layer.is_convolution;
    let by_name = match graph.exporter() {
        // Its rules give a layer without bias one of this name, and make nodes that are named after their operator.
        Exporter::TorchDynamo => {
            let renamed = bias.strip_suffix("_bias").is_some_and(|before| !bias.is_empty() && before == weight);
            renamed || (convolution && layer.has_bias && node.name.starts_with("node_Conv_"))
        }
        // It gives new names to the tensors that it computes. A matrix product takes a weight that is only transposed.
        Exporter::TorchScript => convolution && layer.has_bias && *role == Role::Made,
        Exporter::Other => names_batch_norm(weight) || names_batch_norm(bias),
    };
    node.folded.unwrap_or(by_name)
}

/// A text out of the file, cut where it is long, without control characters.
fn cut(text: &str) -> String {
    const LONGEST: usize = 120;
    let shown: String = text.chars().take(LONGEST).collect();
    let rest = if shown.len() < text.len() { "..." } else { "" };
    format!("{}{rest}", shown.escape_debug().to_string().replace("\\'", "'"))
}

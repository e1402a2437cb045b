//! The choice of parameters among the file's tensors: those that the file names so, and those that are used as weights.

use crate::error::quote;
use crate::graph::{Graph, Node, NodeId, ValueId};
use crate::hints::{Exporter, Role, names_batch_norm};
use crate::proto::data_type;
use crate::tensor::{Budget, Tensor};
use std::collections::{HashMap, HashSet};

/// The parameters among the initializers, and what is to be said of others.
#[derive(Default)]
pub(super) struct Parameters {
    all: HashSet<ValueId>,
    /// Weights of linear layers, [inputs, outputs], that were [outputs, inputs] before the export.
    turned: HashSet<ValueId>,
    /// Names in the model's state dict, where the file tells them by other means than the tensor's name.
    pub(super) names: HashMap<ValueId, String>,
    /// Factors and summands that may be parameters and are held fixed, with their nodes.
    pub(super) held: Vec<(ValueId, NodeId)>,
    /// The tensors that were computed by the exporter.
    pub(super) computed: Vec<ValueId>,
    /// The tensors that are counted as parameters though the file does not tell.
    pub(super) untold: Vec<ValueId>,
}

/// The way in which a node uses a tensor.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Use {
    /// As a weight.
    Weight,
    /// As the factor of a normalisation, or of a layer.
    Scale,
    /// As the summand of a normalisation, or of a layer.
    Bias,
    /// In arithmetic that may be that of a layer, or of anything else.
    Loose,
    /// As a number that is no parameter.
    Fixed,
}

fn way(node: &Node, i: usize) -> Use {
    const NORMALIZATIONS: [&str; 5] =
        ["BatchNormalization", "LayerNormalization", "GroupNormalization", "InstanceNormalization", "RMSNormalization"];
    match (node.operator.as_str(), i) {
        (operator, 1) if NORMALIZATIONS.contains(&operator) => Use::Scale,
        (operator, 2) if NORMALIZATIONS.contains(&operator) => Use::Bias,
        ("Gemm" | "Conv" | "ConvTranspose", 2) => Use::Bias,
        ("Conv" | "ConvTranspose" | "Gemm" | "MatMul" | "Einsum", _)
        | ("PRelu", 1)
        | ("Gather", 0)
        | ("Attention", 0..3) => Use::Weight,
        ("Add" | "Sub" | "Mul" | "Div" | "Sum" | "Concat", _) => Use::Loose,
        _ => Use::Fixed,
    }
}

/// The nodes of the graph as they depend on the samples.
struct Flow<'g> {
    graph: &'g Graph,
    of_samples: HashSet<ValueId>,
    /// Values that some weight has had a part in.
    weighted: HashSet<ValueId>,
    uses: HashMap<ValueId, Vec<(NodeId, usize)>>,
}

impl<'g> Flow<'g> {
    fn of(graph: &'g Graph, order: &[NodeId], input: ValueId) -> Self {
        let mut flow = Self { graph, of_samples: [input].into(), weighted: HashSet::new(), uses: HashMap::new() };
        for &id in order {
            let node = &graph.nodes[id];
            let mut samples = false;
            let mut weight = false;
            for (i, input) in node.inputs.iter().enumerate() {
                let Some(input) = *input else { continue };
                flow.uses.entry(input).or_default().push((id, i));
                samples |= flow.of_samples.contains(&input);
                weight |= flow.weighted.contains(&input);
                let strict = matches!(way(node, i), Use::Weight | Use::Scale);
                weight |= strict && !flow.of_samples.contains(&input);
                weight |= graph.role(Some(input)) == Role::Parameter;
            }
            weight |= node.operator == "ai.onnx.ml.LinearClassifier";
            samples &= !matches!(node.operator.as_str(), "Shape" | "Size");
            for &output in node.outputs.iter().flatten() {
                if samples {
                    flow.of_samples.insert(output);
                }
                if weight {
                    flow.weighted.insert(output);
                }
            }
        }
        flow
    }

    /// The uses of a tensor by nodes that take samples, also through nodes that take none.
    fn ends(&self, value: ValueId) -> Vec<(NodeId, usize)> {
        const MOST: usize = 2000;
        let mut ends = Vec::new();
        let (mut open, mut seen) = (vec![value], HashSet::from([value]));
        while let Some(value) = open.pop() {
            for &(id, i) in self.uses.get(&value).into_iter().flatten() {
                let node = &self.graph.nodes[id];
                let samples = node.inputs.iter().flatten().any(|input| self.of_samples.contains(input));
                if samples {
                    ends.push((id, i));
                } else if !matches!(node.operator.as_str(), "Shape" | "Size") {
                    open.extend(node.outputs.iter().flatten().copied().filter(|&output| seen.insert(output)));
                }
            }
            if ends.len() + seen.len() > MOST {
                break;
            }
        }
        ends
    }

    /// Whether the node's other inputs owe something to a weight.
    fn is_weighted(&self, node: &Node) -> bool {
        node.inputs.iter().flatten().any(|input| self.of_samples.contains(input) && self.weighted.contains(input))
    }

    /// Whether the node multiplies by the factor of a normalisation by groups, or adds its summand.
    fn is_of_norm(&self, node: &Node) -> bool {
        const MOST: usize = 4;
        let mut node = node;
        for _ in 0..MOST {
            let before = node.inputs.iter().flatten().find(|input| self.of_samples.contains(input));
            let Some(before) = before.and_then(|&input| self.graph.maker(input)) else { return false };
            match before.operator.as_str() {
                "InstanceNormalization" => return true,
                "Reshape" | "Mul" => node = before,
                _ => return false,
            }
        }
        false
    }

    /// Whether a tensor of one number is the bias of a layer with one output.
    fn is_bias_of_one(&self, node: &Node, shape: &[i64]) -> bool {
        let outputs = |made: &Node| {
            let weight = made.input(1).and_then(|id| self.graph.initializers.get(&id));
            weight.and_then(|weight| weight.dims.last().copied())
        };
        node.operator == "Add"
            && !shape.is_empty()
            && node.inputs.iter().flatten().any(|&input| {
                self.graph.maker(input).is_some_and(|made| made.operator == "MatMul" && outputs(made) == Some(1))
            })
    }
}

impl Parameters {
    pub(super) fn of(graph: &Graph, order: &[NodeId], input: ValueId) -> Self {
        let flow = Flow::of(graph, order, input);
        let mut found = Self::default();
        for &id in &graph.initializer_order {
            let ends = flow.ends(id);
            if let Some(&(node, _)) = ends.first()
                && found.decide(&flow, id, &ends)
            {
                found.all.insert(id);
                found.name(graph, id, &graph.nodes[node]);
                let direct = flow.uses.get(&id).is_some_and(|uses| uses.len() == ends.len());
                let factor = |&(node, i): &(NodeId, usize)| graph.nodes[node].operator == "MatMul" && i == 1;
                let matrix = graph.initializers.get(&id).is_some_and(|proto| proto.dims.len() == 2);
                if found.names.contains_key(&id) && direct && matrix && ends.iter().all(factor) {
                    found.turned.insert(id);
                }
            }
        }
        found
    }

    pub(super) fn contains(&self, id: ValueId) -> bool {
        self.all.contains(&id)
    }

    pub(super) fn is_turned(&self, id: ValueId) -> bool {
        self.turned.contains(&id)
    }

    fn decide(&mut self, flow: &Flow<'_>, id: ValueId, ends: &[(NodeId, usize)]) -> bool {
        let graph = flow.graph;
        let Some(proto) = graph.initializers.get(&id).filter(|proto| data_type::is_float(proto.data_type)) else {
            return false;
        };
        let role = graph.role(Some(id));
        match role {
            Role::Parameter => return true,
            Role::Buffer => return false,
            Role::Made | Role::Computed(_) | Role::Unknown => {}
        }
        let numbers = proto.dims.iter().fold(1_i64, |product, &size| product.saturating_mul(size));
        let ways = || ends.iter().map(|&(node, i)| (&graph.nodes[node], way(&graph.nodes[node], i)));
        let made = role == Role::Made;
        if ways().any(|(_, way)| way == Use::Weight) {
            return true;
        }
        if ways().any(|(_, way)| matches!(way, Use::Scale | Use::Bias)) {
            // Exporters write ones and zeros where a layer has none.
            let none = |number: f64| made && all_are(proto, number);
            let nothing = ways().all(|(_, way)| match way {
                Use::Scale => none(1.0),
                Use::Bias => none(0.0),
                _ => true,
            });
            return !nothing;
        }
        let Some((node, _)) = ways().find(|&(_, way)| way == Use::Loose) else { return false };
        if !flow.is_weighted(node) {
            return false;
        }
        if numbers > 1 && all_finite(proto) && (graph.folded_names.contains_key(&id) || flow.is_of_norm(node)) {
            return true;
        }
        let name = graph.values[id].as_str();
        let place = node.id;
        match role {
            Role::Computed(_) if numbers > 1 => self.computed.push(id),
            // The newer exporter tells what it computed from tensors of the model.
            Role::Made if numbers > 1 && graph.exporter() == Exporter::TorchScript => self.computed.push(id),
            Role::Unknown if numbers == 1 && !flow.is_bias_of_one(node, &proto.dims) => {
                // A file that names its parameters names all of them.
                let named = graph.roles.values().any(|role| *role == Role::Parameter);
                self.held.extend((!named).then_some((id, place)));
            }
            Role::Unknown if names_batch_norm(name) => self.held.push((id, place)),
            Role::Unknown if all_finite(proto) && !is_mask(proto) => {
                let plain = ["weight", "bias", "gamma", "beta"].iter().any(|ending| name.ends_with(ending));
                if graph.exporter() == Exporter::TorchScript && !plain {
                    self.untold.push(id);
                }
                return true;
            }
            _ => {}
        }
        false
    }

    /// Finds the name of a parameter that the exporter made anew.
    fn name(&mut self, graph: &Graph, id: ValueId, node: &Node) {
        if let Some(name) = graph.folded_names.get(&id) {
            self.names.insert(id, name.clone());
        } else if graph.role(Some(id)) == Role::Made && graph.exporter() == Exporter::TorchScript {
            // The older exporter names nodes by the modules that they stand in: /layers/0/linear/MatMul.
            if let Some((path, _)) = node.name.strip_prefix('/').and_then(|name| name.rsplit_once('/')) {
                let part = if way(node, node.inputs.iter().position(|&i| i == Some(id)).unwrap_or(1)) == Use::Bias {
                    "bias"
                } else {
                    "weight"
                };
                self.names.insert(id, format!("{}.{part}", module(path)));
            }
        }
    }

    /// The warnings.
    pub(super) fn warnings(&self, graph: &Graph) -> Vec<String> {
        const MOST: usize = 6;
        let names = |ids: &[ValueId]| {
            let shown: Vec<String> = ids.iter().take(MOST).map(|&id| quote(&graph.values[id])).collect();
            let more = if ids.len() > MOST { format!(" and {} more", ids.len() - MOST) } else { String::new() };
            format!("{}{more}", shown.join(", "))
        };
        let mut warnings = Vec::new();
        if !self.computed.is_empty() {
            warnings.push(format!(
                "{}, by which the network multiplies or which it adds, was computed by the exporter, perhaps from parameters \
                 of the model; it is held fixed, and the Hessian lacks the rows and columns of such parameters: export the \
                 model again without optimisations (optimize=False, or do_constant_folding=False)",
                names(&self.computed)
            ));
        }
        if !self.untold.is_empty() {
            warnings.push(format!(
                "the file does not tell whether {} is a parameter or a buffer of the model; it is counted as a parameter: export \
                 the model by torch.onnx.export(..., dynamo=True), whose files tell",
                names(&self.untold)
            ));
        }
        for &(id, node) in self.held.iter().take(MOST) {
            let (name, label) = (quote(&graph.values[id]), &graph.nodes[node].label);
            warnings.push(if names_batch_norm(&graph.values[id]) {
                format!(
                    "batch normalisation was written out as arithmetic with {name}; its parameters are not among those of the \
                     Hessian: analyse the weights (.pt, .npz, .safetensors) with an architecture"
                )
            } else {
                format!(
                    "{name}, by which {label} scales or shifts, is held fixed; if the model was trained with it as a parameter, \
                     the Hessian lacks its rows and columns"
                )
            });
        }
        warnings
    }
}

/// The name of a module whose path in the file is `path`. Members of sequences follow the sequence with its name before
/// their number: `features/features.0` is `features.0`.
fn module(path: &str) -> String {
    let parts: Vec<&str> = path.split('/').collect();
    let goes_on = |(i, part): (usize, &&str)| {
        parts.get(i + 1).and_then(|next| next.strip_prefix(*part)).is_some_and(|rest| rest.starts_with('.'))
    };
    let kept: Vec<&str> = parts.iter().enumerate().filter(|&part| !goes_on(part)).map(|(_, part)| *part).collect();
    kept.join(".")
}

/// Whether a tensor has two different numbers and no others, as a mask has.
fn is_mask(proto: &crate::proto::TensorProto) -> bool {
    const LEAST: usize = 5;
    let Ok(tensor) = Tensor::decode(proto, "", &mut Budget::of_file(usize::MAX)) else { return false };
    let Some(&first) = tensor.values.first() else { return false };
    let Some(&second) = tensor.values.iter().find(|&&v| v != first) else { return false };
    tensor.values.len() >= LEAST && tensor.values.iter().all(|&v| v == first || v == second)
}

/// Whether all numbers of a tensor are `number`.
fn all_are(proto: &crate::proto::TensorProto, number: f64) -> bool {
    let decoded = Tensor::decode(proto, "", &mut Budget::of_file(usize::MAX));
    decoded.is_ok_and(|tensor| tensor.values.iter().all(|&v| v == number))
}

fn all_finite(proto: &crate::proto::TensorProto) -> bool {
    let decoded = Tensor::decode(proto, "", &mut Budget::of_file(usize::MAX));
    decoded.is_ok_and(|tensor| tensor.values.iter().all(|v| v.is_finite()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_modules_become_their_names() {
        assert_eq!(module("h/h.0/fc"), "h.0.fc");
        assert_eq!(module("features/features.1/block/block.0/block.0.0"), "features.1.block.0.0");
        assert_eq!(module("conv1"), "conv1");
    }
}

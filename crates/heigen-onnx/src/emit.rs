//! From steps to an architecture: branches that rejoin become residual blocks, layers get names, weights are collected.

use crate::classes;
use crate::error::OnnxError;
use crate::graph::{NodeId, ValueId};
use crate::provenance::{Provenance, Weighted};
use crate::step::{Form, Kind, ROOT, StepId};
use crate::tensor::Tensor;
use crate::walk::Walk;
use crate::{Imported, Precision};
use heigen::vocabulary::{BatchNormMode, LayerSpec, Sequential, Tie};
use heigen_formats::NamedTensor;
use std::collections::{HashMap, HashSet};

/// Most residual blocks inside one another.
const DEEPEST: usize = 32;

struct Emit<'w, 'g> {
    walk: &'w Walk<'g>,
    tensors: Vec<NamedTensor<f64>>,
    /// How exactly the file holds the numbers of each of the tensors.
    precisions: Vec<Precision>,
    names: HashSet<String>,
    /// Steps that are in the architecture.
    emitted: HashSet<StepId>,
    /// The node of the batch normalisation to which initializers belong, by the initializers.
    owners: HashMap<Vec<ValueId>, NodeId>,
    /// The place in `tensors` of the weight or bias that an initializer is, by the initializer.
    first_uses: HashMap<ValueId, usize>,
    /// Names of tensors that are one with those of earlier layers, each with the earlier name.
    tied: Vec<[String; 2]>,
    provenance: Provenance,
}

/// Whether all numbers are one number, as in biases that were never trained: exporters merge equal tensors of that kind.
fn is_constant(values: &[f64]) -> bool {
    values.iter().all(|v| *v == values[0])
}

/// Whether a matrix is its own transpose, so that its numbers do not tell which way round a layer takes it.
fn is_symmetric(tensor: &Tensor) -> bool {
    let &[rows, columns] = &tensor.shape[..] else { return false };
    let at = |i: usize, j: usize| tensor.values[i * columns + j];
    rows == columns && rows > 1 && (0..rows).all(|i| (0..i).all(|j| at(i, j) == at(j, i)))
}

/// The network from the input to step `to`, which makes `n_outputs` features.
pub(crate) fn emit(
    mut walk: Walk<'_>,
    to: StepId,
    n_outputs: usize,
    sample_shape: Vec<usize>,
) -> Result<Imported, OnnxError> {
    let form = walk.steps.get(ROOT).form;
    let mut path = walk.steps.path(ROOT, to);
    let (mut image, mut channels_last) = (form, false);
    if let Some(&first) = path.first()
        && let Kind::Unflatten { channels_last: last } = walk.steps.get(first).kind
    {
        image = walk.steps.get(first).form;
        channels_last = last;
        path.remove(0);
    }
    if path.is_empty() {
        return Err(OnnxError::Output("the graph's output is its input; expected layers between them".into()));
    }
    let mut emit = Emit {
        walk: &walk,
        tensors: vec![],
        precisions: vec![],
        names: HashSet::new(),
        emitted: HashSet::new(),
        owners: HashMap::new(),
        first_uses: HashMap::new(),
        tied: vec![],
        provenance: Provenance::default(),
    };
    let layers = emit.layers(&path, 0)?;
    let Emit { tensors, precisions, provenance, tied, .. } = emit;
    let mut warnings = provenance.warnings(walk.graph.exporter());
    warnings.append(&mut walk.warnings);
    let input_shape = if let Form::Image(shape) = image { Some(shape) } else { None };
    Ok(Imported {
        architecture: Sequential { input_shape, channels_last, batchnorm: BatchNormMode::Running, layers },
        tensors,
        precisions,
        sample_shape,
        n_features: form.len(),
        n_outputs,
        classes: classes::names(walk.graph, n_outputs),
        notes: std::mem::take(&mut walk.notes),
        tied,
        warnings,
    })
}

impl Emit<'_, '_> {
    fn layers(&mut self, path: &[StepId], depth: usize) -> Result<Vec<LayerSpec>, OnnxError> {
        path.iter().map(|&step| self.layer(step, depth)).collect()
    }

    fn layer(&mut self, id: StepId, depth: usize) -> Result<LayerSpec, OnnxError> {
        let step = self.walk.steps.get(id);
        let node = step.node.unwrap_or_default();
        if !self.emitted.insert(id) {
            let problem = "two branches that are not those of one residual block need its result; expected branches that \
                           part at one value and rejoin in one Add";
            return Err(self.error(node, problem));
        }
        match &step.kind {
            Kind::Layer(layer) => {
                if let LayerSpec::Scale { scale, shift } = layer
                    && let Some(number) = scale.iter().chain(shift).find(|number| !number.is_finite())
                {
                    return Err(self.error(node, &format!("it scales or shifts by {number}; expected finite numbers")));
                }
                Ok(layer.clone())
            }
            Kind::Affine(layer) => {
                let weight_name = layer.origin.map(|id| self.walk.graph.values[id].as_str());
                let name = self.name(node, weight_name);
                if let Some(by) = layer.origin.and_then(|origin| self.walk.graph.computed_by(origin)) {
                    return Err(self.error(node, &format!("{by} computes its weight from others")));
                }
                let weighted = Weighted {
                    origin: layer.origin,
                    bias_origin: layer.bias_origin,
                    is_convolution: layer.window.is_some(),
                    has_bias: layer.bias.is_some(),
                };
                self.provenance.look_at(self.walk.graph, &self.walk.graph.nodes[node], &weighted, &name);
                let weight = self.parameter(node, &name, "weight", &layer.weight, layer.origin)?;
                let bias = match &layer.bias {
                    Some(bias) => self.parameter(node, &name, "bias", bias, layer.bias_origin)?,
                    None => None,
                };
                let tie = Tie { weight, bias };
                let (outputs, bias, name) = (layer.outputs(), layer.bias.is_some(), Some(name));
                Ok(match layer.window {
                    None => LayerSpec::Linear { name, out_features: outputs, bias, tie },
                    Some(window) => LayerSpec::Conv2d { name, out_channels: outputs, window, bias, tie },
                })
            }
            Kind::Normalization(layer) => {
                let used = if layer.affine { &layer.origins[..] } else { &layer.origins[2..] };
                self.own(node, used.iter().copied().collect::<Option<_>>().unwrap_or_default())?;
                let of = |i: usize| layer.origins[i].map(|id| self.walk.graph.values[id].as_str());
                let mean =
                    of(2).and_then(|name| name.strip_suffix(".running_mean")).map(|name| format!("{name}.weight"));
                let weight_name = of(0).map(str::to_owned).or(mean);
                let name = self.name(node, weight_name.as_deref());
                let parts = ["weight", "bias", "running_mean", "running_var"].iter().zip(&layer.tensors);
                for (part, tensor) in parts.skip(if layer.affine { 0 } else { 2 }) {
                    self.tensor(&name, part, tensor)?;
                }
                Ok(LayerSpec::BatchNorm { name: Some(name), eps: layer.eps, affine: layer.affine })
            }
            Kind::Join(ways) => self.residual(node, step.parent, *ways, depth),
            Kind::Softmax => Err(self.walk.graph.nodes[node]
                .not_yet("it stands in the middle of the network; expected one at the end, if any")),
            Kind::Root | Kind::Unflatten { .. } => Err(self.error(
                node,
                "the samples are reshaped into images in one branch only; expected that it happens before they part",
            )),
        }
    }

    fn residual(
        &mut self,
        node: NodeId,
        from: StepId,
        ways: [StepId; 2],
        depth: usize,
    ) -> Result<LayerSpec, OnnxError> {
        if depth == DEEPEST {
            return Err(self.error(node, &format!("more than {DEEPEST} residual blocks stand inside one another")));
        }
        let [a, b] = ways.map(|way| self.walk.steps.path(from, way));
        let (main, shortcut) = if b.len() > a.len() { (b, a) } else { (a, b) };
        let main = self.layers(&main, depth + 1)?;
        Ok(LayerSpec::Residual { main, shortcut: self.layers(&shortcut, depth + 1)? })
    }

    fn error(&self, node: NodeId, problem: &str) -> OnnxError {
        self.walk.graph.nodes[node].error(problem)
    }

    /// Takes weight or bias of a layer into the list of tensors. If it is the initializer that an earlier layer has, the two
    /// are one parameter: nothing is taken, and the name of the earlier layer's tensor is returned.
    fn parameter(
        &mut self,
        node: NodeId,
        layer: &str,
        part: &str,
        tensor: &Tensor,
        origin: Option<ValueId>,
    ) -> Result<Option<String>, OnnxError> {
        let first = origin.and_then(|origin| self.first_uses.get(&origin).copied());
        let Some(place) = first else {
            self.first_uses.extend(origin.map(|origin| (origin, self.tensors.len())));
            return self.tensor(layer, part, tensor).map(|()| None);
        };
        let shared = &self.tensors[place];
        if part == "bias" && is_constant(&tensor.values) {
            let names = [format!("{layer}.bias"), shared.name.clone()];
            self.provenance.merged(&names, tensor.values.first().copied().unwrap_or_default());
            return self.tensor(layer, part, tensor).map(|()| None);
        }
        if shared.shape == tensor.shape && shared.values[..] == tensor.values[..] && !is_symmetric(tensor) {
            let name = shared.name.clone();
            self.tied.push([format!("{layer}.{part}"), name.clone()]);
            return Ok(Some(name));
        }
        Err(self
            .error(node, "its weight is also that of another layer, which takes it in another shape or orientation"))
    }

    /// Refuses initializers that another layer has.
    fn own(&mut self, node: NodeId, initializers: Vec<ValueId>) -> Result<(), OnnxError> {
        if initializers.is_empty() {
            return Ok(());
        }
        match self.owners.insert(initializers, node) {
            None => Ok(()),
            Some(_) => Err(self.error(node, "its tensors are also those of another batch normalisation")),
        }
    }

    /// The layer's name: the part before ".weight" in the name of its weight (PyTorch's), or else the node's name, or
    /// else the weight's.
    fn name(&mut self, node: NodeId, weight: Option<&str>) -> String {
        let prefix = weight.and_then(|name| name.strip_suffix(".weight"));
        let named = [prefix, Some(self.walk.graph.nodes[node].name.as_str()), weight, Some("layer")];
        let name = named.into_iter().flatten().find(|name| !name.is_empty()).unwrap_or_default();
        let allowed = |c: char| if c.is_ascii_alphanumeric() || "_.-".contains(c) { c } else { '_' };
        let name: String = name.chars().map(allowed).collect();
        let numbered = (2..).map(|i| format!("{name}_{i}"));
        let unique = std::iter::once(name.clone()).chain(numbered).find(|name| !self.names.contains(name));
        let unique = unique.unwrap_or(name);
        self.names.insert(unique.clone());
        unique
    }

    fn tensor(&mut self, layer: &str, part: &str, tensor: &Tensor) -> Result<(), OnnxError> {
        let name = format!("{layer}.{part}");
        if let Some(value) = tensor.values.iter().find(|v| !v.is_finite()) {
            return Err(OnnxError::Tensor { name, problem: format!("it holds {value}; expected finite numbers") });
        }
        self.tensors.push(NamedTensor { name, shape: tensor.shape.clone(), values: tensor.values.to_vec() });
        self.precisions.push(tensor.precision);
        Ok(())
    }
}

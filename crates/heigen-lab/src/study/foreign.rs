//! Reads a network that another program wrote: its architecture and its weights.

use super::{ImportError, ImportRequest, Renaming, beside};
use crate::LabError;
use crate::call::Call;
use crate::error::OfJob;
use heigen::config::{BatchNormMode, LayerSpec, ModelSpec, Sequential};
use heigen_formats::state_dict;
use heigen_store::weights::NamedTensor;
use std::path::Path;

/// The architectures that are known by name and need no file.
const KNOWN: &[&str] = &["FNN", "FNN_2layer", "CNN", "LeNet5", "ResNet18"];

/// The remark on a network with a single output.
const SINGLE_OUTPUT: &str = "The single output z of the network is taken as the logits [0, z] of two classes: their \
                             cross-entropy is the binary cross-entropy of z.";

/// A network as its files describe it.
#[derive(Debug)]
pub(super) struct Foreign {
    pub(super) architecture: Sequential,
    pub(super) tensors: Vec<NamedTensor<f64>>,
    /// C, the number of classes.
    pub(super) n_outputs: usize,
    /// The labels of the classes in the order of the outputs, where the file names them.
    pub(super) classes: Option<Vec<String>>,
    /// The shape of a sample, where the file says so.
    pub(super) sample_shape: Option<Vec<usize>>,
    /// Sentences about how the network was read.
    pub(super) notes: Vec<String>,
    /// Sentences about reasons why its parameters may not be the trained ones.
    pub(super) warnings: Vec<String>,
}

/// Reads the network's file and its architecture.
pub(super) fn read(call: &Call, request: &ImportRequest) -> Result<Foreign, LabError> {
    let path = &request.model;
    let ending = path.extension().map_or_else(String::new, |e| e.to_string_lossy().to_ascii_lowercase());
    if ending == "onnx" {
        if request.arch.is_some() || !request.renamings.is_empty() {
            return Err(ImportError::BringsArchitecture { path: path.clone() }.into());
        }
        return onnx(call, path);
    }
    let tensors = renamed(state_dict(call, path, &ending)?, &request.renamings)?;
    let Some(arch) = &request.arch else {
        return Err(ImportError::NoArchitecture { path: path.clone() }.into());
    };
    let (spec, stated) = architecture(arch, &tensors)?;
    let n_outputs = outputs(&spec, &tensors, arch)?;
    let input_shape = match &spec {
        ModelSpec::Cnn {} => Some([1, 28, 28]),
        ModelSpec::LeNet5 {} => Some([3, 32, 32]),
        ModelSpec::Sequential(own) => own.input_shape,
        _ => None,
    };
    // The analysis is of the network as it predicts, with running statistics, unless the architecture says otherwise.
    let is_there = |ending: &str| tensors.iter().any(|t| t.name.ends_with(ending));
    let running = is_there(".running_mean") && is_there(".running_var");
    let found = if running { BatchNormMode::Running } else { BatchNormMode::Batch };
    let batchnorm = stated.unwrap_or(found);
    let channels_last = matches!(&spec, ModelSpec::Sequential(own) if own.channels_last);
    let mut architecture = Sequential { input_shape, channels_last, batchnorm, layers: spec.layers(n_outputs) };
    let mut notes = Vec::new();
    let mut bare = Vec::new();
    let has = |name: String| tensors.iter().any(|tensor| tensor.name == name);
    without_parameters(&mut architecture.layers, "", &has, &mut bare);
    if !bare.is_empty() {
        notes.push(format!(
            "the weights have no weight and bias of the batch normalisation {}, which is taken without parameters \
             (affine=False)",
            bare.join(", ")
        ));
    }
    let mut n_outputs = n_outputs;
    if n_outputs == 1 && !architecture.ends_in_log_softmax() {
        architecture.layers.push(LayerSpec::BinaryLogits);
        n_outputs = 2;
        notes.push(SINGLE_OUTPUT.to_owned());
    }
    if arch == "FNN_2layer" {
        notes.push("FNN_2layer is taken with ReLU; for another activation give its layers in a file".to_owned());
    }
    if !running && has_batch_norm(&architecture.layers) {
        notes.push(format!(
            "{} has no running statistics: batch normalisation takes those of the samples, as in training",
            path.display()
        ));
    }
    Ok(Foreign { architecture, tensors, n_outputs, classes: None, sample_shape: None, notes, warnings: vec![] })
}

fn onnx(call: &Call, path: &Path) -> Result<Foreign, LabError> {
    let bytes = call.lab.cache.read_weights(path)?;
    let mut others = |name: &str| beside::read(path, name, call.lab.memory);
    let mut imported = heigen_onnx::import_with(&bytes, &mut others).of(path.display())?;
    if imported.architecture.input_shape.is_none() {
        // Whatever the shape of the samples, their numbers are the features.
        imported.architecture.layers.insert(0, LayerSpec::Flatten);
    }
    Ok(Foreign {
        architecture: imported.architecture,
        tensors: imported.tensors,
        n_outputs: imported.n_outputs,
        classes: imported.classes,
        sample_shape: Some(imported.sample_shape),
        notes: imported.notes,
        warnings: imported.warnings,
    })
}

fn state_dict(call: &Call, path: &Path, ending: &str) -> Result<Vec<NamedTensor<f64>>, LabError> {
    let (origin, bytes) = (path.display().to_string(), || call.lab.cache.read_weights(path));
    Ok(match ending {
        "safetensors" => call.memo.weights(&call.lab.cache, path)?.weights()?.tensors.clone(),
        "npz" => state_dict::npz(&bytes()?, &origin)?.tensors,
        "pt" | "pth" | "bin" | "ckpt" => state_dict::pytorch(&bytes()?, &origin)?.tensors,
        _ => return Err(ImportError::UnknownKind { path: path.to_owned() }.into()),
    })
}

/// The tensors under the architecture's names: in every name, the longest beginning that `map` knows is replaced.
fn renamed(mut tensors: Vec<NamedTensor<f64>>, map: &[Renaming]) -> Result<Vec<NamedTensor<f64>>, ImportError> {
    for used in map {
        if !tensors.iter().any(|t| t.name.starts_with(&used.from)) {
            let names = tensors.iter().map(|t| t.name.clone()).take(8).collect();
            return Err(ImportError::Renaming { renaming: used.clone(), names });
        }
    }
    for tensor in &mut tensors {
        let fitting = map.iter().filter(|m| tensor.name.starts_with(&m.from)).max_by_key(|m| m.from.len());
        if let Some(Renaming { from, to }) = fitting {
            tensor.name = format!("{to}{}", &tensor.name[from.len()..]);
        }
    }
    let mut names: Vec<&str> = tensors.iter().map(|t| t.name.as_str()).collect();
    names.sort_unstable();
    if let Some(twice) = names.iter().zip(names.iter().skip(1)).find_map(|(a, b)| (a == b).then_some(a)) {
        return Err(ImportError::NamedTwice { name: (*twice).to_owned() });
    }
    Ok(tensors)
}

/// The number of rows of a tensor: the outputs of the layer that it belongs to.
fn rows(tensors: &[NamedTensor<f64>], name: &str) -> Option<usize> {
    tensors.iter().find(|t| t.name == name)?.shape.first().copied()
}

/// The architecture named `arch`, with the widths of the weights, or the one in the file `arch`; and the statistics of
/// batch normalisation that the file asks for, if any.
fn architecture(arch: &str, tensors: &[NamedTensor<f64>]) -> Result<(ModelSpec, Option<BatchNormMode>), LabError> {
    let width = |name: &str| {
        let (arch, tensor) = (arch.to_owned(), name.to_owned());
        rows(tensors, name).ok_or(ImportError::NoTensor { arch, tensor, reference: true })
    };
    let preset = |args: serde_json::Value| serde_json::json!({"type": arch, "args": args}).to_string();
    let text = match arch {
        "FNN" => preset(serde_json::json!({"num_neurons": width("linear_relu_stack.0.weight")?})),
        "FNN_2layer" => preset(serde_json::json!({
            "num_neurons_layer1": width("fc1.weight")?,
            "num_neurons_layer2": width("fc2.weight")?,
        })),
        "CNN" | "LeNet5" | "ResNet18" => preset(serde_json::json!({})),
        file => std::fs::read_to_string(file).map_err(|source| ImportError::Architecture {
            arch: file.to_owned(),
            known: KNOWN,
            source,
        })?,
    };
    let spec = ModelSpec::parse(&text, arch)?;
    let value: serde_json::Value = serde_json::from_str(&text)?;
    let states = value.get("batchnorm").or_else(|| value.get("args")?.get("batchnorm")).is_some();
    let stated = match &spec {
        ModelSpec::Sequential(own) if states => Some(own.batchnorm),
        _ => None,
    };
    Ok((spec, stated))
}

/// The number of outputs of the last layer, which must be linear.
fn outputs(spec: &ModelSpec, tensors: &[NamedTensor<f64>], arch: &str) -> Result<usize, ImportError> {
    let layers = spec.layers(1);
    let is_behind = |layer: &&LayerSpec| {
        use LayerSpec::{BinaryLogits, Dropout, LogSoftmax, Scale};
        matches!(layer, LogSoftmax | Dropout { .. } | BinaryLogits | Scale { .. })
    };
    let last = layers.iter().rev().find(|layer| !is_behind(layer));
    if layers.contains(&LayerSpec::BinaryLogits) {
        return Ok(2);
    }
    match (spec, last.and_then(last_linear)) {
        (ModelSpec::Sequential(_), Some(LayerSpec::Linear { out_features, .. })) => Ok(*out_features),
        (_, Some(LayerSpec::Linear { name: Some(name), .. })) => {
            let weight = format!("{name}.weight");
            let missing = || ImportError::NoTensor { arch: arch.to_owned(), tensor: weight.clone(), reference: false };
            rows(tensors, &weight).ok_or_else(missing)
        }
        _ => {
            let last = last.map_or("missing", LayerSpec::kind);
            Err(ImportError::LastLayer { arch: arch.to_owned(), last: last.to_owned() })
        }
    }
}

/// The layer itself, or the last layer of a residual block.
fn last_linear(layer: &LayerSpec) -> Option<&LayerSpec> {
    match layer {
        LayerSpec::Linear { .. } => Some(layer),
        LayerSpec::Residual { main, .. } => main.last().and_then(last_linear),
        _ => None,
    }
}

/// Takes batch normalisation without parameters where the file has its statistics, but neither weight nor bias; `bare` gets
/// the names of such layers.
fn without_parameters(layers: &mut [LayerSpec], prefix: &str, has: &impl Fn(String) -> bool, bare: &mut Vec<String>) {
    for (i, layer) in layers.iter_mut().enumerate() {
        match layer {
            LayerSpec::BatchNorm { name, affine, .. } => {
                let name = name.clone().unwrap_or_else(|| format!("{prefix}{i}"));
                let part = |part: &str| has(format!("{name}.{part}"));
                if *affine && part("running_mean") && !part("weight") && !part("bias") {
                    *affine = false;
                    bare.push(name);
                }
            }
            LayerSpec::Residual { main, shortcut } => {
                without_parameters(main, &format!("{prefix}{i}.main."), has, bare);
                without_parameters(shortcut, &format!("{prefix}{i}.shortcut."), has, bare);
            }
            _ => {}
        }
    }
}

fn has_batch_norm(layers: &[LayerSpec]) -> bool {
    layers.iter().any(|layer| match layer {
        LayerSpec::BatchNorm { .. } => true,
        LayerSpec::Residual { main, shortcut } => has_batch_norm(main) || has_batch_norm(shortcut),
        _ => false,
    })
}

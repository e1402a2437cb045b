//! A network from elsewhere: its architecture and its weights.

use crate::args::{AnalyzeArgs, Renaming};
use anyhow::{Context, Result, bail};
use heigen::config::{BatchNormMode, LayerSpec, ModelSpec, Sequential};
use heigen_formats::state_dict;
use heigen_store::weights::{self, NamedTensor};
use std::path::Path;

/// What was read of a network.
#[derive(Debug)]
pub(super) struct Foreign {
    pub(super) architecture: Sequential,
    pub(super) tensors: Vec<NamedTensor<f64>>,
    /// C.
    pub(super) n_outputs: usize,
    /// What is to be said of how it was read.
    pub(super) notes: Vec<String>,
}

/// Reads `--model` and `--arch`.
pub(super) fn read(args: &AnalyzeArgs) -> Result<Foreign> {
    let path = &args.model;
    let ending = path.extension().map_or_else(String::new, |e| e.to_string_lossy().to_ascii_lowercase());
    if ending == "onnx" {
        if args.arch.is_some() || !args.map.is_empty() {
            bail!("{} brings its architecture and names along; leave out --arch and --map", path.display());
        }
        return onnx(path);
    }
    let tensors = renamed(state_dict(path, &ending)?, &args.map)?;
    let Some(arch) = &args.arch else {
        bail!(
            "{} holds weights only; say what network they belong to by --arch: a JSON file of its layers, or FNN, \
             FNN_2layer, CNN, LeNet5, ResNet18 (or export the network as ONNX)",
            path.display()
        )
    };
    let (spec, stated) = architecture(arch, &tensors)?;
    let n_outputs = outputs(&spec, &tensors, arch)?;
    let input_shape = match &spec {
        ModelSpec::Cnn {} => Some([1, 28, 28]),
        ModelSpec::LeNet5 {} => Some([3, 32, 32]),
        ModelSpec::Sequential(own) => own.input_shape,
        _ => None,
    };
    // An analysis is of the network as it predicts, unless the architecture says otherwise.
    let is_there = |ending: &str| tensors.iter().any(|t| t.name.ends_with(ending));
    let running = is_there(".running_mean") && is_there(".running_var");
    let found = if running { BatchNormMode::Running } else { BatchNormMode::Batch };
    let batchnorm = stated.unwrap_or(found);
    let architecture = Sequential { input_shape, batchnorm, layers: spec.layers(n_outputs) };
    let mut notes = Vec::new();
    if arch == "FNN_2layer" {
        notes.push("FNN_2layer is taken with ReLU; for another activation give its layers in a file".to_owned());
    }
    if !running && has_batch_norm(&architecture.layers) {
        notes.push(format!(
            "{} has no running statistics: batch normalisation takes those of the samples, as in training",
            path.display()
        ));
    }
    Ok(Foreign { architecture, tensors, n_outputs, notes })
}

fn onnx(path: &Path) -> Result<Foreign> {
    let mut imported = heigen_onnx::import(&bytes(path)?).with_context(|| path.display().to_string())?;
    if imported.architecture.input_shape.is_none() {
        // Whatever shape samples have, their numbers are the features.
        imported.architecture.layers.insert(0, LayerSpec::Flatten);
    }
    Ok(Foreign {
        architecture: imported.architecture,
        tensors: imported.tensors,
        n_outputs: imported.n_outputs,
        notes: imported.notes,
    })
}

fn bytes(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

fn state_dict(path: &Path, ending: &str) -> Result<Vec<NamedTensor<f64>>> {
    let origin = path.display().to_string();
    Ok(match ending {
        "safetensors" => weights::load_f64(path)?.tensors,
        "npz" => state_dict::npz(&bytes(path)?, &origin)?.tensors,
        "pt" | "pth" | "bin" | "ckpt" => state_dict::pytorch(&bytes(path)?, &origin)?.tensors,
        _ => bail!("{origin} is no network by its name; expected .onnx, .safetensors, .pt, .pth or .npz"),
    })
}

/// The tensors under the architecture's names: the longest beginning that `map` knows is replaced.
fn renamed(mut tensors: Vec<NamedTensor<f64>>, map: &[Renaming]) -> Result<Vec<NamedTensor<f64>>> {
    for used in map {
        if !tensors.iter().any(|t| t.name.starts_with(&used.from)) {
            let names: Vec<&str> = tensors.iter().map(|t| t.name.as_str()).take(8).collect();
            bail!(
                "--map {}={}: no tensor begins with `{}`; there are {}, ...",
                used.from,
                used.to,
                used.from,
                names.join(", ")
            );
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
        bail!("--map gives two tensors the name {twice}");
    }
    Ok(tensors)
}

/// Rows of a tensor: the outputs of the layer it belongs to.
fn rows(tensors: &[NamedTensor<f64>], name: &str) -> Option<usize> {
    tensors.iter().find(|t| t.name == name)?.shape.first().copied()
}

/// The architecture of that name, its widths as the weights have them, or of that file; and what it states of the statistics
/// of batch normalisation.
fn architecture(arch: &str, tensors: &[NamedTensor<f64>]) -> Result<(ModelSpec, Option<BatchNormMode>)> {
    let width = |name: &str| {
        let missing =
            || format!("--arch {arch}: the weights have no {name}; expected the reference's names (--map renames)");
        rows(tensors, name).with_context(missing)
    };
    let preset = |args: serde_json::Value| serde_json::json!({"type": arch, "args": args}).to_string();
    let text = match arch {
        "FNN" => preset(serde_json::json!({"num_neurons": width("linear_relu_stack.0.weight")?})),
        "FNN_2layer" => preset(serde_json::json!({
            "num_neurons_layer1": width("fc1.weight")?,
            "num_neurons_layer2": width("fc2.weight")?,
        })),
        "CNN" | "LeNet5" | "ResNet18" => preset(serde_json::json!({})),
        file => std::fs::read_to_string(file).with_context(|| {
            format!(
                "--arch {file} is neither FNN, FNN_2layer, CNN, LeNet5 or ResNet18 nor a file that can be read; \
                 a file lists the layers, see `heigen analyze --help`"
            )
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

/// The outputs of the last layer, a linear one.
fn outputs(spec: &ModelSpec, tensors: &[NamedTensor<f64>], arch: &str) -> Result<usize> {
    let layers = spec.layers(1);
    let last = layers.iter().rev().find(|l| !matches!(l, LayerSpec::LogSoftmax | LayerSpec::Dropout { .. }));
    match (spec, last.and_then(last_linear)) {
        (ModelSpec::Sequential(_), Some(LayerSpec::Linear { out_features, .. })) => Ok(*out_features),
        (_, Some(LayerSpec::Linear { name: Some(name), .. })) => {
            let weight = format!("{name}.weight");
            let missing = || format!("--arch {arch}: the weights have no {weight}; expected its names (--map renames)");
            rows(tensors, &weight).with_context(missing)
        }
        _ => bail!(
            "--arch {arch}: the last layer is {}; expected linear, one output for each class",
            last.map_or("missing", LayerSpec::kind)
        ),
    }
}

/// The layer itself, or the last one of a residual block.
fn last_linear(layer: &LayerSpec) -> Option<&LayerSpec> {
    match layer {
        LayerSpec::Linear { .. } => Some(layer),
        LayerSpec::Residual { main, .. } => main.last().and_then(last_linear),
        _ => None,
    }
}

fn has_batch_norm(layers: &[LayerSpec]) -> bool {
    layers.iter().any(|layer| match layer {
        LayerSpec::BatchNorm { .. } => true,
        LayerSpec::Residual { main, shortcut } => has_batch_norm(main) || has_batch_norm(shortcut),
        _ => false,
    })
}

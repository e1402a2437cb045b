//! Reads a network that another program wrote: its architecture and its weights.

use super::ties::SharedTensors;
use super::{ImportError, ImportRequest, Renaming, beside};
use crate::LabError;
use crate::call::Call;
use crate::error::OfJob;
use heigen::config::{BatchNormMode, LayerSpec, ModelSpec, Sequential};
use heigen_formats::foreign_text::shown;
use heigen_formats::{FileKind, state_dict};
use heigen_onnx::SINGLE_OUTPUT;
use heigen_store::weights::{self, NamedTensor};
use heigen_store::{StoreError, bounded, own_data};
use std::path::Path;

/// The architectures that are known by name and need no file.
const KNOWN: &[&str] = &["FNN", "FNN_2layer", "CNN", "LeNet5", "ResNet18"];

/// The most bytes of the file of an architecture.
const LONGEST_ARCHITECTURE: u64 = 64 << 20;
/// A network as its files describe it.
#[derive(Debug)]
pub(super) struct Foreign {
    pub(super) architecture: Sequential,
    pub(super) tensors: Vec<NamedTensor<f64>>,
    /// C, the number of classes.
    pub(super) n_outputs: usize,
    pub(super) shared: SharedTensors,
    /// The labels of the classes in the order of the outputs, where the file names them.
    pub(super) classes: Option<Vec<String>>,
    /// The shape of a sample, where the file says so.
    pub(super) sample_shape: Option<Vec<usize>>,
    /// Sentences about how the network was read.
    pub(super) notes: Vec<String>,
    /// Sentences about reasons why its parameters may not be the trained ones.
    pub(super) warnings: Vec<String>,
}

/// The tensors of a file of weights.
#[derive(Default)]
struct Weights {
    tensors: Vec<NamedTensor<f64>>,
    shared: SharedTensors,
    notes: Vec<String>,
}

/// Endings of files that hold networks.
const ENDINGS: [&str; 8] = ["onnx", "safetensors", "npz", "pt", "pth", "pth.tar", "bin", "ckpt"];

/// Reads the network's file and its architecture. The kind of the file is told by its content.
pub(super) fn read(call: &Call, request: &ImportRequest) -> Result<Foreign, LabError> {
    let path = &request.model;
    if let Some(tensors) = &request.given.tensors {
        return weights_only(call, request, Weights { tensors: tensors.to_vec(), ..Weights::default() });
    }
    let bytes = call.lab.together.read(|| call.lab.cache.read_weights(path))?;
    let kind = FileKind::of(&bytes);
    let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().to_ascii_lowercase());
    let has = |ending: &&&str| name.strip_suffix(**ending).is_some_and(|stem| stem.ends_with('.'));
    let Some(ending) = ENDINGS.iter().find(has) else {
        let may_be = matches!(kind, FileKind::Safetensors | FileKind::Zip | FileKind::Onnx);
        return Err(ImportError::UnknownKind { path: path.clone(), content: may_be.then(|| kind.name()) }.into());
    };
    let weights = match kind {
        FileKind::Safetensors => safetensors(path, &bytes)?,
        // An ONNX model has no mark of its own, so the ending counts as well.
        FileKind::Onnx | FileKind::Unknown if *ending == "onnx" => {
            if request.arch.is_some()
                || request.given.architecture.is_some()
                || !request.renamings.is_empty()
                || !request.leave_out.is_empty()
            {
                return Err(ImportError::BringsArchitecture { path: path.clone() }.into());
            }
            return onnx(call, path, &bytes);
        }
        FileKind::Unknown if *ending == "safetensors" => safetensors(path, &bytes)?,
        // Of what is no archive the reader says what it is: damaged, or of an old format.
        FileKind::Zip | FileKind::Pickle | FileKind::Tar | FileKind::Unknown => zipped(request, &bytes)?,
        kind => return Err(ImportError::OtherContent { path: path.clone(), content: kind.name() }.into()),
    };
    weights_only(call, request, weights)
}

/// A network whose weights and architecture come apart.
fn weights_only(call: &Call, request: &ImportRequest, weights: Weights) -> Result<Foreign, LabError> {
    let path = &request.model;
    let Weights { tensors, shared, mut notes } = chosen(weights, request)?;
    let (arch, text) = match (&request.arch, &request.given.architecture) {
        (arch, Some(text)) => (arch.as_deref().unwrap_or("that was given"), Some(text)),
        (Some(arch), None) => (arch.as_str(), None),
        (None, None) => return Err(ImportError::NoArchitecture { path: path.clone() }.into()),
    };
    let (spec, stated) = architecture(call, arch, text, &tensors)?;
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
    let mut bare = Vec::new();
    let has = |name: String| tensors.iter().any(|t| t.name == name || ends_with_name(&t.name, &name));
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
    Ok(Foreign { architecture, tensors, n_outputs, shared, classes: None, sample_shape: None, notes, warnings: vec![] })
}

fn onnx(call: &Call, path: &Path, bytes: &[u8]) -> Result<Foreign, LabError> {
    let mut others = |name: &str| {
        let mut why = None;
        let read = || {
            beside::read(path, name, call.lab.memory).map_err(|reason| {
                why = Some(reason);
                LabError::Lost
            })
        };
        call.lab.together.read(read).map_err(|other| why.unwrap_or_else(|| other.to_string()))
    };
    let mut imported = heigen_onnx::import_with(bytes, &mut others).of(path.display())?;
    let takes_shape = matches!(imported.architecture.layers.first(), Some(LayerSpec::Graph(_)));
    if imported.architecture.input_shape.is_none() && !takes_shape {
        // Whatever the shape of the samples, their numbers are the features.
        imported.architecture.layers.insert(0, LayerSpec::Flatten);
    }
    Ok(Foreign {
        architecture: imported.architecture,
        tensors: imported.tensors,
        n_outputs: imported.n_outputs,
        shared: SharedTensors { tied: imported.tied, overlapping: vec![] },
        classes: imported.classes,
        sample_shape: Some(imported.sample_shape),
        notes: imported.notes,
        warnings: imported.warnings,
    })
}

fn safetensors(path: &Path, bytes: &[u8]) -> Result<Weights, LabError> {
    let read = weights::parse_f64(path, bytes)?;
    // The library's `save_model` writes a shared tensor once, and under the name that it left out the name that it kept.
    let is_there = |name: &String| read.tensors.iter().any(|tensor| tensor.name == *name);
    let shared = read.metadata.iter().filter(|(left_out, kept)| !is_there(left_out) && is_there(kept));
    let tied = shared.map(|(left_out, kept)| [kept.clone(), left_out.clone()]).collect();
    let shared = SharedTensors { tied, overlapping: vec![] };
    Ok(Weights { tensors: read.tensors, shared, notes: Vec::new() })
}

/// The weights in a zip archive: NumPy's or PyTorch's.
fn zipped(request: &ImportRequest, bytes: &[u8]) -> Result<Weights, LabError> {
    let (origin, limit) = (request.model.display().to_string(), own_data::limit(&request.data));
    let read = if state_dict::is_npz(bytes) || request.model.extension().is_some_and(|e| e == "npz") {
        state_dict::npz(bytes, &origin, limit)?
    } else {
        state_dict::pytorch(bytes, &origin, request.weights_key.as_deref(), limit)?
    };
    let name = |place: usize| read.tensors.get(place).map_or_else(String::new, |tensor| tensor.name.clone());
    let named = |pairs: &[[usize; 2]]| pairs.iter().map(|&[first, second]| [name(first), name(second)]).collect();
    let shared = SharedTensors { tied: named(&read.tied), overlapping: named(&read.overlapping) };
    Ok(Weights { tensors: read.tensors, shared, notes: read.notes })
}

/// The tensors under their new names, without those that are left out.
fn chosen(mut weights: Weights, request: &ImportRequest) -> Result<Weights, LabError> {
    let map = &request.renamings;
    weights.tensors = renamed(weights.tensors, map)?;
    weights.shared.rename(|name| new_name(name, map));
    for start in &request.leave_out {
        let before = weights.tensors.len();
        let names = || weights.tensors.iter().map(|t| t.name.clone()).collect();
        if !weights.tensors.iter().any(|t| t.name.starts_with(start)) {
            return Err(ImportError::LeaveOut { start: start.clone(), names: names() }.into());
        }
        weights.tensors.retain(|t| !t.name.starts_with(start));
        let count = before - weights.tensors.len();
        let tensors = if count == 1 { "tensor is" } else { "tensors are" };
        weights.notes.push(format!("{count} {tensors} left out whose names begin with `{}`", shown(start)));
    }
    Ok(weights)
}

/// A name in which the longest beginning that `map` knows is replaced.
fn new_name(name: &str, map: &[Renaming]) -> String {
    let fitting = map.iter().filter(|m| name.starts_with(&m.from)).max_by_key(|m| m.from.len());
    fitting.map_or_else(|| name.to_owned(), |Renaming { from, to }| format!("{to}{}", &name[from.len()..]))
}

/// The tensors under the architecture's names: in every name, the longest beginning that `map` knows is replaced.
fn renamed(mut tensors: Vec<NamedTensor<f64>>, map: &[Renaming]) -> Result<Vec<NamedTensor<f64>>, ImportError> {
    for used in map {
        if !tensors.iter().any(|t| t.name.starts_with(&used.from)) {
            let names = tensors.iter().map(|t| t.name.clone()).collect();
            return Err(ImportError::Renaming { renaming: used.clone(), names });
        }
    }
    tensors.iter_mut().for_each(|tensor| tensor.name = new_name(&tensor.name, map));
    let mut names: Vec<&str> = tensors.iter().map(|t| t.name.as_str()).collect();
    names.sort_unstable();
    if let Some(twice) = names.iter().zip(names.iter().skip(1)).find_map(|(a, b)| (a == b).then_some(a)) {
        return Err(ImportError::NamedTwice { name: (*twice).to_owned() });
    }
    Ok(tensors)
}

/// The number of rows of a tensor: the outputs of the layer that it belongs to. Its name may have a beginning that the
/// architecture's lacks, if all tensors whose names end so agree.
fn rows(tensors: &[NamedTensor<f64>], name: &str) -> Option<usize> {
    let exact = tensors.iter().find(|t| t.name == name);
    let mut ending = tensors.iter().filter(|t| ends_with_name(&t.name, name)).map(|t| t.shape.first().copied());
    exact.map_or_else(
        || {
            let first = ending.next()?;
            ending.all(|rows| rows == first).then_some(first)?
        },
        |tensor| tensor.shape.first().copied(),
    )
}

/// Whether a tensor's name is another name behind a dot.
pub(super) fn ends_with_name(full: &str, name: &str) -> bool {
    full.strip_suffix(name).is_some_and(|start| start.ends_with('.'))
}

/// The architecture named `arch`, with the widths of the weights, or the one in the file `arch`; and the statistics of
/// batch normalisation that the file asks for, if any.
fn architecture(
    call: &Call,
    arch: &str,
    text: Option<&String>,
    tensors: &[NamedTensor<f64>],
) -> Result<(ModelSpec, Option<BatchNormMode>), LabError> {
    let width = |name: &str| {
        let (arch, tensor) = (arch.to_owned(), name.to_owned());
        rows(tensors, name).ok_or(ImportError::NoTensor { arch, tensor, reference: true })
    };
    let preset = |args: serde_json::Value| serde_json::json!({"type": arch, "args": args}).to_string();
    let text = match arch {
        _ if text.is_some() => text.cloned().unwrap_or_default(),
        "FNN" => preset(serde_json::json!({"num_neurons": width("linear_relu_stack.0.weight")?})),
        "FNN_2layer" => preset(serde_json::json!({
            "num_neurons_layer1": width("fc1.weight")?,
            "num_neurons_layer2": width("fc2.weight")?,
        })),
        "CNN" | "LeNet5" | "ResNet18" => preset(serde_json::json!({})),
        file => {
            let unknown =
                |source| LabError::from(ImportError::Architecture { arch: file.to_owned(), known: KNOWN, source });
            let text = call.lab.together.read(|| text_of(file).map(String::into_bytes).map_err(unknown))?;
            String::from_utf8_lossy(&text).into_owned()
        }
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

/// The text of the file of an architecture.
fn text_of(file: &str) -> Result<String, std::io::Error> {
    let bytes = bounded::read(Path::new(file), LONGEST_ARCHITECTURE).map_err(|error| match error {
        StoreError::Read { cause, .. } => cause,
        other => std::io::Error::other(other.to_string()),
    })?;
    String::from_utf8(bytes).map_err(|_| std::io::Error::other("it is no text"))
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
    if let Some(LayerSpec::Graph(graph)) = last {
        return graph.n_outputs().map_err(|error| ImportError::Graph { arch: arch.to_owned(), error });
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

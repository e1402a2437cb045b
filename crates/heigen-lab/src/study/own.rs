//! The experiment that stands for a network from elsewhere. It is written once, so that every request can work with it.

use super::foreign::{Foreign, ends_with_name};
use super::{ImportError, ImportRequest, Imported, Occupant, names, ties};
use crate::LabError;
use crate::call::Call;
use crate::error::OfJob;
use crate::prepare::{self, Prepared, samples};
use crate::store::replace;
use crate::training::IMPORTED;
use heigen::config::{
    AnyName, DatasetSpec, Experiment, ExperimentName, FileArgs, LayerSpec, LossKind, ModelSpec, TargetForm,
};
use heigen::linalg::Matrix;
use heigen::model::Network;
use heigen_onnx::SINGLE_OUTPUT;
use heigen_store::atomic::{self, Staged};
use heigen_store::catalogue::{Loaded, Origin};
use heigen_store::files;
use heigen_store::layout::ExperimentPaths;
use heigen_store::record::{loss_name, stamp};
use heigen_store::weights::{self, NamedTensor, Weights};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// Checks that network and samples fit together, then writes the experiment and its weights.
pub(super) fn store(call: &Call, request: &ImportRequest, mut foreign: Foreign) -> Result<Imported, LabError> {
    let name = name(request)?;
    let paths = call.store.of(&name)?;
    if let Some(given) = &request.given.samples {
        call.memo.give(paths.features().display().to_string(), Arc::clone(given));
    }
    let targets = with_outputs_for_targets(request, &mut foreign);
    let mut experiment = experiment(request, targets, &foreign, name, &paths)?;
    let single = foreign.architecture.layers.contains(&LayerSpec::BinaryLogits);
    let of_single = |error: LabError| match error {
        stopped if stopped.is_stopped() || !single => stopped,
        source => ImportError::LabelsOfSingleOutput { model: request.model.clone(), source: Box::new(source) }.into(),
    };
    prepare::read_for_all(call, &experiment).of(&experiment.name)?;
    if let DatasetSpec::File(args) = &experiment.dataset
        && !args.channels_last
        && !foreign.architecture.channels_last
        && has_channels_last(&foreign, &samples(call, &experiment).of(&experiment.name).map_err(of_single)?.data.shape)
    {
        experiment.dataset = DatasetSpec::File(FileArgs { channels_last: true, ..args.clone() });
    }
    foreign.notes.extend(with_ignored_samples(call, &mut experiment));
    let mut prepared = Prepared::by_all(call, &experiment).map_err(of_single)?;
    fitting_shape(request, &foreign, &prepared)?;
    let layout = prepared.network.layout();
    foreign.notes.extend(names::meet(layout, &mut foreign.tensors, &mut foreign.shared, &request.model)?);
    foreign.notes.extend(flattened(&foreign, &prepared.samples.data.shape));
    if ties::meet(layout, &mut foreign, &request.model)? {
        experiment.model = ModelSpec::Sequential(foreign.architecture.clone());
        prepared = prepared.with_model(&experiment)?;
    }
    if !request.given.ties_are_known {
        foreign.warnings.extend(ties::equal_but_not_tied(prepared.network.layout(), &foreign.tensors));
    }
    only_numbers(request, &foreign, &prepared)?;
    let theta = prepared.place(&foreign.tensors).map_err(|source| unfit(request, &foreign, &prepared, source))?;
    let numbers = prepared.network.activation_size();
    let bytes = 64.0 * numbers as f64;
    if bytes > call.lab.memory {
        return Err(ImportError::TooLarge { numbers, gib: bytes / 2f64.powi(30) }.into());
    }
    if request.loss == LossKind::Nll && !foreign.architecture.ends_in_log_softmax() {
        log_probabilities(call, request, &prepared, &theta)?;
    }
    refuse_other(call, &paths, request)?;
    let metadata = metadata(request, &prepared)?;
    let staged = staged(request, &foreign, &experiment, &paths, &metadata);
    // All processes of a computation have looked at what stands there, before one of them replaces it.
    call.lab.together.meet()?;
    let replaced = staged.and_then(|(hash, staged)| Ok(replace(&[], staged).map(|()| hash)?));
    let hash = call.lab.together.outcome(replaced)?;
    let kept = Weights { tensors: foreign.tensors, metadata, skipped: vec![], rounded: vec![] };
    call.memo.wrote(paths.weights(), hash, kept);
    let origin = Origin::File(paths.experiment());
    let notes = foreign.notes.into_iter().chain(prepared.notes()).collect();
    let warnings = foreign.warnings;
    Ok(Imported { experiment: Loaded { experiment, notes: vec![], origin }, paths, prepared, theta, notes, warnings })
}

/// The files of the experiment, and the hash of its weights.
fn staged(
    request: &ImportRequest,
    foreign: &Foreign,
    experiment: &Experiment,
    paths: &ExperimentPaths,
    metadata: &BTreeMap<String, String>,
) -> Result<(String, Vec<Staged>), LabError> {
    let written = weights::stage(&paths.weights(), &foreign.tensors, metadata)?;
    let hash = written.hash().to_owned();
    let text = format!("{:#}\n", experiment.to_json());
    let mut staged = vec![written, atomic::stage_with(&paths.experiment(), |file| file.write_all(text.as_bytes()))?];
    if let Some((features, labels)) = request.given.samples.as_ref().map(|given| given.bytes()) {
        for (path, bytes) in [(paths.features(), features), (paths.labels(), labels.unwrap_or_default())] {
            staged.push(atomic::stage_with(&path, |file| file.write_all(bytes))?);
        }
    }
    Ok((hash, staged))
}

/// Samples whose outputs are looked at, and the largest difference of a sum of probabilities from 1.
const LOOKED_AT: usize = 64;
const SUM: f64 = 1e-6;

/// Refuses outputs that are no logarithms of probabilities: their exponentials do not add up to 1.
fn log_probabilities(call: &Call, request: &ImportRequest, prepared: &Prepared, theta: &[f64]) -> Result<(), LabError> {
    let samples = prepared.training();
    let inputs = Matrix::from_f32(&samples.features, samples.n_features());
    let some = inputs.columns(0..inputs.columns.min(LOOKED_AT));
    let outputs = call.run(|| prepared.network.outputs(theta, &some));
    let is_one = |o: &[f64]| (o.iter().map(|o| o.exp()).sum::<f64>() - 1.0).abs() <= SUM;
    if outputs.iter_columns().all(is_one) {
        Ok(())
    } else {
        Err(ImportError::NoLogProbabilities { model: request.model.clone() }.into())
    }
}

/// Takes samples whose label the loss ignores in again, where the network takes the statistics of the batch: they belong to it.
/// Every sample is then one position, since samples without a class leave nothing to tell classes apart by.
/// Returns a sentence about it. What cannot be read or built is left for those to tell who need it.
fn with_ignored_samples(call: &Call, experiment: &mut Experiment) -> Option<String> {
    let DatasetSpec::File(args) = &experiment.dataset else { return None };
    if args.ignore_index.is_none() || !matches!(args.targets, None | Some(TargetForm::Classes)) {
        return None;
    }
    let counted = samples(call, experiment).ok()?;
    let data = &counted.data;
    let network = Network::build_for(&experiment.model, &data.shape, data.n_classes).ok()?;
    if !network.couples_samples() {
        return None;
    }
    let args = FileArgs { targets: Some(TargetForm::Positions), ..args.clone() };
    let with_all = Experiment { dataset: DatasetSpec::File(args), ..experiment.clone() };
    prepare::read_for_all(call, &with_all).ok()?;
    let ignored = samples(call, &with_all).ok()?.data.n_samples().saturating_sub(data.n_samples());
    if ignored == 0 {
        return None;
    }
    *experiment = with_all;
    Some(format!(
        "the network takes the statistics of the batch: the {ignored} samples whose label the loss ignores belong to it, and \
         all that compares classes is left out"
    ))
}

/// Fails if a parameter or a running statistic is infinite or NaN, or if another tensor of a graph, such as a mask, is NaN.
fn only_numbers(request: &ImportRequest, foreign: &Foreign, prepared: &Prepared) -> Result<(), ImportError> {
    let graphs = prepared.network.has_graph_buffers();
    let buffers = prepared.network.layout().buffers();
    for tensor in &foreign.tensors {
        let (model, name) = (request.model.clone(), tensor.name.clone());
        let statistic = name.ends_with(".running_mean") || name.ends_with(".running_var");
        if graphs && !statistic && buffers.iter().any(|buffer| buffer.name == name) {
            if tensor.values.iter().any(|v| v.is_nan()) {
                return Err(ImportError::NotANumber { model, tensor: name });
            }
        } else if tensor.values.iter().any(|v| !v.is_finite()) {
            return Err(ImportError::NotFinite { model, tensor: name });
        }
    }
    Ok(())
}

/// Fails if the samples are arrays of another shape than the network's file asks for, such as images whose channels come
/// first for a network that takes them last: the numbers are as many, but not the same.
fn fitting_shape(request: &ImportRequest, foreign: &Foreign, prepared: &Prepared) -> Result<(), ImportError> {
    let long = |shape: &[usize]| shape.iter().copied().filter(|&n| n != 1).collect::<Vec<_>>();
    let Some(wanted) = &foreign.sample_shape else { return Ok(()) };
    let got = &prepared.samples.data.shape;
    let (one, other) = (long(wanted), long(got));
    if one.len() < 2 || other.len() < 2 || one == other {
        return Ok(());
    }
    let (model, data) = (request.model.clone(), request.data.path.clone().into());
    Err(ImportError::SampleShape { model, data, got: got.clone(), wanted: wanted.clone() })
}

/// Whether the network begins with a convolution whose channels are the last axis of the samples, and not the first.
fn has_channels_last(foreign: &Foreign, shape: &[usize]) -> bool {
    let &[first, _, last] = shape else { return false };
    let conv = foreign.architecture.layers.iter().enumerate().find_map(|(i, layer)| match layer {
        LayerSpec::Conv2d { name, .. } => Some(Some(name.clone().unwrap_or_else(|| i.to_string()))),
        LayerSpec::Linear { .. } | LayerSpec::Residual { .. } | LayerSpec::Flatten => Some(None),
        _ => None,
    });
    let Some(name) = conv.flatten().map(|name| format!("{name}.weight")) else { return false };
    let weight = foreign.tensors.iter().find(|t| t.name == name || ends_with_name(&t.name, &name));
    weight
        .is_some_and(|weight| matches!(weight.shape[..], [_, channels, _, _] if channels == last && channels != first))
}

/// A sentence about samples of several axes for a network of features, whose order of the axes nobody can check.
fn flattened(foreign: &Foreign, shape: &[usize]) -> Option<String> {
    let is_flat = matches!(foreign.architecture.layers.first(), Some(LayerSpec::Flatten | LayerSpec::Linear { .. }));
    (is_flat && shape.len() > 1).then(|| {
        let features: usize = shape.iter().product();
        format!("samples of the shape {shape:?} are taken as {features} features, the last axis running fastest")
    })
}

/// The error for weights that do not fit, with what may mend it.
fn unfit(request: &ImportRequest, foreign: &Foreign, prepared: &Prepared, source: LabError) -> ImportError {
    let (mut renamings, mut unused) = (Vec::new(), Vec::new());
    if let LabError::Layout(error) = &source {
        // A guess would be about names that the given renamings have changed.
        if request.renamings.is_empty() {
            renamings = names::guessed(prepared.network.layout(), &foreign.tensors, error);
        }
        if error.missing.is_empty() && error.misshapen.is_empty() {
            unused.clone_from(&error.unexpected);
        }
    }
    ImportError::Fit {
        model: request.model.clone(),
        features: prepared.samples.data.n_features(),
        data: request.data.path.clone().into(),
        renamings,
        unused,
        source: Box::new(source),
    }
}

/// The name that was asked for, or `own/<name of the model's file>`.
fn name(args: &ImportRequest) -> Result<ExperimentName, LabError> {
    if let Some(name) = &args.name {
        return Ok(name.parse()?);
    }
    let stem = args.model.file_stem().map_or_else(String::new, |s| s.to_string_lossy().into_owned());
    let safe: String = stem.chars().map(|c| if c.is_alphanumeric() || "_-.+".contains(c) { c } else { '_' }).collect();
    let safe = safe.trim_start_matches('.');
    Ok(ExperimentName::new("own", if safe.is_empty() { "network" } else { safe })?)
}

/// The form of the labels: the one that was asked for, or the one that the loss takes of a network with so many outputs.
fn targets(request: &ImportRequest, outputs: usize) -> Option<TargetForm> {
    let of_numbers = match request.loss {
        LossKind::Mse => outputs == 1,
        LossKind::BinaryCrossEntropy => outputs > 1,
        loss => loss.is_regression(),
    };
    request.data.targets.or_else(|| of_numbers.then_some(TargetForm::Numbers))
}

/// The form of the labels; the network gets the outputs that they need. Importers take a single output z for the logits [0, z] of two classes;
/// where it is compared with numbers, it stays alone.
fn with_outputs_for_targets(request: &ImportRequest, foreign: &mut Foreign) -> Option<TargetForm> {
    let single = matches!(foreign.architecture.layers.last(), Some(LayerSpec::BinaryLogits));
    let targets = targets(request, if single { 1 } else { foreign.n_outputs });
    if single && targets.is_some_and(|form| form != TargetForm::Classes) {
        foreign.architecture.layers.pop();
        foreign.n_outputs = 1;
        foreign.notes.retain(|note| note != SINGLE_OUTPUT);
    }
    targets
}

fn experiment(
    request: &ImportRequest,
    targets: Option<TargetForm>,
    foreign: &Foreign,
    name: ExperimentName,
    paths: &ExperimentPaths,
) -> Result<Experiment, LabError> {
    let architecture = &foreign.architecture;
    let possible = match targets {
        None | Some(TargetForm::Classes) => architecture.may_give_log_probabilities(),
        Some(_) => architecture.ends_in_log_softmax(),
    };
    if request.loss == LossKind::Nll && !possible {
        return Err(ImportError::NoLogProbabilities { model: request.model.clone() }.into());
    }
    let of_two = matches!(request.loss, LossKind::CrossEntropy | LossKind::BinaryCrossEntropy);
    if !of_two && foreign.architecture.layers.contains(&LayerSpec::BinaryLogits) {
        return Err(ImportError::SingleOutput { model: request.model.clone(), loss: loss_name(request.loss) }.into());
    }
    let text = |path: PathBuf| path.display().to_string();
    let (path, labels_path) = match request.given.samples {
        Some(_) => (text(paths.features()), Some(text(paths.labels()))),
        None => (request.data.path.clone(), request.data.labels_path.clone()),
    };
    let data = FileArgs {
        path,
        labels_path,
        num_classes: Some(foreign.n_outputs),
        targets,
        ignore_index: request.loss_args.ignore_index,
        class_names: request.data.class_names.clone().or_else(|| foreign.classes.clone()),
        ..request.data.clone()
    };
    let mut loss = json!(request.loss);
    if !request.loss_args.is_empty() {
        loss = json!({"type": loss, "args": request.loss_args});
    }
    let written = json!({
        "model": ModelSpec::Sequential(foreign.architecture.clone()),
        "optimizer": {"type": "SGD", "args": {"lr": 0.01}},
        "dataset": {"type": "file", "args": data},
        "loss": loss,
        "train_fraction": 1.0,
        "test_fraction": 0.0,
        "trainer": {"num_epochs": 0, "batch_size": "full", "how_often_print": 1},
    });
    Ok(Experiment::parse(&written.to_string(), name, &paths.experiment().display().to_string(), &AnyName)?.experiment)
}

/// Fails if the name is taken by weights that heigen trained, that somebody put there, or that come from another file,
/// unless the request says that they may be replaced.
fn refuse_other(call: &Call, paths: &ExperimentPaths, request: &ImportRequest) -> Result<(), LabError> {
    let path = paths.weights();
    if request.force {
        return Ok(());
    }
    if !files::exists(&path) {
        let experiment = paths.experiment();
        if files::exists(&experiment) {
            return Err(ImportError::Occupied { path: experiment, by: Occupant::Experiment }.into());
        }
        return Ok(());
    }
    let there = call.memo.weights(&call.lab.cache, &path).ok();
    let imported = there.and_then(|file| file.weights().ok()?.metadata.get(IMPORTED).cloned());
    let by = match imported {
        Some(from) if !files::exists(&paths.record()) && from == origin(request) => return Ok(()),
        Some(from) if !files::exists(&paths.record()) => Occupant::Import(from),
        _ => Occupant::Other,
    };
    Err(ImportError::Occupied { path, by }.into())
}

/// The name of the network's file; of tensors from memory, which no file tells from others, with a hash of them.
fn origin(request: &ImportRequest) -> String {
    let name = request.model.display().to_string();
    let Some(tensors) = &request.given.tensors else { return name };
    let part = |t: &NamedTensor<f64>| -> Vec<u8> {
        t.name.bytes().chain(t.values.iter().flat_map(|value| value.to_le_bytes())).collect()
    };
    format!("{name} ({:.12})", stamp(tensors.iter().map(part)))
}

fn metadata(request: &ImportRequest, prepared: &Prepared) -> Result<BTreeMap<String, String>, LabError> {
    let mut metadata = prepared.metadata()?;
    metadata.insert(IMPORTED.to_owned(), origin(request));
    Ok(metadata)
}

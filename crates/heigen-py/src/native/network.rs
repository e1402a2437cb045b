//! Requests to take in a network, in Python's words, which come as JSON.

use super::asked::loss;
use heigen::config::{FileArgs, TargetForm};
use heigen::vocabulary::LossArgs;
use heigen_lab::{Given, ImportRequest, Renaming};
use heigen_store::catalogue;
use heigen_store::own_data::Opened;
use heigen_store::weights::NamedTensor;
use pyo3::prelude::*;
use serde::Deserialize;
use std::path::PathBuf;
use std::sync::Arc;

/// Where a network and its samples come from, under the names of Python's keywords.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Origin {
    /// The file of the network, or a name for one that is handed over in memory.
    model: PathBuf,
    /// The file or the name of its architecture.
    #[serde(default)]
    arch: Option<String>,
    /// The text of its architecture.
    #[serde(default)]
    architecture: Option<String>,
    #[serde(default)]
    rename: Vec<(String, String)>,
    #[serde(default)]
    leave_out: Vec<String>,
    #[serde(default)]
    weights_key: Option<String>,
    /// The options of the samples; those of a file where they are in one.
    data: Data,
    loss: String,
    #[serde(default)]
    loss_args: LossArgs,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    force: bool,
    #[serde(default)]
    ties_are_known: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Data {
    path: String,
    labels_path: Option<String>,
    divide_by: Option<u32>,
    channels_last: bool,
    standardize: bool,
    class_names: Option<Vec<String>>,
    class_list: Option<Vec<usize>>,
    max_gib: Option<u32>,
    features_key: Option<String>,
    labels_key: Option<String>,
    label_column: Option<String>,
    more_label_columns: Option<Vec<String>>,
    drop: Option<Vec<String>>,
    header: Option<bool>,
    targets: Option<String>,
}

impl Data {
    /// The options of samples in a file.
    fn file(self) -> Result<FileArgs, String> {
        Ok(FileArgs {
            path: self.path,
            labels_path: self.labels_path,
            divide_by: self.divide_by,
            channels_last: self.channels_last,
            standardize: self.standardize,
            class_names: self.class_names,
            class_list: self.class_list,
            max_gib: self.max_gib,
            features_key: self.features_key,
            labels_key: self.labels_key,
            label_column: self.label_column,
            more_label_columns: self.more_label_columns,
            drop: self.drop,
            header: self.header,
            targets: self.targets.as_deref().map(targets).transpose()?,
            ..FileArgs::default()
        })
    }
}

/// The form of targets of a name.
fn targets(name: &str) -> Result<TargetForm, String> {
    let known = TargetForm::ALL.map(TargetForm::name);
    TargetForm::from_name(name).ok_or_else(|| format!("targets is \"{name}\"; expected one of {}", known.join(", ")))
}

/// The lab's request; `tensors` and `samples` are what is handed over in memory.
pub(crate) fn request(
    json: &str,
    tensors: Option<Vec<NamedTensor<f64>>>,
    samples: Option<Opened>,
) -> Result<ImportRequest, String> {
    let origin: Origin = serde_json::from_str(json).map_err(|e| e.to_string())?;
    let Origin {
        model,
        arch,
        architecture,
        rename,
        leave_out,
        weights_key,
        data,
        loss: kind,
        loss_args,
        name,
        force,
        ties_are_known,
    } = origin;
    Ok(ImportRequest {
        arch,
        renamings: rename.into_iter().map(|(from, to)| Renaming { from, to }).collect(),
        leave_out,
        weights_key,
        given: Given { architecture, tensors: tensors.map(Arc::new), samples: samples.map(Arc::new), ties_are_known },
        loss: loss(&kind)?,
        loss_args,
        name,
        force,
        ..ImportRequest::new(model, data.file()?)
    })
}

/// The names of the experiments that heigen ships.
#[pyfunction]
pub(crate) fn experiments() -> Vec<String> {
    catalogue::names().iter().map(ToString::to_string).collect()
}

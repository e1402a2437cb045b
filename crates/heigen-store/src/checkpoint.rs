//! The state of an unfinished training: a safetensors file with the weights, the buffers of the update rule, and the
//! rest as metadata.

use std::collections::BTreeMap;
use std::path::Path;

use heigen::train::{Checkpoint, Evaluation, Report};
use serde::{Deserialize, Serialize};

use crate::record::{EpochReport, PartReport, stamp};
use crate::weights::{self, NamedTensor};
use crate::{StoreError, atomic};

/// The part of the state that is not tensors.
#[derive(Deserialize, Serialize)]
struct Rest {
    format: String,
    stamp: String,
    epochs_done: usize,
    updates: u32,
    seconds: f64,
    epochs: Vec<EpochReport>,
    /// The BLAKE3 hash of the tensors' numbers.
    hash: String,
}

/// The hash of the numbers of all tensors, by which damage is noticed.
fn hash(tensors: &[NamedTensor]) -> String {
    let bytes = |tensor: &NamedTensor| tensor.values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
    stamp(tensors.iter().map(bytes))
}

const FORMAT: &str = "heigen checkpoint 2";
const THETA: &str = "theta";
const REST: &str = "heigen";

/// Writes `state` of the training that the stamp `run` names, `seconds` after its beginning.
///
/// # Errors
/// As [`atomic::write_with`], and [`StoreError::Values`] if a loss is not finite.
pub fn save(path: &Path, run: &str, seconds: f64, state: &Checkpoint) -> Result<(), StoreError> {
    let tensor =
        |name: String, values: &[f32]| NamedTensor { name, shape: vec![values.len()], values: values.to_vec() };
    let mut tensors = vec![tensor(THETA.to_owned(), &state.theta)];
    tensors.extend(state.buffers.iter().enumerate().map(|(i, b)| tensor(format!("buffer.{i}"), b)));
    let rest = Rest {
        format: FORMAT.to_owned(),
        stamp: run.to_owned(),
        epochs_done: state.epochs_done,
        updates: state.updates,
        seconds,
        epochs: state.reports.iter().filter_map(epoch_report).collect(),
        hash: hash(&tensors),
    };
    let rest = serde_json::to_string(&rest).map_err(|e| StoreError::values(path, e.to_string()))?;
    weights::save(path, &tensors, &BTreeMap::from([(REST.to_owned(), rest)]))
}

/// The state at `path` and the seconds after the beginning at which it was written, if it is whole and belongs to the training that
/// the stamp `run` names. Any other file there is of no use, and the training starts anew.
pub fn load(path: &Path, run: &str) -> Option<(Checkpoint, f64)> {
    let mut file = weights::load(path).ok()?;
    let rest: Rest = serde_json::from_str(file.metadata.get(REST)?).ok()?;
    if rest.format != FORMAT
        || rest.stamp != run
        || rest.hash != hash(&file.tensors)
        || file.tensors.first()?.name != THETA
    {
        return None;
    }
    let theta = file.tensors.remove(0).values;
    let part = |p: PartReport| Evaluation { loss: p.loss, accuracy: p.accuracy };
    let report = |e: &EpochReport| Report {
        epochs_done: e.epoch,
        train: Some(part(e.train)),
        validation: e.validation.map(part),
        test: e.test.map(part),
    };
    let state = Checkpoint {
        epochs_done: rest.epochs_done,
        theta,
        buffers: file.tensors.into_iter().map(|t| t.values).collect(),
        updates: rest.updates,
        reports: rest.epochs.iter().map(report).collect(),
    };
    Some((state, rest.seconds))
}

/// Removes the state at `path`, if there is one.
///
/// # Errors
/// As [`atomic::remove`].
pub fn remove(path: &Path) -> Result<(), StoreError> {
    atomic::remove(path)
}

/// A report in the form in which records keep it; none if there are no training samples.
pub fn epoch_report(report: &Report) -> Option<EpochReport> {
    let part = |e: Evaluation| PartReport { loss: e.loss, accuracy: e.accuracy };
    Some(EpochReport {
        epoch: report.epochs_done,
        train: part(report.train?),
        validation: report.validation.map(part),
        test: report.test.map(part),
    })
}

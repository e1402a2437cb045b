//! Requests in Python's words, which come as JSON, and the lab's.

use heigen::curvature::{OperatorKind, Which};
use heigen::vocabulary::{Dtype, LossArgs, LossKind};
use heigen_lab::{Asked, DensityAsked, EstimatesAsked, How, Keep, Matter, TopPairs, Way};
use serde::{Deserialize, Serialize};
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// The options of an analysis under the names of Python's keywords.
#[allow(clippy::struct_excessive_bools, reason = "switches are what keywords are")]
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Options {
    operator: String,
    loss: Option<String>,
    classes: Vec<usize>,
    samples: Option<[usize; 2]>,
    layers: Vec<String>,
    weight_decay: f64,
    decay_only: Vec<String>,
    label_smoothing: f64,
    loss_args: LossArgs,
    reparameterize: Option<[f64; 3]>,
    batch: Option<NonZeroUsize>,
    weights: Option<PathBuf>,
    method: String,
    dtype: String,
    k: Option<usize>,
    which: String,
    tol: f64,
    trace: Option<usize>,
    density: Option<[usize; 2]>,
    diagonal: Option<usize>,
    by_layer: bool,
    full_basis: bool,
    matrix: bool,
    coherence: bool,
    eigenpairs: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self::of(&Asked::default())
    }
}

const OPERATORS: [(&str, OperatorKind); 4] = [
    ("hessian", OperatorKind::Hessian),
    ("ggn", OperatorKind::GaussNewton),
    ("fisher", OperatorKind::EmpiricalFisher),
    ("remainder", OperatorKind::FunctionalRemainder),
];
const ENDS: [(&str, Which); 4] =
    [("LA", Which::Largest), ("SA", Which::Smallest), ("BE", Which::BothEnds), ("LM", Which::LargestMagnitude)];
const WAYS: [(&str, Way); 4] =
    [("auto", Way::Auto), ("exact", Way::Exact), ("dense", Way::Dense), ("lanczos", Way::Lanczos)];

/// The value that has a name, or a sentence that says which names there are.
fn chosen<T: Copy>(what: &str, name: &str, known: &[(&str, T)]) -> Result<T, String> {
    let found = known.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
    found.ok_or_else(|| {
        let names: Vec<String> = known.iter().map(|(name, _)| format!("\"{name}\"")).collect();
        format!("{what} is \"{name}\"; expected {}", names.join(", "))
    })
}

fn name_of<T: PartialEq>(value: &T, known: &[(&str, T)]) -> String {
    known.iter().find(|(_, v)| v == value).map_or_else(String::new, |(name, _)| (*name).to_owned())
}

/// The loss of a name.
pub(crate) fn loss(name: &str) -> Result<LossKind, String> {
    let known = LossKind::ALL.map(|loss| (loss.name(), loss));
    LossKind::from_name(name).map_or_else(|| chosen("loss", name, &known), Ok)
}

impl Options {
    /// The options in `json`.
    pub(crate) fn parse(json: &str) -> Result<Self, String> {
        serde_json::from_str(json).map_err(|e| e.to_string())
    }

    /// The options as JSON.
    pub(crate) fn to_json(&self) -> Result<String, String> {
        serde_json::to_string(self).map_err(|e| e.to_string())
    }

    /// The options of the lab's request.
    pub(crate) fn of(asked: &Asked) -> Self {
        let Asked { subject, how, top, estimates, keep, eigenpairs } = asked;
        Self {
            operator: name_of(&subject.operator, &OPERATORS),
            loss: subject.loss.map(|loss| loss.name().to_owned()),
            classes: subject.classes.clone(),
            samples: subject.samples.as_ref().map(|range| [range.start, range.end]),
            layers: subject.layers.clone(),
            weight_decay: subject.weight_decay,
            decay_only: subject.decay_only.clone(),
            label_smoothing: subject.label_smoothing,
            loss_args: subject.loss_args.clone(),
            reparameterize: subject.factors,
            batch: subject.batch,
            weights: how.weights.clone(),
            method: name_of(&how.way, &WAYS),
            dtype: how.dtype.name().to_owned(),
            k: top.count,
            which: name_of(&top.which, &ENDS),
            tol: top.tolerance,
            trace: estimates.trace,
            density: estimates.density.map(|d| [d.probes, d.steps]),
            diagonal: estimates.diagonal,
            by_layer: estimates.by_layer,
            full_basis: keep.full_basis,
            matrix: keep.matrix,
            coherence: keep.coherence,
            eigenpairs: *eigenpairs,
        }
    }

    /// The lab's request.
    pub(crate) fn asked(&self) -> Result<Asked, String> {
        let dtypes = [("float64", Dtype::Float64), ("float32", Dtype::Float32)];
        if !(self.tol.is_finite() && self.tol > 0.0) {
            return Err(format!("tol is {}; expected a positive number", self.tol));
        }
        let positive = [("k", self.k), ("trace", self.trace), ("diagonal", self.diagonal)];
        if let Some((name, _)) = positive.iter().find(|(_, n)| *n == Some(0)) {
            return Err(format!("{name} is 0; expected a number from 1"));
        }
        if self.density.is_some_and(|[probes, steps]| probes == 0 || steps == 0) {
            return Err("density is (probes, steps); expected numbers from 1".to_owned());
        }
        Ok(Asked {
            subject: Matter {
                operator: chosen("operator", &self.operator, &OPERATORS)?,
                loss: self.loss.as_deref().map(loss).transpose()?,
                classes: self.classes.clone(),
                samples: self.samples.map(|[start, end]| start..end),
                layers: self.layers.clone(),
                weight_decay: self.weight_decay,
                decay_only: self.decay_only.clone(),
                label_smoothing: self.label_smoothing,
                loss_args: self.loss_args.clone(),
                factors: self.reparameterize,
                batch: self.batch,
            },
            how: How {
                weights: self.weights.clone(),
                way: chosen("method", &self.method, &WAYS)?,
                dtype: chosen("dtype", &self.dtype, &dtypes)?,
            },
            top: TopPairs { count: self.k, which: chosen("which", &self.which, &ENDS)?, tolerance: self.tol },
            estimates: EstimatesAsked {
                trace: self.trace,
                density: self.density.map(|[probes, steps]| DensityAsked { probes, steps }),
                diagonal: self.diagonal,
                by_layer: self.by_layer,
            },
            keep: Keep { full_basis: self.full_basis, matrix: self.matrix, coherence: self.coherence },
            eigenpairs: self.eigenpairs,
        })
    }
}

//! Analyses that stand in a store, found by their records.

use super::{Asked, DensityAsked, EstimatesAsked, Found, How, Matter, TopPairs};
use crate::{LabError, Store};
use heigen::config::{AnyName, DatasetSpec, Experiment, ExperimentName, LossKind};
use heigen::curvature::{OperatorKind, Which};
use heigen_store::catalogue::{self, Loaded, Origin};
use heigen_store::files;
use heigen_store::layout::ExperimentPaths;
use heigen_store::record::{End, Estimates, ModelRecord, Operator, Subject, Summary};
use std::path::{Path, PathBuf};

/// The ending of the names of records.
const ENDING: &str = "_analysis.json";

/// An analysis as it stands in a store.
#[derive(Clone, Debug)]
pub struct Stored {
    /// The experiment.
    pub experiment: Loaded,
    /// The options by which the analysis is made again. Records do not tell mini-batches, nor whether the way to the whole
    /// spectrum was asked for or chosen, so that there are none and the way is chosen.
    pub asked: Asked,
    /// The numbers.
    pub found: Found,
    /// The paths of its files.
    pub paths: ExperimentPaths,
}

impl Store {
    /// The paths of the records of all analyses in the store, in ascending order.
    pub fn analyses(&self) -> Vec<PathBuf> {
        let is_record = |path: &PathBuf| path.to_str().is_some_and(|path| path.ends_with(ENDING));
        let all = self.files().unwrap_or_else(|| {
            let folders = files::list(&self.dir().join("grads")).unwrap_or_default();
            folders.iter().flat_map(|folder| files::list(folder).unwrap_or_default()).collect()
        });
        all.into_iter().filter(is_record).collect()
    }

    /// The analysis whose record stands at `path` in this store. Its arrays are checked against their hashes.
    ///
    /// # Errors
    /// [`LabError::NoAnalysis`] for a record that is of another kind, damaged, or not as it was written; else whatever keeps
    /// its experiment from being read.
    pub fn analysis(&self, path: &Path) -> Result<Stored, LabError> {
        let unusable = |why: String| LabError::NoAnalysis { path: path.to_owned(), why };
        let text = files::read_to_string(path).map_err(|e| unusable(e.to_string()))?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let (found, damage, name) = match Summary::parse(&text).map_err(|e| unusable(e.to_string()))? {
            Summary::Spectrum(r) => (Found::Whole(r.clone()), r.check_files(folder), r.name),
            Summary::Eigenpairs(r) => (Found::Top(r.clone()), r.check_files(folder), r.name),
            Summary::Estimates(r) => (Found::Estimates(r.clone()), r.check_files(folder), r.name),
            Summary::Model(_) | Summary::Boundary(_) | Summary::Attribution(_) | Summary::Along(_) => {
                return Err(unusable("it is the record of something else".to_owned()));
            }
        };
        damage.map_err(|e| unusable(e.to_string()))?;
        let file = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let variant = file.strip_suffix(ENDING).and_then(|stem| stem.strip_prefix(&*name.stem));
        let Some(variant) = variant else {
            return Err(unusable(format!("it is of {name}, and its file has another name")));
        };
        let paths = self.of(&name)?.variant(variant.trim_start_matches('+'));
        if paths.analysis() != path {
            return Err(unusable(format!("it does not stand where the store has it: {}", paths.analysis().display())));
        }
        let mut experiment = experiment(&name, &paths)?;
        if let DatasetSpec::File(args) = &mut experiment.experiment.dataset {
            for (named, ours) in [(Some(&mut args.path), paths.features()), (args.labels_path.as_mut(), paths.labels())]
            {
                if let Some(named) = named.filter(|named| self.stands_at(named, &ours)) {
                    *named = ours.display().to_string();
                }
            }
        }
        let mut asked = Asked::of(&found);
        let weights = found.weights();
        if !self.stands_at(weights, &paths.weights()) {
            asked.how.weights = Some(weights.into());
        }
        Ok(Stored { experiment, asked, found, paths })
    }
}

/// The experiment of an analysis: as it stands beside its weights, or in the record of its training, or a shipped one.
fn experiment(name: &ExperimentName, paths: &ExperimentPaths) -> Result<Loaded, LabError> {
    let file = paths.experiment();
    if files::is_file(&file) {
        return Ok(catalogue::load(&file.display().to_string())?);
    }
    match ModelRecord::load(&paths.record()) {
        Ok(record) => {
            let origin = paths.record();
            let text = record.config.to_string();
            let parsed = Experiment::parse(&text, name.clone(), &origin.display().to_string(), &AnyName)?;
            let experiment = Experiment { seed: record.seed, ..parsed.experiment };
            Ok(Loaded { experiment, notes: parsed.notes, origin: Origin::File(origin) })
        }
        Err(_) => Ok(catalogue::load(&name.to_string())?),
    }
}

impl Found {
    /// The name of the file of the weights.
    pub fn weights(&self) -> &str {
        match self {
            Self::Whole(record) => &record.weights,
            Self::Top(record) => &record.weights,
            Self::Estimates(record) => &record.weights,
        }
    }

    /// The matrix.
    pub fn subject(&self) -> &Subject {
        match self {
            Self::Whole(record) => &record.of,
            Self::Top(record) => &record.of,
            Self::Estimates(record) => &record.of,
        }
    }
}

impl Asked {
    /// The options that give an analysis again, as far as its record tells them.
    fn of(found: &Found) -> Self {
        let estimates = estimates(found.estimates());
        let subject = matter(found.subject());
        match found {
            Found::Whole(record) => {
                let how = How { dtype: record.summary.dtype, ..How::default() };
                Self { subject, how, estimates, eigenpairs: true, ..Self::default() }
            }
            Found::Top(record) => {
                let s = &record.summary;
                let which = match s.which {
                    End::Largest => Which::Largest,
                    End::Smallest => Which::Smallest,
                    End::Both => Which::BothEnds,
                    End::Magnitude => Which::LargestMagnitude,
                };
                let top = TopPairs { count: Some(s.eigenvalues.len()), which, tolerance: s.tolerance };
                let how = How { dtype: s.dtype, ..How::default() };
                Self { subject, how, top, estimates, eigenpairs: true, ..Self::default() }
            }
            Found::Estimates(record) => {
                let how = How { dtype: record.summary.dtype, ..How::default() };
                Self { subject, how, estimates, ..Self::default() }
            }
        }
    }
}

fn estimates(found: &Estimates) -> EstimatesAsked {
    EstimatesAsked {
        trace: found.trace.as_ref().map(|trace| trace.products),
        density: found.density.as_ref().map(|d| DensityAsked { probes: d.probes, steps: d.steps }),
        diagonal: found.diagonal_products,
        by_layer: found.by_layer.is_some(),
    }
}

fn matter(of: &Subject) -> Matter {
    let operator = match of.operator {
        Operator::Hessian => OperatorKind::Hessian,
        Operator::Ggn => OperatorKind::GaussNewton,
        Operator::Fisher => OperatorKind::EmpiricalFisher,
        Operator::Remainder => OperatorKind::FunctionalRemainder,
    };
    let range = |text: &String| {
        let (start, end) = text.split_once("..")?;
        Some(start.parse().ok()?..end.parse().ok()?)
    };
    Matter {
        operator,
        loss: LossKind::from_name(&of.loss),
        classes: of.classes.clone().unwrap_or_default(),
        samples: of.samples.as_ref().and_then(range),
        layers: of.layers.clone().unwrap_or_default(),
        weight_decay: of.weight_decay,
        decay_only: of.decay_only.clone().unwrap_or_default(),
        label_smoothing: of.label_smoothing,
        loss_args: of.loss_args.clone(),
        factors: of.reparameterize,
        batch: None,
    }
}

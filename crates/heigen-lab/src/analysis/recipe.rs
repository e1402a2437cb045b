//! When a stored analysis can be used, and how a new one is written.

use super::estimates::missing;
use super::request::Keep;
use super::setting::Setting;
use crate::LabError;
use crate::making::{Fresh, Recipe};
use crate::watch::{NoteKind, Product};
use heigen_store::atomic::Staged;
use heigen_store::files;
use heigen_store::layout::ExperimentPaths;
use heigen_store::record::{AnalysisRecord, Dtype, Estimates, Unusable};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// The part of a record that depends on how much of the spectrum was found.
pub(super) trait Findings: Serialize + DeserializeOwned + Sized {
    /// The choice by which the findings are computed: a method, or the eigenpairs wanted.
    type Way: Copy;
    /// Arrays in memory that later steps need.
    type Arrays: Default;

    fn dtype(&self) -> Dtype;
    /// Order of the matrix.
    fn n_params(&self) -> usize;
    /// The arrays beside the record that no reuse can do without.
    fn files(&self, paths: &ExperimentPaths) -> Vec<PathBuf> {
        vec![paths.heigenvalues(), paths.heigenvectors(), paths.overlaps()]
    }
    /// Names an array that is to be kept and is not there; `None` if all are there.
    fn lacks(&self, _keep: Keep, _paths: &ExperimentPaths) -> Option<String> {
        None
    }
    /// Computes everything and stages the arrays.
    fn compute(setting: &Setting, way: Self::Way) -> Result<Computed<Self>, LabError>;
}

/// Numbers, arrays and staged files of a finished computation.
pub(super) struct Computed<S: Findings> {
    pub(super) summary: S,
    pub(super) estimates: Estimates,
    pub(super) staged: Vec<Staged>,
    pub(super) arrays: S::Arrays,
}

/// An analysis as it would be made now; a stored one is compared with it.
pub(super) struct Analysis<'a, S: Findings> {
    setting: &'a Setting<'a>,
    way: S::Way,
    /// A hash of all that determines the numbers.
    stamp: String,
}

impl<'a, S: Findings> Analysis<'a, S> {
    pub(super) fn new(setting: &'a Setting<'a>, way: S::Way) -> Result<Self, LabError> {
        Ok(Self { setting, way, stamp: setting.stamp()? })
    }

    /// The reason why a stored analysis has another stamp.
    fn why_stale(&self, record: &AnalysisRecord<S>, other: Unusable) -> Unusable {
        let setting = self.setting;
        let (weights, dtype) = (&record.weights, record.summary.dtype());
        if record.weights_hash != setting.weights_hash && *weights == setting.weights {
            Unusable::Stale("the weights have changed since".into())
        } else if record.weights_hash != setting.weights_hash {
            Unusable::Stale(format!("the analysis there is of other weights ({weights})"))
        } else if dtype != setting.asked.how.dtype {
            Unusable::Stale(format!("the analysis there is in {dtype}"))
        } else if record.code_version != heigen::VERSION {
            let (then, now) = (&record.code_version, heigen::VERSION);
            Unusable::Stale(format!("version {then} of heigen made the analysis there, this is {now}"))
        } else {
            other
        }
    }
}

/// The name of a staged file and the hash of its content.
fn hashed(staged: &Staged) -> Option<(String, String)> {
    Some((staged.path().file_name()?.to_str()?.to_owned(), staged.hash().to_owned()))
}

impl<S: Findings> Recipe for Analysis<'_, S> {
    type Record = AnalysisRecord<S>;
    type Made = (AnalysisRecord<S>, S::Arrays);

    fn job(&self) -> String {
        self.setting.name().to_string()
    }

    fn product(&self) -> Product {
        Product::Analysis { weights: self.setting.weights.clone() }
    }

    fn path(&self) -> PathBuf {
        self.setting.paths.analysis()
    }

    fn forced(&self) -> bool {
        self.setting.call.making.force
    }

    fn standing(&self) -> Result<AnalysisRecord<S>, Unusable> {
        let (paths, asked) = (&self.setting.paths, self.setting.asked);
        let record: AnalysisRecord<S> = AnalysisRecord::load(&paths.analysis())?;
        record.check_stamp(&self.stamp).map_err(|other| self.why_stale(&record, other))?;
        if let Some(what) = missing(&asked.estimates, &record.estimates, record.summary.n_params()) {
            return Err(Unusable::Stale(format!("{what} asked for is not there")));
        }
        let density = asked.estimates.density.map(|_| paths.density());
        let diagonal = asked.estimates.diagonal.map(|_| paths.diagonal());
        let arrays = record.summary.files(paths).into_iter();
        if let Some(path) = arrays.chain(density).chain(diagonal).find(|path| !files::is_file(path)) {
            return Err(Unusable::Stale(format!("{} is missing", path.display())));
        }
        record.summary.lacks(asked.keep, paths).map_or(Ok(record), |what| Err(Unusable::Stale(what)))
    }

    /// Whether the arrays have the content that was written with the record.
    fn check(&self, record: &AnalysisRecord<S>) -> Result<(), Unusable> {
        record.check_files(self.setting.paths.analysis().parent().unwrap_or(Path::new("")))
    }

    fn reuse(&self, record: AnalysisRecord<S>) -> Result<Self::Made, LabError> {
        Ok((record, S::Arrays::default()))
    }

    fn make(&self) -> Result<Fresh<Self::Made>, LabError> {
        let (setting, paths) = (self.setting, &self.setting.paths);
        let begun = Instant::now();
        let Computed { summary, estimates, mut staged, arrays } = S::compute(setting, self.way)?;
        let record = AnalysisRecord {
            name: setting.name().clone(),
            stamp: self.stamp.clone(),
            code_version: heigen::VERSION.to_owned(),
            weights: setting.weights.clone(),
            weights_hash: setting.weights_hash.clone(),
            seconds: begun.elapsed().as_secs_f64(),
            of: setting.subject.clone(),
            estimates,
            files: staged.iter().filter_map(hashed).collect(),
            summary,
        };
        staged.push(record.stage(&paths.analysis())?);
        let note = NoteKind::Made { what: self.product(), seconds: record.seconds, path: paths.analysis() };
        Ok(Fresh { made: (record, arrays), staged, note: Some(note) })
    }

    /// The files of an earlier analysis that are removed before new ones get their names: its record, and its matrix,
    /// estimates and cosines, which must not stay beside those of other weights.
    fn earlier(&self) -> Vec<PathBuf> {
        let paths = &self.setting.paths;
        let cosines = [paths.coherence(), paths.logit_coherence()];
        [paths.analysis(), paths.hessian(), paths.density(), paths.diagonal()].into_iter().chain(cosines).collect()
    }
}

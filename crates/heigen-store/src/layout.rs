//! Where results stand below the results folder.
//!
//! ```text
//! models/<folder>/<name>.safetensors                             trained weights
//! models/<folder>/<name>.json                                    the record of the training
//! models/<folder>/<name>.checkpoint                              the state of an unfinished training
//! models/<folder>/<name>_snapshots/epoch_000200.safetensors      weights along training
//! grads/<folder>/<name>_heigenvalues.npy, _heigenvectors.npy, _overlaps.npy, _hessian.npy, _analysis.json
//! grads/<folder>/<name>_density.npy, _diagonal.npy               estimates
//! experiments/<folder>/<name>.json                               the experiment that stands for a network from elsewhere
//! experiments/<folder>/<name>_X.npy, _y.npy                      its samples, where they came from memory and not from a file
//! grads/<folder>/<name>_logits.npy                               its outputs
//! grads/<folder>/<name>_boundary.json                            measures of the decision boundary
//! grads/<folder>/<name>_attribution.json                         what the leading eigenvectors carry
//! grads/<folder>/<name>_along.json, _along_eigenvalues.npy, ...       spectra along training
//! grads/<folder>/<name>_along/moment_000003.json, _vectors.npy, _theta.npy
//! grads/<folder>/<name>+ggn+classes-0-2_...                      these results for another operator or a part of it
//! grads/<folder>/<name>_gradients/epoch_000200.npy               per-example gradients along training
//! grads/<folder>/<name>_gradients/epoch_000200_normalized.npy    each divided by its norm
//! ```

use std::path::{Path, PathBuf};

use heigen::config::ExperimentName;

use crate::along_record::AlongPaths;
use crate::{StoreError, files};

/// A results folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Results {
    dir: PathBuf,
}

impl Results {
    /// The results below `dir`, which need not exist.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// The folder itself.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The paths of one experiment.
    ///
    /// # Errors
    /// [`StoreError::Name`] if a part of the name is empty, contains a separator, or starts with a dot.
    pub fn of(&self, name: &ExperimentName) -> Result<ExperimentPaths, StoreError> {
        name.check()?;
        Ok(ExperimentPaths {
            models: self.dir.join("models").join(&name.folder),
            grads: self.dir.join("grads").join(&name.folder),
            experiments: self.dir.join("experiments").join(&name.folder),
            stem: name.stem.clone(),
            variant: String::new(),
        })
    }
}

/// The paths of one experiment's results.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExperimentPaths {
    models: PathBuf,
    grads: PathBuf,
    experiments: PathBuf,
    stem: String,
    /// The ending behind the experiment's name that tells an analysis of another matrix from that of the plain Hessian.
    variant: String,
}

impl ExperimentPaths {
    /// The paths of the experiment's analyses of another matrix than its plain Hessian, which stand beside those of the
    /// Hessian: `<name>+<variant>_heigenvalues.npy`. An empty `variant` is the plain Hessian.
    #[must_use]
    pub fn variant(mut self, variant: &str) -> Self {
        self.variant = if variant.is_empty() { String::new() } else { format!("+{variant}") };
        self
    }

    /// Trained weights.
    pub fn weights(&self) -> PathBuf {
        self.models.join(format!("{}.safetensors", self.stem))
    }

    /// The [`record`](crate::record) of the training.
    pub fn record(&self) -> PathBuf {
        self.models.join(format!("{}.json", self.stem))
    }

    /// The state of an unfinished training.
    pub fn checkpoint(&self) -> PathBuf {
        self.models.join(format!("{}.checkpoint", self.stem))
    }

    /// Folder of the weights along training.
    pub fn snapshots(&self) -> PathBuf {
        self.models.join(format!("{}_snapshots", self.stem))
    }

    /// Weights after `epoch` epochs (0: before the first).
    pub fn snapshot(&self, epoch: usize) -> PathBuf {
        self.snapshots().join(format!("epoch_{epoch:06}.safetensors"))
    }

    /// Cosine similarities of the loss gradients, sorted by class.
    pub fn coherence(&self) -> PathBuf {
        self.grad("coherence.npy")
    }

    /// The experiment file that stands for a network from elsewhere.
    pub fn experiment(&self) -> PathBuf {
        self.experiments.join(format!("{}.json", self.stem))
    }

    /// Features of samples that were handed over in memory, beside the experiment that is about them.
    pub fn features(&self) -> PathBuf {
        self.experiments.join(format!("{}_X.npy", self.stem))
    }

    /// Labels of samples that were handed over in memory.
    pub fn labels(&self) -> PathBuf {
        self.experiments.join(format!("{}_y.npy", self.stem))
    }

    /// Outputs of a network from elsewhere, [N, C].
    pub fn logits(&self) -> PathBuf {
        self.grad("logits.npy")
    }

    /// Cosine similarities of the logit gradients, sorted by logit and class.
    pub fn logit_coherence(&self) -> PathBuf {
        self.grad("logit_coherence.npy")
    }

    /// Folder of the per-example gradients along training.
    pub fn gradients(&self) -> PathBuf {
        self.grads.join(format!("{}_gradients", self.stem))
    }

    /// Per-example gradients after `epoch` epochs (0: before the first).
    pub fn gradient(&self, epoch: usize) -> PathBuf {
        self.gradients().join(format!("epoch_{epoch:06}.npy"))
    }

    /// Per-example gradients after `epoch` epochs, each divided by its norm.
    pub fn gradient_normalized(&self, epoch: usize) -> PathBuf {
        self.gradients().join(format!("epoch_{epoch:06}_normalized.npy"))
    }

    /// Hessian eigenvalues, ascending.
    pub fn heigenvalues(&self) -> PathBuf {
        self.grad("heigenvalues.npy")
    }

    /// Hessian eigenvectors, P x k, columns ascending.
    pub fn heigenvectors(&self) -> PathBuf {
        self.grad("heigenvectors.npy")
    }

    /// Alignments, k x N.
    pub fn overlaps(&self) -> PathBuf {
        self.grad("overlaps.npy")
    }

    /// The dense Hessian, P x P.
    pub fn hessian(&self) -> PathBuf {
        self.grad("hessian.npy")
    }

    /// The diagonal, with standard errors, [P, 2].
    pub fn diagonal(&self) -> PathBuf {
        self.grad("diagonal.npy")
    }

    /// The spectral density: eigenvalue, density and standard error, [points, 3].
    pub fn density(&self) -> PathBuf {
        self.grad("density.npy")
    }

    /// The record of what the leading eigenvectors carry.
    pub fn attribution(&self) -> PathBuf {
        self.grad("attribution.json")
    }

    /// The record of the measures of the decision boundary.
    pub fn boundary(&self) -> PathBuf {
        self.grad("boundary.json")
    }

    /// The files of the spectra along the training; `from` tells other weights than those of the training itself apart.
    pub fn along(&self, from: &str) -> AlongPaths {
        AlongPaths::new(self.clone().variant(from).grad("along"))
    }

    /// The summary of the analysis.
    pub fn analysis(&self) -> PathBuf {
        self.grad("analysis.json")
    }

    /// The files of the experiment that are there: its model with everything along its training, the experiment itself, and
    /// all of its analyses.
    pub fn all(&self) -> Vec<PathBuf> {
        let ours = |path: &PathBuf| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            name.strip_prefix(&*self.stem).is_some_and(|rest| rest.starts_with(['.', '_', '+']))
        };
        let folders = [&self.models, &self.grads, &self.experiments];
        let beside = folders.into_iter().flat_map(|folder| files::list(folder).unwrap_or_default()).filter(ours);
        let followed = ["", "snapshots", "files"].map(|from| self.along(from).folder());
        let along = [vec![self.snapshots(), self.gradients()], followed.into()].concat();
        let along = along.iter().flat_map(|folder| files::list(folder).unwrap_or_default());
        beside.chain(along).filter(|path| files::is_file(path)).collect()
    }

    fn grad(&self, what: &str) -> PathBuf {
        self.grads.join(format!("{}{}_{what}", self.stem, self.variant))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variants_stand_beside_the_plain_analysis() {
        let plain = Results::new("results").of(&"gauss/normal_training".parse().unwrap()).unwrap();
        let ggn = plain.clone().variant("ggn+top10");
        assert_eq!(ggn.weights(), plain.weights());
        let wanted = Path::new("results").join("grads/gauss/normal_training+ggn+top10_analysis.json");
        assert_eq!(ggn.analysis(), wanted);
        assert_eq!(ggn.variant(""), plain);
    }

    #[test]
    fn paths_stand_where_the_reference_looks_for_them() {
        let paths = Results::new("results").of(&"gauss/normal_training".parse().unwrap()).unwrap();
        let all = [
            paths.weights(),
            paths.record(),
            paths.snapshot(200),
            paths.gradient(0),
            paths.gradient_normalized(1_234_567),
            paths.heigenvalues(),
            paths.heigenvectors(),
            paths.overlaps(),
            paths.hessian(),
            paths.analysis(),
        ];
        let all: Vec<String> = all.iter().map(|path| path.to_str().unwrap().replace('\\', "/")).collect();
        assert_eq!(
            all,
            [
                "results/models/gauss/normal_training.safetensors",
                "results/models/gauss/normal_training.json",
                "results/models/gauss/normal_training_snapshots/epoch_000200.safetensors",
                "results/grads/gauss/normal_training_gradients/epoch_000000.npy",
                "results/grads/gauss/normal_training_gradients/epoch_1234567_normalized.npy",
                "results/grads/gauss/normal_training_heigenvalues.npy",
                "results/grads/gauss/normal_training_heigenvectors.npy",
                "results/grads/gauss/normal_training_overlaps.npy",
                "results/grads/gauss/normal_training_hessian.npy",
                "results/grads/gauss/normal_training_analysis.json",
            ]
        );
    }

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        for (folder, stem) in [("..", "x"), ("a", ".."), ("a/b", "c"), ("a", "b/../c"), ("", "x"), ("a", "b\\c")] {
            let name = ExperimentName { folder: folder.into(), stem: stem.into() };
            assert!(matches!(Results::new("results").of(&name), Err(StoreError::Name(_))), "{name}");
        }
    }
}

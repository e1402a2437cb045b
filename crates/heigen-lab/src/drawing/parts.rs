//! Figures of what is known of spectra, whole or in part: they are also to be had of networks too large for a whole one.

use super::catalogue::Part;
use super::labels::labels;
use super::picture::{Origin, Picture};
use super::{Drawing, Drawn, Figure, diagnostics};
use crate::LabError;
use crate::analysis::{Asked, DensityAsked, EstimatesAsked, Found, told};
use crate::call::Call;
use crate::making::made;
use heigen::analysis::LayerCurvature;
use heigen_figures::{NamedSpectrum, Scene};
use heigen_store::catalogue::Loaded;
use heigen_store::layout::ExperimentPaths;
use heigen_store::npy;
use heigen_store::record::{Dtype, Summary};
use std::path::{Path, PathBuf};

/// The eigenvalues, densities and tables by layer that are known of some experiments.
#[derive(Default)]
pub(super) struct Known {
    of: Vec<Origin>,
    spectra: Vec<NamedSpectrum>,
    /// Labels, and the paths of the curves.
    densities: Vec<(String, PathBuf)>,
    layers: Vec<LayerCurvature>,
    analyses: Vec<Summary>,
}

impl Known {
    /// The picture of it.
    pub(super) fn scene(&self, part: Part) -> Result<Scene, LabError> {
        match part {
            Part::Eigenvalues => Ok(heigen_figures::spectra("Spectra", &self.spectra)?),
            Part::Densities => diagnostics::densities(&self.densities),
            Part::Layers => diagnostics::by_layer(self.densities.first().map_or("", |(label, _)| label), &self.layers),
        }
    }
}

/// Gathers the parts of spectra that a figure shows, as much of each as is asked for or to be had. Where the analysis that is drawn
/// has the estimates already, they are taken from it.
pub(super) fn known(call: &Call, part: Part, experiments: &[Loaded], asked: &Asked) -> Result<Known, LabError> {
    let alone = |estimates: EstimatesAsked| Asked {
        estimates,
        subject: asked.subject.clone(),
        how: asked.how.clone(),
        top: asked.top,
        ..Asked::default()
    };
    let asked = match part {
        Part::Eigenvalues => Asked { eigenpairs: true, ..asked.clone() },
        Part::Densities if asked.estimates.density.is_none() => {
            alone(EstimatesAsked { density: Some(DensityAsked::default()), ..EstimatesAsked::default() })
        }
        Part::Layers if !asked.estimates.by_layer => {
            alone(EstimatesAsked { by_layer: true, ..EstimatesAsked::default() })
        }
        Part::Densities | Part::Layers => asked.clone(),
    };
    let mut known = Known::default();
    for (loaded, label) in experiments.iter().zip(labels(experiments)) {
        let (found, paths) = told(call, loaded, &asked)?;
        if part == Part::Eigenvalues {
            known.spectra.push(eigenvalues(&found, &paths, label.clone())?);
        }
        known.layers.extend(found.estimates().by_layer.iter().flatten().cloned());
        let (summary, name) = (Summary::from(found), loaded.experiment.name.to_string());
        let stamp = summary.stamp().to_owned();
        known.of.push(Origin { experiment: loaded.clone(), stamp, label: label.clone(), name });
        known.densities.push((label, paths.density()));
        known.analyses.push(summary);
    }
    Ok(known)
}

/// Draws what is known of some experiments.
pub(super) fn draw_parts(
    call: &Call,
    (figure, part): (&Figure, Part),
    experiments: &[Loaded],
    asked: &Asked,
    drawing: &Drawing,
    folder: &Path,
) -> Result<Drawn, LabError> {
    let known = known(call, part, experiments, asked)?;
    let scene = || known.scene(part);
    let paths = made(call, &Picture::new(call, figure, &known.of, drawing, folder, scene)?)?;
    Ok(Drawn { paths, analyses: known.analyses.clone(), numbers: None })
}

/// The eigenvalues that are known of a network: all, or the largest ones.
fn eigenvalues(found: &Found, paths: &ExperimentPaths, name: String) -> Result<NamedSpectrum, LabError> {
    let path = paths.heigenvalues();
    let (eigenvalues, largest_of) = match found {
        Found::Whole(record) if record.summary.dtype == Dtype::Float32 => {
            (npy::read::<f32>(&path)?.values.into_iter().map(f64::from).collect(), None)
        }
        Found::Whole(_) => (npy::read::<f64>(&path)?.values, None),
        Found::Top(record) => (record.summary.eigenvalues.clone(), Some(record.summary.n_params)),
        // The figure refuses a spectrum of which no eigenvalue is known.
        Found::Estimates(_) => (vec![], None),
    };
    Ok(NamedSpectrum { name, eigenvalues, largest_of })
}

//! Figures of estimates, which are also to be had of networks too large for a whole spectrum.

use super::catalogue::Estimated;
use super::draw::{Origin, Picture};
use super::labels::labels;
use super::{Drawing, Drawn, Figure, diagnostics};
use crate::LabError;
use crate::analysis::{Asked, DensityAsked, EstimatesAsked, spectrum};
use crate::call::Call;
use crate::making::made;
use heigen::analysis::LayerCurvature;
use heigen_figures::Scene;
use heigen_store::catalogue::Loaded;
use heigen_store::record::Summary;
use std::path::{Path, PathBuf};

/// The estimates of some experiments.
#[derive(Default)]
pub(super) struct Estimates {
    of: Vec<Origin>,
    /// Labels, and the paths of the curves.
    densities: Vec<(String, PathBuf)>,
    layers: Vec<LayerCurvature>,
    analyses: Vec<Summary>,
}

impl Estimates {
    pub(super) fn scene(&self, what: Estimated) -> Result<Scene, LabError> {
        match what {
            Estimated::Densities => diagnostics::densities(&self.densities),
            Estimated::Layers => {
                diagnostics::by_layer(self.densities.first().map_or("", |(label, _)| label), &self.layers)
            }
        }
    }
}

/// The estimates that a figure shows. Where the analysis that is drawn has them already, they are taken from it.
pub(super) fn estimated(
    call: &Call,
    what: Estimated,
    experiments: &[Loaded],
    asked: &Asked,
) -> Result<Estimates, LabError> {
    let has = match what {
        Estimated::Densities => asked.estimates.density.is_some(),
        Estimated::Layers => asked.estimates.by_layer,
    };
    let alone = match what {
        Estimated::Densities => EstimatesAsked { density: Some(DensityAsked::default()), ..EstimatesAsked::default() },
        Estimated::Layers => EstimatesAsked { by_layer: true, ..EstimatesAsked::default() },
    };
    let asked = if has {
        asked.clone()
    } else {
        Asked { estimates: alone, subject: asked.subject.clone(), how: asked.how.clone(), ..Asked::default() }
    };
    let mut found = Estimates::default();
    for (loaded, label) in experiments.iter().zip(labels(experiments)) {
        let (estimates, paths) = spectrum(call, loaded, &asked)?.told();
        found.layers.extend(estimates.estimates().by_layer.iter().flatten().cloned());
        let (summary, name) = (Summary::from(estimates), loaded.experiment.name.to_string());
        let stamp = summary.stamp().to_owned();
        found.of.push(Origin { experiment: loaded.clone(), stamp, label: label.clone(), name });
        found.densities.push((label, paths.density()));
        found.analyses.push(summary);
    }
    Ok(found)
}

/// Draws estimates of some experiments.
pub(super) fn draw_estimates(
    call: &Call,
    (figure, what): (&Figure, Estimated),
    experiments: &[Loaded],
    asked: &Asked,
    drawing: &Drawing,
    folder: &Path,
) -> Result<Drawn, LabError> {
    let found = estimated(call, what, experiments, asked)?;
    let scene = || found.scene(what);
    let paths = made(call, &Picture::new(call, figure, &found.of, drawing, folder, scene)?)?;
    Ok(Drawn { paths, analyses: found.analyses.clone() })
}

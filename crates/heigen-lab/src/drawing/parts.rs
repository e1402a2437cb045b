//! Figures of what is known of spectra, whole or in part: they are also to be had of networks too large for a whole one.

use super::catalogue::Part;
use super::draw::{Origin, Picture};
use super::labels::labels;
use super::{Drawing, Drawn, Figure, diagnostics};
use crate::LabError;
use crate::analysis::{Asked, DensityAsked, EstimatesAsked, Found, spectrum};
use crate::call::Call;
use crate::making::made;
use heigen_figures::NamedSpectrum;
use heigen_store::catalogue::Loaded;
use heigen_store::layout::ExperimentPaths;
use heigen_store::npy;
use heigen_store::record::{Dtype, Summary};
use std::path::Path;

/// Draws some experiments, as much of each as is asked for or to be had.
pub(super) fn draw_parts(
    call: &Call,
    (figure, part): (&Figure, Part),
    experiments: &[Loaded],
    asked: &Asked,
    drawing: &Drawing,
    folder: &Path,
) -> Result<Drawn, LabError> {
    let asked = match part {
        Part::Eigenvalues => Asked { eigenpairs: true, ..asked.clone() },
        Part::Densities => of_estimates(asked, |e| e.density = Some(DensityAsked::default())),
        Part::Layers => of_estimates(asked, |e| e.by_layer = true),
    };
    let (mut of, mut spectra, mut densities, mut layers, mut analyses) = (vec![], vec![], vec![], vec![], vec![]);
    for (loaded, label) in experiments.iter().zip(labels(experiments)) {
        let (found, paths) = spectrum(call, loaded, &asked)?.told();
        if part == Part::Eigenvalues {
            spectra.push(eigenvalues(&found, &paths, label.clone())?);
        }
        layers.extend(found.estimates().by_layer.iter().flatten().cloned());
        let (summary, name) = (Summary::from(found), loaded.experiment.name.to_string());
        let stamp = summary.stamp().to_owned();
        of.push(Origin { experiment: loaded.clone(), stamp, label: label.clone(), name });
        densities.push((label, paths.density()));
        analyses.push(summary);
    }
    let scene = || match part {
        Part::Eigenvalues => Ok(heigen_figures::spectra("Spectra", &spectra)?),
        Part::Densities => diagnostics::densities(&densities),
        Part::Layers => diagnostics::by_layer(&densities[0].0, &layers),
    };
    let paths = made(call, &Picture::new(call, figure, &of, drawing, folder, scene)?)?;
    Ok(Drawn { paths, analyses })
}

fn of_estimates(asked: &Asked, change: impl Fn(&mut EstimatesAsked)) -> Asked {
    let mut asked = asked.clone();
    change(&mut asked.estimates);
    asked
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

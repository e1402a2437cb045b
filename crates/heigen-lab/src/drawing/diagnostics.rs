//! Pictures of one network's analysis.

use super::{Drawing, Shown, embedding};
use crate::LabError;
use heigen::analysis::{LayerCurvature, class_order};
use heigen_figures::{
    Block, Coherence, DensityCurve, Eigenvectors, LayerShare, LogitCoherence, NamedVector, Overlaps, Scene,
    coherence as coherence_scene, density_curves, eigenvectors as eigenvectors_scene, layers,
    logit_coherence as logit_coherence_scene, overlaps as overlaps_scene, significant, spectrum as spectrum_scene,
};
use heigen_store::npy;
use std::path::PathBuf;

/// Cosines up to this magnitude are coloured on a linear scale, larger ones on a logarithmic scale.
const LINEAR: f64 = 0.01;
/// Number of eigenvectors, or of rows of overlaps, where the request gives none.
const VECTORS: usize = 5;
const ROWS: usize = 25;

fn title(shown: &Shown) -> String {
    shown.loaded.experiment.name.to_string()
}

/// The blocks of samples in a matrix of pairs: one for each class that has samples, in the order of the classes.
fn blocks(shown: &Shown) -> Vec<Block> {
    let samples = &shown.analysed.samples;
    let names = embedding::class_names(&shown.loaded.experiment.dataset, &shown.analysed);
    let of = |(class, name): (usize, String)| {
        let len = samples.labels.iter().filter(|&&l| l == class).count();
        Block { name, len }
    };
    names.into_iter().enumerate().map(of).filter(|b| b.len > 0).collect()
}

/// The estimated densities of several spectra in one picture, each a label and the path of its curve.
pub(super) fn densities(of: &[(String, PathBuf)]) -> Result<Scene, LabError> {
    let one = |(name, path): &(String, PathBuf)| {
        let stored: npy::Array<f64> = npy::read(path)?;
        let values = stored.into_c_order().values;
        let column = |j: usize| values.iter().skip(j).step_by(3).copied().collect::<Vec<f64>>();
        let [eigenvalues, density, errors] = [0, 1, 2].map(column);
        Ok(DensityCurve { name: name.clone(), eigenvalues, density, errors })
    };
    let curves = of.iter().map(one).collect::<Result<Vec<_>, LabError>>()?;
    Ok(density_curves("Density of eigenvalues", &curves)?)
}

/// The curvature of every layer.
pub(super) fn by_layer(title: &str, of: &[LayerCurvature]) -> Result<Scene, LabError> {
    let one = |layer: &LayerCurvature| LayerShare {
        name: layer.name.clone(),
        share: layer.share.unwrap_or(0.0),
        ends: [layer.lambda_min, layer.lambda_max],
    };
    Ok(layers(title, &of.iter().map(one).collect::<Vec<_>>())?)
}

pub(super) fn spectrum(shown: &Shown, _: &Drawing) -> Result<Scene, LabError> {
    Ok(spectrum_scene(&title(shown), &embedding::density(&shown.analysed)?)?)
}

pub(super) fn eigenvectors(shown: &Shown, how: &Drawing) -> Result<Scene, LabError> {
    let analysed = &shown.analysed;
    let (values, vectors) = analysed.top(how.eigenvectors.unwrap_or(VECTORS))?;
    let named = |(i, v): (usize, &[f64])| NamedVector {
        name: format!("$v_{{{}}}$", i + 1),
        note: Some(format!(r"$\lambda_{{{}}} = {}$", i + 1, significant(values[i], 3))),
        entries: v.to_vec(),
    };
    let entries = analysed.prepared.network.layout().entries();
    let tensors = entries.iter().map(|e| Block { name: e.name.clone(), len: e.range.len() }).collect();
    let vectors = vectors.iter_columns().enumerate().map(named).collect();
    Ok(eigenvectors_scene(&Eigenvectors { title: title(shown), vectors, tensors })?)
}

pub(super) fn overlaps(shown: &Shown, how: &Drawing) -> Result<Scene, LabError> {
    let rows = shown.analysed.overlaps(how.eigenvectors.unwrap_or(ROWS))?;
    let order = class_order(&shown.analysed.samples.labels);
    let alignments = rows.iter().flat_map(|(_, values)| order.iter().map(|&n| values[n])).collect();
    Ok(overlaps_scene(&Overlaps { title: title(shown), alignments, classes: blocks(shown) })?)
}

pub(super) fn coherence(shown: &Shown, _: &Drawing) -> Result<Scene, LabError> {
    let n = shown.analysed.samples.n_samples();
    let cosines = shown.analysed.coherence(n)?;
    let classes = blocks(shown);
    Ok(coherence_scene(&Coherence { title: title(shown), cosines, classes, threshold: LINEAR })?)
}

pub(super) fn logit_coherence(shown: &Shown, _: &Drawing) -> Result<Scene, LabError> {
    let samples = &shown.analysed.samples;
    let logits = embedding::class_names(&shown.loaded.experiment.dataset, &shown.analysed);
    let m = samples.n_samples() * logits.len();
    let cosines = shown.analysed.logit_coherence(m)?;
    let classes = blocks(shown);
    Ok(logit_coherence_scene(&LogitCoherence { title: title(shown), cosines, logits, classes, threshold: LINEAR })?)
}

//! Rows of embedded samples.

use super::{Drawing, Shown, stored};
use crate::hessian::Analysed;
use crate::prepare::Prepared;
use crate::session::{Session, say_once};
use anyhow::{Context, Result, bail};
use heigen::analysis::{PERPLEXITY, t_sne};
use heigen::config::DatasetSpec;
use heigen::linalg::Matrix;
use heigen_figures::{Density, EmbeddingRow, SampleMap};
use heigen_store::catalogue::Loaded;

/// Samples that are embedded, at most: the time grows with their square.
const MOST: usize = 1000;

/// All samples, or as many as are embedded, evenly spread over them.
fn spread(n: usize) -> Vec<usize> {
    let most = n.min(MOST);
    (0..most).map(|i| i * n / most.max(1)).collect()
}

/// Any number of features, and of classes that have markers.
pub(super) fn check(session: &Session, loaded: &Loaded, figure: &str) -> Result<()> {
    let classes = Prepared::new(&loaded.experiment, &session.images)?.data.n_classes;
    let most = heigen_figures::Marker::ALL.len();
    if classes > most {
        bail!("{} has {classes} classes; Figure {figure} can tell {most} apart", loaded.experiment.name);
    }
    Ok(())
}

pub(super) fn rows(shown: &[Shown], how: &Drawing) -> Result<Vec<EmbeddingRow>> {
    let mut embedded: Vec<(Vec<f32>, Vec<[f64; 2]>)> = Vec::new();
    let mut rows = Vec::new();
    for Shown { loaded, analysed, label, .. } in shown {
        let chosen = spread(analysed.samples.n_samples());
        if chosen.len() < analysed.samples.n_samples() {
            say_once(&format!("note: t-SNE of {MOST} of the {} samples, evenly spread", analysed.samples.n_samples()));
        }
        let samples = &analysed.samples.subset(&chosen);
        // The rows of one figure mostly show the same samples.
        let known = embedded.iter().find(|(features, _)| *features == samples.features);
        let points = if let Some((_, points)) = known {
            points.clone()
        } else {
            let matrix = Matrix::from_f32(&samples.features, samples.n_features());
            let points = t_sne(&matrix, PERPLEXITY, &mut ()).with_context(|| loaded.experiment.name.to_string())?;
            embedded.push((samples.features.clone(), points.clone()));
            points
        };
        let maps = stored::overlaps(analysed, how.eigenvectors.unwrap_or(5))?.into_iter().enumerate();
        rows.push(EmbeddingRow {
            label: label.clone(),
            points,
            classes: samples.labels.clone(),
            class_names: class_names(&loaded.experiment.dataset, analysed),
            maps: maps
                .map(|(i, (eigenvalue, values))| {
                    let values = chosen.iter().map(|&n| values[n]).collect();
                    SampleMap { index: i + 1, eigenvalue, values }
                })
                .collect(),
            density: density(analysed)?,
        });
    }
    Ok(rows)
}

pub(super) fn density(analysed: &Analysed) -> Result<Density> {
    let outliers = analysed.record.summary.outliers.count;
    Ok(Density { eigenvalues: stored::eigenvalues(analysed)?, outliers })
}

/// The classes of CIFAR-10, in its order.
const CIFAR10: [&str; 10] = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

pub(super) fn class_names(dataset: &DatasetSpec, analysed: &Analysed) -> Vec<String> {
    if let Some(names) = &analysed.prepared.classes {
        return names.clone();
    }
    match dataset {
        DatasetSpec::Mnist2D(images) => images.class_list.iter().map(ToString::to_string).collect(),
        DatasetSpec::Cifar10(images) => {
            let name = |&c: &usize| CIFAR10.get(c).map_or_else(|| c.to_string(), ToString::to_string);
            images.class_list.iter().map(name).collect()
        }
        _ => (0..analysed.samples.n_classes).map(|c| c.to_string()).collect(),
    }
}

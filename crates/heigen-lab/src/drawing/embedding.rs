//! Figure rows of samples that are embedded in the plane.

use super::{Drawing, Shown};
use crate::LabError;
use crate::analysis::Analysed;
use crate::call::Call;
use crate::error::OfJob;
use crate::prepare::Prepared;
use crate::watch::NoteKind;
use heigen::analysis::{PERPLEXITY, t_sne};
use heigen::config::DatasetSpec;
use heigen::linalg::Matrix;
use heigen_figures::{Density, EmbeddingRow, SampleMap};
use heigen_store::catalogue::Loaded;

/// The largest number of samples that are embedded: the time grows with its square.
const MOST: usize = 1000;

/// The numbers of the samples that are embedded: all of them, or [`MOST`] that are evenly spread over them.
fn spread(n: usize) -> Vec<usize> {
    let most = n.min(MOST);
    (0..most).map(|i| i * n / most.max(1)).collect()
}

/// Accepts networks of any number of features, with no more classes than there are markers.
pub(super) fn check(call: &Call, loaded: &Loaded, figure: &str) -> Result<(), LabError> {
    let prepared = Prepared::new(call, &loaded.experiment)?;
    prepared.need_classes(&loaded.experiment)?;
    let classes = prepared.samples.data.n_classes;
    let most = heigen_figures::Marker::ALL.len();
    if classes > most {
        let (name, figure) = (loaded.experiment.name.clone(), figure.to_owned());
        return Err(LabError::TooManyClasses { name, got: classes, figure, most });
    }
    Ok(())
}

pub(super) fn rows(call: &Call, shown: &[Shown], how: &Drawing) -> Result<Vec<EmbeddingRow>, LabError> {
    let mut embedded: Vec<(Vec<f32>, Vec<[f64; 2]>)> = Vec::new();
    let mut rows = Vec::new();
    for Shown { loaded, analysed, label, .. } in shown {
        let chosen = spread(analysed.samples.n_samples());
        if chosen.len() < analysed.samples.n_samples() {
            let of = analysed.samples.n_samples();
            call.note(&loaded.experiment.name, NoteKind::Embedded { chosen: MOST, of });
        }
        let samples = &analysed.samples.subset(&chosen);
        // The rows of one figure often show the same samples, which are then embedded only once.
        let known = embedded.iter().find(|(features, _)| *features == samples.features);
        let points = if let Some((_, points)) = known {
            points.clone()
        } else {
            let matrix = Matrix::from_f32(&samples.features, samples.n_features());
            let points =
                t_sne(&matrix, PERPLEXITY, &mut call.job(&loaded.experiment.name)).of(&loaded.experiment.name)?;
            embedded.push((samples.features.clone(), points.clone()));
            points
        };
        let maps = analysed.overlaps(how.eigenvectors.unwrap_or(5))?.into_iter().enumerate();
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

pub(super) fn density(analysed: &Analysed) -> Result<Density, LabError> {
    let outliers = analysed.record.summary.outliers.count;
    Ok(Density { eigenvalues: analysed.eigenvalues()?.to_vec(), outliers })
}

/// The names of CIFAR-10's classes, in its order.
const CIFAR10: [&str; 10] = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

pub(super) fn class_names(dataset: &DatasetSpec, analysed: &Analysed) -> Vec<String> {
    names_of_classes(dataset, &analysed.prepared, analysed.samples.n_classes)
}

/// The names of the classes of an experiment's samples, for legends.
pub(crate) fn names_of_classes(dataset: &DatasetSpec, prepared: &Prepared, n_classes: usize) -> Vec<String> {
    if let Some(names) = &prepared.samples.classes {
        return names.clone();
    }
    match dataset {
        DatasetSpec::Mnist2D(images) => images.class_list.iter().map(ToString::to_string).collect(),
        DatasetSpec::Cifar10(images) => {
            let name = |&c: &usize| CIFAR10.get(c).map_or_else(|| c.to_string(), ToString::to_string);
            images.class_list.iter().map(name).collect()
        }
        _ => (0..n_classes).map(|c| c.to_string()).collect(),
    }
}

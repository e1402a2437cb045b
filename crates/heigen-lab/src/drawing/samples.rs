//! Figure 4: the alignment of every training sample.

use super::{Drawing, Shown, embedding::class_names, plane::g_theta};
use crate::LabError;
use heigen_figures::{SampleAlignments, Scene, figure4, significant};

pub(super) fn draw(shown: &[Shown], how: &Drawing) -> Result<Scene, LabError> {
    let panels = shown.iter().map(|s| panel(s, how)).collect::<Result<Vec<_>, LabError>>()?;
    let widest = shown.iter().max_by_key(|s| s.analysed.samples.n_classes);
    let names = widest.map_or_else(Vec::new, |s| class_names(&s.loaded.experiment.dataset, &s.analysed));
    Ok(figure4(&panels, &names)?)
}

fn panel(Shown { analysed, label, .. }: &Shown, how: &Drawing) -> Result<SampleAlignments, LabError> {
    let summary = &analysed.record.summary;
    // The paper shows 8 eigenvectors for each class.
    let k = how.eigenvectors.unwrap_or(8 * analysed.samples.n_classes);
    let rows = analysed.overlaps(k)?;
    let n = analysed.samples.n_samples();
    let mut notes: Vec<String> = g_theta(analysed).into_iter().collect();
    notes.push(format!("trace ${}$", significant(summary.trace, 3)));
    notes.push(format!(r"$\lambda_1 = {}$", significant(summary.lambda_max, 3)));
    Ok(SampleAlignments {
        label: label.clone(),
        n_eigenvectors: rows.len(),
        alignments: (0..n).flat_map(|j| rows.iter().map(move |(_, values)| values[j])).collect(),
        classes: analysed.samples.labels.clone(),
        notes,
    })
}

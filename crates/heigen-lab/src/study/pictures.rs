//! The pictures of a study.

use super::{Picture, Study, Wanted};
use crate::LabError;
use crate::analysis::Analysed;
use crate::boundary;
use crate::call::Call;
use crate::drawing::{Drawing, PLOTS, Shown, draw_shown, line};
use crate::watch::NoteKind;
use crate::words::number;
use std::sync::Arc;

/// Most operations that a study spends on the picture of a loss surface; they are some minutes of one core.
const SURFACE: f64 = 1e12;

/// Draws the pictures that fit the number of features. If one cannot be drawn, the others still are.
pub(super) fn draw_all(
    call: &Call,
    wanted: &Wanted,
    analysed: &Arc<Analysed>,
    study: &mut Study,
) -> Result<(), LabError> {
    let prepared = &study.imported.prepared;
    let inputs = match prepared.samples.data.n_features() {
        1 => "line",
        2 => "planes",
        _ => "embedding",
    };
    // The loss surface takes a pass over all samples for every node, so large networks do not get one.
    let nodes = (line::STEPS * line::STEPS * prepared.training().n_samples()) as f64;
    let operations = 2.0 * nodes * boundary::pass(&prepared.network) as f64;
    // Only the leading one of several processes has the samples to say how many there are.
    let surface = call.lab.together.decided(operations <= SURFACE)?.then_some("surface");
    let left_out = format!("no picture of kind surface: it would take {} operations", number(operations));
    let loaded = study.imported.experiment.clone();
    let job = loaded.experiment.name.clone();
    let shown = [Shown::alone(loaded, Arc::clone(analysed))];
    if surface.is_none() {
        call.note(&job, NoteKind::Remark(left_out.clone()));
        study.notes.push(left_out);
    }
    let by_class = [inputs, "overlaps", "coherence"];
    let has_classes = prepared.has_classes(&shown[0].loaded.experiment);
    for kind in [inputs, "spectrum", "overlaps", "eigenvectors", "coherence"].into_iter().chain(surface) {
        // That they are left out has been said.
        if !has_classes && by_class.contains(&kind) {
            continue;
        }
        let Some(figure) = PLOTS.iter().find(|f| f.name == kind) else { continue };
        let Some(scene) = figure.draw.spectra() else { continue };
        let fits = call.lab.together.by_leader(|| (figure.check)(call, &shown[0].loaded, figure.name));
        let drawn =
            fits.and_then(|_| draw_shown(call, (figure, scene), &shown, &Drawing::paper(figure), wanted.figures));
        match drawn {
            Ok(drawn) => study.pictures.push(Picture { figure, paths: drawn.paths }),
            Err(stopped) if stopped.is_stopped() => return Err(stopped),
            Err(why) => {
                let note = format!("no picture of kind {kind}: {}", why.in_full());
                call.note(&job, NoteKind::Remark(note.clone()));
                study.notes.push(note);
            }
        }
    }
    Ok(())
}

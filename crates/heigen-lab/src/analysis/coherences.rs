//! The cosines of all pairs of gradients: [N, N] of the samples' losses, [C N, C N] of their logits. They grow with the
//! square of the number of samples, so large ones are stored only where they are asked for.

use super::request::Keep;
use super::setting::Setting;
use super::stage;
use super::whole::restricted;
use crate::LabError;
use crate::call::JobWatch;
use crate::watch::{NoteKind, stage as stages};
use heigen::analysis::{class_order, cosine_similarities, logit_order};
use heigen::curvature::{ExampleLabels, IndexRanges, Problem, WholeColumns};
use heigen::linalg::{Matrix, Scalar};
use heigen_spectra::Watch;
use heigen_store::atomic::Staged;
use heigen_store::files;
use heigen_store::layout::ExperimentPaths;
use heigen_store::npy::Element;

/// Bytes up to which a matrix of cosines is stored without being asked for: 256 MiB, 5,792 gradients in float64.
pub const STORED: f64 = 256.0 * 1024.0 * 1024.0;
/// Copies of the gradients that are in memory at a time: as computed, sorted, and divided by their norms.
const COPIES: f64 = 3.0;

/// The matrices of cosines that were computed, and their staged files.
pub(super) struct Coherences<T> {
    pub(super) staged: Vec<Staged>,
    pub(super) losses: Option<Matrix<T>>,
    pub(super) logits: Option<Matrix<T>>,
}

/// Says which of the cosines that are to be kept is missing.
pub(super) fn missing_cosines(keep: Keep, paths: &ExperimentPaths) -> Option<String> {
    let cosines = keep.coherence.then(|| [paths.coherence(), paths.logit_coherence()]);
    let missing = cosines.into_iter().flatten().find(|path| !files::is_file(path));
    missing.map(|path| format!("{} is missing", path.display()))
}

/// Computes and stages the matrices of cosines that are small or asked for. Of several processes each takes the gradients of its own
/// samples, and all of them get those of the others.
pub(super) fn coherences<T: Scalar + Element>(
    setting: &Setting,
    problem: &Problem<T>,
    watch: &mut JobWatch,
) -> Result<Coherences<T>, LabError> {
    let (call, selection, paths) = (setting.call, setting.selection.as_ref(), &setting.paths);
    let of_all = |own: Matrix<T>| problem.space().of_samples(problem, restricted(own, selection));
    let (n, classes) = (problem.n_all_samples(), problem.network().n_outputs());
    // Samples without classes stay in their order, as those of one class do.
    let labels = match problem.classes() {
        Some(own) => {
            let own: Vec<T> = own.iter().map(|&label| T::from_f64(label as f64)).collect();
            problem.of_all_samples(&own, 1)?.data.iter().map(|label| label.to_f64() as usize).collect()
        }
        None => vec![0; n],
    };
    let labels = &labels[..];
    let mut found = Coherences { staged: vec![], losses: None, logits: None };
    if wanted(setting, problem, "loss", n)? {
        watch.begin(stages::COHERENCE)?;
        let gradients = of_all(problem.example_gradients(&ExampleLabels::True))?;
        let gradients = reordered(&[gradients], class_order(labels).iter().map(|&n| (0, n)));
        let cosines = call.run(|| cosine_similarities(&gradients));
        found.staged.push(stage(&paths.coherence(), &cosines)?);
        found.losses = Some(cosines);
    }
    if wanted(setting, problem, "logit", classes * n)? {
        let mut gradients = Vec::with_capacity(classes);
        for class in 0..classes {
            watch.tell(stages::COHERENCE, class as u64, Some(classes as u64), "logits")?;
            gradients.push(of_all(problem.logit_gradients(class))?);
        }
        let gradients = reordered(&gradients, logit_order(labels, classes).into_iter());
        let cosines = call.run(|| cosine_similarities(&gradients));
        found.staged.push(stage(&paths.logit_coherence(), &cosines)?);
        found.logits = Some(cosines);
    }
    Ok(found)
}

/// Whether the cosines of `side` gradients are computed. If they are not, because they are large, the watch is told; if
/// they are asked for and memory does not hold them, that is an error.
fn wanted<T: Scalar>(setting: &Setting, problem: &Problem<T>, of: &'static str, side: usize) -> Result<bool, LabError> {
    let (entry, all) = (size_of::<T>() as f64, problem.n_params());
    let p = setting.selection.as_ref().map_or(all, IndexRanges::len);
    let bytes = entry * (side as f64).powi(2);
    let needed = bytes + COPIES * entry * p as f64 * side as f64;
    // The gradients by all parameters, of which those of a block are cut out.
    let cut = if p < all { entry * (all * problem.n_all_samples()) as f64 } else { 0.0 };
    let (needed, memory) = (needed + cut, setting.call.lab.memory);
    match decide(setting.asked.keep.coherence, bytes, needed, memory) {
        Decision::Compute => Ok(true),
        Decision::LeaveOut => {
            setting.call.note(setting.name(), NoteKind::CoherenceLeftOut { of, side, bytes });
            Ok(false)
        }
        Decision::Refuse => {
            let what = format!("the cosines of all pairs of {side} {of} gradients");
            setting.call.room(what, needed, String::new)?;
            Ok(true)
        }
    }
}

/// The decision about cosines of a size.
#[derive(Debug, PartialEq)]
enum Decision {
    Compute,
    LeaveOut,
    Refuse,
}

/// The decision about cosines of `bytes`, for which `needed` bytes of `memory` are needed.
fn decide(asked: bool, bytes: f64, needed: f64, memory: f64) -> Decision {
    match (needed <= memory, asked) {
        (true, true) => Decision::Compute,
        (false, true) => Decision::Refuse,
        (fits, false) => {
            if fits && bytes <= STORED {
                Decision::Compute
            } else {
                Decision::LeaveOut
            }
        }
    }
}

/// A matrix of the columns in `order`, each given as (matrix, column); the matrices have equal heights.
fn reordered<T: Scalar>(matrices: &[Matrix<T>], order: impl ExactSizeIterator<Item = (usize, usize)>) -> Matrix<T> {
    let (rows, columns) = (matrices[0].rows, order.len());
    let mut data = Vec::with_capacity(rows * columns);
    order.for_each(|(m, j)| data.extend_from_slice(matrices[m].column(j)));
    Matrix { data, rows, columns }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cosines_are_stored_where_they_are_small_or_asked_for_and_fit() {
        let memory = 4.0 * STORED;
        assert_eq!(decide(false, STORED, memory, memory), Decision::Compute);
        assert_eq!(decide(false, STORED + 8.0, memory, memory), Decision::LeaveOut);
        assert_eq!(decide(true, STORED + 8.0, memory, memory), Decision::Compute);
        assert_eq!(decide(false, 8.0, memory + 1.0, memory), Decision::LeaveOut);
        assert_eq!(decide(true, 8.0, memory + 1.0, memory), Decision::Refuse);
    }
}

//! Reasons why the numbers of an analysis may mislead, and their likely causes.

use super::{Imported, warnings};
use crate::analysis::{Asked, Found};
use crate::call::Call;
use crate::prepare::Prepared;
use heigen::analysis::{LikelyCause, likely_causes};
use heigen_store::catalogue::Loaded;
use heigen_store::files;
use heigen_store::record::{End, Operator};

/// Likely causes of a gradient that is not small.
pub(super) fn causes(call: &Call, imported: &Imported, asked: &Asked) -> Vec<LikelyCause> {
    causes_at(call, &imported.experiment, &imported.prepared, &imported.theta, asked)
}

/// The likely causes of an analysis that stands in the store; `None` where its weights or samples are not at hand. Nothing is
/// trained for it.
pub(super) fn standing_causes(call: &Call, loaded: &Loaded, asked: &Asked) -> Option<Vec<LikelyCause>> {
    let stored = || Some(call.store.of(&loaded.experiment.name).ok()?.weights());
    let weights = asked.how.weights.clone().or_else(stored).filter(|path| files::is_file(path))?;
    let mut prepared = Prepared::new(call, &loaded.experiment).ok()?;
    let theta = prepared.load(&weights, &*call.memo.weights(&call.lab.cache, &weights).ok()?).ok()?;
    Some(causes_at(call, loaded, &prepared, &theta, asked))
}

fn causes_at(call: &Call, loaded: &Loaded, prepared: &Prepared, theta: &[f64], asked: &Asked) -> Vec<LikelyCause> {
    let objective = asked.subject.objective(&loaded.experiment);
    let Ok(problem) = call.problem::<f64, _>(&prepared.network, theta, prepared.training(), objective) else {
        return vec![];
    };
    let problem = match asked.subject.batch {
        Some(size) => problem.in_batches(size),
        None => problem,
    };
    call.run(|| likely_causes(&problem))
}

pub(super) fn warnings_of(spectrum: &Found, causes: impl FnOnce() -> Vec<LikelyCause>) -> Vec<String> {
    // The eigenvalues of the others say neither how the loss falls nor how far.
    let curves = matches!(spectrum.subject().operator, Operator::Hessian | Operator::Ggn);
    match spectrum {
        Found::Whole(r) => {
            let s = &r.summary;
            let mut all = Vec::new();
            if curves {
                all = warnings::no_minimum(s.loss, s.grad_norm, s.lambda_max, s.lambda_min, causes);
            }
            all.extend(warnings::imprecise(s.certificate.matrix_error, s.lambda_max.max(-s.lambda_min)));
            all
        }
        // Whether the gradient is large can only be said beside lambda_1.
        Found::Estimates(_) => vec![],
        // Only an end of the spectrum is known.
        Found::Top(r) => {
            let s = &r.summary;
            let (low, high) = s.eigenvalues.iter().fold((0.0f64, 0.0f64), |(low, high), &l| (low.min(l), high.max(l)));
            // Where the upper end was not looked at, the estimate of |A| takes its place.
            let high = if matches!(s.which, End::Largest | End::Both) { high } else { high.max(s.scale) };
            let mut all = Vec::new();
            if curves {
                all = warnings::no_minimum(s.loss, s.grad_norm, high, low, causes);
            }
            all.extend(warnings::imprecise(s.matrix_error, s.scale));
            all
        }
    }
}

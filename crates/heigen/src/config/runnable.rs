//! Experiments that can never run, because their data set, or that of a model that they start from, has no definition.

use super::{DatasetSpec, Experiment};

impl DatasetSpec {
    /// The name of this data set if nothing defines its points; `None` for all other sets.
    pub fn without_definition(&self) -> Option<&'static str> {
        match self {
            Self::GaussCheckerboardLinear {} => Some("gauss_checkerboard_linear"),
            Self::GaussCheckerboardNoisy {} => Some("gauss_checkerboard_noisy"),
            _ => None,
        }
    }
}

/// The reason why `experiment` can never run, in one sentence. `chain` holds the experiments whose models it starts
/// from, in any order.
pub fn why_it_cannot_run<'a>(
    experiment: &Experiment,
    chain: impl IntoIterator<Item = &'a Experiment>,
) -> Option<String> {
    let why = |set: &str| {
        format!(
            "the data set {set} has no definition: the reference names it but never defined it \
             (only {set}_close exists)"
        )
    };
    if let Some(set) = experiment.dataset.without_definition() {
        return Some(format!("{} cannot run: {}", experiment.name, why(set)));
    }
    chain.into_iter().find_map(|start| {
        let set = start.dataset.without_definition()?;
        Some(format!("{} cannot run: it starts from {}, and {}", experiment.name, start.name, why(set)))
    })
}

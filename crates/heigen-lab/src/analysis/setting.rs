//! Everything that an analysis is computed from and written to.

use super::problems::Own;
use super::request::{Asked, Keep, Matter, Way};
use super::top_k::Pairs;
use super::variant::variant;
use crate::LabError;
use crate::call::Call;
use crate::error::{Choice, OfJob};
use crate::prepare::Prepared;
use crate::training::{self, imported, trained};
use crate::watch::NoteKind;
use crate::words::{bytes, number};
use heigen::config::{DatasetSpec, Experiment, ExperimentName};
use heigen::curvature::{Cost, IndexRanges, Method, Problem, ProblemError, Work, named_parameters};
use heigen::data::Dataset;
use heigen::linalg::Scalar;
use heigen::model::reparameterize;
use heigen::vocabulary::Objective;
use heigen_store::catalogue::Loaded;
use heigen_store::layout::ExperimentPaths;
use heigen_store::record::{End, Subject, loss_name, stamp};
use std::num::NonZeroUsize;
use std::sync::Arc;

/// Number of eigenpairs that Lanczos looks for where the request names none.
const TOP: usize = 10;
/// The most parameters for which the whole spectrum is computed where the rank is large, because there are more samples
/// times classes than parameters.
const WHOLE: usize = 20_000;
/// The exact way is tried only if memory holds at least this many columns of the range.
const COLUMNS: f64 = 500.0;

/// So many operations take some ten seconds.
const MOMENT: f64 = 1e12;

/// The part of a spectrum that is looked for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Goal {
    Whole(Method),
    Top(Pairs),
    /// Only estimates, and no eigenpairs.
    Estimates,
}

/// Everything that an analysis is computed from and written to.
pub(crate) struct Setting<'a> {
    pub(super) call: &'a Call<'a>,
    pub(super) loaded: &'a Loaded,
    pub(super) asked: &'a Asked,
    pub(crate) prepared: Prepared,
    pub(crate) theta: Vec<f64>,
    /// Name of the file of the weights.
    pub(super) weights: String,
    pub(super) weights_hash: String,
    /// The training samples.
    pub(crate) samples: Arc<Dataset>,
    /// Number of the training samples.
    pub(super) n_training: usize,
    /// The problem over the samples of this process, once it has let go of those of the others.
    pub(super) own: Option<Own>,
    pub(super) selection: Option<IndexRanges>,
    pub(super) subject: Subject,
    pub(crate) goal: Goal,
    pub(crate) paths: ExperimentPaths,
}

impl<'a> Setting<'a> {
    /// The setting for an analysis of `loaded`; the model is trained first if need be.
    pub(crate) fn new(call: &'a Call<'a>, loaded: &'a Loaded, asked: &'a Asked) -> Result<Self, LabError> {
        let experiment = &loaded.experiment;
        let (name, matter) = (&experiment.name, &asked.subject);
        let mut prepared = Prepared::by_all(call, experiment)?;
        let selection = if matter.layers.is_empty() {
            None
        } else {
            let selection = named_parameters(prepared.network.layout(), &matter.layers);
            Some(selection.chosen(Choice::Layers).of(name)?)
        };
        let (loss, args) = matter.loss_of(experiment);
        args.check(loss).map_err(ProblemError::from).of(name)?;
        matter.objective(experiment).check().map_err(ProblemError::from).of(name)?;
        if !matter.decay_only.is_empty() {
            named_parameters(prepared.network.layout(), &matter.decay_only).map_err(ProblemError::from).of(name)?;
        }
        let paths = call.store.of(name)?;
        let given = match &asked.how.weights {
            Some(path) => Some(path.clone()),
            None => imported(call, loaded)?,
        };
        let (mut theta, weights, weights_hash) = if let Some(path) = &given {
            let file = call.weights_for_all(path)?;
            (prepared.load(path, &file)?, path.display().to_string(), file.hash().to_owned())
        } else {
            // While several processes train, none is to have the samples of the others.
            let several = call.lab.together.communicator().is_some();
            let train_together = several && (call.making.force || training::up_to_date(call, loaded)?.is_none());
            if train_together {
                prepared.let_go_of_samples();
                call.memo.let_go_of_samples(&call.lab.cache);
            }
            let model = trained(call, loaded)?;
            if train_together {
                prepared.read_again_by_all(call, experiment)?;
            }
            let theta = model.theta.into_iter().map(f64::from).collect();
            (theta, model.path.display().to_string(), model.record.weights_hash)
        };
        if let Some(factors) = matter.factors {
            // The reference's weights are float32 before and after.
            let single: Vec<f32> = theta.iter().map(|&w| w as f32).collect();
            let moved = reparameterize(&prepared.network, &single, factors).chosen(Choice::Factors).of(name)?;
            theta = moved.into_iter().map(f64::from).collect();
        }
        let samples = Arc::clone(prepared.training());
        let n = matter.samples.as_ref().map_or(samples.n_samples(), ExactSizeIterator::len);
        let p = selection.as_ref().map_or(prepared.network.n_params(), IndexRanges::len);
        let work = Work::of(&prepared.network, p, n);
        let goal = goal(call, name, asked, work);
        let subject = subject(matter, experiment);
        let paths = paths.variant(&variant(&subject, experiment.loss, goal));
        Ok(Self {
            call,
            loaded,
            asked,
            prepared,
            theta,
            weights,
            weights_hash,
            n_training: samples.n_samples(),
            samples,
            own: None,
            selection,
            subject,
            goal,
            paths,
        })
    }

    pub(crate) fn name(&self) -> &ExperimentName {
        &self.loaded.experiment.name
    }

    /// The objective: the loss with its smoothing and its weight decay.
    pub(super) fn objective(&self) -> Objective {
        self.asked.subject.objective(&self.loaded.experiment)
    }

    /// Says once that single samples have the statistics of all, where that is so.
    pub(super) fn note_held_statistics(&self) {
        if self.prepared.network.couples_samples() {
            self.call.note(self.name(), NoteKind::Remark(crate::words::HELD_STATISTICS.to_owned()));
        }
    }

    /// Says that what needs classes is left out, where samples have none.
    pub(super) fn note_no_classes<T: Scalar>(&self, problem: &Problem<'_, T>) {
        if problem.classes().is_none() {
            self.call.note(self.name(), NoteKind::Remark(crate::words::NO_CLASSES.to_owned()));
        }
    }

    /// The sizes that the cost of the analysis depends on.
    pub(super) fn work(&self) -> Work {
        let n = self.asked.subject.samples.as_ref().map_or(self.n_training, ExactSizeIterator::len);
        let p = self.selection.as_ref().map_or(self.prepared.network.n_params(), IndexRanges::len);
        Work::of(&self.prepared.network, p, n)
    }

    /// Whether some eigenpairs may stand for the whole spectrum, where memory does not hold that: if neither the way nor
    /// something that belongs to the whole was asked for, and memory holds what else was.
    pub(super) fn may_be_narrowed(&self) -> bool {
        let keep = self.asked.keep;
        let rest = self.room_for_estimates(size_of::<f64>());
        self.asked.how.way == Way::Auto && keep == Keep::default() && rest.is_ok()
    }

    /// The setting for the largest eigenvalues alone, because memory does not hold the whole spectrum. The watch is told.
    pub(super) fn narrowed(self, error: &LabError) -> Result<(Self, Pairs), LabError> {
        let work = self.work();
        let why = match error {
            LabError::Of { source, .. } => source.to_string(),
            other => other.to_string(),
        };
        // What the errors advise is what is done now.
        let why = why.split(';').next().unwrap_or_default().to_owned();
        let pairs =
            Pairs { k: TOP.min(work.n_params), which: self.asked.top.which, tolerance: self.asked.top.tolerance };
        note_narrowed(self.call, self.name(), &work, why);
        let goal = Goal::Top(pairs);
        let variant = variant(&self.subject, self.loaded.experiment.loss, goal);
        let paths = self.call.store.of(self.name())?.variant(&variant);
        // Nothing comes after the eigenpairs that needs the weights besides the problem.
        let theta = if self.own.is_some() { vec![] } else { self.theta };
        Ok((Self { theta, goal, paths, ..self }, pairs))
    }

    /// Says what the whole spectrum will cost, where that takes more than a moment.
    pub(super) fn note_cost(&self, method: Method) {
        let work = self.work();
        let (operations, ways) = cost(&work, method, self.call.lab.memory);
        if operations > MOMENT {
            let note = format!("estimated cost of the spectrum of order {}: {ways}", work.n_params);
            self.call.note(self.name(), NoteKind::Remark(note));
        }
    }

    /// Says what a search for eigenpairs will cost, where that takes more than a moment.
    pub(super) fn note_cost_of_search(&self, k: usize) {
        let cost = self.work().lanczos(k);
        let told = self.asked.how.way == Way::Auto && self.asked.top.count.is_none();
        if cost.operations > MOMENT && !told {
            let (operations, memory) = (number(cost.operations), bytes(cost.bytes));
            let note =
                format!("estimated cost of {k} eigenpairs by Lanczos: {operations} operations or more, {memory}");
            self.call.note(self.name(), NoteKind::Remark(note));
        }
    }

    /// A hash of all that determines the numbers.
    pub(crate) fn stamp(&self) -> Result<String, LabError> {
        let mut config = self.loaded.experiment.to_json();
        // Samples in files are told by their content, which `source` names, and may have moved.
        if matches!(self.loaded.experiment.dataset, DatasetSpec::File(_))
            && let Some(args) = config["dataset"]["args"].as_object_mut()
        {
            args.remove("path");
            args.remove("labels_path");
        }
        let problem: Vec<String> = ["model", "dataset", "loss", "train_fraction", "test_fraction"]
            .iter()
            .map(|key| config[key].to_string())
            .collect();
        let goal = match self.goal {
            Goal::Whole(method) => method.name().to_owned(),
            Goal::Estimates => "estimates".to_owned(),
            Goal::Top(top) => format!("lanczos {} {} {:e}", top.k, End::from(top.which).name(), top.tolerance),
        };
        let mut subject = serde_json::to_string(&self.subject)?;
        // Earlier analyses of the same subjects were of other definitions.
        if self.subject.weight_decay != 0.0 {
            subject.push_str(" part of the loss");
        }
        if self.prepared.network.couples_samples() {
            subject.push_str(" held statistics");
        }
        let batch = self.asked.subject.batch.map_or(0, NonZeroUsize::get).to_string();
        let (source, dtype) = (&self.prepared.samples.data.source, self.asked.how.dtype.name());
        let parts = [&self.weights_hash, &problem.join(" "), source, dtype, &goal, &subject, &batch];
        Ok(stamp([heigen::VERSION].into_iter().chain(parts.map(|part| part))))
    }
}

/// The matrix as records describe it.
fn subject(matter: &Matter, experiment: &Experiment) -> Subject {
    Subject {
        operator: matter.operator.into(),
        loss: loss_name(matter.loss.unwrap_or(experiment.loss)).into(),
        classes: (!matter.classes.is_empty()).then(|| matter.classes.clone()),
        samples: matter.samples.as_ref().map(|range| format!("{}..{}", range.start, range.end)),
        layers: (!matter.layers.is_empty()).then(|| matter.layers.clone()),
        reparameterize: matter.factors,
        weight_decay: matter.weight_decay,
        decay_only: (matter.weight_decay != 0.0 && !matter.decay_only.is_empty()).then(|| matter.decay_only.clone()),
        label_smoothing: matter.label_smoothing,
        loss_args: matter.loss_args.clone(),
    }
}

/// The part of the spectrum to look for. What memory forbids, and what takes far more time than people expect of a choice
/// that they did not make, is not tried.
fn goal(call: &Call, name: &ExperimentName, asked: &Asked, work: Work) -> Goal {
    let (p, memory) = (work.n_params, call.lab.memory);
    let top = |k: usize| Goal::Top(Pairs { k: k.min(p), which: asked.top.which, tolerance: asked.top.tolerance });
    if asked.only_estimates() {
        return Goal::Estimates;
    }
    match (asked.how.way.whole(), asked.top.count) {
        (_, Some(k)) => top(k),
        (None, None) => top(TOP),
        (Some(Method::Auto), None) => match too_much(&work, memory) {
            Some(why) => {
                note_narrowed(call, name, &work, why);
                top(TOP)
            }
            None => Goal::Whole(Method::Auto),
        },
        (Some(method), None) => Goal::Whole(method),
    }
}

/// The operations that the whole spectrum takes by `method` in so many bytes of `memory`, and a text about them.
fn cost(work: &Work, method: Method, memory: f64) -> (f64, String) {
    let (dense, exact) = (work.dense(), work.exact(work.rank()));
    let of = |cost: Cost| format!("{} operations, {}", number(cost.operations), bytes(cost.bytes));
    let by_range = format!("by its range, if the rank is up to {}: {}", work.rank(), of(exact));
    let whole = format!("written out: {}", of(dense));
    // Where memory does not hold the matrix, the range of a higher rank is followed as far as memory goes.
    let columns = work.exact_rank_within(memory).min(work.n_params.div_ceil(2));
    let most = work.exact(columns);
    match method {
        Method::Dense => (dense.operations, whole),
        Method::Exact => (exact.operations, by_range),
        Method::Auto if dense.bytes <= memory => {
            (exact.operations.min(dense.operations), format!("{by_range}; {whole}"))
        }
        Method::Auto => {
            let beyond = format!("beyond that, the {TOP} largest eigenvalues by Lanczos");
            let followed = format!("{by_range}; a higher rank is followed up to {columns}: {}; {beyond}", of(most));
            (most.operations.max(exact.operations), followed)
        }
    }
}

/// Why the whole spectrum is too much for `memory`, or takes far longer than people expect of a choice that they did not
/// make; `None` if it is not.
fn too_much(work: &Work, memory: f64) -> Option<String> {
    let (p, outputs) = (work.n_params, work.n_samples.saturating_mul(work.n_outputs));
    let (dense, exact) = (work.dense(), work.exact(work.rank()));
    let columns = work.exact_rank_within(memory) as f64;
    if columns < COLUMNS.min(p as f64) || work.whole_is_out_of_reach(memory) {
        return Some(format!(
            "the whole spectrum needs {} written out, and {} by its range if the rank is {}, of which {} may be used",
            bytes(dense.bytes),
            bytes(exact.bytes),
            work.rank(),
            bytes(memory)
        ));
    }
    let measures = work.measures(work.rank() / 4);
    if measures > memory {
        let (needed, limit) = (bytes(measures), bytes(memory));
        return Some(format!(
            "the gradients of {} samples and their alignments with a whole spectrum need {needed}, of which {limit} may be used",
            work.n_samples
        ));
    }
    (p > WHOLE && 2 * outputs > p).then(|| {
        let operations = number(exact.operations.min(dense.operations));
        format!("the rank may be up to {}, so that the whole spectrum would take {operations} operations", work.rank())
    })
}

/// Says that only the largest eigenvalues are computed, why, and what they cost.
fn note_narrowed(call: &Call, name: &ExperimentName, work: &Work, why: String) {
    let (n_params, eigenpairs) = (work.n_params, TOP.min(work.n_params));
    let Cost { operations, bytes, .. } = work.lanczos(eigenpairs);
    call.note(name, NoteKind::TooLarge { n_params, eigenpairs, why, operations, bytes });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A range was followed for half an hour in silence, because the rank that was to be expected would have taken seconds.
    #[test]
    fn the_cost_of_a_rank_that_is_higher_than_expected_is_said() {
        let p = 1_000_000;
        let work = Work { n_params: p, all_params: p, n_samples: 20, n_outputs: 3, multiplications: p };
        let (operations, ways) = cost(&work, Method::Auto, 15e9);
        assert!(work.exact(work.rank()).operations < MOMENT && operations > MOMENT, "{operations}");
        assert!(ways.contains("if the rank is up to 60:") && ways.contains("followed up to 625:"), "{ways}");
        assert!(!ways.contains("written out") && ways.ends_with("the 10 largest eigenvalues by Lanczos"), "{ways}");
        // Where memory holds the matrix, that is the other way.
        let (_, ways) = cost(&Work { n_params: 1_000, ..work }, Method::Auto, 15e9);
        assert!(ways.contains("written out") && !ways.contains("Lanczos"), "{ways}");
    }
}

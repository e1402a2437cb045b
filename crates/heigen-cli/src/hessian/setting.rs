//! What an analysis is of, where it stands, and whether one that stands there can be used.

use super::estimates::satisfied;
use super::top::TopK;
use crate::args::{Analysing, Dtype, EstimateArgs, KeepArgs, MethodArg, SubjectArgs, TopKArgs, loss_name};
use crate::models::trained;
use crate::prepare::Prepared;
use crate::session::{Session, say};
use anyhow::{Context, Result};
use heigen::config::{ExperimentName, LossKind};
use heigen::curvature::{IndexRanges, Method, Problem, named_parameters};
use heigen::data::Dataset;
use heigen::linalg::Scalar;
use heigen::model::reparameterize;
use heigen_store::atomic::{self, Staged};
use heigen_store::catalogue::Loaded;
use heigen_store::layout::ExperimentPaths;
use heigen_store::npy;
use heigen_store::record::{AnalysisRecord, Estimates, Subject, Unusable, hash_file, stamp};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::PathBuf;

/// Eigenpairs that Lanczos looks for unless told.
const TOP: usize = 10;
/// Where more samples times classes than parameters make the rank large, no more parameters than this are taken whole.
const WHOLE: usize = 20_000;
/// Columns of the range that memory must hold, at least, for the exact way to be tried.
const COLUMNS: f64 = 500.0;

/// What is wanted of the spectrum.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Goal {
    Whole(Method),
    Top(TopK),
}

/// Everything that an analysis is computed from and written to.
#[derive(Debug)]
pub(crate) struct Setting<'a> {
    pub(crate) loaded: &'a Loaded,
    pub(crate) prepared: Prepared,
    pub(crate) theta: Vec<f64>,
    weights: String,
    weights_hash: String,
    pub(crate) samples: Dataset,
    pub(crate) selection: Option<IndexRanges>,
    pub(crate) subject_args: &'a SubjectArgs,
    subject: Subject,
    pub(crate) estimates: EstimateArgs,
    pub(crate) keep: KeepArgs,
    pub(crate) goal: Goal,
    pub(crate) dtype: Dtype,
    pub(crate) paths: ExperimentPaths,
}

/// The options of an analysis.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) subject: &'a SubjectArgs,
    pub(crate) analysing: &'a Analysing,
    pub(crate) top: TopKArgs,
    pub(crate) estimates: EstimateArgs,
    pub(crate) keep: KeepArgs,
}

/// What a record tells beyond what every record tells.
pub(crate) trait Findings: Serialize + DeserializeOwned {
    fn dtype(&self) -> &str;
    /// Order of the matrix.
    fn n_params(&self) -> usize;
    /// The arrays beside the record and their shapes.
    fn arrays(&self, paths: &ExperimentPaths) -> Vec<(PathBuf, Vec<usize>)>;
    /// Why what is to be kept is not all there.
    fn lacks(&self, _keep: KeepArgs, _paths: &ExperimentPaths) -> Option<String> {
        None
    }
}

impl<'a> Setting<'a> {
    pub(crate) fn new(session: &Session, loaded: &'a Loaded, asked: Asked<'a>) -> Result<Self> {
        let experiment = &loaded.experiment;
        let (subject_args, how) = (asked.subject, asked.analysing);
        let mut prepared = Prepared::new(experiment, &session.images)?;
        let layers = &subject_args.layers;
        let selection = if layers.is_empty() {
            None
        } else {
            let selection = named_parameters(prepared.network.layout(), layers);
            Some(selection.with_context(|| format!("{}: --layers", experiment.name))?)
        };
        let paths = session.results.of(&experiment.name)?;
        let (mut theta, weights, weights_hash) = if let Some(file) = &how.model {
            (prepared.load(file)?, file.display().to_string(), hash_file(file)?)
        } else {
            let (record, theta) = trained(session, loaded)?;
            let theta = theta.into_iter().map(f64::from).collect();
            (theta, paths.weights().display().to_string(), record.weights_hash)
        };
        if let Some(factors) = subject_args.reparameterize {
            // The reference's weights are float32 before and after.
            let single: Vec<f32> = theta.iter().map(|&w| w as f32).collect();
            let moved = reparameterize(&prepared.network, &single, factors)
                .with_context(|| format!("{}: --reparameterize", experiment.name))?;
            theta = moved.into_iter().map(f64::from).collect();
        }
        let samples = prepared.training();
        let n = subject_args.samples.as_ref().map_or(samples.n_samples(), |range| range.0.len());
        let p = selection.as_ref().map_or(prepared.network.n_params(), IndexRanges::len);
        let goal = goal(&experiment.name, asked, p, n * prepared.network.n_outputs());
        let subject = Subject {
            operator: subject_args.operator.name().into(),
            loss: loss_name(subject_args.loss.unwrap_or(experiment.loss)).into(),
            classes: (!subject_args.classes.is_empty()).then(|| subject_args.classes.clone()),
            samples: subject_args.samples.as_ref().map(ToString::to_string),
            layers: (!layers.is_empty()).then(|| layers.clone()),
            reparameterize: subject_args.reparameterize,
            weight_decay: subject_args.weight_decay,
        };
        let paths = paths.variant(&variant(&subject, experiment.loss, goal));
        let (estimates, keep, dtype) = (asked.estimates, asked.keep, how.dtype);
        Ok(Self {
            loaded,
            prepared,
            theta,
            weights,
            weights_hash,
            samples,
            selection,
            subject_args,
            subject,
            estimates,
            keep,
            goal,
            dtype,
            paths,
        })
    }

    pub(crate) fn name(&self) -> &ExperimentName {
        &self.loaded.experiment.name
    }

    /// The problem over all training samples.
    pub(crate) fn problem<T: Scalar>(&self) -> Result<Problem<'_, T>> {
        let loss = self.subject_args.loss.unwrap_or(self.loaded.experiment.loss);
        Problem::new(&self.prepared.network, &self.theta, &self.samples, loss).with_context(|| self.name().to_string())
    }

    /// A hash of all that determines the numbers.
    fn stamp(&self) -> Result<String> {
        let config = self.loaded.experiment.to_json();
        let problem: Vec<String> = ["model", "dataset", "loss", "train_fraction", "test_fraction"]
            .iter()
            .map(|key| config[key].to_string())
            .collect();
        let goal = match self.goal {
            Goal::Whole(method) => method.name().to_owned(),
            Goal::Top(top) => format!("lanczos {} {} {:e}", top.k, top.which.name(), top.tolerance),
        };
        let subject = serde_json::to_string(&self.subject)?;
        let batch = self.subject_args.batch.map_or(0, std::num::NonZeroUsize::get).to_string();
        let source = &self.prepared.data.source;
        let parts = [&self.weights_hash, &problem.join(" "), source, self.dtype_name(), &goal, &subject, &batch];
        Ok(stamp([heigen::VERSION].into_iter().chain(parts.map(|part| part))))
    }

    fn dtype_name(&self) -> &'static str {
        if self.dtype == Dtype::Float64 { "float64" } else { "float32" }
    }

    /// Whether the stored analysis still matches.
    pub(crate) fn stands<S: Findings>(&self) -> Result<bool> {
        let wanted = self.stamp()?;
        let record = AnalysisRecord::load(&self.paths.analysis()).and_then(|record| self.usable::<S>(record, &wanted));
        Ok(record.is_ok_and(|record| check_arrays(&record, &self.paths).is_ok()))
    }

    /// The stored analysis if it still matches, else what `compute` finds, stored.
    pub(crate) fn reuse_or<S: Findings>(
        &self,
        session: &Session,
        compute: impl FnOnce() -> Result<(S, Estimates, Vec<Staged>)>,
    ) -> Result<AnalysisRecord<S>> {
        let (name, paths, wanted) = (self.name(), &self.paths, self.stamp()?);
        let weights = &self.weights;
        match AnalysisRecord::load(&paths.analysis()).and_then(|record| self.usable(record, &wanted)) {
            // Among many tasks nobody is there to decide.
            Ok(record) if session.quiet && check_arrays(&record, paths).is_err() => {
                say(&format!("{name}: analysing {weights} again: its arrays are damaged"));
            }
            Ok(record) if !session.force => {
                check_arrays(&record, paths).context("the analysis cannot be reused; --force computes it again")?;
                session.say_reused(&format!("{name}: reused {}", paths.analysis().display()));
                return Ok(record);
            }
            Ok(_) => say(&format!("{name}: analysing again, as asked for")),
            Err(_) if session.force => say(&format!("{name}: analysing {weights}")),
            Err(Unusable::Missing(_)) => say(&format!("{name}: analysing {weights}")),
            Err(why) => say(&format!("{name}: analysing {weights} again: {why}")),
        }
        // Better now than after hours.
        atomic::check_writable(&paths.analysis())?;
        let begun = std::time::Instant::now();
        let (summary, estimates, mut staged) = compute()?;
        let record = AnalysisRecord {
            name: name.clone(),
            stamp: wanted,
            code_version: heigen::VERSION.to_owned(),
            weights: weights.clone(),
            weights_hash: self.weights_hash.clone(),
            seconds: begun.elapsed().as_secs_f64(),
            of: self.subject.clone(),
            estimates,
            summary,
        };
        // The summary comes last: where it stands, the arrays are complete.
        staged.push(record.stage(&paths.analysis())?);
        // Everything could be written. Without its summary an analysis counts as unfinished, so nothing is reused from a
        // mixture of two; and a matrix or estimates of other weights must not stay beside this one.
        for earlier in [paths.analysis(), paths.hessian(), paths.density(), paths.diagonal()] {
            atomic::remove(&earlier)?;
        }
        staged.into_iter().try_for_each(Staged::commit)?;
        let took = crate::progress::seconds(record.seconds);
        say(&format!("{name}: analysed in {took} -> {}", paths.analysis().display()));
        Ok(record)
    }

    /// Whether a stored analysis is the one that is wanted, with everything that is to be kept.
    fn usable<S: Findings>(&self, record: AnalysisRecord<S>, stamp: &str) -> Result<AnalysisRecord<S>, Unusable> {
        record.check_stamp(stamp).map_err(|other| {
            if record.weights_hash != self.weights_hash && record.weights == self.weights {
                Unusable::Stale("the weights have changed since".into())
            } else if record.weights_hash != self.weights_hash {
                Unusable::Stale(format!("the analysis there is of other weights ({})", record.weights))
            } else if record.summary.dtype() != self.dtype_name() {
                Unusable::Stale(format!("the analysis there is in {}", record.summary.dtype()))
            } else if record.code_version != heigen::VERSION {
                let (then, now) = (&record.code_version, heigen::VERSION);
                Unusable::Stale(format!("version {then} of heigen made the analysis there, this is {now}"))
            } else {
                other
            }
        })?;
        let arrays = record.summary.arrays(&self.paths);
        let density = self.estimates.density.then(|| self.paths.density());
        let diagonal = self.estimates.diagonal.map(|_| self.paths.diagonal());
        let files = arrays.into_iter().map(|(path, _)| path).chain(density).chain(diagonal);
        if let Err(what) = satisfied(self.estimates, &record.estimates, record.summary.n_params()) {
            return Err(Unusable::Stale(format!("{what} asked for is not there")));
        }
        for path in files {
            if !path.is_file() {
                return Err(Unusable::Stale(format!("{} is missing", path.display())));
            }
        }
        record.summary.lacks(self.keep, &self.paths).map_or(Ok(record), |what| Err(Unusable::Stale(what)))
    }
}

/// What to look for in a matrix of order `p` whose Gauss-Newton part has a rank of up to `outputs`.
fn goal(name: &ExperimentName, asked: Asked, p: usize, outputs: usize) -> Goal {
    let top = |k: usize| Goal::Top(TopK { k: k.min(p), which: asked.top.which, tolerance: asked.top.tolerance });
    let columns = super::memory_limit() / (24.0 * p as f64);
    match (asked.analysing.method.whole(), asked.top.top_k) {
        (_, Some(k)) => top(k as usize),
        (None, None) => top(TOP),
        (Some(Method::Auto), None) if columns < COLUMNS.min(p as f64) || (p > WHOLE && 2 * outputs > p) => {
            say(&format!(
                "{name}: {p} parameters are too many for the whole spectrum; {TOP} eigenpairs by Lanczos \
                 (--top-k for others, --method exact to insist)"
            ));
            top(TOP)
        }
        (Some(method), None) => Goal::Whole(method),
    }
}

/// What distinguishes the files from those of the plain Hessian.
fn variant(subject: &Subject, trained_with: LossKind, goal: Goal) -> String {
    let mut parts = Vec::new();
    if subject.operator != "hessian" {
        parts.push(subject.operator.clone());
    }
    if subject.loss != loss_name(trained_with) {
        parts.push(subject.loss.clone());
    }
    if let Some(classes) = &subject.classes {
        parts.push(format!("classes-{}", classes.iter().map(ToString::to_string).collect::<Vec<_>>().join("-")));
    }
    if let Some(samples) = &subject.samples {
        parts.push(format!("samples-{samples}"));
    }
    if let Some(layers) = &subject.layers {
        parts.push(format!("layers-{}", layers.join("-")));
    }
    if let Some([a, b, c]) = subject.reparameterize {
        parts.push(format!("reparameterized-{a}-{b}-{c}"));
    }
    if subject.weight_decay != 0.0 {
        parts.push(format!("weight-decay-{:e}", subject.weight_decay));
    }
    if let Goal::Top(top) = goal {
        parts.push(format!("{}-{}", top.which.name(), top.k));
    }
    parts.join("+")
}

/// Whether the arrays are whole, by their headers and lengths.
fn check_arrays<S: Findings>(record: &AnalysisRecord<S>, paths: &ExperimentPaths) -> Result<()> {
    let check = if record.summary.dtype() == "float64" { npy::check_shaped::<f64> } else { npy::check_shaped::<f32> };
    record.summary.arrays(paths).iter().try_for_each(|(path, shape)| Ok(check(path, shape)?))
}

/// Options that contradict each other, in words.
pub(crate) fn contradiction(asked: Asked) -> Option<String> {
    let (method, keep) = (asked.analysing.method, asked.keep);
    let top = asked.top.top_k.is_some() || method == MethodArg::Lanczos;
    if asked.top.top_k.is_some() && matches!(method, MethodArg::Exact | MethodArg::Dense) {
        return Some("--top-k is for --method lanczos; the other ways find all eigenpairs anyway".into());
    }
    if !top && asked.top.which != crate::args::WhichArg::Largest {
        return Some("--which chooses among the eigenpairs of --top-k; the whole spectrum has both ends".into());
    }
    if top && keep.full_basis {
        return Some("--full-basis completes a whole spectrum; --top-k finds a part of one".into());
    }
    if top && keep.save_hessian {
        return Some("--save-hessian forms the matrix, which --top-k is there to avoid; leave one of them out".into());
    }
    let decay = asked.subject.weight_decay;
    if !decay.is_finite() {
        return Some(format!("--weight-decay is {decay}; expected a finite number"));
    }
    if decay != 0.0 && !top && method != MethodArg::Dense {
        return Some(
            "--weight-decay adds MU to every eigenvalue and leaves the eigenvectors as they are, which fills the null \
             space that the exact way relies on: add it to the numbers, or use --top-k or --method dense"
                .into(),
        );
    }
    if asked.analysing.dtype == Dtype::Float32 && method == MethodArg::Exact {
        return Some("--method exact needs --dtype float64: float32 leaves too few digits".into());
    }
    None
}

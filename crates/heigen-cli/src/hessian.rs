//! `heigen hessian`, and analyses for whatever needs one.

use crate::args::{Analysing, Dtype, HessianArgs};
use crate::describe::describe;
use crate::models::trained;
use crate::prepare::Prepared;
use crate::progress::{SpectrumProgress, seconds};
use crate::session::{Session, print, say};
use anyhow::{Context, Result};
use heigen::analysis::{Analysis, Summary, analyze, class_order, cosine_similarities, logit_order};
use heigen::curvature::{ExampleLabels, Hessian, Method, Problem, Stage, dense, spectrum};
use heigen::linalg::{Matrix, Scalar};
use heigen_store::atomic::{self, Staged};
use heigen_store::catalogue::Loaded;
use heigen_store::layout::ExperimentPaths;
use heigen_store::npy::{self, Element, Order};
use heigen_store::record::{AnalysisRecord, Unusable, hash_file, stamp};
use std::path::Path;
use std::time::Instant;

pub(crate) fn run(args: &HessianArgs) -> Result<()> {
    let session = Session::new(&args.common)?;
    let keep = Keep { full_basis: args.full_basis, hessian: args.save_hessian };
    for loaded in session.load(&args.names, &[], "hessian")? {
        let analysed = analysed(&session, &loaded, &args.analysing, keep)?;
        if session.json {
            print(&serde_json::to_string(&analysed.record)?)?;
        } else {
            print(&describe(&analysed.record))?;
        }
    }
    Ok(())
}

/// What an analysis keeps beyond the ordinary.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Keep {
    pub(crate) full_basis: bool,
    pub(crate) hessian: bool,
}

/// An analysis on disk with what it was made from.
#[derive(Debug)]
pub(crate) struct Analysed {
    pub(crate) record: AnalysisRecord,
    pub(crate) paths: ExperimentPaths,
    pub(crate) prepared: Prepared,
    pub(crate) theta: Vec<f32>,
}

/// The analysis of an experiment; reused if it still matches, else computed, after training if need be.
pub(crate) fn analysed(session: &Session, loaded: &Loaded, how: &Analysing, keep: Keep) -> Result<Analysed> {
    let experiment = &loaded.experiment;
    let name = &experiment.name;
    let prepared = Prepared::new(experiment)?;
    let paths = session.results.of(name)?;
    let (theta, weights, weights_hash) = if let Some(file) = &how.model {
        (prepared.theta(file)?, file.display().to_string(), hash_file(file)?)
    } else {
        let (record, theta) = trained(session, loaded)?;
        (theta, paths.weights().display().to_string(), record.weights_hash)
    };
    let config = experiment.to_json();
    let problem_of: Vec<String> = ["model", "dataset", "loss", "train_fraction", "test_fraction"]
        .iter()
        .map(|key| config[key].to_string())
        .collect();
    let dtype = if how.dtype == Dtype::Float64 { "float64" } else { "float32" };
    let method = Method::from(how.method);
    let wanted =
        stamp([heigen::VERSION, &weights_hash, &problem_of.join(" "), &prepared.data.source, dtype, method.name()]);

    match AnalysisRecord::load(&paths.analysis())
        .and_then(|r| usable(r, &wanted, (&weights, &weights_hash), dtype, keep, &paths))
    {
        Ok(record) if !session.force => {
            check_arrays(&record, &paths).context("the analysis cannot be reused; --force computes it again")?;
            say(&format!("{name}: reused {}", paths.analysis().display()));
            return Ok(Analysed { record, paths, prepared, theta });
        }
        Ok(_) => say(&format!("{name}: analysing again, as asked for")),
        Err(_) if session.force => say(&format!("{name}: analysing {weights}")),
        Err(Unusable::Missing(_)) => say(&format!("{name}: analysing {weights}")),
        Err(why) => say(&format!("{name}: analysing {weights} again: {why}")),
    }
    // Better now than after hours.
    atomic::check_writable(&paths.analysis())?;
    let samples = prepared.training();
    let setting =
        Setting { prepared: &prepared, theta: &theta, samples: &samples, loaded, paths: &paths, keep, method };
    let begun = Instant::now();
    let (summary, mut staged) = match how.dtype {
        Dtype::Float64 => setting.compute::<f64>()?,
        Dtype::Float32 => setting.compute::<f32>()?,
    };
    let record = AnalysisRecord {
        name: name.clone(),
        stamp: wanted,
        code_version: heigen::VERSION.to_owned(),
        weights,
        weights_hash,
        seconds: begun.elapsed().as_secs_f64(),
        summary,
    };
    // The summary comes last: where it stands, the arrays are complete.
    staged.push(record.stage(&paths.analysis())?);
    // Everything could be written. Without its summary an analysis counts as unfinished, so nothing is reused from a
    // mixture of two; and a Hessian of other weights must not stay beside this one.
    atomic::remove(&paths.analysis())?;
    atomic::remove(&paths.hessian())?;
    staged.into_iter().try_for_each(Staged::commit)?;
    say(&format!("{name}: analysed in {} -> {}", seconds(record.seconds), paths.analysis().display()));
    Ok(Analysed { record, paths, prepared, theta })
}

/// Whether a stored analysis is the one that is wanted, with everything that is to be kept.
fn usable(
    record: AnalysisRecord,
    stamp: &str,
    (weights, weights_hash): (&str, &str),
    dtype: &str,
    keep: Keep,
    paths: &ExperimentPaths,
) -> Result<AnalysisRecord, Unusable> {
    record.check_stamp(stamp).map_err(|other| {
        if record.weights_hash != weights_hash && record.weights == weights {
            Unusable::Stale("the weights have changed since".into())
        } else if record.weights_hash != weights_hash {
            Unusable::Stale(format!("the analysis there is of other weights ({})", record.weights))
        } else if record.summary.dtype != dtype {
            Unusable::Stale(format!("the analysis there is in {}", record.summary.dtype))
        } else if record.code_version != heigen::VERSION {
            let (then, now) = (&record.code_version, heigen::VERSION);
            Unusable::Stale(format!("version {then} of heigen made the analysis there, this is {now}"))
        } else {
            other
        }
    })?;
    let files = [paths.heigenvalues(), paths.heigenvectors(), paths.overlaps()];
    let hessian = paths.hessian();
    for path in files.iter().chain(keep.hessian.then_some(&hessian)) {
        if !path.is_file() {
            return Err(Unusable::Stale(format!("{} is missing", path.display())));
        }
    }
    if keep.full_basis && record.summary.n_eigenvectors < record.summary.n_params {
        return Err(Unusable::Stale("the stored eigenvectors are not a full basis".into()));
    }
    Ok(record)
}

/// Whether the arrays are whole, by their headers and lengths.
fn check_arrays(record: &AnalysisRecord, paths: &ExperimentPaths) -> Result<()> {
    let check = if record.summary.dtype == "float64" { npy::check_shaped::<f64> } else { npy::check_shaped::<f32> };
    let (p, k, n) = (record.summary.n_params, record.summary.n_eigenvectors, record.summary.n_samples);
    check(&paths.heigenvalues(), &[p])?;
    check(&paths.heigenvectors(), &[p, k])?;
    Ok(check(&paths.overlaps(), &[k, n])?)
}

/// Everything an analysis is computed from and written to.
struct Setting<'a> {
    prepared: &'a Prepared,
    theta: &'a [f32],
    samples: &'a heigen::data::Dataset,
    loaded: &'a Loaded,
    paths: &'a ExperimentPaths,
    keep: Keep,
    method: Method,
}

impl Setting<'_> {
    fn compute<T: Scalar + Element>(&self) -> Result<(Summary, Vec<Staged>)> {
        let experiment = &self.loaded.experiment;
        let name = &experiment.name;
        let problem: Problem<T> = Problem::new(&self.prepared.network, self.theta, self.samples, experiment.loss)
            .with_context(|| name.to_string())?;
        let shown = SpectrumProgress::new(name, problem.n_params());
        let operator = Hessian(&problem);
        let spectrum = spectrum(&operator, self.method, memory_limit(), |stage| shown.show(stage))
            .with_context(|| name.to_string())?;
        let gradients = problem.example_gradients(&ExampleLabels::Predicted);
        let analysis = analyze(&problem, &gradients, spectrum, self.keep.full_basis)?;
        let mut staged = self.stage(&problem, &analysis)?;
        if self.keep.hessian {
            let matrix = dense(&operator, |columns| shown.show(Stage::Dense(columns)));
            staged.push(stage(&self.paths.hessian(), &matrix)?);
        }
        shown.clear();
        Ok((analysis.summary, staged))
    }

    fn stage<T: Scalar + Element>(&self, problem: &Problem<T>, analysis: &Analysis<T>) -> Result<Vec<Staged>> {
        let (paths, eigenvalues) = (self.paths, &analysis.spectrum.eigenvalues);
        let mut staged = vec![
            npy::stage(&paths.heigenvalues(), &[eigenvalues.len()], Order::C, eigenvalues)?,
            stage(&paths.heigenvectors(), &analysis.spectrum.eigenvectors)?,
            stage(&paths.overlaps(), &analysis.overlaps)?,
        ];
        let labels = problem.labels();
        let gradients = problem.example_gradients(&ExampleLabels::True);
        let order = class_order(labels);
        let gradients = reordered(&[gradients], order.iter().map(|&n| (0, n)));
        staged.push(stage(&paths.coherence(), &cosine_similarities(&gradients))?);
        let classes = problem.network().n_outputs();
        let logits: Vec<Matrix<T>> = (0..classes).map(|c| problem.logit_gradients(c)).collect();
        let logits = reordered(&logits, logit_order(labels, classes).into_iter());
        staged.push(stage(&paths.logit_coherence(), &cosine_similarities(&logits))?);
        Ok(staged)
    }
}

/// Columns (matrix, column) of several matrices of equal height, one after another.
fn reordered<T: Scalar>(matrices: &[Matrix<T>], order: impl ExactSizeIterator<Item = (usize, usize)>) -> Matrix<T> {
    let (rows, columns) = (matrices[0].rows, order.len());
    let mut data = Vec::with_capacity(rows * columns);
    order.for_each(|(m, j)| data.extend_from_slice(matrices[m].column(j)));
    Matrix { data, rows, columns }
}

fn stage<T: Scalar + Element>(path: &Path, m: &Matrix<T>) -> Result<Staged> {
    Ok(npy::stage(path, &[m.rows, m.columns], Order::Fortran, &m.data)?)
}

/// Three quarters of the memory that the system says is available, 16 GiB where it does not say.
fn memory_limit() -> f64 {
    let available = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
        let line = text.lines().find(|l| l.starts_with("MemAvailable:"))?;
        line.split_whitespace().nth(1)?.parse::<f64>().ok()
    });
    available.map_or(16.0 * 2f64.powi(30), |kib| 0.75 * 1024.0 * kib)
}

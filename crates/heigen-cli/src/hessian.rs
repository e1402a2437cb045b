//! `heigen hessian`, and analyses for whatever needs one.

use crate::args::{Analysing, Dtype, HessianArgs};
use crate::models::trained;
use crate::prepare::Prepared;
use crate::progress::{bar, seconds, spinner};
use crate::session::{Session, print, say};
use anyhow::{Context, Result};
use heigen::analysis::{Analysis, Summary, analyze, class_order, cosine_similarities, logit_order};
use heigen::curvature::{ExampleLabels, Hessian, Problem, dense_spectrum};
use heigen::linalg::{Matrix, Scalar};
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
    let (theta, weights, weights_hash) = match &how.model {
        Some(file) => (prepared.theta(file)?, file.display().to_string(), hash_file(file)?),
        None => {
            let (record, theta) = trained(session, loaded)?;
            (theta, paths.weights().display().to_string(), record.weights_hash)
        }
    };
    let config = experiment.to_json();
    let problem_of: Vec<String> = ["model", "dataset", "loss", "train_fraction", "test_fraction"]
        .iter()
        .map(|key| config[key].to_string())
        .collect();
    let dtype = if how.dtype == Dtype::Float64 { "float64" } else { "float32" };
    let wanted = stamp([heigen::VERSION, &weights_hash, &problem_of.join(" "), &prepared.data.source, dtype]);

    match AnalysisRecord::load(&paths.analysis()).and_then(|r| usable(r, &wanted, keep, &paths)) {
        Ok(record) if !session.force => {
            say(&format!("{name}: reused {}", paths.analysis().display()));
            return Ok(Analysed { record, paths, prepared, theta });
        }
        Ok(_) => say(&format!("{name}: analysing again, as asked for")),
        Err(Unusable::Missing(_)) => say(&format!("{name}: analysing {weights}")),
        Err(why) => say(&format!("{name}: analysing {weights} again: {why}")),
    }
    let samples = prepared.training();
    let setting = Setting { prepared: &prepared, theta: &theta, samples: &samples, loaded, paths: &paths, keep };
    let begun = Instant::now();
    let summary = match how.dtype {
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
    // Written last: where the summary stands, the arrays are complete.
    record.save(&paths.analysis())?;
    say(&format!("{name}: analysed in {} -> {}", seconds(record.seconds), paths.analysis().display()));
    Ok(Analysed { record, paths, prepared, theta })
}

/// Whether a stored analysis is the one that is wanted, with everything that is to be kept.
fn usable(
    record: AnalysisRecord,
    stamp: &str,
    keep: Keep,
    paths: &ExperimentPaths,
) -> Result<AnalysisRecord, Unusable> {
    record.check_stamp(stamp)?;
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

/// Everything an analysis is computed from and written to.
struct Setting<'a> {
    prepared: &'a Prepared,
    theta: &'a [f32],
    samples: &'a heigen::data::Dataset,
    loaded: &'a Loaded,
    paths: &'a ExperimentPaths,
    keep: Keep,
}

impl Setting<'_> {
    fn compute<T: Scalar + Element>(&self) -> Result<Summary> {
        let experiment = &self.loaded.experiment;
        let name = &experiment.name;
        let problem: Problem<T> = Problem::new(&self.prepared.network, self.theta, self.samples, experiment.loss)
            .with_context(|| name.to_string())?;
        let p = problem.n_params();

        let columns = bar(p as u64, "columns", &format!("{name}: Hessian"));
        let (spectrum, hessian) =
            dense_spectrum(&Hessian(&problem), memory_limit(), |done| columns.set_position(done as u64))
                .with_context(|| name.to_string())?;
        columns.finish_and_clear();
        let rest = spinner(&format!("{name}: alignments"));
        let analysis = analyze(&problem, spectrum, self.keep.full_basis);
        rest.finish_and_clear();

        self.save(&problem, &analysis, &hessian)?;
        Ok(analysis.summary)
    }

    fn save<T: Scalar + Element>(
        &self,
        problem: &Problem<T>,
        analysis: &Analysis<T>,
        hessian: &Matrix<T>,
    ) -> Result<()> {
        let paths = self.paths;
        npy::write(&paths.heigenvalues(), &[analysis.eigenvalues.len()], Order::C, &analysis.eigenvalues)?;
        save_matrix(&paths.heigenvectors(), &analysis.eigenvectors)?;
        save_matrix(&paths.overlaps(), &analysis.overlaps)?;
        if self.keep.hessian {
            save_matrix(&paths.hessian(), hessian)?;
        }
        let labels = problem.labels();
        let gradients = problem.example_gradients(&ExampleLabels::True);
        let order = class_order(labels);
        save_matrix(&paths.coherence(), &cosine_similarities(&reordered(&[gradients], order.iter().map(|&n| (0, n)))))?;
        let classes = problem.network().n_outputs();
        let logits: Vec<Matrix<T>> = (0..classes).map(|c| problem.logit_gradients(c)).collect();
        let logits = reordered(&logits, logit_order(labels, classes).into_iter());
        save_matrix(&paths.logit_coherence(), &cosine_similarities(&logits))
    }
}

/// Columns (matrix, column) of several matrices of equal height, one after another.
fn reordered<T: Scalar>(matrices: &[Matrix<T>], order: impl ExactSizeIterator<Item = (usize, usize)>) -> Matrix<T> {
    let (rows, columns) = (matrices[0].rows, order.len());
    let mut data = Vec::with_capacity(rows * columns);
    order.for_each(|(m, j)| data.extend_from_slice(matrices[m].column(j)));
    Matrix { data, rows, columns }
}

fn save_matrix<T: Scalar + Element>(path: &Path, m: &Matrix<T>) -> Result<()> {
    Ok(npy::write(path, &[m.rows, m.columns], Order::Fortran, &m.data)?)
}

/// Three quarters of the memory that the system says is available, 16 GiB where it does not say.
fn memory_limit() -> f64 {
    let available = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
        let line = text.lines().find(|l| l.starts_with("MemAvailable:"))?;
        line.split_whitespace().nth(1)?.parse::<f64>().ok()
    });
    available.map_or(16.0 * 2f64.powi(30), |kib| 0.75 * 1024.0 * kib)
}

/// The summary as people read it.
fn describe(record: &AnalysisRecord) -> String {
    use std::fmt::Write;
    let mut out = record.name.to_string();
    let s = &record.summary;
    let top: Vec<String> = s.eigenvalues_top.iter().take(5).map(|l| format!("{l:.4e}")).collect();
    // Writing to a string cannot fail.
    let _ = write!(
        out,
        "\n  P {}  N {}  loss {:.3e}  accuracy {:.1} %  |gradient| {:.2e}\n  lambda_1.. {}\n  trace {:.4e}  rank {}  \
         outliers {} (gaps of {:.0} % of lambda_1)",
        s.n_params,
        s.n_samples,
        s.loss,
        100.0 * s.accuracy,
        s.grad_norm,
        top.join(" "),
        s.trace,
        s.rank,
        s.outliers.count,
        100.0 * s.outliers.gap,
    );
    for g in &s.g_theta {
        let _ = write!(
            out,
            "\n  G_theta {:.4}  {:?} |A| >= {:.4e} ({}); {} vectors, {} of them from the null space, whose basis is arbitrary",
            g.value, g.rule, g.eps, g.eps_source, g.counted, g.counted_null
        );
    }
    let _ = write!(
        out,
        "\n  {} {}: residual {:.1e}, orthogonality {:.1e}, largest zero {:.1e}",
        s.method, s.dtype, s.residual_max, s.orthogonality, s.outside_bound
    );
    out
}

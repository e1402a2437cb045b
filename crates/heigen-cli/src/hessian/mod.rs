//! `heigen hessian`, and analyses for whatever needs one.

mod estimates;
mod operator;
mod setting;
mod top;
mod whole;

use crate::args::{Analysing, Dtype, EstimateArgs, HessianArgs, KeepArgs, SubjectArgs, TopKArgs};
use crate::describe::{describe, describe_top};
use crate::models;
use crate::prepare::Prepared;
use crate::session::{Session, print, usage};
use anyhow::{Result, bail};
use heigen::analysis::Summary;
use heigen::data::Dataset;
use heigen::linalg::{Matrix, Scalar};
use heigen_store::atomic::Staged;
use heigen_store::catalogue::Loaded;
use heigen_store::layout::ExperimentPaths;
use heigen_store::npy::{self, Element, Order};
use heigen_store::record::{AnalysisRecord, TopKSummary};
pub(crate) use setting::{Asked, contradiction};
use setting::{Goal, Setting};
use std::path::Path;

pub(crate) fn run(args: &HessianArgs) -> Result<()> {
    let asked = Asked {
        subject: &args.subject,
        analysing: &args.analysing,
        top: args.top,
        estimates: args.estimates,
        keep: args.keep,
    };
    if let Some(why) = contradiction(asked) {
        usage(&why);
    }
    let session = Session::new(&args.common)?;
    let experiments = session.load(&args.names, &[], "hessian")?;
    one_model(&args.analysing, &experiments);
    for loaded in experiments {
        let (json, text) = match found(&session, &loaded, asked)?.0 {
            Found::Whole(record) => (serde_json::to_string(&record)?, describe(&record)),
            Found::Top(record) => (serde_json::to_string(&record)?, describe_top(&record)),
        };
        print(if session.json { &json } else { &text })?;
    }
    Ok(())
}

/// What was found of a spectrum.
#[derive(Debug)]
pub(crate) enum Found {
    /// All of it.
    Whole(Box<AnalysisRecord>),
    /// Some eigenpairs.
    Top(Box<AnalysisRecord<TopKSummary>>),
}

/// What is asked for of an experiment's spectrum, reused or computed, and where it stands.
pub(crate) fn found(session: &Session, loaded: &Loaded, asked: Asked) -> Result<(Found, ExperimentPaths)> {
    let setting = Setting::new(session, loaded, asked)?;
    let found = match setting.goal {
        Goal::Whole(method) => Found::Whole(Box::new(whole_record(session, &setting, method)?)),
        Goal::Top(top) => Found::Top(Box::new(setting.reuse_or(session, || match setting.dtype {
            Dtype::Float64 => top::compute::<f64>(&setting, top),
            Dtype::Float32 => top::compute::<f32>(&setting, top),
        })?)),
    };
    Ok((found, setting.paths))
}

/// One weights file belongs to one experiment.
pub(crate) fn one_model(analysing: &Analysing, experiments: &[Loaded]) {
    if analysing.model.is_some() && experiments.len() > 1 {
        usage(&format!(
            "--model gives the weights of one experiment, but {} are named; run them one by one",
            experiments.len()
        ));
    }
}

fn whole_record(session: &Session, setting: &Setting, method: heigen::curvature::Method) -> Result<AnalysisRecord> {
    setting.reuse_or(session, || match setting.dtype {
        Dtype::Float64 => whole::compute::<f64>(setting, method),
        Dtype::Float32 => whole::compute::<f32>(setting, method),
    })
}

/// An analysis on disk with what it was made from.
#[derive(Debug)]
pub(crate) struct Analysed {
    pub(crate) record: AnalysisRecord,
    pub(crate) paths: ExperimentPaths,
    pub(crate) prepared: Prepared,
    pub(crate) theta: Vec<f64>,
    /// The samples that the loss is the mean over.
    pub(crate) samples: Dataset,
}

/// The analysis of the plain Hessian of an experiment; reused if it still matches, else computed, after training if need
/// be.
pub(crate) fn analysed(session: &Session, loaded: &Loaded, how: &Analysing) -> Result<Analysed> {
    analysed_part(session, loaded, how, &SubjectArgs::default())
}

/// The same of some classes, or at another minimum of the same function.
pub(crate) fn analysed_part(
    session: &Session,
    loaded: &Loaded,
    how: &Analysing,
    subject: &SubjectArgs,
) -> Result<Analysed> {
    let (top, estimates, keep) = (TopKArgs::default(), EstimateArgs::default(), KeepArgs::default());
    let setting = Setting::new(session, loaded, Asked { subject, analysing: how, top, estimates, keep })?;
    let Goal::Whole(method) = setting.goal else {
        bail!("{}: its figure needs a whole spectrum, for which its network is too large", setting.name())
    };
    let record = whole_record(session, &setting, method)?;
    let Setting { paths, prepared, theta, samples, .. } = setting;
    let samples = if subject.classes.is_empty() {
        samples
    } else {
        let of_classes = |n: &usize| subject.classes.contains(&samples.labels[*n]);
        samples.subset(&(0..samples.n_samples()).filter(of_classes).collect::<Vec<_>>())
    };
    Ok(Analysed { record, paths, prepared, theta, samples })
}

/// Whether [`analysed`] would find everything up to date.
pub(crate) fn up_to_date(session: &Session, loaded: &Loaded, how: &Analysing) -> Result<bool> {
    if models::up_to_date(session, loaded)?.is_none() {
        return Ok(false);
    }
    let subject = SubjectArgs::default();
    let (top, estimates, keep) = (TopKArgs::default(), EstimateArgs::default(), KeepArgs::default());
    let setting = Setting::new(session, loaded, Asked { subject: &subject, analysing: how, top, estimates, keep })?;
    setting.stands::<Summary>()
}

fn stage<T: Scalar + Element>(path: &Path, m: &Matrix<T>) -> Result<Staged> {
    Ok(npy::stage(path, &[m.rows, m.columns], Order::Fortran, &m.data)?)
}

/// Three quarters of the memory that the system says is available, 16 GiB where it does not say.
pub(crate) fn memory_limit() -> f64 {
    let available = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
        let line = text.lines().find(|l| l.starts_with("MemAvailable:"))?;
        line.split_whitespace().nth(1)?.parse::<f64>().ok()
    });
    available.map_or(16.0 * 2f64.powi(30), |kib| 0.75 * 1024.0 * kib)
}

//! Spectra and the quantities that follow from them: reused while their records are up to date, else computed.

mod arrays;
mod coherences;
mod estimated;
mod estimates;
mod handed;
mod memory;
mod operator;
mod owned;
mod problems;
mod recipe;
mod request;
mod setting;
pub(crate) mod solvers;
mod stored;
mod top_k;
mod variant;
mod vectors;
mod whole;

use crate::call::Call;
use crate::making::{Recipe, made, standing_record};
use crate::prepare::Prepared;
use crate::training;
use crate::{Lab, LabError, LabWatch};
use arrays::Arrays;
pub use coherences::STORED as COHERENCE_STORED;
pub use handed::HandedOver;
use heigen::analysis::Summary;
use heigen::curvature::Method;
use heigen::data::Dataset;
use heigen::linalg::{Matrix, Scalar};
use heigen::vocabulary::Objective;
use heigen_store::atomic::Staged;
use heigen_store::catalogue::Loaded;
use heigen_store::layout::ExperimentPaths;
use heigen_store::npy::{self, Element, Order};
use heigen_store::record::{self, AnalysisRecord, Estimates, EstimatesSummary, TopKSummary};
pub use owned::Owned;
use recipe::Analysis;
pub use request::{AnalysisRequest, Asked, DensityAsked, EstimatesAsked, How, Keep, Matter, TopPairs, Way};
use setting::Goal;
pub(crate) use setting::Setting;
use std::path::Path;
use std::sync::Arc;
pub use stored::Stored;
use top_k::Pairs;
pub(crate) use variant::in_file_names;

/// A spectrum, the part of it that was computed, or estimates.
#[derive(Clone, Debug)]
pub enum Found {
    /// The whole spectrum.
    Whole(Box<AnalysisRecord>),
    /// Some eigenpairs of it.
    Top(Box<AnalysisRecord<TopKSummary>>),
    /// Estimates, and no eigenpairs.
    Estimates(Box<AnalysisRecord<EstimatesSummary>>),
}

impl Found {
    /// The estimates that were asked for.
    pub fn estimates(&self) -> &Estimates {
        match self {
            Self::Whole(record) => &record.estimates,
            Self::Top(record) => &record.estimates,
            Self::Estimates(record) => &record.estimates,
        }
    }
}

impl From<Found> for record::Summary {
    fn from(found: Found) -> Self {
        match found {
            Found::Whole(record) => Self::Spectrum(record),
            Found::Top(record) => Self::Eigenpairs(record),
            Found::Estimates(record) => Self::Estimates(record),
        }
    }
}

impl Lab {
    /// The spectrum that is asked for, reused or computed, after training if need be, and where its files stand.
    ///
    /// # Errors
    /// [`LabError::Contradiction`] for a request that contradicts itself, [`LabError::Stopped`] if the watch breaks; else
    /// whatever keeps the analysis from being made or written.
    pub fn analyse(
        &self,
        request: &AnalysisRequest,
        watch: &dyn LabWatch,
    ) -> Result<(Found, ExperimentPaths), LabError> {
        request.asked.check()?;
        self.call(&request.store, &request.making, watch, |call| {
            let loaded = call.seeded(request.experiment.clone());
            told(call, &loaded, &request.asked)
        })
    }
}

/// An analysis together with the network and samples that it was made from. Of several processes only the leading one has samples and
/// weights, for what it does by itself.
#[derive(Debug)]
pub(crate) struct Analysed {
    pub(crate) record: AnalysisRecord,
    pub(crate) paths: ExperimentPaths,
    pub(crate) prepared: Prepared,
    pub(crate) theta: Vec<f64>,
    /// The samples over which the loss is averaged.
    pub(crate) samples: Arc<Dataset>,
    /// The objective: the loss with its options and its weight decay.
    pub(crate) objective: Objective,
    /// Bytes that may be used, for arrays that are read.
    memory: f64,
    arrays: Arrays,
}

impl Analysed {
    fn of(setting: Setting, record: AnalysisRecord, arrays: Arrays) -> Result<Self, LabError> {
        let setting = setting.with_all_samples()?;
        let (objective, memory) = (setting.objective(), setting.call.lab.memory);
        let Setting { paths, prepared, theta, samples, asked, .. } = setting;
        let classes = &asked.subject.classes;
        let samples = if classes.is_empty() {
            samples
        } else {
            let of_classes = |n: &usize| classes.contains(&samples.labels[*n]);
            Arc::new(samples.subset(&(0..samples.n_samples()).filter(of_classes).collect::<Vec<_>>()))
        };
        Ok(Self { record, paths, prepared, theta, samples, objective, memory, arrays })
    }
}

/// A whole spectrum, as `W`, or a part of a spectrum or estimates with the paths of their files.
pub(crate) enum Spectrum<W> {
    Whole(W),
    Top(Box<AnalysisRecord<TopKSummary>>, ExperimentPaths),
    Estimates(Box<AnalysisRecord<EstimatesSummary>>, ExperimentPaths),
}

/// The part of an experiment's spectrum that is asked for, as requests get it, and the paths of its files; reused or computed, after
/// training if need be. No process of several keeps other samples than its own.
pub(crate) fn told(call: &Call, loaded: &Loaded, asked: &Asked) -> Result<(Found, ExperimentPaths), LabError> {
    let setting = Setting::new(call, loaded, asked)?.dealt()?;
    Ok(match spectrum_of(call, setting, |setting, record, _| Ok((record, setting.paths)))? {
        Spectrum::Whole((record, paths)) => (Found::Whole(Box::new(record)), paths),
        Spectrum::Top(record, paths) => (Found::Top(record), paths),
        Spectrum::Estimates(record, paths) => (Found::Estimates(record), paths),
    })
}

/// The part of an experiment's spectrum that is asked for, reused or computed, after training if need be; a whole one for later steps
/// that take all samples.
pub(crate) fn spectrum(call: &Call, loaded: &Loaded, asked: &Asked) -> Result<Spectrum<Arc<Analysed>>, LabError> {
    let setting = for_later_steps(call, Setting::new(call, loaded, asked)?)?;
    spectrum_of(call, setting, |setting, record, arrays| Ok(Arc::new(Analysed::of(setting, record, arrays)?)))
}

/// The setting for a whole spectrum that later steps need the samples for: where it is computed by several processes, none of them has
/// other samples than its own meanwhile.
fn for_later_steps<'a>(call: &Call, setting: Setting<'a>) -> Result<Setting<'a>, LabError> {
    let Goal::Whole(method) = setting.goal else { return Ok(setting) };
    let stands = !call.making.force && Analysis::<Summary>::new(&setting, method)?.standing().is_ok();
    if call.lab.together.decided(stands)? { Ok(setting) } else { setting.dealt() }
}

fn spectrum_of<'a, W>(
    call: &Call,
    setting: Setting<'a>,
    of_whole: impl FnOnce(Setting<'a>, AnalysisRecord, Arrays) -> Result<W, LabError>,
) -> Result<Spectrum<W>, LabError> {
    match setting.goal {
        Goal::Whole(method) => match whole(call, &setting, method) {
            Ok((record, arrays)) => Ok(Spectrum::Whole(of_whole(setting, record, arrays)?)),
            Err(error) if setting.may_be_narrowed() && memory::is_of_memory(&error) => {
                let (setting, pairs) = setting.narrowed(&error)?;
                top(call, setting, pairs)
            }
            Err(error) => Err(error),
        },
        Goal::Top(pairs) => top(call, setting, pairs),
        Goal::Estimates => {
            let setting = setting.dealt()?;
            let (record, ()) = made(call, &Analysis::<EstimatesSummary>::new(&setting, ())?)?;
            Ok(Spectrum::Estimates(Box::new(record), setting.paths))
        }
    }
}

/// The whole spectrum and its arrays, reused or computed.
fn whole(call: &Call, setting: &Setting, method: Method) -> Result<(AnalysisRecord, Arrays), LabError> {
    made(call, &Analysis::<Summary>::new(setting, method)?)
}

/// Some eigenpairs, reused or computed.
fn top<W>(call: &Call, setting: Setting, pairs: Pairs) -> Result<Spectrum<W>, LabError> {
    let setting = setting.dealt()?;
    let (record, ()) = made(call, &Analysis::<TopKSummary>::new(&setting, pairs)?)?;
    Ok(Spectrum::Top(Box::new(record), setting.paths))
}

/// The whole spectrum of an experiment, for requests that need one.
pub(crate) fn analysed(call: &Call, loaded: &Loaded, asked: &Asked) -> Result<Analysed, LabError> {
    let setting = for_later_steps(call, Setting::new(call, loaded, asked)?)?;
    let Goal::Whole(method) = setting.goal else {
        return Err(LabError::NeedsWhole { name: loaded.experiment.name.clone() });
    };
    let (record, arrays) = whole(call, &setting, method)?;
    Analysed::of(setting, record, arrays)
}

/// The whole spectrum of the plain Hessian at the trained weights, if it and the model are stored and up to date.
pub(crate) fn standing(call: &Call, loaded: &Loaded) -> Result<Option<Analysed>, LabError> {
    if training::up_to_date(call, loaded)?.is_none() {
        return Ok(None);
    }
    let asked = Asked::default();
    let setting = Setting::new(call, loaded, &asked)?;
    let Goal::Whole(method) = setting.goal else { return Ok(None) };
    let analysis = Analysis::<Summary>::new(&setting, method)?;
    let Some(record) = standing_record(&analysis) else { return Ok(None) };
    Analysed::of(setting, record, Arrays::default()).map(Some)
}

/// Stages a matrix as an array in Fortran order.
fn stage<T: Scalar + Element>(path: &Path, m: &Matrix<T>) -> Result<Staged, LabError> {
    Ok(npy::stage(path, &[m.rows, m.columns], Order::Fortran, &m.data)?)
}

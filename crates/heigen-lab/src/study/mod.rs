//! Studies of networks and data from elsewhere: the network is taken in as an experiment, everything about it is
//! computed, and one report is written.

mod beside;
mod doubts;
mod error;
mod foreign;
mod models;
mod names;
mod own;
mod page;
mod pictures;
mod request;
mod ties;
mod warnings;

use crate::analysis::{AnalysisRequest, Asked, Found, How, Spectrum, spectrum};
use crate::boundary;
use crate::call::Call;
use crate::drawing::Figure;
use crate::error::Contradiction;
use crate::explorable::LiveCommand;
use crate::prepare::Prepared;
use crate::training::weights_of;
use crate::watch::NoteKind;
use crate::{Lab, LabError, LabWatch, Making, Store};
pub use error::{ImportError, Occupant};
use heigen::linalg::Matrix;
use heigen_store::atomic::{self, Staged};
use heigen_store::boundary_record::BoundaryRecord;
use heigen_store::catalogue::Loaded;
use heigen_store::layout::ExperimentPaths;
use heigen_store::npy::{self, Order};
use heigen_store::record::Summary;
pub use request::{ExperimentStudyRequest, Given, ImportRequest, PictureCommand, Renaming, StudyRequest};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

use doubts::{causes, standing_causes, warnings_of};
use pictures::draw_all;

/// The experiment that stands for a network from elsewhere.
#[derive(Clone, Debug)]
pub struct Imported {
    /// The experiment.
    pub experiment: Loaded,
    /// The paths of its files.
    pub paths: ExperimentPaths,
    /// The samples and the network.
    pub prepared: Prepared,
    /// The weights, `[P]`.
    pub theta: Vec<f64>,
    /// Sentences about how network and samples were read.
    pub notes: Vec<String>,
    /// Sentences about reasons why the parameters may not be those that the network was trained with.
    pub warnings: Vec<String>,
}

/// The parts of a request for a study that do not depend on where the network comes from.
struct Wanted<'a> {
    /// The name of the network on the page.
    network: String,
    asked: Asked,
    margin: bool,
    figures: &'a Path,
    report: &'a Path,
    command: Option<PictureCommand>,
    live: Option<LiveCommand>,
}

/// The results of a study.
#[derive(Clone, Debug)]
pub struct Study {
    /// The experiment that stands for the network.
    pub imported: Imported,
    /// The spectrum.
    pub spectrum: Found,
    /// The path of the spectrum's record.
    pub analysis: PathBuf,
    /// The measures of the boundary, where the whole spectrum is known.
    pub boundary: Option<BoundaryRecord>,
    /// The pictures, where the whole spectrum is known.
    pub pictures: Vec<Picture>,
    /// Sentences about reasons why the numbers may mislead.
    pub warnings: Vec<String>,
    /// Sentences about how files were read, and about pictures that could not be drawn.
    pub notes: Vec<String>,
    /// The path of the report's page.
    pub report: PathBuf,
}

impl Study {
    /// The study as programs get it: an object with the summaries of spectrum and boundary ([`Summary`]), the notes and
    /// the paths of all files.
    ///
    /// # Errors
    /// [`LabError`] for numbers that JSON cannot say.
    pub fn to_json(&self) -> Result<Value, LabError> {
        let spectrum = Summary::from(self.spectrum.clone()).to_json()?;
        let (whole, top) = match &self.spectrum {
            Found::Whole(_) => (Some(spectrum), None),
            Found::Top(_) | Found::Estimates(_) => (None, Some(spectrum)),
        };
        let boundary = self.boundary.clone().map(|record| Summary::from(record).to_json()).transpose()?;
        let own = &self.imported;
        let files = |paths: &[PathBuf]| paths.iter().map(|p| p.display().to_string()).collect::<Vec<_>>();
        Ok(json!({
            "format": "heigen study",
            "version": 1,
            "analysis": whole,
            "top_k": top,
            "boundary": boundary,
            "classes": own.prepared.samples.classes,
            "warnings": self.warnings,
            "notes": self.notes,
            "files": {
                "experiment": own.paths.experiment(),
                "weights": own.paths.weights(),
                "analysis": self.analysis,
                "logits": own.paths.logits(),
                "figures": self.pictures.iter().map(|p| files(&p.paths)).collect::<Vec<_>>(),
                "report": self.report,
            },
        }))
    }
}

/// A picture of a study.
#[derive(Clone, Debug)]
pub struct Picture {
    /// The kind of picture.
    pub figure: &'static Figure,
    /// The paths of the SVG, PDF and PNG files.
    pub paths: Vec<PathBuf>,
}

impl Lab {
    /// Takes in a network from elsewhere: writes it down as an experiment with its weights.
    ///
    /// # Errors
    /// [`LabError::Import`] for a network that cannot be taken in; else whatever keeps it from being read or written.
    pub fn import(&self, store: &Store, request: &ImportRequest, watch: &dyn LabWatch) -> Result<Imported, LabError> {
        self.call(store, &Making::default(), watch, |call| import(call, request))
    }

    /// Takes in a network from elsewhere and studies it: spectrum, boundary, pictures and one page.
    ///
    /// # Errors
    /// The errors of [`Lab::import`], [`Lab::analyse`] and [`Lab::boundary`]. A picture that cannot be drawn is only a
    /// note.
    pub fn study(&self, request: &StudyRequest, watch: &dyn LabWatch) -> Result<Study, LabError> {
        request.asked.check()?;
        if request.margin && request.asked.top.count.is_some() {
            return Err(Contradiction::MarginOfPart.into());
        }
        self.call(&request.store, &request.making, watch, |call| study(call, request))
    }

    /// Reasons why the numbers of an analysis may mislead, as whole sentences: weights that are no minimum of the loss, with
    /// likely causes where these can be tried, and a matrix that rounding has moved.
    ///
    /// # Cost
    /// About twenty passes through all samples where the gradient is too large for a minimum; nothing otherwise.
    ///
    /// # Errors
    /// [`LabError::Stopped`] if the watch breaks. Samples or weights that cannot be read leave out the causes.
    pub fn doubts(
        &self,
        request: &AnalysisRequest,
        found: &Found,
        watch: &dyn LabWatch,
    ) -> Result<Vec<String>, LabError> {
        self.call(&request.store, &request.making, watch, |call| {
            let loaded = call.seeded(request.experiment.clone());
            let tried = || standing_causes(call, &loaded, &request.asked).unwrap_or_default();
            Ok(warnings_of(found, tried))
        })
    }

    /// Studies an experiment: spectrum, boundary, pictures and one page.
    ///
    /// # Errors
    /// The errors of [`Lab::train`], [`Lab::analyse`] and [`Lab::boundary`]. A picture that cannot be drawn is only a
    /// note.
    pub fn study_experiment(&self, request: &ExperimentStudyRequest, watch: &dyn LabWatch) -> Result<Study, LabError> {
        request.asked.check()?;
        self.call(&request.store, &request.making, watch, |call| of_experiment(call, request))
    }
}

fn import(call: &Call, request: &ImportRequest) -> Result<Imported, LabError> {
    let foreign = foreign::read(call, request)?;
    let imported = own::store(call, request, foreign)?;
    let job = &imported.experiment.experiment.name;
    let told = &imported.prepared.samples.notes;
    for note in imported.notes.iter().filter(|note| !told.contains(note)) {
        call.note(job, NoteKind::Remark(note.clone()));
    }
    for warning in &imported.warnings {
        call.note(job, NoteKind::Warning(warning.clone()));
    }
    let (from, experiment) = (request.model.clone(), imported.paths.experiment());
    call.note(job, NoteKind::Imported { from, experiment });
    Ok(imported)
}

fn study(call: &Call, request: &StudyRequest) -> Result<Study, LabError> {
    let imported = import(call, &request.import)?;
    let how = How { weights: Some(imported.paths.weights()), ..request.asked.how.clone() };
    let wanted = Wanted {
        network: request.import.model.display().to_string(),
        asked: Asked { how, eigenpairs: true, ..request.asked.clone() },
        margin: request.margin,
        figures: &request.figures,
        report: &request.report,
        command: request.command,
        live: request.live,
    };
    studied(call, imported, &wanted)
}

fn of_experiment(call: &Call, request: &ExperimentStudyRequest) -> Result<Study, LabError> {
    let experiment = call.seeded(request.experiment.clone());
    let mut prepared = Prepared::by_all(call, &experiment.experiment)?;
    let weights = weights_of(call, &experiment, &request.asked.how)?;
    let theta = prepared.load(&weights, &*call.weights_for_all(&weights)?)?;
    let paths = call.store.of(&experiment.experiment.name)?;
    let (notes, warnings) = (request.notes.clone(), request.warnings.clone());
    let wanted = Wanted {
        network: experiment.experiment.name.to_string(),
        asked: Asked { eigenpairs: true, ..request.asked.clone() },
        margin: request.margin,
        figures: &request.figures,
        report: &request.report,
        command: request.command,
        live: request.live,
    };
    studied(call, Imported { experiment, paths, prepared, theta, notes, warnings }, &wanted)
}

/// Everything that is computed about a network, and the page about it. Of several processes, each has its share of the samples while the
/// spectrum is computed; what comes later takes all of them, and is done by the leading process alone.
fn studied(call: &Call, mut imported: Imported, wanted: &Wanted) -> Result<Study, LabError> {
    let (loaded, asked, together) = (imported.experiment.clone(), &wanted.asked, &call.lab.together);
    let job = &loaded.experiment.name;
    if together.communicator().is_some() {
        imported.prepared.let_go_of_samples();
    }
    let found = spectrum(call, &loaded, asked)?;
    let (spectrum, analysed, analysis) = match found {
        Spectrum::Whole(analysed) => {
            let path = analysed.paths.analysis();
            (Found::Whole(Box::new(analysed.record.clone())), Some(analysed), path)
        }
        Spectrum::Top(record, paths) => (Found::Top(record), None, paths.analysis()),
        Spectrum::Estimates(record, paths) => (Found::Estimates(record), None, paths.analysis()),
    };
    let mut warnings = imported.warnings.clone();
    let looked = || {
        imported.prepared.read_samples_again(call, &loaded.experiment)?;
        logits(call, &imported)?;
        Ok(warnings_of(&spectrum, || causes(call, &imported, asked)))
    };
    for warning in together.by_leader(looked)?.unwrap_or_default() {
        // A face that made the analysis before has said it, and hands it over to be repeated.
        if !warnings.contains(&warning) {
            call.note(job, NoteKind::Warning(warning.clone()));
            warnings.push(warning);
        }
    }
    let name = job.to_string().replace('/', "-");
    // A study of some eigenpairs has a page of its own, beside the page of the whole spectrum.
    let part = if let Found::Top(record) = &spectrum {
        format!("+{}-{}", record.summary.which.name(), record.summary.eigenvalues.len())
    } else {
        String::new()
    };
    let report = wanted.report.join(format!("{name}{part}.html"));
    let mut notes = imported.notes.clone();
    if imported.prepared.network.couples_samples() {
        notes.push(crate::words::HELD_STATISTICS.to_owned());
    }
    let has_classes = imported.prepared.has_classes(&loaded.experiment);
    if !has_classes {
        notes.push(crate::words::NO_CLASSES.to_owned());
    }
    let (boundary, pictures) = (None, vec![]);
    let mut study = Study { imported, spectrum, analysis, boundary, pictures, warnings, notes, report };
    if let Some(analysed) = analysed {
        if has_classes {
            study.boundary = Some(boundary::measured(call, &loaded, &analysed, wanted.margin)?);
        }
        draw_all(call, wanted, &analysed, &mut study)?;
    }
    together.by_leader(|| Ok(atomic::write(&study.report, page::html(call, wanted, &study)?.as_bytes())?))?;
    call.note(job, NoteKind::Reported { path: study.report.clone() });
    Ok(study)
}

/// Writes the outputs of the network on the samples, to compare with those of the program that it comes from.
fn logits(call: &Call, own: &Imported) -> Result<(), LabError> {
    let samples = own.prepared.training();
    let inputs = Matrix::<f64>::from_f32(&samples.features, samples.n_features());
    let outputs = call.run(|| own.prepared.network.outputs(&own.theta, &inputs));
    let shape = [outputs.columns, outputs.rows];
    Ok(npy::stage(&own.paths.logits(), &shape, Order::C, &outputs.data).and_then(Staged::commit)?)
}

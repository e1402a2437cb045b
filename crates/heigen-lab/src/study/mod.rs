//! A network and data from elsewhere: taken in as an experiment, and studied whole, down to one report.

mod error;
mod foreign;
mod own;
mod page;
mod warnings;

use crate::analysis::{Analysed, Asked, Found, How, Spectrum, spectrum};
use crate::boundary;
use crate::call::Call;
use crate::drawing::{Drawing, Figure, PLOTS, Shown, draw_shown};
use crate::error::Contradiction;
use crate::prepare::Prepared;
use crate::watch::NoteKind;
use crate::{Lab, LabError, LabWatch, Making, Store};
pub use error::{ImportError, Occupant};
use heigen::config::{FileArgs, LossKind};
use heigen::linalg::Matrix;
use heigen_store::atomic::{self, Staged};
use heigen_store::boundary_record::BoundaryRecord;
use heigen_store::catalogue::Loaded;
use heigen_store::layout::ExperimentPaths;
use heigen_store::npy::{self, Order};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Asks for a network from elsewhere to be written down as an experiment with its weights.
#[derive(Clone, Debug)]
pub struct ImportRequest {
    /// The network's file, or that of its weights.
    pub model: PathBuf,
    /// The architecture of weights: a JSON file, or the name of one that is known.
    pub arch: Option<String>,
    /// How names of tensors in the file become those of the architecture; the longest beginning counts.
    pub renamings: Vec<Renaming>,
    /// The samples; the number of classes is the network's.
    pub data: FileArgs,
    /// The loss.
    pub loss: LossKind,
    /// The experiment's name; `own/<name of the model's file>` if there is none.
    pub name: Option<String>,
    /// Replaces results of that name whatever they are.
    pub force: bool,
}

/// Names of tensors that begin with `from` begin with `to` instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renaming {
    /// The beginning in the file.
    pub from: String,
    /// The beginning in the architecture.
    pub to: String,
}

/// The experiment that stands for a network from elsewhere.
#[derive(Clone, Debug)]
pub struct Imported {
    /// The experiment.
    pub experiment: Loaded,
    /// Where its files stand.
    pub paths: ExperimentPaths,
    /// Its samples and network.
    pub prepared: Prepared,
    /// Its weights, `[P]`.
    pub theta: Vec<f64>,
    /// Sentences about how network and samples were read.
    pub notes: Vec<String>,
}

/// Words the command that draws a figure again, given the figure, the experiment's file, its weights and the results folder.
pub type PictureCommand = fn(&Figure, &Path, &Path, &Path) -> String;

/// Asks for everything about a network from elsewhere.
#[derive(Clone, Debug)]
pub struct StudyRequest {
    /// Where results live.
    pub store: Store,
    /// The network and its samples.
    pub import: ImportRequest,
    /// The analysis that is asked for; the weights are those of the network.
    pub asked: Asked,
    /// Measures the margin of large networks, too.
    pub margin: bool,
    /// Folder of the figures.
    pub figures: PathBuf,
    /// Folder of the report.
    pub report: PathBuf,
    /// How analysis, measures and figures are made.
    pub making: Making,
    /// The command that draws a figure of the experiment again, if the face has one.
    pub command: Option<PictureCommand>,
}

/// Everything about a network from elsewhere.
#[derive(Clone, Debug)]
pub struct Study {
    /// The experiment that stands for it.
    pub imported: Imported,
    /// Its spectrum.
    pub spectrum: Found,
    /// Where the spectrum's record stands.
    pub analysis: PathBuf,
    /// Its boundary, where the whole spectrum is known.
    pub boundary: Option<BoundaryRecord>,
    /// Its pictures, where the whole spectrum is known.
    pub pictures: Vec<Picture>,
    /// Reasons why the numbers may mislead.
    pub warnings: Vec<String>,
    /// Sentences about how files were read, and what could not be drawn.
    pub notes: Vec<String>,
    /// The page.
    pub report: PathBuf,
}

/// A picture of a study.
#[derive(Clone, Debug)]
pub struct Picture {
    /// Its kind.
    pub figure: &'static Figure,
    /// SVG, PDF, PNG.
    pub paths: Vec<PathBuf>,
}

impl Lab {
    /// Writes a network from elsewhere down as an experiment with its weights.
    ///
    /// # Errors
    /// [`LabError::Import`] for a network that cannot be taken in; else whatever keeps it from being read or written.
    pub fn import(&self, store: &Store, request: &ImportRequest, watch: &dyn LabWatch) -> Result<Imported, LabError> {
        self.call(store, &Making::default(), watch, |call| import(call, request))
    }

    /// Takes a network from elsewhere in and studies it whole: spectrum, boundary, pictures, one page.
    ///
    /// # Errors
    /// As [`Lab::import`], [`Lab::analyse`] and [`Lab::boundary`]. A picture that cannot be drawn is a note.
    pub fn study(&self, request: &StudyRequest, watch: &dyn LabWatch) -> Result<Study, LabError> {
        request.asked.check()?;
        if request.margin && request.asked.top.count.is_some() {
            return Err(Contradiction::MarginOfPart.into());
        }
        self.call(&request.store, &request.making, watch, |call| study(call, request))
    }
}

fn import(call: &Call, request: &ImportRequest) -> Result<Imported, LabError> {
    let foreign = foreign::read(call, request)?;
    let imported = own::store(call, request, foreign)?;
    let job = &imported.experiment.experiment.name;
    for note in &imported.notes {
        call.note(job, NoteKind::Remark(note.clone()));
    }
    let (from, experiment) = (request.model.clone(), imported.paths.experiment());
    call.note(job, NoteKind::Imported { from, experiment });
    Ok(imported)
}

fn study(call: &Call, request: &StudyRequest) -> Result<Study, LabError> {
    let imported = import(call, &request.import)?;
    let loaded = imported.experiment.clone();
    let job = &loaded.experiment.name;
    let how = How { weights: Some(imported.paths.weights()), ..request.asked.how.clone() };
    let asked = Asked { how, ..request.asked.clone() };
    let found = spectrum(call, &loaded, &asked)?;
    logits(&imported)?;
    let (spectrum, analysed, analysis) = match found {
        Spectrum::Whole(analysed) => {
            let path = analysed.paths.analysis();
            (Found::Whole(Box::new(analysed.record.clone())), Some(Arc::new(*analysed)), path)
        }
        Spectrum::Top(record, paths) => (Found::Top(record), None, paths.analysis()),
    };
    let warnings = warnings_of(&spectrum);
    for warning in &warnings {
        call.note(job, NoteKind::Warning(warning.clone()));
    }
    let name = job.to_string().replace('/', "-");
    // Some eigenpairs have a page of their own beside that of them all.
    let part = if let Found::Top(record) = &spectrum {
        format!("+{}-{}", record.summary.which.name(), record.summary.eigenvalues.len())
    } else {
        String::new()
    };
    let report = request.report.join(format!("{name}{part}.html"));
    let notes = imported.notes.clone();
    let (boundary, pictures) = (None, vec![]);
    let mut study = Study { imported, spectrum, analysis, boundary, pictures, warnings, notes, report };
    if let Some(analysed) = analysed {
        study.boundary = Some(boundary::measured(call, &loaded, &analysed, request.margin)?);
        draw_all(call, request, &analysed, &mut study)?;
    }
    atomic::write(&study.report, page::html(call, request, &study)?.as_bytes())?;
    call.note(job, NoteKind::Reported { path: study.report.clone() });
    Ok(study)
}

/// Writes the outputs of the network on the samples, to compare with those of the program that it comes from.
fn logits(own: &Imported) -> Result<(), LabError> {
    let samples = own.prepared.training();
    let inputs = Matrix::<f64>::from_f32(&samples.features, samples.n_features());
    let outputs = own.prepared.network.outputs(&own.theta, &inputs);
    let shape = [outputs.columns, outputs.rows];
    Ok(npy::stage(&own.paths.logits(), &shape, Order::C, &outputs.data).and_then(Staged::commit)?)
}

fn warnings_of(spectrum: &Found) -> Vec<String> {
    match spectrum {
        Found::Whole(r) => {
            let s = &r.summary;
            warnings::no_minimum(s.loss, s.grad_norm, s.lambda_max, s.lambda_min)
        }
        // Only the upper end is known.
        Found::Top(r) => {
            let s = &r.summary;
            let (low, high) = s.eigenvalues.iter().fold((0.0f64, 0.0f64), |(low, high), &l| (low.min(l), high.max(l)));
            warnings::no_minimum(s.loss, s.grad_norm, high, low)
        }
    }
}

/// Draws the pictures that fit the number of features; one that cannot be drawn is no reason not to draw the others.
fn draw_all(call: &Call, request: &StudyRequest, analysed: &Arc<Analysed>, study: &mut Study) -> Result<(), LabError> {
    let prepared = &study.imported.prepared;
    let inputs = match prepared.samples.data.n_features() {
        1 => "line",
        2 => "planes",
        _ => "embedding",
    };
    // The surface takes a pass over all samples for every node.
    let surface = boundary::is_quick(&prepared.network).then_some("surface");
    let loaded = study.imported.experiment.clone();
    let job = loaded.experiment.name.clone();
    let shown = [Shown::alone(loaded, Arc::clone(analysed))];
    for kind in [inputs, "spectrum", "overlaps", "eigenvectors", "coherence"].into_iter().chain(surface) {
        let Some(figure) = PLOTS.iter().find(|f| f.name == kind) else { continue };
        let drawn = (figure.check)(call, &shown[0].loaded, figure.name)
            .and_then(|()| draw_shown(call, figure, &shown, &Drawing::paper(figure), &request.figures));
        match drawn {
            Ok(drawn) => study.pictures.push(Picture { figure, paths: drawn.paths }),
            Err(stopped) if stopped.is_stopped() => return Err(stopped),
            Err(why) => {
                let note = format!("no picture of kind {kind}: {}", why.in_full());
                call.note(&job, NoteKind::Remark(note.clone()));
                study.notes.push(note);
            }
        }
    }
    Ok(())
}

//! Draws a figure of some experiments into its files, unless the files are up to date.

use super::Figure;
use super::catalogue::{Draw, DrawSpectra, Source};
use super::labels::labels;
use super::landscape::{self, FigureNumbers, PlaneDirections, SurfaceOptions};
use super::minibatches::BatchOptions;
use super::parts::{draw_parts, known};
use super::picture::{Picture, path};
use crate::analysis::{self, Analysed, Asked, How, Matter, TopPairs, analysed};
use crate::call::Call;
use crate::error::OfJob;
use crate::making::{made, standing_record};
use crate::prepare;
use crate::watch::stage;
use crate::{Lab, LabError, LabWatch, Making, Store};
use heigen::vocabulary::LossArgs;
use heigen_figures::Scene;
use heigen_store::atomic;
use heigen_store::catalogue::Loaded;
use heigen_store::record::{Summary, stamp};
use serde::Serialize;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A request for a figure or plot.
#[derive(Clone, Debug)]
pub struct FigureRequest {
    /// The store of the results.
    pub store: Store,
    /// The figure that is drawn.
    pub figure: &'static Figure,
    /// The experiments that the figure shows.
    pub experiments: Vec<Loaded>,
    /// The weights, the way to the spectrum and the number type of their analyses.
    pub how: How,
    /// The part of the spectra that is shown, by figures that do not need whole ones.
    pub parts: Parts,
    /// The options of the drawing.
    pub drawing: Drawing,
    /// The analysis that is drawn, where `how` and `drawing` do not say all about it.
    pub asked: Option<Asked>,
    /// The folder that the files are written to.
    pub folder: PathBuf,
    /// The options of making models, analyses and the figure.
    pub making: Making,
}

/// The part of its spectra that a figure shows which does not need whole ones.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Parts {
    /// The number and choice of eigenpairs, where only some are wanted.
    pub top: TopPairs,
    /// Number of samples in a mini-batch, where products are summed over mini-batches.
    pub batch: Option<NonZeroUsize>,
}

/// The options of drawing a figure.
#[derive(Clone, Debug, Serialize)]
pub struct Drawing {
    /// The number of eigenvectors; `None` for the figure's own number.
    pub eigenvectors: Option<usize>,
    /// Number of cells of a map along each axis.
    pub resolution: usize,
    /// The choice of eigenvectors that maps show.
    pub vectors: MapVectors,
    /// Whether there is a map of the boundary put together from the leading alignments.
    pub reconstructed: bool,
    /// Whether each map has a colour bar of its own.
    pub individual_bars: bool,
    /// The classes whose samples are shown; empty for all classes.
    pub classes: Vec<usize>,
    /// The factors for the layers that lead to another minimum of the same function, which is shown instead.
    pub reparameterize: Option<[f64; 3]>,
    /// mu of the weight decay mu/2 |theta|^2 that is part of the loss.
    #[serde(skip_serializing_if = "is_zero")]
    pub weight_decay: f64,
    /// The layers or tensors that decay; empty for all parameters.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub decay_only: Vec<String>,
    /// Label smoothing of the cross-entropy, 0 to 1.
    #[serde(skip_serializing_if = "is_zero")]
    pub label_smoothing: f64,
    /// The other options of the loss.
    #[serde(skip_serializing_if = "LossArgs::is_empty")]
    pub loss_args: LossArgs,
    /// The directions of a loss surface, and what belongs to them.
    #[serde(skip_serializing_if = "is_default")]
    pub surface: SurfaceOptions,
    /// The mini-batches over which the largest eigenvalue is shown.
    #[serde(skip_serializing_if = "is_default")]
    pub batches: BatchOptions,
}

fn is_default<T: Default + PartialEq>(options: &T) -> bool {
    *options == T::default()
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
fn is_zero(number: &f64) -> bool {
    *number == 0.0
}

/// The choice of eigenvectors that maps show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MapVectors {
    /// The eigenvectors of the largest eigenvalues.
    #[default]
    Top,
    /// The eigenvectors of the lowest eigenvalues that are not zero.
    Lowest,
    /// Eigenvectors drawn at random among those of nonzero eigenvalues.
    Random,
    /// Random directions of norm 1, which are not eigenvectors.
    Directions,
}

/// The files of a figure that was drawn or reused.
#[derive(Clone, Debug)]
pub struct Drawn {
    /// The paths of the SVG, PDF and PNG files.
    pub paths: Vec<PathBuf>,
    /// The summaries of the analyses.
    pub analyses: Vec<Summary>,
    /// The numbers of a figure that needs no spectrum, where they were computed; not where its files were up to date.
    pub numbers: Option<FigureNumbers>,
}

/// An experiment with its analysis.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) loaded: Loaded,
    pub(crate) analysed: Arc<Analysed>,
    /// The name that tells the experiment from the others in the figure.
    pub(crate) label: String,
    /// Whether only some classes are shown, other weights than the trained ones, or numbers of another type.
    pub(crate) varied: bool,
}

impl Lab {
    /// Draws a figure, after all training and analysis that it needs; results that are up to date are reused.
    ///
    /// # Errors
    /// [`LabError::Stopped`] if the watch breaks; else whatever keeps the figure from being drawn or written.
    pub fn draw(&self, request: &FigureRequest, watch: &dyn LabWatch) -> Result<Drawn, LabError> {
        self.call(&request.store, &request.making, watch, |call| {
            let experiments = request.experiments.iter().map(|loaded| call.seeded(loaded.clone())).collect();
            draw(call, request.figure, experiments, &request.asked(), &request.drawing, &request.folder)
        })
    }

    /// Puts a figure together, after all training and analysis that it needs, and writes no file of it.
    ///
    /// # Errors
    /// [`LabError::Stopped`] if the watch breaks; else whatever keeps the figure from being drawn.
    pub fn compose(&self, request: &FigureRequest, watch: &dyn LabWatch) -> Result<Scene, LabError> {
        self.call(&request.store, &request.making, watch, |call| {
            let experiments: Vec<Loaded> =
                request.experiments.iter().map(|loaded| call.seeded(loaded.clone())).collect();
            let (figure, asked) = (request.figure, request.asked());
            experiments.iter().try_for_each(|loaded| (figure.check)(call, loaded, figure.name))?;
            match figure.source(&request.drawing) {
                Source::Weights(what) => landscape::compose(call, what, one(&experiments)?, &asked, &request.drawing),
                Source::Parts(what) => known(call, what, &experiments, &asked)?.scene(what),
                Source::Spectra(draw) => {
                    let shown = shown(call, experiments, &asked, analysed)?;
                    call.job(&format!("figure {}", figure.name)).begin(stage::DRAWING)?;
                    draw(call, &shown, &request.drawing)
                }
            }
        })
    }
}

impl FigureRequest {
    /// The analyses that the figure is drawn from.
    pub(super) fn asked(&self) -> Asked {
        let parts = self.parts;
        let of_parts =
            |asked: Asked| Asked { top: parts.top, subject: Matter { batch: parts.batch, ..asked.subject }, ..asked };
        let plain = || asked(&self.how, &self.drawing);
        let all = || if matches!(self.figure.draw, Draw::Parts(_)) { of_parts(plain()) } else { plain() };
        self.asked.clone().unwrap_or_else(all)
    }
}

/// The experiment of a figure that shows one.
pub(super) fn one(experiments: &[Loaded]) -> Result<&Loaded, LabError> {
    experiments.first().ok_or(LabError::Lost)
}

fn draw(
    call: &Call,
    figure: &Figure,
    experiments: Vec<Loaded>,
    asked: &Asked,
    drawing: &Drawing,
    folder: &Path,
) -> Result<Drawn, LabError> {
    for loaded in &experiments {
        prepare::read_for_all(call, &loaded.experiment).of(&loaded.experiment.name)?;
    }
    let fits = || experiments.iter().try_for_each(|loaded| (figure.check)(call, loaded, figure.name));
    call.lab.together.by_leader(fits)?;
    // A folder that cannot be written to is reported now and not after hours of training.
    atomic::check_writable(&path(figure, &experiments, drawing, folder, "svg"))?;
    match figure.source(drawing) {
        Source::Spectra(scene) => {
            let shown = shown(call, experiments, asked, analysed)?;
            draw_shown(call, (figure, scene), &shown, drawing, folder)
        }
        Source::Weights(what) => landscape::draw(call, (figure, what), one(&experiments)?, asked, drawing, folder),
        Source::Parts(what) => draw_parts(call, (figure, what), &experiments, asked, drawing, folder),
    }
}

/// Draws a figure of experiments that are analysed already.
pub(crate) fn draw_shown(
    call: &Call,
    (figure, scene): (&Figure, DrawSpectra),
    shown: &[Shown],
    drawing: &Drawing,
    folder: &Path,
) -> Result<Drawn, LabError> {
    let analyses = shown.iter().map(|s| Summary::Spectrum(Box::new(s.analysed.record.clone()))).collect();
    let paths = made(call, &Picture::of_spectra(call, (figure, scene), shown, drawing, folder)?)?;
    Ok(Drawn { paths, analyses, numbers: None })
}

/// Draws a figure as the paper shows it, and tells whether its files were up to date already.
pub(crate) fn draw_paper(call: &Call, figure: &Figure, folder: &Path) -> Result<(Drawn, bool), LabError> {
    let before = up_to_date(call, figure, folder)?;
    let drawing = Drawing::paper(figure);
    let drawn = draw(call, figure, paper(call, figure)?, &asked(&How::default(), &drawing), &drawing, folder)?;
    Ok((drawn, before))
}

/// Whether [`draw_paper`] would find all files up to date.
pub(crate) fn up_to_date(call: &Call, figure: &Figure, folder: &Path) -> Result<bool, LabError> {
    let Some(scene) = figure.draw.spectra() else { return Ok(false) };
    let drawing = Drawing::paper(figure);
    let standing = |call: &Call, loaded: &Loaded, _: &Asked| {
        analysis::standing(call, loaded)?.ok_or_else(|| LabError::NeedsWhole { name: loaded.experiment.name.clone() })
    };
    let asked = asked(&How::default(), &drawing);
    let shown = match shown(call, paper(call, figure)?, &asked, standing) {
        Err(LabError::NeedsWhole { .. }) => return Ok(false),
        shown => shown?,
    };
    Ok(standing_record(&Picture::of_spectra(call, (figure, scene), &shown, &drawing, folder)?).is_some())
}

fn paper(call: &Call, figure: &Figure) -> Result<Vec<Loaded>, LabError> {
    figure.experiments.iter().map(|name| Ok(call.seeded(heigen_store::catalogue::load(name)?))).collect()
}

/// The analyses that a drawing is made from.
fn asked(how: &How, drawing: &Drawing) -> Asked {
    let subject = Matter {
        classes: drawing.classes.clone(),
        factors: drawing.reparameterize,
        weight_decay: drawing.weight_decay,
        decay_only: drawing.decay_only.clone(),
        label_smoothing: drawing.label_smoothing,
        loss_args: drawing.loss_args.clone(),
        ..Matter::default()
    };
    Asked { subject, how: how.clone(), ..Asked::default() }
}

/// The experiments, each with the analysis that the function `analysis` makes or finds.
fn shown(
    call: &Call,
    experiments: Vec<Loaded>,
    asked: &Asked,
    analysis: impl Fn(&Call, &Loaded, &Asked) -> Result<Analysed, LabError>,
) -> Result<Vec<Shown>, LabError> {
    let labels = labels(&experiments);
    // Results that do not depend on the way to the spectrum are those of the plain analysis.
    let plain = Asked { how: How { way: asked.how.way, ..How::default() }, ..Asked::default() };
    let varied = asked.subject != plain.subject || asked.how != plain.how;
    let one = |(loaded, label): (Loaded, String)| {
        let analysed = Arc::new(analysis(call, &loaded, asked)?);
        Ok(Shown { loaded, analysed, label, varied })
    };
    experiments.into_iter().zip(labels).map(one).collect()
}

impl Drawing {
    /// The part of file names that distinguishes the figure from the one of all classes at the trained weights.
    pub(super) fn variant(&self) -> String {
        let classes: Vec<String> = self.classes.iter().map(ToString::to_string).collect();
        let classes = if classes.is_empty() { String::new() } else { format!("+classes-{}", classes.join("-")) };
        let factors = self.reparameterize.map(|[a, b, c]| format!("+reparameterized-{a}-{b}-{c}"));
        let only = crate::analysis::in_file_names(&self.decay_only);
        let only = if only.is_empty() { only } else { format!("-of-{only}") };
        let decay = Some(self.weight_decay).filter(|&mu| mu != 0.0).map(|mu| format!("+weight-decay-{mu:e}{only}"));
        let smoothing = Some(self.label_smoothing).filter(|&s| s != 0.0).map(|s| format!("+smoothing-{s:e}"));
        let options = serde_json::to_string(&self.loss_args).unwrap_or_default();
        let options = (!self.loss_args.is_empty()).then(|| format!("+loss-options-{}", &stamp([options])[..8]));
        let size = self.batches.size.map(|size| format!("+batches-of-{size}"));
        let directions = match self.surface.directions {
            PlaneDirections::Eigenvectors => None,
            PlaneDirections::FilterNormalised => Some(format!("+filter-normalised-{}", self.surface.seed)),
            PlaneDirections::Trajectory => Some("+trajectory".to_owned()),
        };
        [Some(classes), factors, decay, smoothing, options, directions, size].into_iter().flatten().collect()
    }

    /// The options with which the paper's figures are drawn.
    pub fn paper(figure: &Figure) -> Self {
        Self {
            eigenvectors: figure.eigenvectors,
            resolution: 100,
            vectors: MapVectors::Top,
            reconstructed: false,
            individual_bars: false,
            classes: vec![],
            reparameterize: None,
            weight_decay: 0.0,
            decay_only: vec![],
            label_smoothing: 0.0,
            loss_args: LossArgs::default(),
            surface: SurfaceOptions::default(),
            batches: BatchOptions::default(),
        }
    }
}

impl Shown {
    /// An experiment that is shown alone, at weights that it was given.
    pub(crate) fn alone(loaded: Loaded, analysed: Arc<Analysed>) -> Self {
        let label = labels(std::slice::from_ref(&loaded)).remove(0);
        Self { loaded, analysed, label, varied: true }
    }
}

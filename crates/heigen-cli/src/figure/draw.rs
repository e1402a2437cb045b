//! From experiments to a figure's files, drawn unless they are up to date.

use super::Figure;
use super::labels::{labels, stem};
use crate::args::{Analysing, Dtype, SubjectArgs, VectorsArg};
use crate::hessian::{self, Analysed, analysed_part};
use crate::progress::spinner;
use crate::session::Session;
use anyhow::Result;
use heigen_store::atomic::{self, Staged};
use heigen_store::catalogue::Loaded;
use heigen_store::figure_record::FigureRecord;
use heigen_store::record::stamp;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// An experiment with its analysis.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) loaded: Loaded,
    pub(crate) analysed: Analysed,
    /// What it is called beside the others.
    pub(crate) label: String,
    /// Whether only some classes are shown, other weights than the trained ones, or numbers of another type.
    pub(crate) varied: bool,
}

/// How a figure is drawn.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Drawing {
    pub(crate) eigenvectors: Option<usize>,
    pub(crate) resolution: usize,
    pub(crate) vectors: VectorsArg,
    pub(crate) reconstructed: bool,
    pub(crate) individual_bars: bool,
    /// Only these classes.
    pub(crate) classes: Vec<usize>,
    pub(crate) reparameterize: Option<[f64; 3]>,
}

/// The files of a figure.
#[derive(Debug)]
pub(crate) struct Drawn {
    /// SVG, PDF, PNG.
    pub(crate) paths: Vec<PathBuf>,
    /// The summaries of the analyses, as JSON.
    pub(crate) analyses: Vec<String>,
}

/// Draws `figure` into `folder`, after all training and analysis that it needs; what matches is reused.
pub(crate) fn draw(
    session: &Session,
    figure: &Figure,
    experiments: Vec<Loaded>,
    analysing: &Analysing,
    how: &Drawing,
    folder: &Path,
) -> Result<Drawn> {
    experiments.iter().try_for_each(|loaded| (figure.check)(session, loaded, figure.name))?;
    let stem = format!("{}{}", stem(figure, &experiments), how.variant());
    let path = |extension: &str| folder.join(format!("{stem}.{extension}"));
    // Better now than after hours.
    atomic::check_writable(&path("svg"))?;
    let shown = shown(session, experiments, analysing, how)?;
    let analyses = shown.iter().map(|s| serde_json::to_string(&s.analysed.record)).collect::<Result<_, _>>()?;
    let paths: Vec<PathBuf> = EXTENSIONS.map(path).into();
    let record = FigureRecord::new(figure.name, wanted(figure, &shown, how)?, shown.iter().map(Shown::name));
    if !session.force && FigureRecord::load(&path("json")).is_ok_and(|old| old.matches(&record, &paths)) {
        session.say_reused(&format!("figure {}: reused {}", figure.name, paths[0].display()));
        return Ok(Drawn { paths, analyses });
    }
    let drawing = spinner(&format!("figure {}: drawing", figure.name));
    let rendered = (figure.draw)(session, &shown, how).and_then(|scene| Ok(heigen_figures::render(&scene)?));
    drawing.finish_and_clear();
    let rendered = rendered?;
    let pieces = [rendered.svg.as_bytes(), &rendered.pdf, &rendered.png];
    let stage = |(path, bytes): (&PathBuf, &&[u8])| atomic::stage_with(path, |file| file.write_all(bytes));
    let staged = paths.iter().zip(&pieces).map(stage).collect::<Result<Vec<_>, _>>()?;
    let record = record.of_files(&staged, &paths)?.stage(&path("json"))?;
    // Where the record stands, the files are complete.
    atomic::remove(&path("json"))?;
    staged.into_iter().chain([record]).try_for_each(Staged::commit)?;
    Ok(Drawn { paths, analyses })
}

/// The paper's figure, and whether it was there already.
pub(crate) fn draw_paper(session: &Session, figure: &Figure, folder: &Path) -> Result<(Drawn, bool)> {
    let before = up_to_date(session, figure, folder)?;
    let drawn = draw(session, figure, paper(session, figure)?, &Analysing::default(), &Drawing::paper(figure), folder)?;
    Ok((drawn, before))
}

/// Whether [`draw_paper`] would find everything up to date.
pub(crate) fn up_to_date(session: &Session, figure: &Figure, folder: &Path) -> Result<bool> {
    let (experiments, how) = (paper(session, figure)?, Analysing::default());
    for loaded in &experiments {
        if !hessian::up_to_date(session, loaded, &how)? {
            return Ok(false);
        }
    }
    let drawing = Drawing::paper(figure);
    let shown = shown(session, experiments, &how, &drawing)?;
    let path = |extension: &str| folder.join(format!("{}.{extension}", figure.file()));
    let wanted = wanted(figure, &shown, &drawing)?;
    let record = FigureRecord::new(figure.name, wanted, std::iter::empty());
    let paths = EXTENSIONS.map(path);
    Ok(FigureRecord::load(&path("json")).is_ok_and(|old| old.matches(&record, &paths)))
}

fn paper(session: &Session, figure: &Figure) -> Result<Vec<Loaded>> {
    figure.experiments.iter().map(|name| Ok(session.seeded(heigen_store::catalogue::load(name)?))).collect()
}

fn shown(session: &Session, experiments: Vec<Loaded>, analysing: &Analysing, how: &Drawing) -> Result<Vec<Shown>> {
    let labels = labels(&experiments);
    let own = analysing.model.is_none() && analysing.dtype == Dtype::Float64;
    let varied = !how.classes.is_empty() || how.reparameterize.is_some() || !own;
    let subject =
        SubjectArgs { classes: how.classes.clone(), reparameterize: how.reparameterize, ..SubjectArgs::default() };
    let one = |(loaded, label): (Loaded, String)| {
        let analysed = analysed_part(session, &loaded, analysing, &subject)?;
        Ok(Shown { loaded, analysed, label, varied })
    };
    experiments.into_iter().zip(labels).map(one).collect()
}

const EXTENSIONS: [&str; 3] = ["svg", "pdf", "png"];

impl Drawing {
    /// What tells its files from those of all classes at the trained weights.
    fn variant(&self) -> String {
        let classes: Vec<String> = self.classes.iter().map(ToString::to_string).collect();
        let classes = if classes.is_empty() { String::new() } else { format!("+classes-{}", classes.join("-")) };
        let factors = self.reparameterize.map(|[a, b, c]| format!("+reparameterized-{a}-{b}-{c}"));
        classes + &factors.unwrap_or_default()
    }

    /// As the paper draws it.
    pub(crate) fn paper(figure: &Figure) -> Self {
        Self {
            eigenvectors: figure.eigenvectors,
            resolution: 100,
            vectors: VectorsArg::Top,
            reconstructed: false,
            individual_bars: false,
            classes: vec![],
            reparameterize: None,
        }
    }
}

impl Shown {
    fn name(&self) -> String {
        self.loaded.experiment.name.to_string()
    }
}

/// A hash of all that determines the picture.
fn wanted(figure: &Figure, shown: &[Shown], how: &Drawing) -> Result<String> {
    let how = serde_json::to_string(how)?;
    let mut parts = vec![heigen::VERSION, figure.name, &how];
    for s in shown {
        parts.extend([&*s.analysed.record.stamp, &s.label]);
    }
    Ok(stamp(parts))
}

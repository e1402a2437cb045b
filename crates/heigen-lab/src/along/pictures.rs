//! The pictures of a training: spectra against epochs, subspaces of all pairs of moments, and on planes the boundary with its
//! alignment maps, side by side and as a film.

use super::journal;
use super::moments::lines;
use super::recipe::Follow;
use super::schedule::spread;
use crate::LabError;
use crate::drawing::{class_names, plane};
use crate::making::{Fresh, Recipe, made};
use crate::watch::{Product, stage};
use heigen::config::OptimizerSpec;
use heigen::curvature::{ExampleLabels, Problem};
use heigen::linalg::Matrix;
use heigen_figures::{
    AlignmentMap, Course, PlaneRow, Scene, SpectraAlong, SubspaceOverlaps, Threshold, Track, figure2, film, render,
    significant, spectra_along, subspace_overlaps,
};
use heigen_store::along_record::{AlongRecord, Moment};
use heigen_store::figure_record::FigureRecord;
use heigen_store::npy;
use heigen_store::record::{Unusable, stamp};
use heigen_store::{atomic, files};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Moments in the strip.
const STRIP: usize = 7;
/// Moments in the film.
const FRAMES: usize = 40;
/// Eigenvectors in strip and film.
const VECTORS: usize = 5;
/// Cells of the maps along each axis, in the strip and in the film.
const CELLS: usize = 60;
/// Pixels per inch of the film, and how long each picture of it stands.
const DPI: f64 = 96.0;
const MILLISECONDS: u16 = 350;
/// How the pictures look; it changes whenever they look different.
const LOOK: &str = "along 1";

/// A picture of a training that was drawn or reused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FollowPicture {
    /// The name of its kind: `spectra`, `subspaces`, `strip` or `film`.
    pub kind: &'static str,
    /// Its files: SVG, PDF and PNG, or the film's PNG alone.
    pub paths: Vec<PathBuf>,
}

/// Draws all pictures that there are of the training.
pub(super) fn draw(follow: &Follow, record: &AlongRecord, folder: &Path) -> Result<Vec<FollowPicture>, LabError> {
    let mut kinds = vec!["spectra", "subspaces"];
    if record.moments.iter().all(|moment| moment.boundary.is_some()) {
        kinds.extend(["strip", "film"]);
    }
    let one = |kind| Ok(FollowPicture { kind, paths: made(follow.call, &Picture::new(follow, record, folder, kind))? });
    kinds.into_iter().map(one).collect()
}

/// A picture as it would be drawn now; a stored one is compared with it.
struct Picture<'a> {
    follow: &'a Follow<'a>,
    record: &'a AlongRecord,
    kind: &'static str,
    paths: Vec<PathBuf>,
    record_path: PathBuf,
    figure: FigureRecord,
}

impl<'a> Picture<'a> {
    fn new(follow: &'a Follow<'a>, record: &'a AlongRecord, folder: &Path, kind: &'static str) -> Self {
        let (paths, record_path, figure) = files_of(record, folder, kind);
        Self { follow, record, kind, paths, record_path, figure }
    }
}

/// The files of a picture in a folder, the file of its record, and the record itself without hashes.
fn files_of(record: &AlongRecord, folder: &Path, kind: &str) -> (Vec<PathBuf>, PathBuf, FigureRecord) {
    let name = record.name.to_string();
    let stem = format!("along_{kind}_{}{}", name.replace('/', "-"), from(record));
    let path = |extension: &str| folder.join(format!("{stem}.{extension}"));
    let extensions: &[&str] = if kind == "film" { &["png"] } else { &["svg", "pdf", "png"] };
    let stamp = stamp([heigen::VERSION, LOOK, kind, &record.stamp]);
    let figure = FigureRecord::new(kind, stamp, [name].into_iter());
    (extensions.iter().map(|extension| path(extension)).collect(), path("json"), figure)
}

/// The ending of file names that tells weights that were not trained on the way.
pub(super) fn from(record: &AlongRecord) -> String {
    if record.weights == "training" { String::new() } else { format!("+{}", record.weights) }
}

/// The drawing of a picture that stands in a folder and was drawn from this record, as SVG.
pub(super) fn standing(record: &AlongRecord, folder: &Path, kind: &str) -> Option<String> {
    let (paths, record_path, figure) = files_of(record, folder, kind);
    let svg = paths.first()?;
    let fits =
        FigureRecord::load(&record_path).is_ok_and(|standing| standing.matches(&figure, std::slice::from_ref(svg)));
    files::read_to_string(svg).ok().filter(|_| fits)
}

impl Recipe for Picture<'_> {
    type Record = ();
    type Made = Vec<PathBuf>;

    fn job(&self) -> String {
        format!("figure {} of {}", self.kind, self.record.name)
    }

    fn product(&self) -> Product {
        Product::Figure
    }

    fn path(&self) -> PathBuf {
        self.paths.first().cloned().unwrap_or_default()
    }

    fn forced(&self) -> bool {
        self.follow.call.making.force
    }

    fn standing(&self) -> Result<(), Unusable> {
        if FigureRecord::load(&self.record_path)?.matches(&self.figure, &self.paths) {
            return Ok(());
        }
        Err(Unusable::Stale("it was drawn from something else, or its files have changed".to_owned()))
    }

    fn reuse(&self, (): ()) -> Result<Vec<PathBuf>, LabError> {
        Ok(self.paths.clone())
    }

    fn make(&self) -> Result<Fresh<Vec<PathBuf>>, LabError> {
        let mut watch = self.follow.call.job(&self.job());
        watch.begin(stage::DRAWING)?;
        let (follow, record) = (self.follow, self.record);
        let pieces: Vec<Vec<u8>> = match self.kind {
            "spectra" => pieces(&spectra_along(&spectra(follow, record))?)?,
            "subspaces" => pieces(&subspace_overlaps(&overlaps(record))?)?,
            "strip" => {
                let places = spread(record.kept.len(), STRIP);
                let rows = rows(follow, record, &places)?;
                watch.begin(stage::DRAWING)?;
                pieces(&figure2(&rows)?)?
            }
            _ => {
                let rows = rows(follow, record, &spread(record.kept.len(), FRAMES))?;
                let scenes = rows.chunks(1).map(figure2).collect::<Result<Vec<Scene>, _>>()?;
                watch.begin(stage::DRAWING)?;
                vec![film(&scenes, DPI, MILLISECONDS)?]
            }
        };
        watch.begin(stage::DRAWING)?;
        let stage = |(path, bytes): (&PathBuf, &Vec<u8>)| atomic::stage_with(path, |file| file.write_all(bytes));
        let mut staged = self.paths.iter().zip(&pieces).map(stage).collect::<Result<Vec<_>, _>>()?;
        staged.push(self.figure.clone().of_files(&staged, &self.paths).stage(&self.record_path)?);
        Ok(Fresh { made: self.paths.clone(), staged, note: None })
    }

    fn earlier(&self) -> Vec<PathBuf> {
        vec![self.record_path.clone()]
    }
}

fn pieces(scene: &Scene) -> Result<Vec<Vec<u8>>, LabError> {
    let rendered = render(scene)?;
    Ok(vec![rendered.svg.into_bytes(), rendered.pdf, rendered.png])
}

/// The label of the way: epochs, steps, or the files' numbers.
fn along(record: &AlongRecord) -> String {
    if record.weights == "files" { "number of the file".to_owned() } else { record.counted_in.clone() }
}

/// The eigenvalues by eigenvector, with losses, outliers and the threshold of stability.
fn spectra(follow: &Follow, record: &AlongRecord) -> SpectraAlong {
    let mut by_identity: BTreeMap<usize, Track> = BTreeMap::new();
    for (place, moment) in record.moments.iter().enumerate() {
        for (i, (&identity, &value)) in moment.identities.iter().zip(&moment.eigenvalues).enumerate() {
            let fresh = || Track { points: vec![], born: place > 0, lowest: i >= record.k };
            by_identity.entry(identity).or_insert_with(fresh).points.push([moment.epoch as f64, value]);
        }
    }
    let course = |name: &str, of: &dyn Fn(&Moment) -> Option<f64>| {
        let points: Vec<[f64; 2]> = record.moments.iter().filter_map(|m| Some([m.epoch as f64, of(m)?])).collect();
        Some(Course { name: name.to_owned(), points }).filter(|course| !course.points.is_empty())
    };
    let losses = [
        course("training", &|m| Some(m.train.loss)),
        course("validation", &|m| m.validation.map(|part| part.loss)),
        course("test", &|m| m.test.map(|part| part.loss)),
    ];
    let losses: Vec<Course> = losses.into_iter().flatten().filter(|c| c.points.iter().all(|p| p[1] >= 0.0)).collect();
    let adam = matches!(follow.loaded.experiment.optimizer, OptimizerSpec::Adam { .. });
    let formula = match follow.loaded.experiment.optimizer {
        OptimizerSpec::Sgd { momentum, .. } if momentum != 0.0 => r"$(2+2\beta)/\eta$",
        OptimizerSpec::Nesterov { .. } => r"$(2+2\beta)/(\eta (1+2\beta))$",
        _ => r"$2/\eta$",
    };
    let threshold = course(formula, &|m| m.threshold).filter(|_| !adam);
    SpectraAlong {
        title: record.name.to_string(),
        along: along(record),
        tracks: by_identity.into_values().collect(),
        threshold: threshold.map(|c| Threshold { formula: c.name, points: c.points }),
        sharpness: if adam { course("preconditioned", &|m| m.sharpness) } else { None },
        losses,
        outliers: record.moments.iter().map(|m| [m.epoch as f64, m.outliers as f64]).collect(),
    }
}

fn overlaps(record: &AlongRecord) -> SubspaceOverlaps {
    let epochs = record.kept.iter().filter_map(|&place| record.moments.get(place));
    SubspaceOverlaps {
        title: record.name.to_string(),
        along: along(record),
        moments: epochs.map(|moment| moment.epoch.to_string()).collect(),
        // Rounding may leave a little more than 1.
        overlaps: record.subspace_overlaps.iter().flatten().map(|overlap| overlap.clamp(0.0, 1.0)).collect(),
        k: record.k,
    }
}

/// The boundary and the alignment maps at the kept moments that `places` chooses.
pub(super) fn rows(follow: &Follow, record: &AlongRecord, places: &[usize]) -> Result<Vec<PlaneRow>, LabError> {
    let call = follow.call;
    let experiment = &follow.loaded.experiment;
    let samples = follow.prepared.training();
    let plane = plane(&experiment.dataset, &samples.features);
    let cells: Matrix<f64> = plane.cell_centres(CELLS, CELLS);
    let k = VECTORS.min(record.k);
    let numbers = (3 * places.len() * k * CELLS * CELLS) as f64;
    call.room("the alignment maps of the pictures", 8.0 * numbers, String::new)?;
    let mut watch = call.job(&experiment.name);
    let mut rows = Vec::with_capacity(places.len());
    for &kept in places {
        watch.begin(stage::DRAWING)?;
        let Some((place, moment)) = record.kept.get(kept).and_then(|&p| Some((p, record.moments.get(p)?))) else {
            continue;
        };
        let theta = npy::read::<f64>(&follow.paths.theta(place))?.values;
        let vectors = journal::matrix(&follow.paths.vectors(place))?.columns(0..k);
        let problem: Problem<f64> = call.problem(&follow.prepared.network, &theta, samples, experiment.objective())?;
        let alignments = problem.alignments_at(&cells, &ExampleLabels::Predicted, &vectors);
        let map = |i: usize| AlignmentMap {
            index: i + 1,
            eigenvalue: moment.eigenvalues[i],
            values: alignments.data.iter().skip(i).step_by(k).copied().collect(),
        };
        rows.push(PlaneRow {
            label: format!("{} {}", if record.weights == "files" { "file" } else { &record.counted_in }, moment.epoch),
            note: Some(format!("loss ${}$", significant(moment.train.loss, 3))),
            x_range: plane.x,
            y_range: plane.y,
            points: samples.features.chunks_exact(2).map(|p| [f64::from(p[0]), f64::from(p[1])]).collect(),
            classes: samples.labels.clone(),
            class_names: class_names(&experiment.dataset, &follow.prepared, samples.n_classes),
            boundary: lines(follow, &problem, &plane, super::moments::NODES),
            grid: [CELLS, CELLS],
            maps: (0..k).map(map).collect(),
            aside: None,
        });
    }
    Ok(rows)
}

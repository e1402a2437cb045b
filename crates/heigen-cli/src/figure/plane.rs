//! Rows on the plane of two features.

use super::{Drawing, Shown, embedding, stored};
use crate::prepare::Prepared;
use crate::session::Session;
use anyhow::{Result, bail};
use heigen::analysis::{Plane, decision_boundary};
use heigen::config::DatasetSpec;
use heigen::curvature::{ExampleLabels, Problem};
use heigen_figures::{AlignmentMap, PlaneAside, PlaneRow};
use heigen_store::catalogue::Loaded;

/// Nodes along each axis on which the boundary is traced.
const BOUNDARY_NODES: usize = 400;

/// What stands at the right end of each row.
#[derive(Clone, Copy)]
pub(super) enum Aside {
    None,
    Density,
}

/// Two features.
pub(super) fn check(session: &Session, loaded: &Loaded, figure: &str) -> Result<()> {
    let name = &loaded.experiment.name;
    let features = Prepared::new(&loaded.experiment, &session.images)?.data.n_features();
    if features != 2 {
        bail!(
            "{name} has {features} features; Figure {figure} draws the plane of experiments with 2, e.g. gauss/normal_training"
        );
    }
    Ok(())
}

pub(super) fn rows(shown: &[Shown], how: &Drawing, aside: Aside) -> Result<Vec<PlaneRow>> {
    shown.iter().map(|s| row(s, how, aside)).collect()
}

fn row(Shown { loaded, analysed, label }: &Shown, how: &Drawing, aside: Aside) -> Result<PlaneRow> {
    let experiment = &loaded.experiment;
    let samples = analysed.prepared.training();
    let problem: Problem<f64> = Problem::new(&analysed.prepared.network, &analysed.theta, &samples, experiment.loss)?;
    let (values, vectors) = stored::top(analysed, how.eigenvectors)?;
    let plane = plane(&experiment.dataset, &samples.features);
    let resolution = how.resolution;
    let cells = plane.cell_centres(resolution, resolution);
    let alignments = problem.alignments_at(&cells, &ExampleLabels::Predicted, &vectors);
    let k = values.len();
    let maps = (0..k)
        .map(|i| AlignmentMap {
            index: i + 1,
            eigenvalue: values[i],
            values: alignments.data.iter().skip(i).step_by(k).copied().collect(),
        })
        .collect();
    let nodes = plane.nodes(BOUNDARY_NODES, BOUNDARY_NODES);
    let outputs = problem.network().outputs(problem.theta(), &nodes);
    Ok(PlaneRow {
        label: label.clone(),
        note: None,
        x_range: plane.x,
        y_range: plane.y,
        points: samples.features.chunks_exact(2).map(|p| [f64::from(p[0]), f64::from(p[1])]).collect(),
        classes: samples.labels.clone(),
        boundary: decision_boundary(&plane, &outputs, BOUNDARY_NODES, BOUNDARY_NODES),
        grid: [resolution, resolution],
        maps,
        aside: match aside {
            Aside::None => None,
            Aside::Density => Some(PlaneAside::Density(embedding::density(analysed)?)),
        },
    })
}

/// The part of the plane that the paper shows, or what holds the points where it shows none.
fn plane(dataset: &DatasetSpec, features: &[f32]) -> Plane {
    match dataset {
        DatasetSpec::GaussMixtures { .. } | DatasetSpec::Hierachical { .. } => Plane::square(-4.0, 4.0),
        DatasetSpec::Circle { .. } => Plane::square(-2.0, 2.0),
        DatasetSpec::HalfMoon { .. } => Plane::square(-1.7, 2.3),
        DatasetSpec::GaussCheckerboardLinearClose { .. } | DatasetSpec::GaussCheckerboardNoisyClose { .. } => {
            Plane { x: [-3.0, 3.0], y: [-4.0, 4.0] }
        }
        _ => around(features),
    }
}

/// The box of the points with a tenth of its size around it.
fn around(features: &[f32]) -> Plane {
    let range = |axis: usize| {
        let values = features.iter().skip(axis).step_by(2).map(|&v| f64::from(v));
        let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
        let margin = 0.1 * (high - low).max(1e-6);
        [low - margin, high + margin]
    };
    Plane { x: range(0), y: range(1) }
}

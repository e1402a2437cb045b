//! Rows on the plane of two features.

use super::{Drawing, Shown, embedding, stored};
use crate::boundary;
use crate::hessian::Analysed;
use crate::prepare::Prepared;
use crate::session::Session;
use anyhow::{Result, bail};
use heigen::analysis::{Plane, decision_boundary};
use heigen::config::DatasetSpec;
use heigen::curvature::{ExampleLabels, Problem};
use heigen_figures::{AlignmentMap, MarginPanel, PlaneAside, PlaneRow, significant};
use heigen_store::catalogue::Loaded;

/// Nodes along each axis on which the boundary is traced.
pub(crate) const BOUNDARY_NODES: usize = 400;

/// What stands at the right end of each row.
#[derive(Clone, Copy)]
pub(super) enum Aside {
    None,
    Density,
    Margin,
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

pub(super) fn rows(session: &Session, shown: &[Shown], how: &Drawing, aside: Aside) -> Result<Vec<PlaneRow>> {
    shown.iter().map(|s| row(session, s, how, aside)).collect()
}

fn row(session: &Session, shown: &Shown, how: &Drawing, aside: Aside) -> Result<PlaneRow> {
    let Shown { loaded, analysed, label } = shown;
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
        note: matches!(aside, Aside::Margin).then(|| g_theta(analysed)).flatten(),
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
            Aside::Margin => Some(PlaneAside::Margin(margin(session, shown, &samples.features)?)),
        },
    })
}

/// G_theta at Figure 4's threshold, for labels.
pub(super) fn g_theta(analysed: &Analysed) -> Option<String> {
    let value = analysed.record.summary.g_theta_of_figure_4()?;
    Some(format!(r"$\mathcal{{G}}_\theta = {}$", significant(value, 3)))
}

fn margin(session: &Session, shown: &Shown, features: &[f32]) -> Result<MarginPanel> {
    let name = &shown.loaded.experiment.name;
    let measured = boundary::measured(session, &shown.loaded)?;
    let (Some(margin), Some(nearest)) = (measured.margin, measured.nearest) else {
        bail!("{name}: its network has no boundary, or no margin to show");
    };
    let sample = |n: usize| [f64::from(features[2 * n]), f64::from(features[2 * n + 1])];
    Ok(MarginPanel {
        boundary_point: [margin.x_b[0], margin.x_b[1]],
        extremes: [margin.most_aligned, margin.least_aligned].map(sample),
        estimate: margin.margin,
        distance: nearest.distance,
    })
}

/// The part of the plane that the paper shows, or what holds the points where it shows none.
pub(crate) fn plane(dataset: &DatasetSpec, features: &[f32]) -> Plane {
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

//! Figure rows on the plane of two features.

use super::{Drawing, MapVectors, Shown, embedding};
use crate::LabError;
use crate::analysis::Analysed;
use crate::call::Call;
use crate::prepare::Prepared;
use crate::{attribution, boundary};
use heigen::analysis::{MovedBoundary, Plane, decision_boundary, reconstructed_boundary};
use heigen::config::DatasetSpec;
use heigen::curvature::{ExampleLabels, Problem};
use heigen::linalg::Matrix;
use heigen::rng::NumpyRandomState;
use heigen_figures::{
    AlignmentMap, CarriedRow, ColorBars, ExtraMap, MarginPanel, MovedAlong, PlaneAside, PlaneMapsRow, PlaneRow, Scene,
    carried_boundaries, plane_maps, significant,
};
use heigen_store::catalogue::Loaded;

/// Number of grid nodes along each axis on which the boundary is traced.
pub(crate) const BOUNDARY_NODES: usize = 400;

/// The kind of panel at the right end of each row.
#[derive(Clone, Copy)]
pub(super) enum Aside {
    None,
    Density,
    Margin,
}

/// Accepts networks of two features only.
pub(super) fn check(call: &Call, loaded: &Loaded, figure: &str) -> Result<(), LabError> {
    let name = &loaded.experiment.name;
    let prepared = Prepared::new(call, &loaded.experiment)?;
    prepared.need_classes(&loaded.experiment)?;
    let features = prepared.samples.data.n_features();
    if features != 2 {
        let wanted = format!("Figure {figure} draws the plane of experiments with 2, e.g. gauss/normal_training");
        return Err(LabError::Features { name: name.clone(), got: features, wanted });
    }
    Ok(())
}

pub(super) fn rows(call: &Call, shown: &[Shown], how: &Drawing, aside: Aside) -> Result<Vec<PlaneRow>, LabError> {
    room(call, shown.len(), how.eigenvectors.unwrap_or(5), how.resolution)?;
    shown.iter().map(|s| row(call, s, how, aside)).collect()
}

/// Fails if memory does not hold maps of the alignments with so many vectors, of `side` cells a side, in so many rows.
fn room(call: &Call, rows: usize, vectors: usize, side: usize) -> Result<(), LabError> {
    // As they are computed, map by map, and as the figure has them.
    let numbers = (3 * rows * vectors) as f64 * (side as f64).powi(2);
    let what = format!("the alignments with {vectors} vectors in {side} x {side} cells");
    call.room(what, 8.0 * numbers, || "fewer cells or vectors would fit".to_owned())
}

/// A row without maps and without its boundary.
fn ground(shown: &Shown, how: &Drawing) -> PlaneRow {
    let Shown { loaded, analysed, label, .. } = shown;
    let samples = &analysed.samples;
    let plane = plane(&loaded.experiment.dataset, &samples.features);
    PlaneRow {
        label: label.clone(),
        note: None,
        x_range: plane.x,
        y_range: plane.y,
        points: samples.features.chunks_exact(2).map(|p| [f64::from(p[0]), f64::from(p[1])]).collect(),
        classes: samples.labels.clone(),
        class_names: embedding::class_names(&loaded.experiment.dataset, analysed),
        boundary: vec![],
        grid: [how.resolution; 2],
        maps: vec![],
        aside: None,
    }
}

fn row(call: &Call, shown: &Shown, how: &Drawing, aside: Aside) -> Result<PlaneRow, LabError> {
    let Shown { analysed, .. } = shown;
    let problem: Problem<f64> =
        call.problem(&analysed.prepared.network, &analysed.theta, &analysed.samples, analysed.objective.clone())?;
    let (values, vectors) = analysed.top(how.eigenvectors.unwrap_or(5))?;
    let ground = ground(shown, how);
    let plane = Plane { x: ground.x_range, y: ground.y_range };
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
    let outputs = call.run(|| problem.classifier().outputs(problem.theta(), &nodes));
    Ok(PlaneRow {
        note: matches!(aside, Aside::Margin).then(|| g_theta(analysed)).flatten(),
        boundary: decision_boundary(&plane, &outputs, BOUNDARY_NODES, BOUNDARY_NODES),
        maps,
        aside: match aside {
            Aside::None => None,
            Aside::Density => Some(PlaneAside::Density(embedding::density(analysed)?)),
            Aside::Margin => Some(PlaneAside::Margin(margin(call, shown, &analysed.samples.features)?)),
        },
        ..ground
    })
}

/// The boundaries coloured by the eigenvectors that carry them, with the boundaries after moves along each.
pub(super) fn carried(call: &Call, shown: &[Shown], how: &Drawing) -> Result<Scene, LabError> {
    let row = |s: &Shown| {
        let k = attribution::number_of(&s.analysed, how.eigenvectors);
        let (values, vectors) = s.analysed.top(k)?;
        let found = attribution::on_plane(call, &s.loaded, &s.analysed, &vectors, attribution::RISE)?;
        let Some(found) = found else {
            let (name, got) = (s.loaded.experiment.name.clone(), s.analysed.prepared.network.n_inputs());
            return Err(LabError::Features { name, got, wanted: "the boundary is drawn in the plane".to_owned() });
        };
        let lines = |moved: &Option<MovedBoundary>| moved.as_ref().map_or_else(Vec::new, |m| m.lines.clone());
        let moved = found.moved.iter().zip(&values).enumerate().map(|(i, ([forward, backward], &eigenvalue))| {
            MovedAlong { index: i + 1, eigenvalue, forward: lines(forward), backward: lines(backward) }
        });
        let mut row = ground(s, how);
        row.boundary = found.before.lines;
        Ok(CarriedRow { vectors: moved.collect(), carriers: found.before.carriers, row })
    };
    let rows = shown.iter().map(row).collect::<Result<Vec<_>, LabError>>()?;
    Ok(carried_boundaries(&rows)?)
}

/// Rows of maps with other vectors than the leading ones, with a reconstructed boundary, or with a colour bar for each
/// map.
pub(super) fn maps(call: &Call, shown: &[Shown], how: &Drawing) -> Result<Scene, LabError> {
    let title = "Alignment over the plane";
    let row = |s: &Shown| {
        let mut row = row(call, s, how, Aside::None)?;
        let mut extra = others(call, s, how, &row)?;
        if how.vectors != MapVectors::Top {
            row.maps.clear();
        }
        if how.reconstructed {
            extra.push(reconstructed(call, s, how, &row)?);
        }
        Ok(PlaneMapsRow { row, extra })
    };
    let rows = shown.iter().map(row).collect::<Result<Vec<_>, LabError>>()?;
    let bars = if how.individual_bars { ColorBars::Each } else { ColorBars::Shared };
    Ok(plane_maps(&rows, bars, title)?)
}

/// The maps of vectors other than the leading ones, where the request asks for such.
fn others(call: &Call, shown: &Shown, how: &Drawing, row: &PlaneRow) -> Result<Vec<ExtraMap>, LabError> {
    let analysed = &shown.analysed;
    let (p, have) = (analysed.record.summary.n_params, analysed.record.summary.n_eigenvectors);
    let k = how.eigenvectors.unwrap_or(5).min(have);
    let mut stream = NumpyRandomState::new(42);
    let values = analysed.eigenvalues()?;
    // The stored eigenvectors belong to the eigenvalues that are not zero. The null space lies between the negative and
    // the positive ones, so columns and eigenvalues correspond at both ends.
    let zero = analysed.record.summary.outside_bound;
    let negative = values.iter().take_while(|&&l| l < -zero).count().min(have);
    let place = |column: usize| if column < negative { column } else { p - have + column };
    let columns: Vec<usize> = match how.vectors {
        MapVectors::Top => return Ok(vec![]),
        MapVectors::Lowest => (0..k).collect(),
        MapVectors::Random => stream.permutation(have).into_iter().take(k).collect(),
        MapVectors::Directions => vec![],
    };
    let (vectors, titles): (Matrix<f64>, Vec<(String, Option<String>)>) = if columns.is_empty() {
        let data = (0..k * p).map(|_| stream.randn()).collect();
        let mut directions = Matrix { data, rows: p, columns: k };
        for i in 0..k {
            let norm = directions.column(i).iter().map(|x| x * x).sum::<f64>().sqrt();
            directions.column_mut(i).iter_mut().for_each(|x| *x /= norm);
        }
        (directions, (1..=k).map(|i| (format!("$r_{{{i}}}$"), None)).collect())
    } else {
        let title = |&column: &usize| {
            let (index, value) = (p - place(column), values[place(column)]);
            let note = format!(r"$\lambda_{{{index}}} = {}$", significant(value, 3));
            (format!("$v_{{{index}}}$"), Some(note))
        };
        (analysed.columns(&columns)?, columns.iter().map(title).collect())
    };
    let alignments = alignments(call, shown, row, &vectors)?;
    let map = |(i, (title, note)): (usize, (String, Option<String>))| ExtraMap {
        title,
        note,
        values: alignments.data.iter().skip(i).step_by(k).copied().collect(),
        lines: vec![],
    };
    Ok(titles.into_iter().enumerate().map(map).collect())
}

/// The map of the boundary that is put together from the leading alignments.
fn reconstructed(call: &Call, shown: &Shown, how: &Drawing, row: &PlaneRow) -> Result<ExtraMap, LabError> {
    let (values, vectors) = shown.analysed.top(how.eigenvectors.unwrap_or(5))?;
    let alignments = alignments(call, shown, row, &vectors)?;
    let boundary = reconstructed_boundary(&values, &alignments)?;
    Ok(ExtraMap { title: "reconstructed".into(), note: None, values: boundary, lines: vec![] })
}

fn alignments(call: &Call, shown: &Shown, row: &PlaneRow, vectors: &Matrix<f64>) -> Result<Matrix<f64>, LabError> {
    let Shown { analysed, .. } = shown;
    let problem: Problem<f64> =
        call.problem(&analysed.prepared.network, &analysed.theta, &analysed.samples, analysed.objective.clone())?;
    room(call, 1, vectors.columns, row.grid[0])?;
    let cells = Plane { x: row.x_range, y: row.y_range }.cell_centres(row.grid[0], row.grid[1]);
    Ok(problem.alignments_at(&cells, &ExampleLabels::Predicted, vectors))
}

/// G_theta at the threshold of Figure 4, as text for labels.
pub(super) fn g_theta(analysed: &Analysed) -> Option<String> {
    let value = analysed.record.summary.g_theta_of_figure_4()?;
    Some(format!(r"$\mathcal{{G}}_\theta = {}$", significant(value, 3)))
}

fn margin(call: &Call, shown: &Shown, features: &[f32]) -> Result<MarginPanel, LabError> {
    let name = &shown.loaded.experiment.name;
    if shown.varied {
        return Err(LabError::VariedMargin { name: name.clone() });
    }
    let measured = boundary::measured(call, &shown.loaded, &shown.analysed, false)?;
    let (Some(margin), Some(nearest)) = (measured.margin, measured.nearest) else {
        return Err(LabError::NoMargin { name: name.clone() });
    };
    let sample = |n: usize| [f64::from(features[2 * n]), f64::from(features[2 * n + 1])];
    Ok(MarginPanel {
        boundary_point: [margin.x_b[0], margin.x_b[1]],
        extremes: [margin.most_aligned, margin.least_aligned].map(sample),
        estimate: margin.margin,
        distance: nearest.distance,
    })
}

/// The part of the plane that is shown of samples with two features: the paper's, or a box around the points where the paper shows
/// none.
pub fn plane(dataset: &DatasetSpec, features: &[f32]) -> Plane {
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

/// The bounding box of the points, with a margin of a tenth of its size.
fn around(features: &[f32]) -> Plane {
    let range = |axis: usize| {
        let values = features.iter().skip(axis).step_by(2).map(|&v| f64::from(v));
        let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
        let margin = 0.1 * (high - low).max(1e-6);
        [low - margin, high + margin]
    };
    Plane { x: range(0), y: range(1) }
}

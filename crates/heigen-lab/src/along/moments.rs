//! One moment: the look at its spectrum, what connects it with the moment before, and what it says of the boundary.

use super::journal::Known;
use super::recipe::Follow;
use crate::LabError;
use crate::analysis::solvers;
use crate::drawing::plane;
use crate::prepare::Prepared;
use crate::watch::stage;
use heigen::analysis::{
    BoundaryComplexity, Identities, Look, Matching, Plane, Step, boundary_complexity, decision_boundary,
    match_eigenvectors, subspace_overlap,
};
use heigen::config::OptimizerSpec;
use heigen::curvature::{Problem, TopK};
use heigen::data::Dataset;
use heigen::linalg::Matrix;
use heigen::train::{UpdateRule, learning_rate};
use heigen_store::along_record::Moment;
use heigen_store::record::{PartReport, Sampled};
use std::time::Instant;

/// Nodes along each axis of the grid on which the boundary is traced.
pub(super) const NODES: usize = 200;
/// Eigenvalues closer than this many residuals belong to one cluster.
const CLUSTER: f64 = 4.0;

/// The weights of a moment, and where they come from.
pub(super) struct At {
    /// The number by which the moment is known: finished epochs or steps, or that of a file.
    pub(super) place: usize,
    /// Finished epochs.
    pub(super) epoch: usize,
    pub(super) file: Option<String>,
    pub(super) theta: Vec<f64>,
    /// The scale by which the optimizer divides its step for each parameter, `[P]`.
    pub(super) preconditioner: Option<Vec<f64>>,
    /// Whether the whole spectrum is computed.
    pub(super) whole: bool,
}

/// Looks at a moment. `prepared` has the network with the numbers that belong to the weights; `before` is the moment before, from
/// whose eigenvectors the search begins unless it begins `anew`.
pub(super) fn look_at(
    follow: &Follow,
    prepared: &Prepared,
    at: At,
    before: Option<&Known>,
    anew: bool,
) -> Result<Known, LabError> {
    let begun = Instant::now();
    let call = follow.call;
    let experiment = &follow.loaded.experiment;
    let options = &follow.request.look;
    let mut watch = call.job(&experiment.name);
    let problem = &follow.samples.training(prepared, &at.theta)?;
    let start = before.filter(|_| !anew).map(|known| &known.vectors);
    let mut found = solvers::look(problem, start, options, &mut watch)?;
    let (matched, identities) = matched(follow, &mut found, before)?;
    let k = found.k;
    let top = found.eigenvectors.columns(0..k);
    let top_before = before.map(|known| known.vectors.columns(0..k.min(known.vectors.columns)));
    let step = before.zip(top_before.as_ref()).map(|(known, top)| Step::between(&known.theta, &at.theta, top));
    let preconditioned = match &at.preconditioner {
        Some(diagonal) => {
            let start = before.and_then(|known| known.preconditioned.as_ref());
            Some(solvers::preconditioned(problem, diagonal, start, options, &mut watch)?)
        }
        None => None,
    };
    let rate = follow.trains().then(|| {
        let last = experiment.trainer.num_epochs.saturating_sub(1);
        learning_rate(&experiment.optimizer, experiment.scheduler.as_ref(), at.epoch.min(last))
    });
    let threshold = rate.map(|rate| UpdateRule::of(&experiment.optimizer).threshold(rate)).filter(|t| t.is_finite());
    let met = match experiment.optimizer {
        OptimizerSpec::Adam { .. } => preconditioned.as_ref().and_then(|top| top.eigenvalues.first().copied()),
        rule => found.eigenvalues.first().map(|l| l + rule.weight_decay()),
    };
    let on_plane = prepared.network.n_inputs() == 2 && prepared.has_classes(experiment);
    let whole = if at.whole { super::whole::whole(follow, problem, &mut watch)? } else { None };
    watch.begin(stage::BOUNDARY)?;
    let (boundary, margin) = if on_plane { of_boundary(follow, problem, prepared.training()) } else { (None, None) };
    let previous = |matched: &Matching| -> Vec<usize> {
        let known = before.map_or(&[][..], |known| &known.moment.identities);
        matched.died.iter().filter_map(|&i| known.get(i).copied()).collect()
    };
    let current = identities.current();
    let name = |pair: &[usize; 2]| pair.map(|place| current.get(place).copied().unwrap_or_default());
    let moment = Moment {
        stamp: follow.stamp.clone(),
        epoch: at.place,
        file: at.file,
        eigenvalues: found.eigenvalues.clone(),
        residuals: found.residuals.clone(),
        scale: found.scale,
        identities: current.to_vec(),
        links: matched.as_ref().map_or_else(Vec::new, |m| m.links.clone()),
        overlaps: matched.as_ref().map_or_else(Vec::new, |m| m.overlaps.clone()),
        died: matched.as_ref().map_or_else(Vec::new, previous),
        crossings: matched.as_ref().map_or_else(Vec::new, |m| m.crossings.iter().map(name).collect()),
        identities_given: identities.given(),
        products: found.products + preconditioned.as_ref().map_or(0, TopK::all_products),
        trace: found.trace.map(|trace| Sampled {
            value: trace.value,
            standard_error: trace.standard_error,
            products: found.trace_products,
        }),
        outliers: found.outliers,
        outliers_certain: found.outliers_certain,
        alignments: found.alignments,
        aligned: found.aligned,
        whole,
        train: PartReport { loss: found.loss, accuracy: found.accuracy },
        validation: follow.samples.validation(prepared, &at.theta)?,
        test: follow.samples.test(prepared, &at.theta)?,
        grad_norm: found.grad_norm,
        gradient_in_top: found.gradient_in_top,
        gradient_in_classes: found.gradient_in_classes,
        subspace_overlap: top_before.map(|before| subspace_overlap(&before, &top)),
        step,
        learning_rate: rate,
        threshold,
        preconditioned: preconditioned.as_ref().and_then(|top| top.eigenvalues.first().copied()),
        sharpness: met.zip(threshold).map(|(met, threshold)| met / threshold),
        boundary,
        margin,
        vectors_hash: String::new(),
        theta_hash: String::new(),
        seconds: Some(begun.elapsed().as_secs_f64()),
    };
    let preconditioned = preconditioned.map(|top| top.eigenvectors);
    Ok(Known { moment, vectors: found.eigenvectors, theta: at.theta, preconditioned })
}

/// Matches the eigenvectors of a look with those of the moment before, turns them to these, and gives them their numbers.
fn matched(
    follow: &Follow,
    found: &mut Look,
    before: Option<&Known>,
) -> Result<(Option<Matching>, Identities), LabError> {
    let Some(Known { moment, vectors, .. }) = before else {
        return Ok((None, Identities::first(found.eigenvalues.len())));
    };
    let inner = follow.call.run(|| vectors.transposed_product(&found.eigenvectors));
    let error = |residuals: &[f64], scale: f64| {
        CLUSTER * residuals.iter().fold(f64::EPSILON * scale, |most, &residual| most.max(residual))
    };
    let tolerances = [error(&moment.residuals, moment.scale), error(&found.residuals, found.scale)];
    let matched = match_eigenvectors(&inner, &moment.eigenvalues, &found.eigenvalues, tolerances)?;
    let mut identities = Identities::resumed(moment.identities.clone(), moment.identities_given);
    identities.follow(&matched);
    turn(&mut found.eigenvectors, &matched.turn);
    Ok((Some(matched), identities))
}

/// V W in place of V [P, k], for a W [k, k] that mixes few columns.
fn turn(vectors: &mut Matrix<f64>, turn: &Matrix<f64>) {
    let mut row = vec![0.0; vectors.columns];
    let p = vectors.rows;
    for i in 0..p {
        for (j, value) in row.iter_mut().enumerate() {
            let column = turn.column(j);
            *value = (0..turn.rows).filter(|&c| column[c] != 0.0).map(|c| vectors.data[c * p + i] * column[c]).sum();
        }
        for (j, value) in row.iter().enumerate() {
            vectors.data[j * p + i] = *value;
        }
    }
}

/// The complexity of the boundary on the plane, and the least distance from a training sample to it.
fn of_boundary(
    follow: &Follow,
    problem: &Problem<'_, f64>,
    samples: &Dataset,
) -> (Option<BoundaryComplexity>, Option<f64>) {
    let plane = plane(&follow.loaded.experiment.dataset, &samples.features);
    let lines = lines(follow, problem, &plane, NODES);
    let side = |[low, high]: [f64; 2]| (high - low) / (NODES - 1) as f64;
    let complexity = boundary_complexity(&lines, side(plane.x).hypot(side(plane.y)));
    let distance = |p: &[f32]| {
        let point = [f64::from(p[0]), f64::from(p[1])];
        let of_line = |line: &Vec<[f64; 2]>| {
            line.windows(2).map(|ends| to_segment(point, ends[0], ends[1])).fold(f64::INFINITY, f64::min)
        };
        lines.iter().map(of_line).fold(f64::INFINITY, f64::min)
    };
    let margin = samples.features.chunks_exact(2).map(distance).fold(f64::INFINITY, f64::min);
    (Some(complexity), Some(margin).filter(|margin| margin.is_finite()))
}

/// The boundary on a part of the plane, traced on a grid of `nodes` by `nodes`.
pub(super) fn lines(follow: &Follow, problem: &Problem<'_, f64>, plane: &Plane, nodes: usize) -> Vec<Vec<[f64; 2]>> {
    let grid = plane.nodes(nodes, nodes);
    let outputs = follow.call.run(|| problem.classifier().outputs(problem.theta(), &grid));
    decision_boundary(plane, &outputs, nodes, nodes)
}

/// The distance of `p` to the segment from `a` to `b`.
fn to_segment(p: [f64; 2], a: [f64; 2], b: [f64; 2]) -> f64 {
    let (d, r) = ([b[0] - a[0], b[1] - a[1]], [p[0] - a[0], p[1] - a[1]]);
    let length2 = d[0] * d[0] + d[1] * d[1];
    let t = if length2 > 0.0 { ((r[0] * d[0] + r[1] * d[1]) / length2).clamp(0.0, 1.0) } else { 0.0 };
    (r[0] - t * d[0]).hypot(r[1] - t * d[1])
}

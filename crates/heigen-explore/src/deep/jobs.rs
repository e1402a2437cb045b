//! The longer computations themselves, each from a point to what the page is told.

use super::{Basis, Found, Job, Point, Shared, Stop, Told};
use crate::picture::problem;
use crate::protocol::{Answer, Axis};
use heigen::analysis::{
    CarriedBoundary, LookOptions, Outliers, SurfaceGrid, carried_boundary, look, loss_surface, moved_boundary,
    preconditioned_sharpness,
};
use heigen::curvature::{ClassStructure, Hessian, Method, Threads, Watch, spectrum, stage};
use heigen::train::UpdateRule;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Number of the largest eigenvalues that a look finds, and of the lowest.
const LARGEST: usize = 10;
const LOWEST: usize = 2;
/// Points on each side of a loss plane.
const SIDE: usize = 41;
/// Nodes along each axis on which the boundary is traced for its pieces.
const NODES: usize = 161;
/// The most eigenvectors among which the boundary is divided.
const MOST_CARRIERS: usize = 8;
/// Rise of the loss up to which weights are moved to see what becomes of the pieces.
const RISE: f64 = heigen_lab::RISE;
/// Memory of the eigenvectors that a session keeps of a whole spectrum, in numbers.
const KEPT: usize = 1 << 23;
/// Memory of a dense spectrum, in bytes.
const DENSE: f64 = 2e9;

/// The result of a job; none if it was stopped.
pub(super) fn work(job: &Job, shared: &Shared, threads: &Threads) -> Option<Found> {
    let mut stop = Stop(shared);
    let point = job.point();
    let outcome = match job {
        Job::Look(point) => looked(point, &mut stop, threads),
        Job::Whole(point) => whole(point, &mut stop, threads),
        Job::Surface(point, axes, lengths) => surface(point, *axes, *lengths, &mut stop, threads),
        Job::Pieces(point) => pieces(point, &mut stop, threads),
    };
    let failed =
        |message: String| Found { version: point.version, basis: None, told: Told::Text(Answer::error(None, message)) };
    match outcome {
        _ if shared.cancel.load(Ordering::Relaxed) => None,
        Ok((basis, told)) => Some(Found { version: point.version, basis, told }),
        Err(message) => Some(failed(message)),
    }
}

type Outcome = Result<(Option<Arc<Basis>>, Told), String>;

fn in_words(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn header(point: &Point) -> Value {
    json!({ "since": point.since, "version": point.version, "epoch": point.epoch, "moved": point.moved })
}

fn looked(point: &Point, stop: &mut Stop, threads: &Threads) -> Outcome {
    let problem = problem::<f64>(&point.ground, 0, &point.theta, threads).map_err(in_words)?;
    let options = LookOptions { k: LARGEST, lowest: LOWEST, trace_products: 0, ..LookOptions::default() };
    let columns = LARGEST.min(problem.n_params()) + LOWEST.min(problem.n_params().saturating_sub(LARGEST));
    let before = point.before.as_ref().filter(|b| b.vectors.rows == problem.n_params() && b.vectors.columns >= columns);
    let start = before.map(|before| {
        let have = before.vectors.columns;
        let ends: Vec<usize> = (0..LARGEST).chain((have - (columns - LARGEST)..have).rev()).collect();
        before.vectors.select_columns(&ends)
    });
    // Every tenth look begins anew: a search from known vectors may miss what nothing of them points to.
    let start = start.filter(|_| !point.version.is_multiple_of(10));
    let seen = look(&problem, start.as_ref(), &options, stop).map_err(in_words)?;
    let optimizer = &point.ground.experiment.optimizer;
    let met = match &point.preconditioner {
        Some(diagonal) => {
            let found = preconditioned_sharpness(&problem, diagonal, None, &options, stop).map_err(in_words)?;
            found.eigenvalues.first().copied()
        }
        None => seen.eigenvalues.first().map(|lambda| lambda + optimizer.weight_decay()),
    };
    let mut told = header(point);
    let threshold = UpdateRule::of(optimizer).threshold(optimizer.lr());
    told["eigenvalues"] = json!(seen.eigenvalues[..seen.k]);
    told["lowest"] = json!(seen.eigenvalues[seen.k..]);
    told["threshold"] = json!(threshold.is_finite().then_some(threshold));
    told["sharpness"] = json!(met);
    told["preconditioned"] = point.preconditioner.is_some().into();
    told["outliers"] = seen.outliers.into();
    told["outliers_certain"] = seen.outliers_certain.into();
    told["loss"] = json!(seen.loss);
    told["grad_norm"] = json!(seen.grad_norm);
    told["gradient_in_top"] = json!(seen.gradient_in_top);
    told["trace"] = json!(seen.trace.map(|t| t.value));
    told["alignments"] = json!(seen.alignments);
    let basis = (!point.moved).then(|| {
        // Largest first, and so the lowest last.
        let order: Vec<usize> = (0..seen.k).chain((seen.k..seen.eigenvalues.len()).rev()).collect();
        let values = order.iter().map(|&i| seen.eigenvalues[i]).collect();
        Arc::new(Basis::new(point, values, seen.eigenvectors.select_columns(&order)))
    });
    Ok((basis, Told::Text(Answer::Look(told))))
}

fn whole(point: &Point, stop: &mut Stop, threads: &Threads) -> Outcome {
    let problem = problem::<f64>(&point.ground, 0, &point.theta, threads).map_err(in_words)?;
    let found = spectrum(&Hessian(&problem), Method::Auto, DENSE, stop).map_err(in_words)?;
    let (values, vectors) = found.top(found.places.len());
    let keep: Vec<usize> = (0..values.len()).filter(|&i| found.is_nonzero(values[i])).collect();
    let values: Vec<f64> = keep.iter().map(|&i| values[i]).collect();
    let mut told = header(point);
    told["eigenvalues"] = json!(values);
    told["n_params"] = problem.n_params().into();
    told["rank"] = found.rank().into();
    told["zero"] = json!(found.zero());
    told["method"] = json!(found.method);
    told["certificate"] = json!(found.certificate);
    told["outliers"] = json!(Outliers::count(&found.eigenvalues));
    told["trace"] = json!(found.trace());
    let most = (KEPT / problem.n_params().max(1)).max(LARGEST + LOWEST);
    // Where not all eigenvectors can be kept, those of the largest eigenvalues and of the lowest ones are.
    let kept: Vec<usize> = if keep.len() <= most {
        (0..keep.len()).collect()
    } else {
        (0..most - LOWEST).chain(keep.len() - LOWEST..keep.len()).collect()
    };
    told["kept"] = json!([kept.len().min(most - LOWEST), kept.len()]);
    let enough = kept.len() >= LARGEST + LOWEST;
    let basis = (!point.moved && enough).then(|| {
        let columns: Vec<usize> = kept.iter().map(|&i| keep[i]).collect();
        let of = kept.iter().map(|&i| values[i]).collect();
        Arc::new(Basis::new(point, of, vectors.select_columns(&columns)))
    });
    Ok((basis, Told::Text(Answer::Spectrum(told))))
}

fn surface(point: &Point, axes: [Axis; 2], lengths: [f64; 2], stop: &mut Stop, threads: &Threads) -> Outcome {
    let Some(basis) = &point.before else { return Err("eigenvectors are not known yet".to_owned()) };
    let mut scaled = Vec::new();
    for (axis, length) in axes.into_iter().zip(lengths) {
        let Some(direction) = basis.direction(axis) else { return Err("there is no such eigenvector".to_owned()) };
        scaled.push(direction.iter().map(|v| (v * length) as f32).collect::<Vec<f32>>());
    }
    let problem = problem::<f32>(&point.ground, 0, &point.theta, threads).map_err(in_words)?;
    let found =
        loss_surface(&problem, [&scaled[0], &scaled[1]], &SurfaceGrid::square(1.0, SIDE), stop).map_err(in_words)?;
    let mut told = header(point);
    told["is"] = "surface".into();
    told["side"] = SIDE.into();
    told["axes"] = axes
        .map(|axis| if let Axis::Vector(i) = axis { json!({ "vector": i }) } else { "random".into() })
        .to_vec()
        .into();
    told["lengths"] = json!(lengths);
    // By columns, so that the first direction runs fastest.
    let values = (0..SIDE * SIDE).map(|i| found.losses.data[i / SIDE + SIDE * (i % SIDE)] as f32).collect();
    Ok((None, Told::Surface(told, values)))
}

fn pieces(point: &Point, stop: &mut Stop, threads: &Threads) -> Outcome {
    let Some(basis) = &point.before else { return Err("eigenvectors are not known yet".to_owned()) };
    let ascending: Vec<f64> = basis.eigenvalues.iter().rev().copied().collect();
    let k = Outliers::count(&ascending).count.clamp(1, MOST_CARRIERS).min(basis.vectors.columns);
    let vectors = basis.vectors.columns(0..k);
    let problem = problem::<f64>(&point.ground, 0, &point.theta, threads).map_err(in_words)?;
    let plane = &point.ground.plane;
    let before = carried_boundary(&problem, plane, NODES, &vectors);
    let asked = |stop: &mut Stop| stop.tell(stage::EIGENVECTORS, 0, None, "moves").map_err(in_words);
    asked(stop)?;
    let shares = ClassStructure::of(&problem).ok().and_then(|structure| structure.shares(&vectors).ok());
    let mut moves = Vec::new();
    for v in vectors.iter_columns() {
        for sign in [1.0, -1.0] {
            asked(stop)?;
            let direction: Vec<f64> = v.iter().map(|v| sign * v).collect();
            let moved = moved_boundary(&problem, plane, NODES, &before, &direction, RISE);
            moves.push(json!(moved.map(|moved| json!({ "step": moved.step, "fates": moved.fates }))));
        }
    }
    let CarriedBoundary { lines, pieces, carriers } = before;
    let mut told = header(point);
    told["eigenvalues"] = json!(basis.eigenvalues[..k]);
    told["rise"] = json!(RISE);
    told["pieces"] = json!(pieces);
    told["lines"] = json!(lines);
    told["carriers"] = json!(carriers);
    told["shares"] = json!(shares);
    told["moves"] = json!(moves);
    Ok((None, Told::Text(Answer::Pieces(told))))
}

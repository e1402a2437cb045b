//! The longer computations themselves, each from a point to what the page is told.

use super::{Basis, Carrier, Found, Job, MOST_WARM, Pieces, Point, Shared, Stop, Surface, Told, Whole};
use crate::picture::problem;
use crate::protocol::Axis;
use heigen::analysis::{
    CarriedBoundary, LookOptions, Outliers, SurfaceGrid, carried_boundary, look, loss_surface, moved_boundary,
    preconditioned_sharpness,
};
use heigen::curvature::{ClassStructure, Hessian, Method, Threads, Watch, spectrum, stage};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Number of the largest eigenvalues that a look finds, and of the lowest.
const LARGEST: usize = 10;
const LOWEST: usize = 2;
/// Largest residual of eigenpairs at moved weights, as a fraction of the largest eigenvalue; the eigenvalues are good to about its
/// square.
const TOLERANCE_MOVED: f64 = 1e-3;
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
    let found = |basis, told| Some(Found { version: point.version, basis, told });
    match outcome {
        _ if shared.cancel.load(Ordering::Relaxed) => None,
        Ok((basis, told)) => found(basis, told),
        Err(message) => found(None, Told::Error(message)),
    }
}

/// The eigenvectors at a point, looked for from nothing.
pub(crate) fn basis_at(point: &Point, threads: &Threads, watch: &mut dyn Watch) -> Result<Arc<Basis>, String> {
    let anew = Point { before: None, moved: false, ..point.clone() };
    let (basis, _) = looked(&anew, watch, threads)?;
    basis.ok_or_else(|| "there are no eigenvectors here".to_owned())
}

type Outcome = Result<(Option<Arc<Basis>>, Told), String>;

fn in_words(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn header(point: &Point) -> Value {
    json!({ "since": point.since, "version": point.version, "epoch": point.epoch, "moved": point.moved })
}

fn looked(point: &Point, stop: &mut dyn Watch, threads: &Threads) -> Outcome {
    let problem = problem::<f64>(&point.ground, 0, &point.theta, threads).map_err(in_words)?;
    let p = problem.n_params();
    // Where weights are dragged about, answers are soon outdated: only what is drawn is found, and only as well as it is seen.
    let lowest = if point.moved { 0 } else { LOWEST.min(p.saturating_sub(LARGEST)) };
    let tolerance = if point.moved { TOLERANCE_MOVED } else { LookOptions::default().tolerance };
    let largest = LARGEST.min(p);
    let options = LookOptions { k: largest, lowest, tolerance, trace_products: 0, ..LookOptions::default() };
    let before = point.before.as_ref().filter(|b| b.vectors.rows == p && b.vectors.columns >= largest + lowest);
    // The vectors of the resting weights are no help where a hand has moved them far: a search in float32, proven by one product for
    // each pair, is quicker there than one that goes through all that lies between.
    let before = before.filter(|before| !point.moved && before.warm < MOST_WARM);
    let start = before.map(|before| {
        let have = before.vectors.columns;
        let ends: Vec<usize> = (0..largest).chain((have - lowest..have).rev()).collect();
        before.vectors.select_columns(&ends)
    });
    let seen = look(&problem, start.as_ref(), &options, stop).map_err(in_words)?;
    let met = match &point.preconditioner {
        Some(diagonal) => {
            let found = preconditioned_sharpness(&problem, diagonal, None, &options, stop).map_err(in_words)?;
            found.eigenvalues.first().copied()
        }
        None => seen.eigenvalues.first().copied(),
    };
    let mut told = header(point);
    told["eigenvalues"] = json!(seen.eigenvalues[..seen.k]);
    told["lowest"] = json!(seen.eigenvalues[seen.k..]);
    told["curvature"] = json!(met);
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
        let warm = before.map_or(0, |before| before.warm + 1);
        Arc::new(Basis { warm, ..Basis::new(point, values, seen.eigenvectors.select_columns(&order)) })
    });
    Ok((basis, Told::Look(told)))
}

fn whole(point: &Point, stop: &mut dyn Watch, threads: &Threads) -> Outcome {
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
    let outliers = Outliers::count(&found.eigenvalues);
    told["outliers"] = json!(outliers);
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
        Arc::new(Basis { whole: true, ..Basis::new(point, of, vectors.select_columns(&columns)) })
    });
    Ok((basis, Told::Spectrum(told, Whole { eigenvalues: values, outliers: outliers.count })))
}

fn surface(point: &Point, axes: [Axis; 2], lengths: [f64; 2], stop: &mut dyn Watch, threads: &Threads) -> Outcome {
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
    told["axes"] = json!(axes);
    told["lengths"] = json!(lengths);
    // By columns, so that the first direction runs fastest.
    let losses = (0..SIDE * SIDE).map(|i| found.losses.data[i / SIDE + SIDE * (i % SIDE)] as f32).collect();
    Ok((None, Told::Surface(told, Surface { axes, lengths, side: SIDE, losses })))
}

fn pieces(point: &Point, stop: &mut dyn Watch, threads: &Threads) -> Outcome {
    let Some(basis) = &point.before else { return Err("eigenvectors are not known yet".to_owned()) };
    let ascending: Vec<f64> = basis.eigenvalues.iter().rev().copied().collect();
    let k = Outliers::count(&ascending).count.clamp(1, MOST_CARRIERS).min(basis.vectors.columns);
    let vectors = basis.vectors.columns(0..k);
    let problem = problem::<f64>(&point.ground, 0, &point.theta, threads).map_err(in_words)?;
    let asked = |stop: &mut dyn Watch| stop.tell(stage::EIGENVECTORS, 0, None, "moves").map_err(in_words);
    let ground = &point.ground;
    let plane = &ground.plane;
    // Samples of more than two features have no boundary in the plane, but parts of the Gauss-Newton matrix all the same.
    let before =
        if ground.is_plane() { carried_boundary(&problem, plane, NODES, &vectors) } else { CarriedBoundary::default() };
    asked(stop)?;
    let shares = ClassStructure::of(&problem).ok().and_then(|structure| structure.shares(&vectors).ok());
    let (mut moves, mut carriers) = (Vec::new(), Vec::new());
    for (v, &eigenvalue) in vectors.iter_columns().zip(&basis.eigenvalues).filter(|_| ground.is_plane()) {
        let mut lines = [vec![], vec![]];
        for (sign, lines) in [1.0, -1.0].into_iter().zip(&mut lines) {
            asked(stop)?;
            let direction: Vec<f64> = v.iter().map(|v| sign * v).collect();
            let moved = moved_boundary(&problem, plane, NODES, &before, &direction, RISE);
            moves.push(json!(moved.as_ref().map(|moved| json!({ "step": moved.step, "fates": moved.fates }))));
            *lines = moved.map(|moved| moved.lines).unwrap_or_default();
        }
        carriers.push(Carrier { eigenvalue, moved: lines });
    }
    let mut told = header(point);
    told["eigenvalues"] = json!(basis.eigenvalues[..k]);
    told["rise"] = json!(RISE);
    told["pieces"] = json!(before.pieces);
    told["lines"] = json!(before.lines);
    told["carriers"] = json!(before.carriers);
    told["shares"] = json!(shares);
    told["moves"] = json!(moves);
    Ok((None, Told::Pieces(told, Pieces { carried: before, vectors: carriers })))
}

//! `heigen boundary`: the decision boundary itself, measured independently of the curvature and by it.

use crate::args::{Analysing, BoundaryArgs};
use crate::figure::{BOUNDARY_NODES, plane, top};
use crate::hessian::{self, Analysed, analysed};
use crate::progress::{number, seconds, spinner};
use crate::session::{Session, print, say};
use anyhow::{Context, Result};
use heigen::analysis::{
    MarginOptions, SwitchOptions, boundary_complexity, boundary_distances, class_switches, decision_boundary,
    margin_estimate, sign_encoding,
};
use heigen::curvature::{ExampleLabels, Problem};
use heigen::linalg::Matrix;
use heigen::model::{Layer, Network, predict};
use heigen::rng::NumpyRandomState;
use heigen_store::atomic::{self, Staged};
use heigen_store::boundary_record::BoundaryRecord;
use heigen_store::catalogue::Loaded;
use heigen_store::record::{Unusable, stamp};
use std::time::Instant;

/// Multiplications of a forward pass up to which the margin's 16 times 20,000 steps take seconds.
const QUICK: usize = 1 << 16;
/// Multiplications that a number made by layers of images counts for: there are many of them, and each is handled alone.
const HANDLED: usize = 64;
/// Cells along each axis on which signs of alignments are looked at.
const CELLS: usize = 100;
/// Samples of large networks whose distance to the boundary is measured.
const CANDIDATES: usize = 4;
/// Draws of random directions.
const DRAWS: usize = 10;

pub(crate) fn run(args: &BoundaryArgs) -> Result<()> {
    let session = Session::new(&args.common)?;
    for loaded in session.load(&args.names, &[], "boundary")? {
        let record = measure(&session, &loaded, &Analysing::default(), args.margin)?;
        print(&if session.json { serde_json::to_string(&record)? } else { describe(&record) })?;
    }
    Ok(())
}

/// The measures of an experiment's boundary, reused if they still match, after training and analysis if need be.
pub(crate) fn measured(session: &Session, loaded: &Loaded, how: &Analysing, margin: bool) -> Result<BoundaryRecord> {
    measure(session, loaded, how, margin)
}

/// Whether [`measured`] would find everything up to date.
pub(crate) fn up_to_date(session: &Session, loaded: &Loaded) -> Result<bool> {
    let how = Analysing::default();
    Ok(hessian::up_to_date(session, loaded, &how)? && {
        let analysed = analysed(session, loaded, &how)?;
        existing(&analysed, false).is_ok()
    })
}

fn measure(session: &Session, loaded: &Loaded, how: &Analysing, margin: bool) -> Result<BoundaryRecord> {
    let name = &loaded.experiment.name;
    let analysed = analysed(session, loaded, how)?;
    let path = analysed.paths.boundary();
    match existing(&analysed, margin) {
        Ok(record) if !session.force => {
            session.say_reused(&format!("{name}: reused {}", path.display()));
            return Ok(record);
        }
        _ => say(&format!("{name}: measuring its decision boundary")),
    }
    atomic::check_writable(&path)?;
    let shown = spinner(&format!("{name}: decision boundary"));
    let record = compute(loaded, &analysed, margin).with_context(|| name.to_string());
    shown.finish_and_clear();
    let record = record?;
    record.stage(&path).and_then(Staged::commit)?;
    say(&format!("{name}: measured its boundary in {} -> {}", seconds(record.seconds), path.display()));
    Ok(record)
}

/// The stored record if it is of this analysis, with a margin where one is wanted.
fn existing(analysed: &Analysed, margin: bool) -> Result<BoundaryRecord, Unusable> {
    let record = BoundaryRecord::load(&analysed.paths.boundary())?;
    record.check_stamp(&wanted(analysed))?;
    if margin && record.margin.is_none() {
        return Err(Unusable::Stale("it has no margin".to_owned()));
    }
    Ok(record)
}

fn wanted(analysed: &Analysed) -> String {
    let how = format!(
        "{CELLS} {DRAWS} {CANDIDATES} {BOUNDARY_NODES} {:?} {:?}",
        MarginOptions::default(),
        SwitchOptions::default()
    );
    stamp([heigen::VERSION, &analysed.record.stamp, &how])
}

fn compute(loaded: &Loaded, analysed: &Analysed, margin_asked: bool) -> Result<BoundaryRecord> {
    let begun = Instant::now();
    let experiment = &loaded.experiment;
    let samples = analysed.prepared.training();
    let network = &analysed.prepared.network;
    let problem: Problem<f64> = Problem::new(network, &analysed.theta, &samples, experiment.loss)?;
    let on_plane = network.n_inputs() == 2;
    let plane = plane(&experiment.dataset, &samples.features);
    let complexity = on_plane.then(|| {
        let outputs = network.outputs(problem.theta(), &plane.nodes(BOUNDARY_NODES, BOUNDARY_NODES));
        let lines = decision_boundary(&plane, &outputs, BOUNDARY_NODES, BOUNDARY_NODES);
        let side = |[low, high]: [f64; 2]| (high - low) / (BOUNDARY_NODES - 1) as f64;
        boundary_complexity(&lines, side(plane.x).hypot(side(plane.y)))
    });
    let quick = is_quick(network);
    let segments = SwitchOptions::default();
    let segments = if quick { segments } else { SwitchOptions { points: 64, pairs: 200, ..segments } };
    let switches = class_switches(&problem, &segments, &mut ())?;
    // A Hessian that is zero has no outliers, and no v_1.
    let outliers = analysed.record.summary.outliers.count.max(1);
    let vectors = top(analysed, outliers).map(|(_, vectors)| vectors).ok();
    let k = vectors.as_ref().map_or(0, |v| v.columns);
    let inputs = if on_plane { plane.cell_centres(CELLS, CELLS) } else { problem.inputs().clone() };
    let classes = predict(&network.outputs(problem.theta(), &inputs));
    let signs = |vectors: &Matrix<f64>| {
        sign_encoding(&problem.alignments_at(&inputs, &ExampleLabels::Predicted, vectors), &classes)
    };
    // No direction, for every input.
    let nothing: Matrix<f64> = Matrix::zeros(0, classes.len());
    let encoding = vectors.as_ref().map_or_else(|| sign_encoding(&nothing, &classes), &signs);
    let mut stream = NumpyRandomState::new(0);
    let mut random = |_| {
        let data = (0..k * problem.n_params()).map(|_| stream.randn()).collect();
        let directions = Matrix { data, rows: problem.n_params(), columns: k };
        if k == 0 { encoding.accuracy } else { signs(&directions).accuracy }
    };
    let encoding_random = (0..DRAWS).map(&mut random).sum::<f64>() / DRAWS as f64;
    let margin = match &vectors {
        Some(v) if margin_asked || quick => {
            Some(margin_estimate(&problem, v.column(0), &MarginOptions::default(), &mut ())?)
        }
        _ => None,
    };
    let candidates = match (quick, margin_asked) {
        (true, _) => (0..samples.n_samples()).collect(),
        (false, true) => least_certain(&problem.outputs()),
        (false, false) => vec![],
    };
    let distances = boundary_distances(&problem, &candidates, &mut ())?;
    let nearest = distances.into_iter().flatten().min_by(|a, b| a.distance.total_cmp(&b.distance));
    Ok(BoundaryRecord {
        name: experiment.name.clone(),
        stamp: wanted(analysed),
        code_version: heigen::VERSION.to_owned(),
        seconds: begun.elapsed().as_secs_f64(),
        complexity,
        switches,
        encoding,
        encoding_random,
        margin,
        nearest,
        nearest_among: candidates.len(),
    })
}

/// Whether thousands of passes take no longer than people wait.
pub(crate) fn is_quick(network: &Network) -> bool {
    let simple = |layer: &Layer| match layer {
        Layer::Linear(linear) => linear.window.is_none(),
        Layer::Activation(_) | Layer::LogSoftmax => true,
        _ => false,
    };
    let handled = if network.layers().iter().all(simple) { 0 } else { HANDLED };
    network.multiplications() + handled * network.activation_size() <= QUICK
}

/// The samples whose two largest outputs are closest to each other: where each distance takes thousands of passes, it is
/// measured of these only.
fn least_certain(outputs: &Matrix<f64>) -> Vec<usize> {
    let gap = |n: usize| {
        let mut sorted = outputs.column(n).to_vec();
        sorted.sort_by(|a, b| b.total_cmp(a));
        sorted.first().zip(sorted.get(1)).map_or(f64::INFINITY, |(a, b)| a - b)
    };
    let mut order: Vec<usize> = (0..outputs.columns).collect();
    order.sort_by(|&a, &b| gap(a).total_cmp(&gap(b)));
    order.truncate(CANDIDATES);
    order
}

/// The measures as people read them.
pub(crate) fn describe(record: &BoundaryRecord) -> String {
    let mut lines = vec![record.name.to_string()];
    if let Some(c) = &record.complexity {
        lines.push(format!(
            "  boundary     {} pieces, {} linear ones, length {}, total curvature {}",
            c.n_pieces,
            c.n_linear,
            number(c.length),
            number(c.turning)
        ));
    }
    let s = &record.switches;
    let side = |s: &heigen::analysis::Switches| format!("{} +- {}", number(s.mean), number(s.standard_error));
    lines.push(format!(
        "  switches     {} a segment between samples of different classes, {} of the same class",
        side(&s.different_class),
        side(&s.same_class)
    ));
    let e = &record.encoding;
    lines.push(format!(
        "  encoding     the signs of {} alignments tell {:.1} % of classes right; random directions {:.1} %, none {:.1} %",
        e.n_directions,
        100.0 * e.accuracy,
        100.0 * record.encoding_random,
        100.0 * e.majority
    ));
    if let Some(m) = &record.margin {
        lines.push(format!(
            "  margin       {} by v_1 (distances {} and {} to the most and the least aligned sample, cos^2 {})",
            number(m.margin),
            number(m.distance_most),
            number(m.distance_least),
            number(m.cos2)
        ));
    }
    lines.push(match &record.nearest {
        Some(n) => format!(
            "  nearest      {} from training sample {} to the boundary, the least of {}",
            number(n.distance),
            n.sample,
            record.nearest_among
        ),
        None if record.nearest_among == 0 => {
            "  margin       not measured of a network of this size; --margin takes minutes".to_owned()
        }
        None => "  nearest      no boundary found: one class is predicted everywhere".to_owned(),
    });
    lines.join("\n")
}

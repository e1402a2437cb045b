//! Measures of the decision boundary: by searches for it in the space of inputs, and by alignments with the curvature.

use crate::analysis::{self, Analysed, Asked, analysed};
use crate::call::Call;
use crate::drawing::{BOUNDARY_NODES, plane};
use crate::error::OfJob;
use crate::making::{Fresh, Recipe, made, standing_record};
use crate::watch::{NoteKind, Product, stage};
use crate::{Lab, LabError, LabWatch, Making, Store};
use heigen::analysis::{
    MarginOptions, SwitchOptions, boundary_complexity, boundary_distances, class_switches, decision_boundary,
    margin_estimate, sign_encoding,
};
use heigen::curvature::{ExampleLabels, Problem};
use heigen::linalg::Matrix;
use heigen::model::{Layer, Network, predict};
use heigen::rng::NumpyRandomState;
use heigen_store::boundary_record::BoundaryRecord;
use heigen_store::catalogue::Loaded;
use heigen_store::record::{Unusable, stamp};
use std::path::PathBuf;
use std::time::Instant;

/// So many operations take some ten seconds of one core.
const QUICK: f64 = 6e10;
/// Operations for every multiplication of a forward pass in a step of the margin, which goes forward and back with
/// derivatives.
const STEP: f64 = 12.0;
/// Every number that a layer of images makes counts for this many multiplications, because it is handled on its own.
const HANDLED: usize = 64;
/// Cells along each axis of the grid on which the signs of alignments are compared.
const CELLS: usize = 100;
/// Number of samples whose distance to the boundary is measured in large networks.
const CANDIDATES: usize = 4;
/// Number of random directions that are drawn.
const DRAWS: usize = 10;

/// Asks for measures of a decision boundary.
#[derive(Clone, Debug)]
pub struct BoundaryRequest {
    /// Where results live.
    pub store: Store,
    /// The experiment.
    pub experiment: Loaded,
    /// The analysis whose eigenvectors the measures are taken by.
    pub asked: Asked,
    /// Measures the margin of large networks, too, which takes minutes.
    pub margin: bool,
    /// How the model, its analysis and the measures are made.
    pub making: Making,
}

impl Lab {
    /// The measures of an experiment's decision boundary, reused or taken, after training and analysis if need be.
    ///
    /// # Errors
    /// [`LabError::Stopped`] if the watch breaks; else whatever keeps the measures from being taken or written.
    pub fn boundary(&self, request: &BoundaryRequest, watch: &dyn LabWatch) -> Result<BoundaryRecord, LabError> {
        self.call(&request.store, &request.making, watch, |call| {
            let loaded = call.seeded(request.experiment.clone());
            let analysed = analysed(call, &loaded, &request.asked)?;
            measured(call, &loaded, &analysed, request.margin)
        })
    }
}

/// The measures of the boundary of an analysed model, reused or newly taken.
pub(crate) fn measured(
    call: &Call,
    loaded: &Loaded,
    analysed: &Analysed,
    margin: bool,
) -> Result<BoundaryRecord, LabError> {
    analysed.prepared.need_classes(&loaded.experiment)?;
    made(call, &Boundary::new(call, loaded, analysed, margin))
}

/// Whether the measures for the plain analysis at the trained weights are stored and up to date.
pub(crate) fn up_to_date(call: &Call, loaded: &Loaded) -> Result<bool, LabError> {
    let Some(analysed) = analysis::standing(call, loaded)? else { return Ok(false) };
    Ok(standing_record(&Boundary::new(call, loaded, &analysed, false)).is_some())
}

/// The measures of a boundary as they would be taken now; stored ones are compared with them.
struct Boundary<'a> {
    call: &'a Call<'a>,
    loaded: &'a Loaded,
    analysed: &'a Analysed,
    /// Whether the margin is measured also if the network is large.
    margin: bool,
    /// A hash of all that determines the numbers.
    stamp: String,
}

impl<'a> Boundary<'a> {
    fn new(call: &'a Call<'a>, loaded: &'a Loaded, analysed: &'a Analysed, margin: bool) -> Self {
        let how = format!(
            "{CELLS} {DRAWS} {CANDIDATES} {BOUNDARY_NODES} {:?} {:?}",
            MarginOptions::default(),
            SwitchOptions::default()
        );
        let stamp = stamp([heigen::VERSION, &analysed.record.stamp, &how]);
        Self { call, loaded, analysed, margin, stamp }
    }
}

impl Recipe for Boundary<'_> {
    type Record = BoundaryRecord;
    type Made = BoundaryRecord;

    fn job(&self) -> String {
        self.loaded.experiment.name.to_string()
    }

    fn product(&self) -> Product {
        Product::Boundary
    }

    fn path(&self) -> PathBuf {
        self.analysed.paths.boundary()
    }

    fn forced(&self) -> bool {
        self.call.making.force
    }

    fn standing(&self) -> Result<BoundaryRecord, Unusable> {
        let record = BoundaryRecord::load(&self.path())?;
        record.check_stamp(&self.stamp)?;
        if self.margin && record.margin.is_none() {
            return Err(Unusable::Stale("it has no margin".to_owned()));
        }
        Ok(record)
    }

    fn reuse(&self, record: BoundaryRecord) -> Result<BoundaryRecord, LabError> {
        Ok(record)
    }

    fn by_leader(&self) -> bool {
        true
    }

    fn make(&self) -> Result<Fresh<BoundaryRecord>, LabError> {
        let record = compute(self).of(&self.loaded.experiment.name)?;
        let staged = vec![record.stage(&self.path())?];
        let note = NoteKind::Made { what: Product::Boundary, seconds: record.seconds, path: self.path() };
        Ok(Fresh { made: record, staged, note: Some(note) })
    }

    /// No files of an earlier record need to be removed: the new record takes the old one's place under its name.
    fn earlier(&self) -> Vec<PathBuf> {
        vec![]
    }
}

fn compute(boundary: &Boundary) -> Result<BoundaryRecord, LabError> {
    let Boundary { call, loaded, analysed, margin: margin_asked, stamp } = boundary;
    let margin_asked = *margin_asked;
    let mut watch = call.job(&loaded.experiment.name);
    watch.begin(stage::BOUNDARY)?;
    let begun = Instant::now();
    let experiment = &loaded.experiment;
    let samples = analysed.prepared.training();
    let network = &analysed.prepared.network;
    let problem: Problem<f64> = call.problem(network, &analysed.theta, samples, analysed.objective.clone())?;
    let on_plane = network.n_inputs() == 2;
    let plane = plane(&experiment.dataset, &samples.features);
    let complexity = on_plane.then(|| {
        let outputs =
            call.run(|| problem.classifier().outputs(problem.theta(), &plane.nodes(BOUNDARY_NODES, BOUNDARY_NODES)));
        let lines = decision_boundary(&plane, &outputs, BOUNDARY_NODES, BOUNDARY_NODES);
        let side = |[low, high]: [f64; 2]| (high - low) / (BOUNDARY_NODES - 1) as f64;
        boundary_complexity(&lines, side(plane.x).hypot(side(plane.y)))
    });
    let operations = margin_operations(network);
    let quick = operations <= QUICK;
    call.note(&experiment.name, NoteKind::Margin { operations, measured: margin_asked || quick });
    let segments = SwitchOptions::default();
    let segments = if quick { segments } else { SwitchOptions { points: 64, pairs: 200, ..segments } };
    watch.begin(stage::BOUNDARY)?;
    let switches = class_switches(&problem, &segments, &mut watch)?;
    // A Hessian that is zero has no outliers; one direction is used for it all the same.
    let outliers = analysed.record.summary.outliers.count.max(1);
    let vectors = analysed.top(outliers).map(|(_, vectors)| vectors).ok();
    let k = vectors.as_ref().map_or(0, |v| v.columns);
    let inputs = if on_plane { plane.cell_centres(CELLS, CELLS) } else { problem.inputs().clone() };
    let classes = predict(&call.run(|| problem.classifier().outputs(problem.theta(), &inputs)));
    let signs = |vectors: &Matrix<f64>| {
        sign_encoding(&problem.alignments_at(&inputs, &ExampleLabels::Predicted, vectors), &classes)
    };
    let numbers = k * (2 * problem.n_params() + 3 * inputs.columns) + inputs.data.len();
    call.room(format!("the alignments of {k} eigenvectors"), (numbers * size_of::<f64>()) as f64, String::new)?;
    // A matrix of no directions, for every input.
    let nothing: Matrix<f64> = Matrix::zeros(0, classes.len());
    let encoding = vectors.as_ref().map_or_else(|| sign_encoding(&nothing, &classes), &signs);
    let mut stream = NumpyRandomState::new(0);
    let mut random = |_| {
        let data = (0..k * problem.n_params()).map(|_| stream.randn()).collect();
        let directions = Matrix { data, rows: problem.n_params(), columns: k };
        if k == 0 { encoding.accuracy } else { signs(&directions).accuracy }
    };
    let encoding_random = (0..DRAWS).map(&mut random).sum::<f64>() / DRAWS as f64;
    watch.begin(stage::BOUNDARY)?;
    let margin = match &vectors {
        Some(v) if margin_asked || quick => {
            Some(margin_estimate(&problem, v.column(0), &MarginOptions::default(), &mut watch)?)
        }
        _ => None,
    };
    watch.begin(stage::BOUNDARY)?;
    let candidates = match (quick, margin_asked) {
        (true, _) => (0..samples.n_samples()).collect(),
        (false, true) => least_certain(&problem.outputs()),
        (false, false) => vec![],
    };
    let distances = boundary_distances(&problem, &candidates, &mut watch)?;
    watch.begin(stage::BOUNDARY)?;
    let nearest = distances.into_iter().flatten().min_by(|a, b| a.distance.total_cmp(&b.distance));
    Ok(BoundaryRecord {
        name: experiment.name.clone(),
        stamp: stamp.clone(),
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

/// Operations that the margin takes: 16 descents of 20,000 steps.
fn margin_operations(network: &Network) -> f64 {
    let MarginOptions { starts, steps, .. } = MarginOptions::default();
    starts as f64 * steps as f64 * STEP * pass(network) as f64
}

/// Multiplications of a forward pass, those included that stand for the handling of images.
pub(crate) fn pass(network: &Network) -> usize {
    let simple = |layer: &Layer| match layer {
        Layer::Linear(linear) => linear.window.is_none(),
        Layer::Activation(_) | Layer::LogSoftmax => true,
        _ => false,
    };
    let handled = if network.layers().iter().all(simple) { 0 } else { HANDLED };
    network.multiplications() + handled * network.activation_size()
}

/// The samples whose two largest outputs are closest to each other. Where each distance takes thousands of passes, the
/// distance to the boundary is measured for these samples only.
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

#[cfg(test)]
mod tests {
    use super::*;
    use heigen::config::{Activation, ModelSpec, Sequential};

    #[test]
    fn the_margin_of_a_small_network_of_convolutions_took_more_than_a_minute_unasked() {
        let layers = r#"{"layers": [{"type": "conv2d", "out_channels": 3, "kernel_size": 3, "padding": 1},
            {"type": "tanh"}, {"type": "avgpool", "kernel_size": 2}, {"type": "flatten"},
            {"type": "linear", "out_features": 3}]}"#;
        let spec = ModelSpec::Sequential(Sequential::parse(layers, "arch.json").unwrap());
        let network = Network::build_for(&spec, &[2, 8, 8], 3).unwrap();
        assert!(network.multiplications() < 4_000 && margin_operations(&network) > 2.0 * QUICK);
        // The networks of the paper's plane are measured.
        let network = Network::fully_connected(&[2, 100, 100, 3], Activation::Relu).unwrap();
        assert!(margin_operations(&network) < QUICK);
    }
}

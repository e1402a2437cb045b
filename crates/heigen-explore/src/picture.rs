//! The picture of the samples at one moment, and of the plane where they lie in one.

use crate::ground::Ground;
use crate::protocol::{Array, View};
use heigen::analysis::decision_boundary;
use heigen::curvature::{ExampleLabels, Problem, ProblemError, Threads};
use heigen::linalg::Matrix;
use heigen::model::{Network, argmax};
use serde_json::{Value, json};
use std::sync::Arc;

/// How finely the plane is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fineness {
    /// While something moves.
    Quick,
    /// At rest.
    Fine,
}

/// The content of a picture.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted<'a> {
    /// The quantity that colours the plane.
    pub(crate) view: View,
    /// The eigenvector `[P]` that colours it, if `view` asks for one that is known.
    pub(crate) vector: Option<&'a [f64]>,
    /// The hidden layer of which small maps of all units are wanted.
    pub(crate) units: Option<usize>,
    /// How finely the plane is looked at.
    pub(crate) fineness: Fineness,
}

/// Multiplications that the network at the nodes, and the alignments in the cells, may take.
const QUICK: f64 = 4e7;
const FINE: f64 = 4e8;
/// Cells along each side of the small map of a unit.
pub(crate) const UNIT_CELLS: usize = 24;

/// A line of the boundary, in data coordinates.
pub(crate) type Line = Vec<[f64; 2]>;

/// A picture.
#[derive(Debug)]
pub(crate) struct Picture {
    /// Losses and accuracies of the training, test and validation samples; nothing for a part without samples.
    pub(crate) parts: Vec<Value>,
    /// The class of every sample by the network.
    pub(crate) predicted: Vec<u8>,
    /// The regions of the plane, where samples lie in one by their own features.
    pub(crate) regions: Option<Regions>,
    /// The colours, if something else than the classes gives them.
    pub(crate) colours: Option<Colours>,
    /// Small maps of all units of a layer.
    pub(crate) units: Option<Vec<u8>>,
}

/// The regions in which the network predicts the classes.
#[derive(Debug)]
pub(crate) struct Regions {
    /// Nodes along each side.
    pub(crate) nodes: usize,
    /// The predicted class at every node.
    pub(crate) classes: Vec<u8>,
    /// How certain the network is there, 0 to 255.
    pub(crate) certainty: Vec<u8>,
    /// The boundary.
    pub(crate) lines: Vec<Line>,
}

/// Numbers that colours stand for.
#[derive(Debug)]
pub(crate) struct Colours {
    /// Their kind.
    pub(crate) view: View,
    /// Cells along each side of the plane; 0 where there is no plane.
    pub(crate) cells: usize,
    /// The number in every cell.
    pub(crate) values: Vec<f32>,
    /// The number of every sample.
    pub(crate) of_samples: Vec<f32>,
}

impl Picture {
    /// The fields of its header, and its arrays.
    pub(crate) fn into_frame(self) -> (Value, Vec<(&'static str, Array)>) {
        let mut header = json!({ "parts": self.parts });
        let mut arrays = vec![("predicted", Array::U8(self.predicted))];
        if let Some(Regions { nodes, classes, certainty, lines }) = self.regions {
            header["nodes"] = nodes.into();
            let starts = lines.iter().scan(0, |next, line| {
                let start = *next;
                *next += line.len() as u32;
                Some(start)
            });
            arrays.extend([
                ("classes", Array::U8(classes)),
                ("certainty", Array::U8(certainty)),
                ("starts", Array::U32(starts.collect())),
                ("lines", Array::F32(lines.iter().flatten().flat_map(|p| p.map(|x| x as f32)).collect())),
            ]);
        }
        if let Some(Colours { view, cells, values, of_samples }) = self.colours {
            header["view"] = json!(view);
            header["cells"] = cells.into();
            if !values.is_empty() {
                arrays.push(("values", Array::F32(values)));
            }
            arrays.push(("of_samples", Array::F32(of_samples)));
        }
        if let Some(units) = self.units {
            header["unit_cells"] = UNIT_CELLS.into();
            arrays.push(("units", Array::U8(units)));
        }
        (header, arrays)
    }
}

/// The samples, and the plane if they lie in one, with the network at weights `theta` `[P]`.
pub(crate) fn picture(
    ground: &Ground,
    theta: &[f64],
    wanted: &Wanted<'_>,
    threads: &Threads,
) -> Result<Picture, ProblemError> {
    let budget = if wanted.fineness == Fineness::Quick { QUICK } else { FINE };
    let side = |cost: usize, low: f64, high: f64| (budget / cost.max(1) as f64).sqrt().clamp(low, high) as usize;
    let cost = ground.network.multiplications();
    let problem = problem::<f32>(ground, 0, theta, threads)?;
    let samples: Matrix<f32> = Matrix::from_f32(&ground.data.features, ground.data.n_features());
    let outputs = |at: &Matrix<f32>| threads.run(|| problem.classifier().outputs(problem.theta(), at));
    let predicted = outputs(&samples).iter_columns().map(|o| argmax(o) as u8).collect();
    let regions = ground.is_plane().then(|| {
        let nodes = side(cost, 61.0, 241.0);
        let outputs = outputs(&ground.plane.nodes(nodes, nodes));
        let lines = decision_boundary(&ground.plane, &outputs, nodes, nodes);
        let classes = outputs.iter_columns().map(|o| argmax(o) as u8).collect();
        let certainty = outputs.iter_columns().map(|o| (255.0 * certainty(o)).round() as u8).collect();
        Regions { nodes, classes, certainty, lines }
    });
    // The places that are coloured: the cells of the plane, if there is one.
    let cells_of = |side: usize| if ground.is_plane() { side } else { 0 };
    let colours = match (wanted.view, wanted.vector) {
        (View::Alignment { .. }, Some(vector)) => {
            let cells = cells_of(side(4 * ground.network.n_params(), 41.0, 121.0));
            let direction = Matrix { data: vector.iter().map(|&v| v as f32).collect(), rows: vector.len(), columns: 1 };
            let all = |at: &Matrix<f32>| problem.alignments_at(at, &ExampleLabels::Predicted, &direction).data;
            let values = if cells > 0 { all(&ground.plane.cell_centres(cells, cells)) } else { vec![] };
            Some(Colours { view: wanted.view, cells, values, of_samples: all(&samples) })
        }
        (View::Unit { layer, unit }, _) => {
            front(ground, theta, layer).filter(|(front, _)| unit < front.n_outputs()).map(|(front, own)| {
                let cells = cells_of(side(cost, 61.0, 161.0));
                let all = |at: &Matrix<f32>| -> Vec<f32> {
                    threads.run(|| front.outputs(&own, at)).iter_columns().map(|o| o[unit]).collect()
                };
                let values = if cells > 0 { all(&ground.plane.cell_centres(cells, cells)) } else { vec![] };
                Colours { view: wanted.view, cells, values, of_samples: all(&samples) }
            })
        }
        _ => None,
    };
    let layer = wanted.units.filter(|_| ground.is_plane());
    let units = layer.and_then(|layer| front(ground, theta, layer)).map(|(front, own)| {
        let cells = ground.plane.cell_centres(UNIT_CELLS, UNIT_CELLS);
        small_maps(&threads.run(|| front.outputs(&own, &cells)))
    });
    Ok(Picture { parts: measures(ground, theta, threads)?, predicted, regions, colours, units })
}

/// Losses and accuracies of the training, test and validation samples; nothing for a part without samples.
fn measures(ground: &Ground, theta: &[f64], threads: &Threads) -> Result<Vec<Value>, ProblemError> {
    (0..3)
        .map(|part| {
            if ground.sets[part].n_samples() == 0 {
                return Ok(Value::Null);
            }
            let problem = problem::<f64>(ground, part, theta, threads)?;
            Ok(json!({ "loss": problem.loss(), "accuracy": problem.accuracy() }))
        })
        .collect()
}

/// The problem of one part of the samples at weights `theta` `[P]`.
pub(crate) fn problem<T: heigen::linalg::Scalar>(
    ground: &Ground,
    part: usize,
    theta: &[f64],
    threads: &Threads,
) -> Result<Problem<'static, T>, ProblemError> {
    let network = Arc::clone(&ground.network);
    Ok(Problem::new(network, theta, &ground.sets[part], ground.experiment.objective())?.on(threads.clone()))
}

/// How sure the network is of its class against the second one, 0 to 1: tanh of half the difference of their outputs, which for
/// two classes is the difference of their probabilities.
fn certainty(outputs: &[f32]) -> f32 {
    let best = argmax(outputs);
    let others = outputs.iter().enumerate().filter(|(class, _)| *class != best).map(|(_, &o)| o);
    let second = others.fold(f32::NEG_INFINITY, f32::max);
    ((outputs[best] - second) / 2.0).tanh()
}

/// The network that ends with the inputs of the activations of a hidden layer, and its weights.
fn front(ground: &Ground, theta: &[f64], layer: usize) -> Option<(Network, Vec<f32>)> {
    let (widths, activation) = ground.widths.as_ref()?;
    let hidden = layer.checked_add(2).filter(|&end| end < widths.len())?;
    let front = Network::fully_connected(widths.get(..hidden)?, *activation).ok()?;
    // Parameters stand layer after layer, so those of the first layers come first.
    let own = theta.get(..front.n_params())?.iter().map(|&w| w as f32).collect();
    Some((front, own))
}

/// A small map of every unit from outputs [units, cells]: 128 where the output is 0, 1 and 255 at the largest magnitude.
fn small_maps(outputs: &Matrix<f32>) -> Vec<u8> {
    let map = |unit: usize| {
        let values: Vec<f32> = outputs.iter_columns().map(|o| o[unit]).collect();
        let largest = values.iter().fold(1e-12f32, |most, v| most.max(v.abs()));
        values.into_iter().map(move |v| (128.0 + 127.0 * v / largest).round() as u8)
    };
    (0..outputs.rows).flat_map(map).collect()
}

//! The picture of the plane at one moment.

use crate::ground::Ground;
use crate::protocol::{Array, View};
use heigen::analysis::{Rule, decision_boundary, per_vector};
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

/// Multiplications that the network at the nodes, and the alignments in the cells, may take.
const QUICK: f64 = 4e7;
const FINE: f64 = 4e8;

/// A picture: the fields of its header, and its arrays.
pub(crate) type Picture = (Value, Vec<(&'static str, Array)>);

/// The plane with the network at weights `theta` `[P]`; `vector` `[P]` is the eigenvector that colours it, if `view` asks for one.
pub(crate) fn picture(
    ground: &Ground,
    theta: &[f64],
    view: View,
    vector: Option<&[f64]>,
    fineness: Fineness,
    threads: &Threads,
) -> Result<Picture, ProblemError> {
    let budget = if fineness == Fineness::Quick { QUICK } else { FINE };
    let side = |cost: usize, low: f64, high: f64| (budget / cost.max(1) as f64).sqrt().clamp(low, high) as usize;
    let network = &ground.network;
    let problem = problem::<f32>(ground, 0, theta, threads)?;
    let nodes = side(network.multiplications(), 61.0, 241.0);
    let points: Matrix<f32> = ground.plane.nodes(nodes, nodes);
    let outputs = threads.run(|| problem.classifier().outputs(problem.theta(), &points));
    let lines = decision_boundary(&ground.plane, &outputs, nodes, nodes);
    let classes = outputs.iter_columns().map(|o| argmax(o) as u8).collect();
    let certainty = outputs.iter_columns().map(|o| (255.0 * certainty(o)).round() as u8).collect();
    let starts = lines.iter().scan(0, |next, line| {
        let start = *next;
        *next += line.len() as u32;
        Some(start)
    });
    let mut header = json!({ "nodes": nodes, "parts": measures(ground, theta, threads)? });
    let mut arrays = vec![
        ("classes", Array::U8(classes)),
        ("certainty", Array::U8(certainty)),
        ("starts", Array::U32(starts.collect())),
        ("lines", Array::F32(lines.iter().flatten().flat_map(|p| p.map(|x| x as f32)).collect())),
    ];
    match (view, vector) {
        (View::Alignment { vector: index }, Some(vector)) => {
            let cells = side(4 * network.n_params(), 41.0, 121.0);
            let direction = Matrix { data: vector.iter().map(|&v| v as f32).collect(), rows: vector.len(), columns: 1 };
            let all = |at: &Matrix<f32>| problem.alignments_at(at, &ExampleLabels::Predicted, &direction);
            let samples = all(&Matrix::from_f32(&ground.data.features, 2));
            header["view"] =
                json!({ "by": "alignment", "vector": index, "largest": per_vector(&samples, Rule::Max)[0] });
            header["cells"] = cells.into();
            arrays.push(("values", Array::F32(all(&ground.plane.cell_centres(cells, cells)).data)));
            arrays.push(("of_samples", Array::F32(samples.data)));
        }
        (View::Unit { layer, unit }, _) => {
            if let Some(values) =
                unit_values(ground, theta, layer, unit, side(network.multiplications(), 61.0, 161.0), threads)
            {
                header["view"] = json!({ "by": "unit", "layer": layer, "unit": unit });
                header["cells"] = values.1.into();
                arrays.push(("values", Array::F32(values.0)));
            }
        }
        _ => {}
    }
    Ok((header, arrays))
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

/// The inputs of the activation of a unit on `cells` by `cells` cells: the outputs of the network that ends there.
fn unit_values(
    ground: &Ground,
    theta: &[f64],
    layer: usize,
    unit: usize,
    cells: usize,
    threads: &Threads,
) -> Option<(Vec<f32>, usize)> {
    let (widths, activation) = ground.widths.as_ref()?;
    let front = Network::fully_connected(widths.get(..layer.checked_add(2)?)?, *activation).ok()?;
    if unit >= front.n_outputs() || layer + 2 >= widths.len() {
        return None;
    }
    // Parameters stand layer after layer, so those of the first layers come first.
    let own: Vec<f32> = theta.get(..front.n_params())?.iter().map(|&w| w as f32).collect();
    let points: Matrix<f32> = ground.plane.cell_centres(cells, cells);
    let outputs = threads.run(|| front.outputs(&own, &points));
    Some((outputs.iter_columns().map(|o| o[unit]).collect(), cells))
}

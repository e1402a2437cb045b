//! Figure 1, of networks with one input.

use super::{Drawing, Shown};
use crate::LabError;
use crate::call::Call;
use crate::prepare::Prepared;
use heigen::analysis::{SurfaceGrid, cluster_order};
use heigen::config::DatasetSpec;
use heigen::curvature::{ExampleLabels, Problem, Watch};
use heigen::linalg::Matrix;
use heigen::model::predict;
use heigen_figures::{InputLine, LossSurface};
use heigen_store::catalogue::Loaded;

/// Number of inputs at which the network is evaluated.
const INPUTS: usize = 231;
/// Number of steps along each direction of the loss surface.
pub(crate) const STEPS: usize = 100;
/// Number of eigenvectors: v_1 and v_2, as in the paper.
const VECTORS: usize = 2;

/// Accepts networks of one feature only.
pub(super) fn check(call: &Call, loaded: &Loaded, figure: &str) -> Result<(), LabError> {
    let prepared = Prepared::new(call, &loaded.experiment)?;
    prepared.need_classes(&loaded.experiment)?;
    let features = prepared.samples.data.n_features();
    if features != 1 {
        return Err(LabError::Features {
            name: loaded.experiment.name.clone(),
            got: features,
            wanted: format!("figure {figure} shows networks of one, e.g. intro1D/normal_training"),
        });
    }
    Ok(())
}

pub(super) fn line(call: &Call, shown: &Shown) -> Result<InputLine, LabError> {
    let Shown { loaded, analysed, .. } = shown;
    let samples = &analysed.samples;
    let network = &analysed.prepared.network;
    let problem: Problem<f64> = call.problem(network, &analysed.theta, samples, analysed.objective.clone())?;
    let (_, vectors) = analysed.top(VECTORS)?;
    let [low, high] = range(&loaded.experiment.dataset, &samples.features);
    let x: Vec<f64> = (0..INPUTS).map(|i| low + (high - low) * i as f64 / (INPUTS - 1) as f64).collect();
    let inputs = Matrix { data: x.clone(), rows: 1, columns: INPUTS };
    let outputs = call.run(|| problem.classifier().outputs(problem.theta(), &inputs));
    let predicted = predict(&outputs);
    let (boundaries, regions) = regions(&x, &outputs, &predicted);

    let p = problem.n_params();
    // The rows are ordered by the distances of all pairs, beside the gradients in two orders.
    let numbers = p as f64 * (0.5 * p as f64 + 3.0 * INPUTS as f64);
    call.room(format!("the distances of all pairs of {p} parameters"), 8.0 * numbers, String::new)?;
    let mut gradients = problem.example_gradients_at(&inputs, &ExampleLabels::Predicted);
    for n in 0..gradients.columns {
        let column = gradients.column_mut(n);
        let norm = column.iter().map(|g| g * g).sum::<f64>().sqrt();
        column.iter_mut().for_each(|g| *g = if norm > 1e-20 { *g / norm } else { 0.0 });
    }
    let parameters = Matrix::from_fn(gradients.columns, gradients.rows, |n, p| gradients.column(n)[p]);
    let order = cluster_order(&parameters);
    let alignments = problem.alignments_at(&inputs, &ExampleLabels::Predicted, &vectors);
    let row = |m: &Matrix<f64>, i: usize| m.iter_columns().map(|c| c[i]).collect::<Vec<f64>>();
    Ok(InputLine {
        x_range: [low, high],
        logits: (0..outputs.rows).map(|c| row(&outputs, c)).collect(),
        boundaries,
        regions,
        gradients: order.iter().flat_map(|&p| parameters.column(p).iter().copied()).collect(),
        eigenvectors: vectors.iter_columns().map(|v| order.iter().map(|&p| v[p]).collect()).collect(),
        alignments: (0..alignments.rows).map(|i| row(&alignments, i)).collect(),
        points: samples.features.iter().map(|&v| f64::from(v)).collect(),
        classes: samples.labels.clone(),
        class_names: (0..samples.n_classes).map(|c| c.to_string()).collect(),
        eigenvalues: analysed.eigenvalues()?.to_vec(),
        outliers: analysed.record.summary.outliers.count,
        surface: surface(&problem, &vectors, STEPS, &mut call.job(&shown.loaded.experiment.name))?,
        x,
    })
}

/// The part of the axis that is shown: the paper's, or the range of the samples where the paper shows none.
fn range(dataset: &DatasetSpec, features: &[f32]) -> [f64; 2] {
    if matches!(dataset, DatasetSpec::Intro {}) {
        return [0.35, 1.5];
    }
    let values = features.iter().map(|&v| f64::from(v));
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
    let margin = 0.1 * (high - low).max(1e-6);
    [low - margin, high + margin]
}

/// The inputs at which the predicted class changes, and the class of each region between them. Between two inputs of
/// the grid, the change is where the lines through the two logits meet.
fn regions(x: &[f64], outputs: &Matrix<f64>, predicted: &[usize]) -> (Vec<f64>, Vec<usize>) {
    let (mut boundaries, mut regions) = (Vec::new(), vec![predicted[0]]);
    for i in 1..x.len() {
        let (a, b) = (predicted[i - 1], predicted[i]);
        if a != b {
            let lead = |n: usize| outputs.column(n)[a] - outputs.column(n)[b];
            let (before, after) = (lead(i - 1), lead(i));
            let t = if before - after > 0.0 { before / (before - after) } else { 0.5 };
            boundaries.push(x[i - 1] + t * (x[i] - x[i - 1]));
            regions.push(b);
        }
    }
    (boundaries, regions)
}

/// The loss over the plane that the first two of `vectors` span.
fn surface(
    problem: &Problem<f64>,
    vectors: &Matrix<f64>,
    steps: usize,
    watch: &mut dyn Watch,
) -> Result<LossSurface, LabError> {
    if vectors.columns < 2 {
        return Err(LabError::OnePositiveEigenvalue);
    }
    let grid = SurfaceGrid::square(1.0, steps);
    let losses = heigen::analysis::loss_surface(problem, [vectors.column(0), vectors.column(1)], &grid, watch)?.losses;
    let rows = (0..steps).flat_map(|i| losses.iter_columns().map(move |c| c[i]));
    Ok(LossSurface {
        a_range: [-1.0, 1.0],
        b_range: [-1.0, 1.0],
        grid: grid.n,
        losses: rows.collect(),
        minimum: Some([0.0, 0.0, problem.loss()]),
        logarithmic: false,
    })
}

/// The loss surface of any network.
pub(super) fn surface_of(call: &Call, shown: &Shown, how: &Drawing) -> Result<LossSurface, LabError> {
    let analysed = &shown.analysed;
    let problem: Problem<f64> =
        call.problem(&analysed.prepared.network, &analysed.theta, &analysed.samples, analysed.objective.clone())?;
    let steps = how.surface.steps.unwrap_or(STEPS);
    surface(&problem, &analysed.top(VECTORS)?.1, steps, &mut call.job(&shown.loaded.experiment.name))
}

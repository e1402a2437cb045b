//! Neural collapse: how the outputs of each class gather around their mean, and inputs whose output is that mean.

use super::solve::{distance, dot, solve_positive};
use crate::curvature::{Problem, Stopped, Watch};
use crate::linalg::{Matrix, Scalar};
use crate::model::{Network, Pool};

/// Means and standard deviations of the outputs of each class.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassStatistics {
    /// Number of samples of each class.
    pub counts: Vec<usize>,
    /// Mean output of each class, [C, classes]; 0 for a class without samples.
    pub means: Matrix<f64>,
    /// Standard deviation of each output in each class, [C, classes]; 0 for a class without samples.
    pub standard_deviations: Matrix<f64>,
}

/// Why statistics or an input were refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CollapseError {
    /// The watch asked the search to stop.
    #[error(transparent)]
    Stopped(#[from] Stopped),
    /// A label is out of range.
    #[error("sample {sample} has label {label}, but there are {classes} classes")]
    Label {
        /// The index of the sample.
        sample: usize,
        /// The label of the sample.
        label: usize,
        /// Number of classes.
        classes: usize,
    },
    /// The number of labels is not the number of samples.
    #[error("there are {labels} labels for the outputs of {outputs} samples")]
    Labels {
        /// Number of labels.
        labels: usize,
        /// Number of columns of the outputs.
        outputs: usize,
    },
    /// The target has another length than the network has outputs.
    #[error("the network has {wanted} outputs, the target has {got}")]
    Target {
        /// Length of the target.
        got: usize,
        /// Number of outputs.
        wanted: usize,
    },
    /// The starting points have another number of features than the network takes.
    #[error("the network takes {wanted} features, the starting points have {got}")]
    Features {
        /// Number of rows of the starting points.
        got: usize,
        /// Number of inputs of the network.
        wanted: usize,
    },
    /// There are no starting points.
    #[error("there are no starting points; expected at least one, e.g. a training sample")]
    NoStarts,
}

/// Mean and standard deviation of the outputs of each class: as training goes on, the deviations shrink towards 0
/// ("variability collapse").
///
/// # Shapes
/// `outputs` [C, N], `labels` `[N]` in 0..`n_classes`; results [C, `n_classes`].
///
/// # Units
/// Standard deviations divide by the number of samples of the class (`numpy.std`), in two passes.
///
/// # Errors
/// [`CollapseError`] if labels and outputs do not go together.
///
/// # References
/// Papyan, Han, Donoho, arXiv:2008.08186 (NC1).
pub fn class_statistics<T: Scalar>(
    outputs: &Matrix<T>,
    labels: &[usize],
    n_classes: usize,
) -> Result<ClassStatistics, CollapseError> {
    if labels.len() != outputs.columns {
        return Err(CollapseError::Labels { labels: labels.len(), outputs: outputs.columns });
    }
    if let Some(sample) = labels.iter().position(|&y| y >= n_classes) {
        return Err(CollapseError::Label { sample, label: labels[sample], classes: n_classes });
    }
    let mut counts = vec![0usize; n_classes];
    labels.iter().for_each(|&y| counts[y] += 1);
    let averaged = |value: &dyn Fn(usize, usize, f64) -> f64| {
        let mut sums: Matrix<f64> = Matrix::zeros(outputs.rows, n_classes);
        for (o, &y) in outputs.iter_columns().zip(labels) {
            sums.column_mut(y).iter_mut().zip(o).enumerate().for_each(|(c, (s, o))| *s += value(c, y, o.to_f64()));
        }
        for (y, &count) in counts.iter().enumerate() {
            sums.column_mut(y).iter_mut().for_each(|s| *s /= count.max(1) as f64);
        }
        sums
    };
    let means: Matrix<f64> = averaged(&|_, _, o| o);
    let mut standard_deviations: Matrix<f64> = averaged(&|c, y, o: f64| (o - means.column(y)[c]).powi(2));
    standard_deviations.data.iter_mut().for_each(|s| *s = s.sqrt());
    Ok(ClassStatistics { counts, means, standard_deviations })
}

/// An input whose output is as close as possible to a given one.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct InputOfOutput {
    /// The input, `[d]`.
    pub x: Vec<f64>,
    /// |f(x) - target|: 0 up to rounding if the output is the target, else the smallest value that was reached.
    pub residual: f64,
    /// The index of the starting point that led to this input.
    pub start: usize,
    /// Steps from the starting point to this input.
    pub steps: usize,
}

/// The largest number of steps from one starting point.
const STEPS: usize = 500;
/// A residual that is this small, relative to the target (or to 1), is rounding.
const ROUNDING: f64 = 1e-13;
/// The damping, relative to the largest diagonal entry of J J^T: at the start, and where the search gives up because no
/// step helps any more.
const FIRST_DAMPING: f64 = 1e-3;
const LAST_DAMPING: f64 = 1e12;

/// An input whose output is `target`, e.g. the mean output of a class: minimises |f(x) - target|^2 over x from each of
/// the `starts`, and returns the one with the least residual (the first of equals).
///
/// Damped Gauss-Newton (Levenberg, Marquardt) with the exact Jacobian J [C, d]: dx = -J^T (J J^T + mu I)^-1 (f - target),
/// mu divided by 3 after a step that helped, multiplied by 4 after one that did not. Where the outputs have less freedom
/// than C numbers (d < C, or target out of range) the residual stays above zero.
///
/// # Shapes
/// `target` `[C]`, `starts` [d, M], e.g. the samples of the class; the problem's samples and loss play no part.
///
/// # Cost
/// C forward and reverse passes a step. `watch` is told after every start.
///
/// # Errors
/// [`CollapseError`] for a target or starts of another size, or no starts, and if `watch` breaks.
///
/// # References
/// Marquardt, J. SIAM 11 (1963), 431, doi:10.1137/0111030.
pub fn input_of_output(
    problem: &Problem<'_, f64>,
    target: &[f64],
    starts: &Matrix<f64>,
    watch: &mut dyn Watch,
) -> Result<InputOfOutput, CollapseError> {
    let (network, theta) = (problem.classifier(), problem.theta());
    if target.len() != network.n_outputs() {
        return Err(CollapseError::Target { got: target.len(), wanted: network.n_outputs() });
    }
    if starts.rows != network.n_inputs() {
        return Err(CollapseError::Features { got: starts.rows, wanted: network.n_inputs() });
    }
    let mut pool = Pool::new();
    let mut best: Option<InputOfOutput> = None;
    let small = ROUNDING * dot(target, target).sqrt().max(1.0);
    for start in 0..starts.columns {
        let (x, residual, steps) = descend(network, theta, target, starts.column(start), small, &mut pool);
        if best.as_ref().is_none_or(|b| residual < b.residual) {
            best = Some(InputOfOutput { x, residual, start, steps });
        }
        watch.tell("inputs of an output", start as u64 + 1, Some(starts.columns as u64), "starts")?;
        if residual <= small {
            break;
        }
    }
    best.ok_or(CollapseError::NoStarts)
}

/// The descent from one starting point: returns the input, its residual and the number of steps.
fn descend(
    network: &Network,
    theta: &[f64],
    target: &[f64],
    start: &[f64],
    small: f64,
    pool: &mut Pool<f64>,
) -> (Vec<f64>, f64, usize) {
    let (classes, d) = (target.len(), start.len());
    let mut x = start.to_vec();
    let mut damping = FIRST_DAMPING;
    let mut steps = 0;
    // Column c of the batch becomes row c of J.
    let mut at = |x: &[f64]| {
        let copies = Matrix { data: x.repeat(classes), rows: d, columns: classes };
        network.input_gradients(theta, &copies, pool, |c, _, s| {
            s.fill(0.0);
            s[c] = 1.0;
        })
    };
    let (outputs, mut rows) = at(&x);
    let mut output = outputs.column(0).to_vec();
    let mut residual = distance(&output, target);
    while steps < STEPS && residual > small && damping < LAST_DAMPING {
        steps += 1;
        let mut gram = rows.gram();
        let largest = (0..classes).map(|c| gram.data[c + c * classes]).fold(0.0, f64::max);
        (0..classes).for_each(|c| gram.data[c + c * classes] += damping * largest);
        let missing = target.iter().zip(&output).map(|(t, o)| t - o).collect();
        let Some(weights) = solve_positive(gram.data, missing) else {
            damping *= 4.0;
            continue;
        };
        let mut candidate = x.clone();
        for (row, w) in rows.iter_columns().zip(weights) {
            candidate.iter_mut().zip(row).for_each(|(x, j)| *x += w * j);
        }
        let (outputs, slopes) = at(&candidate);
        let reached = distance(outputs.column(0), target);
        if reached < residual {
            (x, rows, residual) = (candidate, slopes, reached);
            output.copy_from_slice(outputs.column(0));
            damping = (damping / 3.0).max(f64::EPSILON);
        } else {
            damping *= 4.0;
        }
    }
    (x, residual, steps)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::curvature::WatchFn;
    use crate::vocabulary::{Activation, LossKind};
    use std::ops::ControlFlow;

    #[test]
    fn statistics_of_known_outputs() {
        let outputs = Matrix { data: vec![1.0f32, 2.0, 3.0, 2.0, 10.0, -1.0], rows: 2, columns: 3 };
        let got = class_statistics(&outputs, &[0, 0, 2], 3).unwrap();
        assert_eq!(got.counts, [2, 0, 1]);
        assert_eq!(got.means.data, [2.0, 2.0, 0.0, 0.0, 10.0, -1.0]);
        assert_eq!(got.standard_deviations.data, [1.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
        let error = class_statistics(&outputs, &[0, 0, 2], 2).unwrap_err();
        assert_eq!(error.to_string(), "sample 2 has label 2, but there are 2 classes");
        assert!(class_statistics(&outputs, &[0, 0], 2).is_err());
    }

    fn problem<'a>(network: &'a Network, theta: &[f64]) -> Problem<'a, f64> {
        let x = Matrix::zeros(network.n_inputs(), 1);
        Problem::at(network, theta.to_vec(), x, vec![0], LossKind::CrossEntropy).unwrap()
    }

    fn network(widths: &[usize], activation: Activation) -> (Network, Vec<f64>) {
        let network = Network::fully_connected(widths, activation).unwrap();
        let theta = (0..network.n_params()).map(|i| 1.3 * (i as f64 * 2.399 + 0.1 * (i * i) as f64).sin()).collect();
        (network, theta)
    }

    #[test]
    fn outputs_of_known_inputs_are_met_again() {
        for activation in [Activation::Sigmoid, Activation::Relu] {
            let (network, theta) = network(&[4, 20, 15, 3], activation);
            let starts = Matrix::from_fn(4, 6, |i, j| 1.5 * (i as f64 * 4.1 + j as f64 * 1.3).sin());
            for k in 0..5 {
                let x = Matrix::from_fn(4, 1, |i, _| (i as f64 + 0.37 * f64::from(k)).cos());
                let target = network.outputs(&theta, &x).data;
                let got = input_of_output(&problem(&network, &theta), &target, &starts, &mut ()).unwrap();
                let reached = network.outputs(&theta, &Matrix { data: got.x.clone(), rows: 4, columns: 1 }).data;
                assert!(distance(&reached, &target) < 1e-9, "{activation:?} {got:?}");
                assert!((distance(&reached, &target) - got.residual).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn a_linear_network_with_too_few_inputs_gives_least_squares() {
        // f(x) = (x, 2 x): the point nearest to (1, 0) is x = 1/5, at distance 2 / sqrt(5).
        let network = Network::fully_connected(&[1, 2], Activation::Relu).unwrap();
        let theta = [1.0, 2.0, 0.0, 0.0];
        let starts = Matrix { data: vec![7.0], rows: 1, columns: 1 };
        let got = input_of_output(&problem(&network, &theta), &[1.0, 0.0], &starts, &mut ()).unwrap();
        let mut stop = WatchFn(|_| ControlFlow::Break(()));
        let stopped = input_of_output(&problem(&network, &theta), &[1.0, 0.0], &starts, &mut stop);
        assert_eq!(stopped, Err(CollapseError::Stopped(Stopped)));
        assert!((got.x[0] - 0.2).abs() < 1e-6 && (got.residual - 2.0 / 5f64.sqrt()).abs() < 1e-12, "{got:?}");
        assert_eq!(
            input_of_output(&problem(&network, &theta), &[1.0, 0.0], &Matrix::zeros(1, 0), &mut ()),
            Err(CollapseError::NoStarts)
        );
        assert!(input_of_output(&problem(&network, &theta), &[1.0], &starts, &mut ()).is_err());
        let wrong = input_of_output(&problem(&network, &theta), &[1.0, 0.0], &Matrix::zeros(2, 1), &mut ());
        assert_eq!(wrong, Err(CollapseError::Features { got: 2, wanted: 1 }));
    }
}

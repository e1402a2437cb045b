//! Why weights may be no minimum of a loss: likely causes, found by trying them.

use crate::curvature::Problem;
use crate::linalg::Matrix;
use crate::model::predict;
use crate::vocabulary::{Decay, LossKind, Objective, Targets};

/// Something that the training may have had and the analysis lacks, and what it would change.
#[derive(Clone, Debug, PartialEq)]
pub struct LikelyCause {
    /// What is different.
    pub cause: Cause,
    /// The norm of the gradient with it.
    pub grad_norm: f64,
    /// The loss with it.
    pub loss: f64,
    /// The fraction of samples that is classified correctly with it.
    pub accuracy: Option<f64>,
    /// The norm of the gradient with it as a fraction of that without it, both in units of the gradients of single samples,
    /// so that losses of other scales can be compared.
    pub remaining: f64,
}

/// A difference between training and analysis.
#[derive(Clone, Debug, PartialEq)]
pub enum Cause {
    /// Training minimised another kind of loss.
    Loss(LossKind),
    /// Training smoothed the labels, by about this number: the one for which the gradient is smallest.
    LabelSmoothing(f64),
    /// Training had weight decay mu of about this number: -<g, theta> / |theta|^2, for which |g + mu theta| is smallest.
    WeightDecay(f64),
    /// Training shifted and scaled the features to mean 0 and standard deviation 1.
    Standardization,
    /// The outputs stand for classes in another order: entry c is the output that samples of class c have largest.
    ClassOrder(Vec<usize>),
}

/// A cause must take the gradient, in units of those of single samples, below this fraction of what it is.
const REMAINING: f64 = 0.5;
/// Another order of the classes must classify at least this many more of the samples correctly.
const ACCURACY: f64 = 0.2;

/// Likely causes that the gradient of a problem is not small, the most likely first: other losses, label smoothing, weight
/// decay, features that were standardised, and classes in another order. Each is tried alone.
///
/// # Cost
/// About twenty passes through all samples.
pub fn likely_causes(problem: &Problem<'_, f64>) -> Vec<LikelyCause> {
    let gradient = problem.gradient();
    let before = in_units_of_samples(problem, &gradient);
    let mut found: Vec<LikelyCause> = objectives(problem, &gradient)
        .into_iter()
        .filter_map(|(cause, objective)| tried(cause, &problem.with_objective(objective).ok()?, before))
        .filter(|cause| cause.remaining < REMAINING)
        .collect();
    let (accuracy, loss) = (problem.accuracy(), problem.loss());
    let other_samples = |inputs: Matrix<f64>, targets: Targets| {
        let (theta, objective) = (problem.theta().to_vec(), problem.objective().clone());
        Problem::at(problem.network(), theta, inputs, targets, objective).ok()
    };
    let standardised = other_samples(standardised(problem.inputs()), problem.targets().clone());
    let standardised = standardised.and_then(|other| tried(Cause::Standardization, &other, before));
    found.extend(standardised.filter(|other| other.remaining < REMAINING && other.loss < loss));
    if let Some((classes, order)) = order_of_classes(problem) {
        let labels: Vec<usize> = classes.iter().map(|&y| order[y]).collect();
        let reordered = other_samples(problem.inputs().clone(), labels.into());
        let reordered = reordered.and_then(|other| tried(Cause::ClassOrder(order), &other, before));
        found.extend(reordered.filter(|other| other.accuracy.unwrap_or(0.0) >= accuracy.unwrap_or(0.0) + ACCURACY));
    }
    found.sort_by(|a, b| a.remaining.total_cmp(&b.remaining));
    found
}

/// The objectives that are tried.
fn objectives(problem: &Problem<'_, f64>, gradient: &[f64]) -> Vec<(Cause, Objective)> {
    let own = problem.objective();
    let mut all = Vec::new();
    let others: &[LossKind] = match problem.targets() {
        Targets::Classes(_) => &[LossKind::CrossEntropy, LossKind::Mse, LossKind::Hinge],
        Targets::Positions { .. } => &[LossKind::CrossEntropy],
        Targets::Real { .. } => &[LossKind::Mse, LossKind::L1, LossKind::Huber],
    };
    for &loss in others {
        // Of log-probabilities, cross-entropy and the negative log-likelihood are one function, and so are the binary
        // cross-entropy and the cross-entropy of its two logits.
        let one_function = matches!(own.loss, LossKind::Nll | LossKind::BinaryCrossEntropy);
        if loss != own.loss && !(one_function && loss == LossKind::CrossEntropy) {
            let (reduction, decay) = (own.reduction, own.decay.clone());
            all.push((Cause::Loss(loss), Objective { reduction, decay, ..loss.into() }));
        }
    }
    let logits = matches!(own.loss, LossKind::CrossEntropy | LossKind::Nll) && own.smoothing == 0.0;
    let logits = logits && matches!(problem.targets(), Targets::Classes(_) | Targets::Positions { .. });
    let smoothed = |smoothing| Objective { loss: LossKind::CrossEntropy, smoothing, ..own.clone() };
    if let (true, Ok(whole)) = (logits, problem.with_objective(smoothed(1.0))) {
        // The gradient is linear in the smoothing.
        let change: Vec<f64> = whole.gradient().iter().zip(gradient).map(|(whole, none)| whole - none).collect();
        let smoothing = -dot(gradient, &change) / dot(&change, &change);
        if smoothing > 0.0 && smoothing <= 1.0 {
            all.push((Cause::LabelSmoothing(smoothing), smoothed(smoothing)));
        }
    }
    let mu = -dot(gradient, problem.theta()) / dot(problem.theta(), problem.theta());
    if own.mu() == 0.0 && mu > 0.0 && mu.is_finite() {
        all.push((Cause::WeightDecay(mu), Objective { decay: Some(Decay::of_all(mu)), ..own.clone() }));
    }
    all
}

/// What a problem with the cause taken in has; `None` for numbers that are no numbers.
fn tried(cause: Cause, problem: &Problem<'_, f64>, before: f64) -> Option<LikelyCause> {
    let gradient = problem.gradient();
    let remaining = in_units_of_samples(problem, &gradient) / before;
    let (grad_norm, loss, accuracy) = (dot(&gradient, &gradient).sqrt(), problem.loss(), problem.accuracy());
    remaining.is_finite().then_some(LikelyCause { cause, grad_norm, loss, accuracy, remaining })
}

/// |g| over the root mean square of the gradients of single samples.
fn in_units_of_samples(problem: &Problem<'_, f64>, gradient: &[f64]) -> f64 {
    dot(gradient, gradient).sqrt() / problem.mean_squared_gradient().sqrt() / problem.n_samples_reduced()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Every feature shifted and scaled to mean 0 and standard deviation 1; constant features are only shifted.
fn standardised(inputs: &Matrix<f64>) -> Matrix<f64> {
    let n = inputs.columns as f64;
    let mut mean = vec![0.0; inputs.rows];
    inputs.iter_columns().for_each(|x| mean.iter_mut().zip(x).for_each(|(m, x)| *m += x / n));
    let mut variance = vec![0.0; inputs.rows];
    for x in inputs.iter_columns() {
        variance.iter_mut().zip(x.iter().zip(&mean)).for_each(|(v, (x, m))| *v += (x - m).powi(2) / n);
    }
    let scale = |i: usize| if variance[i] > 0.0 { variance[i].sqrt() } else { 1.0 };
    Matrix::from_fn(inputs.rows, inputs.columns, |i, j| (inputs.column(j)[i] - mean[i]) / scale(i))
}

/// For every class the output that most of its samples have largest, if that is a permutation of the classes other than the
/// identity.
fn order_of_classes<'a>(problem: &'a Problem<'_, f64>) -> Option<(&'a [usize], Vec<usize>)> {
    let labels = problem.classes()?;
    let classes = problem.network().n_outputs();
    let mut counts = vec![vec![0usize; classes]; classes];
    let predicted = predict(&problem.outputs());
    labels.iter().zip(&predicted).for_each(|(&y, &p)| counts[y][p] += 1);
    let most = |row: &Vec<usize>| (0..classes).max_by_key(|&c| (row[c], classes - c)).unwrap_or(0);
    let order: Vec<usize> = counts.iter().map(most).collect();
    let mut sorted = order.clone();
    sorted.sort_unstable();
    let permutation = sorted.iter().copied().eq(0..classes);
    (permutation && order.iter().enumerate().any(|(c, &output)| c != output)).then_some((labels, order))
}
